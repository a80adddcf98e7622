# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""News reach a real HTTP server in each receiver's own form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import typing as t
import urllib.parse

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import build
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule import news, notify
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule.config import Target

from tests.unit.plugins.plugin_utils.report import sample

KINDS = ("webhook", "feishu", "dingtalk", "wecom", "slack")
GOOD: dict[str, t.Any] = {
    "webhook": "",
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "slack": "ok",
}


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it got; answers what the test laid ready, then well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, t.Any]]] = []
        self.answers: list[tuple[int, t.Any]] = []
        self.kind = "webhook"

    def target(self, kind: str, secret: str | None = None) -> Target:
        self.kind = kind
        return Target(kind, f"http://127.0.0.1:{self.server_port}/hook?access_token=TOKEN", secret)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, body))
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, GOOD[self.server.kind])
        self.send_response(status)
        self.end_headers()
        self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())

    def log_message(self, *_words: t.Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> t.Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def some_news(lang: str = "en", hosts: int = 1) -> news.News:
    return news.compare({}, sample.report(*(sample.broken(f"web{n}") for n in range(hosts)), lang=lang))


def text_of(kind: str, body: dict[str, t.Any]) -> str:
    """Where each receiver's form has the text."""
    if kind == "webhook":
        return "\n".join(f"{item['host']}: {item['text']}" for item in body["items"])
    if kind == "feishu":
        return str(body["card"]["elements"][0]["content"])
    if kind == "slack":
        return str(body["blocks"][1]["text"]["text"])
    return str(body["markdown"]["text" if kind == "dingtalk" else "content"])


@pytest.mark.parametrize("kind", KINDS)
def test_news_arrive_once_in_the_receivers_form(receiver: Receiver, kind: str) -> None:
    notify.send(receiver.target(kind), some_news())
    ((_path, body),) = receiver.got
    assert f"web0: {sample.KEYFILE.title['en']}" in text_of(kind, body)
    marks = {
        "webhook": ("event", "fastgpt.ops.news"),
        "feishu": ("msg_type", "interactive"),
        "dingtalk": ("msgtype", "markdown"),
        "wecom": ("msgtype", "markdown"),
        "slack": ("text", some_news().title),
    }
    key, value = marks[kind]
    assert body[key] == value


@pytest.mark.parametrize("kind", KINDS)
def test_much_news_keep_to_the_receivers_size_and_are_counted(receiver: Receiver, kind: str) -> None:
    notify.send(receiver.target(kind), some_news("zh", hosts=300))
    body = receiver.got[0][1]
    if kind == "webhook":
        assert len(body["items"]) == 600
        return
    text = text_of(kind, body)
    assert "另有" in text
    assert len(text.encode()) <= {"wecom": 4096, "slack": 3000}.get(kind, 20_000)


def test_feishu_is_signed_as_its_docs_say(receiver: Receiver) -> None:
    notify.send(receiver.target("feishu", "KEY"), some_news())
    body = receiver.got[0][1]
    key = f"{body['timestamp']}\nKEY".encode()
    assert body["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


def test_dingtalk_is_signed_in_its_address(receiver: Receiver) -> None:
    notify.send(receiver.target("dingtalk", "SECKEY"), some_news())
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(receiver.got[0][0]).query)
    text = f"{query['timestamp'][0]}\nSECKEY".encode()
    assert query["sign"][0] == base64.b64encode(hmac.new(b"SECKEY", text, hashlib.sha256).digest()).decode()
    assert query["access_token"] == ["TOKEN"]
    assert len(query["timestamp"][0]) == 13  # milliseconds


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("webhook", (503, "")),
        ("slack", (429, "rate_limited")),
        ("feishu", (200, {"code": 11232, "msg": "frequency limited"})),
        ("dingtalk", (200, {"errcode": 130101, "errmsg": "send too fast"})),
        ("wecom", (200, {"errcode": 45009, "errmsg": "api freq out of limit"})),
    ],
)
def test_busy_receiver_is_tried_again(receiver: Receiver, kind: str, answer: tuple[int, t.Any]) -> None:
    receiver.answers = [answer, answer]
    waited: list[float] = []
    notify.send(receiver.target(kind), some_news(), waited.append)
    assert len(receiver.got) == 3
    assert waited == [2.0, 4.0]


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("webhook", (404, ""), "HTTP 404"),
        ("feishu", (200, {"code": 19021, "msg": "sign match fail"}), "code 19021: sign match fail"),
        ("dingtalk", (200, {"errcode": 310000, "errmsg": "keywords not in content"}), "keywords not in content"),
        ("wecom", (200, {"errcode": 93000, "errmsg": "invalid webhook url"}), "code 93000"),
        ("wecom", (200, "<html>"), "not JSON"),
    ],
)
def test_refusal_is_final_and_told_without_the_address(
    receiver: Receiver, kind: str, answer: tuple[int, t.Any], words: str
) -> None:
    receiver.answers = [answer]
    with pytest.raises(notify.NotifyError) as error:
        notify.send(receiver.target(kind), some_news())
    assert words in str(error.value)
    assert "TOKEN" not in str(error.value)
    assert len(receiver.got) == 1


