# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model gateway: the address and key FastGPT uses, what answers there, and the gateway's own database."""

from __future__ import annotations

import re
import typing as t

from ..components import component_of
from ..model import Address, Deployment, parse_url
from ..rule import Hit, Text, hit, refutes, rule
from ..versions import Version
from ._peers import ANSWERS, LOOPBACK, names_of, reach, uses_host_network

APP_PORT = 3000
PROXY_FIRST = Version(4, 8, 23)
"""From here on AIPROXY_API_ENDPOINT and AIPROXY_API_TOKEN go before OPENAI_BASE_URL and CHAT_API_KEY."""
KEY_FOLLOWS_ENDPOINT = Version(4, 15)
HTTP_PORTS = {"http": 80, "https": 443}
GATEWAY_VARIABLES = ("AIPROXY_API_ENDPOINT", "OPENAI_BASE_URL", "ONEAPI_URL")
GATEWAYS = ("aiproxy", "oneapi")
WEB_PAGE = re.compile(r"<!DOCTYPE html>|Unexpected token '?<")
"""What a model call brings where it leads to a web page; a page of somebody else's proxy has no such port."""
OTHER_REFUSAL = re.compile(r"过期|状态不可用|额度|quota|无权|网段|封禁|disabled|expired")
"""Words of a 401 or 403 that is not about a wrong key."""


class Base(t.NamedTuple):
    """The model address in use: the variable that gives it, as written, and read."""

    variable: str
    value: str
    address: Address
    port: int


def base_of(d: Deployment) -> Base | None:
    """Give the address FastGPT calls models at, as its generation chooses it."""
    env = d.env_of("app")
    for variable in GATEWAY_VARIABLES:
        value = (env.get(variable) or "").strip().strip("'\"")
        address = parse_url(value)
        if address and address.host and address.scheme in HTTP_PORTS:
            return Base(variable, value, address, address.port or HTTP_PORTS[address.scheme])
    return None


def _names(d: Deployment, component: str) -> set[str]:
    """Names by which a component is reached: of its containers and of its services."""
    names = {name for container in d.of(component) for name in names_of(container)}
    for service in d.services.values():
        if d.component_of_service(service) == component:
            names |= {service.name, service.container_name or service.name}
    return names


def _shown(base: Base) -> str:
    return f"{base.variable}={base.address.scheme}://{base.address.host}:{base.port}/{base.address.path}"


def _app_env(d: Deployment) -> str:
    """Where the app's variables were read."""
    return f"environment of {d.facts['app_container']}"


@rule("base-url-points-to-itself", needs=["env:app"])
def leads_to_itself(d: Deployment) -> t.Iterator[Hit]:
    base = base_of(d)
    if base and not uses_host_network(d, "app") and _is_the_app(d, base):
        yield hit(
            _app_env(d),
            _shown(base),
            service=d.facts["app_service"],
            expected={"en": "the gateway's address", "zh": "应为网关地址"},
        )


def _is_the_app(d: Deployment, base: Base) -> bool:
    """Inside: its own names or localhost with its own port. Outside: its public address, or its published port."""
    host = base.address.host
    if host in LOOPBACK or host in _names(d, "app"):
        return base.port == APP_PORT
    if host == "host.docker.internal":
        return base.port in _published(d)
    public = parse_url(d.env_of("app").get("FE_DOMAIN"))
    if public and public.host == host and (public.port or HTTP_PORTS.get(public.scheme)) == base.port:
        return True
    is_page_port = base.port in (_published(d) or {APP_PORT}) and not _is_gateway(d, host)
    return is_page_port and any(WEB_PAGE.search(log.text) for log in d.logs)


def _published(d: Deployment) -> set[int | None]:
    """Host ports that lead to the app's web page."""
    app, service = d.app, d.service_of("app")
    if app and app.ports:
        return {p.get("host_port") for p in app.ports if p.get("container_port") == APP_PORT}
    return {p.host_port for p in service.ports if p.container_port == APP_PORT} if service else set()


@rule("base-url-missing-v1", needs=["env:app"])
def lacks_version_path(d: Deployment) -> t.Iterator[Hit]:
    """Every provider's path names a version (/v1, /v3, /v4, /v1beta); AIPROXY_API_ENDPOINT alone goes without."""
    base = base_of(d)
    if base and base.variable != "AIPROXY_API_ENDPOINT" and not re.search(r"(^|/)v\d", base.address.path):
        yield hit(
            _app_env(d),
            _shown(base),
            service=d.facts["app_service"],
            expected={"en": "an address that ends with /v1", "zh": "应以 /v1 结尾"},
        )


