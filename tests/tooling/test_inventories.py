# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The inventories shown: Ansible reads each, ssh takes its options, and the vault opens with the example's password."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
INVENTORY = ROOT / "inventory"
FILES = sorted(path for path in INVENTORY.rglob("*.yml") if not {"group_vars", "host_vars"} & {*path.parts})
VAULTED = INVENTORY / "examples/vaulted"
DOCUMENTED = set(re.findall(r"`(fastgpt_\w+)`", (ROOT / "README.md").read_text("utf-8")))


def run(*command: str) -> str:
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    program = [str(BIN / command[0]), *command[1:]]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hosts_of(path: Path) -> dict[str, dict[str, Any]]:
    """The hosts of an inventory with their variables."""
    listed = json.loads(
        run("ansible-inventory", "-i", str(path), "--list", "--vault-password-file", f"{VAULTED}/password")
    )
    return dict(listed["_meta"]["hostvars"])


def test_every_kind_of_example_is_there() -> None:
    assert {path.relative_to(INVENTORY).as_posix() for path in FILES} == {
        "example.yml",
        "examples/fleet.yml",
        "examples/jump-hosts.yml",
        "examples/one-host.yml",
        "examples/overrides/hosts.yml",
        "examples/several-projects.yml",
        "examples/vaulted/hosts.yml",
        "hosts.yml",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(INVENTORY).as_posix())
def test_ansible_reads_it_and_every_variable_of_ours_is_documented(path: Path) -> None:
    hosts = hosts_of(path)
    assert hosts
    ours = {name for variables in hosts.values() for name in variables if name.startswith("fastgpt_")}
    assert ours <= DOCUMENTED


def test_a_pattern_is_many_hosts_and_a_host_overrides_its_group() -> None:
    fleet = hosts_of(INVENTORY / "examples/fleet.yml")
    assert len(fleet) == 10
    assert fleet["chat-8.example.com"]["fastgpt_rollout"]["budget"] == 1
    assert "fastgpt_allow" not in fleet["chat-8.example.com"]
    assert fleet["chat-staging.example.com"]["fastgpt_allow"] == ["safe", "restart"]
    overridden = hosts_of(INVENTORY / "examples/overrides/hosts.yml")
    assert "fastgpt_project_dir" not in overridden["chat-1.example.com"]
    assert overridden["chat-2.example.com"]["fastgpt_project_dir"] == "/srv/fastgpt"
    assert overridden["chat-2.example.com"]["ansible_user"] == "ops"
    allowed = [overridden[f"chat-{number}.example.com"]["fastgpt_allow"] for number in (1, 2)]
    assert allowed == [["safe"], ["safe", "restart"]]


def test_one_server_with_several_projects_is_several_hosts() -> None:
    hosts = hosts_of(INVENTORY / "examples/several-projects.yml")
    assert {variables["ansible_host"] for variables in hosts.values()} == {"big.example.com"}
    assert len({variables["fastgpt_project_dir"] for variables in hosts.values()}) == len(hosts) == 2


def test_ssh_goes_through_the_jump_hosts() -> None:
    for name, variables in hosts_of(INVENTORY / "examples/jump-hosts.yml").items():
        command = ["ssh", "-G", *shlex.split(variables["ansible_ssh_common_args"]), variables["ansible_host"]]
        settings = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (jump,) = re.findall(r"^proxyjump (.+)$", settings, re.MULTILINE)
        assert jump.split(",")[-1] == ("ops@inner.example.com:2222" if name == "chat-3" else "ops@bastion.example.com")


def test_the_vault_opens_with_the_password_of_the_example_and_shows_nothing_without() -> None:
    text = (VAULTED / "group_vars/all.yml").read_text("utf-8")
    assert "sk-example" not in text and "example-sudo-password" not in text
    shown = run(
        "ansible",
        *("-i", str(VAULTED / "hosts.yml"), "--vault-password-file", f"{VAULTED}/password", "all"),
        *(
            "-m",
            "ansible.builtin.debug",
            "-a",
            "msg={{ ansible_become_password }},{{ fastgpt_env_values.CHAT_API_KEY }}",
        ),
    )
    assert "example-sudo-password,sk-example" in shown
