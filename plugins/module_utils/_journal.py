# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this project changed on a host: a journal, backups and a lock in one folder. Private to the collection.

Every change is written down before it is made and again when it is done, so that a run killed in between can be told
from one that ended. Lines are only ever added.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import stat
import threading
import time
import typing as t

Json = t.Dict[str, t.Any]

PLANNED, DONE, UNDONE = "planned", "done", "undone"
KEEP_RUNS = 20
"""Runs whose backups are kept at least; older ones go only when they are also older than KEEP_SECONDS."""
KEEP_SECONDS = 30 * 24 * 3600.0
LEASE = 180.0
"""Seconds a lock holds after its run was last at work on the host: that long a dead controller blocks others."""
_HEARTBEAT = 30.0

JOURNALLED: Json = {"run_id": {"type": "str"}, "finding": {"type": "str", "default": ""}}
"""Options of every module that changes something; documented in the fragment ``journalled``."""


class JournalError(Exception):
    """The journal or the lock does not allow it; the message says what is in the way."""


class RefusedError(Exception):
    """A change that cannot be made, or would not be safe; the message says why."""


def state_folder() -> str:
    """Give the folder all state of this project on a host lives in: the system's for root, else the user's."""
    if os.geteuid() == 0:
        return "/var/lib/fastgpt-ops"
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "fastgpt-ops")


@dataclasses.dataclass
class Change:
    """One change: what, why, and how it was before.

    :ivar action: of a file replace-file, create-file, remove-directory or attributes, of a folder owners, of a service
        up or stop, setting where its own interface changed it, of databases statement, call, data or restore; upgrade
        and hop only tell how far an upgrade has come
    :ivar target: path of the file, or name of the service or container
    :ivar before: checksum or state before; None where there was nothing
    :ivar undo: what the undoing needs beside the backup
    """

    id: str
    run_id: str
    finding: str
    time: float
    action: str
    target: str
    before: str | None
    after: str | None
    backup: str | None
    undo: Json
    status: str = PLANNED


class LockedError(JournalError):
    """Another run holds the lock; ``held`` says which."""

    def __init__(self, held: Json):
        super().__init__(_refusal(held))
        self.held = held


