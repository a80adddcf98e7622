# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Stand-in for One API v0.6: same tables, same administration calls, same refusals, real forwarding."""

from __future__ import annotations

import datetime
import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import labweb
import pymysql
from labweb import Application, Request, Response
from pymysql.cursors import DictCursor

VERSION = os.environ.get("ONEAPI_VERSION", "v0.6.7")
ENABLED, DISABLED_BY_HAND, DISABLED_BY_MONITOR = 1, 2, 3
TOKEN_EXPIRED, TOKEN_EXHAUSTED = 3, 4
ROOT_QUOTA = 500_000_000_000_000
QUOTA_PER_REQUEST = 1000
# The original gives up at once and is restarted a few times while MySQL makes its first database.
STARTUP_SECONDS = 20

_USER_COLUMNS = "id, username, display_name, role, status, quota, used_quota, request_count, `group`"
_TABLES = (
    """CREATE TABLE IF NOT EXISTS users (
        id INT AUTO_INCREMENT PRIMARY KEY, username VARCHAR(50) UNIQUE, password VARCHAR(100), display_name VARCHAR(50),
        role INT DEFAULT 1, status INT DEFAULT 1, access_token CHAR(32), quota BIGINT DEFAULT 0,
        used_quota BIGINT DEFAULT 0, request_count INT DEFAULT 0, `group` VARCHAR(32) DEFAULT 'default')""",
    """CREATE TABLE IF NOT EXISTS tokens (
        id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, `key` CHAR(48) UNIQUE, status INT DEFAULT 1, name VARCHAR(50),
        created_time BIGINT, accessed_time BIGINT, expired_time BIGINT DEFAULT -1, remain_quota BIGINT DEFAULT 0,
        unlimited_quota TINYINT DEFAULT 0, used_quota BIGINT DEFAULT 0, models TEXT)""",
    """CREATE TABLE IF NOT EXISTS channels (
        id INT AUTO_INCREMENT PRIMARY KEY, type INT DEFAULT 1, `key` TEXT, status INT DEFAULT 1, name VARCHAR(50),
        base_url VARCHAR(200) DEFAULT '', models TEXT, `group` VARCHAR(32) DEFAULT 'default', priority BIGINT DEFAULT 0,
        used_quota BIGINT DEFAULT 0, created_time BIGINT, test_time BIGINT DEFAULT 0, response_time INT DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS abilities (
        `group` VARCHAR(32), model VARCHAR(100), channel_id INT, enabled TINYINT, priority BIGINT DEFAULT 0,
        PRIMARY KEY (`group`, model, channel_id))""",
)


class Refusal(Exception):
    """A request One API does not serve."""

    def __init__(self, status: int, message: str, *, code: str = "", kind: str = "one_api_error") -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.kind = status, message, code, kind


# Log ----------------------------------------------------------------------------------------------


def log(level: str, message: str) -> None:
    """Print a line as One API's own logger does."""
    print(f"[{level}] {datetime.datetime.now():%Y/%m/%d - %H:%M:%S} | {message}", flush=True)


def log_access(request: Request, status: int) -> None:
    """Print an access line as One API's web framework does."""
    now = datetime.datetime.now()
    print(
        f"[GIN] {now:%Y/%m/%d - %H:%M:%S} | {now:%Y%m%d%H%M%S} | {status} |     1.2ms | {request.client:>15} | "
        f"{request.method:>7} {request.path}",
        flush=True,
    )


# Database -----------------------------------------------------------------------------------------


def parse_dsn(dsn: str) -> dict[str, Any]:
    """Return the connection arguments in a Go MySQL DSN: user:password@tcp(host:port)/database."""
    match = re.fullmatch(r"([^:]*):(.*)@tcp\(([^:)]+)(?::(\d+))?\)/([^?]*)(?:\?.*)?", dsn)
    if match is None:
        raise ValueError("invalid DSN: missing the slash separating the database name")
    user, password, host, port, database = match.groups()
    return {"user": user, "password": password, "host": host, "port": int(port or 3306), "database": database}


def database_problem(error: pymysql.MySQLError, host: str, port: int) -> str:
    """Return Go's text for a failed connection."""
    number, text = error.args if len(error.args) == 2 else (0, str(error))
    if "Name or service not known" in str(text) or "name resolution" in str(text):
        return f"dial tcp: lookup {host} on 127.0.0.11:53: no such host"
    if number == 2003:
        return f"dial tcp {host}:{port}: connect: connection refused"
    states = {1045: "28000", 1049: "42000"}
    return f"Error {number} ({states.get(number, 'HY000')}): {text}"


