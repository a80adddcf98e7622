# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Small services of a FastGPT stack: they answer their health check, want their token, and no more."""

from __future__ import annotations

import os
import signal
import sys
from urllib.parse import urlsplit

from labweb import Application, Request, Response

SERVICE = os.environ["LAB_SERVICE"]
PORT = int(os.environ.get("LAB_PORT", "3000"))
VERSION = os.environ.get("LAB_VERSION", "")


def build(service: str, environment: dict[str, str]) -> Application:
    """Return the routes of one service."""
    app = Application()
    app.route("*", "/health")(lambda _: Response({"status": "ok"}))
    if service == "minio":
        app.route("*", r"/minio/health/(?:live|ready)")(lambda _: Response(""))
        app.route("*", r"/.*")(lambda _: Response(""))
    elif service == "plugin":
        app.route("*", r"/(?!health).*")(lambda request: _with_token(request, environment.get("AUTH_TOKEN", "")))
    else:
        app.route("GET", "/")(lambda _: Response(f"{service} (stand-in of the lab)\n"))
    return app


def _with_token(request: Request, token: str) -> Response:
    if token not in (request.headers.get("authtoken"), request.bearer()):
        return Response("Unauthorized", 401)
    return Response([])


def complaint(service: str, version: str, environment: dict[str, str]) -> str | None:
    """Say why a service does not start: from 1.0 on the plugin wants a long token and a database of its own."""
    if service != "plugin" or not version or int(version.partition(".")[0]) < 1:
        return None
    if len(environment.get("AUTH_TOKEN", "")) < 32:
        return "Invalid environment variables: AUTH_TOKEN must contain at least 32 character(s)"
    if urlsplit(environment.get("MONGODB_URI", "")).path in ("", "/", "/fastgpt"):
        return "Invalid environment variables: MONGODB_URI must name a database of its own"
    return None


if __name__ == "__main__":
    # The original sandbox, node without a handler as process 1, takes no signal: Docker kills it after ten seconds.
    if SERVICE != "sandbox":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if words := complaint(SERVICE, VERSION, dict(os.environ)):
        sys.exit(words)
    print(f"{SERVICE} listening on port {PORT}", flush=True)
    build(SERVICE, dict(os.environ)).serve(PORT)
