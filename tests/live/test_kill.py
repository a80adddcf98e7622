# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Runs that are killed at a step of the journal: the next one ends healthy, and nothing is half-written or lost.

FASTGPT_LAB_KILLS chooses the fixes: names of scenarios of molecule/fixes, comma-separated, or `all`; one by default.
FASTGPT_LAB_HOST chooses the host.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastgpt_lab import faults
from fastgpt_lab.settings import load_hosts

from .conftest import FLEET, ROOT, Playbook, lab, report_of, ssh, start

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

FIXES = ROOT / "molecule/fixes"
CHOSEN = os.environ.get("FASTGPT_LAB_KILLS", "mongo-keyfile-permissions")
NAMES = sorted(
    p.parent.name for p in FIXES.glob("*/molecule.yml") if CHOSEN == "all" or p.parent.name in CHOSEN.split(",")
)
HOSTS, DEFAULT_HOSTS = load_hosts()
PATIENCE, PAUSE = 90.0, 10.0  # seconds; a look takes the cores from what is waited for

# Python on the host loads this at every start: after so many lines of the journal it kills the module, or waits for the
# controller to be killed. The modules know nothing of it.
KILLER = """
import os, signal, time
PLACE = "/run/lab-kill/"
def fsync(descriptor, real=os.fsync):
    real(descriptor)
    if not os.readlink("/proc/self/fd/%d" % descriptor).endswith("/journal.jsonl"):
        return
    with open(PLACE + "left", "r+") as file:
        left = int(file.read() or 0) - 1
        file.seek(0); file.truncate(); file.write(str(left))
    if left == 0:
        open(PLACE + "reached", "w").close()
        if os.path.exists(PLACE + "module"):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(5)
if os.path.exists(PLACE + "left"):
    os.fsync = fsync
"""
INSTALL = f"""
folder=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p "$folder" /run/lab-kill
cat >"$folder/lab_kill.py" <<'END'
{KILLER}
END
echo 'import lab_kill' >"$folder/lab_kill.pth"
"""
REMOVE = """
folder=$(python3 -c 'import site; print(site.getsitepackages()[0])')
rm -rf "$folder/lab_kill.py" "$folder/lab_kill.pth" /run/lab-kill
"""
MONGO = 'docker exec {mongo} sh -c \'mongo --quiet -u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" \
--authenticationDatabase admin --eval "$1"\' sh'
PSQL = 'docker exec {pg} sh -c \'psql -qAt -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$1"\' sh'
FILL = """
{mongo} 'db = db.getSiblingDB("fastgpt"); db.lab_rows.drop();
for (var i = 0; i < 50; i++) {{ db.lab_rows.insertOne({{n: i}}) }}' >/dev/null
{psql} 'DROP TABLE IF EXISTS lab_rows; CREATE TABLE lab_rows AS SELECT generate_series(1, 70) AS n'
"""
COUNT = """
{mongo} 'db = db.getSiblingDB("fastgpt"); print("rows", db.lab_rows.count(), db.users.count())' | grep rows
{psql} 'SELECT count(*) FROM lab_rows'
"""
TEMPORARY = "find /opt/fastgpt -maxdepth 1 -name '.*.fastgpt-ops' -o -maxdepth 1 -name '*.part'"


def on_stack(script: str, host: str) -> str:
    """Fill the names of the stack's containers in."""
    g11 = HOSTS[host].stack.startswith("g11")
    mongo = MONGO.format(mongo="fastgpt-mongo" if g11 else "mongo")
    return script.format(mongo=mongo, psql=PSQL.format(pg="fastgpt-pg" if g11 else "pg"))


@pytest.fixture(params=NAMES)
def broken(request: pytest.FixtureRequest) -> Iterator[tuple[str, faults.Fault, dict[str, Any]]]:
    """A host with rows in both databases, the fault to inject, and more variables for the fix; put back afterwards."""
    path = FIXES / request.param / "vars.yml"
    particular = (yaml.safe_load(path.read_text("utf-8")) if path.exists() else None) or {}
    fault = faults.load(particular.get("fix_fault", request.param))
    fitting = [name for name in (os.environ.get("FASTGPT_LAB_HOST", ""), *DEFAULT_HOSTS) if name in HOSTS]
    host = next(name for name in fitting if fault.fits(HOSTS[name]))
    lab("reset", host)
    ssh(host, on_stack(FILL, host) + INSTALL)
    yield host, fault, particular.get("fix_vars", {})
    ssh(host, REMOVE)
    lab("reset", host)


