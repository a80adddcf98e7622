# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Faults by name: one small shell file each in lab/faults, sourced on a lab host in its project folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import hosts
from .settings import FAULTS, LAB, PROJECT_DIR, Host, LabError

COMMON = "common.sh"
RECORD = "/opt/.lab-faults"
HEADER = re.compile(r"^# (finding|follows|stack|summary): (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """One fault: the root finding it must lead to, the ids that follow from it, the stacks it fits, its functions."""

    name: str
    finding: str
    stack: str
    summary: str
    script: str
    follows: tuple[str, ...] = ()

    def fits(self, host: Host) -> bool:
        """Whether the fault can be made on the host's stack."""
        return self.stack == "any" or any(host.stack.startswith(stack) for stack in self.stack.split("|"))


def load(name: str, folder: Path = FAULTS) -> Fault:
    """Read a fault. Raises LabError when there is none of that name or its header or functions lack."""
    path = folder / name
    if name == COMMON or not path.is_file():
        raise LabError(f"no such fault: {name} (see: lab.py fault list)")
    script = path.read_text(encoding="utf-8")
    header = dict(HEADER.findall(script))
    missing = {"finding", "stack", "summary"} - set(header)
    missing |= {name for name in ("break_it", "heal_it") if f"\n{name}() {{" not in script}
    if missing:
        raise LabError(f"fault {name} lacks: {', '.join(sorted(missing))}")
    follows = tuple(re.findall(r"[\w-]+", header.pop("follows", "")))
    return Fault(name, script=script, follows=follows, **header)


def load_all(folder: Path = FAULTS) -> list[Fault]:
    """Every fault, sorted by name."""
    return [load(path.name, folder) for path in sorted(folder.iterdir()) if path.is_file() and path.name != COMMON]


def scenario(path: Path = LAB / "demo.yml") -> dict[str, list[str]]:
    """The demo: host names to the faults they get, in order."""
    plan: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return plan


def call(host: Host, fault: Fault, function: str) -> str:
    """Run one of the fault's functions on the host."""
    script = "\n".join([(FAULTS / COMMON).read_text(encoding="utf-8"), fault.script, function])
    names = {"PROJECT_DIR": PROJECT_DIR, "COMPOSE": host.compose, "STACK": host.stack, "FAULT": fault.name}
    return hosts.shell(host, script, **names)


def inject(host: Host, fault: Fault) -> None:
    """Make the fault on the host and record it there. Raises LabError when it does not fit the host's stack."""
    if not fault.fits(host):
        raise LabError(f"fault {fault.name} is for stack {fault.stack}; {host.name} has {host.stack}")
    if fault.name in injected(host):
        raise LabError(f"{host.name} already has fault {fault.name}")
    hosts.shell(host, f"echo {fault.name} >>{RECORD}")
    call(host, fault, "break_it")


def heal(host: Host, fault: Fault) -> None:
    """Undo the fault on the host."""
    call(host, fault, "heal_it")
    hosts.shell(host, f"[ ! -f {RECORD} ] || sed -i '/^{fault.name}$/d' {RECORD}")


def injected(host: Host) -> list[str]:
    """The faults made on the host and not healed, oldest first."""
    return hosts.shell(host, f"[ ! -f {RECORD} ] || cat {RECORD}").split()


def heal_all(host: Host) -> list[str]:
    """Heal what is injected on the host, newest first, and return the names."""
    names = injected(host)[::-1]
    for name in names:
        heal(host, load(name))
    return names
