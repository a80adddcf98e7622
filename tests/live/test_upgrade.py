# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Upgrades end to end: real registry, rows in MongoDB and PostgreSQL, stand-ins that refuse where a call was left out.

FASTGPT_LAB_UPGRADES chooses what runs: names of journeys, faults and kills below, comma-separated, or `all`; by default
one journey over one stop. FASTGPT_LAB_HOST is the host of 4.8, FASTGPT_LAB_OLD_HOST the one with Compose 1,
FASTGPT_LAB_NEW_HOST that of 4.14.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastgpt_lab.settings import load_hosts

from .conftest import FLEET, ansible_playbook, lab, ssh, start
from .test_kill import INSTALL, REMOVE, killed_after, on_stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

HOSTS, DEFAULT_HOSTS = load_hosts()
CHOSEN = os.environ.get("FASTGPT_LAB_UPGRADES", "one-stop")
OLD = os.environ.get("FASTGPT_LAB_HOST", DEFAULT_HOSTS[0])
COMPOSE_1 = os.environ.get("FASTGPT_LAB_OLD_HOST", DEFAULT_HOSTS[1])
NEW = os.environ.get("FASTGPT_LAB_NEW_HOST", DEFAULT_HOSTS[2])
DOMAIN = {"FE_DOMAIN": "http://10.0.0.5:3000"}

ROWS = """
{mongo} 'db = db.getSiblingDB("fastgpt"); db.lab_rows.drop();
for (var i = 0; i < 50; i++) {{ db.lab_rows.insertOne({{n: i}}) }}
["apps", "users", "chats", "datasets", "dataset_datas", "system_models"].forEach(function (name) {{
  for (var i = 0; i < 40; i++) {{ db[name].insertOne({{lab: i}}) }}
}})' >/dev/null
{psql} 'DROP TABLE IF EXISTS lab_rows; CREATE TABLE lab_rows AS SELECT generate_series(1, 70) AS n;
insert into modeldata (vector, team_id, dataset_id, collection_id)
select array_fill(n::real, array[1536])::vector, $$lab$$, $$lab$$, $$lab$$ from generate_series(1, 20) n' 2>/dev/null
"""
# What no release may change: rows and their content. The stand-in's calls only mark the documents they work on.
DATA = """
{mongo} 'db = db.getSiblingDB("fastgpt");
["lab_rows", "apps", "chats", "datasets", "dataset_datas"].forEach(function (name) {{
  var found = [];
  db[name].find().forEach(function (one) {{ found.push([one.n, one.lab]); }});
  print("rows", name, found.length, JSON.stringify(found.sort()));
}})' | grep ^rows | sha256sum
{psql} 'SELECT count(*), md5(string_agg(n::text, $$,$$ ORDER BY n)) FROM lab_rows'
{psql} 'SELECT count(*), md5(string_agg(vector::text, $$,$$ ORDER BY id)) FROM modeldata'
"""
# What a way back must bring back beside the data: files, and what runs from which image.
STATE_OF_HOST = """
cd /opt/fastgpt
find . -maxdepth 1 -type f ! -name '.lab*' | sort | xargs sha256sum
docker ps --format '{{.Names}} {{.Image}} {{.State}}' | sort
"""
VERSION = """docker inspect --format '{{.Config.Image}}' $(docker ps -q --filter publish=3000)"""
ANSWERS = """
for _ in $(seq 60); do
  python3 -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:3000/api/common/system/getInitData", timeout=3)' \
    2>/dev/null && exit 0
  sleep 1
done
exit 1
"""


@dataclass(frozen=True)
class Journey:
    """A way that people go.

    :ivar start: a release to go to first, which is no part of what is looked at
    """

    host: str
    target: str
    tag: str
    start: str | None = None
    values: dict[str, str] = field(default_factory=dict)


JOURNEYS = {
    "one-stop": Journey(OLD, "4.8.15", "v4.8.15-fix3"),
    "all-of-4.8": Journey(OLD, "4.8.23", "v4.8.23-fix", start="4.8.15"),
    "to-4.9": Journey(OLD, "4.9.14", "v4.9.14"),
    "compose-1": Journey(COMPOSE_1, "4.8.20", "v4.8.20-fix2"),
    "tags-only": Journey(NEW, "4.14.26", "v4.14.26"),
    "new-plugin": Journey(NEW, "4.16.1", "v4.16.1", values=DOMAIN),
}


