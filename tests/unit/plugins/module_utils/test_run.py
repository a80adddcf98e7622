# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import os
import pathlib
import time

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline, Failures, gather, run


def test_a_command_is_heard() -> None:
    result = run(["sh", "-c", "echo out; echo err >&2"], 5)
    assert (result.rc, result.out, result.err, result.error) == (0, b"out\n", b"err\n", None)


def test_a_failed_command_gives_its_own_words() -> None:
    result = run(["sh", "-c", "echo 'no such thing' >&2; exit 3"], 5)
    assert (result.rc, result.error) == (3, "no such thing")


def test_a_silent_failure_gives_its_status() -> None:
    assert run(["sh", "-c", "exit 7"], 5).error == "exit status 7"


def test_a_missing_program_is_no_exception() -> None:
    result = run(["no-such-program-here"], 5)
    assert (result.rc, result.error) == (None, "No such file or directory")


def test_a_hung_command_ends_with_its_children(tmp_path: pathlib.Path) -> None:
    began = time.monotonic()
    result = run(["sh", "-c", f"echo early; sleep 60 & echo $! > {tmp_path}/child; wait"], 0.5)
    assert time.monotonic() - began < 5
    assert result.rc is None
    assert result.error == "timed out after 0.5 s"
    assert result.out == b"early\n"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_holds_the_pipe_does_not_hold_us() -> None:
    began = time.monotonic()
    assert run(["sh", "-c", "sleep 30 & exit 0"], 1).error == "timed out after 1 s"
    assert time.monotonic() - began < 5


def test_the_last_bytes_are_kept() -> None:
    result = run(["sh", "-c", "seq 1 100000"], 10, limit=1000)
    assert result.truncated
    assert len(result.out) == 1000
    assert result.out.endswith(b"100000\n")


def test_streams_can_be_merged_in_order() -> None:
    assert run(["sh", "-c", "echo 1; echo 2 >&2; echo 3"], 5, merge=True).out == b"1\n2\n3\n"


def test_variables_reach_the_command_beside_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "a")
    assert run(["sh", "-c", "echo $KEPT$GIVEN"], 5, env={"GIVEN": "b"}).out == b"ab\n"


def test_invalid_utf8_is_replaced() -> None:
    assert run(["printf", r"a\377b"], 5).text == "a\N{REPLACEMENT CHARACTER}b"


def test_one_failed_call_loses_no_other() -> None:
    def fails() -> None:
        raise ValueError("broken")

    failures = Failures()
    assert gather({"good": lambda: 1, "bad": fails, "other": lambda: 2}, Deadline(5), failures) == {
        "good": 1,
        "other": 2,
    }
    assert failures.list() == [{"what": "bad", "error": "ValueError: broken"}]


def test_late_calls_are_listed_and_not_waited_for() -> None:
    failures = Failures()
    began = time.monotonic()
    found = gather({"quick": os.getpid, "late": lambda: time.sleep(30)}, Deadline(0.3), failures)
    assert time.monotonic() - began < 5
    assert found == {"quick": os.getpid()}
    assert [item["what"] for item in failures.list()] == ["late"]


def test_calls_run_in_parallel() -> None:
    began = time.monotonic()
    gather({str(number): lambda: time.sleep(0.4) for number in range(6)}, Deadline(10), Failures())
    assert time.monotonic() - began < 2


def test_a_deadline_gives_no_negative_time() -> None:
    deadline = Deadline(-1)
    assert deadline.left() == 0
    assert Deadline(100).left(5) == 5