@rule("gateway-url-doubled-v1", needs=["env:app"])
def doubles_version_path(d: Deployment) -> t.Iterator[Hit]:
    base = base_of(d)
    if base and base.variable == "AIPROXY_API_ENDPOINT" and re.search(r"(^|/)v1/?$", base.address.path):
        yield hit(
            _app_env(d),
            _shown(base),
            service=d.facts["app_service"],
            expected={"en": "the address without /v1", "zh": "不应带 /v1"},
        )


@rule("gateway-env-shadowed", needs=["env:app"])
def half_of_a_pair(d: Deployment) -> t.Iterator[Hit]:
    if d.version and not PROXY_FIRST <= d.version < KEY_FOLLOWS_ENDPOINT:
        return
    env = d.env_of("app")
    pair = ("AIPROXY_API_ENDPOINT", "AIPROXY_API_TOKEN")
    present = [name for name in pair if env.get(name)]
    other = {"AIPROXY_API_ENDPOINT": "CHAT_API_KEY", "AIPROXY_API_TOKEN": "OPENAI_BASE_URL"}
    if len(present) == 1 and env.get(other[present[0]]):
        yield hit(
            _app_env(d),
            f"{present[0]} is set, {' and '.join(set(pair) - set(present))} is not",
            service=d.facts["app_service"],
            setting=present[0],
            expected={"en": "both or neither", "zh": "两个都设或都不设"},
        )


# --- keys


@rule("aiproxy-key-mismatch", needs=["env:app", "env:aiproxy"], component="aiproxy")
def keys_differ(d: Deployment) -> t.Iterator[Hit]:
    base, key = base_of(d), d.env_of("app").get("AIPROXY_API_TOKEN")
    if not key or not base or base.variable != "AIPROXY_API_ENDPOINT" or base.address.host not in _names(d, "aiproxy"):
        return
    admin = d.env_of("aiproxy").get("ADMIN_KEY")
    if admin != key:
        yield hit(
            f"environment of {d.facts['app_container']} and {d.facts['aiproxy_container']}",
            f"AIPROXY_API_TOKEN={key}, ADMIN_KEY={admin or '(empty)'}",
            service=d.facts["aiproxy_service"],
            expected={"en": "the same value", "zh": "两个值应相同"},
        )


@rule("api-key-placeholder", needs=["env:app"])
def placeholder(d: Deployment) -> t.Iterator[Hit]:
    """One API may have been told to accept the template's own key (INITIAL_ROOT_TOKEN)."""
    env, secrets = d.env_of("app"), d.evidence.get("secret_facts") or {}
    variable = "AIPROXY_API_TOKEN" if env.get("AIPROXY_API_TOKEN") else "CHAT_API_KEY"
    key = env.get(variable) or ""
    known = secrets.get(key) or {}
    is_example = bool(re.fullmatch(r"sk-[xX*]{2,}", key)) or (known.get("default") and known.get("prefix") == "sk-")
    if is_example and not d.env_of("oneapi").get("INITIAL_ROOT_TOKEN"):
        yield hit(_app_env(d), f"{variable}={key}", service=d.facts["app_service"], variable=variable)


@rule("invalid-api-key", needs=["probe:gateway_models"])
def key_refused(d: Deployment) -> t.Iterator[Hit]:
    """The gateway's own answer to the app's key; a refusal for another reason has its own finding."""
    answer = d.probe("gateway_models") or {}
    message = str(answer.get("message") or "")
    if answer.get("status") == 401 and not OTHER_REFUSAL.search(message):
        yield hit(
            f"GET {answer.get('url')} with the key of {d.facts['app_container']}",
            f"status 401 {message[:200]}".strip(),
            expected={"en": "status 200 and a list of models", "zh": "应返回 200 和模型列表"},
        )


# --- is it there


@rule("gateway-unreachable", needs=["probe:reach"])
def not_reached(d: Deployment) -> t.Iterator[Hit]:
    base = base_of(d)
    tried = reach(d, base.variable) if base else None
    if base and tried and tried.get("connects") is False and _is_gateway(d, base.address.host):
        reason = tried.get("error") or ("no such name" if tried.get("resolves") is False else "no connection")
        yield hit(
            f"from inside {d.facts['app_container']}",
            f"{_shown(base)}: {reason}",
            expected={"en": "a connection", "zh": "应能连通"},
        )


