# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables: does what the files say reach the process, and can the process use it."""

from __future__ import annotations

import re
import typing as t

from ...module_utils import _env_file
from ..compose import Service
from ..model import Container, Deployment, parse_url
from ..rule import Hit, hit, rule

Variables = t.Mapping[str, t.Optional[str]]

URI_VARIABLE = re.compile(r"(?:MONGO\w*_UR[IL]|PG_URL|REDIS_URL|OCEANBASE_URL|OPENGAUSS_URL|SQL_DSN|LOG_SQL_DSN)$")
MONGO_UNSAFE = frozenset("@:/?#[]%")
URL_UNSAFE = frozenset("/?#%")
"""What breaks a URL as WHATWG parsers read it: they cut at the last @, so one in a password does no harm there."""
PROXY_VARIABLE = re.compile(r"(?:https?|all|axios)_proxy(?:_url)?$", re.IGNORECASE)
PROXY_ADDRESS = re.compile(r"(?:https?|socks[45]?[ha]?)://(?:[^\s/@]+@)?(?:\[[0-9a-fA-F:]+\]|[\w.-]+)(?::\d{1,5})?/?$")
NOT_READ_NAMES: t.Mapping[str, tuple[str, ...]] = {
    "OPENAI_API_KEY": ("CHAT_API_KEY", "OPENAIKEY", "AIPROXY_API_TOKEN"),
    "MONGODB_URL": ("MONGODB_URI",),
    "MONGO_URI": ("MONGODB_URI",),
    "MONGO_URL": ("MONGODB_URI",),
    "POSTGRES_URL": ("PG_URL",),
    "OPENAI_API_BASE": ("OPENAI_BASE_URL", "AIPROXY_API_ENDPOINT"),
    "OPENAI_API_BASE_URL": ("OPENAI_BASE_URL", "AIPROXY_API_ENDPOINT"),
}
"""Names people use, and those FastGPT reads instead; one of these present means the other is only a leftover."""


def environments(d: Deployment) -> t.Iterator[tuple[str, Variables]]:
    """Give each service's variables, the truest source first."""
    seen: set[str] = set()
    for container in d.containers:
        variables = _actual(d, container)
        if variables:
            seen |= {container.service or container.name, container.name}
            yield container.service or container.name, variables
    for name, variables in d.process_env.items():
        if name not in seen:
            seen.add(name)
            yield name, variables
    for service in d.services.values():
        if not seen & {service.name, service.container_name}:
            yield service.name, service.environment


def _actual(d: Deployment, container: Container) -> Variables:
    asked = d.process_env.get(container.name) or d.process_env.get(container.service or "")
    return asked or container.env


@rule("env-not-loaded", needs=["services", "inspect|process_env:app"])
def not_loaded(d: Deployment) -> t.Iterator[Hit]:
    rendered = bool((d.project.get("rendered") or {}).get("services"))
    for service in d.services.values():
        container = d.container_named(service.name)
        actual = _actual(d, container) if container else d.process_env.get(service.container_name or service.name) or {}
        if actual and not (container and container.status == "created"):
            stale = [name for name, value in service.environment.items() if _differs(value, actual.get(name), rendered)]
            if stale:
                yield _stale(d, service, stale, actual)


def _differs(written: str | None, actual: str | None, rendered: bool) -> bool:
    """Compare a value of the file with the process's. Compose renders ``$`` as ``$$``; what this program could not
    fill in itself (a variable of the shell) is left out."""
    if written is None or (not rendered and not written):
        return False
    wanted = written.replace("$$", "$") if rendered else written
    return wanted.strip() != (actual or "").strip()


def _stale(d: Deployment, service: Service, names: t.Sequence[str], actual: Variables) -> Hit:
    first = names[0]
    place = d.written("services", service.name, "environment", first)
    source = f"{place[0].path}:{place[1]}" if place else d.facts["compose_file"]
    return hit(
        f"docker inspect {service.container_name or service.name}: Env",
        f"{first} = {actual.get(first, '(not set)')}",
        service=service.name,
        expected={
            "en": f"{first} = {service.environment[first]} ({source})",
            "zh": f"{first} = {service.environment[first]}（{source}）",
        },
        variables=", ".join(names[:6]),
    )


