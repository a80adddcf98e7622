# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long HTTP calls that are made once, whatever happens to the controller meanwhile. Private to the collection.

A process of its own on the host makes the call and holds the connection, for hours if need be; it writes down how the
call ended. Where the connection breaks and the call goes on in the service, the service's log tells the end.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import http.client
import json
import os
import re
import socket
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._docker import parse_time
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    Change,
    Journal,
    Lock,
    write_whole,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

Json = t.Dict[str, t.Any]

WAITING, RUNNING, ENDED, FAILED, UNKNOWN = "waiting", "running", "done", "failed", "unknown"
ACTION = "call"
"""What the journal calls it."""

_LOG_LIMIT = 1024 * 1024
_LOG_TIMEOUT = 20.0
_REPLY_KEPT = 64 * 1024
_POLL = 2.0


@dataclasses.dataclass(frozen=True)
class Call:
    """What is called.

    :ivar id: what the journal knows it by
    :ivar container: name of the container that serves it, whose log tells how it goes
    :ivar addresses: (host, port) pairs at which this host may reach it, the best first
    :ivar timeout: seconds the call may take, its end in the log included
    :ivar reply_timeout: seconds to hold the connection without a reply
    :ivar log_done: words in the service's log that say it is done, where the reply comes before that
    """

    id: str
    container: str
    addresses: t.Sequence[tuple[str, int]]
    method: str
    path: str
    headers: t.Mapping[str, str]
    body: Json | None
    timeout: float
    reply_timeout: float
    log_done: str | None = None


@dataclasses.dataclass
class State:
    """How a call stands.

    :ivar status: waiting (not sent yet), running, done, failed or unknown (nobody can say how it ended)
    :ivar began: when it was sent, seconds since the epoch
    :ivar reply: what the service answered, as text
    """

    status: str
    began: float = 0.0
    ended: float = 0.0
    http_status: int | None = None
    reply: str = ""
    message: str = ""


class Record:
    """A call's file in the state folder: how it stands, locked by the process that makes it."""

    def __init__(self, journal: Journal, change: Change):
        name = hashlib.sha256(change.id.encode()).hexdigest()[:24]
        self._folder = os.path.join(journal.folder, "calls")
        self._path = os.path.join(self._folder, name + ".json")
        self._lock_path = os.path.join(self._folder, name + ".lock")

    def read(self) -> State | None:
        """Give how the call stands; None where it was never begun."""
        try:
            with open(self._path, encoding="utf-8") as stream:
                return State(**json.load(stream))
        except FileNotFoundError:
            return None

    def write(self, state: State) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        write_whole(self._path, json.dumps(dataclasses.asdict(state)).encode(), 0o600)

    def take(self) -> int | None:
        """Lock the call for the process that makes it; None where one is making it already."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def begin(journal: Journal, change: Change, call: Call) -> None:
    """Make the call in a process of its own, unless it was sent already or is being made."""
    record = Record(journal, change)
    lock = record.take()
    if lock is None:
        return
    state = record.read()
    if state is not None and state.status != WAITING:
        os.close(lock)
        return
    record.write(State(WAITING))
    if os.fork():
        os.close(lock)  # the other process has it too, and keeps it
        return
    try:
        _leave_the_parent()
        _make(journal, change, call, record)
    finally:
        os._exit(0)


def _leave_the_parent() -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def _make(journal: Journal, change: Change, call: Call, record: Record) -> None:
    state = State(RUNNING, began=time.time())
    record.write(state)
    with Lock(journal.folder).kept(change.run_id):
        try:
            state.http_status, state.reply = _request(call)
            trouble = refusal(state.http_status, state.reply)
            state.status, state.message = (FAILED, trouble) if trouble else (ENDED, "")
            if state.status == ENDED and call.log_done:
                record.write(dataclasses.replace(state, status=RUNNING))
                state.status = follow(call, state.began)
        except OSError as error:
            sent = not isinstance(error, ConnectionRefusedError)
            state.message = f"no reply: {error or type(error).__name__}"
            state.status = FAILED if not sent else follow(call, state.began)
    state.ended = time.time()
    record.write(state)
    if state.status == ENDED:
        journal.mark(change, DONE)


def _request(call: Call) -> tuple[int, str]:
    """Send the call and wait for the reply.

    :raises OSError: nobody listens (ConnectionRefusedError), or there was no reply
    """
    connection = _connect(call)
    body = None if call.body is None else json.dumps(call.body).encode()
    headers = dict(call.headers)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(call.method, call.path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read(_REPLY_KEPT).decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__} {error}".strip()) from error
    finally:
        connection.close()


def _connect(call: Call) -> http.client.HTTPConnection:
    error: OSError = ConnectionRefusedError(f"{call.container} has no address that this host reaches")
    for host, port in call.addresses:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            connection.connect()
        except ConnectionRefusedError as refused:
            # Nobody listens in the container. Docker's proxy of a published port would take the call, and lose it.
            raise ConnectionRefusedError(f"{host}:{port}: {refused.strerror}") from refused
        except OSError as failed:
            error = ConnectionRefusedError(f"{host}:{port}: {failed}")
            continue
        connection.sock.settimeout(call.reply_timeout)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection
    raise error


def refusal(status: int, reply: str) -> str:
    """Say why a reply is a refusal; empty where it is none.

    FastGPT tells failures in its envelope (``code``), whose HTTP status differs between generations; AI Proxy by
    ``success``.
    """
    try:
        envelope = json.loads(reply)
    except ValueError:
        envelope = None
    if isinstance(envelope, dict):
        code = envelope.get("code")
        words = str(envelope.get("message") or envelope.get("statusText") or "")
        if (isinstance(code, int) and code >= 400) or envelope.get("success") is False or status >= 400:
            return f"{code or status}: {words or reply[:300]}"
        return ""
    if status == 404:
        return "404: this release has no such call"
    return f"HTTP status {status}: {reply[:300]}" if status >= 400 else ""


def follow(call: Call, since: float) -> str:
    """Read the service's log until it tells the call's end; unknown where it does not within the call's time."""
    while time.time() < since + call.timeout:
        status = told_by_log(call.container, call.path, since, call.log_done)
        if status != RUNNING:
            return status
        time.sleep(_POLL)
    return UNKNOWN


