# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What should not stay as it is although everything works."""

from __future__ import annotations

import typing as t

from ..model import Container, Deployment
from ..rule import Hit, hit, rule

EVERYWHERE = frozenset({"", "0.0.0.0", "::"})
LOGINS: t.Mapping[str, tuple[str, ...]] = {
    "app": ("DEFAULT_ROOT_PSW",),
    "mongo": ("MONGO_INITDB_ROOT_PASSWORD",),
    "pg": ("POSTGRES_PASSWORD",),
    "aiproxy-pg": ("POSTGRES_PASSWORD",),
    "oneapi-db": ("MYSQL_ROOT_PASSWORD",),
    "aiproxy": ("ADMIN_KEY",),
    "storage": ("MINIO_ROOT_PASSWORD",),
}
DATABASES = ("mongo", "pg", "aiproxy-pg", "oneapi-db", "redis")


def _open_ports(container: Container) -> list[dict[str, t.Any]]:
    return [p for p in container.ports if p.get("host_port") and (p.get("host_ip") or "") in EVERYWHERE]


@rule("default-credentials", needs=["inspect"])
def default_credentials(d: Deployment) -> t.Iterator[Hit]:
    """Only of services that other machines can reach."""
    defaults = d.evidence.get("known_defaults") or {}
    for container in d.containers:
        ports = _open_ports(container)
        names = LOGINS.get(container.component or "", ())
        weak = [name for name in names if container.env.get(name) in defaults]
        if weak and ports and container.running:
            shown = ", ".join(sorted({str(p["host_port"]) for p in ports}))
            yield hit(
                f"docker inspect {container.name}: Env",
                "\n".join(f"{name}: {defaults[container.env[name]]}" for name in weak),
                service=container.service,
                expected={"en": "a value of your own", "zh": "应改为自己的值"},
                ports=shown,
                variables=", ".join(weak),
            )


@rule("database-port-exposed", needs=["inspect"])
def exposed_database(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        ports = _open_ports(container)
        if container.component in DATABASES and container.running and ports:
            port = ports[0]
            yield hit(
                f"docker inspect: {container.name}",
                f"{port.get('host_ip') or '*'}:{port['host_port']} -> {port['container_port']}",
                service=container.service,
                expected={"en": "not published, or on 127.0.0.1 only", "zh": "不对外映射，或只绑定 127.0.0.1"},
                port=port["host_port"],
                container_port=port["container_port"],
            )
