# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Remediations that meet, that are approved beforehand, and of several hosts with several faults each.

What one fix does is tested by the scenarios of molecule/fixes, what a kill leaves behind by test_kill.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastgpt_lab.settings import load_hosts

from .conftest import Playbook, lab, ssh

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ALLOW = ("-e", json.dumps({"fastgpt_allow": ["safe", "restart", "data"]}))
HOSTS, DEFAULT_HOSTS = load_hosts()
HOST = DEFAULT_HOSTS[0]
# every file of the project and every container, as a prediction must leave them
STATE_OF_HOST = """
cd /opt/fastgpt
find . -maxdepth 1 -type f | sort | xargs sha256sum
stat -c '%n %F %a %u:%g' -- *
docker ps --all --quiet --no-trunc | sort
"""
LOCK = "/var/lib/fastgpt-ops/lock"


@pytest.fixture
def broken() -> Iterator[str]:
    """A host that lacks a container; as it was deployed afterwards."""
    lab("reset", HOST)
    lab("fault", "inject", HOST, "container-missing")
    yield HOST
    ssh(HOST, f"rm -f {LOCK}")
    lab("reset", HOST)


def test_another_run_on_the_host_is_named_and_left_alone(broken: str, playbook: Playbook) -> None:
    held = json.dumps({"run_id": "other-run", "who": "ann@desk", "since": 0, "until": 9999999999})
    ssh(broken, f"mkdir -p /var/lib/fastgpt-ops; echo '{held}' >{LOCK}")
    before = ssh(broken, STATE_OF_HOST)
    run = playbook("remediate.yml", "--limit", broken, *ALLOW)
    assert run.code != 0
    assert "run other-run of ann@desk is working on this host" in run.output
    assert ssh(broken, STATE_OF_HOST) == before


def test_of_two_controllers_at_once_one_works_and_the_other_names_it(broken: str, playbook: Playbook) -> None:
    journal = "cat /var/lib/fastgpt-ops/journal.jsonl 2>/dev/null || :"
    before = ssh(broken, journal)
    with ThreadPoolExecutor(2) as pool:
        runs = [
            future.result()
            for future in [pool.submit(playbook, "remediate.yml", "--limit", broken, *ALLOW) for _ in "ab"]
        ]
    worked, refused = sorted(runs, key=lambda run: run.code)
    lines = ssh(broken, journal).removeprefix(before).splitlines()
    assert worked.code == 0, worked.output[-4000:]
    (run_id,) = {json.loads(line)["run_id"] for line in lines}
    assert f"run {run_id} of" in refused.output, refused.output[-4000:]
    assert "is working on this host" in refused.output


def test_an_approved_plan_is_refused_when_the_host_changed_since(broken: str, playbook: Playbook) -> None:
    plan = playbook("remediate.yml", "--limit", broken, "--check", *ALLOW).folder / "plan.json"
    ssh(broken, "cd /opt/fastgpt; cp -p docker-compose.yml /run/approved; echo '# edited' >>docker-compose.yml")
    before = ssh(broken, STATE_OF_HOST)
    refused = playbook("remediate.yml", "--limit", broken, "-e", f"fastgpt_plan={plan}")
    assert refused.code != 0
    assert "what container-missing rests on has changed since the plan was made" in " ".join(refused.output.split())
    assert ssh(broken, STATE_OF_HOST) == before

    ssh(broken, "cp -p /run/approved /opt/fastgpt/docker-compose.yml")
    applied = playbook("remediate.yml", "--limit", broken, "-e", f"fastgpt_plan={plan}")
    assert applied.code == 0, applied.output[-4000:]
    assert applied.open_and_grave(broken) == []


def test_nothing_that_removes_data_was_ever_called() -> None:
    """What every command of the lab's hosts has logged so far, whoever ran it."""
    lab("dangerous", *DEFAULT_HOSTS)
