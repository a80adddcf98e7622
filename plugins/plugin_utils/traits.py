# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells one host from another: versions, images, settings. Pure; values are compared, never judged."""

from __future__ import annotations

import posixpath
import re

from .model import Deployment

COMPONENTS = ("app", "mongo", "pg", "oneapi", "oneapi-db", "aiproxy", "aiproxy-pg", "redis", "plugin", "sandbox", "mcp")
MAX_LENGTH = 200
_GIB = 1 << 30


def traits(deployment: Deployment) -> dict[str, str]:
    """Give a host's traits by name, those not known left out.

    Names are ``fastgpt``, ``docker``, ``compose``, ``os``, ``kernel``, ``arch``, ``avx``, ``cpus``, ``memory``,
    ``file NAME``, and of each component ``image app``, ``command app`` and ``env app VARIABLE``. Secrets are tokens.
    """
    found = {**_host(deployment), **_files(deployment), **_services(deployment)}
    return {name: value[:MAX_LENGTH] for name, value in found.items() if value}


def _host(deployment: Deployment) -> dict[str, str | None]:
    host, summary = deployment.host, deployment.summary()
    cpu = host.get("cpu") or {}
    total = (host.get("memory") or {}).get("total")
    flags = cpu.get("flags")
    kernel = re.match(r"\d+\.\d+", str(host.get("kernel") or ""))
    return {
        "fastgpt": summary["fastgpt_version"],
        "docker": summary["engine"],
        "compose": summary["compose"],
        "os": host.get("os"),
        "kernel": kernel and kernel.group(),
        "arch": host.get("arch"),
        "avx": ("yes" if "avx" in flags else "no") if flags else None,
        "cpus": cpu.get("count") and str(cpu["count"]),
        "memory": total and f"{total / _GIB:.0f} GiB",
    }


def _files(deployment: Deployment) -> dict[str, str | None]:
    """Contents by checksum: of the files whose place in the project says what they are."""
    return {
        f"file {posixpath.basename(item['path'])}": str(item["sha256"])[:12]
        for item in deployment.files
        if item.get("role") in ("compose", "config", "env") and item.get("path") and item.get("sha256")
    }


def _services(deployment: Deployment) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for component in COMPONENTS:
        container, service = deployment.one(component), deployment.service_of(component)
        if container or service:
            found[f"image {component}"] = (container and container.image) or (service and service.image) or None
        if service:
            found[f"command {component}"] = service.words("command")
            found |= {f"env {component} {name}": value for name, value in service.environment.items()}
    return found
