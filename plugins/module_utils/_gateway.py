# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model gateway holds: the app's token, whose it is, and the channels. Private to the collection.

One API is asked in its database, with the login its own container has; AI Proxy by its own interface, with the key its
container was given. Nothing is changed, no model is called, and no key is in what is given.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
import urllib.parse
from xml.etree import ElementTree

from ansible_collections.fastgpt.ops.plugins.module_utils import _scripts as scripts
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import load_object
from ansible_collections.fastgpt.ops.plugins.module_utils._net import http_get, ip_of, parse_addresses, peer_of
from ansible_collections.fastgpt.ops.plugins.module_utils._probes import from_host, gateway_of
from ansible_collections.fastgpt.ops.plugins.module_utils._run import MEBIBYTE, run

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._net import Address
    from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]
Rows = t.List[t.Dict[str, t.Any]]

_EXEC_LIMIT = 15.0
_HTTP_LIMIT = 4.0
_TABLES = ("token", "user", "channels")
_DECLARATION = "<?xml"


def ask_state(app: Json, containers: t.Sequence[Json], deadline: Deadline) -> Json:
    """Ask the gateway that the app's variables name, where it is a container, for its state.

    :returns: ``gateway_state`` of the probes
    """
    base, key = gateway_of(app.get("env") or {})
    peers = [peer_of(address.host, app, containers) for address in parse_addresses(base)[:1]]
    gateway = peers[0] if peers else None
    if not gateway:
        return {"error": "the gateway is no container of this host"}
    answer: Json = {"container": gateway["name"], "kind": "aiproxy" if is_aiproxy(gateway) else "oneapi"}
    try:
        if answer["kind"] == "aiproxy":
            return dict(answer, **_of_aiproxy(base, key, gateway, app, containers, deadline))
        return dict(answer, **_of_oneapi(key, gateway, containers, deadline))
    except StateError as error:
        return dict(answer, error=str(error))


class StateError(Exception):
    """The gateway's state could not be asked; says why."""


def is_aiproxy(container: Json) -> bool:
    """Tell AI Proxy from One API and its forks."""
    return bool(re.search(r"ai-?proxy", container.get("image") or "")) or "ADMIN_KEY" in (container.get("env") or {})


# --- AI Proxy


def _of_aiproxy(
    base: str, key: str, gateway: Json, app: Json, containers: t.Sequence[Json], deadline: Deadline
) -> Json:
    """Ask for all channels, and for those it has banned because of their errors."""
    admin = (gateway.get("env") or {}).get("ADMIN_KEY") or key
    address = from_host(re.sub(r"^([a-z]+://[^/]*).*", r"\1", base), app, containers)
    if not address:
        raise StateError("its container does not run")
    replies = [
        http_get(f"{address}{path}", deadline.left(_HTTP_LIMIT), {"Authorization": admin})
        for path in ("/api/channels/all", "/api/monitor/banned_channels")
    ]
    listed = load_object(replies[0]["body"] or "")
    if not listed.get("success"):
        raise StateError(replies[0]["error"] or replies[0]["message"] or listed.get("message") or "no answer")
    banned = load_object(replies[1]["body"] or "").get("data")
    return {
        "read_from": "its interface",
        "token": None,
        "user": None,
        "channels": [aiproxy_channel(item) for item in listed.get("data") or []],
        "banned": banned if isinstance(banned, dict) else {},
        "error": None,
    }


def aiproxy_channel(item: Json) -> Json:
    """Give the fields of a channel of AI Proxy, its key left out."""
    return {
        "id": item.get("id"),
        "name": item.get("name"),
        "type": item.get("type"),
        "status": item.get("status"),
        "models": item.get("models") or [],
        "groups": item.get("sets") or ["default"],
        "base_url": item.get("base_url") or "",
        "mapping": item.get("model_mapping") or {},
    }


# --- One API


def _of_oneapi(key: str, gateway: Json, containers: t.Sequence[Json], deadline: Deadline) -> Json:
    dsn = (gateway.get("env") or {}).get("SQL_DSN") or ""
    token = re.sub(r"^sk-", "", key).partition("-")[0]
    token = token if re.fullmatch(r"\w*", token) else ""  # it becomes part of a statement
    if not dsn or dsn == "local":
        rows = _sqlite(gateway, token)
        return {"read_from": "sqlite", **state_of(*rows)}
    addresses = parse_addresses(dsn)
    server = peer_of(addresses[0].host, gateway, containers) if addresses else None
    if not server:
        raise StateError("its database is no container of this host")
    ask = _mysql if addresses[0].scheme == "mysql" else _postgres
    where = addresses[0]._replace(
        host=ip_of(server, gateway) or "127.0.0.1"
    )  # as the gateway comes in: logins name hosts
    return {"read_from": server["name"], **state_of(*ask(server, where, token, deadline))}


def statements(token: str, quote: str) -> list[str]:
    """Give the queries for the token, its user and the channels; older versions and forks have other columns.

    :param token: letters and digits only
    :param quote: how the server quotes names that are words of SQL
    """
    mine = f"tokens WHERE {quote}key{quote} = '{token}'"
    return [
        f"SELECT * FROM {mine}",  # noqa: S608 - see the parameter
        f"SELECT id, username, status, quota, {quote}group{quote} FROM users WHERE id IN (SELECT user_id FROM {mine})",  # noqa: S608
        "SELECT * FROM channels ORDER BY id",
    ]


