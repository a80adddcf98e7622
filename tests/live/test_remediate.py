# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Fixes on the running lab: predicted, made, proved, repeated without effect, and undone.

FASTGPT_LAB_FIXES chooses the faults: names, comma-separated, or `all`; one by default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from fastgpt_lab import faults
from fastgpt_lab.settings import load_hosts

from .conftest import Playbook, Run, lab, ssh

pytestmark = pytest.mark.lab

ALLOW = ("-e", json.dumps({"fastgpt_allow": ["safe", "restart"]}))
FIXED = (
    "mongo-keyfile-permissions",
    "mongo-keyfile-is-directory",
    "port-conflict",
    "container-not-running",
    "container-missing",
    "database-port-exposed",
)
CHOSEN = os.environ.get("FASTGPT_LAB_FIXES", "port-conflict")
HOSTS, DEFAULT_HOSTS = load_hosts()
# every file of the project and every container, as a diagnosis must leave them
STATE_OF_HOST = """
cd /opt/fastgpt
find . -maxdepth 1 -type f | sort | xargs sha256sum
stat -c '%n %F %a %u:%g' -- *
docker ps --all --quiet --no-trunc | sort
"""


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Iterator[tuple[str, faults.Fault]]:
    """A host with the fault of the test in it; as it was deployed afterwards."""
    fault = faults.load(request.param)
    host = next(name for name in DEFAULT_HOSTS if fault.fits(HOSTS[name]))
    lab("reset", host)
    lab("fault", "inject", host, fault.name)
    yield host, fault
    lab("reset", host)


def remediate(playbook: Playbook, host: str, *options: str) -> Run:
    run = playbook("remediate.yml", "--limit", host, "--diff", *ALLOW, *options)
    assert run.code == 0, run.output[-4000:]
    return run


@pytest.mark.parametrize(
    "broken", [name for name in FIXED if CHOSEN == "all" or name in CHOSEN.split(",")], indirect=True, ids=str
)
def test_a_fault_is_fixed_proved_and_can_be_brought_back(broken: tuple[str, faults.Fault], playbook: Playbook) -> None:
    host, fault = broken
    before = ssh(host, STATE_OF_HOST)

    predicted = remediate(playbook, host, "--check")
    assert fault.finding in predicted.roots(host)
    assert ssh(host, STATE_OF_HOST) == before
    assert ssh(host, "ls /var/lib/fastgpt-ops/lock 2>&1 || true").strip() != "/var/lib/fastgpt-ops/lock"

    done = remediate(playbook, host)
    ends = {finding["id"]: finding["status"] for finding in done.host(host)["findings"]}
    assert ends[fault.finding] == "fixed"
    assert [f["id"] for f in done.host(host)["findings"] if f["status"] in ("failed", "rolled_back")] == []

    again = remediate(playbook, host)
    assert json.loads((again.folder / "plan.json").read_text("utf-8"))["hosts"][0]["steps"] == []

    # what is there is compared byte for byte; containers that were made new have other ids
    back = playbook("playbooks/rollback.yml", "--limit", host, "-e", f"fastgpt_run_id={done.folder.name}")
    assert back.code == 0, back.output[-4000:]
    assert files_of(ssh(host, STATE_OF_HOST)) == files_of(before)
    found = playbook("diagnose.yml", "--limit", host)
    assert fault.finding in {finding["id"] for finding in found.host(host)["findings"]}


def files_of(state: str) -> list[str]:
    return [line for line in state.splitlines() if " " in line]


def test_another_run_on_the_host_is_named_and_left_alone(playbook: Playbook) -> None:
    host = next(iter(DEFAULT_HOSTS))
    lab("reset", host)
    lab("fault", "inject", host, "container-missing")
    held = json.dumps({"run_id": "other-run", "who": "ann@desk", "since": 0, "until": 9999999999})
    ssh(host, f"mkdir -p /var/lib/fastgpt-ops; echo '{held}' >/var/lib/fastgpt-ops/lock")
    try:
        before = ssh(host, STATE_OF_HOST)
        run = playbook("remediate.yml", "--limit", host, *ALLOW)
        assert run.code != 0
        assert "run other-run of ann@desk is working on this host" in run.output
        assert ssh(host, STATE_OF_HOST) == before
    finally:
        ssh(host, "rm /var/lib/fastgpt-ops/lock")
        lab("reset", host)
