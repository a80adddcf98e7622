# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of published ports, and of the addresses that name them."""

from __future__ import annotations

import re
import typing as t

from ..compose import Port, left_side
from ..diagnosis import Finding
from ..editor import Editor
from ..fix import CannotFixError, Fix, Text, fixes, project_variables
from ..model import Deployment
from ..rules.gateway import HTTP_PORTS
from .containers import UP_SECONDS, service_in

REACH = 200
"""How far above a taken port a free one is looked for."""
FAR = 10000
"""How far above a port that Windows has set aside: it sets whole ranges aside, many of them side by side."""
_OF_FILES = re.compile(r"^(STORAGE_EXTERNAL_ENDPOINT|S3_EXTERNAL_BASE_URL|STORAGE_S3_CDN_ENDPOINT)$")
_OF_THE_PAGE = re.compile(r"^(FE_DOMAIN|FILE_DOMAIN|FILE_DOWNLOAD_PUBLIC_URL_PREFIX|ALLOWED_ORIGINS)$")


def taken_ports(d: Deployment) -> set[int]:
    """Give every port of the host that somebody listens on or has spoken for."""
    listening = {int(item["port"]) for item in d.host.get("listeners") or []}
    published = {
        int(port["host_port"])
        for container in (*d.containers, *d.other_containers)
        for port in container.ports
        if port.get("host_port")
    }
    written = {port.host_port for service in d.services.values() for port in service.ports if port.host_port}
    return listening | published | written


def free_port(d: Deployment, candidates: t.Iterable[int]) -> int:
    """Give the first port nobody has spoken for."""
    used = taken_ports(d)
    tried = list(candidates)
    for port in tried:
        if port not in used and port < 65536:
            return port
    raise CannotFixError(f"no free port was found from {tried[0]} on", f"从 {tried[0]} 起没有找到空闲端口")


def entry_of(d: Deployment, service: str, port: t.Any) -> Port:
    """Give the entry of the compose file that publishes a port."""
    number = int(port) if str(port).isdigit() else 0  # some messages name none
    entry = next((p for p in d.services[service].ports if p.host_port == number), None)
    if entry is None:
        raise CannotFixError(
            f"port {number} of {service} is not in the compose file", f"compose 文件中没有 {service} 的端口 {number}"
        )
    return entry


def publisher(d: Deployment, port: t.Any) -> str:
    """Give the one service that publishes a port, where a message tells the port alone."""
    number = int(port) if str(port).isdigit() else 0
    names = [name for name, service in d.services.items() if any(p.host_port == number for p in service.ports)]
    if number == 0 or len(names) != 1:
        raise CannotFixError(f"no one service publishes port {port}", f"无法确定是哪个服务发布了端口 {port}")
    return names[0]


def remap(d: Deployment, service: str, entry: Port, host: str, target: int | None = None, downtime: float = 0) -> Fix:
    """Publish a port elsewhere, with the addresses that name it for browsers and other machines.

    :param host: the new left side
    :param target: the container port, where that is wrong as well
    """
    editor = Editor(d)
    pattern = dependents(d, service)
    editor.set_port(service, entry, host, target, lambda name: bool(pattern and pattern.match(name)))
    notes = tuple(_lead_along(d, editor, pattern, entry, int(host.rpartition(":")[2]))) if pattern else ()
    others = [name for name in editor.changed if name != service and d.container_named(name)]
    variables = {
        "project": project_variables(d),
        "steps": editor.steps,
        "services": [service, *others],
        "secrets_from": editor.paths,
    }
    seconds = UP_SECONDS if others else downtime
    return Fix("port_remap", variables, (service, *others), seconds, editor.diff, notes=notes)


def dependents(d: Deployment, service: str) -> re.Pattern[str] | None:
    """Give the names of the variables that lead browsers to a service's published port."""
    return {"app": _OF_THE_PAGE, "storage": _OF_FILES}.get(d.component_of_service(d.services[service]) or "")


