# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Stand-in for One API v0.6: same tables, same administration calls, same refusals and log lines, real forwarding."""

from __future__ import annotations

import datetime
import json
import os
import re
import secrets
import signal
import socket
import sys
import threading
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
# What a call is estimated at and costs; who has a hundred times as much is not asked for it beforehand.
QUOTA_PER_REQUEST = 1000
TRUSTED = 100 * QUOTA_PER_REQUEST
ITEMS_PER_PAGE = 10
AUTO_DISABLE = "AutomaticDisableChannelEnabled"
# The original gives up at once and is restarted a few times while MySQL makes its first database.
STARTUP_SECONDS = 20

_USER_COLUMNS = "id, username, display_name, role, status, quota, used_quota, request_count, `group`"
_CHANNEL_COLUMNS = (
    "id, type, status, name, base_url, models, `group`, priority, used_quota, created_time, model_mapping"
)
_TABLES = (
    """CREATE TABLE IF NOT EXISTS users (
        id INT AUTO_INCREMENT PRIMARY KEY, username VARCHAR(50) UNIQUE, password VARCHAR(100), display_name VARCHAR(50),
        role INT DEFAULT 1, status INT DEFAULT 1, access_token CHAR(32), quota BIGINT DEFAULT 0,
        used_quota BIGINT DEFAULT 0, request_count INT DEFAULT 0, `group` VARCHAR(32) DEFAULT 'default')""",
    """CREATE TABLE IF NOT EXISTS tokens (
        id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, `key` CHAR(48) UNIQUE, status INT DEFAULT 1, name VARCHAR(50),
        created_time BIGINT, accessed_time BIGINT, expired_time BIGINT DEFAULT -1, remain_quota BIGINT DEFAULT 0,
        unlimited_quota TINYINT DEFAULT 0, used_quota BIGINT DEFAULT 0, models TEXT, subnet VARCHAR(100) DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS channels (
        id INT AUTO_INCREMENT PRIMARY KEY, type INT DEFAULT 1, `key` TEXT, status INT DEFAULT 1, name VARCHAR(50),
        base_url VARCHAR(200) DEFAULT '', models TEXT, `group` VARCHAR(32) DEFAULT 'default', priority BIGINT DEFAULT 0,
        used_quota BIGINT DEFAULT 0, created_time BIGINT, test_time BIGINT DEFAULT 0, response_time INT DEFAULT 0,
        model_mapping VARCHAR(1024) DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS abilities (
        `group` VARCHAR(32), model VARCHAR(100), channel_id INT, enabled TINYINT, priority BIGINT DEFAULT 0,
        PRIMARY KEY (`group`, model, channel_id))""",
    "CREATE TABLE IF NOT EXISTS options (`key` VARCHAR(100) PRIMARY KEY, value TEXT)",
    # tables made by an earlier build of this stand-in
    "ALTER TABLE tokens ADD COLUMN IF NOT EXISTS subnet VARCHAR(100) DEFAULT ''",
    "ALTER TABLE channels ADD COLUMN IF NOT EXISTS model_mapping VARCHAR(1024) DEFAULT ''",
)


class Refusal(Exception):
    """A request One API does not let in."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class RelayError(Exception):
    """A call that was let in and failed; ``error`` is what the caller gets, a provider's own where it sent one."""

    def __init__(self, status: int, message: str, *, kind: str = "one_api_error", code: Any = "") -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": "", "code": code}


# Log ----------------------------------------------------------------------------------------------

# Each request is served by a thread of its own.
_request = threading.local()


def request_number() -> str:
    """Return the number of the request this thread serves."""
    number: str = getattr(_request, "number", "")
    return number


def begin_request() -> None:
    """Give the request that this thread begins to serve its number."""
    _request.number = f"{datetime.datetime.now():%Y%m%d%H%M%S}{secrets.randbelow(10**17):017d}"


def log(level: str, message: str) -> None:
    """Print a line as One API's own logger does."""
    number = f"{request_number()} | " if level in ("INFO", "WARN", "ERR") else ""
    print(f"[{level}] {datetime.datetime.now():%Y/%m/%d - %H:%M:%S} | {number}{message} ", flush=True)