def remediate(host: str, reports: Path, variables: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a remediation of the host that may do everything, in a process group of its own."""
    options = {"fastgpt_allow": ["safe", "restart", "data"], "fastgpt_report_dir": str(reports), **variables}
    return start("remediate.yml", host, options)


def killed_after(lines: int, victim: str, host: str, begin: Callable[[], subprocess.Popen[str]]) -> bool:
    """Begin a run that is killed after so many lines of the journal; False where it ended before."""
    mark = "touch /run/lab-kill/module" if victim == "module" else "rm -f /run/lab-kill/module"
    ssh(host, f"rm -f /run/lab-kill/reached; {mark}; printf {lines} >/run/lab-kill/left")
    run = begin()
    if victim == "controller":
        threading.Thread(target=kill_when_reached, args=(run, host), daemon=True).start()
    run.communicate()
    reached = "reached" in ssh(host, "ls /run/lab-kill").split()
    ssh(host, "rm -f /run/lab-kill/left")
    return reached


def kill_when_reached(run: subprocess.Popen[str], host: str) -> None:
    """Kill the controller as soon as the host has come to the step."""
    ssh(host, "until [ -e /run/lab-kill/reached ] || [ ! -e /run/lab-kill/left ]; do sleep 0.05; done")
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)


@pytest.mark.parametrize("victim", ["module", "controller"])
def test_after_a_kill_at_any_step_the_next_run_ends_healthy(
    broken: tuple[str, faults.Fault, dict[str, Any]], victim: str, playbook: Playbook, tmp_path: Path
) -> None:
    host, fault, variables = broken
    rows = ssh(host, on_stack(COUNT, host))
    # such a fault is a new installation: it lays the rows aside, and the lab's reset brings them back
    new_installation = "empty_mongo" in fault.script or '"$KEPT/pg"' in fault.script
    for lines in itertools.count(1):
        lab("fault", "inject", host, fault.name)
        if not killed_while_fixing(fault, variables, lines, victim, host, playbook, tmp_path / f"killed-{lines}"):
            assert grave_in_the_end(playbook, host) == []  # it came to its end: all its lines were tried before
            break
        second = remediate(host, tmp_path / f"second-{lines}", variables)
        output = second.communicate()[0]
        assert second.returncode == 0, f"after {lines} lines: {output[-4000:]}"
        grave = report_of(tmp_path / f"second-{lines}", output).open_and_grave(host)
        assert not grave or grave_in_the_end(playbook, host) == [], f"after {lines} lines: {output[-4000:]}"
        assert ssh(host, TEMPORARY) == "", f"after {lines} lines"
        assert_backups_are_whole(host)
        if new_installation:
            lab("reset", host)
        assert ssh(host, on_stack(COUNT, host)) == rows, f"after {lines} lines"
        lab("reset", host)
    assert lines > 1, "the fix wrote nothing down"


def killed_while_fixing(
    fault: faults.Fault,
    variables: dict[str, Any],
    lines: int,
    victim: str,
    host: str,
    playbook: Playbook,
    reports: Path,
) -> bool:
    """Kill a run that fixes the fault after so many lines of the journal; False where it ended before them.

    A run that found nothing to fix yet is no try: what a start would mend shows after FastGPT's first minute.
    """
    for attempt in itertools.count():
        folder = reports / str(attempt)
        reached = killed_after(lines, victim, host, functools.partial(remediate, host, folder, variables))
        if reached or fault.finding in report_of(folder, "").ids(host):
            break
        wait_until_found(playbook, host, fault.finding)
    return reached


def wait_until_found(playbook: Playbook, host: str, finding: str) -> None:
    """Wait until the fault shows: what a start would mend is no finding in FastGPT's first minute."""
    deadline = time.monotonic() + PATIENCE
    while finding not in (found := playbook("diagnose.yml", "--limit", host, inventory=FLEET).ids(host)):
        assert time.monotonic() < deadline, f"{finding} is not found: {found}"
        time.sleep(PAUSE)


def grave_in_the_end(playbook: Playbook, host: str) -> list[str]:
    """Diagnose until nothing grave is found, or the time that FastGPT gets to start is over; give what is found."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = playbook("diagnose.yml", "--limit", host, inventory=FLEET).grave(host)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE)


def assert_backups_are_whole(host: str) -> None:
    """Every change of a file has its backup, with the content the journal says it had."""
    for line in ssh(host, "cat /var/lib/fastgpt-ops/journal.jsonl").splitlines():
        change = json.loads(line)
        if change.get("backup") and change["action"] == "replace-file":
            assert ssh(host, f"sha256sum {change['backup']}").split()[0] == change["before"], change