def _lead_along(d: Deployment, editor: Editor, pattern: re.Pattern[str], old: Port, new: int) -> t.Iterator[Text]:
    """Change the old port in the variables that name it; gives those that have to be changed by hand."""
    for service in list(editor.services()):
        for name, value in editor.environment(service).items():
            after = with_port(value, int(old.host_port or 0), new, d.services) if pattern.match(name) else value
            if after != value:
                try:
                    editor.set(service, name, after)
                except CannotFixError as error:
                    yield {
                        "en": f"{name} of {service} names port {old.host_port} as well; {error.reason['en']}",
                        "zh": f"{service} 的 {name} 也用到端口 {old.host_port}；{error.reason['zh']}",
                    }


def with_port(value: str, old: int, new: int, inside: t.Container[str]) -> str:
    """Give a text with another port in its addresses.

    :param inside: names that are known in containers alone, for which the published port means nothing
    """

    def put(match: re.Match[str]) -> str:
        implied = match["port"] is None and HTTP_PORTS[match["scheme"]] == old
        if match["host"] in inside or not (implied or match["port"] == str(old)):
            return match[0]
        return f"{match['scheme']}://{match['host']}:{new}"

    return re.sub(
        r"(?P<scheme>https?)://(?P<host>[\w.-]+|\[[\da-fA-F:]+\])(?::(?P<port>\d+))?(?=[/?#,;\s]|$)", put, value
    )


@fixes("port-conflict")
def move_port(d: Deployment, finding: Finding) -> Fix:
    """Publish the service on a free port near the taken one; whoever holds that keeps it."""
    if finding.hit.facts.get("left_over"):
        raise CannotFixError(
            "Docker has kept the port of a container that runs no more; restarting Docker frees it",
            "端口被 Docker 自身占用（对应的容器已不在运行），重启 Docker 即可释放",
        )
    service = service_in(d, finding)
    entry = entry_of(d, service, finding.hit.facts.get("port"))
    taken = int(entry.host_port or 0)
    free = free_port(d, [taken + 100, *range(taken + 1, taken + REACH)])
    return remap(d, service, entry, left_side(entry, free))


@fixes("port-windows-reserved")
def leave_reserved_range(d: Deployment, finding: Finding) -> Fix:
    """Publish the service far from the range that Windows has set aside."""
    port = finding.hit.facts.get("port")
    service = service_in(d, finding) if finding.service else publisher(d, port)
    entry = entry_of(d, service, port)
    reserved = int(entry.host_port or 0)
    free = free_port(d, range(reserved + FAR, 65536, 100) if reserved + FAR < 65536 else range(20080, 65536, 100))
    return remap(d, service, entry, left_side(entry, free))


@fixes("port-mapping-reversed")
def turn_round(d: Deployment, finding: Finding) -> Fix:
    """Put the port inside on the right; on the left the other one, unless links name the present one or it is taken."""
    service = service_in(d, finding)
    entry = entry_of(d, service, finding.hit.facts.get("host_port"))
    inner, outer = int(finding.hit.facts.get("right_port") or entry.host_port or 0), entry.container_port
    pattern = dependents(d, service)
    linked = (
        any(
            pattern.match(name) and with_port(value or "", inner, 0, d.services) != (value or "")
            for other in d.services.values()
            for name, value in other.environment.items()
        )
        if pattern
        else False
    )
    swapped = outer != entry.host_port
    left = inner if swapped and (linked or outer in taken_ports(d)) else outer
    return remap(d, service, entry, left_side(entry, left), inner, UP_SECONDS)


@fixes("database-port-exposed")
def bind_to_loopback(d: Deployment, finding: Finding) -> Fix:
    """Publish a database on the loopback address only; containers use the compose network anyway."""
    service = service_in(d, finding)
    open_to_all = ("", "0.0.0.0", "::")
    entry = next((p for p in d.services[service].ports if p.host_ip in open_to_all and p.host_port), None)
    if entry is None:
        raise CannotFixError(
            f"{service} publishes no port in the compose file", f"compose 文件中 {service} 没有对外端口"
        )
    return remap(d, service, entry, f"127.0.0.1:{entry.host_port}", downtime=UP_SECONDS)
