# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log signatures: data in ``knowledge/signatures/*.yml``, compiled once, matched over bounded text.

A signature alone proves little on a live host, so a hit counts only in the present run of the container, only
while it is recent, for ``transient`` ones only outside the start-up, and not when a later line clears it.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parse  # type: ignore[import-not-found]
import typing as t

from .catalogue import KNOWLEDGE, load_yaml
from .logs import Log
from .rule import Hit, Proof, Text

STARTUP = 60.0
"""Seconds after a container's start in which transient lines are normal."""
RECENT = 180.0
"""Seconds before the reading in which a transient line must stand to count."""
MAX_AGE = 24 * 3600.0
"""Seconds after which any line of a running container no longer counts."""
POSTED = frozenset({"up", "shell", "api", "description", "env"})
"""Kinds of text that people paste and that may hold anybody's words; ``docker compose up`` shows container logs too."""
FLAGS = re.MULTILINE | re.ASCII
"""ASCII: Chinese is written without spaces, and a word such as `的` must not hide the begin of the name after it."""
EXCERPT = 400
"""Characters of a line that a proof keeps."""


@dataclasses.dataclass(frozen=True)
class Branch:
    """One alternative of a pattern; compiled when first needed, as most are never needed in a run."""

    pattern: str

    @functools.cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, FLAGS)

    @functools.cached_property
    def literals(self) -> tuple[str, ...]:
        """Texts of which one must stand in any match, lower case; empty where none can be told."""
        return _literals(sre_parse.parse(self.pattern))

    def can_be_in(self, log: Log) -> bool:
        """Tell cheaply whether a search is worth while."""
        return not self.literals or any(log.holds(word) for word in self.literals)


@dataclasses.dataclass(frozen=True)
class Signature:
    """One pattern and what it tells.

    :ivar components: whose text it is looked for in; empty = anybody's. Texts of unknown origin are always searched,
        unless ``strict``
    :ivar transient: harmless during start-up
    :ivar cleared_by: a line that, coming later in the same text, says the trouble is over
    :ivar unless: a pattern that, anywhere in the same text, means this signature does not apply
    :ivar severity: where this wording weighs less (or more) than the finding usually does
    :ivar about: component the finding is about, where it is not the one that wrote the text; ``deployment`` = none in
        particular, so that the same complaint in two logs is one finding
    """

    finding: str
    pattern: str
    example: str
    source: str
    components: tuple[str, ...] = ()
    confidence: str = "certain"
    strict: bool = False
    transient: bool = False
    cleared_by: str | None = None
    unless: str | None = None
    severity: str | None = None
    facts: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    expected: Text | None = None
    about: str | None = None

    @functools.cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, FLAGS)

    @functools.cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The pattern's alternatives, so that only those are searched for that a text can hold."""
        return tuple(Branch(part) for part in _alternatives(self.pattern))

    def concerns(self, log: Log) -> bool:
        """Tell whether this text is one to look in."""
        if not self.components or log.component in self.components:
            return True
        return not self.strict and (log.component is None or log.kind in POSTED)


@functools.cache
def signatures() -> tuple[Signature, ...]:
    """Load all signatures.

    :raises ValueError: where one is incomplete or its pattern does not compile
    """
    found = []
    for path in sorted((KNOWLEDGE / "signatures").glob("*.yml")):
        for raw in load_yaml(path) or []:
            try:
                signature = Signature(**{**raw, "components": tuple(raw.get("components", ()))})
                re.compile(signature.pattern)
            except (TypeError, re.error) as error:
                raise ValueError(f"{path.name}: signature of {raw.get('finding')!r}: {error}") from error
            found.append(signature)
    return tuple(found)


