# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can reach whom: networks shared, names that resolve, localhost in containers, servers on loopback."""

from __future__ import annotations

import re
import typing as t

from ..compose import Service
from ..model import Container, Deployment
from ..rule import Hit, Text, hit, refutes, rule
from ._peers import LOOPBACK, Target, names_of, peer, reach, shown, targets, uses_host_network

CALLERS = ("app", "plugin", "mcp", "oneapi", "aiproxy")
"""Components whose variables name servers."""
HOST_NAMES = frozenset(
    {"host.docker.internal", "gateway.docker.internal", "docker.for.win.localhost", "docker.for.mac.localhost"}
)
MODEL_VARIABLES = ("OPENAI_BASE_URL", "ONEAPI_URL", "AIPROXY_API_ENDPOINT")


def _service(d: Deployment, component: str) -> str | None:
    container, service = d.one(component), d.service_of(component)
    return (container.service or container.name) if container else service.name if service else None


@refutes("model-service-unreachable", "container-localhost", "host-docker-internal-unresolved", "not-in-same-network")
def all_reached(d: Deployment) -> Text | None:
    """FastGPT's container tried all its servers and got through, the gateway answers for the models behind it."""
    tried = d.probe_list("reach")
    models = (d.probe("gateway_models") or {}).get("status") == 200
    if tried and models and all(item.get("connects") for item in tried):
        return {"en": "all servers answer from inside FastGPT's container", "zh": "在 FastGPT 容器内所有服务均可连通"}
    return None


@refutes("container-localhost")
def host_networking(d: Deployment) -> Text | None:
    """With host networking localhost is the host."""
    if uses_host_network(d, "app"):
        return {"en": "FastGPT uses the host's network", "zh": "FastGPT 使用宿主机网络"}
    return None


# --- localhost and the host


@rule("container-localhost", needs=["env:app|env:plugin|env:oneapi|env:aiproxy"])
def server_on_localhost(d: Deployment) -> t.Iterator[Hit]:
    """Without host networking a container's localhost is the container."""
    for component in CALLERS:
        if uses_host_network(d, component):
            continue
        for target in targets(d.env_of(component)):
            tried = reach(d, target.variable) if component == "app" else None
            if target.address.host in LOOPBACK and not (tried and tried.get("connects")):
                service = _service(d, component)
                yield hit(
                    f"env of {service or component}",
                    shown(target),
                    service=service,
                    address=f"{target.address.host}:{target.port or '?'}",
                    expected={"en": "a service name, or host.docker.internal", "zh": "服务名，或 host.docker.internal"},
                )


