# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of findings: a fix is one only where the host could be looked at again."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import outcome

FINDING = {"id": "port-conflict", "service": "oneapi", "rank": 1, "status": "open"}


def merged(check: dict[str, t.Any], results: t.Sequence[dict[str, t.Any]] = ()) -> dict[str, t.Any]:
    after = {"host": "web1", "reachable": True, "findings": [], "checks": {"port-conflict": check}}
    before = {"hosts": [{"host": "web1", "findings": [FINDING]}]}
    (host,) = outcome.merge(before, [after], {"web1": results})
    return dict(host["findings"][0])


@pytest.mark.parametrize("status", ["ok", "not_applicable"])
def test_what_was_looked_at_and_is_gone_is_fixed(status: str) -> None:
    assert (merged({"status": status})["status"], merged({"status": status})["proof"]) == ("fixed", status)


def test_what_could_not_be_looked_at_again_stays_open() -> None:
    found = merged({"status": "unknown", "reason": "missing: inspect"})
    assert (found["status"], found["message"]) == ("open", "missing: inspect")
    assert "proof" not in found


def test_a_step_that_proved_its_fix_counts() -> None:
    end = {"finding": "port-conflict", "service": "oneapi", "status": "fixed", "proof": "port-conflict: ok"}
    assert merged({"status": "unknown"}, [end])["proof"] == "port-conflict: ok"


def test_a_host_that_was_not_worked_on_keeps_its_entry() -> None:
    healthy = {"host": "web2", "reachable": True, "findings": [], "checks": {}}
    before = {"hosts": [{"host": "web1", "findings": [FINDING]}, healthy]}
    after = {"host": "web1", "reachable": True, "findings": [], "checks": {"port-conflict": {"status": "ok"}}}
    first, second = outcome.merge(before, [after], {"web1": []})
    assert first["findings"][0]["status"] == "fixed"
    assert second == healthy
