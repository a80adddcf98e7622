# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's SSH keys, and what Ansible and ssh need to reach its hosts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import yaml

from .settings import SSH, STATE
from .shell import run


def make_keys() -> None:
    """Make one key for all hosts and one for the client, unless they are there."""
    SSH.mkdir(parents=True, exist_ok=True)
    SSH.chmod(0o700)
    for name in ("host_key", "client_key"):
        if not (SSH / name).exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"fastgpt-lab {name}", "-f", str(SSH / name))


def inventory(addresses: Mapping[str, str]) -> dict[str, Any]:
    """An Ansible inventory with the group `lab`: host names to addresses, reached with the lab's key only."""
    options = f"-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={SSH / 'known_hosts'}"
    return {
        "lab": {
            "hosts": {name: {"ansible_host": address} for name, address in addresses.items()},
            "vars": {
                "ansible_user": "root",
                "ansible_port": 22,
                "ansible_ssh_private_key_file": str(SSH / "client_key"),
                "ansible_ssh_common_args": options,
                "ansible_python_interpreter": "/usr/bin/python3",
            },
        }
    }


def ssh_config(addresses: Mapping[str, str]) -> str:
    """A configuration for `ssh -F`, with the host names as aliases."""
    hosts = "".join(f"Host {name}\n  HostName {address}\n" for name, address in addresses.items())
    options = {
        "User": "root",
        "IdentityFile": SSH / "client_key",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": SSH / "known_hosts",
        "StrictHostKeyChecking": "yes",
    }
    return hosts + "Host *\n" + "".join(f"  {name} {value}\n" for name, value in options.items())


def write_access(addresses: Mapping[str, str], default: Collection[str]) -> None:
    """Write known_hosts and ssh_config for the hosts at these addresses, and the inventories.

    inventory.yml has the default hosts, fleet.yml all.
    """
    kind, key = (SSH / "host_key.pub").read_text(encoding="utf-8").split()[:2]
    known = "".join(f"{address} {kind} {key}\n" for address in addresses.values())
    (SSH / "known_hosts").write_text(known, encoding="utf-8")
    (STATE / "ssh_config").write_text(ssh_config(addresses), encoding="utf-8")
    usual = {name: address for name, address in addresses.items() if name in default}
    for file, members in (("inventory.yml", usual), ("fleet.yml", addresses)):
        text = yaml.safe_dump(inventory(members), sort_keys=False)
        (STATE / file).write_text(f"---\n{text}", encoding="utf-8")
