# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A few lines over http.server: routes by method and pattern, JSON in and out. For the lab's stand-ins."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``arguments`` are the groups of the route's pattern."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client: str
    arguments: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the body as an object; an empty or malformed one counts as {}."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def bearer(self) -> str:
        """Return the Authorization header without the word Bearer."""
        return self.headers.get("authorization", "").removeprefix("Bearer ").strip()


@dataclass(frozen=True)
class Response:
    """A reply: a JSON value, a text, or an iterator of chunks for a stream."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


class Application:
    """Routes in the order in which they were added."""

    def __init__(self, log_access: Callable[[Request, int], None] | None = None) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._log_access = log_access

    def route(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Register the decorated function for ``method`` ('*' is any) and a pattern of the whole path."""

        def register(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(pattern), handler))
            return handler

        return register

    def handle(self, request: Request) -> Response:
        """Return the reply of the first matching route, else 404."""
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method in ("*", request.method):
                response = handler(Request(**{**vars(request), "arguments": match.groups()}))
                break
        else:
            response = Response("404 page not found", 404)
        if self._log_access:
            self._log_access(request, response.status)
        return response

    def serve(self, port: int) -> None:
        """Serve for ever on all addresses."""
        application = self

        class RequestHandler(_RequestHandler):
            app = application

        ThreadingHTTPServer(("0.0.0.0", port), RequestHandler).serve_forever(poll_interval=3600)


class _RequestHandler(BaseHTTPRequestHandler):
    app: Application
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        request = Request(
            method=self.command,
            path=url.path,
            query={key: values[-1] for key, values in parse_qs(url.query).items()},
            headers={key.lower(): value for key, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            client=self.client_address[0],
        )
        self._send(self.app.handle(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

    def _send(self, response: Response) -> None:
        if isinstance(response.body, (str, bytes, dict, list)):
            self._send_whole(response)
        else:
            self._send_stream(response.status, response.body)

    def _send_whole(self, response: Response) -> None:
        body, kind = response.body, "text/plain; charset=utf-8"
        if isinstance(body, (dict, list)):
            body, kind = (
                json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str),
                "application/json; charset=utf-8",
            )
        elif isinstance(body, str) and body.lstrip().startswith("<"):
            kind = "text/html; charset=utf-8"
        data = body.encode() if isinstance(body, str) else body
        self.send_response(response.status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _send_stream(self, status: int, chunks: Iterable[str | bytes]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk.encode() if isinstance(chunk, str) else chunk)
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: each stand-in logs as its original does."""


def call(
    method: str, url: str, *, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 60
) -> tuple[int, bytes, Mapping[str, str]]:
    """Send a request and return status, body and headers; an HTTP error status is a result, not an exception.

    Raises urllib.error.URLError when there is no answer at all, or none in HTTP.
    """
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if isinstance(body, (dict, list)):
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.read(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)
    except http.client.HTTPException as error:
        raise urllib.error.URLError(f"not an HTTP reply: {error!r}") from error
