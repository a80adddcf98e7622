# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""One scheduled run of lab hosts over three workers of ansible-runner, each with a shard of the inventory.

FASTGPT_LAB_HOSTS names three hosts, comma-separated; those booted by default where it is not set.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from fastgpt_lab.settings import load_hosts

from .conftest import BIN, ROOT, STATE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOSTS, DEFAULT_HOSTS = load_hosts()
USED = os.environ.get("FASTGPT_LAB_HOSTS", ",".join(DEFAULT_HOSTS)).split(",")


def test_three_workers_diagnose_the_lab_and_leave_one_report(tmp_path: Path) -> None:
    settings = {
        "inventory": str(STATE / "fleet.yml"),
        "limit": ",".join(USED),
        "state_dir": "state",
        "lang": "en",
        "fail_on": "never",
        "workers": [f"{BIN}/ansible-runner worker"] * 3,
    }
    (tmp_path / "fleet.yml").write_text(yaml.safe_dump(settings))
    done = subprocess.run(
        [str(ROOT / "bin/fastgpt-ops"), "run", "--config", str(tmp_path / "fleet.yml")],
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "reports/latest/report.json").read_text("utf-8"))
    found = {host["host"]: host for host in report["hosts"]}
    assert set(found) == set(USED)
    assert all(host["reachable"] and host["deployment"]["fastgpt_version"] for host in found.values())
    assert len(list((tmp_path / "reports/latest").glob("shard-*/report.json"))) == min(3, len(USED))
