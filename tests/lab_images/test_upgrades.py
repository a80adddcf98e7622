# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The stand-in FastGPT knows which calls of an upgrade were left out, and makes the faults it is told to."""

from __future__ import annotations

import pytest
from fastgpt_standin import upgrades


def paths(installed: tuple[int, ...], running: tuple[int, ...], *done: str) -> list[str]:
    return [call.path for call in upgrades.missing(installed, running, done)]


def test_a_new_installation_owes_nothing() -> None:
    assert paths((4, 9, 14), (4, 9, 14)) == []


def test_the_release_that_runs_is_where_its_own_calls_are_made() -> None:
    assert paths((4, 8, 11), (4, 8, 15)) == []
    assert paths((4, 8, 11), (4, 8, 16)) == ["/api/admin/initv4815"]


def test_calls_that_were_made_are_not_missing() -> None:
    assert paths((4, 8, 20), (4, 9, 0), "/api/admin/initv4823") == []


def test_optional_calls_may_be_left_out() -> None:
    assert paths((4, 14, 26), (4, 16, 0)) == ["/api/admin/dataClean/initWorkflowData"]


def test_from_4_15_a_call_only_counts_unless_told_otherwise() -> None:
    new, old = upgrades.call_of("/api/admin/4161/initToolJsonSchemaStorage"), upgrades.call_of("/api/admin/initv4818")
    assert new and old
    assert upgrades.only_counts(new, {}) and upgrades.only_counts(new, {"dryRun": True})
    assert not upgrades.only_counts(new, {"dryRun": False})
    assert not upgrades.only_counts(old, {})


def test_faults_are_those_of_the_release_that_runs() -> None:
    text = "4.8.18:half, 4.9.0:never-ready,4.8.18:seconds=20"
    assert upgrades.faults_of(text, (4, 8, 18)) == {"half": "", "seconds": "20"}
    assert upgrades.faults_of(text, (4, 8, 19)) == {}
    with pytest.raises(ValueError, match="no fault 'explode'"):
        upgrades.faults_of("4.9.0:explode", (4, 9, 0))
