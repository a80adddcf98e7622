# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What was called over SSH on a lab host: every docker and docker-compose writes itself down there (lab/host)."""

from __future__ import annotations

from .settings import Host, LabError
from .shell import output

LOG = "/var/log/docker-calls.log"


def made_on(host: Host) -> list[str]:
    """Every call so far, as it was typed. Raises LabError where none was written down: then nothing is known."""
    made = output("docker", "exec", host.container, "cat", LOG).splitlines()
    if not made:
        raise LabError(f"{host.name}: no call of docker was written down")
    return made


def is_dangerous(call: str) -> bool:
    """Whether a call of docker or docker-compose removes data, or answers a question with yes."""
    words = call.split()
    volumes = "volume" in words and {"rm", "remove", "prune"} & set(words)
    down = {"down", "rm"} & set(words[:4]) and {"-v", "-fv", "-vf", "--volumes"} & set(words)
    prune = "prune" in words and "--volumes" in words
    yes = {"up", "rm", "create", "pull"} & set(words[:4]) and {"-y", "--yes"} & set(words)
    inside = {"exec", "run"} & set(words[:4]) and ("rm" in words and {"-rf", "-fr", "-r"} & set(words))
    return bool(volumes or down or prune or yes or inside)