def log_access(request: Request, status: int) -> None:
    """Print an access line as One API's web framework does."""
    print(
        f"[GIN] {datetime.datetime.now():%Y/%m/%d - %H:%M:%S} | {request_number()} | {status} | {'1.2ms':>13} | "
        f"{request.client:>15} | {request.method:>7} {request.path}",
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
        return f"dial tcp {_address(host)}:{port}: connect: connection refused"
    states = {1045: "28000", 1049: "42000"}
    return f"Error {number} ({states.get(number, 'HY000')}): {text}"


def _address(host: str) -> str:
    """Return the address that a name means, as Go names it; the name itself where there is none."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


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

    def option(self, name: str) -> str | None:
        """Return a setting that the operator has changed."""
        found = self.row("SELECT value FROM options WHERE `key` = %s", name)
        return found["value"] if found else None

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
        known = ("type", "key", "status", "name", "base_url", "models", "group", "priority", "model_mapping")
        fields = {name: channel[name] for name in known if name in channel}
        identity = channel.get("id")
        if identity:
            fields = {name: value for name, value in fields.items() if value}  # zero values are skipped
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
        begin_request()
        try:
            token = self._token(request)
            user = self._user(token)
            if request.path == "/v1/models":
                return self._models(token, user)
            model = str(request.json().get("model", ""))
            channel = self._channel(model, token, user)
        except Refusal as refusal:
            log("ERR", refusal.message)
            return _failed(refusal.status, {"message": refusal.message, "type": "one_api_error"})
        try:
            return self._forward(request, model, token, user, channel)
        except RelayError as failure:
            self._report(failure, user, channel)
            error = dict(failure.error)
            if failure.status == 429:
                error["message"] = "当前分组上游负载已饱和，请稍后再试"
            return _failed(failure.status, error)

    def _token(self, request: Request) -> dict[str, Any]:
        key = request.bearer().removeprefix("sk-").split("-")[0]
        if not key:
            raise Refusal(401, "未提供令牌")
        token = self._store.row("SELECT * FROM tokens WHERE `key` = %s", key)
        if token is None:
            raise Refusal(401, "无效的令牌")
        if token["status"] == TOKEN_EXHAUSTED:
            raise Refusal(401, f"令牌 {token['name']}（#{token['id']}）额度已用尽")
        if token["status"] == ENABLED and 0 < token["expired_time"] < time.time():
            self._set_token(token, TOKEN_EXPIRED)
        if token["status"] == TOKEN_EXPIRED:
            raise Refusal(401, "该令牌已过期")
        if token["status"] != ENABLED:
            raise Refusal(401, "该令牌状态不可用")
        if not token["unlimited_quota"] and token["remain_quota"] <= 0:
            self._set_token(token, TOKEN_EXHAUSTED)
            raise Refusal(401, "该令牌额度已用尽")
        return token

    def _set_token(self, token: dict[str, Any], status: int) -> None:
        token["status"] = status
        self._store.rows("UPDATE tokens SET status = %s WHERE id = %s", status, token["id"])

    def _user(self, token: Mapping[str, Any]) -> dict[str, Any]:
        user = self._store.row("SELECT * FROM users WHERE id = %s", token["user_id"])
        if user is None or user["status"] != ENABLED:
            raise Refusal(403, "用户已被封禁")
        return user

    def _models(self, token: Mapping[str, Any], user: Mapping[str, Any]) -> Response:
        """List the models of a limited token, else those some channel serves."""
        rows = self._store.rows(
            "SELECT DISTINCT model FROM abilities WHERE `group` = %s AND enabled = 1", user["group"]
        )
        names = token["models"].split(",") if token["models"] else [row["model"] for row in rows]
        return Response({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    def _channel(self, model: str, token: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
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
        return channel

    def _forward(
        self,
        request: Request,
        model: str,
        token: Mapping[str, Any],
        user: Mapping[str, Any],
        channel: Mapping[str, Any],
    ) -> Response:
        self._check_purses(token, user)
        mapped = json.loads(channel["model_mapping"] or "{}").get(model, model)
        answer, headers = self._call(channel, request, {**request.json(), "model": mapped})
        self._charge(token, user, channel, mapped, answer)
        return Response(answer, 200, {"Content-Type": headers.get("Content-Type", "application/json")})

    def _check_purses(self, token: Mapping[str, Any], user: Mapping[str, Any]) -> None:
        """Refuse what the user cannot pay; the token's own limit is only looked at where the user has little."""
        if user["quota"] < QUOTA_PER_REQUEST:
            failure = RelayError(403, "user quota is not enough", code="insufficient_user_quota")
            words = " ".join(f"{name.capitalize()}:{value}" for name, value in failure.error.items())
            log("WARN", f"preConsumeQuota failed: {{Error:{{{words}}} StatusCode:403}}")
            raise failure
        if user["quota"] > TRUSTED:
            log("INFO", f"user {user['id']} has enough quota {user['quota']}, trusted and no need to pre-consume")
        elif not token["unlimited_quota"] and token["remain_quota"] < QUOTA_PER_REQUEST:
            raise RelayError(403, "令牌额度不足", code="pre_consume_token_quota_failed")

    def _call(
        self, channel: Mapping[str, Any], request: Request, body: dict[str, Any]
    ) -> tuple[bytes, Mapping[str, str]]:
        url = (channel["base_url"] or "https://api.openai.com").rstrip("/") + request.path
        try:
            status, answer, headers = labweb.call(
                "POST", url, body=body, headers={"Authorization": f"Bearer {channel['key']}"}
            )
        except (URLError, OSError) as error:
            host = urlsplit(url)
            reason = getattr(error, "reason", error)
            message = f'do request failed: Post "{url}": dial tcp {host.hostname}:{host.port or 443}: {reason}'
            log("ERR", f"DoRequest failed: {message}")
            raise RelayError(500, message, code="do_request_failed") from error
        is_whole = str(headers.get("Content-Type", "")).startswith("application/json")
        if status != 200 or (body.get("stream") and is_whole):
            raise _upstream_error(status, answer)
        return answer, headers

    def _report(self, failure: RelayError, user: Mapping[str, Any], channel: Mapping[str, Any]) -> None:
        """Log a failed call; where the operator has asked for it, a channel whose key is refused is switched off."""
        message = failure.error["message"]
        log("ERR", f"relay error (channel id {channel['id']}, user id: {user['id']}): {message}")
        if failure.status == 400:
            log("ERR", "relay error happen, status code is 400, won't retry in this case")
        is_key = failure.status == 401 or failure.error["type"] == "insufficient_quota"
        if is_key and self._store.option(AUTO_DISABLE) == "true":
            self._store.save_channel({"id": channel["id"], "status": DISABLED_BY_MONITOR})
            log("SYS", f"channel #{channel['id']} has been disabled: {message}")

    def _charge(
        self,
        token: Mapping[str, Any],
        user: Mapping[str, Any],
        channel: Mapping[str, Any],
        model: str,
        answer: bytes,
    ) -> None:
        used = QUOTA_PER_REQUEST
        usage = _usage(answer)
        log(
            "INFO",
            f"record consume log: userId={user['id']}, channelId={channel['id']}, promptTokens={usage[0]}, "
            f"completionTokens={usage[1]}, modelName={model}, tokenName={token['name']}, quota={used}, "
            "content=模型倍率 0.07，分组倍率 1.00，补全倍率 4.00",
        )
        self._store.rows(
            "UPDATE users SET quota = quota - %s, used_quota = used_quota + %s, "
            "request_count = request_count + 1 WHERE id = %s",
            used,
            used,
            user["id"],
        )
        self._store.rows(
            "UPDATE tokens SET remain_quota = remain_quota - %s, used_quota = used_quota + %s, accessed_time = %s "
            "WHERE id = %s",
            used,
            used,
            int(time.time()),
            token["id"],
        )
        self._store.rows("UPDATE channels SET used_quota = used_quota + %s WHERE id = %s", used, channel["id"])


def _failed(status: int, error: dict[str, Any]) -> Response:
    message = f"{error['message']} (request id: {request_number()})"
    return Response({"error": {**error, "message": message}}, status)


def _upstream_error(status: int, answer: bytes) -> RelayError:
    """Return the provider's own error, or what One API says where it cannot read one."""
    try:
        error = json.loads(answer)["error"]
        return RelayError(
            status, str(error["message"]), kind=str(error.get("type") or ""), code=error.get("code") or ""
        )
    except (ValueError, KeyError, TypeError):
        message = f"bad response status code {status}"
        return RelayError(status, message, kind="upstream_error", code="bad_response_status_code")


def _usage(answer: bytes) -> tuple[int, int]:
    """Return the tokens of prompt and answer; a stream's are counted, here by its chunks."""
    try:
        usage = json.loads(answer)["usage"]
        return int(usage["prompt_tokens"]), int(usage.get("completion_tokens", 0))
    except (ValueError, KeyError, TypeError):
        return 1, answer.count(b"data: ")


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
            ("GET", r"/api/user/(\d+)", self.user),
            ("GET", "/api/user/?", lambda request: self._page(request, f"SELECT {_USER_COLUMNS} FROM users")),
            ("PUT", "/api/user/?", self.update_user),
            ("POST", "/api/topup", self.top_up),
            ("PUT", "/api/option/?", self.set_option),
            ("GET", r"/api/channel/(\d+)", self.channel),
            ("GET", "/api/channel/?", lambda request: self._page(request, f"SELECT {_CHANNEL_COLUMNS} FROM channels")),
            ("POST", "/api/channel/?", self.save_channel),
            ("PUT", "/api/channel/?", self.save_channel),
            ("DELETE", r"/api/channel/(\d+)", self.delete_channel),
            ("GET", r"/api/token/(\d+)", self.token),
            ("GET", "/api/token/?", self.tokens),
            ("POST", "/api/token/?", self.add_token),
            ("PUT", "/api/token/?", self.update_token),
        ):
            app.route(method, pattern)(self._guarded(handler))

    def _page(self, request: Request, statement: str, *values: Any) -> Response:
        """Return ten rows, the newest first."""
        start = int(request.query.get("p", "0")) * ITEMS_PER_PAGE
        limits = f"{statement} ORDER BY id DESC LIMIT {ITEMS_PER_PAGE} OFFSET {start}"
        return _ok([_shown(row) for row in self._store.rows(limits, *values)])

    def _guarded(self, handler: labweb.Handler) -> labweb.Handler:
        def guarded(request: Request) -> Response:
            begin_request()
            if self._user_id(request) is not None:
                return handler(request)
            if request.bearer():
                return _no("无权进行此操作，access token 无效")
            return _no("无权进行此操作，未登录且未提供 access token", 401)

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
            return _no("用户名或密码错误，或用户已被封禁")
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

    def user(self, request: Request) -> Response:
        """Return a user."""
        found = self._store.row(f"SELECT {_USER_COLUMNS} FROM users WHERE id = %s", request.arguments[0])
        return _ok(found) if found else _no("record not found")

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
        if body.get("quota", 0) < 0:
            return _no("quota 不能为负数！")
        self._store.rows("UPDATE users SET quota = quota + %s WHERE id = %s", body.get("quota", 0), body.get("user_id"))
        return _ok(None)

    def set_option(self, request: Request) -> Response:
        """Change a setting."""
        body = request.json()
        self._store.rows("REPLACE INTO options VALUES (%s, %s)", body.get("key"), body.get("value"))
        return _ok(None)

    def channel(self, request: Request) -> Response:
        """Return a channel without its key."""
        found = self._store.row(f"SELECT {_CHANNEL_COLUMNS} FROM channels WHERE id = %s", request.arguments[0])
        return _ok(found) if found else _no("record not found")

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

    def tokens(self, request: Request) -> Response:
        """Return tokens of the caller."""
        return self._page(request, "SELECT * FROM tokens WHERE user_id = %s", self._user_id(request))

    def token(self, request: Request) -> Response:
        """Return a token of the caller."""
        found = self._own_token(request, request.arguments[0])
        return _ok(_shown(found)) if found else _no("record not found")

    def _own_token(self, request: Request, identity: Any) -> dict[str, Any] | None:
        return self._store.row("SELECT * FROM tokens WHERE id = %s AND user_id = %s", identity, self._user_id(request))

    def add_token(self, request: Request) -> Response:
        """Make a token of the caller."""
        body = request.json()
        known = ("name", "expired_time", "remain_quota", "unlimited_quota", "models", "subnet")
        fields = {name: body[name] for name in known if name in body}
        fields.update(user_id=self._user_id(request), key=secrets.token_hex(24), created_time=int(time.time()))
        names = ", ".join(f"`{name}`" for name in fields)
        marks = ", ".join("%s" for _ in fields)
        self._store.rows(f"INSERT INTO tokens ({names}) VALUES ({marks})", *fields.values())
        return _ok(None)

    def update_token(self, request: Request) -> Response:
        """Change a token of the caller: its status alone, or all of its settings; what is not given becomes zero."""
        body = request.json()
        stored = self._own_token(request, body.get("id"))
        if stored is None:
            return _no("record not found")
        if request.query.get("status_only"):
            is_spent = stored["status"] == TOKEN_EXHAUSTED and stored["remain_quota"] <= 0
            if body.get("status") == ENABLED and is_spent and not stored["unlimited_quota"]:
                return _no("令牌可用额度已用尽，无法启用，请先修改令牌剩余额度，或者设置为无限额度")
            fields = {"status": body.get("status", 0)}
        else:
            empty = {"name": "", "expired_time": 0, "remain_quota": 0, "unlimited_quota": False}
            fields = {name: body.get(name, value) for name, value in empty.items()}
            fields.update(models=body.get("models"), subnet=body.get("subnet"))
        changes = ", ".join(f"`{name}` = %s" for name in fields)
        self._store.rows(f"UPDATE tokens SET {changes} WHERE id = %s", *fields.values(), stored["id"])
        return _ok(_shown(self._own_token(request, stored["id"]) or {}))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON has it: MySQL keeps a truth as a number."""
    return {name: bool(value) if name == "unlimited_quota" else value for name, value in row.items()}


def _no(message: str, status: int = 200) -> Response:
    return Response({"success": False, "message": message}, status)


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
