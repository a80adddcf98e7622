# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules gateway and app_model, run as a whole on services of the test, and the way back.

The services behave as One API, AI Proxy and FastGPT do as far as their administrators' calls go, over HTTP.
"""

from __future__ import annotations

import contextlib
import copy
import email.message
import hashlib
import http.server
import json
import pathlib
import re
import threading
import types
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal, _settings, _undo
from ansible_collections.fastgpt.ops.plugins.modules import app_model, gateway

Json = t.Dict[str, t.Any]
Headers = email.message.Message
PASSWORD = "a password of the test"
TOKEN = "an access token of the test"
KEY = "a key of the test"
PROVIDER_KEY = "sk-of-a-provider-in-the-test"


class Reply(t.NamedTuple):
    """What a fake answers."""

    body: t.Any
    status: int = 200
    headers: t.Mapping[str, str] = types.MappingProxyType({})


class Fake:
    """What the services share; ``calls`` has the writes made, as METHOD PATH."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def answer(self, method: str, path: str, headers: Headers, body: Json) -> Reply:
        raise NotImplementedError


def ok(data: t.Any = None) -> Reply:
    return Reply({"success": True, "message": "", "data": data})


def no(message: str, status: int = 200) -> Reply:
    return Reply({"success": False, "message": message}, status)


class FakeOneApi(Fake):
    """One API 0.6: zero values of users and channels are skipped, a token is written whole."""

    def __init__(self) -> None:
        super().__init__()
        self.user: Json = {"id": 1, "username": "root", "status": 1, "quota": 120, "group": "default", "role": 100}
        self.token: Json = {
            "id": 1,
            "user_id": 1,
            "key": "k" * 48,
            "name": "fastgpt",
            "status": 1,
            "expired_time": -1,
            "remain_quota": 900,
            "unlimited_quota": False,
            "models": None,
            "subnet": "",
        }
        self.channels: dict[int, Json] = {
            1: {"id": 1, "name": "openai", "type": 1, "status": 2, "models": "gpt-4o,bge-m3", "group": "default"}
        }
        self.has_topup = True

    def answer(self, method: str, path: str, headers: Headers, body: Json) -> Reply:
        if path == "/api/user/login":
            if body != {"username": "root", "password": PASSWORD}:
                return no("用户名或密码错误，或用户已被封禁")
            reply = ok({"id": 1, "username": "root"})
            return Reply(reply.body, 200, {"Set-Cookie": "session=abc; Path=/; HttpOnly"})
        if headers.get("Authorization") != TOKEN and "session=abc" not in str(headers.get("Cookie")):
            return no("无权进行此操作，access token 无效")
        plain, _question, query = path.partition("?")
        kind = plain.split("/")[2]
        if method == "GET":
            return self._read(kind, plain, query)
        self.calls.append(f"{method} {path}")
        return {"topup": self._topup, "user": self._user, "token": self._token, "channel": self._channel}[kind](
            method, path, body
        )

    def _read(self, kind: str, path: str, query: str) -> Reply:
        if path.endswith("/"):
            return ok(list(self.channels.values()) if query == "p=0" else [])
        number = int(path.rpartition("/")[2])
        found = self.channels.get(number) if kind == "channel" else {1: getattr(self, kind)}.get(number)
        return ok(dict(found)) if found else no("record not found")

    def _topup(self, _method: str, _path: str, body: Json) -> Reply:
        if not self.has_topup:
            return Reply({"error": {"message": "Invalid URL (POST /api/topup)"}}, 404)
        self.user["quota"] += body["quota"]
        return ok()

    def _user(self, _method: str, _path: str, body: Json) -> Reply:
        self.user.update({name: value for name, value in body.items() if value})
        return ok()

    def _token(self, _method: str, path: str, body: Json) -> Reply:
        exhausted = self.token["remain_quota"] <= 0 and not self.token["unlimited_quota"]
        if body.get("status") == 1 and self.token["status"] == 4 and exhausted:
            return no("令牌可用额度已用尽，无法启用，请先修改令牌剩余额度，或者设置为无限额度")
        if path.endswith("?status_only=true"):
            self.token["status"] = body["status"]
        else:
            names = ("name", "expired_time", "remain_quota", "unlimited_quota", "models", "subnet")
            self.token.update({name: body.get(name) for name in names})
        return ok(self.token)

    def _channel(self, method: str, path: str, body: Json) -> Reply:
        if method == "DELETE":
            del self.channels[int(path.rpartition("/")[2])]
        elif method == "POST":
            number = max(self.channels, default=0) + 1
            self.channels[number] = {"group": "default", **body, "id": number}
        else:
            self.channels[body["id"]].update({name: value for name, value in body.items() if value})
        return ok()