@rule("env-conflicting", needs=["services"])
def set_twice(d: Deployment) -> t.Iterator[Hit]:
    for service in d.services.values():
        for name, values in _all_values(d, service).items():
            different = sorted({value for _where, value in values})
            if len(different) > 1:
                where = " / ".join(dict.fromkeys(place for place, _value in values))
                yield hit(
                    where,
                    "\n".join(f"{name}={value}" for value in different),
                    service=service.name,
                    name=name,
                    where=where,
                )
                break


def _all_values(d: Deployment, service: Service) -> dict[str, list[tuple[str, str]]]:
    """Every value a variable is given, with where: the service's list, and its env files."""
    values: dict[str, list[tuple[str, str]]] = {}
    for item in _as_list(service.data.get("environment")):
        name, equals, value = str(item).partition("=")
        if equals:
            values.setdefault(name.strip(), []).append((d.facts["compose_file"], value))
    for entry in _as_list(service.data.get("env_file")):
        path = str(entry.get("path") if isinstance(entry, dict) else entry)
        found = next(
            (f for f in d.files if f.get("role") == "env" and str(f["path"]).endswith(path.lstrip("./"))), None
        )
        for name, value in _env_file.read((found or {}).get("text") or "").items():
            if service.environment.get(name) is not None:
                values.setdefault(name, []).append((d.facts["compose_file"], str(service.environment[name])))
                values[name].append((path, value))
    return values


def _as_list(value: t.Any) -> list[t.Any]:
    """Give a list as it is, one text as a list of it, and nothing for what has no order (a map)."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


@rule("env-value-quoted", needs=["env:app"])
def quoted(d: Deployment) -> t.Iterator[Hit]:
    """A value that begins and ends with a quote; of secrets the collector tells."""
    secrets = d.evidence.get("secret_facts") or {}
    for service, variables in environments(d):
        for name, value in variables.items():
            bare = (value or "").strip()
            marked = (secrets.get(bare) or {}).get("quoted")
            if URI_OR_KEY.search(name) and (marked or (len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "'\"")):
                yield hit(
                    f"environment of {service}",
                    f"{name}={bare}",
                    service=service,
                    name=name,
                    expected={"en": "no quotes", "zh": "不带引号"},
                )


URI_OR_KEY = re.compile(r"(?:UR[IL]|DSN|KEY|TOKEN|PSW|PASSWORD|DOMAIN|ENDPOINT)$")


@rule("env-name-not-read", needs=["env:app"], component="app")
def not_read(d: Deployment) -> t.Iterator[Hit]:
    variables = d.env_of("app")
    for name, right in NOT_READ_NAMES.items():
        if variables.get(name) and not any(variables.get(other) for other in right):
            yield hit(
                f"environment of {d.facts['app_service']}",
                f"{name} is set, {right[0]} is not",
                name=name,
                service=d.facts["app_service"],
                right_name=right[0],
            )


@rule("db-password-special-chars", needs=["env:app|env:oneapi|env:aiproxy|env:plugin"])
def special_characters(d: Deployment) -> t.Iterator[Hit]:
    for service, variables in environments(d):
        for name, value in variables.items():
            unsafe = unescaped(d, value) if URI_VARIABLE.search(name) else None
            if unsafe:
                yield hit(
                    f"environment of {service}",
                    f"{name}: password with {unsafe}",
                    service=service,
                    variable=name,
                    characters=unsafe,
                    expected={"en": "percent-encoded", "zh": "应做百分号编码"},
                )


def unescaped(d: Deployment, value: str | None) -> str:
    """Give the characters of the password in a connection string that break it, empty where there are none."""
    address = parse_url(value)
    if address is None or "tcp(" in (value or ""):
        return ""  # a Go DSN takes the password as it is
    told = (d.evidence.get("secret_facts") or {}).get(address.password or "") or {}
    if "$" in (told.get("special") or ""):
        return ""  # Compose fills in a variable there
    unsafe = set(told.get("url_unsafe") or "")
    return " ".join(sorted(unsafe & (MONGO_UNSAFE if address.scheme.startswith("mongodb") else URL_UNSAFE)))


@rule("proxy-env-malformed", needs=["env:app"])
def malformed_proxy(d: Deployment) -> t.Iterator[Hit]:
    for service, variables in environments(d):
        for name, value in variables.items():
            text = (value or "").strip()
            if text and PROXY_VARIABLE.search(name) and "<secret:" not in text and not PROXY_ADDRESS.match(text):
                yield hit(
                    f"environment of {service}",
                    f"{name}={text}",
                    service=service,
                    name=name,
                    problem=text,
                    expected={"en": "http://HOST:PORT", "zh": "http://主机:端口"},
                )
