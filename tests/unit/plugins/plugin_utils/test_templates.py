# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a value with variables has to change."""

from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.templates import (
    Change,
    TooWideError,
    change,
    without_variable,
)

VARIABLES = {"H": "localhost", "P": "3001", "E": "", "W": "<secret:123456>"}


@pytest.mark.parametrize(
    ("template", "new", "wanted"),
    [
        ("http://${H}:${P}/v1", "http://oneapi:3001/v1", Change(variable="H", value="oneapi")),
        ("http://$H:$P/v1", "http://localhost:3000/v1", Change(variable="P", value="3000")),
        ("http://${H}:${P}/v2", "http://localhost:3001/v1", Change(template="http://${H}:${P}/v1")),
        ("${B:-http://a:1}/v1", "http://b:1/v1", Change(template="${B:-http://b:1}/v1")),
        ("${E:-a}", "b", Change(template="${E:-b}")),
        ("${E-a}", "b", Change(variable="E", value="b")),
        ("", "a", Change(template="a")),
        ("a$$b", "a$c", Change(template="a$$c")),
        ("u:${W}@h", "u:<secret:123456:percent>@h", Change(variable="W", value="<secret:123456:percent>")),
        ("u:<secret:123456>@h", "u:<secret:123457>@h", Change(template="u:<secret:123457>@h")),
    ],
)
def test_the_part_that_changes(template: str, new: str, wanted: Change) -> None:
    assert change(template, VARIABLES, new) == wanted


def test_a_change_of_two_parts_is_refused() -> None:
    with pytest.raises(TooWideError, match="several parts"):
        change("http://${H}:${P}/v1", VARIABLES, "http://oneapi:3000/v1")


def test_a_variable_is_replaced_where_it_stands() -> None:
    assert without_variable("u:${W}@${H}", VARIABLES, "W", "${W_URL}") == "u:${W_URL}@${H}"
