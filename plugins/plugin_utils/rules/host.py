# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine below: disk, memory, clock, processor, rights, and whether data outlives its container."""

from __future__ import annotations

import re
import typing as t

from ..model import Container, Deployment
from ..rule import Hit, Text, hit, rule

MIB = 1024**2
GIB = 1024**3
FULL = 64 * MIB
NEARLY_FULL_SHARE = 0.05
NEARLY_FULL = 2 * GIB
LOW_MEMORY = 300 * MIB
NEEDED_MEMORY = 1.8 * GIB
MAX_SKEW = 300.0
"""Seconds; an object store refuses signed requests from 900 on, and clocks drift further apart."""
DATA_PATHS: t.Mapping[str, str] = {
    "mongo": "/data/db",
    "pg": "/var/lib/postgresql/data",
    "aiproxy-pg": "/var/lib/postgresql/data",
    "oneapi-db": "/var/lib/mysql",
    "storage": "/data",
}
UNNAMED: Text = {"en": "only an unnamed volume is mounted there", "zh": "挂载的只是一个匿名卷"}
NOTHING: Text = {"en": "no volume is mounted there", "zh": "没有挂载任何卷"}
ARCHITECTURES: t.Mapping[str, str] = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}


def size(value: float | None) -> str:
    """Show bytes as people do: ``1.5 GiB``."""
    if value is None:
        return "?"
    return f"{value / GIB:.1f} GiB" if value >= GIB else f"{value / MIB:.0f} MiB"


class Room(t.NamedTuple):
    """How full a file system is; ``what`` says which of blocks and inodes."""

    path: str
    free: str
    what: str
    full: bool


def _short_of_room(d: Deployment) -> t.Iterator[Room]:
    for disk in d.host.get("disks") or []:
        total, free = disk.get("size") or 0, disk.get("free")
        inodes, inodes_free = disk.get("inodes") or 0, disk.get("inodes_free")
        if total and free is not None and (free < FULL or free < min(NEARLY_FULL, total * NEARLY_FULL_SHARE)):
            yield Room(disk["path"], size(free), f"{size(free)} of {size(total)}", free < min(FULL, total * 0.01))
        elif inodes and inodes_free is not None and inodes_free < inodes * 0.02:
            yield Room(disk["path"], f"{inodes_free} inodes", f"{inodes_free} of {inodes} inodes", inodes_free < 100)


@rule("disk-full", needs=["host:disks"])
def disk_full(d: Deployment) -> t.Iterator[Hit]:
    full = [room for room in _short_of_room(d) if room.full]
    if full:
        lines = "\n".join(f"{room.path}: {room.what} free" for room in full)
        yield hit("df, df -i", lines, path=full[0].path, expected={"en": "free space", "zh": "应有剩余空间"})


@rule("disk-nearly-full", needs=["host:disks"])
def disk_nearly_full(d: Deployment) -> t.Iterator[Hit]:
    short = [room for room in _short_of_room(d) if not room.full]
    if short:
        lines = "\n".join(f"{room.path}: {room.what} free" for room in short)
        yield hit("df, df -i", lines, path=short[0].path, free=short[0].free, what=short[0].what)