def chosen(names: Any) -> list[str]:
    """Those of the names that are to run."""
    return [name for name in names if CHOSEN == "all" or name in CHOSEN.split(",")]


class Upgrade:
    """Upgrades of one host, each in a folder of its own."""

    def __init__(self, host: str, folder: Path):
        self.host = host
        self.folder = folder
        self.number = 0

    def start(self, target: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        self.number += 1
        options = {
            "fastgpt_target_version": target,
            "fastgpt_report_dir": str(self.folder / str(self.number)),
            "fastgpt_lang": "en",
            **variables,
        }
        return start("playbooks/upgrade.yml", self.host, options)

    def run(self, target: str, **variables: Any) -> tuple[int, str, dict[str, Any]]:
        """Run it to its end; give exit code, output and what the report tells of the upgrade."""
        run = self.start(target, **variables)
        output = run.communicate()[0]
        (report,) = (self.folder / str(self.number)).glob("2*/report.json")
        (entry,) = json.loads(report.read_text("utf-8"))["hosts"]
        return run.returncode, output, entry.get("upgrade", {})

    def data(self) -> str:
        """Hashes over all rows."""
        return ssh(self.host, on_stack(DATA, self.host))

    def state(self) -> str:
        """Hashes of the files, and what runs."""
        return ssh(self.host, STATE_OF_HOST)


def prepared(host: str, folder: Path) -> Iterator[Upgrade]:
    """A host as first deployed, with rows in both databases; put back afterwards."""
    clear = "umount /var/lib/fastgpt-ops/backups 2>/dev/null || :; rm -rf /var/lib/fastgpt-ops"
    ssh(host, f"{clear}; {REMOVE}")
    lab("reset", host, "--data")
    ssh(host, on_stack(ROWS, host))
    yield Upgrade(host, folder)
    ssh(host, f"{clear}; {REMOVE}")
    lab("reset", host, "--data")


@pytest.fixture
def upgrade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgrade]:
    """The host the test names, else that of 4.8."""
    yield from prepared(getattr(request, "param", OLD), tmp_path)


@pytest.mark.parametrize("name", chosen(JOURNEYS))
def test_a_journey_ends_at_its_target_with_every_row(name: str, tmp_path: Path) -> None:
    journey = JOURNEYS[name]
    for upgrade in prepared(journey.host, tmp_path):
        if journey.start:
            assert upgrade.run(journey.start)[0] == 0
        data = upgrade.data()
        code, output, told = upgrade.run(journey.target, fastgpt_upgrade_values=journey.values)
        assert code == 0, output[-6000:]
        assert ssh(journey.host, VERSION).strip().endswith(f":{journey.tag}")
        assert told["status"] == "done" and {hop["status"] for hop in told["hops"]} == {"done"}
        assert upgrade.data() == data
        ssh(journey.host, ANSWERS)
        again = upgrade.run(journey.target, fastgpt_upgrade_values=journey.values)
        assert again[0] == 0 and not again[2], "there already, nothing is done"


# --- faults on the way: each ends at the target or where it was, and says which

