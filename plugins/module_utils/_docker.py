# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker CLI prints, as the shapes of docs/evidence.md. Pure functions. Private to the collection."""

from __future__ import annotations

import calendar
import json
import re
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result

Json = t.Dict[str, t.Any]

YOUNG = 60.0
"""Seconds since the last start below which a container that restarted before is still taken for a looping one."""
_NEVER = "0001-01-01"
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?")


def parse_time(text: str | None) -> float | None:
    """Read docker's RFC 3339 time; seconds since the epoch, None for its 'never' and for anything else."""
    match = _TIME.match(text or "")
    if not match or (text or "").startswith(_NEVER):
        return None
    parts = [int(part) for part in match.groups()[:6]]
    zone = match[8] or "Z"
    offset = 0 if zone == "Z" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    return calendar.timegm((*parts, 0, 0, 0)) - offset + float(match[7] or 0)


def versions_in(info: Json) -> Json | None:
    """Give what ``docker version`` would say where ``docker info`` tells it too: since Docker 23, where it runs."""
    client, server = (info.get("ClientInfo") or {}).get("Version"), info.get("ServerVersion")
    return {"Client": {"Version": client}, "Server": {"Version": server}} if client and server else None


def compose_plugin(info: Json) -> Json | None:
    """Give Compose as ``docker info`` lists the CLI's plugins: its ``Version`` and ``Path``; None where it does not."""
    for plugin in (info.get("ClientInfo") or {}).get("Plugins") or []:
        if plugin.get("Name") == "compose" and plugin.get("Version") and plugin.get("Path"):
            return t.cast(Json, plugin)
    return None


def classify_engine(version: Result | None, info: Result) -> Json:
    """Tell the engine's state from what ``docker version`` and ``docker info`` said, both as JSON.

    The first needs not be asked where the second tells it all, or nothing because there is no docker or it hangs.
    """
    details = load_object(info.text)
    said = load_object(version.text) if version else versions_in(details) or {}
    version = version or info
    engine: Json = {
        "state": "ok",
        "error": None,
        "client_version": None,
        "server_version": None,
        "root_dir": None,
        "rootless": None,
        "podman": False,
    }
    if version.rc is None and version.error and "timed out" not in version.error:
        return dict(engine, state="missing", error=version.error)
    client, server = said.get("Client") or {}, said.get("Server") or {}
    engine["client_version"] = client.get("Version")
    words = version.err.decode("utf-8", "replace").strip()
    engine["podman"] = "podman" in (words + json.dumps(server)).lower() or "APIVersion" in client
    if engine["podman"] and not server:
        server = client  # podman without its socket has no server of its own
    engine["server_version"] = server.get("Version")
    engine["root_dir"] = details.get("DockerRootDir") or (details.get("store") or {}).get("graphRoot")
    if "SecurityOptions" in details:
        engine["rootless"] = any("rootless" in str(option) for option in details["SecurityOptions"] or [])
    if not engine["server_version"]:
        engine["error"] = version.error or words or "the engine gave no version"
        engine["state"] = _state_from_words(engine["error"])
    return engine


def _state_from_words(error: str) -> str:
    if "timed out" in error:
        return "timeout"
    if re.search(r"permission denied|access is denied", error, re.IGNORECASE):
        return "permission"
    if re.search(
        r"cannot connect|is the docker daemon running|no such file or directory|connection refused",
        error,
        re.IGNORECASE,
    ):
        return "stopped"
    return "error"


def load_object(text: str) -> Json:
    """Read the JSON object a text has, after warnings and before other words; empty where it has none."""
    start = text.find("{")
    if start < 0:
        return {}
    try:
        value, _end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def load_lines(text: str) -> list[Json]:
    """Read one JSON object a line, as ``--format '{{json .}}'`` prints lists; other lines are left out."""
    items = []
    for line in text.splitlines():
        item = load_object(line)
        if item:
            items.append(item)
    return items


def load_array(text: str) -> list[Json]:
    """Read the array that ``docker inspect`` prints.

    :raises ValueError: what was printed is no such array
    """
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError("not a list")
    return [item for item in value if isinstance(item, dict)]


def container_from_ps(item: Json) -> Json:
    """Give what one line of ``docker ps`` tells of a container, for when ``docker inspect`` fails."""
    labels = dict(pair.partition("=")[::2] for pair in str(item.get("Labels") or "").split(",") if "=" in pair)
    return {
        "id": item.get("ID"),
        "name": str(item.get("Names") or "").partition(",")[0],
        "service": labels.get("com.docker.compose.service"),
        "project": labels.get("com.docker.compose.project"),
        "image": item.get("Image"),
        "labels": labels,
        "created_at": parse_time(item.get("CreatedAt")),
        "state": {"status": item.get("State"), "running": item.get("State") == "running"},
        "partial": True,
    }


