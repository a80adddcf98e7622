# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of .env files touch the one line."""

from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _env_file
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import EditError, apply_edits

TEXT = r"""# passwords
A=1
export B = 'x y'  # with blanks
C="say \"hi\"" # quoted
D=http://a:1/v1 # the address
D2=
E=a#b
F=x\ny
A=2
"""


def test_read() -> None:
    text = "\ufeffA=1\n# B=2\nexport C='x y'\r\nD=\"q\" # no\nE=\nno line\nF=a=b # no\nG=#x\n"
    assert _env_file.read(text) == {"A": "1", "C": "x y", "D": "q", "E": "", "F": "a=b", "G": "#x"}


@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        pytest.param("A", "3", "A=2", "A=3", id="the last of several"),
        pytest.param("B", "z", "export B = 'x y'  # with", "export B = 'z'  # with", id="export, quotes, comment"),
        pytest.param("C", 'a"b', r'C="say \"hi\"" #', r'C="a\"b" #', id="double quotes"),
        pytest.param("D", "http://b:2", "D=http://a:1/v1 #", "D=http://b:2 #", id="comment behind a bare value"),
        pytest.param("D2", "x y", "D2=", "D2='x y'", id="blanks need quotes"),
        pytest.param("E", "<secret:123456:percent>", "E=a#b", "E=<secret:123456:percent>", id="a reference"),
        pytest.param("NEW", "1", "A=2\n", "A=2\nNEW=1\n", id="a new one at the end"),
    ],
)
def test_only_this_changes(name: str, value: str, before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    edits = _env_file.set_variable(TEXT, name, value)
    assert apply_edits(TEXT, edits) == TEXT.replace(before, after)
    again = apply_edits(TEXT, edits)
    assert _env_file.read(again)[name] in (value, value.replace('"', '\\"'))


def test_windows_line_ends_and_a_missing_last_one_stay() -> None:
    text = "\ufeffA=1\r\nB=2"
    assert apply_edits(text, _env_file.set_variable(text, "A", "9")) == "\ufeffA=9\r\nB=2"
    assert apply_edits(text, _env_file.set_variable(text, "C", "3")) == "\ufeffA=1\r\nB=2\r\nC=3\r\n"


def test_what_is_so_already_changes_nothing() -> None:
    assert _env_file.set_variable(TEXT, "A", "2") == []
    assert _env_file.set_variable(TEXT, "A", "<random:8>") == []
    assert _env_file.copy_variable(TEXT, "A", "B") == []


def test_a_copy_is_written_the_same_way_on_the_next_line() -> None:
    edits = _env_file.copy_variable(TEXT, "B_NEW", "B")
    line = "export B = 'x y'  # with blanks\n"
    assert apply_edits(TEXT, edits) == TEXT.replace(line, line + line.replace("B =", "B_NEW ="))


@pytest.mark.parametrize(
    ("text", "name", "value", "reason"),
    [
        pytest.param('A="begins\nends"\n', "A", "x", "several lines", id="value over several lines"),
        pytest.param("A='x'\n", "A", "it's", "quotes of the same kind", id="quote in its own kind"),
        pytest.param("A=x\n", "A", "a\nb", "more than one line", id="line end"),
        pytest.param("A=x\n", "A B", "x", "is no name", id="no name"),
    ],
)
def test_refused_with_the_reason(text: str, name: str, value: str, reason: str) -> None:
    with pytest.raises(EditError, match=reason):
        _env_file.set_variable(text, name, value)
