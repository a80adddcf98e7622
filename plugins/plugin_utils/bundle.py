# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle: one host's evidence as a folder of files that people can read and the readers read back."""

from __future__ import annotations

import json
import time
import typing as t

Json = dict[str, t.Any]

_PS_COLUMNS = ("CONTAINER ID", "IMAGE", "STATUS", "PORTS", "NAMES")


def bundle_files(evidence: Json, host: str) -> dict[str, str]:
    """Give the files of a bundle by their names (contract: "Bundle"), all made from the tokenised evidence.

    :param host: name of the host in the inventory
    """
    manifest = {
        "host": host,
        "collected_at": evidence.get("collected_at"),
        "schema_version": evidence.get("schema_version"),
        "tool_version": evidence.get("tool_version"),
    }
    bundle = {
        "manifest.json": json.dumps(manifest, indent=2) + "\n",
        "evidence.json": json.dumps(evidence, ensure_ascii=False, indent=1) + "\n",
        "shell.txt": _shell(evidence),
    }
    bundle.update(_settings(evidence))
    if evidence.get("containers") is not None:
        bundle["ps.txt"] = _ps(evidence["containers"] + (evidence.get("other_containers") or []))
    for log in evidence.get("logs") or []:
        if log.get("text") is not None:
            bundle[f"logs/{_safe(log['container'])}.log"] = log["text"]
    for name, variables in (evidence.get("process_env") or {}).items():
        bundle[f"env/{_safe(name)}.env"] = "".join(f"{key}={value}\n" for key, value in sorted(variables.items()))
    return bundle


def _safe(name: str) -> str:
    return name.replace("/", "_")


def _settings(evidence: Json) -> dict[str, str]:
    """Give compose, env and config files under the names a bundle has for them; the first of a kind is the main one."""
    names = {
        "compose": ["docker-compose.yml", "docker-compose.override.yml"],
        "env": [".env"],
        "config": ["config.json"],
    }
    found = {}
    for item in evidence.get("files") or []:
        free = names.get(item.get("role") or "")
        if item.get("text") is not None and free:
            found[free.pop(0)] = item["text"]
    return found


def _ps(containers: list[Json]) -> str:
    rows: list[tuple[str, ...]] = [_PS_COLUMNS]
    for item in containers:
        rows.append(
            (
                str(item.get("id") or "")[:12],
                str(item.get("image") or ""),
                _status(item.get("state") or {}),
                ", ".join(map(_port, item.get("ports") or [])),
                str(item.get("name") or ""),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_PS_COLUMNS))]
    return "".join("   ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() + "\n" for row in rows)


def _status(state: Json) -> str:
    """Say a state as ``docker ps`` does, but without how long: that depends on when it was asked."""
    status, code = str(state.get("status") or ""), state.get("exit_code")
    if status == "running":
        return f"Up ({state['health']})" if state.get("health") else "Up"
    if status == "exited":
        return f"Exited ({code})"
    return f"Restarting ({code})" if status == "restarting" else status.capitalize()


def _port(port: Json) -> str:
    return f"{port.get('host_ip')}:{port.get('host_port')}->{port.get('container_port')}/{port.get('protocol')}"


def _shell(evidence: Json) -> str:
    """Say the host's own facts in lines."""
    host, engine, compose = evidence.get("host") or {}, evidence.get("engine") or {}, evidence.get("compose") or {}
    memory = host.get("memory") or {}
    lines = [f"# what {host.get('name') or 'the host'} said, read {_when(evidence.get('collected_at'))}"]
    lines += [f"# error: {evidence[key]}" for key in ("unreachable", "error") if evidence.get(key)]
    lines += [
        f"system: {host.get('os')}, kernel {host.get('kernel')}, {host.get('arch')}",
        f"docker: {engine.get('state')}, server {engine.get('server_version')}, client {engine.get('client_version')}",
        f"compose: v2 {compose.get('v2')}, v1 {compose.get('v1')}",
        f"memory: {_gib(memory.get('available'))} of {_gib(memory.get('total'))} available",
    ]
    lines += [
        f"disk: {item['path']} ({item['use']}): {_gib(item['free'])} of {_gib(item['size'])} free"
        for item in host.get("disks") or []
    ]
    lines += [
        f"listens: {item['address']}:{item['port']} {item['process'] or '?'}" for item in host.get("listeners") or []
    ]
    lines += [f"kernel: {line}" for line in (host.get("kernel_log") or "").splitlines()]
    lines += [f"not read: {item['what']}: {item['error']}" for item in evidence.get("failures") or []]
    return "\n".join(lines) + "\n"


def _when(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds)) if seconds else "at an unknown time"


def _gib(size: int | None) -> str:
    return "?" if size is None else f"{size / 2**30:.1f} GiB"
