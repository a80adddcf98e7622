# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions asked of the running services, inside containers by one ``docker exec`` each. Private to the collection.

``error`` in an answer says that the question could not be asked; what the service itself answered, also a refusal, is
in the other fields, its words in ``message``.
"""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils import _scripts as scripts
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import load_object
from ansible_collections.fastgpt.ops.plugins.module_utils._files import TEXT_LIMIT
from ansible_collections.fastgpt.ops.plugins.module_utils._net import (
    ask_redis,
    http_get,
    ip_of,
    parse_addresses,
    peer_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result, run

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._net import Address
    from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]

EXEC_LIMIT = 20.0
_HTTP_LIMIT = 4.0
_REACH_LIMIT = 40
_INIT_DATA = "/api/common/system/getInitData"
_BODY_KEPT = 8192
# Variables that browsers use, or that name no server the app connects to.
_NOT_REACHED = re.compile(
    r"^(FE_DOMAIN|FILE_DOMAIN|ALLOWED_ORIGINS|NO_PROXY|no_proxy)$|EXTERNAL|PUBLIC|OTEL|DOWNLOAD_URL|_ISSUER$"
)
GATEWAY_KEYS = {"ADMIN_KEY": "", "INITIAL_ROOT_TOKEN": "sk-"}
"""Variables of AI Proxy and One API that hold a key callers may use, and what stands before it there."""
_HOST_PORT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$|^[0-9A-Fa-f:]+$")


def in_container(
    container: str, script: str, arguments: t.Sequence[str], limit: float, env: t.Mapping[str, str] | None = None
) -> tuple[dict[str, bytes], Result]:
    """Run a script of sections in a container; give the sections by name, and how the command ended."""
    mark = "@@fastgpt.ops:" + os.urandom(6).hex() + "@@"
    argv = ["docker", "exec"]
    for name in env or {}:
        argv += ["-e", name]  # docker takes the value from its own environment: nothing secret on the command line
    argv += [container, "sh", "-c", script, "sh", mark, *arguments]
    result = run(argv, limit, limit=TEXT_LIMIT * 2, env=env)
    sections = {}
    for part in result.out.split(b"\n" + mark.encode())[1:]:
        name_, _newline, body = part.partition(b"\n")
        sections[name_.decode("utf-8", "replace")] = body
    return sections, result


def text_of(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


# --- the app


def config_path(env: t.Mapping[str, str]) -> str:
    """Give config.json's path in the app's container; CONFIG_JSON_PATH names another folder from 4.9.7 on."""
    other = env.get("CONFIG_JSON_PATH")
    if not other:
        return "/app/data/config.json"
    return other if other.endswith(".json") else other.rstrip("/") + "/config.json"


def targets_of(env: t.Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Give (variable, host, port) of every server that the app's variables name."""
    targets = []
    for name, value in env.items():
        if _NOT_REACHED.search(name) or not value:
            continue
        for address in parse_addresses(value):
            if address.port and _HOST_PORT.match(address.host):
                targets.append((name, address.host, address.port))
        pair = re.fullmatch(r"(.*)_(HOST|ENDPOINT)", name)
        port = env.get(f"{pair[1]}_PORT", "") if pair else ""
        if "://" not in value and _HOST_PORT.match(value) and port.isdigit():
            targets.append((name, value, int(port)))
    return targets[:_REACH_LIMIT]


def inside_app(app: Json, deadline: Deadline) -> Json:
    """Look inside the app's container: its process' variables, its config.json, its version, whom it can reach.

    :returns: container, process_env, app_config, app_version, reach
    """
    env = app.get("env") or {}
    targets = targets_of(env)
    pairs = sorted({f"{host}|{port}" for _variable, host, port in targets})
    path = config_path(env)
    sections, result = in_container(app["id"], scripts.APP, [path, *pairs], deadline.left(EXEC_LIMIT))
    if not sections:
        error = result.error or "no answer"
        return {
            "container": app["name"],
            "process_env": None,
            "app_config": {"path": path, "error": error},
            "app_version": {"version": None, "error": error},
            "reach": [],
            "error": error,
        }
    return {
        "container": app["name"],
        "process_env": _environment(sections),
        "app_config": _inside_config(path, sections),
        "app_version": _app_version(sections.get("package")),
        "reach": _reach(targets, text_of(sections.get("reach"))),
        "error": result.error if result.rc is None else None,
    }