def told_by_log(container: str, path: str, since: float, words: str | None = None) -> str:
    """Look for a call's end in the log: done, failed, unknown (the service was started anew since), else running.

    The marks are FastGPT's own: up to 4.14.6 it logs the end of every request that took two seconds; refusals in all.

    :param words: say that it is done, in the place of the end of the request
    """
    started = run(["docker", "inspect", "--format", "{{.State.StartedAt}}", container], _LOG_TIMEOUT).text.strip()
    text = log_since(container, since)
    if words and words in text:
        return ENDED
    if not words and re.search(rf"Request finish {re.escape(path)}[,\s?]", text):
        return ENDED
    if re.search(rf"(?i)api response error[^\n]*{re.escape(path)}", text):
        return FAILED
    return UNKNOWN if (parse_time(started) or 0) > since else RUNNING


def log_since(container: str, since: float) -> str:
    """Give what a container logged since a moment (seconds since the epoch), a time stamp before each line."""
    command = ["docker", "logs", "--timestamps", "--since", f"{since:.6f}", container]
    return run(command, _LOG_TIMEOUT, limit=_LOG_LIMIT, merge=True).text


def find(journal: Journal, call_id: str, run_id: str) -> Change | None:
    """Give the call as the journal has it: made by any run and not undone, or begun by this one."""
    known = [change for change in journal.changes() if change.action == ACTION and change.target == call_id]
    alive = [
        change for change in known if change.status == DONE or (change.run_id == run_id and change.status != "undone")
    ]
    return alive[-1] if alive else None


def state_of(journal: Journal, change: Change, call: Call) -> State:
    """Tell how a call stands, also one whose process was killed."""
    record = Record(journal, change)
    state = record.read() or State(WAITING)
    if change.status == DONE:
        return dataclasses.replace(state, status=ENDED)
    if state.status != RUNNING:
        return state
    lock = record.take()
    if lock is None:
        return state  # its process lives
    try:
        state.status = told_by_log(call.container, call.path, state.began, call.log_done)
        if state.status == RUNNING:
            state.message = "the process that made the call was killed; its end is looked for in the log"
        elif state.status == UNKNOWN:
            state.message = f"{call.container} was started anew while the call ran"
        elif state.status == ENDED:
            record.write(state)
            journal.mark(change, DONE)
    finally:
        os.close(lock)
    return state