class Journal:
    """The journal of one host. The folder is made, mode 0700, when the first thing is written."""

    def __init__(self, folder: str | None = None):
        self.folder = folder or state_folder()
        self.path = os.path.join(self.folder, "journal.jsonl")

    def changes(self, run_id: str | None = None, finding: str | None = None) -> list[Change]:
        """Give the changes of a run, or all, in the order they were made."""
        found: dict[str, Change] = {}
        for item in self._lines():
            if "action" in item:
                found[item["id"]] = Change(**item)
            elif item.get("id") in found:
                found[item["id"]].status = item["status"]
        wanted = (c for c in found.values() if run_id in (None, c.run_id) and finding in (None, c.finding))
        return sorted(wanted, key=lambda change: change.time)

    def _lines(self) -> t.Iterator[Json]:
        try:
            with open(self.path, encoding="utf-8") as stream:
                for line in stream:
                    try:
                        yield json.loads(line)
                    except ValueError:
                        continue  # torn by a crash: the change it was about to announce was not made
        except FileNotFoundError:
            return

    def plan(
        self,
        run_id: str,
        finding: str,
        action: str,
        target: str,
        before: str | None = None,
        after: str | None = None,
        backup: str | None = None,
        undo: Json | None = None,
    ) -> Change:
        """Write down a change that is about to be made."""
        now = time.time()
        number = hashlib.sha256(f"{run_id} {now} {action} {target}".encode()).hexdigest()[:16]
        change = Change(number, run_id, finding, now, action, target, before, after, backup, undo or {})
        Lock(self.folder).renew(run_id)
        self._add(dataclasses.asdict(change))
        return change

    def mark(self, change: Change, status: str) -> None:
        """Write down that a change was made, or undone."""
        change.status = status
        self._add({"id": change.id, "run_id": change.run_id, "time": time.time(), "status": status})

    def make_folder(self) -> None:
        """Make the folder, for its owner only."""
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        os.chmod(self.folder, 0o700)

    def _add(self, item: Json) -> None:
        self.make_folder()
        torn = os.path.exists(self.path) and not _ends_with_newline(self.path)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "a", encoding="utf-8") as stream:
            stream.write(("\n" if torn else "") + json.dumps(item, ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def backup(self, run_id: str, path: str) -> str:
        """Copy a file, with owner and mode, into the run's backups; the copy is whole on disk before this returns."""
        copy = self._backup_path(run_id, os.path.basename(path))
        shutil.copy2(path, copy + ".part")
        status = os.stat(path)
        os.chown(copy + ".part", status.st_uid, status.st_gid)
        with open(copy + ".part", "rb") as stream:
            os.fsync(stream.fileno())
        os.rename(copy + ".part", copy)
        return copy

    def backup_text(self, run_id: str, name: str, text: str) -> str:
        """Keep a text among the run's backups; it is whole on disk before this returns."""
        path = self._backup_path(run_id, name)
        write_whole(path, text.encode("utf-8"), 0o600)
        return path

    def _backup_path(self, run_id: str, name: str) -> str:
        self.make_folder()
        folder = os.path.join(self.folder, "backups", run_id)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return os.path.join(folder, f"{len(os.listdir(folder)):04d}-{name}")

    def backups_of(self, path: str) -> list[str]:
        """Give the backups of a file that are there still, the newest first."""
        mine = [c.backup for c in self.changes() if (c.action, c.target) == ("replace-file", path)]
        return [backup for backup in reversed(mine) if backup and os.path.exists(backup)]

    def prune(self, keep_runs: int = KEEP_RUNS, keep_seconds: float = KEEP_SECONDS) -> list[str]:
        """Remove the backups of runs that are both old and beyond the number to keep; gives the runs."""
        folder = os.path.join(self.folder, "backups")
        runs = sorted(os.scandir(folder), key=lambda e: e.stat().st_mtime) if os.path.isdir(folder) else []
        old = [run for run in runs[:-keep_runs] if run.stat().st_mtime < time.time() - keep_seconds]
        for run in old:
            shutil.rmtree(run.path)
        return [run.name for run in old]


def _ends_with_newline(path: str) -> bool:
    with open(path, "rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 1))
        return size == 0 or stream.read(1) == b"\n"


class Lock:
    """Keeps two runs from meeting on a host. It ends by itself after its time, so a dead controller blocks nobody."""

    def __init__(self, folder: str | None = None):
        self.path = os.path.join(folder or state_folder(), "lock")

    def holder(self) -> Json | None:
        """Tell who holds the lock; None where nobody does, or its time is over."""
        try:
            with open(self.path, encoding="utf-8") as stream:
                held: Json = json.load(stream)
        except FileNotFoundError:
            return None
        except ValueError:
            return {"run_id": "?", "who": f"an unreadable {self.path}", "until": os.stat(self.path).st_mtime + 60}
        return held if held["until"] > time.time() else None

    def take(
        self,
        run_id: str,
        who: str,
        seconds: float = LEASE,
        controller: str | None = None,
        take_over: str | None = None,
    ) -> None:
        """Take the lock or, where this run has it, hold it longer.

        :param controller: names the process that holds it, for others on its machine to see whether it still lives
        :param take_over: a run whose controller is known to be dead
        :raises JournalError: another run has it
        """
        Journal(os.path.dirname(self.path)).make_folder()
        held = self.holder()
        if held and take_over != held["run_id"] and not _is_mine(held, run_id, controller):
            raise LockedError(held)
        now = time.time()
        mine = {"run_id": run_id, "who": who, "controller": controller, "since": now, "until": now + seconds}
        if held:
            self._write(mine)
            return
        temporary = f"{self.path}.{run_id}"
        write_whole(temporary, json.dumps(mine).encode(), 0o600)
        if os.path.exists(self.path):
            os.unlink(self.path)  # its time is over
        try:
            os.link(temporary, self.path)  # fails where another run was faster
        except FileExistsError:
            raise LockedError(self.holder() or {"run_id": "?", "who": "?", "until": 0}) from None
        finally:
            os.unlink(temporary)

    def renew(self, run_id: str, seconds: float = LEASE) -> bool:
        """Hold the lock longer where this run has it; tells whether it has."""
        held = self.holder()
        if not held or held["run_id"] != run_id:
            return False
        self._write({**held, "until": max(held["until"], time.time() + seconds)})
        return True

    @contextlib.contextmanager
    def kept(self, run_id: str) -> t.Iterator[None]:
        """Hold the lock for as long as something takes that may take long, such as a pull."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(_HEARTBEAT) and self.renew(run_id):
                pass

        thread = threading.Thread(target=beat, daemon=True)
        self.renew(run_id)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _write(self, held: Json) -> None:
        write_whole(self.path, json.dumps(held).encode(), 0o600)

    def give_back(self, run_id: str, controller: str | None = None) -> bool:
        """Give the lock back where this run has it; tells whether it had."""
        held = self.holder()
        if held and _is_mine(held, run_id, controller):
            os.unlink(self.path)
            return True
        return False


def _is_mine(held: Json, run_id: str, controller: str | None) -> bool:
    """Tell whether a lock is this very run's: one that goes on with a run of before has its id, not its controller."""
    return bool(
        held["run_id"] == run_id and (held.get("controller") or controller) == (controller or held.get("controller"))
    )


def _refusal(held: Json) -> str:
    until = time.strftime("%H:%M:%S", time.gmtime(held["until"]))
    return f"run {held['run_id']} of {held['who']} is working on this host (its lock ends at {until} UTC)"


def sha256_of(path: str) -> str | None:
    """Give the checksum of a file; None where there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return None


def write_whole(path: str, data: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Put a file in place in one step: it is either the old one or the new one, whole and on disk."""
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{os.path.basename(path)}.fastgpt-ops")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchown(stream.fileno(), uid, gid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def replace_file(journal: Journal, run_id: str, finding: str, path: str, data: bytes) -> Change:
    """Replace a file's content, journalled and backed up; owner and mode stay."""
    status = os.stat(path)
    after = hashlib.sha256(data).hexdigest()
    backup = journal.backup(run_id, path)
    change = journal.plan(run_id, finding, "replace-file", path, sha256_of(path), after, backup)
    write_whole(path, data, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    journal.mark(change, DONE)
    return change


def has_changed(journal: Journal, run_id: str, finding: str, path: str) -> bool:
    """Tell whether a run has replaced a file for a finding and not undone it; one killed meanwhile is marked done."""
    for change in journal.changes(run_id, finding):
        if (change.action, change.target) == ("replace-file", path) and change.status != UNDONE:
            if change.status == PLANNED and sha256_of(path) != change.after:
                continue
            if change.status == PLANNED:
                journal.mark(change, DONE)
            return True
    return False


def create_file(
    journal: Journal, run_id: str, finding: str, path: str, data: bytes, mode: int, uid: int, gid: int
) -> Change:
    """Make a file that is not there, journalled."""
    change = journal.plan(run_id, finding, "create-file", path, None, hashlib.sha256(data).hexdigest())
    write_whole(path, data, mode, uid, gid)
    journal.mark(change, DONE)
    return change


def set_attributes(journal: Journal, run_id: str, finding: str, path: str, mode: int, uid: int, gid: int) -> Change:
    """Change mode and owner of a file or folder, journalled."""
    change = journal.plan(run_id, finding, "attributes", path, attributes_of(path), f"{mode:04o} {uid}:{gid}")
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    journal.mark(change, DONE)
    return change


def attributes_of(path: str) -> str:
    """Give mode and owner in one word, e.g. ``0644 0:0``."""
    status = os.stat(path)
    return f"{stat.S_IMODE(status.st_mode):04o} {status.st_uid}:{status.st_gid}"


def remove_empty_directory(journal: Journal, run_id: str, finding: str, path: str) -> Change:
    """Remove a directory, journalled; one that is not empty stays and the system's error is raised."""
    change = journal.plan(run_id, finding, "remove-directory", path, attributes_of(path))
    os.rmdir(path)
    journal.mark(change, DONE)
    return change


# --- the way back


def undo_file(journal: Journal, change: Change) -> bool:
    """Undo a change of a file; gives False where it was never made.

    :raises JournalError: somebody changed the file since, or the backup is gone
    """
    undo = {
        "replace-file": _undo_replace,
        "create-file": _undo_create,
        "remove-directory": _undo_remove,
        "attributes": _undo_attributes,
    }[change.action]
    undone = undo(change)
    journal.mark(change, UNDONE)
    return undone


def _undo_replace(change: Change) -> bool:
    now = sha256_of(change.target)
    if now == change.before:
        return False
    if now != change.after:
        raise JournalError(f"{change.target} was changed by somebody since run {change.run_id}; it is left as it is")
    if not change.backup or not os.path.exists(change.backup):
        raise JournalError(f"the backup of {change.target} is gone ({change.backup})")
    status = os.stat(change.backup)
    with open(change.backup, "rb") as stream:
        data = stream.read()
    write_whole(change.target, data, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return True


def _undo_create(change: Change) -> bool:
    now = sha256_of(change.target)
    if now is None:
        return False
    if now != change.after:
        raise JournalError(f"{change.target} was changed by somebody since run {change.run_id}; it is left as it is")
    os.unlink(change.target)
    return True


def _undo_remove(change: Change) -> bool:
    if os.path.isdir(change.target):
        return False
    if os.path.lexists(change.target):
        raise JournalError(f"{change.target} is there again, as something else than the empty directory it was")
    os.mkdir(change.target)
    _apply_attributes(change.target, str(change.before))
    return True


def _undo_attributes(change: Change) -> bool:
    if not os.path.lexists(change.target):
        raise JournalError(f"{change.target} is gone since run {change.run_id}")
    now = attributes_of(change.target)
    if now == change.before:
        return False
    if now != change.after:
        raise JournalError(
            f"mode or owner of {change.target} was changed by somebody since run {change.run_id} ({now})"
        )
    _apply_attributes(change.target, str(change.before))
    return True


def _apply_attributes(path: str, words: str) -> None:
    mode, owner = words.split(" ")
    uid, gid = owner.split(":")
    os.chown(path, int(uid), int(gid))
    os.chmod(path, int(mode, 8))


def run_id_or_manual(run_id: str | None) -> str:
    """Give the run's id, or one for a task that belongs to no run, so that it can be undone as well."""
    return run_id or time.strftime("manual-%Y%m%dT%H%M%SZ", time.gmtime())
