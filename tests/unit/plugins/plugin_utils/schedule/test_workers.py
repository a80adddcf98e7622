# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over several workers: how hosts are dealt, and real workers whose reports become one."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule import config, workers

ROOT = pathlib.Path(__file__).resolve().parents[5]
BIN = pathlib.Path(sys.executable).parent
WORKER = f"{BIN}/ansible-runner worker"


def test_hosts_are_dealt_and_none_is_lost() -> None:
    hosts = [f"web{number}" for number in range(7)]
    assert workers.cut(hosts, 3) == [["web0", "web3", "web6"], ["web1", "web4"], ["web2", "web5"]]
    assert workers.cut(hosts[:2], 3) == [["web0"], ["web1"]]
    assert workers.cut([], 3) == []


def test_the_cap_on_fixes_is_dealt_too() -> None:
    given = {"fastgpt_max_steps": 7, "other": 1}
    assert [workers._share(given, number, 3)["fastgpt_max_steps"] for number in (1, 2, 3)] == [3, 2, 2]
    assert workers._share({"other": 1}, 1, 3) == {"other": 1}


def test_an_approved_plan_is_not_for_workers(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, workers=[WORKER], approved_plan="plan.json")
    with pytest.raises(config.ConfigError, match="leave one of the two out"):
        config.load(path)


def written(folder: pathlib.Path, **more: t.Any) -> pathlib.Path:
    """A schedule over five names of this machine."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"vars": local, "hosts": {f"web{number}": None for number in range(1, 6)}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    path = folder / "fleet.yml"
    path.write_text(yaml.safe_dump({"inventory": "hosts.yml", "state_dir": "state", "lang": "en"} | more))
    return path


def program(path: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run the program with workers that find ansible as ours do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [str(ROOT / "bin/fastgpt-ops"), "run", "--config", str(path)],
        cwd=path.parent,
        env=kept | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_three_workers_leave_one_report_of_all_hosts(tmp_path: pathlib.Path) -> None:
    done = program(written(tmp_path, workers=[WORKER] * 3, fail_on="never"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "reports/latest/report.json").read_text())
    assert sorted(host["host"] for host in report["hosts"]) == ["web1", "web2", "web3", "web4", "web5"]
    assert report["summary"]["hosts_unreachable"] == 0
    shards = sorted((tmp_path / "reports/latest").glob("shard-*/report.json"))
    parts = [json.loads(path.read_text()) for path in shards]
    assert [len(part["hosts"]) for part in parts] == [2, 2, 1]
    assert {part["run_id"] for part in parts} == {report["run_id"]}  # one run, also for a rollback
    assert (tmp_path / "reports/latest/report.html").stat().st_size > 10_000


def test_a_worker_that_dies_costs_its_own_hosts_only(tmp_path: pathlib.Path) -> None:
    broken = "sh -c 'cat >/dev/null; echo no python here >&2; exit 3'"
    done = program(written(tmp_path, workers=[WORKER, broken], fail_on="never"))
    assert done.returncode == 1
    assert "worker 2 gave no report" in done.stderr and "no python here" in done.stderr
    report = json.loads((tmp_path / "reports/latest/report.json").read_text())
    reached = {host["host"]: host["reachable"] for host in report["hosts"]}
    assert reached == {"web1": True, "web2": False, "web3": True, "web4": False, "web5": True}
