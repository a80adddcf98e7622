# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Running commands, and one line of progress a step."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from .settings import LabError

T = TypeVar("T")
WORKERS = max(2, os.cpu_count() or 2)


def say(message: str) -> None:
    """Print one line of progress."""
    print(f"lab: {message}", flush=True)


@contextmanager
def step(message: str) -> Iterator[None]:
    """Say what is being done before it starts, and how many seconds it took after it worked."""
    say(f"{message} …")
    start = time.monotonic()
    yield
    say(f"{message}: done in {time.monotonic() - start:.1f} s")


def run(*command: str, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run a command with its output captured.

    Raises LabError with the end of its output when `check` and it fails.
    """
    # the classic builder: Debian's Docker packages bring no BuildKit client
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input=stdin, capture_output=True, env=env, check=False)
    if check and done.returncode:
        tail = "\n".join((done.stdout + done.stderr).decode(errors="replace").splitlines()[-15:])
        raise LabError(f"{' '.join(command).splitlines()[0][:200]}: exit code {done.returncode}\n{tail}")
    return done


def output(*command: str, check: bool = True) -> str:
    """What the command prints on stdout, stripped; empty when it fails and `check` is off."""
    done = run(*command, check=check)
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def in_parallel(function: Callable[[T], object], items: Iterable[T], workers: int = WORKERS) -> None:
    """Call the function for every item on a few threads; the first error is raised after all have ended."""
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(function, item) for item in items]:
            future.result()
