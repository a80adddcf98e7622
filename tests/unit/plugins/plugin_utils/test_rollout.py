# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which batches a fleet is changed, and when the rest is left alone."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import rollout

FLEET = [f"web{number}" for number in range(1, 21)]


def sizes(hosts: list[str], **settings: t.Any) -> list[int]:
    return [len(batch) for batch in rollout.plan(hosts, settings).batches]


def test_a_few_hosts_are_changed_at_once() -> None:
    planned = rollout.plan(FLEET[:3], {})
    assert (planned.batches, planned.canaries) == ((("web1", "web2", "web3"),), 0)


def test_a_fleet_begins_with_a_canary_and_grows() -> None:
    planned = rollout.plan(FLEET, {})
    assert [len(batch) for batch in planned.batches] == [1, 2, 10, 7]
    assert (planned.canaries, planned.budget) == (1, 2)
    assert [host for batch in planned.batches for host in batch] == FLEET


@pytest.mark.parametrize(
    ("count", "settings", "expected"),
    [
        (20, {"canary": 2, "batches": ["25%", "100%"]}, [2, 5, 13]),
        (20, {"canary": 0, "batches": [5]}, [5, 5, 5, 5]),
        (20, {"canary": 1, "batches": [1, 3]}, [1, 1, 3, 3, 3, 3, 3, 3]),
        (20, {"canary": "10%", "batches": "50%"}, [2, 10, 8]),
        (2, {"canary": 1}, [1, 1]),
        (5, {"batches": ["1%"]}, [1, 1, 1, 1, 1]),
        (1, {"canary": 3}, [1]),
        (0, {}, []),
        (0, {"canary": 1, "batches": ["10%"]}, []),
    ],
)
def test_batches_are_cut_as_serial_does_and_lose_no_host(
    count: int, settings: dict[str, t.Any], expected: list[int]
) -> None:
    assert sizes(FLEET[:count], **settings) == expected
    assert sum(expected) == count


def test_canaries_may_be_named_and_only_those_that_will_be_changed_count() -> None:
    planned = rollout.plan(FLEET[:4], {"canary": ["web3", "web9"], "batches": ["100%"]})
    assert planned.batches == (("web3",), ("web1", "web2", "web4"))
    assert planned.canaries == 1
    assert rollout.plan(FLEET[:4], {"canary": ["web9"], "batches": [4]}).canaries == 0


def test_a_canary_that_ends_badly_stops_all_the_others() -> None:
    planned = rollout.plan(FLEET, {"canary": 2, "budget": 10})
    assert planned.stopped_by({"web2": "worse"}) == ["web2"]
    assert planned.stopped_by({"web2": ""}) == []


def test_the_budget_is_one_for_all_batches() -> None:
    planned = rollout.plan(FLEET, {"canary": 0, "batches": [5], "budget": 2})
    bad = {"web1": "lost", "web6": "lost"}
    assert planned.stopped_by(bad) == []
    assert planned.stopped_by(bad | {"web11": "worse"}) == ["web1", "web6", "web11"]
    none = rollout.plan(FLEET, {"canary": 0, "batches": [5], "budget": 0})
    assert none.stopped_by({"web7": "lost"}) == ["web7"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"canary": "one"}, "canary: 'one' is neither a number nor a percentage"),
        ({"canary": -1}, "canary: -1 is out of range"),
        ({"batches": []}, "batches is empty"),
        ({"batches": [0]}, "batches: 0 is out of range"),
        ({"batches": ["150%"]}, "batches: '150%' is out of range"),
        ({"budget": "x%"}, "budget: 'x%' is neither"),
        ({"canaries": 1}, "has no canaries; it knows batches, budget, canary, settle"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, t.Any], words: str) -> None:
    with pytest.raises(rollout.RolloutError, match=words):
        rollout.plan(FLEET, settings)


def test_a_host_that_cannot_be_looked_at_is_never_well() -> None:
    assert "no evidence arrived" in rollout.trouble_of(None, [], [])
    lost = rollout.trouble_of({"unreachable": "ssh: No route to host\nmore"}, [], [])
    assert lost == "cannot be looked at any more: ssh: No route to host"
    assert "sudo" in rollout.trouble_of({"error": "sudo: a password is required"}, [], [])
