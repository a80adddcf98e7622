# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses in variables, who they name, and small requests made from the host. Private to the collection."""

from __future__ import annotations

import http.client
import re
import socket
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

Json = t.Dict[str, t.Any]

_DEFAULT_PORTS = {
    "mongodb": 27017,
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "rediss": 6379,
    "mysql": 3306,
    "http": 80,
    "https": 443,
}
_BODY_LIMIT = 256 * 1024
_DSN = re.compile(
    r"^(?P<user>[^:]*):(?P<password>.*)@tcp\((?P<host>[^:)]+)(?::(?P<port>\d+))?\)(?:/(?P<database>[^?]*))?"
)


class Address(t.NamedTuple):
    """Where a connection variable points to; host names several members by one Address each."""

    scheme: str
    host: str
    port: int | None
    user: str
    password: str
    database: str
    options: dict[str, str]


def parse_addresses(value: str) -> list[Address]:
    """Read a URL or a MySQL DSN, passwords with unescaped special characters too; empty where it is neither."""
    dsn = _DSN.match(value)
    if dsn:
        port = int(dsn["port"] or 3306)
        return [Address("mysql", dsn["host"], port, dsn["user"], dsn["password"], dsn["database"] or "", {})]
    scheme, separator, rest = value.strip().partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.IGNORECASE):
        return []
    userinfo, _at, rest = rest.rpartition("@") if "@" in re.split(r"[/?#]", rest)[0] else _loose_split(rest)
    hosts, _slash, tail = re.sub(r"[?#]", lambda match: "/" + match[0], rest, count=1).partition("/")
    database, _question, query = tail.partition("?")
    user, _colon, password = userinfo.partition(":")
    options = dict(urllib.parse.parse_qsl(query))
    return [
        Address(
            scheme.lower(),
            host,
            port or _DEFAULT_PORTS.get(scheme.lower()),
            urllib.parse.unquote(user),
            urllib.parse.unquote(password),
            database.strip("/"),
            options,
        )
        for host, port in (_host_port(member) for member in hosts.split(",") if member)
    ]


def _loose_split(rest: str) -> tuple[str, str, str]:
    """Split off a user part whose password holds ``/``, ``?`` or ``#`` unescaped, as people write it."""
    head, at, tail = rest.rpartition("@")
    return (
        (head, at, tail)
        if at and ":" in re.split(r"[/?#]", rest)[0] and not re.match(r"[^:/]+:\d+/", rest)
        else ("", "", rest)
    )


def _host_port(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"\[(?P<six>[^\]]+)\](?::(?P<port6>\d+))?|(?P<host>[^:]*)(?::(?P<port>\d+))?", text)
    if not match:
        return text, None
    port = match["port6"] or match["port"]
    return match["six"] or match["host"], int(port) if port else None


def peer_of(host: str, app: Json, containers: t.Sequence[Json]) -> Json | None:
    """Give the container a host name means inside the app's container: one with that name on a network they share."""
    shared = set(app.get("networks") or {})
    for container in containers:
        for network, endpoint in (container.get("networks") or {}).items():
            names = {container.get("name"), container.get("service"), *(endpoint.get("aliases") or [])}
            if network in shared and host in names:
                return container
    return None


def ip_of(container: Json, app: Json | None = None) -> str | None:
    """Give a container's address as the host reaches it: on a network it shares with the app before others."""
    if container.get("network_mode") == "host":
        return "127.0.0.1"
    networks = container.get("networks") or {}
    names = sorted(networks, key=lambda name: name not in ((app or {}).get("networks") or {}))
    return next((networks[name]["ip"] for name in names if networks[name].get("ip")), None)


def addresses_of(container: Json, port: int) -> list[tuple[str, int]]:
    """Give pairs (host, port) that lead from the host to a container's port: its own addresses, then published ones."""
    if container.get("network_mode") == "host":
        return [("127.0.0.1", port)]
    found = [(str(item["ip"]), port) for item in (container.get("networks") or {}).values() if item.get("ip")]
    for item in container.get("ports") or []:
        if item["container_port"] == port and item["host_port"]:
            every = item["host_ip"] in ("", "0.0.0.0", "::")
            found.append(("127.0.0.1" if every else item["host_ip"], item["host_port"]))
    return found


def http_get(
    url: str,
    timeout: float,
    headers: t.Mapping[str, str] | None = None,
    data: bytes | None = None,
    method: str | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> Json:
    """Make one request (POST where ``data`` is given and no ``method``), no proxy; never raises.

    :param opener: one that keeps cookies, where they are needed
    :returns: url, status, body (at most 256 KiB of text), seconds; ``message`` where the server refused the connection
        or took it and did not answer, ``error`` where it could not be asked
    """
    began = time.monotonic()
    answer: Json = {"url": url, "status": None, "body": None, "message": None, "error": None}
    if not url.startswith(("http://", "https://")):
        return dict(answer, error="no HTTP address")
    opener = opener or urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        headers = dict(headers or {})
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - http, see above
        try:
            reply: t.Any = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            reply = error  # an error status is an answer, too
        with reply:
            answer["status"] = reply.getcode()
            answer["body"] = reply.read(_BODY_LIMIT).decode("utf-8", "replace")
    except urllib.error.URLError as error:
        refused = isinstance(error.reason, ConnectionRefusedError)
        answer["message" if refused else "error"] = str(error.reason)
    except socket.timeout:
        answer["message"] = f"took the connection and did not answer in {timeout:.3g} s"
    except (OSError, http.client.HTTPException) as error:
        answer["message"] = f"no HTTP answer: {type(error).__name__}: {error}"
    except ValueError as error:
        answer["error"] = str(error)  # an address that is none
    answer["seconds"] = round(time.monotonic() - began, 3)
    return answer


def ask_redis(host: str, port: int, user: str, password: str, timeout: float) -> Json:
    """Log in to redis and ping it; never raises.

    :returns: reachable, auth (None where neither is known), error (redis' own words)
    """
    answer: Json = {"reachable": None, "auth": None, "message": None, "error": None}
    words = [word for word in (user if user != "default" else "", password) if word]
    commands = ([["AUTH", *words]] if password else []) + [["PING"]]
    try:
        with socket.create_connection((host, port), timeout) as connection:
            answer["reachable"] = True
            connection.settimeout(timeout)
            with connection.makefile("rb") as replies:
                for command in commands:
                    connection.sendall(_resp(command))
                    reply = replies.readline().decode("utf-8", "replace").strip()
                    if not reply.startswith("+"):
                        answer.update(
                            auth=False if "AUTH" in reply or "WRONGPASS" in reply else None,
                            message=reply.lstrip("-") or "closed",
                        )
                        return answer
            answer["auth"] = True
    except ConnectionRefusedError as error:
        answer.update(reachable=False, message=error.strerror)
    except OSError as error:
        answer["error"] = str(error)
    return answer


def _resp(words: t.Sequence[str]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)