WITH_FAULT = """
cd /opt/fastgpt
sed -i 's/^      - LOG_LEVEL=info/&\\n      - FASTGPT_LAB_FAULTS={fault}/' docker-compose.yml
docker compose up -d fastgpt >/dev/null 2>&1
"""
FILL_UP = """
mkdir -p /var/lib/fastgpt-ops/backups
mount -t tmpfs -o size=1500m tmpfs /var/lib/fastgpt-ops/backups
nohup sh -c 'until ls /var/lib/fastgpt-ops/backups/*/data-hop*/*.tar; do sleep 0.05; done
dd if=/dev/zero of=/var/lib/fastgpt-ops/backups/fill bs=1M' >/dev/null 2>&1 &
"""
CUT = """
nohup sh -c 'until pgrep -f "docker pull"; do sleep 0.05; done; sleep 0.3
iptables -I OUTPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
iptables -I OUTPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset' >/dev/null 2>&1 &
"""
MEND = """
iptables -D OUTPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
iptables -D OUTPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset
"""
FAULTS = {
    "never-ready": (WITH_FAULT.format(fault="4.8.15:never-ready"), {"fastgpt_ready_timeout": 30}, "rolled_back"),
    "script-500": (WITH_FAULT.format(fault="4.8.15:500"), {}, "rolled_back"),
    "script-half": (WITH_FAULT.format(fault="4.8.15:half"), {}, "rolled_back"),
    "script-drop": (WITH_FAULT.format(fault="4.8.15:drop,4.8.15:seconds=12"), {}, "done"),
    "disk-full": (FILL_UP, {}, "rolled_back"),
    "pull-cut": ("docker rmi ghcr.io/labring/fastgpt:v4.8.15-fix3 >/dev/null 2>&1 || :\n" + CUT, {}, "refused"),
}


@pytest.mark.parametrize("name", chosen(FAULTS))
def test_a_fault_on_the_way_ends_done_or_where_it_was(name: str, upgrade: Upgrade) -> None:
    script, variables, ends = FAULTS[name]
    ssh(upgrade.host, script)
    ssh(upgrade.host, ANSWERS)
    data, state = upgrade.data(), upgrade.state()
    code, output, told = upgrade.run("4.8.15", **variables)
    assert told["status"] == ends, output[-6000:]
    assert (code == 0) == (ends == "done")
    assert upgrade.data() == data
    ssh(upgrade.host, ANSWERS)
    if ends != "done":
        assert told["message"] and upgrade.state() == state
    if name == "pull-cut":
        ssh(upgrade.host, MEND)
        assert upgrade.run("4.8.15")[0] == 0


@pytest.mark.parametrize("upgrade", [OLD] if chosen(["tag-missing"]) else [], indirect=True)
def test_a_missing_tag_is_named_before_anything_is_done(upgrade: Upgrade) -> None:
    state = upgrade.state()
    code, output, told = upgrade.run("4.9.3")
    assert code != 0 and told["status"] == "refused"
    assert "ghcr.io/labring/fastgpt:v4.9.3 is not in its registry" in " ".join(output.split())
    assert upgrade.state() == state


# --- kills: the next run goes on, and ends at the target


@pytest.mark.parametrize("victim", chosen(["controller", "module"]))
def test_after_a_kill_at_any_step_the_next_run_goes_on(victim: str, upgrade: Upgrade) -> None:
    data = upgrade.data()
    host = upgrade.host
    ssh(host, INSTALL)
    for lines in range(1, 100, int(os.environ.get("FASTGPT_LAB_KILL_STEP", "1"))):
        reached = killed_after(lines, victim, host, functools.partial(upgrade.start, "4.8.15"))
        code, output, _told = upgrade.run("4.8.15")
        assert code == 0, f"after {lines} lines: {output[-6000:]}"
        assert ssh(host, VERSION).strip().endswith(":v4.8.15-fix3"), f"after {lines} lines"
        assert upgrade.data() == data, f"after {lines} lines"
        if not reached:
            return
        undo_all(host)
        assert upgrade.data() == data, f"after {lines} lines"
    pytest.fail("the journal has no end")


def undo_all(host: str) -> None:
    """Roll every run of the host back, so that it is as it was first deployed."""
    journal = ssh(host, "cat /var/lib/fastgpt-ops/journal.jsonl").splitlines()
    runs = list(dict.fromkeys(json.loads(line)["run_id"] for line in journal))
    for run_id in reversed(runs):
        options = {"fastgpt_run_id": run_id, "fastgpt_allow": ["data"]}
        done = ansible_playbook(FLEET, "--limit", host, "playbooks/rollback.yml", "-e", json.dumps(options))
        assert done.returncode == 0, done.stdout[-4000:]
    ssh(host, "rm -f /var/lib/fastgpt-ops/journal.jsonl")
    ssh(host, ANSWERS)
