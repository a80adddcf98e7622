# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app's companions of later generations: object store, plugin service, code sandbox."""

from __future__ import annotations

import typing as t

from ..model import Deployment, parse_url
from ..rule import Hit, Text, hit, refutes, rule
from ._peers import LOOPBACK, peer, reach

PLUGIN = ("PLUGIN_BASE_URL",)
SANDBOX = ("CODE_SANDBOX_URL", "SANDBOX_URL")
STORAGE = ("STORAGE_S3_ENDPOINT", "S3_ENDPOINT", "MINIO_ENDPOINT")
EXTERNAL = ("STORAGE_EXTERNAL_ENDPOINT", "S3_EXTERNAL_BASE_URL")


def _service(d: Deployment, component: str) -> str | None:
    container, service = d.one(component), d.service_of(component)
    return (container.service or container.name) if container else service.name if service else None


def _page(d: Deployment, variables: t.Sequence[str]) -> dict[str, t.Any] | None:
    """Give the answer of a companion's health page."""
    return next((item for item in d.probe_list("http") or [] if item.get("name") in variables), None)


def _reached(d: Deployment, variables: t.Sequence[str], words: Text) -> Text | None:
    tried = [item for item in (reach(d, variable) for variable in variables) if item]
    page = _page(d, variables)
    answers = page is None or bool(page.get("error")) or (page.get("status") or 500) < 500
    return words if tried and all(item.get("connects") for item in tried) and answers else None


def _not_reached(d: Deployment, variables: t.Sequence[str], component: str) -> t.Iterator[Hit]:
    """Tried from inside FastGPT's container, and its health page from the host."""
    for variable in variables:
        tried = reach(d, variable)
        if tried and tried.get("connects") is False and tried["host"] not in LOOPBACK:
            words = f"{variable}: {tried['host']}:{tried['port']}: {tried.get('error')}"
            yield hit(f"from {d.facts['app_container']}", words, service=_service(d, component))
            return
    page = _page(d, variables)
    if page and page.get("status") is None and page.get("message") and not page.get("error"):
        yield hit(page["url"], page["message"], service=_service(d, component))


@refutes("plugin-service-unreachable", "plugin-start-failed")
def plugin_reached(d: Deployment) -> Text | None:
    """Its port accepts and its health page answers."""
    return _reached(d, PLUGIN, {"en": "fastgpt-plugin answers", "zh": "plugin 服务有应答"})


@refutes("sandbox-unreachable")
def sandbox_reached(d: Deployment) -> Text | None:
    """Its port accepts and its health page answers."""
    return _reached(d, SANDBOX, {"en": "the sandbox answers", "zh": "沙盒服务有应答"})


@refutes("storage-unreachable", "storage-path-style")
def storage_reached(d: Deployment) -> Text | None:
    """Its port accepts, and FastGPT says that it started."""
    started = any("System initialized successfully" in log.text for log in d.log_of("app"))
    return _reached(d, STORAGE, {"en": "the object store answers", "zh": "对象存储有应答"}) if started else None


@rule("plugin-service-unreachable", needs=["probe:reach|probe:http"])
def plugin_not_reached(d: Deployment) -> t.Iterator[Hit]:
    """Needed by FastGPT from 4.10 on."""
    yield from _not_reached(d, PLUGIN, "app")


@rule("sandbox-unreachable", needs=["probe:reach|probe:http"])
def sandbox_not_reached(d: Deployment) -> t.Iterator[Hit]:
    """Needed by the code-run node alone."""
    yield from _not_reached(d, SANDBOX, "app")


@rule("storage-unreachable", needs=["probe:reach|probe:http"])
def storage_not_reached(d: Deployment) -> t.Iterator[Hit]:
    """Needed by FastGPT from 4.14.5 on."""
    yield from _not_reached(d, STORAGE, "storage")


@rule("sandbox-broken", needs=["probe:http"], component="sandbox")
def sandbox_answers_errors(d: Deployment) -> t.Iterator[Hit]:
    """The health page answers with a server's fault."""
    page = _page(d, SANDBOX)
    if page and (page.get("status") or 0) >= 500:
        yield hit(page["url"], f"HTTP {page['status']}", service=_service(d, "sandbox"))


