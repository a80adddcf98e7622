# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of published ports."""

from __future__ import annotations

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, edit, fixes, project_variables
from ..model import Deployment
from .containers import UP_SECONDS, service_in

REACH = 200
"""How far above a taken port a free one is looked for."""


def taken_ports(deployment: Deployment) -> set[int]:
    """Give every port of the host that somebody listens on or has spoken for."""
    listening = {int(item["port"]) for item in deployment.host.get("listeners") or []}
    published = {
        int(port["host_port"])
        for container in (*deployment.containers, *deployment.other_containers)
        for port in container.ports
        if port.get("host_port")
    }
    written = {port.host_port for service in deployment.services.values() for port in service.ports if port.host_port}
    return listening | published | written


def free_port(deployment: Deployment, taken: int) -> int:
    """Find a free port of the host, near the one that is taken: 3000 becomes 3100 before it becomes 3001."""
    used = taken_ports(deployment)
    near: list[int] = [taken + 100, *range(taken + 1, taken + REACH)]
    for port in near:
        if port not in used and port < 65536:
            return port
    raise CannotFixError(f"no free port was found above {taken}", f"{taken} 以上没有找到空闲端口")


@fixes("port-conflict")
def move_port(deployment: Deployment, finding: Finding) -> Fix:
    """Publish the service on a free port; whoever holds the old one keeps it."""
    service = service_in(deployment, finding)
    told = str(finding.hit.facts.get("port"))
    port = int(told) if told.isdigit() else 0  # some messages name none
    entry = next((p for p in deployment.services[service].ports if p.host_port == port), None)
    if entry is None:
        raise CannotFixError(
            f"port {port} of {service} is not in the compose file", f"compose 文件中没有 {service} 的端口 {port}"
        )
    free = free_port(deployment, port)
    host = f"{entry.host_ip}:{free}" if entry.host_ip else str(free)
    compose, diff = edit(deployment, service, ports=[{"container_port": entry.container_port, "host": host}])
    variables = {
        "project": project_variables(deployment),
        "compose_file": compose.path,
        "service": service,
        "container_port": entry.container_port,
        "host": host,
    }
    return Fix("port_remap", variables, (service,), 0.0, diff)


@fixes("database-port-exposed")
def bind_to_loopback(deployment: Deployment, finding: Finding) -> Fix:
    """Publish a database on the loopback address only; containers use the compose network anyway."""
    service = service_in(deployment, finding)
    open_to_all = ("", "0.0.0.0", "::")
    entry = next((p for p in deployment.services[service].ports if p.host_ip in open_to_all and p.host_port), None)
    if entry is None:
        raise CannotFixError(
            f"{service} publishes no port in the compose file", f"compose 文件中 {service} 没有对外端口"
        )
    host = f"127.0.0.1:{entry.host_port}"
    compose, diff = edit(deployment, service, ports=[{"container_port": entry.container_port, "host": host}])
    variables = {
        "project": project_variables(deployment),
        "compose_file": compose.path,
        "service": service,
        "container_port": entry.container_port,
        "host": host,
    }
    return Fix("port_remap", variables, (service,), UP_SECONDS, diff)
