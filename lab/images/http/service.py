# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Small services of a FastGPT stack: they answer their health check, want their token, and no more."""

from __future__ import annotations

import os
import signal
import sys

from labweb import Application, Request, Response

SERVICE = os.environ["LAB_SERVICE"]
PORT = int(os.environ.get("LAB_PORT", "3000"))


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


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{SERVICE} listening on port {PORT}", flush=True)
    build(SERVICE, dict(os.environ)).serve(PORT)
