# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Scheduled runs as users have them: cron itself starts the example of the documentation, again and again, and a fault
comes up between two runs.

FASTGPT_LAB_HOST names the host; a healthy one of stack g11, as it has no finding of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastgpt_lab.settings import load_hosts

from .conftest import ROOT, STATE, lab

needs_cron = pytest.mark.skipif(not shutil.which("cron") or os.geteuid() != 0, reason="needs cron, and root for it")
pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500), needs_cron]

HOSTS, DEFAULT_HOSTS = load_hosts()
HOST = os.environ.get("FASTGPT_LAB_HOST") or next(name for name in DEFAULT_HOSTS if HOSTS[name].stack == "g11")
EXAMPLES = ROOT / "docs/examples"
KINDS = ("feishu", "dingtalk", "wecom", "slack", "webhook")
SECRETS = {"feishu": "feishu-secret", "dingtalk": "dingtalk-secret"}
ANSWERS = {"feishu": {"code": 0}, "dingtalk": {"errcode": 0}, "wecom": {"errcode": 0}}
FINDING = "container-missing"
# cron with nothing but our file: its folders are covered, for it alone
CRON = """
mount --bind "$1/cron.d" /etc/cron.d && mount --bind "$1/empty" /var/spool/cron && mount --bind /dev/null /etc/crontab
mount -t tmpfs tmpfs /run && exec cron -f
"""


class Receivers(ThreadingHTTPServer):
    """All five kinds of receivers at one address, a path each; keeps what they were sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), Receiver)

    def address(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{kind}"


class Receiver(BaseHTTPRequestHandler):
    """Takes a message as the kind in its path does."""

    server: Receivers

    def do_POST(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        kind = address.path.strip("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((kind, dict(urllib.parse.parse_qsl(address.query)), body))
        answer = json.dumps(ANSWERS.get(kind, {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with Receivers() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class Schedule:
    """The example's cron job, its files in a folder; every run adds its exit code to a list."""

    def __init__(self, folder: Path, receivers: Receivers):
        self.folder = folder
        for name in ("cron.d", "empty", "reports"):
            (folder / name).mkdir()
        self.write_settings()
        (folder / "env").write_text(self._environment(receivers))
        wrapper = folder / "fastgpt-ops"
        wrapper.write_text(
            f'#!/bin/sh\necho 1 >>{folder}/starts\n{ROOT}/bin/fastgpt-ops "$@"\necho $? >>{folder}/codes\n'
        )
        wrapper.chmod(0o755)
        job = (EXAMPLES / "fastgpt-ops.cron").read_text("utf-8").replace("17 * * * *", "* * * * *")
        for place, ours in {
            "/opt/fastgpt-ops/bin/fastgpt-ops": str(wrapper),
            "/etc/fastgpt-ops/fleet.yml": f"{folder}/fleet.yml",
            "/etc/fastgpt-ops/env": f"{folder}/env",
            "/var/log/fastgpt-ops.log": f"{folder}/log",
        }.items():
            assert place in job
            job = job.replace(place, ours)
        (folder / "cron.d/fastgpt-ops").write_text(job)

    def write_settings(self, **changes: Any) -> None:
        """Write the example's settings, with the lab's host and without the windows, and what is given."""
        settings = yaml.safe_load((EXAMPLES / "fleet.yml").read_text("utf-8"))
        for name in ("windows", "approved_plan", "metrics"):
            del settings[name]
        settings |= {"inventory": str(STATE / "fleet.yml"), "limit": HOST, "lang": "en"}
        settings["notify"] = [
            {"type": kind, "url_env": f"{kind}_url".upper()}
            | ({"secret_env": f"{kind}_secret".upper()} if kind in SECRETS else {})
            for kind in KINDS
        ]
        (self.folder / "fleet.yml").write_text(yaml.safe_dump(settings | changes))

    @staticmethod
    def _environment(receivers: Receivers) -> str:
        lines = [f"{kind}_url".upper() + f"={receivers.address(kind)}" for kind in KINDS]
        lines += [f"{kind}_secret".upper() + f"={secret}" for kind, secret in SECRETS.items()]
        return "\n".join(lines) + "\n"

    def _numbers(self, name: str) -> list[int]:
        path = self.folder / name
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def next_code(self) -> int:
        """Let cron start the next run, and give its exit code."""
        before = len(self._numbers("codes"))
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", CRON, "sh", str(self.folder)]
        with subprocess.Popen(command, start_new_session=True) as cron:
            try:
                self._wait(lambda: len(self._numbers("starts")) > before, 90)
            finally:
                cron.terminate()  # one run is wanted; that which it began goes on
        self._wait(lambda: len(self._numbers("codes")) > before, 600)
        (code,) = self._numbers("codes")[before:]
        return code

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log()
            time.sleep(0.5)

    def log(self) -> str:
        """What the runs printed."""
        path = self.folder / "log"
        return path.read_text()[-4000:] if path.exists() else "cron started nothing"


@pytest.fixture
def schedule(tmp_path: Path, receivers: Receivers) -> Iterator[Schedule]:
    """The schedule of a host as it was deployed; as it was deployed afterwards too."""
    lab("reset", HOST)
    yield Schedule(tmp_path, receivers)
    lab("reset", HOST)


def test_a_fault_between_two_runs_of_cron_is_fixed_within_rights_and_told_once(
    schedule: Schedule, receivers: Receivers
) -> None:
    assert schedule.next_code() == 0, schedule.log()
    assert receivers.got == []  # a healthy host is no news

    lab("fault", "inject", HOST, FINDING)
    schedule.write_settings(allow=["safe"])
    assert schedule.next_code() == 2, schedule.log()  # found, and not allowed to be fixed
    assert sorted(kind for kind, _query, _body in receivers.got) == sorted(KINDS)
    receivers.got.clear()

    schedule.write_settings(allow=["safe", "restart"])
    assert schedule.next_code() == 0, schedule.log()
    assert sorted(kind for kind, _query, _body in receivers.got) == sorted(KINDS)
    for kind, query, body in receivers.got:
        check_message(kind, query, body)
    receivers.got.clear()

    assert schedule.next_code() == 0, schedule.log()
    assert receivers.got == []  # told once


def check_message(kind: str, query: dict[str, str], body: dict[str, Any]) -> None:
    """What each kind of receiver documents: its form, its signature; and that the host and its fix are told."""
    if kind == "feishu":
        assert body["msg_type"] == "interactive"
        text = body["card"]["elements"][0]["content"]
        assert body["sign"] == signature(f"{body['timestamp']}\n{SECRETS[kind]}", "")
    elif kind == "dingtalk":
        assert body["msgtype"] == "markdown" and body["markdown"]["title"]
        text = body["markdown"]["text"]
        assert query["sign"] == signature(SECRETS[kind], f"{query['timestamp']}\n{SECRETS[kind]}")
    elif kind == "wecom":
        assert body["msgtype"] == "markdown"
        text = body["markdown"]["content"]
        assert len(text.encode()) <= 4096
    elif kind == "slack":
        assert [block["type"] for block in body["blocks"]] == ["header", "section"]
        text = body["blocks"][1]["text"]["text"]
    else:
        assert (body["event"], body["summary"]["hosts"]) == ("fastgpt.ops.news", 1)
        assert [(item["kind"], item["finding"]) for item in body["items"] if item["finding"] == FINDING] == [
            ("fixed", FINDING)
        ]
        text = body["items"][0]["host"]
    assert HOST in text, (kind, body)


def signature(key: str, text: str) -> str:
    """The signature of Feishu's and DingTalk's bots."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