@rule("plugin-token-mismatch", needs=["env:app", "env:plugin"], component="plugin")
def plugin_token_differs(d: Deployment) -> t.Iterator[Hit]:
    """Equal secrets have equal tokens, so they can be compared unseen. It is FastGPT that does not start then."""
    sent, wanted = d.env_of("app").get("PLUGIN_TOKEN"), d.env_of("plugin").get("AUTH_TOKEN")
    if sent and wanted and sent != wanted:
        yield hit(
            f"env of {d.facts['app_container']} and {d.facts['plugin_container']}",
            f"PLUGIN_TOKEN={sent}, AUTH_TOKEN={wanted}",
            expected={"en": "the same value", "zh": "两者相同"},
            service=_service(d, "app"),
        )


@rule("sandbox-token-mismatch", needs=["env:app", "env:sandbox"], component="sandbox")
def sandbox_token_differs(d: Deployment) -> t.Iterator[Hit]:
    """The same for the code sandbox of 4.14.8 and later."""
    mine, wanted = d.env_of("app"), d.env_of("sandbox").get("SANDBOX_TOKEN")
    sent = mine.get("CODE_SANDBOX_TOKEN") or mine.get("SANDBOX_TOKEN")
    if sent and wanted and sent != wanted:
        yield hit(
            f"env of {d.facts['app_container']} and {d.facts['sandbox_container']}",
            f"CODE_SANDBOX_TOKEN={sent}, SANDBOX_TOKEN={wanted}",
            expected={"en": "the same value", "zh": "两者相同"},
            service=_service(d, "sandbox"),
        )


KEYS = (("STORAGE_ACCESS_KEY_ID", "STORAGE_SECRET_ACCESS_KEY"), ("S3_ACCESS_KEY", "S3_SECRET_KEY"))
"""A key and its secret; the latter pair before 4.14.5."""


@rule("storage-credentials-wrong", needs=["env:app|env:plugin", "env:storage"])
def root_key_with_another_secret(d: Deployment) -> t.Iterator[Hit]:
    """MinIO takes its root login from the environment at every start; a key of another name may be one made in it."""
    storage = d.env_of("storage")
    root, password = storage.get("MINIO_ROOT_USER"), storage.get("MINIO_ROOT_PASSWORD")
    for component in ("app", "plugin"):
        env = d.env_of(component)
        servers = [peer(d, address.host) for address in map(parse_url, map(env.get, STORAGE)) if address]
        is_own = any(server and server.component == "storage" for server in servers)
        for key, secret in KEYS:
            if is_own and password and root and env.get(key) == root and env.get(secret) not in (None, password):
                yield hit(
                    f"env of {d.facts[component + '_container']} and {d.facts['storage_container']}",
                    f"{secret}={env[secret]}, MINIO_ROOT_PASSWORD={password}",
                    expected={"en": "the same value", "zh": "两者相同"},
                    service=_service(d, component),
                )


@rule("storage-external-endpoint-wrong", needs=["env:app"])
def external_endpoint_inside(d: Deployment) -> t.Iterator[Hit]:
    """What browsers are given must not be a name that only containers know, nor localhost."""
    for variable in EXTERNAL:
        value = d.env_of("app").get(variable)
        address = parse_url(value)
        if not address:
            continue
        inside = bool(peer(d, address.host)) or address.host in d.services
        if inside or address.host in LOOPBACK:
            yield hit(
                f"env of {d.facts['app_container']}",
                f"{variable}={value}",
                expected={"en": "the host's LAN address or domain", "zh": "宿主机局域网 IP 或域名"},
                service=_service(d, "app"),
                confidence="likely",
                severity=None if inside else "warning",  # who works on this machine alone gets along with localhost
            )


@rule("storage-external-endpoint-wrong", needs=["probe:reach"])
def external_endpoint_dead(d: Deployment) -> t.Iterator[Hit]:
    """Where the collector could try it from inside FastGPT's container."""
    for variable in EXTERNAL:
        tried = reach(d, variable)
        if tried and tried.get("connects") is False:
            words = f"{variable}: {tried['host']}:{tried['port']}: {tried.get('error')}"
            yield hit(f"from {d.facts['app_container']}", words, service=_service(d, "app"))
