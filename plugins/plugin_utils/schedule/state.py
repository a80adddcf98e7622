# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller keeps between runs, and the lock that lets only one run at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import typing as t

Json = dict[str, t.Any]


class LockedError(Exception):
    """Another run holds the lock; says which process."""


class StateError(Exception):
    """The state cannot be read or written."""


@dataclasses.dataclass
class State:
    """What earlier runs left.

    :ivar told: by host, what people know: its ``state``, ``open`` and ``failed`` findings
    :ivar trouble: the trouble with a run itself that people know of
    :ivar nights: number of fixes by night
    :ivar plans: digests of approved plans that were applied
    """

    told: dict[str, Json] = dataclasses.field(default_factory=dict)
    trouble: str | None = None
    nights: dict[str, int] = dataclasses.field(default_factory=dict)
    plans: list[str] = dataclasses.field(default_factory=list)


def load(folder: pathlib.Path) -> State:
    """Read the state; an empty one where there is none yet.

    :raises StateError: it cannot be read
    """
    path = folder / "state.json"
    try:
        return State(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"{path} cannot be read ({error}); move it away to begin anew") from error


def save(folder: pathlib.Path, state: State) -> None:
    """Write the state, whole or not at all; of the nights the last ten."""
    state.nights = dict(sorted(state.nights.items())[-10:])
    state.plans = state.plans[-100:]
    temporary = folder / ".state.json.new"
    with temporary.open("w", encoding="utf-8") as stream:
        json.dump(dataclasses.asdict(state), stream, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / "state.json")


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> t.Iterator[None]:
    """Hold the controller's lock; the system frees it when the process ends, however that ends.

    :raises LockedError: another process holds it
    :raises StateError: the folder cannot be made
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = (folder / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StateError(f"state_dir {folder}: {error}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise LockedError(stream.read().strip() or "another process") from None
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {os.uname().nodename}")
        stream.flush()
        yield