def _environment(sections: t.Mapping[str, bytes]) -> dict[str, str] | None:
    raw = text_of(sections.get("environ"))
    pairs = raw.split("\0") if raw.strip("\0\n") else text_of(sections.get("env")).split("\n")
    found = dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)
    return found or None


def _inside_config(path: str, sections: t.Mapping[str, bytes]) -> Json:
    answer: Json = {
        "path": path,
        "kind": None,
        "size": None,
        "inode": None,
        "sha256": None,
        "text": None,
        "truncated": False,
        "error": None,
    }
    said = text_of(sections.get("stat")).strip()
    fields = said.split("|")
    if len(fields) != 3:
        answer["kind"] = "missing" if "No such file" in said else None
        answer["error"] = None if answer["kind"] else said or "no answer"
        return answer
    answer.update(kind=kind_of_words(fields[0]), size=int(fields[1]), inode=int(fields[2]))
    answer["sha256"] = text_of(sections.get("sha")).split(" ")[0].strip() or None
    if answer["kind"] == "file":
        answer["text"] = text_of(sections.get("config"))[: answer["size"]]
        answer["truncated"] = answer["size"] > TEXT_LIMIT
    return answer


def kind_of_words(words: str) -> str:
    return "directory" if words == "directory" else "file" if words.startswith("regular") else "other"


def _app_version(package: bytes | None) -> Json:
    version = load_object(text_of(package)).get("version")
    return {"version": version, "error": None if version else "no version in the container's package.json"}


def _reach(targets: t.Sequence[tuple[str, str, int]], text: str) -> list[Json]:
    said = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 5:
            said[(fields[0], fields[1])] = fields[2:]
    result = []
    for variable, host, port in targets:
        found, code, words = said.get((host, str(port)), ("", "", "no answer in time"))
        connects = None if code in ("", "99") else code == "0"
        resolves = True if connects or _is_ip(host) else {"1": True, "0": False}.get(found)
        if resolves is None and _NO_NAME.search(words):
            resolves = False
        result.append(
            {
                "variable": variable,
                "host": host,
                "port": port,
                "resolves": resolves,
                "connects": connects,
                "error": None if connects else _why(resolves, connects, words.strip()),
            }
        )
    return result


_NO_NAME = re.compile(r"bad address|not known|No address associated|Temporary failure in name|ENOTFOUND", re.IGNORECASE)
_REASONS = (
    (re.compile(r"refused", re.IGNORECASE), "connection refused"),
    (re.compile(r"no route|unreachable", re.IGNORECASE), "no route to host"),
    (re.compile(r"^$|timed out", re.IGNORECASE), "no answer within 2 s"),
)


def _why(resolves: bool | None, connects: bool | None, words: str) -> str | None:
    """Say plainly what a shell's or nc's words mean; those of neither stay."""
    if connects is None:
        return words or None
    if resolves is False:
        return "no such name"
    return next((reason for pattern, reason in _REASONS if pattern.search(words)), words)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# --- databases


