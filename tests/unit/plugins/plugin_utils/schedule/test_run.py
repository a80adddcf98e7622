# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduled runs: what they may do, their exit codes, and the program itself on pasted files."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils import fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule import config, run, state

from tests.unit.plugins.plugin_utils.report import sample

ROOT = pathlib.Path(__file__).resolve().parents[5]
NOON = datetime.datetime(2026, 11, 27, 12, 30, tzinfo=datetime.timezone.utc)
LOG = "BSON: permissions on /data/mongodb.key are too open\n"


def settings(folder: pathlib.Path, **content: t.Any) -> config.Config:
    return config.load(written(folder, **content))


def written(folder: pathlib.Path, **content: t.Any) -> pathlib.Path:
    path = folder / "fleet.yml"
    base = {"inventory": str(ROOT / "inventory/hosts.yml"), "state_dir": "state", "lang": "en"}
    path.write_text(yaml.safe_dump(base | content), encoding="utf-8")
    return path


def program(path: pathlib.Path, command: str = "run") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "bin/fastgpt-ops"), command, "--config", str(path)],
        cwd=path.parent,
        env={name: value for name, value in os.environ.items() if name != "ANSIBLE_CONFIG"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_may_do_what_windows_cap_and_plan_leave_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    chosen = settings(
        tmp_path,
        mode="remediate",
        allow=["safe", "restart"],
        windows={"restart": [{"from": "12:00", "to": "13:00"}]},
        changes_per_night=3,
        approved_plan="plan.json",
    )
    may = run.order(chosen, state.State(nights={"2026-11-27": 1}), NOON)
    assert (may.playbook, may.allow, may.left) == ("remediate", ("safe", "restart"), 2)
    assert may.plan == tmp_path / "plan.json"
    again = run.order(chosen, state.State(plans=[str(may.plan_digest)]), NOON)
    assert again.plan is None  # a plan is applied once
    later = run.order(chosen, state.State(), NOON + datetime.timedelta(hours=1))
    assert (later.allow, later.plan) == (("safe",), None)
    full = run.order(chosen, state.State(nights={"2026-11-27": 3}), NOON)
    assert full.playbook == "diagnose"


def test_a_run_only_looks_where_nothing_may_be_changed_now(tmp_path: pathlib.Path) -> None:
    chosen = settings(
        tmp_path, mode="remediate", allow=["restart"], windows={"restart": [{"from": "02:00", "to": "03:00"}]}
    )
    assert run.order(chosen, state.State(), NOON).playbook == "diagnose"


UNREACHABLE = sample.report(sample.unreachable("a", "no route"), sample.healthy("b"))
LOCKED = run.Watch(locked=["a"])


@pytest.mark.parametrize(
    ("report", "watch", "trouble", "fail_on", "code"),
    [
        (sample.report(sample.healthy()), run.Watch(), None, "error", 0),
        (sample.report(sample.broken()), run.Watch(), "timed out", "error", 1),
        (sample.report(sample.broken()), run.Watch(), None, "error", 2),
        (sample.report(sample.broken()), run.Watch(), None, "never", 0),
        (sample.report(sample.warned()), run.Watch(), None, "error", 0),
        (sample.report(sample.warned()), run.Watch(), None, "warning", 2),
        (sample.report(sample.broken()), LOCKED, None, "error", 3),
        (None, LOCKED, None, "error", 3),
        (None, run.Watch(), None, "error", 1),
        (UNREACHABLE, run.Watch(), None, "error", 4),
        (sample.report(sample.unreachable("a", "x"), sample.broken()), run.Watch(), None, "error", 2),
    ],
)
def test_exit_codes(
    report: dict[str, t.Any] | None, watch: run.Watch, trouble: str | None, fail_on: str, code: int
) -> None:
    assert run.exit_code(report, watch, trouble, fail_on) == code


def failed(host: str, words: str) -> dict[str, t.Any]:
    return {"event": "runner_on_failed", "event_data": {"host": host, "task": "T", "res": {"msg": words}}}


def test_events_tell_a_held_lock_from_a_failure_and_from_a_step_that_was_rolled_back() -> None:
    watch = run.Watch()
    held = "run r1 of ann@desk is working on this host"
    for event in (failed("web1", held), failed("web1", held), failed("web2", "no"), failed("web3", "did not help")):
        watch(event)
    watch({"event": "playbook_on_stats", "event_data": {"failures": {"web1": 1, "web2": 1}, "rescued": {"web3": 1}}})
    assert (watch.locked, watch.failed) == (["web1"], {"web2": "web2: T: no"})


def test_the_cap_holds_back_steps_beyond_it() -> None:
    steps = [{"allowed": True}, {"allowed": False}, {"allowed": True}]
    hosts = [{"host": "a", "steps": steps}, {"host": "b", "steps": [{"allowed": True}]}]
    held = fix.limited(hosts, 2)
    assert [step["allowed"] for host in held for step in host["steps"]] == [True, False, True, False]
    assert "enough is changed" in held[1]["steps"][0]["held"]["en"]
    assert "held" not in held[0]["steps"][1]  # it was never allowed


def test_state_that_cannot_be_read_is_named_and_not_overwritten(tmp_path: pathlib.Path) -> None:
    (tmp_path / "state.json").write_text("{torn")
    with pytest.raises(state.StateError, match="move it away to begin anew"):
        state.load(tmp_path)
    assert (tmp_path / "state.json").read_text() == "{torn"


def bundle(folder: pathlib.Path) -> dict[str, str]:
    log = folder / "ticket/web1/logs/mongo.log"
    log.parent.mkdir(parents=True)
    log.write_text(LOG, encoding="utf-8")
    return {"fastgpt_bundle": str(folder / "ticket")}


def test_the_program_runs_reports_and_gives_its_code(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, variables=bundle(tmp_path), metrics="fastgpt.prom", keep={"reports": 2, "artifacts": 1})
    for _run in range(3):
        done = program(path)
        assert done.returncode == 2, done.stdout + done.stderr
    assert "mongo-keyfile-permissions" in done.stdout
    report = json.loads((tmp_path / "reports/latest/report.json").read_text(encoding="utf-8"))
    assert len(report["fleet"]["history"]) == 3
    assert len([path for path in (tmp_path / "reports").iterdir() if not path.is_symlink()]) == 2
    assert len(list((tmp_path / "state/runner/artifacts").iterdir())) == 1
    assert "fastgpt_ops_finding" in (tmp_path / "fastgpt.prom").read_text(encoding="utf-8")
    accepted = {"finding": "mongo-keyfile-permissions", "hosts": "web1", "reason": "known", "until": "2999-01-01"}
    written(tmp_path, variables={"fastgpt_bundle": str(tmp_path / "ticket")}, waivers=[accepted])
    assert program(path).returncode == 0


def test_the_program_leaves_another_run_alone(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, variables=bundle(tmp_path))
    with state.locked(tmp_path / "state"):
        done = program(path)
    assert done.returncode == 3
    assert f"process {os.getpid()} on" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_run_that_takes_too_long_is_ended_and_said(tmp_path: pathlib.Path) -> None:
    done = program(written(tmp_path, variables=bundle(tmp_path), limits={"run_timeout": 1}))
    assert done.returncode == 1
    assert "was ended" in done.stderr


def test_check_says_what_a_run_would_do_and_refuses_a_bad_file(tmp_path: pathlib.Path) -> None:
    done = program(written(tmp_path, mode="remediate", changes_per_night=4), "check")
    assert done.returncode == 0
    assert "playbook now: remediate" in done.stdout
    assert "fixes left this night: 4" in done.stdout
    done = program(written(tmp_path, mode="fix"), "check")
    assert done.returncode == 1
    assert "mode: 'fix' is not one of ['diagnose', 'remediate']" in done.stderr
