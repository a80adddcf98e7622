# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by localhost in a container's variable: a sibling, or a program of the host."""

from __future__ import annotations

import typing as t

from ..compose import Service
from ..fix import CannotFixError
from ..model import Deployment
from ..rules._peers import LOOPBACK, Target
from ..rules.ports import INNER_PORTS

HOST = "host.docker.internal"
_MEANT: t.Mapping[str, tuple[str, ...]] = {
    "MONGODB_URI": ("mongo",),
    "MONGODB_LOG_URI": ("mongo",),
    "PG_URL": ("pg",),
    "REDIS_URL": ("redis",),
    "OPENAI_BASE_URL": ("oneapi", "aiproxy"),
    "ONEAPI_URL": ("oneapi",),
    "AIPROXY_API_ENDPOINT": ("aiproxy",),
    "SANDBOX_URL": ("sandbox",),
    "CODE_SANDBOX_URL": ("sandbox",),
    "PLUGIN_BASE_URL": ("plugin",),
    "STORAGE_S3_ENDPOINT": ("storage",),
    "SQL_DSN": ("oneapi-db", "aiproxy-pg"),
}
"""Components that a variable can only mean."""


class Server(t.NamedTuple):
    """Where a server is reached from inside a container, and what the caller's service needs for that."""

    host: str
    port: int | None
    options: dict[str, t.Any]


def server_behind(d: Deployment, caller: str, target: Target) -> Server:
    """Find the server that a variable with localhost means.

    :raises CannotFixError: nobody listens there, or only on the host's own loopback address
    """
    sibling = _sibling(d, caller, target)
    if sibling:
        service, port = sibling
        return Server(service.name, port, joined(d, caller, service))
    return on_host(d, caller, target.variable, target.port)


def on_host(d: Deployment, caller: str, variable: str, port: int | None) -> Server:
    """Give the way from a container to a program of the host.

    :raises CannotFixError: nobody listens there, or only on the host's own loopback address
    """
    listeners = [item for item in d.host.get("listeners") or [] if item.get("port") == port]
    if any(str(item.get("address")).strip("[]") not in LOOPBACK - {"0.0.0.0"} for item in listeners):
        return Server(HOST, port, gateway_entry(d, caller))
    if listeners:
        raise CannotFixError(
            f"the server on port {port} of this host listens on 127.0.0.1 only; let it listen on 0.0.0.0 first",
            f"本机端口 {port} 上的服务只监听 127.0.0.1，请先让它监听 0.0.0.0",
        )
    raise CannotFixError(
        f"nothing on this host answers for {variable} (port {port})", f"本机没有与 {variable}（端口 {port}）对应的服务"
    )


def _sibling(d: Deployment, caller: str, target: Target) -> tuple[Service, int | None] | None:
    others = [service for service in d.services.values() if service.name != caller and not service.network_mode]
    for service in others:
        for port in service.ports:
            if port.host_port == target.port:
                return service, port.container_port
    for component in _MEANT.get(target.variable, ()):
        for service in others:
            inner = INNER_PORTS.get(component, frozenset())
            if d.component_of_service(service) == component and (target.port is None or target.port in inner):
                return service, target.port
    return None


def joined(d: Deployment, caller: str, other: Service) -> dict[str, t.Any]:
    """Give what a service needs to share a network with another one of the project."""
    mine = d.services[caller].networks
    return {} if set(mine) & set(other.networks) or not other.networks else {"networks": other.networks[:1]}


def gateway_entry(d: Deployment, caller: str, name: str = HOST) -> dict[str, t.Any]:
    """Give what a service needs to know the host's name; with host networking or Docker Desktop it knows it."""
    entries = d.services[caller].data.get("extra_hosts") or []
    known = {str(entry).replace("=", ":").partition(":")[0] for entry in entries}
    return {} if name in known else {"extra_hosts": [f"{name}:host-gateway"]}
