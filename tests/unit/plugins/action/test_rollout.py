# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of a rollout: the batches shown, a host let in or not, and the verdict at its end."""

from __future__ import annotations

import json
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.action import rollout as action
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.host import read_host

STEP = [{"allowed": True}]
LOG = b"BSON: permissions on /data/mongodb.key are too open\n"
USUAL: dict[str, t.Any] = {
    "state": "planned",
    "hosts": [],
    "steps": {},
    "settings": {},
    "evidence": None,
    "rollout": {},
    "troubles": {},
    "before": [],
    "results": [],
    "lang": "en",
}

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that are printed."""
    lines: list[str] = []
    monkeypatch.setattr(action.display, "display", lambda text, **_more: lines.append(text))
    return lines


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> Run:
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments, **_more: {})
    monkeypatch.setattr(ActionBase, "validate_argument_spec", lambda self, _spec: (None, self._task.args))

    def task(host: str = "", **options: t.Any) -> dict[str, t.Any]:
        plugin = action.ActionModule.__new__(action.ActionModule)
        plugin._task = mock.Mock(args={**USUAL, **options})
        result: dict[str, t.Any] = plugin.run(task_vars={"inventory_hostname": host})
        return result

    return task


def fleet(run: Run) -> dict[str, t.Any]:
    steps = {"web1": STEP, "web2": [{"allowed": False}], "web3": STEP, "web4": STEP}
    return run(hosts=["web1", "web2", "web3", "web4", "web5"], steps=steps, settings={"canary": 1, "batches": [5]})


def test_every_host_is_shown_with_its_batch_or_why_it_has_none(run: Run, shown: list[str]) -> None:
    planned = fleet(run)
    assert (planned["order"], planned["sizes"], planned["changed"]) == (["web1", "web3", "web4"], [1, 2], False)
    assert shown == [
        "Rollout: 3 hosts in 2 batches; 1 may end badly before it stops, a canary none",
        "  canary: web1",
        "  batch 2: web3, web4",
        "  nothing to apply: web2",
        "  not reached, left alone: web5",
    ]


def test_one_batch_is_not_worth_a_line(run: Run, shown: list[str]) -> None:
    assert run(hosts=["web1"], steps={"web1": STEP})["sizes"] == [1]
    assert shown == []


def test_the_first_host_of_a_batch_announces_it(run: Run, shown: list[str]) -> None:
    planned = fleet(run)
    shown.clear()
    assert [run(host, state="entered", rollout=planned)["stopped"] for host in ("web1", "web3", "web4")] == ["", "", ""]
    assert shown == ["Rollout: canary of 2: web1", "Rollout: batch 2 of 2: web3, web4"]


def test_after_a_bad_canary_no_host_is_let_in(run: Run, shown: list[str]) -> None:
    planned = fleet(run)
    shown.clear()
    stopped = run("web3", state="entered", rollout=planned, troubles={"web1": "worse than before: x"})["stopped"]
    assert stopped == "the rollout was stopped because of web1: worse than before: x"
    assert shown == []


def test_a_host_is_judged_by_what_is_worse_and_by_its_steps(run: Run, shown: list[str], tmp_path: pathlib.Path) -> None:
    evidence = read_host({"logs/mongo.log": LOG}, "web1", "")
    (tmp_path / "web1.json").write_text(json.dumps(evidence))
    given = {"state": "judged", "evidence": str(tmp_path)}
    known = ["mongo-keyfile-permissions"]
    assert run("web1", **given)["trouble"] == "worse than before: mongo-keyfile-permissions"
    assert run("web1", **given, before=known)["trouble"] == ""
    ended = [{"finding": "oom", "status": "rolled_back"}, {"finding": "disk-full", "status": "fixed"}]
    assert run("web1", **given, before=known, results=ended)["trouble"] == "oom rolled back"
    assert run("web2", **given)["trouble"] == "cannot be looked at any more: no evidence arrived"
    assert shown[-1] == "Rollout: web2: cannot be looked at any more: no evidence arrived"


def test_wrong_settings_end_the_run_before_anything_is_changed(run: Run) -> None:
    with pytest.raises(AnsibleActionFail, match=r"fastgpt_rollout\.budget"):
        run(hosts=["web1"], steps={"web1": STEP}, settings={"budget": "some"})
