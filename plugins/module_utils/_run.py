# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calls with limits in time and bytes, many at once. Private to the collection."""

from __future__ import annotations

import os
import queue
import selectors
import signal
import subprocess
import threading
import time
import typing as t

MEBIBYTE = 1024 * 1024


class Result(t.NamedTuple):
    """How a command ended; ``error`` says in words why it did not end well, ``rc`` is None where it never ended."""

    rc: int | None
    out: bytes
    err: bytes
    error: str | None = None
    truncated: bool = False

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace")


class Deadline:
    """The end of the whole collection; every call asks it how long it may take.

    :param seconds: from now
    """

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def left(self, limit: float | None = None) -> float:
        """Give the seconds left, at most ``limit``, never negative."""
        left = max(0.0, self._end - time.monotonic())
        return left if limit is None else min(left, limit)


def run(
    argv: t.Sequence[str],
    timeout: float,
    limit: int = MEBIBYTE,
    env: t.Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    merge: bool = False,
) -> Result:
    """Run a command and give what it said. Never raises.

    :param timeout: seconds; then the whole process group is killed
    :param limit: bytes kept of each stream, the last ones
    :param env: variables beside those of this process (where secrets go: the argument list is public)
    :param merge: stderr goes where stdout goes, in order
    """
    try:
        # AnsibleModule.run_command has no time limit of its own and keeps all output.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            env=dict(os.environ, LC_ALL="C", DOCKER_CLI_HINTS="false", **(env or {})),
            start_new_session=True,
        )
    except OSError as error:
        return Result(None, b"", b"", error.strerror or str(error))
    try:
        return _drain(process, time.monotonic() + timeout, timeout, limit, stdin)
    finally:
        _kill_group(process)


def _drain(process: subprocess.Popen[bytes], end: float, timeout: float, limit: int, stdin: bytes | None) -> Result:
    if stdin is not None and process.stdin:
        # What is written is far below a pipe's buffer, so this cannot block.
        try:
            process.stdin.write(stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass  # the command ended without reading: its exit status tells
    kept = {"out": bytearray(), "err": bytearray()}
    truncated = False
    with selectors.DefaultSelector() as selector:
        for name, stream in (("out", process.stdout), ("err", process.stderr)):
            if stream:
                selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready and time.monotonic() >= end:
                return Result(None, bytes(kept["out"]), bytes(kept["err"]), _timed_out(timeout), truncated)
            for key, _events in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                buffer = kept[key.data]
                buffer += data
                if len(buffer) > limit:
                    del buffer[: len(buffer) - limit]
                    truncated = True
    try:
        code = process.wait(max(0.05, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Result(None, bytes(kept["out"]), bytes(kept["err"]), _timed_out(timeout), truncated)
    out, err = bytes(kept["out"]), bytes(kept["err"])
    said = err if process.stderr else out
    return Result(code, out, err, _failure(code, said) if code else None, truncated)


def _timed_out(timeout: float) -> str:
    return f"timed out after {timeout:.3g} s"


def _failure(code: int, said: bytes) -> str:
    """Give a failed command's own words, its exit status where it had none."""
    words = said.decode("utf-8", "replace").strip()[-2000:]
    return words or f"exit status {code}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the command, its children too, and close its pipes."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(1)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass  # gone already, or stuck in the kernel: nothing more can be done from here
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


Call = t.Callable[[], t.Any]


class Failures:
    """What could not be looked at, and why; safe to use from many threads."""

    def __init__(self) -> None:
        self._items: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def add(self, what: str, error: object) -> None:
        with self._lock:
            self._items.append({"what": what, "error": str(error)})

    def list(self) -> list[dict[str, str]]:
        with self._lock:
            return list(self._items)


def gather(calls: t.Mapping[str, Call], deadline: Deadline, failures: Failures, workers: int = 6) -> dict[str, t.Any]:
    """Make calls in parallel; give the results of those that ended in time, by name.

    A call that raises or is late is listed in ``failures`` and loses none of the others. Threads are daemons: one that
    hangs in the kernel (a dead network file system) must not keep the module from ending.
    """
    todo: queue.Queue[tuple[str, Call]] = queue.Queue()
    ended: queue.Queue[tuple[str, t.Any, Exception | None]] = queue.Queue()
    for item in calls.items():
        todo.put(item)

    def work() -> None:
        while deadline.left() > 0:
            try:
                name, call = todo.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((name, call(), None))
            except Exception as error:  # reported below: one bad answer must not lose the others
                ended.put((name, None, error))

    for _number in range(min(workers, len(calls))):
        threading.Thread(target=work, daemon=True).start()

    results: dict[str, t.Any] = {}
    waiting = set(calls)
    while waiting:
        try:
            name, value, error = ended.get(timeout=deadline.left(3600) + 0.5)
        except queue.Empty:
            break
        waiting.discard(name)
        if error is None:
            results[name] = value
        else:
            failures.add(name, error if isinstance(error, OSError) else f"{type(error).__name__}: {error}")
    for name in sorted(waiting):
        failures.add(name, "not done when the time for the whole collection was over")
    return results
