# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Faults on the running lab: made, found as the root they are, healed, gone.

FASTGPT_LAB_FAULTS chooses them: names, comma-separated, or `all`; a few of different kinds by default.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastgpt_lab import faults, stacks
from fastgpt_lab.settings import STATE, Host, load_hosts

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOSTS, DEFAULT_HOSTS = load_hosts()
USUAL = "mongo-keyfile-permissions,port-conflict-process,engine-hung,config-json-invalid"
CHOSEN = os.environ.get("FASTGPT_LAB_FAULTS", USUAL)
FAULTS = [fault for fault in faults.load_all() if CHOSEN == "all" or fault.name in CHOSEN.split(",")]

# what is only missing because FastGPT has just started is no finding yet
PATIENCE = 75.0

pytestmark = pytest.mark.lab


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """The first default host the test's fault fits, as it was deployed; reset afterwards."""
    fault: faults.Fault = request.getfixturevalue("fault")
    chosen = next(HOSTS[name] for name in DEFAULT_HOSTS if fault.fits(HOSTS[name]))
    if faults.heal_all(chosen):
        stacks.bring_up(chosen)
    yield chosen
    if faults.heal_all(chosen):
        stacks.bring_up(chosen)


def diagnose(host: Host, reports: Path) -> dict[str, Any]:
    """Diagnose one lab host over SSH and return its part of report.json."""
    command = [f"{BIN}/ansible-playbook", "diagnose.yml", "-i", f"{STATE}/inventory.yml", "--limit", host.name]
    command += ["-e", f"fastgpt_report_dir={reports}"]
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((reports / "latest" / "report.json").read_text(encoding="utf-8"))
    (found,) = (entry for entry in report["hosts"] if entry["host"] == host.name)
    return dict(found)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_found_as_root_and_gone_when_healed(fault: faults.Fault, host: Host, tmp_path: Path) -> None:
    faults.inject(host, fault)
    time.sleep(4)  # a restart loop needs to restart

    roots = look_until(lambda ids: fault.finding in ids, host, tmp_path, root_ids)
    assert fault.finding in roots

    faults.heal(host, fault)
    stacks.wait_until_ready(host)
    time.sleep(2)
    left = look_until(lambda ids: fault.finding not in ids, host, tmp_path, grave_ids)
    assert fault.finding not in left


def root_ids(entry: dict[str, Any]) -> set[str]:
    return {item["id"] for item in entry["findings"] if not item["explained_by"]}


def grave_ids(entry: dict[str, Any]) -> set[str]:
    return {item["id"] for item in entry["findings"] if item["severity"] in ("error", "critical")}


def look_until(
    right: Callable[[set[str]], bool], host: Host, reports: Path, ids: Callable[[dict[str, Any]], set[str]]
) -> set[str]:
    """Diagnose until it is as wanted, or the time that FastGPT gets to start is over; return the last ids."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ids(diagnose(host, reports))
        if right(found) or time.monotonic() > deadline:
            return found
        time.sleep(5)