def match(signature: Signature, log: Log) -> Hit | None:
    """Look for a signature in a text; the hit shows the last line that counts."""
    branches = [branch for branch in signature.branches if branch.can_be_in(log)]
    if not branches or (signature.unless and re.search(signature.unless, log.text, FLAGS)):
        return None
    last: tuple[re.Match[str], int, str, float | None] | None = None
    count = 0
    for found in itertools.chain.from_iterable(branch.regex.finditer(log.text) for branch in branches):
        number, line, when = log.line_at(found.start())
        if _counts(signature, log, when):
            count += 1
            this = (found, number, line, when)
            last = max(last or this, this, key=lambda item: item[0].start())
    if last is None:
        return None
    found, number, line, when = last
    if signature.cleared_by and re.search(signature.cleared_by, log.text[found.end() :], FLAGS):
        return None
    shown = line if found.group(0).count("\n") == 0 else found.group(0)
    source = f"{log.source}:{number}" + (f" ({count}x)" if count > 1 else "")
    told = {re.sub(r"_\d+$", "", name): value for name, value in found.groupdict().items() if value}
    facts = {**signature.facts, **told}
    proof = Proof(source, _cut(shown, found.start() - log.text.rfind("\n", 0, found.start()) - 1), signature.expected)
    service = log.service if log.kind == "log" else None
    return Hit((proof,), service, facts, signature.confidence, signature.severity, when, log.component)


def _counts(signature: Signature, log: Log, when: float | None) -> bool:
    if not log.is_current(when):
        return False
    if when is None or log.collected_at is None or not log.running:
        return True
    age = log.collected_at - when
    if signature.transient:
        started = log.current_since
        return age <= RECENT and (started is None or when - started >= STARTUP)
    return age <= MAX_AGE


def _cut(line: str, column: int) -> str:
    """Keep the part of a long line around the match."""
    line = line.rstrip()
    if len(line) <= EXCERPT:
        return line
    start = max(0, min(column - EXCERPT // 4, len(line) - EXCERPT))
    return ("…" if start else "") + line[start : start + EXCERPT] + ("…" if start + EXCERPT < len(line) else "")


def _alternatives(pattern: str) -> list[str]:
    """Cut a pattern at the ``|`` that stand outside of all groups and classes; each part keeps the leading flags."""
    leading = re.match(r"\(\?[a-z]+\)", pattern)
    flags = leading[0] if leading else ""
    parts: list[str] = []
    start, depth, in_class = len(flags), 0, False
    for token in re.finditer(r"\\.|\[\^?\]?|[()\]|]", pattern[start:], re.DOTALL):
        text, position = token[0], len(flags) + token.start()
        if text[0] == "[":
            in_class = True
        elif text == "]":
            in_class = False
        elif not in_class:
            depth += {"(": 1, ")": -1}.get(text, 0)
            if text == "|" and not depth:
                parts.append(pattern[start:position])
                start = position + 1
    return [flags + part for part in (*parts, pattern[start:])]


def _literals(parsed: t.Any) -> tuple[str, ...]:
    """Find texts a match must hold one of: the longest run of plain characters, or one for each alternative."""
    best: tuple[str, ...] = ()
    run = ""
    for operator, argument in [*parsed, (None, None)]:
        if operator is sre.LITERAL:
            run += chr(argument)
            continue
        if _weight((run,)) > max(_weight(best), 2):
            best = (run.lower(),)
        run = ""
        inner: tuple[str, ...] = ()
        if operator is sre.SUBPATTERN:
            inner = _literals(argument[-1])
        elif operator is sre.MAX_REPEAT and argument[0] > 0:
            inner = _literals(argument[2])
        elif operator is sre.BRANCH:
            options = [_literals(option) for option in argument[1]]
            inner = tuple(word for option in options for word in option) if all(options) else ()
        if _weight(inner) > max(_weight(best), 2):
            best = inner
    return best


def _weight(words: tuple[str, ...]) -> int:
    """Length of the shortest word; a character outside ASCII counts for three, as there are so many of them."""
    return min((sum(1 if char.isascii() else 3 for char in word) for word in words), default=0)
