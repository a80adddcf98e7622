# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Names and places of the lab, and the definition of its hosts (hosts.yml)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

LAB = Path(__file__).resolve().parents[1]
STATE = LAB / ".state"
SSH = STATE / "ssh"
STACKS = LAB / "stacks"
IMAGES = LAB / "images"
FAULTS = LAB / "faults"

PREFIX = "fastgpt-lab"
NETWORK = PREFIX
PROJECT_DIR = "/opt/fastgpt"
REGISTRY_PORT = int(os.environ.get("FASTGPT_LAB_REGISTRY_PORT", "5050"))
MIRROR = os.environ.get("FASTGPT_LAB_MIRROR", "")

COMPOSE = {"trixie": "docker compose", "bookworm": "docker-compose"}


class LabError(Exception):
    """The lab cannot do what was asked; the message says what and why, for a person."""


@dataclass(frozen=True)
class Host:
    """One lab host: its name, Debian release (a key of COMPOSE) and stack (a folder of lab/stacks)."""

    name: str
    release: str
    stack: str

    @property
    def container(self) -> str:
        return f"{PREFIX}-{self.name}"

    @property
    def volume(self) -> str:
        return f"{PREFIX}-{self.name}-docker"

    @property
    def image(self) -> str:
        return f"{PREFIX}/host:{self.release}"

    @property
    def compose(self) -> str:
        return COMPOSE[self.release]


def use_upstream_images() -> bool:
    """Whether hosts pull upstream's images from upstream's registries instead of the lab's stand-ins."""
    choice = os.environ.get("FASTGPT_LAB_IMAGES", "stand-in")
    if choice not in ("stand-in", "upstream"):
        raise LabError(f"FASTGPT_LAB_IMAGES={choice}: expected stand-in or upstream")
    return choice == "upstream"


def load_hosts(path: Path = LAB / "hosts.yml") -> tuple[dict[str, Host], list[str]]:
    """All defined hosts by name, and the names booted by default. Raises LabError on a bad definition."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    hosts = {name: Host(name, **fields) for name, fields in data["hosts"].items()}
    for host in hosts.values():
        if host.release not in COMPOSE:
            raise LabError(f"{path.name}: {host.name}: release {host.release} is none of {', '.join(COMPOSE)}")
    unknown = [name for name in data["default"] if name not in hosts]
    if unknown:
        raise LabError(f"{path.name}: default names undefined hosts: {', '.join(unknown)}")
    return hosts, data["default"]


def select_hosts(names: list[str] | None) -> list[Host]:
    """The hosts of these names, or the default ones. Raises LabError for a name that is not defined."""
    hosts, default = load_hosts()
    unknown = [name for name in names or [] if name not in hosts]
    if unknown:
        raise LabError(f"no such lab host: {', '.join(unknown)} (defined: {', '.join(hosts)})")
    return [hosts[name] for name in names or default]