_SETTING = re.compile(r"^\s*(?:-\s*)?[\"']?([A-Z][A-Z0-9_]+)[\"']?\s*[=:]\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


@rule("container-localhost", needs=["compose"])
def localhost_in_a_fragment(d: Deployment) -> t.Iterator[Hit]:
    """The same for a posted part of a compose file, which tells no service."""
    if d.services:
        return
    for compose in (c for c in d.compose_files if "environment:" in c.text):
        for target in targets(dict(_SETTING.findall(compose.text))):
            if target.address.host in LOOPBACK and not re.search(r"network_mode:\s*[\"']?host", compose.text):
                yield hit(
                    compose.path,
                    shown(target),
                    address=f"{target.address.host}:{target.port or '?'}",
                    confidence="likely",
                    expected={"en": "a service name, or host.docker.internal", "zh": "服务名，或 host.docker.internal"},
                )


@rule("host-docker-internal-unresolved", needs=["probe:reach"])
def host_name_unknown(d: Deployment) -> t.Iterator[Hit]:
    """Tried from inside FastGPT's container."""
    for item in d.probe_list("reach") or []:
        if item.get("host") in HOST_NAMES and item.get("resolves") is False:
            yield hit(
                f"from {d.facts['app_container']}",
                f"{item['variable']}: {item['host']} does not resolve",
                expected={
                    "en": "extra_hosts: host.docker.internal:host-gateway",
                    "zh": "extra_hosts: host.docker.internal:host-gateway",
                },
                service=_service(d, "app"),
            )


@rule("model-service-listens-on-loopback", needs=["host:listeners", "probe:reach"])
def listens_on_loopback(d: Deployment) -> t.Iterator[Hit]:
    """The address of the model leads to this host, where the port is open on loopback alone."""
    for item in d.probe_list("reach") or []:
        if item.get("variable") not in MODEL_VARIABLES or item.get("connects") is not False or peer(d, item["host"]):
            continue
        listeners = [
            x
            for x in d.host["listeners"]
            if x.get("port") == item.get("port") and x.get("protocol", "tcp").startswith("tcp")
        ]
        if listeners and all(str(x.get("address", "")).strip("[]") in ("127.0.0.1", "::1") for x in listeners):
            first = listeners[0]
            address = f"{first['address']}:{first['port']}"
            yield hit(
                "ss -ltnp",
                f"{address} {first.get('process') or ''}".strip(),
                address=address,
                expected={"en": f"0.0.0.0:{first['port']}", "zh": f"0.0.0.0:{first['port']}"},
            )


@rule("model-service-unreachable", needs=["probe:reach"])
def model_address_dead(d: Deployment) -> t.Iterator[Hit]:
    """An address that is no container of this host; containers are told by the findings about networks and gateways."""
    for variable in MODEL_VARIABLES:
        item = reach(d, variable)
        if item and item.get("connects") is False and item["host"] not in LOOPBACK and not peer(d, item["host"]):
            yield hit(
                f"from {d.facts['app_container']}",
                f"{variable}: {item['host']}:{item['port']}: {item.get('error')}",
                service=_service(d, "app"),
            )


# --- host networking


@rule("host-network-mode-names", needs=["inspect|services", "env:app"])
def names_without_network(d: Deployment) -> t.Iterator[Hit]:
    """With host networking Docker's own names are not known."""
    if not uses_host_network(d, "app"):
        return
    container, service = d.app, d.service_of("app")
    extra = (
        (container.data.get("extra_hosts") if container else None)
        or (service.data.get("extra_hosts") if service else None)
        or []
    )
    known = {str(line).replace("=", ":").partition(":")[0] for line in extra}
    for target in targets(d.env_of("app")):
        host = target.address.host
        is_dockers = bool(peer(d, host)) or host in d.services or not re.search(r"[.:]", host)
        if host not in known | LOOPBACK and is_dockers:
            yield hit(
                f"env of {d.facts['app_container']}",
                f"network_mode: host, {shown(target)}",
                service=_service(d, "app"),
                expected={"en": "an address of the host, such as 127.0.0.1", "zh": "宿主机地址，如 127.0.0.1"},
            )


# --- networks


@rule("compose-undefined-network", needs=["compose"])
def undeclared_network(d: Deployment) -> t.Iterator[Hit]:
    """Compose refuses a file whose services name networks that no file declares."""
    if any(compose.error or "include" in compose.data for compose in d.compose_files):
        return
    declared = {name for compose in d.compose_files for name in compose.data.get("networks") or {}} | {"default"}
    for compose in d.compose_files:
        for service in compose.services.values():
            for network in service.networks:
                if network not in declared:
                    line = compose.line("services", service.name, "networks", network) or compose.line(
                        "services", service.name, "networks"
                    )
                    yield hit(
                        f"{compose.path}:{line}",
                        compose.excerpt(line) or network,
                        service_name=service.name,
                        network=network,
                        expected={
                            "en": f"{network}: under the top-level networks:",
                            "zh": f"顶层 networks: 下有 {network}:",
                        },
                    )
                    return


def _apart(caller: Container, other: Container) -> bool:
    """Tell whether two containers have networks, but none in common. Host networking has no names."""
    mine, theirs = set(caller.networks), set(other.networks)
    return bool(mine and theirs) and not mine & theirs and "host" not in mine | theirs


@rule("not-in-same-network", needs=["inspect", "env:app"])
def containers_apart(d: Deployment) -> t.Iterator[Hit]:
    """What a variable names is a container of this host, on other networks."""
    seen: set[str] = set()
    for component in CALLERS:
        caller = d.one(component)
        for target in targets(d.env_of(component)) if caller else ():
            other = peer(d, target.address.host)
            if caller and other and other.name not in seen and other.name != caller.name and _apart(caller, other):
                seen.add(other.name)
                yield _apart_hit(
                    caller.service or caller.name, sorted(caller.networks), other.name, sorted(other.networks), target
                )


def _apart_hit(caller: str, mine: list[str], other: str, theirs: list[str], target: Target) -> Hit:
    return hit(
        f"networks of {caller} and {other}",
        f"{shown(target)}: {caller} on {', '.join(mine)}; {other} on {', '.join(theirs)}",
        expected={"en": "one network in common", "zh": "至少有一个共同的网络"},
        service=caller,
        peer=other,
        network=mine[0],
    )


@rule("not-in-same-network", needs=["services"])
def services_apart(d: Deployment) -> t.Iterator[Hit]:
    """The same, as the compose file has it, where the containers themselves were not seen."""
    for caller in d.services.values():
        component = d.component_of_service(caller)
        if component not in CALLERS or caller.network_mode or _seen(d, component):
            continue
        for target in targets({key: value for key, value in caller.environment.items() if value}):
            other = _service_named(d, target.address.host)
            if (
                other
                and other.name != caller.name
                and not other.network_mode
                and not set(caller.networks) & set(other.networks)
            ):
                yield _apart_hit(caller.name, caller.networks, other.name, other.networks, target)
                break


def _seen(d: Deployment, component: str) -> bool:
    container = d.one(component)
    return bool(container and container.networks)


def _service_named(d: Deployment, host: str) -> Service | None:
    for service in d.services.values():
        if host in (service.name, service.container_name):
            return service
    return None


def _tried_peers(d: Deployment) -> dict[str, dict[str, t.Any]]:
    """Give how FastGPT fared with each container that runs on its networks, by name; none where there is but one."""
    if not d.app or uses_host_network(d, "app"):
        return {}
    shared = [c for c in d.containers if c.running and set(c.networks) & set(d.app.networks)]
    names = {name for container in shared for name in names_of(container)}
    tried = {item["host"]: item for item in d.probe_list("reach") or [] if item.get("host") in names}
    return tried if len(tried) > 1 else {}


def _cut_off(d: Deployment, tried: t.Iterable[str], words: str, expected: Text) -> Hit:
    names = ", ".join(tried)
    service = d.app.service if d.app else None
    return hit(f"from {d.facts['app_container']}", f"{words}: {names}", service=service, peers=names, expected=expected)


@rule("container-names-unresolved", needs=["probe:reach", "containers"])
def no_name_resolves(d: Deployment) -> t.Iterator[Hit]:
    """One name that does not resolve may be a matter of that container."""
    tried = _tried_peers(d)
    if tried and all(item.get("resolves") is False for item in tried.values()):
        expected = {
            "en": "their addresses, from Docker's DNS at 127.0.0.11",
            "zh": "应由 Docker 的 DNS（127.0.0.11）解析出地址",
        }
        yield _cut_off(d, tried, "no such name", expected)


@rule("container-traffic-blocked", needs=["probe:reach", "containers"])
def nothing_passes(d: Deployment) -> t.Iterator[Hit]:
    """A server that is not there refuses; from behind a firewall comes no answer at all."""
    tried = _tried_peers(d)
    silent = [
        item.get("resolves") and item.get("connects") is False and "refused" not in str(item.get("error")).lower()
        for item in tried.values()
    ]
    if tried and all(silent):
        yield _cut_off(d, tried, "no answer", {"en": "a connection", "zh": "应能连通"})


@rule("not-in-same-network", needs=["probe:reach", "containers"])
def name_of_other_project(d: Deployment) -> t.Iterator[Hit]:
    """The name does not resolve inside, though a container of that name runs outside the project."""
    for item in d.probe_list("reach") or []:
        if item.get("resolves") is not False or not d.app:
            continue
        other = next((c for c in d.other_containers if item["host"] in names_of(c) and c.running), None)
        if other and not set(other.networks) & set(d.app.networks):
            network = next(iter(d.app.networks), "fastgpt")
            yield hit(
                f"from {d.app.name}",
                f"{item['variable']}: {item['host']} does not resolve; container {other.name} runs on "
                f"{', '.join(other.networks) or '?'}",
                service=d.app.service,
                peer=other.name,
                network=network,
                expected={"en": "one network in common", "zh": "至少有一个共同的网络"},
            )
            return
