# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A rollout over two broken hosts: the canary first, and the other not at all where the canary gets worse.

FASTGPT_LAB_HOSTS names two hosts, comma-separated; the first two that are booted by default where it is not set.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from fastgpt_lab.settings import load_hosts

from .conftest import STATE, Playbook, lab, ssh

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOSTS, DEFAULT_HOSTS = load_hosts()
CANARY, OTHER = os.environ.get("FASTGPT_LAB_HOSTS", ",".join(DEFAULT_HOSTS)).split(",")[:2]
OPTIONS = {"fastgpt_allow": ["safe", "restart"], "fastgpt_rollout": {"canary": [CANARY], "settle": 8}}
LOCK = "/var/lib/fastgpt-ops/lock"
KEPT = "/run/compose-of-before"
# When the host's fixes are made and its lock is given back, something breaks that no role cures: a second look tells.
BREAK_AFTER_THE_FIX = f"""
i=0; while [ ! -e {LOCK} ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i + 1)); done
i=0; while [ -e {LOCK} ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i + 1)); done
cd /opt/fastgpt
cp -p docker-compose.yml {KEPT}
echo 'services: [' >>docker-compose.yml
"""
JOURNAL = "cat /var/lib/fastgpt-ops/journal.jsonl 2>/dev/null || :"


@pytest.fixture(autouse=True)
def broken() -> Iterator[None]:
    """Two hosts that lack a container; as they were deployed afterwards."""
    for host in (CANARY, OTHER):
        lab("reset", host)
        lab("fault", "inject", host, "container-missing")
    yield
    ssh(CANARY, f"[ ! -e {KEPT} ] || mv {KEPT} /opt/fastgpt/docker-compose.yml")
    lab("reset", CANARY, OTHER)


def test_the_canary_is_fixed_before_the_others_are_begun(playbook: Playbook) -> None:
    run = playbook(
        "remediate.yml", "--limit", f"{CANARY},{OTHER}", "-e", json.dumps(OPTIONS), inventory=STATE / "fleet.yml"
    )
    assert run.code == 0, run.output[-4000:]
    shown = run.output
    assert f"canary: {CANARY}\n  batch 2: {OTHER}" in shown
    fixed = [
        shown.index(f"Rollout: canary of 2: {CANARY}"),
        shown.index(f"changed: [{CANARY}]"),
        shown.index(f"Rollout: batch 2 of 2: {OTHER}"),
        shown.index(f"changed: [{OTHER}]"),
    ]
    assert fixed == sorted(fixed)
    assert run.open_and_grave(CANARY) == run.open_and_grave(OTHER) == []


def test_a_canary_that_gets_worse_stops_the_rollout_and_the_rest_is_untouched(playbook: Playbook) -> None:
    before = ssh(OTHER, JOURNAL)
    command = ["ssh", "-F", str(STATE / "ssh_config"), CANARY, "sh", "-s"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as saboteur:
        assert saboteur.stdin is not None
        saboteur.stdin.write(BREAK_AFTER_THE_FIX)
        saboteur.stdin.close()
        run = playbook(
            "remediate.yml", "--limit", f"{CANARY},{OTHER}", "-e", json.dumps(OPTIONS), inventory=STATE / "fleet.yml"
        )
    assert run.code != 0
    assert f"Rollout: {CANARY}: worse than before: compose-invalid" in run.output, run.output[-4000:]
    words = " ".join(run.output.split())
    assert f"the rollout was stopped because of {CANARY}: worse than before" in words
    assert "batch 2 of 2" not in run.output
    assert ssh(OTHER, JOURNAL) == before
    assert "container-missing" in run.roots(OTHER)
