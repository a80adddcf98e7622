# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Roles by themselves, with variables of a person's own and no diagnosis: each does its work once, and then nothing.

FASTGPT_LAB_HOST is the host, of the stack g06.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastgpt_lab.settings import load_hosts

from .conftest import FLEET, ansible_playbook, lab, ssh

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST = os.environ.get("FASTGPT_LAB_HOST", load_hosts()[1][0])
PROJECT = {"project_dir": "/opt/fastgpt"}
COMPOSE = "/opt/fastgpt/docker-compose.yml"
CONFIG = '{"feConfigs": {"lafEnv": "https://laf.example"}, "systemEnv": {"vectorMaxProcess": 7}}\n'


@dataclass(frozen=True)
class Case:
    """A role, its variables, what breaks the host before (a fault or a script), and what shows that it is mended."""

    role: str
    variables: dict[str, Any]
    shows: str
    fault: str | None = None
    before: str = ""
    after: str = ""
    files: dict[str, str] = field(default_factory=dict)


CASES = [
    Case(
        "port_remap",
        {
            "port_remap_project": PROJECT,
            "port_remap_ports": [
                {"path": COMPOSE, "service": "fastgpt", "ports": [{"container_port": 3000, "host": "3100"}]}
            ],
            "port_remap_services": ["fastgpt"],
        },
        "docker port fastgpt 3000/tcp | grep -q :3100",
    ),
    Case(
        "env",
        {
            "env_project": PROJECT,
            "env_steps": [
                {"kind": "compose", "path": COMPOSE, "service": "fastgpt", "environment": {"LOG_LEVEL": "warn"}}
            ],
            "env_services": ["fastgpt"],
        },
        "docker exec fastgpt printenv LOG_LEVEL | grep -qx warn",
    ),
    Case(
        "network_join",
        {
            "network_join_project": PROJECT,
            "network_join_steps": [
                {"path": COMPOSE, "service": "fastgpt", "extra_hosts": ["host.docker.internal:host-gateway"]}
            ],
            "network_join_services": ["fastgpt"],
        },
        "docker exec fastgpt grep -q host.docker.internal /etc/hosts",
    ),
    Case(
        "containers",
        {"containers_project": PROJECT, "containers_services": ["sandbox"]},
        "docker inspect --format '{{.State.Status}}' sandbox | grep -qx running",
        before="docker rm -f sandbox",
    ),
    Case(
        "mongo_replica",
        {
            "mongo_replica_project": PROJECT,
            "mongo_replica_service": "mongo",
            "mongo_replica_container": "mongo",
            "mongo_replica_app_service": "fastgpt",
            "mongo_replica_app": "fastgpt",
            "mongo_replica_keyfile": "/opt/fastgpt/mongodb.key",
        },
        "stat -c '%a %u' /opt/fastgpt/mongodb.key | grep -qx '400 999'",
        fault="mongo-keyfile-permissions",
    ),
    Case(
        "pgvector",
        {
            "pgvector_container": "pg",
            "pgvector_database": "other",
        },
        "docker exec pg psql -At -U username -d other -c 'select extname from pg_extension' | grep -qx vector",
        before="docker exec pg createdb -U username other",
        after="docker exec pg dropdb --if-exists -U username other",
    ),
    Case(
        "config_mount",
        {
            "config_mount_project": PROJECT,
            "config_mount_service": "fastgpt",
            "config_mount_container": "fastgpt",
            "config_mount_path": "/opt/fastgpt/config.json",
            "config_mount_source": "config.json",
        },
        "docker exec fastgpt grep -q laf.example /app/data/config.json",
        files={"config.json": CONFIG},
    ),
    Case(
        "model_config",
        {
            "model_config_project": PROJECT,
            "model_config_service": "fastgpt",
            "model_config_settings": {"llmModels[gpt-4o-mini].toolChoice": False},
        },
        """docker exec fastgpt grep -q '"toolChoice": false' /app/data/config.json""",
    ),
    Case(
        "oneapi",
        {
            "oneapi_container": "oneapi",
            "oneapi_credentials": {"oneapi_user": "root", "oneapi_password": "123456"},
            "oneapi_channels": [{"id": 1, "enabled": True}],
        },
        "docker exec mysql mysql -N -uroot -poneapimmysql oneapi -e 'select status from channels' | grep -qx 1",
        fault="oneapi-channel-disabled",
    ),
    Case(
        "upgrade",
        {
            "upgrade_project": PROJECT,
            "upgrade_compose_file": COMPOSE,
            "upgrade_service": "sandbox",
            "upgrade_image": "ghcr.io/labring/fastgpt-sandbox:v4.8.15",
        },
        "docker inspect --format '{{.Config.Image}}' sandbox | grep -q v4.8.15",
    ),
]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The case on a host that needs it; the host as it was deployed afterwards."""
    chosen: Case = request.param
    lab("reset", HOST)
    if chosen.fault:
        lab("fault", "inject", HOST, chosen.fault)
    ssh(HOST, f"{chosen.before}\ncp -p {COMPOSE} /opt/fastgpt/config.json /run")
    yield chosen
    ssh(HOST, chosen.after)
    ssh(HOST, "cd /run && cp -p docker-compose.yml config.json /opt/fastgpt/ && rm -f /var/lib/fastgpt-ops/lock")
    lab("reset", HOST)
    ssh(HOST, "cd /opt/fastgpt && docker compose up -d >/dev/null 2>&1")


@pytest.mark.parametrize("case", CASES, indirect=True, ids=lambda case: case.role)
def test_a_role_by_itself_works_once_and_then_has_nothing_to_do(case: Case, tmp_path: Path) -> None:
    for name, text in case.files.items():
        (tmp_path / name).write_text(text)
    play = {
        "hosts": HOST,
        "gather_facts": False,
        "tasks": [{"ansible.builtin.include_role": {"name": f"fastgpt.ops.{case.role}"}, "vars": case.variables}],
    }
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump([play]))
    assert changes(path, "--check") > 0
    with pytest.raises(subprocess.CalledProcessError):
        ssh(HOST, case.shows)
    assert changes(path) > 0
    ssh(HOST, case.shows)
    assert changes(path) == 0


def changes(play: Path, *options: str) -> int:
    """Run a play and count the tasks that changed something. Fails with its output when it fails."""
    done = ansible_playbook(FLEET, str(play), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (changed,) = re.findall(rf"^{HOST} .*changed=(\d+)", done.stdout, re.MULTILINE)
    return int(changed)
