# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of variables: values changed where they come from, and only the services that have them made anew."""

from __future__ import annotations

import re
import typing as t

from .. import releases
from ..addresses import readdressed
from ..diagnosis import Finding
from ..editor import Editor
from ..fix import CannotFixError, Fix, fixes, project_variables
from ..model import Address, Deployment, parse_url
from ..rules._peers import LOOPBACK, Target, targets
from ..rules.env import PROXY_ADDRESS, PROXY_VARIABLE, URI_VARIABLE, unescaped
from ..rules.gateway import base_of
from ..rules.ports import wrong_port
from ._derive import derived, percent_encoded, public_address
from ._servers import on_host, server_behind
from .containers import UP_SECONDS, service_in

NAMED = re.compile(r"[A-Z][A-Z0-9_]{3,}")


def environment_fix(d: Deployment, editor: Editor, *services: str) -> Fix:
    """Make the fix of an editor's edits.

    :param services: to bring up in any case, changed or not
    """
    present = [name for name in editor.changed if name in services or d.container_named(name)]
    recreates = tuple(dict.fromkeys([*present, *services]))
    variables = {
        "project": project_variables(d),
        "steps": editor.steps,
        "services": list(recreates),
        "secrets_from": editor.paths,
    }
    return Fix("env", variables, recreates, UP_SECONDS, editor.diff)


def app_service(d: Deployment) -> str:
    """Give FastGPT's own service."""
    service = d.service_of("app")
    if service is None:
        raise CannotFixError("the compose file has no service of FastGPT", "compose 文件中没有 FastGPT 服务")
    return service.name


def ask_for(name: str) -> CannotFixError:
    """Say that only the operator knows a value, and how to give it."""
    option = f'-e \'{{"fastgpt_env_values": {{"{name}": "..."}}}}\''
    return CannotFixError(
        f"the value of {name} cannot be known here; give it: {option} (secrets from a vault)",
        f"无法在这里得知 {name} 的值，请自行提供：{option}（密钥请放在 vault 中）",
    )


def given_or(d: Deployment, name: str, value: str | None) -> str | None:
    """Give what the operator gives for a variable, else another value."""
    return f"<given:{name}>" if name in d.given else value


# --- not loaded


@fixes("env-not-loaded")
def load(d: Deployment, finding: Finding) -> Fix:
    """Make the container anew with the values of the files; a variable that is in none of them is put there first."""
    service = service_in(d, finding)
    editor = Editor(d)
    told = finding.hit.facts.get("variables")
    names = NAMED.findall(told) if isinstance(told, str) else []
    for name in names:
        if not editor.environment(service).get(name):
            provide(d, editor, service, name)
    if not editor.steps and not names:
        raise CannotFixError(
            "no variable is named whose value would differ from the file's", "没有指明哪个变量与文件中的值不同"
        )
    return environment_fix(d, editor, service)


def provide(d: Deployment, editor: Editor, service: str, name: str) -> None:
    """Give a service a variable that it lacks: what the operator gives, what .env has, what other services tell."""
    if name not in d.given and d.env_file.get(name):
        editor.change(service, environment={name: f"${{{name}}}"})
        return
    value = given_or(d, name, derived(d, editor, name))
    if value is None:
        raise ask_for(name)
    editor.set(service, name, value)


# --- addresses


def change_address(editor: Editor, service: str, target: Target, host: str, port: int | None) -> None:
    """Lead a variable of a service elsewhere."""
    for value in readdressed(target.value, target.address, host, port):
        editor.set(service, target.variable, value)


@fixes("container-localhost")
def leave_the_container(d: Deployment, finding: Finding) -> Fix:
    """Name the container that has the server, or the host where the server is none."""
    service = service_in(d, finding)
    editor = Editor(d)
    local = [item for item in targets(editor.environment(service)) if item.address.host in LOOPBACK]
    if not local:
        raise CannotFixError(
            f"no variable of {service} names localhost: it is set in the gateway's channel or on the model page",
            f"{service} 的环境变量中没有 localhost：请在网关渠道或模型配置页面中修改",
        )
    for target in local:
        if target.variable in d.given:
            editor.set(service, target.variable, f"<given:{target.variable}>")
            continue
        server = server_behind(d, service, target)
        change_address(editor, service, target, server.host, server.port)
        if server.options:
            editor.change(service, **server.options)
    return environment_fix(d, editor, service)


