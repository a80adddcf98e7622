# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: who holds them, which side is which, and who uses the wrong one."""

from __future__ import annotations

import typing as t

from ..compose import Port, Service
from ..model import Address, Container, Deployment, parse_url
from ..rule import Hit, Text, hit, rule

INNER_PORTS: t.Mapping[str, frozenset[int]] = {
    "app": frozenset({3000}),
    "sandbox": frozenset({3000}),
    "plugin": frozenset({3000}),
    "mcp": frozenset({3000}),
    "oneapi": frozenset({3000}),
    "aiproxy": frozenset({3000}),
    "mongo": frozenset({27017}),
    "pg": frozenset({5432}),
    "aiproxy-pg": frozenset({5432}),
    "oneapi-db": frozenset({3306, 33060}),
    "redis": frozenset({6379}),
    "storage": frozenset({9000, 9001}),
}
"""Ports the programs listen on inside their containers, as FastGPT's files run them."""
ONE_PORT = frozenset({"app", "oneapi"})
"""Programs that listen on one port alone and take another one from PORT or --port only."""


@rule("port-conflict", needs=["containers", "services|inspect"])
def taken_port(d: Deployment) -> t.Iterator[Hit]:
    """A port that a container which is not up (or was never made) wants, and somebody else holds."""
    for name, port in _wanted(d):
        if (container := _holding_container(d, name, port)) is not None:
            words = {"en": f"container {container.name}", "zh": f"容器 {container.name}"}
            yield _taken(name, port, f"docker ps --filter publish={port.host_port}", words)
        elif (listener := _listener(d, port)) is not None:
            # Docker has kept the port of a container that runs no more
            left_over = listener.get("process") == "docker-proxy"
            yield _taken(name, port, "ss -ltnp", _listener_words(listener, left_over), left_over)


def _taken(name: str, port: Port, source: str, words: Text, left_over: bool = False) -> Hit:
    return hit(
        source,
        f"{port.host_port}/{port.protocol}: {words['en']}",
        service=name,
        port=port.host_port,
        holder=words,
        left_over=left_over,
        expected={"en": "a free port", "zh": "端口应空闲"},
    )


def _wanted(d: Deployment) -> t.Iterator[tuple[str, Port]]:
    """Ports of services that have no running container."""
    up = {name for c in d.containers if c.status not in ("created", "exited", "dead") for name in (c.service, c.name)}
    seen: set[str] = set()
    for container in d.containers:
        name = container.service or container.name
        seen |= {name, container.name}
        if name not in up:
            yield from (
                (name, Port(p.get("host_ip") or "", p.get("host_port"), p["container_port"], p.get("protocol", "tcp")))
                for p in container.ports
            )
            if not container.ports and name in d.services:
                yield from ((name, port) for port in d.services[name].ports)
    for service in d.services.values():
        if not seen & {service.name, service.container_name} and not service.data.get("profiles"):
            yield from ((service.name, port) for port in service.ports)


def _holding_container(d: Deployment, name: str, port: Port) -> Container | None:
    """Find the container, other than the service's own, that is up and publishes the port."""
    for container in (*d.containers, *d.other_containers):
        other = name not in (container.service, container.name)
        if other and container.status in ("running", "paused") and _publishes(container, port):
            return container
    return None


def _listener(d: Deployment, port: Port) -> t.Mapping[str, t.Any] | None:
    """Find the program of the host that listens on the port."""
    for listener in d.host.get("listeners") or []:
        same = listener.get("port") == port.host_port and str(listener.get("protocol")).startswith(port.protocol)
        if same and _overlaps(str(listener.get("address") or ""), port.host_ip):
            return t.cast("t.Mapping[str, t.Any]", listener)
    return None


def _listener_words(listener: t.Mapping[str, t.Any], left_over: bool) -> Text:
    if not listener.get("process"):
        return {"en": "a program of the host", "zh": "宿主机上的程序"}
    named = listener["process"] + (f" (pid {listener['pid']})" if listener.get("pid") else "")
    if left_over:
        return {"en": f"{named}, for no container that runs", "zh": f"{named}（没有对应的运行中容器）"}
    return {"en": named, "zh": named}


