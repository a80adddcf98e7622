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


PLAN = {"current": "4.8.11", "target": "4.8.18", "hops": [{"version": v} for v in ("4.8.15", "4.8.17", "4.8.18")]}


def upgraded(ends: list[dict[str, t.Any]], stop: dict[str, t.Any], done: list[str]) -> dict[str, t.Any]:
    run = {"run_id": "r1", "plan": PLAN, "hops": PLAN["hops"], "done": done, "goes_on": bool(done)}
    upgrades = {"runs": {"web1": run}, "ends": {"web1": ends}, "stops": {"web1": stop}}
    return t.cast("dict[str, t.Any]", outcome.with_upgrade({"host": "web1"}, upgrades)["upgrade"])


def test_an_upgrade_tells_of_every_hop_also_those_of_an_earlier_run() -> None:
    back = {"version": "4.8.17", "status": "rolled_back", "seconds": "12.5", "message": "500"}
    told = upgraded([back], back, ["4.8.15"])
    assert (told["from"], told["to"], told["status"], told["message"]) == ("4.8.11", "4.8.18", "rolled_back", "500")
    assert [hop["status"] for hop in told["hops"]] == ["done", "rolled_back", "todo"]
    assert told["hops"][1]["seconds"] == 12.5


def test_an_upgrade_that_waits_for_a_person_says_at_which_hop() -> None:
    told = upgraded([{"version": "4.8.15", "status": "done"}], {"status": "held", "message": "do it"}, [])
    assert [hop["status"] for hop in told["hops"]] == ["done", "held", "todo"]


def test_a_host_that_is_lost_on_the_way_has_not_ended() -> None:
    told = upgraded([{"version": "4.8.15", "status": "done"}], {}, [])
    assert told["status"] == "failed" and "lost" in told["message"]


def test_a_host_without_an_upgrade_has_no_word_of_one() -> None:
    assert outcome.with_upgrade({"host": "web2"}, {}) == {"host": "web2"}
