# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _log_file


def entry(log: str, second: int = 0, fraction: str = ".5") -> bytes:
    return (
        json.dumps({"log": log, "stream": "stdout", "time": f"2026-11-20T08:00:{second:02}{fraction}Z"}).encode()
        + b"\n"
    )


def written(folder: pathlib.Path, *entries: bytes) -> str:
    path = folder / "x-json.log"
    path.write_bytes(b"".join(entries))
    return str(path)


def test_all_of_a_short_log_with_times_that_compare_as_text(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, entry("один\n"), entry("\x1b[31mtwo\n", 1, ""), entry("\n", 2, ".123456789"))
    assert _log_file.tail(path, 10, 1000) == (
        "2026-11-20T08:00:00.500000000Z один\n"
        "2026-11-20T08:00:01.000000000Z \x1b[31mtwo\n"
        "2026-11-20T08:00:02.123456789Z \n",
        False,
    )


def test_the_parts_of_a_long_line_are_one_line(tmp_path: pathlib.Path) -> None:
    tail = _log_file.tail(written(tmp_path, entry("be"), entry("gin\n", 1), entry("next\n", 2)), 10, 1000)
    assert tail and [line.split(" ")[1] for line in tail.text.splitlines()] == ["begin", "next"]


def test_what_is_half_written_or_lost_hides_no_other_line(tmp_path: pathlib.Path) -> None:
    tail = _log_file.tail(written(tmp_path, entry("a\n"), b"\0" * 100 + b"\n", entry("b\n"), b'{"log":"c'), 10, 1000)
    assert tail and [line.split(" ")[1] for line in tail.text.splitlines()] == ["a", "b"]


def test_the_last_lines_of_a_long_log(tmp_path: pathlib.Path) -> None:
    tail = _log_file.tail(written(tmp_path, *(entry(f"{n}\n") for n in range(50))), 3, 100000)
    assert tail and tail.truncated
    assert [line.split(" ")[1] for line in tail.text.splitlines()] == ["47", "48", "49"]


@pytest.mark.parametrize("length", [1, 100, 1000])
def test_no_more_text_than_asked_and_only_whole_lines(tmp_path: pathlib.Path, length: int) -> None:
    tail = _log_file.tail(written(tmp_path, *(entry("x" * length + "\n") for _n in range(50))), 50, 5000)
    assert tail and tail.truncated and len(tail.text) <= 5000
    assert {len(line) for line in tail.text.splitlines()} == {31 + length}


@pytest.mark.parametrize("older", ["x-json.log.1", "x-json.log.1.gz"])
def test_a_log_that_was_just_rotated_is_left_to_docker(tmp_path: pathlib.Path, older: str) -> None:
    path = written(tmp_path, entry("a\n"), entry("b\n"))
    (tmp_path / older).touch()
    assert _log_file.tail(path, 3, 1000) is None
    assert _log_file.tail(path, 2, 1000) is not None


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        _log_file.tail(str(tmp_path / "none"), 3, 1000)