def test_absent_receiver_is_tried_to_the_end(receiver: Receiver) -> None:
    receiver.server_close()
    waited: list[float] = []
    with pytest.raises(notify.NotifyError, match="not sent after 4 tries: ConnectionRefusedError"):
        notify.send(Target("slack", f"http://127.0.0.1:{receiver.server_port}/TOKEN"), some_news(), waited.append)
    assert waited == [2.0, 4.0, 8.0]


# --- what is news at all


def kinds(told: dict[str, t.Any], report: dict[str, t.Any]) -> list[tuple[str, str, str | None]]:
    return [(item.kind, item.host, item.finding) for item in news.compare(told, report).items]


def test_the_unchanged_is_not_told_again() -> None:
    report = sample.report()
    assert kinds(news.told_of(report), report) == []


def test_roots_are_told_and_their_consequences_are_not() -> None:
    assert kinds({}, sample.report(sample.broken("a"))) == [
        ("found", "a", "mongo-keyfile-permissions"),
        ("found", "a", "image-tag-floating"),
    ]


def test_what_went_and_who_was_lost_and_came_back_is_told() -> None:
    before = news.told_of(sample.report(sample.broken("a"), sample.healthy("b"), sample.unreachable("c", "no route")))
    after = sample.report(sample.healthy("a"), sample.unreachable("b", "timed out"), sample.healthy("c"))
    assert kinds(before, after) == [
        ("lost", "b", None),
        ("gone", "a", "mongo-keyfile-permissions"),
        ("gone", "a", "image-tag-floating"),
        ("back", "c", None),
    ]


def test_a_fix_that_does_not_help_is_told_once() -> None:
    report = sample.report(sample.warned("a"))
    report["hosts"][0]["findings"][0] |= {"status": "rolled_back", "message": ["still there"]}
    (item,) = news.compare({}, report).items
    assert (item.kind, item.text) == ("rolled_back", "Floating image tag (still there)")
    assert kinds(news.told_of(report), report) == []


def test_a_fix_is_told_with_its_proof() -> None:
    report = sample.report(sample.warned("a"))
    told = news.told_of(report)
    report["hosts"][0]["findings"][0] |= {"status": "fixed", "proof": "pinned"}
    (item,) = news.compare(told, report).items
    assert (item.kind, item.text) == ("fixed", "Floating image tag (pinned)")


def test_a_waived_finding_is_no_news_until_its_waiver_is_over() -> None:
    report = sample.report(sample.warned("a"))
    report["hosts"][0]["findings"][0]["waived"] = {"reason": "known", "until": "2026-12-31"}
    assert kinds({}, report) == []
    told = news.told_of(report)
    del report["hosts"][0]["findings"][0]["waived"]
    assert kinds(told, report) == [("found", "a", "image-tag-floating")]
    assert build.reaches(report, "warning")
