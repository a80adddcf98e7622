# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a signature counts, and how its pattern is cut for a quick search."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import diagnosis, signatures
from ansible_collections.fastgpt.ops.plugins.plugin_utils.logs import Log
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.signatures import Signature, match

NOW = 1_735_725_600.0  # 2025-01-01T10:00:00Z


def signature(pattern: str, **more: t.Any) -> Signature:
    return Signature("a-finding", pattern, "", "a test", **more)


def running_log(text: str, started: float) -> Log:
    log = Log("docker logs a", text, "app", "a")
    log.collected_at, log.current_since, log.running = NOW, started, True
    return log


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a|b", ["a", "b"]),
        (r"a\|b", [r"a\|b"]),
        ("(?:a|b)c|[|(]d", ["(?:a|b)c", "[|(]d"]),
        ("(?i)ab|[]|]c|[^]|]d", ["(?i)ab", "(?i)[]|]c", "(?i)[^]|]d"]),
        ("(?i:a|b)|c", ["(?i:a|b)", "c"]),
    ],
)
def test_pattern_is_cut_only_outside_of_groups_and_classes(pattern: str, parts: list[str]) -> None:
    assert [branch.pattern for branch in signature(pattern).branches] == parts


@pytest.mark.parametrize("known", signatures.signatures(), ids=lambda s: f"{s.finding}-{s.pattern[:30]}")
def test_parts_find_what_the_whole_finds(known: Signature) -> None:
    whole = re.search(known.pattern, known.example, re.MULTILINE)
    starts = [found.start() for branch in known.branches if (found := branch.regex.search(known.example))]
    assert whole
    assert min(starts) == whole.start()


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("connect ECONNREFUSED", ("connect econnrefused",)),
        (r"\w+ (?:timeout|refused)", ("timeout", "refused")),
        (r"\d+ 沙[盒箱]", (" 沙",)),
        (r"\d\d", ()),
    ],
)
def test_literals_are_in_any_match(pattern: str, literals: tuple[str, ...]) -> None:
    assert signature(pattern).branches[0].literals == literals


def test_last_match_is_shown_and_all_are_counted() -> None:
    found = match(signature("first|second"), Log("a.log", "second 1\nfirst 2\nsecond 3\n"))
    assert found
    assert (found.proofs[0].source, found.proofs[0].excerpt) == ("a.log:3 (3x)", "second 3")


def test_unless_and_cleared_by() -> None:
    log = Log("a.log", "broken pipe\nall is well\n")
    assert match(signature("broken pipe"), log)
    assert not match(signature("broken pipe", unless="all is well"), log)
    assert not match(signature("broken pipe", cleared_by="all is well"), log)
    assert match(signature("all is well", cleared_by="broken pipe"), log)


def test_lines_from_before_the_last_start_do_not_count() -> None:
    log = running_log("2025-01-01T08:00:00Z broken pipe\n2025-01-01T09:30:00Z ready\n", started=NOW - 3600)
    assert not match(signature("broken pipe"), log)
    assert match(signature("ready"), log)


@pytest.mark.parametrize(
    ("status", "restarts", "counts"),
    [("exited", 0, False), ("running", 0, False), ("running", 3, True), ("restarting", 3, True), ("exited", 3, True)],
    ids=["stopped", "started", "just started again by Docker", "waits for its next start", "given up"],
)
def test_the_last_minutes_before_the_last_start_count_in_a_restart_loop(
    status: str, restarts: int, counts: bool
) -> None:
    state = {"status": status, "running": status == "running", "started_at": NOW - 30}
    container = {
        "name": "fastgpt",
        "image": "ghcr.io/labring/fastgpt:v4.8.11",
        "state": state,
        "restart_count": restarts,
    }
    line = "2025-01-01T09:58:00Z TypeError: Invalid URL\n"
    logs = [{"container": "fastgpt", "text": line, "timestamps": True}]
    (log,) = Deployment({"source": "live", "collected_at": NOW, "containers": [container], "logs": logs}).logs
    assert bool(match(signature("Invalid URL"), log)) is counts


@pytest.mark.parametrize(
    ("stamp", "counts"),
    [("09:59:30", True), ("09:50:00", False), ("09:00:20", False)],
    ids=["recent", "past", "start-up"],
)
def test_transient_lines_count_only_while_recent(stamp: str, counts: bool) -> None:
    log = running_log(f"2025-01-01T{stamp}Z retrying\n", started=NOW - 3600)
    assert bool(match(signature("retrying", transient=True), log)) is counts
    assert match(signature("retrying"), log)


def test_strict_signatures_leave_posted_texts_alone() -> None:
    posted = Log("shell.txt", "x", None, None, "shell")
    assert signature("x", components=("app",)).concerns(posted)
    assert not signature("x", components=("app",), strict=True).concerns(posted)


def test_the_same_complaint_in_two_logs_is_one_finding() -> None:
    line = "user quota is not enough"
    logs = [{"container": name, "text": line, "timestamps": False} for name in ("fastgpt", "oneapi")]
    result = diagnosis.diagnose({"source": "bundle", "logs": logs}, "host1")
    assert [f.entry.id for f in result.findings] == ["oneapi-user-quota"]


def test_a_mere_possibility_that_is_explained_is_not_told() -> None:
    logs = [{"container": "fastgpt", "text": "[Error] Embedding Error", "timestamps": False}]
    texts = [{"name": "description.txt", "kind": "description", "text": "知识库一直处于索引中"}]
    result = diagnosis.diagnose({"source": "bundle", "logs": logs, "texts": texts}, "host1")
    assert [f.entry.id for f in result.findings] == ["embedding-api-failing"]
    assert result.checks["index-stuck"].status == "ok"
