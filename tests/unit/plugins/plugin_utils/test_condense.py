# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling lines of huge logs."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import condense
from ansible_collections.fastgpt.ops.plugins.plugin_utils.signatures import Signature

NOISE = b"2026-03-01 12:00:00 GET /api/common/system/getInitData 200 3ms\n"
TROUBLE = b"ERROR: the pump is dry in tank %d\n"


@pytest.fixture(autouse=True)
def one_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    pump = Signature("pump-dry", r"pump is dry in tank \d+", "pump is dry in tank 1", "made up")
    monkeypatch.setattr(condense, "signatures", lambda: (pump,))


def test_line_in_the_middle_is_kept() -> None:
    data = NOISE * 40000 + TROUBLE % 7 + NOISE * 40000
    assert condense.telling_lines(io.BytesIO(data), len(data)) == ["ERROR: the pump is dry in tank 7"]


def test_only_the_newest_lines_of_a_signature_are_kept() -> None:
    data = b"".join(TROUBLE % number for number in range(100))
    lines = condense.telling_lines(io.BytesIO(data), len(data))
    assert lines == [f"ERROR: the pump is dry in tank {number}" for number in range(80, 100)]


def test_a_line_across_chunks_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condense, "CHUNK", 50)
    data = NOISE + TROUBLE % 3 + NOISE
    assert condense.telling_lines(io.BytesIO(data), len(data)) == ["ERROR: the pump is dry in tank 3"]


def test_only_the_length_asked_for_is_searched() -> None:
    data = NOISE + TROUBLE % 1
    assert condense.telling_lines(io.BytesIO(data), len(NOISE)) == []


def test_a_file_without_line_ends_and_invalid_utf8_are_searched() -> None:
    data = b"\xff\xfe" * 3000 + b"the pump is dry in tank 9" + b"x" * 9000
    (line,) = condense.telling_lines(io.BytesIO(data), len(data))
    assert "tank 9" in line
    assert len(line) <= condense.LONGEST


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(count: int) -> int:
        data = io.BytesIO((NOISE * 99 + TROUBLE % 1) * count)
        tracemalloc.start()
        condense.telling_lines(data, len(data.getvalue()))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(4000) < 1.5 * peak(1000)