def _mysql(server: Json, address: Address, token: str, deadline: Deadline) -> tuple[Rows, ...]:
    """The statements go in by the standard input and the password by the environment: neither is in a process list."""
    return rows_of_xml(_query(server, address, "MYSQL_PWD", scripts.MYSQL, statements(token, "`"), deadline))


def _query(
    server: Json, address: Address, variable: str, script: str, queries: t.Sequence[str], deadline: Deadline
) -> str:
    """Run queries by the client in the database's container and give what it printed."""
    argv = ["docker", "exec", "-i", "-e", variable, server["id"], "sh", "-c", script, "sh"]
    argv += [address.user, address.database, address.host, str(address.port or "")]
    stdin = "".join(f"{query};\n" for query in queries).encode()
    said = run(argv, deadline.left(_EXEC_LIMIT), MEBIBYTE * 4, env={variable: address.password}, stdin=stdin)
    if said.rc != 0:
        raise StateError(said.error or "no answer")
    return said.text


def rows_of_xml(text: str) -> tuple[Rows, ...]:
    """Read what ``mysql --xml`` prints: one document a statement."""
    try:
        parts = [_DECLARATION + part for part in text.split(_DECLARATION)[1:]]
        documents = [ElementTree.fromstring(part) for part in parts]  # noqa: S314 - the client's own frame, no entities
    except ElementTree.ParseError as error:
        raise StateError(f"its database's answer cannot be read: {error}") from error
    return tuple(
        [{field.get("name", ""): field.text for field in row} for row in document.findall("row")]
        for document in documents
    )


def _postgres(server: Json, address: Address, token: str, deadline: Deadline) -> tuple[Rows, ...]:
    frame = "SELECT coalesce(jsonb_agg(r), '[]') FROM ({}) AS r"
    queries = [frame.format(statement) for statement in statements(token, '"')]
    said = _query(server, address, "PGPASSWORD", scripts.PSQL, queries, deadline)
    return tuple(json.loads(line) for line in said.splitlines() if line)


def _sqlite(gateway: Json, token: str) -> tuple[Rows, ...]:
    path = (gateway.get("env") or {}).get("SQLITE_PATH", "one-api.db").partition("?")[0]
    path = os.path.normpath(os.path.join("/data", path))
    mount = next((m for m in gateway.get("mounts") or [] if path.startswith(m["destination"].rstrip("/") + "/")), None)
    if not mount or not mount["source"]:
        raise StateError("its database lies in the container, which keeps no data")
    file = mount["source"] + path[len(mount["destination"].rstrip("/")) :]
    try:
        import sqlite3
    except ImportError as error:  # some builds of Python lack it
        raise StateError(f"{file}: {error}") from error
    try:
        connection = sqlite3.connect(f"file:{urllib.parse.quote(file)}?mode=ro", uri=True, timeout=2)
        try:
            connection.row_factory = sqlite3.Row
            return tuple([dict(row) for row in connection.execute(query)] for query in statements(token, '"'))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StateError(f"{file}: {error}") from error


def state_of(*tables: Rows) -> Json:
    """Say what the rows of token, user and channels mean, in the shape of docs/evidence.md; no key is kept."""
    if len(tables) != len(_TABLES):
        raise StateError(f"its database answered {len(tables)} of {len(_TABLES)} queries")
    tokens, users, channels = tables
    return {
        "token": token_of(tokens[0]) if tokens else None,
        "user": user_of(users[0]) if users else None,
        "channels": [channel_of(row) for row in channels],
        "banned": {},
        "error": None,
    }


def token_of(row: Json) -> Json:
    """Give a token's fields; New API keeps its models in other columns than One API."""
    limited = _flag(row.get("model_limits_enabled"))
    models = row.get("models") or (row.get("model_limits") if limited else None)
    return {
        "id": _number(row.get("id")),
        "name": row.get("name"),
        "status": _number(row.get("status")),
        "remain_quota": _number(row.get("remain_quota")),
        "unlimited": _flag(row.get("unlimited_quota")),
        "expired_time": _number(row.get("expired_time")),
        "models": _names(models) or None,
        "subnet": row.get("subnet") or row.get("allow_ips") or None,
    }


def user_of(row: Json) -> Json:
    """Give a user's fields."""
    return {
        "id": _number(row.get("id")),
        "name": row.get("username"),
        "status": _number(row.get("status")),
        "quota": _number(row.get("quota")),
        "group": row.get("group") or "default",
    }


def channel_of(row: Json) -> Json:
    """Give a channel's fields, its key left out."""
    return {
        "id": _number(row.get("id")),
        "name": row.get("name"),
        "type": _number(row.get("type")),
        "status": _number(row.get("status")),
        "models": _names(row.get("models")),
        "groups": _names(row.get("group")) or ["default"],
        "base_url": row.get("base_url") or "",
        "mapping": load_object(row.get("model_mapping") or ""),
    }


def _names(value: t.Any) -> list[str]:
    return [name.strip() for name in str(value or "").split(",") if name.strip()]


def _number(value: t.Any) -> int | None:
    return int(value) if re.fullmatch(r"-?\d+", str(value)) else None


def _flag(value: t.Any) -> bool:
    return str(value).lower() in ("1", "true", "t")
