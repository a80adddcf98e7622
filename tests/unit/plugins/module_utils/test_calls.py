# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that are made once: to a real server, in a process of their own."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import threading
import time
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _calls as calls
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import DONE, Change, Journal

from .conftest import Answer

# the module itself has one thread only
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

PATH = "/api/admin/initv4818"
GOOD = '{"code": 200, "data": {"success": true}}'


class Service:
    """A service that counts what it is asked; ``reply`` None closes the connection without one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, bytes]] = []
        self.reply: tuple[int, str] | None = (200, GOOD)
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                service.asked.append((self.path, self.headers.get("rootkey"), body))
                if service.reply is None:
                    return  # the connection is closed without one
                status, text = service.reply
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> t.Iterator[Service]:
    running = Service()
    yield running
    running.close()


@pytest.fixture
def journal(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    return Journal()


def call_to(port: int, body: dict[str, t.Any] | None = None) -> calls.Call:
    return calls.Call("4.8.18 x", "fastgpt", [("127.0.0.1", port)], "POST", PATH, {"rootkey": "k"}, body, 5.0, 5.0)


def planned(journal: Journal, run_id: str = "r1") -> Change:
    return journal.plan(run_id, "", calls.ACTION, "4.8.18 x")


def ended(journal: Journal, change: Change, call: calls.Call) -> calls.State:
    """Wait until the call's own process has written its end: to its record and, where it was good, to the journal."""
    for _try in range(100):
        state = calls.state_of(journal, change, call)
        written = journal.changes()[-1].status == DONE or state.status != calls.ENDED
        if state.status not in (calls.WAITING, calls.RUNNING) and written:
            return state
        time.sleep(0.05)
    raise AssertionError("the call did not end")


def docker_says(docker: Answer, log: str, started: str = "2026-01-01T00:00:00Z") -> None:
    docker("inspect --format", started + "\n")
    docker("logs", log)


def test_a_call_is_made_once_and_written_down(journal: Journal, service: Service) -> None:
    change, call = planned(journal), call_to(service.port, {"dryRun": False})
    calls.begin(journal, change, call)
    state = ended(journal, change, call)
    assert (state.status, state.http_status, state.reply) == (calls.ENDED, 200, GOOD)
    assert service.asked == [(PATH, "k", b'{"dryRun": false}')]
    assert [c.status for c in journal.changes()] == [DONE]

    calls.begin(journal, change, call)
    assert len(service.asked) == 1
    found = calls.find(journal, "4.8.18 x", "another run")
    assert found and found.run_id == "r1"


@pytest.mark.parametrize(
    ("status", "reply", "words"),
    [
        (500, '{"code": 403, "message": "凭证错误"}', "403: 凭证错误"),
        (200, '{"code": 500, "message": "no"}', "500: no"),
        (200, '{"success": false, "message": "bad dsn"}', "200: bad dsn"),
        (404, "<html>", "404: this release has no such call"),
        (502, "<html>bad gateway", "HTTP status 502: <html>bad gateway"),
    ],
)
def test_a_refusal_is_told_in_the_services_words(
    journal: Journal, service: Service, status: int, reply: str, words: str
) -> None:
    service.reply = (status, reply)
    change, call = planned(journal), call_to(service.port)
    calls.begin(journal, change, call)
    assert ended(journal, change, call).message == words
    assert [c.status for c in journal.changes()] == ["planned"]


def test_a_call_nobody_takes_was_not_sent(journal: Journal, service: Service) -> None:
    service.close()
    change, call = planned(journal), call_to(service.port)
    calls.begin(journal, change, call)
    state = ended(journal, change, call)
    assert state.status == calls.FAILED and "Connection refused" in state.message


@pytest.mark.parametrize(
    ("log", "started", "status"),
    [
        (f"[Warn] Request finish {PATH}, time: 17830ms", "2026-01-01T00:00:00Z", calls.ENDED),
        (f"[Error] Api response error: {PATH}, no", "2026-01-01T00:00:00Z", calls.FAILED),
        (f"ERR http:error  API response error: {{ url: '{PATH}' }}", "2026-01-01T00:00:00Z", calls.FAILED),
        ("Success: 500", "2999-01-01T00:00:00Z", calls.UNKNOWN),
        (f"[POST] {PATH} - 200 in 1001ms", "2999-01-01T00:00:00Z", calls.UNKNOWN),
    ],
    ids=["finished", "refused", "refused, newest", "restarted", "the loss of the connection is no end"],
)
def test_without_a_reply_the_log_tells_the_end(
    journal: Journal, service: Service, docker: Answer, log: str, started: str, status: str
) -> None:
    docker_says(docker, log, started)
    service.reply = None
    change, call = planned(journal), call_to(service.port)
    calls.begin(journal, change, call)
    assert ended(journal, change, call).status == status
    assert len(service.asked) == 1


def test_a_call_whose_process_was_killed_is_not_made_again(journal: Journal, service: Service, docker: Answer) -> None:
    docker_says(docker, "Success: 500")
    change, call = planned(journal), call_to(service.port)
    record = calls.Record(journal, change)
    record.write(calls.State(calls.RUNNING, began=time.time()))  # and nobody holds its lock
    assert calls.state_of(journal, change, call).status == calls.RUNNING
    calls.begin(journal, change, call)
    assert service.asked == []

    docker_says(docker, "")  # the first answer counts; only the file is looked at here
    record.write(calls.State(calls.FAILED, began=time.time(), message="no"))
    assert calls.state_of(journal, change, call).status == calls.FAILED


def test_a_call_killed_before_it_was_sent_is_made(journal: Journal, service: Service) -> None:
    change, call = planned(journal), call_to(service.port)
    calls.Record(journal, change).write(calls.State(calls.WAITING))
    calls.begin(journal, change, call)
    assert ended(journal, change, call).status == calls.ENDED


def test_a_call_that_was_undone_may_be_made_again(journal: Journal) -> None:
    change = planned(journal)
    assert calls.find(journal, "4.8.18 x", "r1")
    assert calls.find(journal, "4.8.18 x", "r2") is None
    journal.mark(change, DONE)
    assert calls.find(journal, "4.8.18 x", "r2")
    journal.mark(change, "undone")
    assert calls.find(journal, "4.8.18 x", "r1") is None


def test_the_record_is_for_its_owner_only(journal: Journal, service: Service) -> None:
    change, call = planned(journal), call_to(service.port)
    calls.begin(journal, change, call)
    ended(journal, change, call)
    folder = pathlib.Path(journal.folder) / "calls"
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    assert json.loads(next(folder.glob("*.json")).read_text())["status"] == "done"
    assert os.listdir(folder)