@rule("oom", needs=["inspect"])
def killed_for_memory(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        if container.state.get("oom_killed") and not (container.running and _long_up(d, container)):
            limit = container.data.get("memory_limit")
            words = f"OOMKilled = true, exit code {container.state.get('exit_code')}" + (
                f", limit {size(limit)}" if limit else ""
            )
            yield hit(f"docker inspect: {container.name}", words, service=container.service)


def _long_up(d: Deployment, container: Container) -> bool:
    """Docker keeps the mark of an earlier run (or of a child process) until the next start."""
    started = container.when("started_at")
    return bool(started and d.now and d.now - started > 24 * 3600)


@rule("oom", needs=["host:kernel_log"])
def killed_by_kernel(d: Deployment) -> t.Iterator[Hit]:
    pattern = r"^.*(?:out of memory|oom-kill).*?(?:Killed process \d+ \((?P<process>[^)]+)\)|task=(?P<task>[^,\s]+)).*$"
    found = list(re.finditer(pattern, d.host["kernel_log"], re.IGNORECASE | re.MULTILINE))
    programs = {
        "mongod": "mongo",
        "postgres": "pg",
        "node": "app",
        "one-api": "oneapi",
        "aiproxy": "aiproxy",
        "mysqld": "oneapi-db",
    }
    for match in found[-1:]:
        component = programs.get(match["process"] or match["task"] or "")
        if component and not any(c.running and _long_up(d, c) for c in d.of(component)):
            yield hit(
                "dmesg", match[0][-300:], service=d.facts[f"{component.replace('-', '_')}_service"], confidence="likely"
            )


@rule("memory-low", needs=["host:memory"])
def memory_low(d: Deployment) -> t.Iterator[Hit]:
    memory = d.host["memory"]
    total, available, swap = memory.get("total"), memory.get("available"), memory.get("swap_free")
    if not total or available is None:
        return
    if total < NEEDED_MEMORY or available + (swap or 0) < LOW_MEMORY:
        yield hit(
            "free",
            f"total {size(total)}, available {size(available)}, swap free {size(swap)}",
            total=size(total),
            available=size(available),
            swap=size(swap),
            expected={"en": "2 GiB or more", "zh": "至少 2 GiB"},
        )


@rule("time-skew", needs=["project"])
def clock_skew(d: Deployment) -> t.Iterator[Hit]:
    here, there = d.evidence.get("controller_at"), d.now
    if d.live and here and there and abs(here - there) > MAX_SKEW:
        apart = f"{abs(here - there):.0f} s"
        side = ("behind", "慢") if there < here else ("ahead of", "快")
        words = {
            "en": f"{d.name} is {apart} {side[0]} the machine that diagnoses",
            "zh": f"{d.name} 比诊断机{side[1]} {apart}",
        }
        yield hit(
            "date -u", words["en"], skew=words, expected={"en": "less than a minute apart", "zh": "相差不到一分钟"}
        )


@rule("arch-unsupported", needs=["inspect", "host:arch"])
def other_architecture(d: Deployment) -> t.Iterator[Hit]:
    """Images of another architecture whose containers do not run; where emulation runs them there is no fault."""
    here = ARCHITECTURES.get(str(d.host["arch"]))
    images = {
        tag: image for image in d.evidence.get("images") or [] for tag in (image["id"], *(image.get("tags") or []))
    }
    for container in d.containers:
        image = images.get(container.data.get("image_id")) or images.get(container.image) or {}
        if here and image.get("arch") and image["arch"] != here and not container.running:
            yield hit(
                f"docker image inspect {container.image}",
                f"Architecture = {image['arch']}",
                service=container.service,
                arch=d.host["arch"],
                expected={"en": here, "zh": here},
            )


@rule("data-not-persisted", needs=["inspect"])
def container_without_volume(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        path = _data_path(container.component, container.words("command"))
        mounts = [m for m in container.mounts if path and _is_under(path, str(m.get("destination") or ""))]
        if path and (not mounts or all(_is_anonymous(m) for m in mounts)):
            shown = ", ".join(f"{m.get('name') or m.get('source')}:{m.get('destination')}" for m in container.mounts)
            source = f"docker inspect {container.name}: Mounts"
            yield _unkept(source, shown, container.service or container.name, path, bool(mounts), "certain")


@rule("data-not-persisted", needs=["services"], component="app")
def service_without_volume(d: Deployment) -> t.Iterator[Hit]:
    """The same told by the compose file, where no container shows more."""
    for service in d.services.values():
        path = _data_path(d.component_of_service(service), service.words("command"))
        container = d.container_named(service.name)
        if str(service.data.get("restart")) in ("no", "False", "on-failure") or not service.image:
            continue  # a job that uses a database's image for its client, or a part of a service in an override file
        if not path or (container and not container.partial) or service.data.get("volumes_from"):
            continue
        mounts = [m for m in service.mounts if _is_under(path, m.target)]
        if all(m.source is None for m in mounts):
            shown = ", ".join(f"{m.source or ''}:{m.target}" for m in service.mounts)
            yield _unkept(d.facts["compose_file"], shown, service.name, path, bool(mounts), "likely")


def _data_path(component: str | None, command: str) -> str | None:
    """Where a component keeps its data; an object store is told by its command (``server /minio_data``)."""
    told = re.search(r"\bserver\s+(/\S+)", command) if component == "storage" else None
    return told.group(1) if told else DATA_PATHS.get(component or "")


def _unkept(source: str, shown: str, service: str, path: str, anonymous: bool, confidence: str) -> Hit:
    return hit(
        source,
        f"{service}: {shown or 'no volumes'}",
        service=service,
        confidence=confidence,
        expected={"en": f"a folder or named volume at {path}", "zh": f"{path} 应挂载目录或命名卷"},
        data_path=path,
        what=UNNAMED if anonymous else NOTHING,
    )


def _is_under(path: str, mount: str) -> bool:
    return bool(mount) and f"{path.rstrip('/')}/".startswith(f"{mount.rstrip('/')}/")


def _is_anonymous(mount: t.Mapping[str, t.Any]) -> bool:
    return mount.get("type") == "volume" and bool(re.fullmatch(r"[0-9a-f]{64}", str(mount.get("name") or "")))