class Store:
    """The tables in MySQL; one short connection a call, so a restarted server does no harm."""

    def __init__(self, dsn: str) -> None:
        self._arguments = parse_dsn(dsn)

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run one statement and return its rows."""
        connection = pymysql.connect(
            **self._arguments, charset="utf8mb4", autocommit=True, connect_timeout=5, cursorclass=DictCursor
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def row(self, statement: str, *values: Any) -> dict[str, Any] | None:
        """Return the first row or None."""
        return next(iter(self.rows(statement, *values)), None)

    def prepare(self, root_token: str) -> None:
        """Make the tables, and on a fresh database the user root and its first token."""
        try:
            self._wait_for_server()
            for table in _TABLES:
                self.rows(table)
        except pymysql.MySQLError as error:
            problem = database_problem(error, self._arguments["host"], self._arguments["port"])
            log("FATAL", f"failed to initialize database: {problem}")
            sys.exit(1)
        log("SYS", "database migrated")
        if self.row("SELECT id FROM users LIMIT 1"):
            return
        log("SYS", "no user exists, creating a root user for you: username is root, password is 123456")
        self.rows(
            "INSERT INTO users (username, password, display_name, role, quota, access_token) "
            "VALUES (%s, %s, %s, 100, %s, %s)",
            "root",
            "123456",
            "Root User",
            ROOT_QUOTA,
            secrets.token_hex(16),
        )
        if root_token:
            self.rows(
                "INSERT INTO tokens (user_id, `key`, name, created_time, unlimited_quota, remain_quota) "
                "VALUES (1, %s, 'Initial Root Token', %s, 1, %s)",
                root_token,
                int(time.time()),
                ROOT_QUOTA,
            )

    def _wait_for_server(self) -> None:
        """Wait for a server that refuses connections because it is still starting."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while True:
            try:
                self.rows("SELECT 1")
                return
            except pymysql.OperationalError as error:
                if "refused" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def save_channel(self, channel: Mapping[str, Any]) -> int:
        """Insert or update a channel and rebuild its abilities, the table routing reads; return its id."""
        known = ("type", "key", "status", "name", "base_url", "models", "group", "priority")
        fields = {name: channel[name] for name in known if name in channel}
        identity = channel.get("id")
        if identity:
            changes = ", ".join(f"`{name}` = %s" for name in fields)
            self.rows(f"UPDATE channels SET {changes} WHERE id = %s", *fields.values(), identity)
        else:
            names = ", ".join(f"`{name}`" for name in fields)
            marks = ", ".join("%s" for _ in fields)
            self.rows(
                f"INSERT INTO channels ({names}, created_time) VALUES ({marks}, %s)", *fields.values(), int(time.time())
            )
            newest = self.row("SELECT MAX(id) AS id FROM channels")
            identity = newest["id"] if newest else 0
        self._rebuild_abilities(int(identity))
        return int(identity)

    def _rebuild_abilities(self, identity: int) -> None:
        self.rows("DELETE FROM abilities WHERE channel_id = %s", identity)
        channel = self.row("SELECT * FROM channels WHERE id = %s", identity)
        if channel is None:
            return
        for group in (channel["group"] or "default").split(","):
            for model in filter(None, (channel["models"] or "").split(",")):
                self.rows(
                    "INSERT INTO abilities VALUES (%s, %s, %s, %s, %s)",
                    group,
                    model,
                    identity,
                    channel["status"] == ENABLED,
                    channel["priority"],
                )


# Relay --------------------------------------------------------------------------------------------