def ask_pg(container: Json, app: Json | None, deadline: Deadline) -> Json:
    """Ask PostgreSQL in its container for version, vector extension and table; and whether the app's login works."""
    addresses = parse_addresses(((app or {}).get("env") or {}).get("PG_URL") or "")[:1]
    own = container.get("env") or {}
    database = (
        addresses[0].database
        if addresses and addresses[0].database
        else own.get("POSTGRES_DB") or own.get("POSTGRES_USER") or "postgres"
    )
    login = (
        {"FASTGPT_OPS_USER": addresses[0].user, "FASTGPT_OPS_PASSWORD": addresses[0].password} if addresses else None
    )
    sections, result = in_container(
        container["id"], scripts.PG, [database, scripts.PG_QUERY], deadline.left(EXEC_LIMIT), login
    )
    answer: Json = {
        "container": container["name"],
        "database": database,
        "reachable": None,
        "auth": None,
        "message": None,
        "error": None,
    }
    said, logged_in = text_of(sections.get("facts")).strip(), text_of(sections.get("login")).strip()
    facts = load_object(said)
    if facts:
        answer.update(facts, reachable=True)
    elif re.search(r"No such file or directory|Connection refused|starting up|shutting down|not yet accepting", said):
        answer.update(reachable=False, message=said)
    elif re.search(r"FATAL", said):
        answer.update(reachable=True, message=said)
    else:
        answer["error"] = said or result.error or "no answer"
    if logged_in:
        refused = re.search(
            r"authentication failed|no password supplied|does not exist|no pg_hba.conf entry", logged_in
        )
        answer["auth"] = True if logged_in == "1" else False if refused else None
        if logged_in != "1":
            answer["message"] = logged_in
    return answer


def ask_redis_of(container: Json, app: Json | None, address: Address | None, deadline: Deadline) -> Json:
    """Log in to redis with the app's login, from the host."""
    ip = ip_of(container, app)
    if not ip:
        return {"container": container["name"], "error": "the container has no address"}
    port, user, password = (address.port or 6379, address.user, address.password) if address else (6379, "", "")
    answer = ask_redis(ip, port, user, password, deadline.left(_HTTP_LIMIT))
    if address is None:
        # without a container of the app nobody's login was tried: a refusal says nothing of FastGPT's
        answer.update(auth=None, message=None)
    return dict(answer, container=container["name"])


# --- HTTP


def ask_app(app: Json, deadline: Deadline) -> Json:
    """Ask FastGPT's own page for its first data: at the container's address, else at the published port."""
    inside = next((port["container_port"] for port in app.get("ports") or []), 3000)
    published = next((port["host_port"] for port in app.get("ports") or [] if port["host_port"]), None)
    ip = ip_of(app)
    answer: Json = {"error": "the container has no address and no published port"}
    for host, port in ((ip, inside), ("127.0.0.1", published)):
        if host and port:
            answer = http_get(f"http://{host}:{port}{_INIT_DATA}", deadline.left(_HTTP_LIMIT))
            if not answer["error"]:
                break
    if answer.get("body"):
        answer["body"] = answer["body"][:_BODY_KEPT]
    return answer


def gateway_of(env: t.Mapping[str, str]) -> tuple[str, str]:
    """Give base URL (with /v1) and key the app uses for models; address and key are chosen separately up to 4.14."""
    proxy = (env.get("AIPROXY_API_ENDPOINT") or "").rstrip("/")
    base = f"{proxy}/v1" if proxy else (env.get("OPENAI_BASE_URL") or env.get("ONEAPI_URL") or "").rstrip("/")
    return base, env.get("AIPROXY_API_TOKEN") or env.get("CHAT_API_KEY") or env.get("ONEAPI_KEY") or ""


def from_host(url: str, app: Json, containers: t.Sequence[Json]) -> str | None:
    """Give a URL of the app's variables as the host can call it; None where only the app itself could."""
    for address in parse_addresses(url)[:1]:
        peer = peer_of(address.host, app, containers)
        host = ip_of(peer, app) if peer else "127.0.0.1" if address.host == "host.docker.internal" else address.host
        # A name without a dot means a container, and a loopback address the app's own: neither means that on the host.
        if not host or (
            not peer
            and address.host != "host.docker.internal"
            and ("." not in host or host in ("0.0.0.0", "127.0.0.1"))
        ):
            return None
        path = re.sub(r"^[a-z]+://[^/]*", "", url)
        return f"{address.scheme}://{host}:{address.port}{path}"
    return None