class FakeAiProxy(Fake):
    """AI Proxy: a channel is written whole, but for its status."""

    def __init__(self) -> None:
        super().__init__()
        self.channel: Json = {"id": 7, "name": "local", "type": 1, "status": 2, "models": ["qwen"], "key": PROVIDER_KEY}
        self.channel.update(base_url="http://model:8080/v1", sets=None)

    def answer(self, method: str, path: str, headers: Headers, body: Json) -> Reply:
        if headers.get("Authorization") != KEY:
            return no("unauthorized, no access token provided", 401)
        if method == "GET":
            return ok([dict(self.channel)])
        self.calls.append(f"{method} {path}")
        if path.endswith("/status"):
            self.channel["status"] = body["status"]
        else:
            names = ("name", "type", "key", "base_url", "models", "sets")
            self.channel.update({name: body.get(name) for name in names})
        return Reply({"success": True})


class FakeFastGpt(Fake):
    """FastGPT: root logs in with the hash of its password and a code; null takes a setting out."""

    def __init__(self, has_code: bool = True) -> None:
        super().__init__()
        self.models: dict[str, Json] = {"gpt/4o": {"toolChoice": True, "maxContext": 4, "requestAuth": PROVIDER_KEY}}
        self.has_code = has_code

    def answer(self, method: str, path: str, headers: Headers, body: Json) -> Reply:
        plain, _question, query = path.partition("?")
        if plain.endswith("/preLogin"):
            page = Reply("<!DOCTYPE html><title>404: This page could not be found</title>", 404)
            return self._well({"code": "c0de"}) if self.has_code else page
        if plain.endswith("/loginByPassword"):
            wanted = {"username": "root", "password": hashlib.sha256(PASSWORD.encode()).hexdigest()}
            is_right = body == (dict(wanted, code="c0de") if self.has_code else wanted)
            return (
                self._well({"token": "t0ken"}) if is_right else Reply({"code": 500, "message": "账号名或密码错误"}, 500)
            )
        if headers.get("token") != "t0ken":
            return Reply({"code": 403, "statusText": "unAuthorization", "message": "凭证错误"}, 500)
        if method == "GET":
            name = query.partition("model=")[2].replace("%2F", "/")
            return self._well({"model": name, **self.models[name]} if name in self.models else None)
        self.calls.append(f"{method} {plain}")
        stored = {**self.models[body["model"]], **body["metadata"]}
        self.models[body["model"]] = {name: value for name, value in stored.items() if value is not None}
        return self._well({})

    @staticmethod
    def _well(data: t.Any) -> Reply:
        return Reply({"code": 200, "statusText": "", "message": "", "data": data})


