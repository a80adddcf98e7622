# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Six hosts of two FastGPT versions in one run: one dies at work, one hangs, one refuses sudo; the others are fixed,
the canary first, and all six are accounted for.

FASTGPT_LAB_HOSTS names the six hosts, comma-separated.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from fastgpt_lab.settings import load_hosts

from .conftest import STATE, Playbook, lab, ssh

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

SIX = os.environ.get("FASTGPT_LAB_HOSTS", "web1,web2,web3,web4,web6,web7").split(",")
CANARY, WELL, ALSO_WELL, DIES, HANGS, REFUSES = SIX
HOSTS, _DEFAULT = load_hosts()
LOCK = "/var/lib/fastgpt-ops/lock"
JOURNAL = "/var/lib/fastgpt-ops/journal.jsonl"
FAULTS = {CANARY: "container-missing", WELL: "mongo-keyfile-permissions", ALSO_WELL: "container-missing"}
FAULTS |= {DIES: "mongo-keyfile-permissions", HANGS: "container-missing", REFUSES: "container-missing"}
OPTIONS = {
    "fastgpt_allow": ["safe", "restart"],
    "fastgpt_rollout": {"canary": [CANARY], "batches": ["100%"], "budget": 2},
}
# somebody who may log in, and may not become root; a host of the lab has no sudo: this says what it says then
STRANGER = """
id stranger >/dev/null 2>&1 || useradd --create-home --password '*' --shell /bin/sh stranger
install -d -m 700 -o stranger -g stranger /home/stranger/.ssh
install -m 600 -o stranger -g stranger /root/.ssh/authorized_keys /home/stranger/.ssh/authorized_keys
printf '#!/bin/sh\\necho "stranger is not in the sudoers file." >&2\\nexit 1\\n' >/usr/local/bin/sudo
chmod 755 /usr/local/bin/sudo
"""


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], capture_output=True, check=True)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Path]:
    """The inventory of six broken hosts; as they were deployed afterwards."""
    for host in SIX:
        lab("reset", host)
        lab("fault", "inject", host, FAULTS[host])
        ssh(host, f"rm -f {LOCK}")  # one that an interrupted run left would be taken for this run's
    ssh(REFUSES, STRANGER)
    known = yaml.safe_load((STATE / "fleet.yml").read_text("utf-8"))["lab"]
    hosts = {host: dict(known["hosts"][host]) for host in SIX}
    hosts[REFUSES] |= {"ansible_user": "stranger", "ansible_become": True}
    inventory = tmp_path / "fleet.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": known["vars"], "hosts": hosts}}))
    yield inventory
    subprocess.run(["docker", "unpause", HOSTS[HANGS].container], capture_output=True, check=False)
    lab("up", "--hosts", ",".join(SIX))
    docker("restart", HOSTS[DIES].container)  # an engine that was killed at work may come back with its ports taken
    lab("up", "--hosts", DIES)
    for host in SIX:
        ssh(host, f"rm -f {LOCK} /usr/local/bin/sudo")
        lab("reset", host)


def when_at_work(host: str, then: Callable[[], None]) -> threading.Thread:
    """Do something as soon as the host's lock is taken."""

    def wait() -> None:
        end = time.monotonic() + 900
        command = ["docker", "exec", HOSTS[host].container, "test", "-e", LOCK]
        while subprocess.run(command, capture_output=True, check=False).returncode and time.monotonic() < end:
            time.sleep(0.2)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_one_run_fixes_what_it_can_and_names_all_the_rest(fleet: Path, playbook: Playbook) -> None:
    versions = {HOSTS[host].stack for host in SIX}
    assert len(versions) > 1
    waiting = [
        when_at_work(DIES, lambda: docker("kill", HOSTS[DIES].container)),
        when_at_work(HANGS, lambda: docker("pause", HOSTS[HANGS].container)),
    ]
    run = playbook("remediate.yml", "-e", json.dumps(OPTIONS), inventory=fleet)
    for thread in waiting:
        thread.join(1)
        assert not thread.is_alive(), "the host was never worked on"

    assert f"canary: {CANARY}\n" in run.output
    assert f"not reached, left alone: {REFUSES}" in run.output
    first_change = run.output.index("changed: [")
    assert run.output.index(f"changed: [{CANARY}]") == first_change
    for host in (CANARY, WELL, ALSO_WELL):
        (ended,) = [finding for finding in run.host(host)["findings"] if finding["id"] == FAULTS[host]]
        assert (ended["status"], bool(ended["proof"])) == ("fixed", True), (host, run.output[-6000:])
        assert run.open_and_grave(host) == [], host
    for host in (DIES, HANGS):
        assert f"Rollout: {host}: cannot be looked at any more" in run.output, run.output[-6000:]
    for host in (DIES, HANGS, REFUSES):
        entry = run.host(host)
        assert (entry["reachable"], entry["healthy"]) == (False, False), host
        assert entry["error"], host
    assert "stranger is not in the sudoers file" in run.host(REFUSES)["error"]
    assert run.report["summary"]["hosts_unreachable"] == 3
