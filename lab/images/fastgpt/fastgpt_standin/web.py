# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's HTTP interface, as much of it as operators and their tools call."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from typing import Any

from labweb import Application, Request, Response

from fastgpt_standin import upgrades
from fastgpt_standin.models import ModelError, Models
from fastgpt_standin.mongo import MongoError, password_hash
from fastgpt_standin.startup import FastGPT
from fastgpt_standin.vectors import VectorError

PAGE = "<!DOCTYPE html><html><head><title>FastGPT</title></head><body>FastGPT (stand-in of the lab)</body></html>"


def build(fastgpt: FastGPT) -> Application:
    """Return the application's routes."""
    app = Application()
    api = Api(fastgpt)
    app.route("GET", r"/(?:login)?")(lambda _: Response(PAGE))
    app.route("GET", "/api/common/system/getInitData")(api.init_data)
    app.route("GET", "/api/support/user/account/preLogin")(api.pre_login)
    app.route("POST", "/api/support/user/account/loginByPassword")(api.log_in)
    app.route("POST", r"/api/admin/[\w/]+")(api.administrate)
    app.route("POST", "/api/core/dataset/searchTest")(api.search)
    app.route("POST", "/api/v1/chat/completions")(api.chat)
    if fastgpt.generation.models_in_database:
        app.route("GET", "/api/core/ai/model/list")(api.list_models)
        app.route("GET", "/api/core/ai/model/detail")(api.model)
        app.route("PUT", "/api/core/ai/model/update")(api.update_model)
    return app


def reply(data: Any = None, *, code: int = 200, message: str = "", status_text: str = "") -> Response:
    """Return FastGPT's envelope; errors are sent with HTTP status 500."""
    body = {"code": code, "statusText": status_text, "message": message, "data": data}
    return Response(body, 200 if code == 200 else 500)


