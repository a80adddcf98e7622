# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A diagnosis of the running lab: right roots, nothing changed, nothing secret told, one bad host spoils no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from fastgpt_lab import faults

from .conftest import STATE, Playbook, lab, ssh

pytestmark = pytest.mark.lab

DEMO = faults.scenario()
HEALTHY = next(host for host, names in DEMO.items() if not names)


def test_the_faults_of_the_demo_are_roots_and_the_healthy_host_has_none(playbook: Playbook) -> None:
    lab("demo")
    run = playbook("diagnose.yml")
    assert run.code == 0
    for host, names in DEMO.items():
        wanted = {faults.load(name).finding for name in names}
        assert wanted <= set(run.roots(host)), host
        if names:
            assert run.roots(host)[0] in wanted, host
    assert run.grave(HEALTHY) == []


def test_the_summary_is_at_most_ten_lines_a_host_and_names_the_root(playbook: Playbook) -> None:
    run = playbook("diagnose.yml")
    summary = run.output.split("PLAY [Diagnose FastGPT]")[1].split("\nReport:")[0].partition("\n")[2]
    blocks = [block.splitlines() for block in summary.strip("\n").split("\n\n")]
    for host in DEMO:
        (block,) = (block for block in blocks if f" {host} " in block[0])
        assert len(block) <= 10
        if DEMO[host]:
            assert run.roots(host)[0] in "\n".join(block)


def test_a_diagnosis_changes_nothing_on_the_host(playbook: Playbook) -> None:
    look = """
    cd /opt/fastgpt
    docker ps --all --quiet | sort | xargs docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}'
    find . -maxdepth 1 -type f | sort | xargs sha256sum
    ls -A /tmp /root /var/lib
    """
    before = ssh(HEALTHY, look)
    playbook("diagnose.yml", "--limit", HEALTHY)
    assert ssh(HEALTHY, look) == before


def test_a_diagnosis_takes_at_most_two_remote_calls(playbook: Playbook) -> None:
    output = playbook("diagnose.yml", "--limit", HEALTHY, "-vvv").output
    calls = [line for line in output.splitlines() if "SSH: EXEC" in line]
    assert 1 <= len(calls) <= 2, calls


def test_a_host_that_does_not_answer_spoils_no_other(playbook: Playbook, tmp_path: Path) -> None:
    inventory = yaml.safe_load((STATE / "inventory.yml").read_text(encoding="utf-8"))
    inventory["lab"]["hosts"] = {HEALTHY: inventory["lab"]["hosts"][HEALTHY]}
    # nothing listens on port 1 of this machine
    inventory["lab"]["hosts"]["gone"] = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    file = tmp_path / "inventory.yml"
    file.write_text(yaml.safe_dump(inventory), encoding="utf-8")

    run = playbook("diagnose.yml", inventory=file)

    assert run.host(HEALTHY)["reachable"]
    assert not run.host("gone")["reachable"]
    assert "refused" in run.host("gone")["error"]
    assert {check["status"] for check in run.host("gone")["checks"].values()} == {"unknown"}
    assert "Traceback" not in run.output


@pytest.mark.parametrize("fault", ["engine-unreachable", "engine-hung"])
def test_a_host_without_a_working_engine_says_so(playbook: Playbook, fault: str) -> None:
    lab("fault", "inject", HEALTHY, fault)
    try:
        run = playbook("diagnose.yml", "--limit", HEALTHY)
    finally:
        lab("fault", "heal", HEALTHY, fault)
    assert run.roots(HEALTHY)[0] == "engine-unreachable"
    assert "Traceback" not in run.output


PLANTED = {
    "compose": "Pl4nted-compose-5ecret",
    "env": "Pl4nted-env-5ecret",
    "config": "sk-Pl4ntedConfig5ecret0123456789",
    "bearer": "sk-Pl4ntedBearer5ecret0123456789",
    "url": "Pl4ntedUrl5ecret",
}
PLANT = """
cd /opt/fastgpt
cp -p docker-compose.yml /run/planted-compose
cp -p config.json /run/planted-config
printf '\\nx-planted:\\n  password: {compose}\\n' >>docker-compose.yml
printf 'PLANTED_PASSWORD={env}\\n' >.env
sed '0,/{{/s//{{ "planted": {{"apiKey": "{config}"}},/' /run/planted-config >config.json
app=$(docker ps --format '{{{{.Names}}}}' | grep -x -e fastgpt -e fastgpt-app)
docker exec "$app" sh -c 'echo "Authorization: Bearer {bearer}" >/proc/1/fd/1'
docker exec "$app" sh -c 'echo "connect mongodb://root:{url}@mongo:27017/fastgpt failed" >/proc/1/fd/2'
"""
UNPLANT = """
cd /opt/fastgpt
cat /run/planted-compose >docker-compose.yml
cat /run/planted-config >config.json
touch -r /run/planted-compose docker-compose.yml
touch -r /run/planted-config config.json
rm -f .env /run/planted-compose /run/planted-config
"""


def secrets_of_the_stack(host: str) -> set[str]:
    """The values that the stack's containers got in variables named like secrets, but for words of a dictionary."""
    names = ssh(host, "docker ps --all --quiet | xargs docker inspect --format '{{json .Config.Env}}'")
    pairs = [pair.partition("=") for line in names.splitlines() for pair in json.loads(line)]
    words = ("PASSWORD", "SECRET", "TOKEN", "KEY", "PSW")
    return {
        value
        for name, _, value in pairs
        if any(word in name for word in words) and len(value) > 9 and any(character.isdigit() for character in value)
    }


@pytest.mark.parametrize("name", ["diagnose.yml", "playbooks/collect.yml"])
def test_no_secret_of_the_host_is_told(playbook: Playbook, name: str) -> None:
    assert not ssh(HEALTHY, "ls -A /opt/fastgpt | grep -x .env || echo").strip(), "the test would replace this file"
    try:
        ssh(HEALTHY, PLANT.format(**PLANTED))
        run = playbook(name, "--limit", HEALTHY, "-vvv")
    finally:
        ssh(HEALTHY, UNPLANT)
    told = {"what was printed": run.output}
    told |= {
        str(path.relative_to(run.folder)): path.read_text("utf-8") for path in run.folder.rglob("*") if path.is_file()
    }
    assert "x-planted" in "".join(told.values()), "the planted lines were not read at all"
    leaks = [
        (where, secret)
        for secret in {*PLANTED.values(), *secrets_of_the_stack(HEALTHY)}
        for where, text in told.items()
        if secret in text
    ]
    assert leaks == []
