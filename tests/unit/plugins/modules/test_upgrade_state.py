# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade writes down, and what the next run reads there after a kill."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _alone, _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal, Lock, LockedError
from ansible_collections.fastgpt.ops.plugins.module_utils._undo import undo
from ansible_collections.fastgpt.ops.plugins.modules import upgrade_state as module

PLAN = {"target": "4.8.17", "current": "4.8.11", "hops": [{"version": "4.8.15"}, {"version": "4.8.17"}]}
Run = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    monkeypatch.setattr(_alone, "Journal", lambda: Journal())

    def start(**params: t.Any) -> dict[str, t.Any]:
        with patch_module_args(params), pytest.raises(SystemExit):
            module.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def states(run: Run) -> list[str] | None:
    found = run()["upgrade"]
    return [hop["state"] for hop in found["plan"]["hops"]] if found else None


def test_looking_writes_nothing(run: Run, tmp_path: pathlib.Path) -> None:
    assert run()["upgrade"] is None
    assert not (tmp_path / "state").exists()


def test_each_step_is_known_to_the_next_run(run: Run) -> None:
    run(state="begun", run_id="r1", plan=PLAN)
    assert states(run) == ["todo", "todo"]
    run(state="hop_begun", run_id="r1", finding="hop-1-4.8.15")
    assert states(run) == ["begun", "todo"]
    run(state="hop_done", run_id="r1", finding="hop-1-4.8.15")
    run(state="begun", run_id="r1", plan=PLAN)
    assert states(run) == ["done", "todo"]
    assert run()["upgrade"]["run_id"] == "r1"
    run(state="ended", run_id="r1")
    assert states(run) is None


def test_a_hop_that_was_taken_back_is_to_be_made_again(run: Run) -> None:
    run(state="begun", run_id="r1", plan=PLAN)
    run(state="hop_begun", run_id="r1", finding="hop-1-4.8.15")
    journal = Journal()
    assert [o.refused for o in undo(journal, journal.changes("r1", "hop-1-4.8.15"))] == [None]
    assert states(run) == ["todo", "todo"]


def test_a_run_that_was_taken_back_is_no_upgrade_any_more(run: Run) -> None:
    run(state="begun", run_id="r1", plan=PLAN)
    run(state="hop_done", run_id="r1", finding="hop-1-4.8.15")
    journal = Journal()
    assert [o.refused for o in undo(journal, journal.changes("r1"))] == [None, None]
    assert states(run) is None


def test_a_plan_that_is_gone_names_the_way_back(run: Run, tmp_path: pathlib.Path) -> None:
    run(state="begun", run_id="r1", plan=PLAN)
    for path in (tmp_path / "state/backups/r1").iterdir():
        path.unlink()
    assert "rollback.yml -e fastgpt_run_id=r1" in run()["msg"]


@pytest.mark.usefixtures("run")
def test_a_second_controller_that_goes_on_with_the_same_run_is_locked_out() -> None:
    Lock().take("r1", "ann", controller="boot 1 1")
    Lock().take("r1", "ann", controller="boot 1 1")
    with pytest.raises(LockedError):
        Lock().take("r1", "bob", controller="boot 2 2")
    assert not Lock().give_back("r1", "boot 2 2")
    Lock().take("r1", "bob", controller="boot 2 2", take_over="r1")