@fixes("service-uses-host-port")
def use_inner_port(d: Deployment, finding: Finding) -> Fix:
    """Reach other services by the port inside their containers."""
    service = service_in(d, finding)
    editor = Editor(d)
    for name, value in editor.environment(service).items():
        address = parse_url(value)
        port = wrong_port(d, address) if address else None
        if address and port:
            change_address(editor, service, Target(name, value, address), address.host, port)
    if not editor.steps:
        raise CannotFixError(
            f"no variable of {service} in the files uses a published port",
            f"文件中 {service} 的变量没有使用映射端口",
        )
    return environment_fix(d, editor, service)


@fixes("mongo-unreachable-wrong-host")
def find_mongo(d: Deployment, _finding: Finding) -> Fix:
    """Lead every MongoDB address that is as wrong as FastGPT's to the MongoDB of this project."""
    app = app_service(d)
    editor = Editor(d)
    if "MONGODB_URI" in d.given:
        editor.set(app, "MONGODB_URI", "<given:MONGODB_URI>")
        return environment_fix(d, editor, app)
    mongo = d.service_of("mongo")
    wrong = parse_url(editor.environment(app).get("MONGODB_URI"))
    if mongo is None or wrong is None:
        raise ask_for("MONGODB_URI")
    port = re.search(r"--port[= ]+(\d+)", mongo.words("command"))
    right = (mongo.name, int(port[1]) if port else 27017)
    if (wrong.host, wrong.port or 27017) == right:
        raise CannotFixError(
            f"MONGODB_URI already names {right[0]}:{right[1]}; the name or the network is at fault",
            f"MONGODB_URI 已经是 {right[0]}:{right[1]}，问题在于名字解析或网络",
        )
    for service in list(editor.services()):
        for target in targets(editor.environment(service)):
            if _leads_to(target.address, wrong):
                change_address(editor, service, target, *right)
    return environment_fix(d, editor, app)


def _leads_to(address: Address, other: Address) -> bool:
    return address.scheme.startswith("mongodb") and (address.host, address.port) == (other.host, other.port)


@fixes("frontend-url-localhost")
def name_the_host(d: Deployment, _finding: Finding) -> Fix:
    """Build links with an address that others reach: what the operator gives, else the host's own."""
    app = app_service(d)
    editor = Editor(d)
    present = editor.environment(app)
    for name in ("FE_DOMAIN", "FILE_DOMAIN"):
        address = parse_url(present.get(name))
        if name == "FE_DOMAIN" or (address and address.host in LOOPBACK):
            value = given_or(d, name, public_address(d, editor))
            if value is None:
                raise ask_for(name)
            editor.set(app, name, value)
    return environment_fix(d, editor, app)


# --- values


@fixes("db-password-special-chars")
def encode_password(d: Deployment, finding: Finding) -> Fix:
    """Percent-encode passwords in connection strings; the passwords themselves stay as they are."""
    service = service_in(d, finding)
    editor = Editor(d)
    for name, value in editor.environment(service).items():
        if URI_VARIABLE.search(name) and unescaped(d, value):
            password = t.cast(Address, parse_url(value)).password or ""
            editor.set(service, name, value.replace(f":{password}@", f":{percent_encoded(password)}@"))
    if not editor.steps:
        raise CannotFixError(
            f"no connection string of {service} in the files has a password with special characters",
            f"文件中 {service} 的连接串没有含特殊字符的密码",
        )
    return environment_fix(d, editor, service)


@fixes("proxy-env-malformed")
def mend_proxy(d: Deployment, finding: Finding) -> Fix:
    """Write proxy addresses as every program reads them."""
    service = service_in(d, finding)
    editor = Editor(d)
    for name, value in editor.environment(service).items():
        if PROXY_VARIABLE.search(name) and value and "<secret:" not in value and not PROXY_ADDRESS.match(value):
            _mend_proxy(d, editor, service, name, value)
    if not editor.steps:
        raise CannotFixError(
            f"the proxy variable of {service} is in no file of the project; ~/.docker/config.json may set it",
            f"{service} 的代理变量不在项目文件里，可能来自 ~/.docker/config.json",
        )
    return environment_fix(d, editor, service)


def _mend_proxy(d: Deployment, editor: Editor, service: str, name: str, value: str) -> None:
    mended = given_or(d, name, mended_proxy(value))
    if mended is None:
        raise ask_for(name)
    address = parse_url(mended)
    if address and address.host in LOOPBACK and address.port:
        server = on_host(d, service, name, address.port)
        editor.change(service, **server.options)
        mended = readdressed(mended, address, server.host, None)[0]
    editor.set(service, name, mended)