def _publishes(container: Container, port: Port) -> bool:
    return any(
        p.get("host_port") == port.host_port
        and p.get("protocol", "tcp") == port.protocol
        and _overlaps(p.get("host_ip") or "", port.host_ip)
        for p in container.ports
    )


def _overlaps(one: str, other: str) -> bool:
    return one == other or bool({one, other} & {"", "0.0.0.0", "::", "*"})


@rule("port-conflict", needs=["services"])
def taken_twice(d: Deployment) -> t.Iterator[Hit]:
    """Two services of one file that publish the same port."""
    first: list[tuple[Service, Port]] = []
    for service in d.services.values():
        for port in service.ports:
            if port.host_port is None or service.data.get("profiles"):
                continue
            for other, taken in first:
                same = (taken.host_port, taken.protocol) == (port.host_port, port.protocol)
                if same and other is not service and _overlaps(taken.host_ip, port.host_ip):
                    yield hit(
                        d.facts["compose_file"],
                        f"{other.name} and {service.name} both publish {port.host_port}",
                        service=service.name,
                        port=port.host_port,
                        holder={"en": f"service {other.name}", "zh": f"服务 {other.name}"},
                    )
            first.append((service, port))


@rule("port-mapping-reversed", needs=["services"])
def reversed_mapping(d: Deployment) -> t.Iterator[Hit]:
    """The number on the right is none the program listens on: the sides are swapped, or both were changed."""
    for service in d.services.values():
        component = d.component_of_service(service) or ""
        inner = INNER_PORTS.get(component, frozenset())
        if "PORT" in service.environment or "--port" in service.words("command"):
            continue
        for port in service.ports:
            if port.container_port in inner:
                continue
            if port.host_port in inner:
                right, left = port.host_port, port.container_port
            elif component in ONE_PORT and port.host_port == port.container_port:
                right, left = min(inner), port.host_port
            else:
                continue
            mapping = f"{port.host_port}:{port.container_port}"
            yield hit(
                d.facts["compose_file"],
                f"{service.name}: {mapping}",
                service=service.name,
                mapping=mapping,
                host_port=port.host_port,
                container_port=port.container_port,
                right_port=right,
                host_side=left,
                expected={"en": f"{left}:{right}", "zh": f"{left}:{right}"},
            )


@rule("service-uses-host-port", needs=["services|inspect"])
def uses_host_port(d: Deployment) -> t.Iterator[Hit]:
    """An address with another service's name and the port that is published on the host."""
    for user, variables in _environments(d):
        for name, value in variables.items():
            address = parse_url(value)
            right = wrong_port(d, address) if address else None
            if address and right:
                yield hit(
                    d.facts["compose_file"] if d.services else "docker inspect",
                    f"{name}: {address.scheme}://…{address.host}:{address.port}",
                    service=user,
                    variable=name,
                    target=address.host,
                    used_port=address.port,
                    right_port=right,
                    expected={"en": f"{address.host}:{right}", "zh": f"{address.host}:{right}"},
                )


def wrong_port(d: Deployment, address: Address) -> int | None:
    """Give the container port where an address names a service of the project with the published port instead."""
    ports = _published(d).get(address.host, [])
    if address.port in {port.container_port for port in ports}:
        return None
    return next((port.container_port for port in ports if port.host_port == address.port), None)


def _published(d: Deployment) -> dict[str, list[Port]]:
    """Ports by every name a service can be reached under. A service on the host's network has no inner port."""
    found: dict[str, list[Port]] = {}
    for service in d.services.values():
        if service.network_mode != "host":
            for name in {service.name, service.container_name} - {None}:
                found.setdefault(str(name), []).extend(service.ports)
    return found


def _environments(d: Deployment) -> t.Iterator[tuple[str, t.Mapping[str, str | None]]]:
    for service in d.services.values():
        container = d.container_named(service.name)
        yield service.name, (container.env if container and container.env else service.environment)