class Relay:
    """Checks a request's token, user and model, and passes it to a channel."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, request: Request) -> Response:
        """Serve /v1/*: a reply of the channel, or One API's refusal."""
        number = f"{datetime.datetime.now():%Y%m%d%H%M%S}{secrets.randbelow(10**8):08d}"
        try:
            token = self._token(request)
            user = self._user(token)
            if request.path == "/v1/models":
                return self._models(user)
            return self._forward(request, token, user)
        except Refusal as refusal:
            log("ERR", f"{number} | {refusal.message}")
            error: dict[str, Any] = {"message": f"{refusal.message} (request id: {number})", "type": refusal.kind}
            if refusal.code:
                error.update(param="", code=refusal.code)
            return Response({"error": error}, refusal.status)

    def _token(self, request: Request) -> dict[str, Any]:
        key = request.bearer().removeprefix("sk-").split("-")[0]
        if not key:
            raise Refusal(401, "未提供令牌")
        token = self._store.row("SELECT * FROM tokens WHERE `key` = %s", key)
        if token is None:
            raise Refusal(401, "无效的令牌")
        if token["status"] == TOKEN_EXHAUSTED:
            raise Refusal(401, "该令牌额度已用尽")
        if token["status"] == TOKEN_EXPIRED or 0 < token["expired_time"] < time.time():
            raise Refusal(401, "该令牌已过期")
        if token["status"] != ENABLED:
            raise Refusal(401, "该令牌状态不可用")
        if not token["unlimited_quota"] and token["remain_quota"] <= 0:
            raise Refusal(401, "该令牌额度已用尽")
        return token

    def _user(self, token: Mapping[str, Any]) -> dict[str, Any]:
        user = self._store.row("SELECT * FROM users WHERE id = %s", token["user_id"])
        if user is None or user["status"] != ENABLED:
            raise Refusal(403, "用户已被封禁")
        return user

    def _models(self, user: Mapping[str, Any]) -> Response:
        rows = self._store.rows(
            "SELECT DISTINCT model FROM abilities WHERE `group` = %s AND enabled = 1", user["group"]
        )
        return Response({"object": "list", "data": [{"id": row["model"], "object": "model"} for row in rows]})

    def _forward(self, request: Request, token: Mapping[str, Any], user: Mapping[str, Any]) -> Response:
        body = request.json()
        model = str(body.get("model", ""))
        if token["models"] and model not in token["models"].split(","):
            raise Refusal(403, f"该令牌无权使用模型：{model}")
        channel = self._store.row(
            "SELECT c.* FROM abilities a JOIN channels c ON c.id = a.channel_id "
            "WHERE a.`group` = %s AND a.model = %s AND a.enabled = 1 ORDER BY a.priority DESC LIMIT 1",
            user["group"],
            model,
        )
        if channel is None:
            raise Refusal(503, f"当前分组 {user['group']} 下对于模型 {model} 无可用渠道")
        if user["quota"] < QUOTA_PER_REQUEST:
            raise Refusal(403, "user quota is not enough", code="insufficient_user_quota")
        status, answer, headers = self._call(channel, request)
        self._charge(token, user, channel)
        return Response(answer, status, {"Content-Type": headers.get("Content-Type", "application/json")})

    def _call(self, channel: Mapping[str, Any], request: Request) -> tuple[int, bytes, Mapping[str, str]]:
        url = (channel["base_url"] or "https://api.openai.com").rstrip("/") + request.path
        try:
            status, answer, headers = labweb.call(
                "POST",
                url,
                body=request.body,
                headers={"Authorization": f"Bearer {channel['key']}", "Content-Type": "application/json"},
            )
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            host = urlsplit(url)
            raise Refusal(
                500,
                f'do request failed: Post "{url}": dial tcp {host.hostname}:{host.port or 443}: {reason}',
                code="do_request_failed",
            ) from error
        if status == 429:
            raise Refusal(429, "当前分组上游负载已饱和，请稍后再试")
        if status >= 400:
            problem = _upstream_message(answer)
            log("ERR", f"relay error (channel id {channel['id']}, user id: 1): {problem}")
            if status == 401:
                self._disable(channel, problem)
            raise Refusal(
                status,
                problem or f"bad response status code {status}",
                kind="upstream_error",
                code="bad_response_status_code",
            )
        return status, answer, headers

    def _disable(self, channel: Mapping[str, Any], reason: str) -> None:
        self._store.save_channel({"id": channel["id"], "status": DISABLED_BY_MONITOR})
        log("SYS", f"channel #{channel['id']} has been disabled: {reason}")

    def _charge(self, token: Mapping[str, Any], user: Mapping[str, Any], channel: Mapping[str, Any]) -> None:
        used = QUOTA_PER_REQUEST
        self._store.rows(
            "UPDATE users SET quota = quota - %s, used_quota = used_quota + %s, "
            "request_count = request_count + 1 WHERE id = %s",
            used,
            used,
            user["id"],
        )
        self._store.rows(
            "UPDATE tokens SET remain_quota = remain_quota - %s, used_quota = used_quota + %s WHERE id = %s",
            used,
            used,
            token["id"],
        )
        self._store.rows("UPDATE channels SET used_quota = used_quota + %s WHERE id = %s", used, channel["id"])


def _upstream_message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""


# Administration -----------------------------------------------------------------------------------


class Administration:
    """/api/*: who is logged in by session cookie or access token may read and change everything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions: dict[str, int] = {}
        self._started = int(time.time())

    def install(self, app: Application) -> None:
        """Register the routes."""
        app.route("GET", "/api/status")(self.status)
        app.route("POST", "/api/user/login")(self.log_in)
        for method, pattern, handler in (
            ("GET", "/api/user/self", self.self_),
            (
                "GET",
                "/api/user/?",
                lambda _: _ok(self._store.rows(f"SELECT {_USER_COLUMNS} FROM users")),
            ),
            ("PUT", "/api/user/?", self.update_user),
            ("POST", "/api/topup", self.top_up),
            ("GET", "/api/channel/?", lambda _: _ok(self._store.rows("SELECT * FROM channels ORDER BY id DESC"))),
            ("POST", "/api/channel/?", self.save_channel),
            ("PUT", "/api/channel/?", self.save_channel),
            ("DELETE", r"/api/channel/(\d+)", self.delete_channel),
            ("GET", "/api/token/?", lambda _: _ok(self._store.rows("SELECT * FROM tokens ORDER BY id DESC"))),
            ("POST", "/api/token/?", self.save_token),
            ("PUT", "/api/token/?", self.save_token),
        ):
            app.route(method, pattern)(self._guarded(handler))

    def _guarded(self, handler: labweb.Handler) -> labweb.Handler:
        def guarded(request: Request) -> Response:
            if self._user_id(request) is None:
                return Response({"success": False, "message": "无权进行此操作，未登录且未提供 access token"})
            return handler(request)

        return guarded

    def _user_id(self, request: Request) -> int | None:
        match = re.search(r"session=(\w+)", request.headers.get("cookie", ""))
        if match and match.group(1) in self._sessions:
            return self._sessions[match.group(1)]
        user = (
            self._store.row("SELECT id FROM users WHERE access_token = %s", request.bearer())
            if request.bearer()
            else None
        )
        return int(user["id"]) if user else None

    def status(self, _request: Request) -> Response:
        """Say that the service is up."""
        return _ok(
            {
                "version": VERSION,
                "start_time": self._started,
                "quota_per_unit": 500000,
                "display_in_currency": True,
                "system_name": "One API",
            }
        )

    def log_in(self, request: Request) -> Response:
        """Give a session cookie for name and password."""
        body = request.json()
        user = self._store.row(
            "SELECT id, username, role, status FROM users WHERE username = %s AND password = %s",
            body.get("username"),
            body.get("password"),
        )
        if user is None:
            return Response({"success": False, "message": "用户名或密码错误，或用户已被封禁"})
        session = secrets.token_hex(16)
        self._sessions[session] = int(user["id"])
        return Response(
            {"success": True, "message": "", "data": user},
            headers={"Set-Cookie": f"session={session}; Path=/; HttpOnly"},
        )

    def self_(self, request: Request) -> Response:
        """Return the caller's own user."""
        columns = f"{_USER_COLUMNS}, access_token"
        return _ok(self._store.row(f"SELECT {columns} FROM users WHERE id = %s", self._user_id(request)))

    def update_user(self, request: Request) -> Response:
        """Change a user; zero values are skipped, as in the original."""
        body = request.json()
        for column in ("username", "password", "display_name", "quota", "status", "group"):
            if body.get(column):
                self._store.rows(f"UPDATE users SET `{column}` = %s WHERE id = %s", body[column], body.get("id"))
        return _ok(None)

    def top_up(self, request: Request) -> Response:
        """Add quota to a user."""
        body = request.json()
        self._store.rows("UPDATE users SET quota = quota + %s WHERE id = %s", body.get("quota", 0), body.get("user_id"))
        return _ok(None)

    def save_channel(self, request: Request) -> Response:
        """Make or change a channel."""
        self._store.save_channel(request.json())
        return _ok(None)

    def delete_channel(self, request: Request) -> Response:
        """Remove a channel and its abilities."""
        identity = int(request.arguments[0])
        self._store.rows("DELETE FROM channels WHERE id = %s", identity)
        self._store.rows("DELETE FROM abilities WHERE channel_id = %s", identity)
        return _ok(None)

    def save_token(self, request: Request) -> Response:
        """Make or change a token of the caller."""
        body = request.json()
        known = ("name", "status", "expired_time", "remain_quota", "unlimited_quota", "models")
        fields = {name: body[name] for name in known if name in body}
        if body.get("id"):
            changes = ", ".join(f"`{name}` = %s" for name in fields)
            self._store.rows(f"UPDATE tokens SET {changes} WHERE id = %s", *fields.values(), body["id"])
        else:
            fields.update(user_id=self._user_id(request), key=secrets.token_hex(24), created_time=int(time.time()))
            names = ", ".join(f"`{name}`" for name in fields)
            marks = ", ".join("%s" for _ in fields)
            self._store.rows(f"INSERT INTO tokens ({names}) VALUES ({marks})", *fields.values())
        return _ok(None)


def _ok(data: Any) -> Response:
    return Response({"success": True, "message": "", "data": data})


def main() -> None:
    """Run One API on port 3000."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    log("SYS", f"One API {VERSION} started")
    dsn = os.environ.get("SQL_DSN", "")
    try:
        store = Store(dsn)
    except ValueError as error:
        log("FATAL", f"failed to initialize database: {error}")
        sys.exit(1)
    log("SYS", "using MySQL as database")
    store.prepare(os.environ.get("INITIAL_ROOT_TOKEN", ""))
    app = Application(log_access)
    app.route("GET", "/")(lambda _: Response("<!DOCTYPE html><title>One API</title>One API (stand-in of the lab)"))
    Administration(store).install(app)
    app.route("*", r"/v1/.*")(Relay(store))
    app.serve(3000)


if __name__ == "__main__":
    main()