def container_from_inspect(item: Json) -> Json:
    """Give one object of ``docker inspect`` in the shape of docs/evidence.md; secrets are still in it."""
    config, host, network = item.get("Config") or {}, item.get("HostConfig") or {}, item.get("NetworkSettings") or {}
    labels = config.get("Labels") or {}
    return {
        "id": item.get("Id"),
        "name": str(item.get("Name") or "").lstrip("/"),
        "service": labels.get("com.docker.compose.service"),
        "project": labels.get("com.docker.compose.project"),
        "image": config.get("Image") or item.get("ImageName"),
        "image_id": item.get("Image"),
        "labels": labels,
        "created_at": parse_time(item.get("Created")),
        "state": _state(item.get("State") or {}),
        "restart_count": item.get("RestartCount"),
        "restart_policy": (host.get("RestartPolicy") or {}).get("Name"),
        "entrypoint": _words(config.get("Entrypoint")),
        "command": _words(config.get("Cmd")),
        "user": config.get("User") or "",
        "env": dict(pair.partition("=")[::2] for pair in config.get("Env") or []),
        "mounts": [_mount(mount) for mount in item.get("Mounts") or []],
        "networks": {name: _endpoint(data or {}) for name, data in (network.get("Networks") or {}).items()},
        "network_mode": host.get("NetworkMode"),
        "ports": _ports(host.get("PortBindings") or {}),
        "extra_hosts": host.get("ExtraHosts") or [],
        "memory_limit": host.get("Memory"),
        "shm_size": host.get("ShmSize"),
        "health_log": _health_log(item.get("State") or {}),
        "log_file": _log_file(item, host),
    }


def _words(value: t.Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def _state(state: Json) -> Json:
    return {
        "status": state.get("Status"),
        "running": bool(state.get("Running")),
        "restarting": bool(state.get("Restarting")),
        "oom_killed": bool(state.get("OOMKilled")),
        "exit_code": state.get("ExitCode"),
        "error": state.get("Error") or "",
        "started_at": parse_time(state.get("StartedAt")),
        "finished_at": parse_time(state.get("FinishedAt")),
        "health": (state.get("Health") or {}).get("Status"),
    }


def _health_log(state: Json) -> list[str]:
    checks = (state.get("Health") or {}).get("Log") or []
    return [str(check.get("Output") or "")[-2000:] for check in checks if check.get("ExitCode")][-3:]


def _log_file(item: Json, host: Json) -> str | None:
    """Give the file of the container's log, where the driver is the one that keeps lines of JSON."""
    return item.get("LogPath") or None if (host.get("LogConfig") or {}).get("Type") == "json-file" else None


def _mount(mount: Json) -> Json:
    return {
        "type": mount.get("Type"),
        "source": mount.get("Source"),
        "destination": mount.get("Destination"),
        "rw": bool(mount.get("RW")),
        "name": mount.get("Name"),
    }


def _endpoint(data: Json) -> Json:
    return {"aliases": data.get("Aliases") or [], "ip": data.get("IPAddress") or data.get("GlobalIPv6Address") or None}


def _ports(bindings: Json) -> list[Json]:
    ports = []
    for key, holders in bindings.items():
        inside, _slash, protocol = key.partition("/")
        for holder in holders or []:
            first = str(holder.get("HostPort") or "").partition("-")[0]
            ports.append(
                {
                    "host_ip": holder.get("HostIp") or "0.0.0.0",
                    "host_port": int(first) if first.isdigit() else None,
                    "container_port": int(inside),
                    "protocol": protocol or "tcp",
                }
            )
    return ports


def image_from_inspect(item: Json) -> Json:
    """Give one object of ``docker image inspect`` in the shape of docs/evidence.md."""
    return {
        "id": item.get("Id"),
        "tags": item.get("RepoTags") or [],
        "digests": item.get("RepoDigests") or [],
        "arch": item.get("Architecture"),
        "created_at": parse_time(item.get("Created")),
    }


def volume_from_inspect(item: Json) -> Json:
    """Give one object of ``docker volume inspect`` in the shape of docs/evidence.md."""
    return {
        "name": item.get("Name"),
        "driver": item.get("Driver"),
        "mountpoint": item.get("Mountpoint"),
        "created_at": parse_time(item.get("CreatedAt")),
        "labels": item.get("Labels") or {},
    }


def networks_of(listed: t.Iterable[Json], containers: t.Iterable[Json]) -> list[Json]:
    """Give the networks of ``docker network ls`` with the names of the containers in each."""
    members: dict[str, list[str]] = {}
    for container in containers:
        for name in container.get("networks") or {}:
            members.setdefault(name, []).append(container["name"])
    return [
        {
            "name": item.get("Name"),
            "driver": item.get("Driver"),
            "containers": sorted(members.get(item.get("Name") or "", [])),
        }
        for item in listed
    ]
