# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a container's variables name, and whether it is the container it should be. Shared by rules."""

from __future__ import annotations

import re
import typing as t

from ..model import Address, Container, Deployment, Service, parse_url
from ..rule import Hit, Text, hit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1"})
DEFAULT_PORTS = {"mongodb": 27017, "postgresql": 5432, "postgres": 5432, "redis": 6379, "http": 80, "https": 443}
SERVER_VARIABLES = re.compile(
    r"^(MONGODB_URI|MONGODB_LOG_URI|PG_URL|PG_HOST|REDIS_URL|OPENAI_BASE_URL|ONEAPI_URL|AIPROXY_API_ENDPOINT|"
    r"(CODE_)?SANDBOX_URL|PLUGIN_BASE_URL|MILVUS_ADDRESS|OCEANBASE_URL|OPENGAUSS_URL|SEEKDB_URL|"
    r"(STORAGE_)?S3_ENDPOINT|MINIO_ENDPOINT|SQL_DSN)$"
)
"""Variables that name a server the process itself connects to; those that browsers use are not among them."""


class Target(t.NamedTuple):
    """A server that a variable names."""

    variable: str
    value: str
    address: Address

    @property
    def port(self) -> int | None:
        return self.address.port or DEFAULT_PORTS.get(self.address.scheme)


def targets(variables: t.Mapping[str, str]) -> t.Iterator[Target]:
    """Give the servers that a container's variables name."""
    for name, value in variables.items():
        if not SERVER_VARIABLES.match(name) or not value:
            continue
        address = parse_url(value if "://" in value or "@tcp(" in value else f"tcp://{value}")
        if address and address.host:
            yield Target(name, value, address)


def shown(target: Target) -> str:
    """Show a variable without what may be secret in it."""
    where = target.address.host + (f":{target.address.port}" if target.address.port else "")
    return f"{target.variable}={target.address.scheme}://{'***@' if target.address.password else ''}{where}"


def names_of(container: Container) -> set[str]:
    """Give the names under which other containers may reach a container."""
    names = {container.name, container.service or ""}
    for network in container.networks.values():
        names.update((network or {}).get("aliases") or [])
    return {name for name in names if name}


def peer(d: Deployment, host: str) -> Container | None:
    """Find the container on this host, of the project or not, that a host name means."""
    return next((c for c in (*d.containers, *d.other_containers) if host in names_of(c)), None)


def uses_host_network(d: Deployment, component: str) -> bool:
    """Tell whether a component shares the host's network, where localhost is the host."""
    container, service = d.one(component), d.service_of(component)
    mode = (container and container.data.get("network_mode")) or (service and service.network_mode)
    return mode == "host"


def reach(d: Deployment, variable: str) -> dict[str, t.Any] | None:
    """Give what the app's container found when it tried the server of a variable."""
    return next((item for item in d.probe_list("reach") or [] if item.get("variable") == variable), None)


def says_later(d: Deployment, component: str, good: str, bad: str) -> bool:
    """Tell whether a component's log says, after the last complaint of the present run, that all is well."""
    for log in d.log_of(component):
        last_good = max((m.start() for m in log.search(re.compile(good))), default=-1)
        last_bad = max((m.start() for m in log.search(re.compile(bad))), default=-1)
        if last_good > last_bad:
            return True
    return False


ANSWERS: Text = {"en": "it answers now", "zh": "目前应答正常"}


def leading_to(d: Deployment, variable: str, service: Service) -> t.Iterator[Target]:
    """Give the addresses of FastGPT's variable that name this service of the compose file."""
    for target in targets(d.env_of("app")):
        if target.variable == variable and target.address.host in (service.name, service.container_name):
            yield target


def differing_logins(
    d: Deployment, component: str, variable: str, made_by: tuple[str, str], pair: str
) -> t.Iterator[Hit]:
    """Compare, in the compose file alone, the login a database is made with and the one FastGPT uses.

    :param variable: FastGPT's variable that leads there
    :param made_by: the database's variables of user and password
    :param pair: how those two are called in the proof
    """
    service = d.service_of(component)
    if not service or d.one(component):
        return
    made = service.environment.get(made_by[0]), service.environment.get(made_by[1])
    for target in leading_to(d, variable, service):
        used = target.address.user, target.address.password
        is_plain = all(text and "$" not in text for text in (*made, *used))
        if is_plain and made != used:
            yield hit(
                f"{d.facts['compose_file']}: {variable} and {pair}",
                f"{used[0]}:{used[1]} against {made[0]}:{made[1]}",
                service=service.name,
                confidence="likely",
                expected={"en": "the same user and password", "zh": "用户名和密码应一致"},
            )