def _is_gateway(d: Deployment, host: str) -> bool:
    return any(host in _names(d, gateway) for gateway in GATEWAYS) or component_of(None, host) in GATEWAYS


@rule("gateway-unreachable", needs=["env:app", "containers"])
def not_running(d: Deployment) -> t.Iterator[Hit]:
    base = base_of(d)
    gateways = [c for name in GATEWAYS for c in d.of(name) if base and base.address.host in names_of(c)]
    if gateways and not any(c.running or not c.status for c in gateways):
        yield hit(
            f"docker ps: {gateways[0].name}",
            f"{gateways[0].status}; FastGPT calls {base.address.host if base else ''}",
            expected={"en": "running", "zh": "应为 running"},
        )


@refutes("gateway-unreachable")
def reached(d: Deployment) -> Text | None:
    base = base_of(d)
    tried = reach(d, base.variable) if base else None
    return ANSWERS if tried and tried.get("connects") else None


@refutes(
    "oneapi-db-auth",
    "oneapi-db-not-ready",
    "oneapi-db-unreachable",
    "oneapi-redis-unreachable",
    "oneapi-offline-tiktoken",
    "aiproxy-db-unreachable",
)
def gateway_answers(d: Deployment) -> Text | None:
    """A gateway that answers has got past its start, so its database was there."""
    answer = d.probe("gateway")
    return ANSWERS if answer and answer.get("status") == 200 else None


# --- its database


def _database(d: Deployment) -> tuple[str, Address] | None:
    dsn = d.env_of("oneapi").get("SQL_DSN")
    address = parse_url(dsn)
    return (f"SQL_DSN={address.scheme}://***@{address.host}:{address.port or ''}", address) if address else None


@rule("oneapi-db-unreachable", needs=["env:oneapi"], component="oneapi")
def database_address(d: Deployment) -> t.Iterator[Hit]:
    """In a bridge network localhost is the container itself, and a sibling is reached by its inner port."""
    found = _database(d)
    if not found or uses_host_network(d, "oneapi"):
        return
    shown, address = found
    inner = {"mysql": 3306, "postgres": 5432, "postgresql": 5432}.get(address.scheme)
    is_sibling = address.host in _names(d, "oneapi-db") | _names(d, "pg")
    wrong_port = is_sibling and inner and address.port not in (inner, None) and not _listens(d, address)
    if address.host in LOOPBACK or wrong_port:
        yield hit(
            f"environment of {d.facts['oneapi_container']}",
            shown,
            service=d.facts["oneapi_service"],
            expected={
                "en": f"{d.facts['oneapi_db_service']}:{inner or 3306}",
                "zh": f"{d.facts['oneapi_db_service']}:{inner or 3306}",
            },
        )


def _listens(d: Deployment, address: Address) -> bool:
    """Tell whether the database was told to use that port itself."""
    service = d.service_of("oneapi-db")
    words = service.words("command") if service else ""
    return f"port={address.port}" in words.replace(" ", "=")


@rule("oneapi-db-not-ready", needs=["env:oneapi", "containers"], component="oneapi")
def database_down(d: Deployment) -> t.Iterator[Hit]:
    found = _database(d)
    container = next((c for c in d.containers if found and found[1].host in names_of(c)), None)
    if container and container.status and not container.running:
        yield hit(
            f"docker ps: {container.name}",
            container.status,
            service=d.facts["oneapi_service"],
            expected={"en": "running", "zh": "应为 running"},
        )


@rule("oneapi-db-auth", needs=["env:oneapi", "env:oneapi-db"], component="oneapi")
def database_password(d: Deployment) -> t.Iterator[Hit]:
    """The compose file's two halves disagree; the password inside MySQL may have been changed by hand, though."""
    found, stored = _database(d), d.env_of("oneapi-db")
    if not found or found[1].host not in _names(d, "oneapi-db"):
        return
    user, password = found[1].user, found[1].password
    wanted = stored.get("MYSQL_ROOT_PASSWORD") if user == "root" else stored.get("MYSQL_PASSWORD")
    if password and wanted and password != wanted and user in ("root", stored.get("MYSQL_USER")):
        yield hit(
            f"environment of {d.facts['oneapi_container']} and {d.facts['oneapi_db_container']}",
            f"SQL_DSN has {password}, MySQL has {wanted} for user {user}",
            service=d.facts["oneapi_service"],
            confidence="likely",
            expected={"en": "the same password", "zh": "密码应一致"},
        )