_SCHEMES = re.compile(r"^(?:(?P<scheme>https?|socks[45]?[ha]?):[:/]*)+", re.IGNORECASE)


def mended_proxy(value: str) -> str | None:
    """Give a proxy address in its right form; None where it cannot be told what was meant."""
    text = value.strip().strip("\"'`“”‘’").replace("：", ":").replace("／", "/").strip(" ,;")
    scheme = _SCHEMES.match(text)
    rest = re.sub(r"[/?#].*$", "", text[scheme.end() :] if scheme else text)
    mended = f"{scheme['scheme'].lower() if scheme else 'http'}://{rest}"
    return mended if PROXY_ADDRESS.match(mended) and re.search(r":\d+$", mended) else None


@fixes("invalid-api-key", "aiproxy-key-mismatch")
def use_accepted_key(d: Deployment, finding: Finding) -> Fix:
    """Give FastGPT the key that its gateway has just accepted, or the one the operator gives."""
    app = app_service(d)
    editor = Editor(d)
    base = base_of(d)
    proxied = bool(base and base.variable == "AIPROXY_API_ENDPOINT") or bool(d.env_of("app").get("AIPROXY_API_TOKEN"))
    name = "AIPROXY_API_TOKEN" if proxied else "CHAT_API_KEY"
    key = given_or(d, name, _accepted_key(d, editor))
    if key is None and finding.entry.id == "aiproxy-key-mismatch":
        key = derived(d, editor, name)
    if key is None and (d.probe("gateway_models") or {}).get("status") == 200:
        raise CannotFixError(
            "the gateway accepts FastGPT's key; the provider's key in a channel of the gateway is refused",
            "网关接受 FastGPT 的密钥；被拒绝的是网关渠道里的服务商密钥",
        )
    if key is None:
        raise ask_for(name)
    editor.set(app, name, key)
    return environment_fix(d, editor, app)


def _accepted_key(d: Deployment, editor: Editor) -> str | None:
    """Give the key of the gateway's own variables that it was seen to accept."""
    accepted = (d.probe("gateway_models") or {}).get("accepted")
    holder = d.container_named(accepted["container"]) if accepted else None
    if not accepted or not holder or not holder.service:
        return None
    key = editor.environment(holder.service).get(accepted["variable"])
    return key and (key if key.startswith(accepted["prefix"]) else accepted["prefix"] + key)


# --- after an upgrade


@fixes("env-renamed-after-upgrade")
def add_new_names(d: Deployment, _finding: Finding) -> Fix:
    """Write the new names beside the old ones, which a way back to the former version needs."""
    version = d.version
    if version is None:
        raise CannotFixError("FastGPT's version is not known", "不知道 FastGPT 的版本")
    editor = Editor(d)
    for name, service in list(editor.services().items()):
        if d.component_of_service(service) in ("app", "plugin"):
            for old, new in releases.renamed(version).items():
                _rename(d, editor, name, old, new)
    return environment_fix(d, editor, app_service(d))


def _rename(d: Deployment, editor: Editor, service: str, old: str, new: str) -> None:
    present = editor.environment(service)
    if not present.get(old) or present.get(new):
        return
    if old == "S3_ENDPOINT":
        scheme = "https" if present.get("S3_USE_SSL", "").lower() in ("true", "1") else "http"
        editor.set(service, new, f"{scheme}://{present[old]}:{present.get('S3_PORT') or '9000'}")
        for name in ("STORAGE_VENDOR", "STORAGE_REGION", "STORAGE_S3_FORCE_PATH_STYLE"):
            value = given_or(d, name, derived(d, editor, name))
            if value is not None and not present.get(name):
                editor.set(service, name, value)
        return
    if not old.startswith("S3_") and new in ("PG_URL", "MONGODB_URI"):
        value = given_or(d, new, derived(d, editor, new))
        if value is None:
            raise ask_for(new)
        editor.set(service, new, value)
        return
    editor.copy(service, new, old)


@fixes("env-required-missing-after-upgrade")
def add_required(d: Deployment, finding: Finding) -> Fix:
    """Add what the version needs, with values that the project's other services tell or that only have to be new."""
    app = app_service(d)
    editor = Editor(d)
    told = finding.hit.facts.get("name")
    names = NAMED.findall(told) if isinstance(told, str) else []
    missing = [name for name in names if not editor.environment(app).get(name)]
    if not missing:
        raise CannotFixError("the files have every variable that is named", "文件里已经有所列的全部变量")
    for name in missing:
        provide(d, editor, app, name)
    return environment_fix(d, editor, app)