@contextlib.contextmanager
def served(fake: Fake) -> t.Iterator[str]:
    """Serve a fake; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            reply = fake.answer(self.command, re.sub(r"^https?://[^/]*", "", self.path), self.headers, body)
            data = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of the library

        def log_message(self, *_arguments: t.Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


Run = t.Callable[..., Json]
LOGIN = {"oneapi_user": "root", "oneapi_password": PASSWORD}
KINDS: dict[type[Fake], str] = {FakeOneApi: "oneapi", FakeAiProxy: "aiproxy"}
KEYS: dict[type[Fake], Json] = {FakeOneApi: LOGIN, FakeAiProxy: {"aiproxy_key": KEY}}


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module on a service; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))

    def start(fake: Fake, **params: t.Any) -> Json:
        with served(fake) as url:
            if isinstance(fake, FakeFastGpt):
                module: t.Any = app_model
                wanted: Json = {"model": "gpt/4o", "root_password": PASSWORD}
            else:
                module = gateway
                wanted = {"kind": KINDS[type(fake)], "credentials": KEYS[type(fake)]}
            with patch_module_args({"url": url, **wanted, **params}), pytest.raises(SystemExit):
                module.main()
        printed = capsys.readouterr().out
        assert not any(secret in printed for secret in (PASSWORD, TOKEN, KEY, PROVIDER_KEY, "k" * 48))
        return t.cast("Json", json.loads(printed))

    return start


def undo(fake: Fake, run_id: str, credentials: Json) -> list[str | None]:
    """Undo a run; gives why each change was refused. The service has another port by now."""
    journal = _journal.Journal()
    changes = journal.changes(run_id)
    with served(fake) as url:
        for change in changes:
            change.undo["where"]["url"] = url
        return [outcome.refused for outcome in _undo.undo(journal, changes, credentials=credentials)]


def fields_of(result: Json) -> list[tuple[str, str]]:
    """Give the fields that a diff shows, before and after."""
    diffs = result["diff"] if isinstance(result["diff"], list) else [result["diff"]]
    return [(diff["before"], diff["after"]) for diff in diffs]


TOKEN_SPENT = {"status": 4, "remain_quota": 0}
CASES: list[tuple[t.Callable[[], Fake], Json, Json, str, Json, Json]] = [
    (FakeOneApi, {}, {"user": {"id": 1, "quota": 5000}}, "user", {"quota": 120}, {"quota": 5000}),
    (
        FakeOneApi,
        {"token": TOKEN_SPENT},
        {"token": {"id": 1, "quota": 5000, "enabled": True}},
        "token",
        TOKEN_SPENT,
        {"status": 1, "remain_quota": 5000},
    ),
    (
        FakeOneApi,
        {"token": {"status": 3, "expired_time": 1000}},
        {"token": {"id": 1, "enabled": True}},
        "token",
        {"status": 3, "expired_time": 1000},
        {"status": 1, "expired_time": -1},
    ),
    (
        FakeOneApi,
        {"token": {"models": "qwen"}},
        {"token": {"id": 1, "models": ["gpt-4o"]}},
        "token",
        {"models": "qwen"},
        {"models": "qwen,gpt-4o"},
    ),
    (FakeOneApi, {"user": {"status": 2}}, {"user": {"id": 1, "enabled": True}}, "user", {"status": 2}, {"status": 1}),
    (
        FakeAiProxy,
        {},
        {"channels": [{"id": 7, "enabled": True, "models": ["gpt-4o"]}]},
        "channel",
        {"status": 2, "models": ["qwen"], "key": PROVIDER_KEY},
        {"status": 1, "models": ["qwen", "gpt-4o"], "key": PROVIDER_KEY},
    ),
    (
        FakeFastGpt,
        {},
        {"switches": {"toolChoice": False}},
        "models",
        {"gpt/4o": {"toolChoice": True, "maxContext": 4, "requestAuth": PROVIDER_KEY}},
        {"gpt/4o": {"toolChoice": False, "maxContext": 4, "requestAuth": PROVIDER_KEY}},
    ),
]


@pytest.mark.parametrize(
    ("make", "broken", "params", "part", "before", "after"),
    CASES,
    ids=["user", "token spent", "token expired", "token's models", "user off", "AI Proxy's channel", "FastGPT's model"],
)
def test_predicted_done_left_alone_and_undone(
    run: Run, make: t.Callable[[], Fake], broken: Json, params: Json, part: str, before: Json, after: Json
) -> None:
    fake = make()
    for name, fields in broken.items():
        getattr(fake, name).update(fields)
    whole = copy.deepcopy(getattr(fake, part))

    predicted = run(fake, _ansible_check_mode=True, _ansible_diff=True, **params)
    assert (predicted["changed"], fake.calls, getattr(fake, part)) == (True, [], whole)
    assert not _journal.Journal().changes()

    done = run(fake, run_id="r1", **params)
    assert fields_of(done) == fields_of(predicted)
    assert getattr(fake, part) == {**whole, **after}
    assert run(fake, run_id="r2", **params)["changed"] is False

    credentials = {**LOGIN, "aiproxy_key": KEY, "root_password": PASSWORD}
    assert set(undo(fake, "r1", credentials)) == {None}
    assert getattr(fake, part) == {**whole, **before}
    assert PROVIDER_KEY not in pathlib.Path(_journal.Journal().path).read_text("utf-8")


def test_the_diff_names_what_changes(run: Run) -> None:
    result = run(FakeOneApi(), channels=[{"id": 1, "enabled": True, "groups": ["vip"]}])
    assert fields_of(result) == [("groups: default\nstatus: 2\n", "groups: default, vip\nstatus: 1\n")]
    assert result["diff"][0]["after_header"].endswith(": channel 1 (openai)")


def test_what_was_spent_meanwhile_stays_spent(run: Run) -> None:
    fake = FakeOneApi()
    run(fake, run_id="r1", user={"id": 1, "quota": 5000})
    fake.user["quota"] -= 100
    undo(fake, "r1", LOGIN)
    assert fake.user["quota"] == 20


def test_a_balance_of_nothing_is_put_back_as_less_than_nothing(run: Run) -> None:
    """One API takes zero for 'leave it as it is'."""
    fake = FakeOneApi()
    fake.user["quota"] = 0
    run(fake, run_id="r1", user={"id": 1, "quota": 5000})
    assert undo(fake, "r1", LOGIN) == [None]
    assert fake.user["quota"] == -1


def test_without_the_call_that_adds_the_user_is_written(run: Run) -> None:
    fake = FakeOneApi()
    fake.has_topup = False
    run(fake, user={"id": 1, "quota": 5000})
    assert (fake.user["quota"], fake.user["username"]) == (5000, "root")


def test_a_channel_is_added_once_and_taken_away_again(run: Run) -> None:
    fake = FakeOneApi()
    channel = {"name": "qwen", "type": 17, "key": PROVIDER_KEY, "models": ["qwen-max", "qwen-plus"]}
    assert run(fake, _ansible_check_mode=True, add_channel=channel)["changed"] is True
    assert list(fake.channels) == [1]
    run(fake, run_id="r1", add_channel=channel)
    assert (fake.channels[2]["models"], fake.channels[2]["key"]) == ("qwen-max,qwen-plus", PROVIDER_KEY)
    assert run(fake, add_channel=channel)["changed"] is False
    assert undo(fake, "r1", LOGIN) == [None]
    assert list(fake.channels) == [1]


def test_an_access_token_does_as_well(run: Run) -> None:
    fake = FakeOneApi()
    assert run(fake, credentials={"oneapi_token": TOKEN}, user={"id": 1, "quota": 5000})["changed"] is True


def test_before_4_9_8_a_login_has_no_code(run: Run) -> None:
    assert run(FakeFastGpt(has_code=False), switches={"toolChoice": False})["changed"] is True


@pytest.mark.parametrize(
    ("fake", "params", "words"),
    [
        (FakeOneApi(), {"credentials": {}, "user": {"id": 1}}, "fastgpt_oneapi_password"),
        (
            FakeOneApi(),
            {"credentials": {"oneapi_user": "root", "oneapi_password": "wrong"}, "user": {"id": 1}},
            "用户名或密码错误",
        ),
        (FakeOneApi(), {"token": {"id": 9}}, "belongs to another user"),
        (FakeAiProxy(), {"credentials": {}, "channels": [{"id": 7}]}, "fastgpt_aiproxy_key"),
        (FakeAiProxy(), {"credentials": {"aiproxy_key": "wrong"}, "channels": [{"id": 7}]}, "no access token provided"),
        (FakeAiProxy(), {"token": {"id": 1}}, "AI Proxy has no token"),
        (FakeFastGpt(), {"root_password": "wrong", "switches": {"toolChoice": False}}, "账号名或密码错误"),
        (FakeFastGpt(), {"model": "other", "switches": {"toolChoice": False}}, "no model other"),
        (FakeFastGpt(), {"switches": {"toolChoice": "no"}}, "switches are true or false"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_says_why(run: Run, fake: Fake, params: Json, words: str) -> None:
    result = run(fake, **params)
    assert (result["failed"], fake.calls) == (True, [])
    assert words in result["msg"]


def test_undoing_asks_for_the_login(run: Run) -> None:
    fake = FakeOneApi()
    run(fake, run_id="r1", user={"id": 1, "quota": 5000})
    (refused,) = undo(fake, "r1", {})
    assert "fastgpt_oneapi_password" in str(refused)
    assert undo(fake, "r1", LOGIN) == [None]


def test_what_somebody_changed_since_is_left(run: Run) -> None:
    fake = FakeOneApi()
    run(fake, run_id="r1", channels=[{"id": 1, "enabled": True}])
    fake.channels[1]["status"] = 3
    (refused,) = undo(fake, "r1", LOGIN)
    assert "changed by somebody since" in str(refused)
    assert fake.channels[1]["status"] == 3


def test_a_change_that_was_never_made_is_undone_by_doing_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run was killed after it had written the change down."""
    fake = FakeOneApi()

    def die(*_arguments: t.Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(_settings.Service, "change", die)
        patch.setattr(gateway.OneApi, "change", die)
        with pytest.raises(json.JSONDecodeError):
            run(fake, run_id="r1", user={"id": 1, "quota": 5000}, channels=[{"id": 1, "enabled": True}])
    assert [change.status for change in _journal.Journal().changes("r1")] == ["planned"]
    assert undo(fake, "r1", LOGIN) == [None]
    assert (fake.user["quota"], fake.calls) == (120, [])
