# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that follow from the project's other services; secrets among them as tokens, resolved on the host."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from ...module_utils._secrets import TOKEN
from ..compose import Service
from ..editor import Editor
from ..model import Deployment, parse_url
from ..releases import OLD_AES_KEY
from ..rules._peers import LOOPBACK

TEMPLATE_HOSTS = frozenset({"192.168.0.2", "minio.com"})
"""Hosts of upstream's templates, which are nobody's own."""
PUBLIC = ("STORAGE_EXTERNAL_ENDPOINT", "S3_EXTERNAL_BASE_URL")

Values = t.Mapping[str, str]


def derived(d: Deployment, editor: Editor, name: str) -> str | None:
    """Give the value a variable of FastGPT must have here; None where that cannot be known."""
    if name in _FIXED:
        return _FIXED[name]
    if name == "FE_DOMAIN":
        return public_address(d, editor)
    component, make = _DERIVED.get(name, ("", None))
    service = d.service_of(component) if component else None
    if service is None or make is None:
        return None
    return make(service, editor.environment(service.name))


def percent_encoded(secret: str) -> str:
    """Write a secret for a URL: a token is encoded on the host, where its value is known."""
    return f"{secret[:-1]}:percent>" if TOKEN.fullmatch(secret) else urllib.parse.quote(secret, safe="")


def public_address(d: Deployment, editor: Editor) -> str | None:
    """Give the address under which others reach FastGPT's published port.

    The host is the one the operator gave for the object store's files, else the one this host speaks from.
    """
    app = d.service_of("app")
    port = next((p for p in app.ports if p.host_port and p.host_ip not in ("127.0.0.1", "::1")), None) if app else None
    if app is None or port is None:
        return None
    for name in PUBLIC:
        address = parse_url(editor.environment(app.name).get(name))
        if address and address.port and address.host not in LOOPBACK | TEMPLATE_HOSTS and "." in address.host:
            return f"http://{address.host}:{port.host_port}"
    own = d.host.get("address")
    return f"http://{own}:{port.host_port}" if own else None


def _mongodb_uri(service: Service, values: Values) -> str | None:
    user, password = values.get("MONGO_INITDB_ROOT_USERNAME"), values.get("MONGO_INITDB_ROOT_PASSWORD")
    login = f"{user}:{percent_encoded(password)}@" if user and password else ""
    return f"mongodb://{login}{service.name}:27017/fastgpt" + ("?authSource=admin" if login else "")


def _pg_url(service: Service, values: Values) -> str | None:
    password = values.get("POSTGRES_PASSWORD")
    user = values.get("POSTGRES_USER") or "postgres"
    if not password:
        return None
    return f"postgresql://{user}:{percent_encoded(password)}@{service.name}:5432/{values.get('POSTGRES_DB') or user}"


def _redis_url(service: Service, _values: Values) -> str | None:
    password = re.search(r"--requirepass[\s=]+['\"]?([^\s'\"]+)", service.words("command"))
    return (
        f"redis://default:{percent_encoded(password[1])}@{service.name}:6379"
        if password
        else (f"redis://{service.name}:6379")
    )


def _address(port: int, path: str = "") -> t.Callable[[Service, Values], str | None]:
    return lambda service, _values: f"http://{service.name}:{port}{path}"


def _value(*names: str) -> t.Callable[[Service, Values], str | None]:
    return lambda _service, values: next((values[name] for name in names if values.get(name)), None)


def _of_minio(value: str) -> t.Callable[[Service, Values], str | None]:
    return lambda service, _values: value if "minio" in (service.image or "") else None


_FIXED: Values = {
    "AES256_SECRET_KEY": OLD_AES_KEY,
    "FILE_TOKEN_KEY": "<random:64>",
    "INVOKE_TOKEN_SECRET": "<random:64>",
}
_DERIVED: t.Mapping[str, tuple[str, t.Callable[[Service, Values], str | None]]] = {
    "MONGODB_URI": ("mongo", _mongodb_uri),
    "PG_URL": ("pg", _pg_url),
    "REDIS_URL": ("redis", _redis_url),
    "SANDBOX_URL": ("sandbox", _address(3000)),
    "CODE_SANDBOX_URL": ("sandbox", _address(3000)),
    "CODE_SANDBOX_TOKEN": ("sandbox", _value("SANDBOX_TOKEN")),
    "PLUGIN_BASE_URL": ("plugin", _address(3000)),
    "PLUGIN_TOKEN": ("plugin", _value("AUTH_TOKEN")),
    "AIPROXY_API_ENDPOINT": ("aiproxy", _address(3000)),
    "AIPROXY_API_TOKEN": ("aiproxy", _value("ADMIN_KEY")),
    "OPENAI_BASE_URL": ("oneapi", _address(3000, "/v1")),
    "STORAGE_VENDOR": ("storage", _of_minio("minio")),
    "STORAGE_REGION": ("storage", _of_minio("us-east-1")),
    "STORAGE_S3_FORCE_PATH_STYLE": ("storage", _of_minio("true")),
    "STORAGE_S3_ENDPOINT": ("storage", _address(9000)),
    "STORAGE_ACCESS_KEY_ID": ("storage", _value("MINIO_ROOT_USER", "MINIO_ACCESS_KEY")),
    "STORAGE_SECRET_ACCESS_KEY": ("storage", _value("MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY")),
}
"""By variable the component that tells its value, and how."""
