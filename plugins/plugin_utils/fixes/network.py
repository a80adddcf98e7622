# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of networks: services that share one, in the file, so that it lasts; networks declared; the host known."""

from __future__ import annotations

import typing as t

from ..diagnosis import Finding
from ..editor import Editor
from ..fix import CannotFixError, Fix, fixes, project_variables
from ..model import Container, Deployment
from ..rules._peers import names_of, targets
from ..rules.network import HOST_NAMES
from ._servers import HOST, gateway_entry
from .containers import UP_SECONDS, service_in

NO_NAMES = frozenset({"bridge", "host", "none"})
"""Docker's own networks, in which containers do not know each other's names."""


def network_fix(d: Deployment, editor: Editor, services: t.Sequence[str], state: str = "current") -> Fix:
    """Make the fix of an editor's edits."""
    variables = {
        "project": project_variables(d),
        "steps": editor.steps,
        "services": list(services),
        "state": state,
    }
    return Fix("network_join", variables, tuple(services), UP_SECONDS if services else 0.0, editor.diff)


@fixes("not-in-same-network")
def share_a_network(d: Deployment, finding: Finding) -> Fix:
    """Let the caller join a network of the other one; where the file has them together, make anew who left it."""
    service = service_in(d, finding)
    name = finding.hit.facts.get("peer")
    other = next((s for s in d.services.values() if name in (s.name, s.container_name)), None)
    editor = Editor(d)
    if other is None:
        stranger = next((c for c in d.other_containers if name in names_of(c)), None)
        if stranger is None:
            raise CannotFixError(f"{name or 'the other container'} is not on this host", f"本机没有容器 {name or ''}")
        network = _network_of(stranger)
        editor.change(service, networks=[network], external_networks=[network])
        return network_fix(d, editor, [service])
    if other.network_mode:
        raise CannotFixError(
            f"{other.name} has network_mode {other.network_mode} and no network to join",
            f"{other.name} 使用 network_mode {other.network_mode}，没有可加入的网络",
        )
    if set(d.services[service].networks) & set(other.networks):
        return network_fix(d, editor, _left_behind(d, service, other.name), "recreated")
    editor.change(service, networks=other.networks[:1])
    return network_fix(d, editor, [service])


def _network_of(container: Container) -> str:
    """Give a network of a container outside of the project in which its name is known."""
    named = [network for network in container.networks if network not in NO_NAMES]
    if not named:
        raise CannotFixError(
            f"{container.name} runs on Docker's default network, where names are not known: start it with"
            " --network and a network of this project",
            f"{container.name} 运行在 Docker 默认网络上，那里无法用名字访问：请用 --network 把它启动到本项目的网络上",
        )
    return named[0]


def _left_behind(d: Deployment, *services: str) -> list[str]:
    """Give the services whose containers are not in the networks that the file gives them."""
    found = []
    for service in services:
        container = d.container_named(service)
        if container and not {_real_name(d, key) for key in d.services[service].networks} <= set(container.networks):
            found.append(service)
    if not found:
        raise CannotFixError(
            f"the containers of {' and '.join(services)} are in the networks the file gives them",
            f"{'、'.join(services)} 的容器与文件中的网络一致",
        )
    return found


def _real_name(d: Deployment, key: str) -> str:
    """Give the name that Docker has for a network of the compose file."""
    for declared in [
        (d.project.get("rendered") or {}).get("networks"),
        *(c.data.get("networks") for c in d.compose_files),
    ]:
        body = (declared or {}).get(key)
        if isinstance(body, dict) and body.get("name"):
            return str(body["name"])
        if isinstance(body, dict) and body.get("external"):
            return str(body["external"].get("name", key) if isinstance(body["external"], dict) else key)
    return f"{d.project.get('name')}_{key}"


@fixes("host-docker-internal-unresolved")
def know_the_host(d: Deployment, finding: Finding) -> Fix:
    """Give the service an entry for the host, which Docker fills in on Linux."""
    service = service_in(d, finding)
    named = {target.address.host for target in targets(Editor(d).environment(service))} & HOST_NAMES
    editor = Editor(d)
    for name in sorted(named) or [HOST]:
        editor.change(service, **gateway_entry(d, service, name))
    if not editor.steps:
        raise CannotFixError(f"{service} has the entry already", f"{service} 已经有这一条目")
    return network_fix(d, editor, [service])


@fixes("compose-undefined-network")
def declare_or_correct(d: Deployment, finding: Finding) -> Fix:
    """Correct a name that one service alone has and that the others' network is meant by; else declare the network."""
    facts = finding.hit.facts
    service, network = str(facts.get("service_name") or ""), str(facts.get("network") or "")
    compose = next((c for c in d.compose_files if network in _networks(c.services.get(service))), None)
    if compose is None:
        raise CannotFixError("the service and its network are not known", "不知道是哪个服务、哪个网络")
    users = [name for name, body in compose.services.items() if network in body.networks]
    declared = set(compose.data.get("networks") or {})
    shared = {name for s in compose.services.values() for name in s.networks if s.name not in users}
    alone = not set(compose.services[service].networks) - {network}
    editor = Editor(d)
    if any(item.get("name") == network and not _is_own(d, network) for item in d.evidence.get("networks") or []):
        editor.change(service, accept=lambda _difference: False, external_networks=[network])
    elif len(users) == 1 and alone and len(shared) == 1 and shared <= declared:
        editor.change(service, replace_networks={network: shared.pop()})
    else:
        editor.change(service, accept=lambda _difference: False, declare_networks=[network])
    return network_fix(d, editor, [name for name in users if d.container_named(name)])


def _networks(service: t.Any) -> list[str]:
    return service.networks if service else []


def _is_own(d: Deployment, network: str) -> bool:
    """Tell whether a network is one that Compose made for this project."""
    return network.startswith(f"{d.project.get('name')}_")
