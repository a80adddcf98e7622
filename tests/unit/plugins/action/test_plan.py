# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of one run: hosts go on by themselves, and the cap on fixes is one for all of them."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import typing as t

from ansible_collections.fastgpt.ops.plugins.action import plan as action
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import diagnose

Json = dict[str, t.Any]


def host(name: str, steps: int) -> Json:
    return {"host": name, "steps": [{"host": name, "allowed": True} for _number in range(steps)], "left": []}


def settled(folder: pathlib.Path, hosts: list[Json], **options: t.Any) -> tuple[int, pathlib.Path | None]:
    """How many steps the plan allows, and its file."""
    usual: Json = {"most": None, "plan": None, "round": 1, "host": None}
    with action._alone(folder):
        plan, path = action._settled(usual | options, folder, hosts)
    return sum(step["allowed"] for item in plan["hosts"] for step in item["steps"]), path


def test_later_plans_have_what_the_earlier_ones_left_of_the_cap(tmp_path: pathlib.Path) -> None:
    assert settled(tmp_path, [host("a", 2), host("b", 1)], most=4) == (3, tmp_path / "plan.json")
    assert settled(tmp_path, [host("a", 3)], most=4, round=2, host="a") == (1, tmp_path / "plan-2-a.json")
    assert settled(tmp_path, [host("b", 1)], most=4, round=2, host="b") == (0, None)


def test_of_hosts_that_plan_at_once_none_gets_over_the_cap(tmp_path: pathlib.Path) -> None:
    names = [f"web{number}" for number in range(12)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        tasks = [pool.submit(settled, tmp_path, [host(name, 1)], most=5, round=2, host=name) for name in names]
    assert sum(task.result()[0] for task in tasks) == 5
    assert len(list(tmp_path.glob("plan-2-*.json"))) == 5


def test_a_round_without_anything_to_apply_leaves_no_file(tmp_path: pathlib.Path) -> None:
    assert settled(tmp_path, [host("a", 0)], round=2, host="a") == (0, None)
    assert list(tmp_path.iterdir()) == []


def test_a_host_s_plan_is_a_file_whatever_its_name(tmp_path: pathlib.Path) -> None:
    _steps, path = settled(tmp_path, [host("rack/1", 1)], round=3, host="rack/1")
    assert path == tmp_path / "plan-3-rack_1.json"
    assert json.loads(path.read_text())["hosts"][0]["host"] == "rack/1"


def test_what_could_not_be_looked_at_is_nothing_new_later() -> None:
    containers = [
        {
            "name": "fastgpt",
            "service": "fastgpt",
            "image": "ghcr.io/labring/fastgpt:v4.8.11",
            "state": {"status": "exited"},
        }
    ]
    evidence = {"source": "live", "engine": {"state": "ok"}, "containers": containers}
    before = action._not_ruled_out(diagnose(evidence, "web1"))
    assert "container-not-running" in before, "it is there"
    assert "sandbox-unreachable" in before, "nobody could try"
    assert "container-restart-loop" not in before, "it was looked for"
