# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that plans: what it writes, gives back, and holds an approved plan against."""

from __future__ import annotations

import json
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.action import upgrade_plan as action
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form

from tests.unit.plugins.plugin_utils.upgrade import stacks

G06 = (stacks.LAB / "g06" / "docker-compose.yml").read_text(encoding="utf-8")

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Run:
    """Give a function that plans for one host that can be read and one that cannot."""
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments, **_more: {})
    monkeypatch.setattr(ActionBase, "validate_argument_spec", lambda self, _spec: (None, self._task.args))
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "web1.json").write_text(json.dumps(stacks.deployment(G06).evidence))
    (evidence / "web2.json").write_text(json.dumps({"unreachable": "no route to host"}))

    def plan(**options: t.Any) -> dict[str, t.Any]:
        usual: dict[str, t.Any] = {"run_dir": str(tmp_path), "evidence": str(evidence), "bundle": None, "hosts": []}
        usual |= {"lang": "en", "target": "4.9.14", "current": None, "beta": False, "values": {}, "plan": None}
        usual["begun"] = {}
        plugin = action.ActionModule.__new__(action.ActionModule)
        plugin._task = mock.Mock(args={**usual, **options})
        result: dict[str, t.Any] = plugin.run()
        return result

    return plan


def test_the_plan_is_written_and_given_back(run: Run, tmp_path: pathlib.Path) -> None:
    result = run()
    document = json.loads((tmp_path / "upgrade-plan.json").read_text())
    form.validate(document)
    assert result["changed"] is False
    assert result["plans"]["web1"] == document["hosts"][0]
    assert result["plans"]["web1"]["hops"][-1]["version"] == "4.9.14"
    assert result["digest"] == document["digest"]
    assert "4.9.14" in (tmp_path / "upgrade-plan.html").read_text()


def test_a_host_that_cannot_be_read_is_refused_and_hinders_no_other(run: Run) -> None:
    result = run(hosts=["web1", "web2", "web3"])
    assert set(result["refused"]) == {"web2", "web3"}
    assert "no route to host" in result["refused"]["web2"]


def test_what_is_missing_is_asked_and_what_is_given_is_taken(run: Run) -> None:
    asked = run(target="4.15.4")
    assert "FE_DOMAIN" in asked["asked"]["web1"]
    given = {"FE_DOMAIN": "https://ai.example.com", "STORAGE_EXTERNAL_ENDPOINT": "http://10.0.0.1:9000"}
    assert "web1" not in run(target="4.15.4", values=given)["asked"]


def test_an_approved_plan_holds_only_while_nothing_changed(run: Run, tmp_path: pathlib.Path) -> None:
    run()
    approved = tmp_path / "approved.json"
    (tmp_path / "upgrade-plan.json").rename(approved)
    assert run(plan=str(approved))["plans"]["web1"]["hops"]
    with pytest.raises(AnsibleActionFail, match=r"not applied, nothing was changed.*web1"):
        run(plan=str(approved), target="4.9.13")
    approved.write_text("{}")
    with pytest.raises(AnsibleActionFail, match="cannot be read as an upgrade plan"):
        run(plan=str(approved))


def test_a_bundle_is_planned_for_as_well(run: Run, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "bundle" / "shop"
    folder.mkdir(parents=True)
    (folder / "docker-compose.yml").write_text(G06)
    result = run(bundle=str(tmp_path / "bundle"), evidence=None)
    assert [hop["version"] for hop in result["plans"]["shop"]["hops"]][-1] == "4.9.14"


def begun_run(run: Run, done: int) -> dict[str, t.Any]:
    """What the host tells of an upgrade to 4.9.14 that was killed after so many hops."""
    plan = run()["plans"]["web1"]
    states = ["done"] * done + ["begun"] + ["todo"] * len(plan["hops"])
    hops = [
        {**hop, "key": f"hop-{n}-{hop['version']}", "state": states[n - 1]} for n, hop in enumerate(plan["hops"], 1)
    ]
    return {"run_id": "r0", "plan": {**plan, "hops": hops}}


def test_a_run_that_did_not_end_goes_on_along_its_own_plan(run: Run, tmp_path: pathlib.Path) -> None:
    found = begun_run(run, 2)
    result = run(begun={"web1": found})
    way = result["runs"]["web1"]
    assert (way["run_id"], way["done"], way["goes_on"]) == ("r0", ["4.8.15", "4.8.17"], True)
    assert [hop["key"] for hop in way["hops"]][:2] == ["hop-3-4.8.18", "hop-4-4.8.19"]
    assert way["kept"] == "hop-1-4.8.15"
    assert way["owed"] == []
    document = json.loads((tmp_path / "upgrade-plan.json").read_text())
    form.validate(document)
    assert document["hosts"][0]["current"] == "4.8.17"
    assert "run r0 did not end; it goes on at 4.8.18" in str(document["hosts"][0]["warnings"])


def test_a_run_that_did_not_end_lets_no_other_target_begin(run: Run) -> None:
    result = run(begun={"web1": begun_run(run, 1)}, target="4.9.13")
    assert "run r0 has begun an upgrade to 4.9.14 and stands at 4.8.17" in result["refused"]["web1"]
    assert result["runs"]["web1"]["hops"] == []


def test_an_approved_plan_goes_on_as_well(run: Run, tmp_path: pathlib.Path) -> None:
    found = begun_run(run, 2)
    approved = tmp_path / "approved.json"
    (tmp_path / "upgrade-plan.json").rename(approved)
    assert run(plan=str(approved), target="", begun={"web1": found})["runs"]["web1"]["goes_on"]


def test_what_a_person_owes_a_hop_of_before_is_asked_again(run: Run) -> None:
    found = begun_run(run, 1)
    task = {"id": "4.8.15-9", "when": "after", "blocking": True, "text": {"en": "look", "zh": "看"}}
    found["plan"]["hops"][0]["tasks"] = [task, {**task, "blocking": False}]
    assert run(begun={"web1": found})["runs"]["web1"]["owed"] == [task]