def ask_gateway(app: Json, containers: t.Sequence[Json], deadline: Deadline) -> Json:
    """Ask the gateway, where it is a container, for its status: One API and AI Proxy tell it without a login."""
    base, _key = gateway_of(app.get("env") or {})
    url = re.sub(r"^([a-z]+://[^/]*).*", r"\1/api/status", base)
    peers = [peer_of(address.host, app, containers) for address in parse_addresses(base)[:1]]
    seen = from_host(url, app, containers)
    if not any(peers) or not seen:
        reason = "its container does not run" if any(peers) else "it is no container of this host"
        return {"url": url or None, "status": None, "body": None, "message": None, "error": reason}
    answer = http_get(seen, deadline.left(_HTTP_LIMIT))
    return {
        "url": url,
        "status": answer["status"],
        "body": (answer["body"] or "")[:1024],
        "message": answer["message"],
        "error": answer["error"],
    }


def ask_gateway_models(app: Json, containers: t.Sequence[Json], deadline: Deadline) -> Json:
    """Ask the gateway which models the app's key may use."""
    base, key = gateway_of(app.get("env") or {})
    url = from_host(f"{base}/models", app, containers) if base else None
    if not url:
        return {
            "url": base or None,
            "models": None,
            "status": None,
            "error": "no address that can be called from the host",
        }
    answer = http_get(url, deadline.left(_HTTP_LIMIT), {"Authorization": f"Bearer {key}"} if key else {})
    listed = load_object(answer["body"] or "").get("data")
    models = (
        [item["id"] for item in listed if isinstance(item, dict) and "id" in item] if isinstance(listed, list) else None
    )
    message = None if models is not None else answer["message"] or (answer["body"] or "")[:1024] or None
    accepted = _accepted(base, url, app, containers, deadline) if answer["status"] == 401 else None
    return {
        "url": f"{base}/models",
        "models": models,
        "status": answer["status"],
        "message": message,
        "accepted": accepted,
        "error": answer["error"],
    }


def _accepted(base: str, url: str, app: Json, containers: t.Sequence[Json], deadline: Deadline) -> Json | None:
    """Find the key of the gateway's own variables that it does accept, where it refuses the app's."""
    for address in parse_addresses(base)[:1]:
        peer = peer_of(address.host, app, containers) or {}
        for variable, prefix in GATEWAY_KEYS.items():
            key = (peer.get("env") or {}).get(variable)
            if key:
                bearer = key if key.startswith(prefix) else prefix + key
                answer = http_get(url, deadline.left(_HTTP_LIMIT), {"Authorization": f"Bearer {bearer}"})
                if answer["status"] == 200:
                    return {"container": peer["name"], "variable": variable, "prefix": prefix}
    return None


def health_urls(app: Json) -> list[tuple[str, str]]:
    """Give (name, URL) of the health pages of the app's companions."""
    pages = []
    for variable, value in (app.get("env") or {}).items():
        bare = re.sub(r"^(https?://[^/]+).*", r"\1", value or "")
        if not re.match(r"https?://", bare) or _NOT_REACHED.search(variable):
            continue
        if re.search(r"SANDBOX_URL|PLUGIN_BASE_URL|MCP_SERVER", variable):
            pages.append((variable, f"{bare}/health"))
        elif re.search(r"(STORAGE|S3|MINIO)\w*ENDPOINT", variable):
            pages.append((variable, f"{bare}/minio/health/live"))
    return pages


def ask_health(
    pages: t.Sequence[tuple[str, str]], app: Json, containers: t.Sequence[Json], deadline: Deadline
) -> list[Json]:
    """Ask the companions' health pages."""
    answers = []
    for name, page in pages:
        url = from_host(page, app, containers)
        unasked = {"status": None, "message": None, "error": "no address that can be called from the host"}
        answer = http_get(url, deadline.left(_HTTP_LIMIT)) if url else unasked
        answers.append({"name": name, "url": page, **{key: answer[key] for key in ("status", "message", "error")}})
    return answers