class Api:
    """Handlers; each waits for the start where the generation starts on the first request."""

    def __init__(self, fastgpt: FastGPT) -> None:
        self._fastgpt = fastgpt
        self._generation = fastgpt.generation
        self._models = Models(fastgpt)
        self._sessions: dict[str, str] = {}

    def _begin(self) -> None:
        """Wait until the application has started: whoever asks earlier gets no answer."""
        self._fastgpt.start()

    def _refusal(self) -> Response | None:
        """What every call gets while data is left as an older release made it."""
        if not self._fastgpt.left_out:
            return None
        paths = ", ".join(call.path for call in self._fastgpt.left_out)
        return reply(code=500, message=f"data is not that of {self._fastgpt.version}: {paths} was never called")

    def init_data(self, _request: Request) -> Response:
        """Answer the page's first call: settings and, up to 4.8, the version."""
        self._begin()
        if refusal := self._refusal():
            return refusal
        settings = self._fastgpt.config.get("feConfigs", {})
        if self._generation.tells_version_to_anyone:
            return reply({"feConfigs": settings, "systemVersion": self._fastgpt.version})
        return reply({"bufferId": f"unAuth_{int(time.time() * 1000)}", "feConfigs": settings})

    def pre_login(self, request: Request) -> Response:
        """Give the code a login needs from 4.9.8 on; it says when it was made."""
        return reply({"code": self._login_code(request.query.get("username", ""), int(time.time()) // 30)})

    def log_in(self, request: Request) -> Response:
        """Check name and password (plain, or the SHA-256 a browser sends)."""
        self._begin()
        body = request.json()
        name, given = str(body.get("username", "")), str(body.get("password", ""))
        try:
            stored = self._fastgpt.mongo.stored_password(name)
        except MongoError as error:
            return self._failure(request, str(error))
        if stored is None and self._generation.tells_unregistered_user:
            return reply(code=500, message="用户未注册")
        hashes = {password_hash(given), hashlib.sha256(given.encode()).hexdigest()}
        now = int(time.time()) // 30
        code_wrong = self._generation.needs_login_code and body.get("code") not in (
            self._login_code(name, now),
            self._login_code(name, now - 1),
        )
        if stored not in hashes or code_wrong:
            return reply(
                code=500, message="密码错误" if self._generation.tells_unregistered_user else "账号名或密码错误"
            )
        token = hashlib.sha256(f"{name}{time.time()}".encode()).hexdigest()
        self._sessions[token] = name
        return reply({"user": {"username": name}, "token": token})

    def _login_code(self, name: str, period: int) -> str:
        secret = self._fastgpt.environment.get("TOKEN_KEY", "any")
        return hashlib.sha256(f"{name}{secret}{period}".encode()).hexdigest()[:6]

    def administrate(self, request: Request) -> Response:
        """Run an upgrade's call that carries the root key."""
        if request.headers.get("rootkey") != self._fastgpt.environment.get("ROOT_KEY"):
            refused = reply(code=403, message="凭证错误", status_text="unAuthorization")
            return Response(refused.body, self._generation.wrong_key_status)
        self._begin()
        call = upgrades.call_of(request.path)
        if call is None or call.release > self._generation.version:
            return Response("<!DOCTYPE html><html><body>404: This page could not be found.</body></html>", 404)
        if refusal := self._refusal():
            return refusal
        run = Run(self._fastgpt, call, request)
        if "drop" not in self._fastgpt.faults:
            return run.answer()
        threading.Thread(target=run.answer, daemon=True).start()
        time.sleep(1)
        run.log_end(closed=True)
        sys.exit()  # ends this connection's thread: it is closed without an answer, and the call goes on

    def search(self, request: Request) -> Response:
        """Embed the text at the model endpoint and look for the nearest vectors."""
        self._begin()
        if refusal := self._refusal():
            return refusal
        if self._fastgpt.vectors is None:
            return self._failure(request, "PG_URL is not set")
        body = request.json()
        try:
            vector = self._models.embed(str(body.get("text", "")), str(body.get("model", "")))
            began = time.monotonic()
            rows = self._fastgpt.vectors.search(vector)
        except (VectorError, ModelError, MongoError) as error:
            return self._failure(request, str(error))
        self._models.note_search(began)
        return reply({"list": [{"id": row[0], "collectionId": row[1]} for row in rows]})

    def chat(self, request: Request) -> Response:
        """Pass a chat to the model endpoint and its answer back."""
        self._begin()
        if refusal := self._refusal():
            return refusal
        try:
            answer, kind = self._models.chat(request.json())
        except (ModelError, MongoError) as error:
            return self._failure(request, str(error))
        return Response(answer.encode(), headers={"Content-Type": kind})

    # models, from the release on that keeps them in Mongo ---------------------------------------------

    def list_models(self, request: Request) -> Response:
        """List the models that were ever set up, switched on or not."""
        if not self._is_root(request):
            return reply(code=403, message="凭证错误", status_text="unAuthorization")
        stored = self._fastgpt.mongo.models()
        return reply([{"model": name, **entry} for name, entry in stored.items()])

    def model(self, request: Request) -> Response:
        """Give a model's settings; nothing where there is none of that name."""
        if not self._is_root(request):
            return reply(code=403, message="凭证错误", status_text="unAuthorization")
        name = request.query.get("model", "")
        stored = self._fastgpt.mongo.models()
        return reply({"model": name, **stored[name]} if name in stored else None)

    def update_model(self, request: Request) -> Response:
        """Change some settings of a model, those that are null are taken out; one that is not known is added."""
        if not self._is_root(request):
            return reply(code=403, message="凭证错误", status_text="unAuthorization")
        body = request.json()
        try:
            self._fastgpt.mongo.save_model(str(body.get("model", "")), body.get("metadata") or {})
        except MongoError as error:
            return self._failure(request, str(error))
        return reply({})

    def _is_root(self, request: Request) -> bool:
        return self._sessions.get(request.headers.get("token", "")) == "root"

    def _failure(self, request: Request, message: str) -> Response:
        newest = self._generation.version >= (4, 14, 7)
        frame = "API response error" if newest else f"Api response error: {request.path}, {message}"
        self._fastgpt.log.error(frame, {"url": request.path, "message": message} if newest else {"message": message})
        return reply(code=500, message=message)


class Run:
    """One call of an upgrade, logged as the generation logs its requests."""

    def __init__(self, fastgpt: FastGPT, call: upgrades.Call, request: Request) -> None:
        self._fastgpt = fastgpt
        self._call = call
        self._request = request
        self._began = time.monotonic()
        self._closed = False
        self._newest = fastgpt.generation.logs_requests
        if self._newest:
            fastgpt.log.info(f"[{request.method}] {request.path}", category="http:request")

    def answer(self) -> Response:
        """Do the work and give the reply."""
        try:
            data = self._fastgpt.run_call(self._call, self._request.json())
        except MongoError as error:
            message = str(error)
            line = "API response error" if self._newest else f"Api response error: {self._request.path}, {message}"
            self._fastgpt.log.error(line, {"url": self._request.path, "message": message}, "http:error")
            return reply(code=500, message=message)
        self.log_end()
        return reply(data)

    def log_end(self, closed: bool = False) -> None:
        """Log the end of the request; the newest generation logs the loss of the connection, and then no end."""
        milliseconds = round((time.monotonic() - self._began) * 1000)
        if self._newest:
            if self._closed:
                return
            self._closed = closed
            line = f"[{self._request.method}] {self._request.path} - 200 in {milliseconds}ms"
            self._fastgpt.log.info(line, category="http:response")
        elif milliseconds >= 2000 and not closed:  # quicker ones are logged at the level Debug
            self._fastgpt.log.warn(f"Request finish {self._request.path}, time: {milliseconds}ms")
