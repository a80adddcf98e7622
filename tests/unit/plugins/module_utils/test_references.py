# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits made on tokens, applied to the text that has the secrets."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import (
    Edit,
    EditError,
    Insert,
    Rewrite,
    apply_edits,
    from_dicts,
    to_dicts,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._references import Behind, tokeniser_of

SALT = "salt"


def behind(text: str, given: t.Mapping[str, str] | None = None, others: t.Sequence[str] = ()) -> Behind:
    return Behind(text, tokeniser_of(SALT, text, others), given)


def rewritten(text: str, change: t.Callable[[str], str], given: t.Mapping[str, str] | None = None) -> str:
    """Change what the controller sees of a text of one line, and give what comes of the real one."""
    known = behind(text, given)
    edits = from_dicts(to_dicts([Rewrite(1, known.text, change(known.text))]))
    return apply_edits(text, edits, known)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("- URI=mongodb://u:a-very-long-password@localhost:27017/x", id="longer than its token"),
        pytest.param("- URI=mongodb://u:p%40ss%23w@localhost:27017/x", id="percent-encoded"),
        pytest.param("- URI=mongodb://u:pa:ss@localhost@localhost:27017/x", id="with the words of the change in it"),
        pytest.param("- URI=mongodb://u:密码密码@localhost:27017/x", id="not ASCII"),
    ],
)
def test_a_secret_that_stays_keeps_its_spelling(line: str) -> None:
    after = rewritten(line, lambda seen: "@mongo:".join(seen.rsplit("@localhost:", 1)))
    assert after == "@mongo:".join(line.rsplit("@localhost:", 1))


def test_a_change_before_a_secret_fits_too() -> None:
    line = "- URI=mongodb://u:a-very-long-password@localhost:27017/x"
    assert rewritten(line, lambda seen: seen.replace("u:", "root:")) == line.replace("u:", "root:")


def test_a_password_is_percent_encoded_where_it_stands() -> None:
    after = rewritten("- PG_URL=postgresql://u:pa#s/w@d@pg:5432/x", lambda seen: seen.replace(">@", ":percent>@"))
    assert after == "- PG_URL=postgresql://u:pa%23s%2Fw%40d@pg:5432/x"


def test_a_secret_goes_to_another_place() -> None:
    text = "services:\n  a:\n    environment:\n      ADMIN_KEY: k3y-of-the-proxy\n      TOKEN:\n"
    known = behind(text)
    token = re.findall(r"<secret:\w+>", known.text)[0]
    edits: list[Edit] = [Rewrite(5, "      TOKEN:", f'      TOKEN: "{token}"'), Insert(5, (f"      SAME: x-{token}",))]
    after = apply_edits(text, edits, known)
    assert after.endswith('      TOKEN: "k3y-of-the-proxy"\n      SAME: x-k3y-of-the-proxy\n')


def test_a_secret_of_another_file_is_known(tmp_path: pathlib.Path) -> None:
    other = tmp_path / ".env"
    other.write_text("DB_PASSWORD=geheim-1\n", encoding="utf-8")
    known = behind("A=\n", others=[str(other), str(tmp_path / "missing")])
    token = behind("DB_PASSWORD=geheim-1\n").text.partition("=")[2].strip()
    assert apply_edits("A=\n", [Rewrite(1, "A=", f"A={token}")], known) == "A=geheim-1\n"


def test_values_are_given_or_made() -> None:
    assert rewritten("A=", lambda _seen: "A=<given:key>", {"key": "sk-1"}) == "A=sk-1"
    first, second = (rewritten("A=", lambda _seen: "A=<random:31>") for _number in range(2))
    assert re.fullmatch("A=[0-9a-f]{31}", first) and first != second


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        pytest.param("A=<secret:000000>", "nothing is known here of <secret:000000>", id="unknown token"),
        pytest.param("A=<given:other>", "nothing is known here of <given:other>", id="not given"),
        pytest.param("A=<given:blank>", "cannot be written here safely", id="blanks"),
        pytest.param("A=<given:dollar>", "cannot be written here safely", id="dollar sign"),
    ],
)
def test_refused_with_the_reason_and_without_the_value(new: str, reason: str) -> None:
    with pytest.raises(EditError, match=reason) as caught:
        rewritten("A=", lambda _seen: new, {"blank": "two words", "dollar": "a$b"})
    assert "two words" not in str(caught.value) and "a$b" not in str(caught.value)


def test_a_line_that_reads_otherwise_is_left_alone() -> None:
    with pytest.raises(EditError, match="line 1 does not read 'B='"):
        apply_edits("A=\n", [Rewrite(1, "B=", "B=1")], behind("A=\n"))


def test_a_secret_of_several_lines_is_refused() -> None:
    key = "A: |\n  -----BEGIN PRIVATE KEY-----\n  abcdefgh\n  ijklmnop\n  -----END PRIVATE KEY-----\n"
    with pytest.raises(EditError, match="secret of several lines"):
        behind(key)
