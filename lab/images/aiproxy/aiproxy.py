# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Stand-in for AI Proxy: channels in PostgreSQL, administration by ADMIN_KEY, real forwarding."""

from __future__ import annotations

import datetime
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import labweb
import psycopg2
from labweb import Application, Request, Response
from psycopg2.extras import RealDictCursor

ENABLED = 1
BAD_REQUEST, SERVER_ERROR = 400, 500
COLOURS = {"INFO": 36, "WARN": 33, "ERRO": 31, "FATA": 31}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS channels (
    id SERIAL PRIMARY KEY, type INT NOT NULL DEFAULT 1, name TEXT, key TEXT, base_url TEXT NOT NULL DEFAULT '',
    models TEXT NOT NULL DEFAULT '[]', status INT NOT NULL DEFAULT 1, priority INT NOT NULL DEFAULT 0,
    used_amount DOUBLE PRECISION NOT NULL DEFAULT 0, request_count INT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS tokens (
    id SERIAL PRIMARY KEY, key TEXT UNIQUE, name TEXT, status INT NOT NULL DEFAULT 1, group_id TEXT,
    quota DOUBLE PRECISION NOT NULL DEFAULT 0, used_amount DOUBLE PRECISION NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS model_configs (model TEXT PRIMARY KEY);
ALTER TABLE channels ADD COLUMN IF NOT EXISTS model_mapping TEXT NOT NULL DEFAULT '{}';
"""


class Refusal(Exception):
    """A relayed request AI Proxy does not serve."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        error = {"message": message, "type": "aiproxy_error"}
        self.response = Response({"error": {**error, **({"code": code} if code else {})}}, status)


def log(level: str, message: str, **fields: Any) -> None:
    """Print a line as AI Proxy's logger does: coloured, fields sorted after the message."""
    colour = f"\x1b[{COLOURS[level]}m"
    tail = "".join(f" {colour}{name}\x1b[0m={fields[name]}" for name in sorted(fields))
    stamp = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    print(f"{colour}{level}\x1b[0m[{stamp}] {message:<44}{tail}", flush=True)


class Store:
    """Channels and tokens in the database of SQL_DSN."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run one statement over a connection of its own; return its rows."""
        connection = psycopg2.connect(self._dsn, connect_timeout=5)
        try:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, values)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def prepare(self) -> None:
        """Make the tables; end the process when the database cannot be used."""
        try:
            self.rows(_SCHEMA)
        except psycopg2.Error as error:
            log("FATA", f"failed to initialize database: {connect_problem(self._dsn, str(error))}")
            sys.exit(1)

    def channels(self) -> list[dict[str, Any]]:
        """Return all channels, their model lists decoded."""
        rows = self.rows("SELECT * FROM channels ORDER BY priority DESC, id")
        return [
            {**row, "models": json.loads(row["models"]), "model_mapping": json.loads(row["model_mapping"])}
            for row in rows
        ]

    def model_configs(self) -> set[str]:
        """Return the names of the models that have settings."""
        return {row["model"] for row in self.rows("SELECT model FROM model_configs")}

    def save_channel(self, channel: Mapping[str, Any], identity: int | None = None) -> None:
        """Insert a channel, or write over the one with this id: what is not given becomes empty, the status stays."""
        empty = {"key": "", "base_url": "", "models": [], "priority": 0, "model_mapping": {}}
        fields = {name: channel.get(name) or value for name, value in empty.items()}
        for name in ("models", "model_mapping"):
            fields[name] = json.dumps(fields[name])
        fields.update({name: channel[name] for name in ("type", "name") if channel.get(name)})
        if identity is None:
            fields["status"] = channel.get("status") or ENABLED
            marks = ", ".join("%s" for _ in fields)
            self.rows(f"INSERT INTO channels ({', '.join(fields)}) VALUES ({marks})", *fields.values())
        else:
            changes = ", ".join(f"{name} = %s" for name in fields)
            self.rows(f"UPDATE channels SET {changes} WHERE id = %s", *fields.values(), identity)


def connect_problem(dsn: str, text: str) -> str:
    """Return the Go driver's text for a failed connection."""
    url = urlsplit(dsn)
    host, port = url.hostname or "localhost", url.port or 5432
    head = f"failed to connect to `host={host} user={url.username} database={url.path.lstrip('/')}`: "
    if "could not translate host name" in text:
        return f"{head}hostname resolving error (lookup {host} on 127.0.0.11:53: no such host)"
    if "password authentication failed" in text:
        return f'{head}server error (FATAL: password authentication failed for user "{url.username}" (SQLSTATE 28P01))'
    if "refused" in text:
        return f"{head}dial error (dial tcp {socket.gethostbyname(host)}:{port}: connect: connection refused)"
    return head + text.strip().splitlines()[0]


class Proxy:
    """The HTTP interface."""

    def __init__(self, store: Store, admin_key: str, needs_model_config: bool) -> None:
        self._store = store
        self._admin_key = admin_key
        self._needs_model_config = needs_model_config
        self._started = int(time.time() * 1000)

    def build(self) -> Application:
        """Return the routes."""
        app = Application()
        app.route("GET", "/api/status")(lambda _: _ok({"startTime": self._started}))
        for method, pattern, handler in (
            ("GET", "/api/channels/?", self.channels),
            ("GET", "/api/channels/all", lambda _: _ok(self._store.channels())),
            ("POST", "/api/channel/?", self.add_channel),
            ("PUT", r"/api/channel/(\d+)", self.change_channel),
            ("POST", r"/api/channel/(\d+)/status", self.change_status),
            ("DELETE", r"/api/channel/(\d+)", self.delete_channel),
            ("GET", "/api/models/enabled", self.enabled_models),
            ("POST", "/api/model_config/(.+)", self.add_model_config),
            ("GET", "/api/monitor/banned_channels", lambda _: _ok({})),
        ):
            app.route(method, pattern)(self._guarded(handler))
        app.route("GET", "/v1/models")(self.models)
        app.route("POST", r"/v1/.*")(self.relay)
        return app

    def _guarded(self, handler: labweb.Handler) -> labweb.Handler:
        def guarded(request: Request) -> Response:
            if request.bearer().removeprefix("sk-") != self._admin_key:
                return Response({"message": "unauthorized, no access token provided", "success": False}, 401)
            return handler(request)

        return guarded

    def channels(self, _request: Request) -> Response:
        """Return one page with every channel."""
        channels = self._store.channels()
        return _ok({"channels": channels, "total": len(channels)})

    def add_channel(self, request: Request) -> Response:
        """Make a channel."""
        self._store.save_channel(request.json())
        return _ok(None)

    def change_channel(self, request: Request) -> Response:
        """Write over a channel."""
        self._store.save_channel(request.json(), int(request.arguments[0]))
        return _ok(None)

    def change_status(self, request: Request) -> Response:
        """Switch a channel on or off."""
        status = request.json().get("status")
        self._store.rows("UPDATE channels SET status = %s WHERE id = %s", status, int(request.arguments[0]))
        return _ok(None)

    def add_model_config(self, request: Request) -> Response:
        """Give a model settings, without which it is not served."""
        model = request.arguments[0]
        self._store.rows("INSERT INTO model_configs VALUES (%s) ON CONFLICT DO NOTHING", model)
        return _ok(None)

    def delete_channel(self, request: Request) -> Response:
        """Remove a channel."""
        self._store.rows("DELETE FROM channels WHERE id = %s", int(request.arguments[0]))
        return _ok(None)

    def _enabled(self) -> list[str]:
        known = self._store.model_configs() if self._needs_model_config else None
        models = (model for row in self._store.channels() if row["status"] == ENABLED for model in row["models"])
        return list(dict.fromkeys(model for model in models if known is None or model in known))

    def enabled_models(self, _request: Request) -> Response:
        """Return the models that some enabled channel serves."""
        return _ok({"default": [{"model": model} for model in self._enabled()]})

    def models(self, request: Request) -> Response:
        """List the models as OpenAI does."""
        try:
            self._check_token(request)
        except Refusal as refusal:
            return refusal.response
        return Response({"object": "list", "data": [{"id": model, "object": "model"} for model in self._enabled()]})

    def _check_token(self, request: Request) -> None:
        key = request.bearer().removeprefix("sk-")
        if not key:
            raise Refusal(401, "no token provided")
        if key == self._admin_key:
            return
        rows = self._store.rows("SELECT * FROM tokens WHERE key = %s", key)
        if not rows:
            raise Refusal(401, "invalid token")
        token = rows[0]
        label = f"token ({token['name']}[{token['id']}])"
        if token["status"] != ENABLED:
            raise Refusal(401, f"{label} is disabled")
        if 0 < token["quota"] <= token["used_amount"]:
            raise Refusal(401, f"{label} total quota is exhausted")

    def relay(self, request: Request) -> Response:
        """Pass a model call to the first enabled channel that serves the model, and log the call with its channel."""
        began = time.monotonic()
        fields: dict[str, Any] = {"reqid": secrets.token_hex(8)}
        try:
            self._check_token(request)
            response = self._forward(request, fields)
        except Refusal as refusal:
            log("ERRO", str(refusal), **fields)
            response = refusal.response
        level = "ERRO" if BAD_REQUEST <= response.status < SERVER_ERROR else "INFO"
        took = f"{(time.monotonic() - began) * 1000:.1f}ms"
        line = f'[GIN] | {response.status} | {took:>10} | {request.client:>15} | {request.method:<7}  "{request.path}"'
        log(level, line, **fields)
        return response

    def _forward(self, request: Request, fields: dict[str, Any]) -> Response:
        body = request.json()
        model = str(body.get("model", ""))
        if not model:
            raise Refusal(400, "no model provided")
        if model not in self._enabled():
            raise Refusal(404, f"The model `{model}` does not exist or you do not have access to it.")
        serving = (row for row in self._store.channels() if row["status"] == ENABLED and model in row["models"])
        channel = next(serving)
        actual = channel["model_mapping"].get(model, model)
        fields.update(model=model, actmodel=actual, chid=channel["id"], chname=channel["name"], chtype=channel["type"])
        # In AI Proxy a base URL includes /v1.
        url = channel["base_url"].rstrip("/") + request.path.removeprefix("/v1")
        headers = {"Authorization": f"Bearer {channel['key']}"}
        try:
            status, answer, given = labweb.call("POST", url, body={**body, "model": actual}, headers=headers)
        except (URLError, OSError) as error:
            raise Refusal(500, f"request upstream fail: {getattr(error, 'reason', error)}") from error
        self._store.rows("UPDATE channels SET request_count = request_count + 1 WHERE id = %s", channel["id"])
        if status in (401, 402, 403, 404):
            self._note_refusal(channel, model, status, answer, fields["reqid"])
        return Response(answer, status, {"Content-Type": given.get("Content-Type", "application/json")})

    def _note_refusal(self, channel: Mapping[str, Any], model: str, status: int, answer: bytes, number: str) -> None:
        """Tell the operator that a channel may not do what it is asked for."""
        title = f"{channel['name']} `{model}` No Permission"
        message = f"channel: {channel['name']} (type: {channel['type']}, type name: openai, id: {channel['id']})"
        message += f"\nmodel: {model}\nmode: ChatCompletions\nstatus code: {status}"
        message += f"\ndetail: {answer.decode('utf-8', 'replace')}\nrequest id: {number}\ntime cost: 1ms"
        log("ERRO", message, notify="std", title=title)


def _ok(data: Any) -> Response:
    return Response({"data": data, "message": "", "success": True})


def main() -> None:
    """Run AI Proxy on port 3000."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Without ADMIN_KEY one is made up, and FastGPT's calls are refused.
    admin_key = os.environ.get("ADMIN_KEY") or secrets.token_hex(16)
    log("INFO", "using PostgreSQL as database")
    store = Store(os.environ.get("SQL_DSN", ""))
    store.prepare()
    log("INFO", "server started on http://localhost:3000")
    needs_model_config = os.environ.get("DISABLE_MODEL_CONFIG") != "true"
    Proxy(store, admin_key, needs_model_config).build().serve(3000)


if __name__ == "__main__":
    main()
