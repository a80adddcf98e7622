# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind the references in a text that the controller wrote. Private to the collection.

The controller knows secrets by their tokens alone. Where it wants one at another place it writes the token, and the
host puts in what stands behind it:

- ``<secret:9f2c1a>``: the value of a token that the host's own files have;
- ``<secret:9f2c1a:percent>``: the same, percent-encoded for a URL;
- ``<given:NAME>``: a value that the caller hands to the module;
- ``<random:32>``: so many new random characters;
- ``<value:NAME>``: what the plan of an upgrade says how to come by (``_values.py``).
"""

from __future__ import annotations

import re
import secrets
import typing as t
import urllib.parse

from ansible_collections.fastgpt.ops.plugins.module_utils._edits import EditError
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import TOKEN, Tokeniser

REFERENCE = re.compile(
    r"(?P<token><secret:[0-9a-f]{6})(?P<percent>:percent)?>|<given:(?P<given>[A-Za-z_]\w*)>|<random:(?P<length>\d{1,3})>"
    r"|<value:(?P<value>[\w.-]+)>"
)
_NEEDS_QUOTES = re.compile(r"[\s\"'\\#$`]|:$")
"""What a value must not hold to mean the same plain, in YAML quotes of both kinds and in an env file."""


def tokeniser_of(salt: str, text: str, others: t.Iterable[str] = ()) -> Tokeniser:
    """Make a tokeniser that knows the secrets of a text and of other files; files that cannot be read have none.

    :param others: paths
    """
    tokeniser = Tokeniser(salt)
    for path in others:
        try:
            with open(path, encoding="utf-8", errors="replace", newline="") as stream:
                tokeniser.learn_text(stream.read(), lines=True)
        except OSError:
            continue
    tokeniser.learn_text(text, lines=True)
    return tokeniser


class Behind:
    """A text of the host beside what the controller saw of it.

    :param given: values by name, for ``<given:NAME>``
    :param values: gives a value by name, for ``<value:NAME>``
    :raises EditError: a secret of the text goes over several lines, so that lines cannot be told apart
    """

    def __init__(
        self,
        text: str,
        tokeniser: Tokeniser,
        given: t.Mapping[str, str] | None = None,
        values: t.Callable[[str], str] | None = None,
    ):
        self.text = tokeniser.text(text, lines=True)
        self._lines = self.text.splitlines()
        self._tokeniser = tokeniser
        self._given = given or {}
        self._values = values
        if len(self._lines) != len(text.splitlines()):
            raise EditError("it holds a secret of several lines (a private key?); edit it by hand")

    def seen(self, number: int) -> str:
        """Give a line (from 1) as the controller saw it."""
        return self._lines[number - 1]

    def rewritten(self, number: int, real: str, new: str) -> str:
        """Give a line its new form. A token that stood in it keeps the spelling it has there.

        :raises EditError: a reference cannot be filled in
        """
        kept = self._spellings(real, self.seen(number))

        def put(match: re.Match[str]) -> str:
            spelled = kept.get(match[0])
            return spelled.pop(0) if spelled else self._value(match)

        return REFERENCE.sub(put, new)

    def fill(self, text: str) -> str:
        """Put the values of references into a new text.

        :raises EditError: a reference cannot be filled in
        """
        return REFERENCE.sub(self._value, text)

    def _spellings(self, real: str, seen: str) -> dict[str, list[str]]:
        """Give what stands at the place of each token of a line, in order."""
        tokens = TOKEN.findall(seen)
        pattern = re.escape(TOKEN.split(seen)[0])
        for token, literal in zip(tokens, TOKEN.split(seen)[1:]):
            value = re.escape(self._tokeniser.value_of(token) or "")
            pattern += f"({value}|.+?)" + re.escape(literal) if value else "(.+?)" + re.escape(literal)
        match = re.fullmatch(pattern, real, re.DOTALL)
        found: dict[str, list[str]] = {}
        for token, raw in zip(tokens, match.groups() if match else ()):
            found.setdefault(token, []).append(raw)
        return found

    def _value(self, match: re.Match[str]) -> str:
        if match["length"]:
            return secrets.token_hex((int(match["length"]) + 1) // 2)[: int(match["length"])]
        known = self._known(match)
        if known is None:
            raise EditError(f"nothing is known here of {match[0]}")
        value = urllib.parse.quote(str(known), safe="") if match["percent"] else str(known)
        if _NEEDS_QUOTES.search(value):
            raise EditError(f"{match[0]} holds blanks, quotes or one of # $ \\ and cannot be written here safely")
        return value

    def _known(self, match: re.Match[str]) -> str | None:
        if match["value"]:
            return self._values(match["value"]) if self._values else None
        return self._given.get(match["given"]) if match["given"] else self._tokeniser.value_of(match["token"] + ">")
