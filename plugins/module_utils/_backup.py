# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a project's databases and files, all of one moment, and the way back. Private to the collection.

A database is copied file by file while it is stopped: the copy is exact (indexes, users, replica set), needs no tools
of its own, and is back in the time a copy takes. Containers that write to it are stopped before. Whatever is put back,
what was there is moved aside within the data folder and never removed.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import glob
import hashlib
import json
import os
import shutil
import socket
import stat
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project, inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import (
    KINDS,
    MYSQL,
    Database,
    DatabaseError,
    Kind,
    count_rows,
    databases_of,
    start,
    stop,
    wait_ready,
    writers_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    UNDONE,
    Change,
    Journal,
    write_whole,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._net import ip_of
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

Json = t.Dict[str, t.Any]

MANIFEST = "manifest.json"
OWN = ".fastgpt-ops"
"""Folder in a data folder for what was moved aside; databases take no notice of it."""
SCHEMA_VERSION = 1

_FILE_LIMIT = 4 * 1024 * 1024
_MARGIN = 64 * 1024 * 1024
_READY_SECONDS = 300.0
_COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDE_NAMES = ("compose.override.yaml", "compose.override.yml", "docker-compose.override.yml")


class BackupError(Exception):
    """A backup cannot be made or put back; the message says why."""


@dataclasses.dataclass
class Copy:
    """A database in a backup.

    :ivar user: PostgreSQL's superuser, as whom it is asked
    :ivar rows: number of rows of each table or collection
    :ivar restored: the copy was served from a scratch container and had the same rows
    """

    service: str
    kind: str
    image: str
    image_id: str
    folder: str
    archive: str
    user: str = ""
    size: int = 0
    sha256: str = ""
    rows: dict[str, int] = dataclasses.field(default_factory=dict)
    restored: bool = False


@dataclasses.dataclass
class Manifest:
    """What a backup holds. It is written last: a folder with one is a whole backup.

    :ivar files: of the project: path, copy, sha256, mode, uid, gid
    :ivar images: what each service ran
    """

    label: str
    run_id: str
    host: str
    made_at: float
    project: Json
    images: dict[str, str]
    files: list[Json]
    databases: list[Copy]
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def read(cls, folder: str) -> Manifest:
        """Read a backup's manifest.

        :raises BackupError: there is none, or it cannot be read
        """
        path = os.path.join(folder, MANIFEST)
        try:
            with open(path, encoding="utf-8") as stream:
                data = json.load(stream)
            data["databases"] = [Copy(**item) for item in data["databases"]]
            return cls(**data)
        except FileNotFoundError:
            raise BackupError(f"{folder} is no whole backup: it has no {MANIFEST}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{path} cannot be read: {error}") from error

    def write(self, folder: str) -> None:
        data = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        write_whole(os.path.join(folder, MANIFEST), data.encode(), 0o600)


def folder_of(journal: Journal, run_id: str, label: str) -> str:
    """Give the folder of a backup."""
    return os.path.join(journal.folder, "backups", run_id, f"data-{label}")


def name_of(change: Change) -> str:
    """Name what is moved aside for a change, in every attempt at it."""
    return f"{change.run_id}-{change.id[:8]}"


class Stack:
    """The project's containers as they are, its databases and who writes to them.

    :param services: only the databases that these services are, or write to; all where empty
    :raises BackupError: a service is not in the project, or there is no database
    """

    def __init__(self, project: Project, services: t.Sequence[str] = ()):
        self.project = project
        self.containers = [container_from_inspect(item) for item in project.containers()]
        known = {item["service"] for item in self.containers}
        unknown = sorted(set(services) - known)
        if unknown:
            raise BackupError(f"no container of {project.directory} belongs to {', '.join(unknown)}")
        every = databases_of(self.containers)
        self.databases = [database for database in every if not services or self._concerns(database, services)]
        databases = {database.container["id"] for database in every}
        self.writers = [
            item
            for item in self.containers
            if item["id"] not in databases and any(item in self.writers_of(database) for database in self.databases)
        ]

    @property
    def helper(self) -> str:
        """The image that runs ``tar`` and ``sh``: MySQL's has no tar."""
        usual = [item for item in self.databases if item.kind is not MYSQL] or self.databases
        return str(usual[0].container["image_id"])

    def beside(self, database: Database, command: t.Sequence[str]) -> list[str]:
        """Give the docker command that runs something as root on a database's volumes and folders."""
        return beside(database.container["name"], self.helper, command)

    def writers_of(self, database: Database) -> list[Json]:
        return writers_of(database, self.containers)

    def _concerns(self, database: Database, services: t.Sequence[str]) -> bool:
        return bool({database.service, *(item["service"] for item in self.writers_of(database))} & set(services))

    def app_of(self, database: Database) -> Json | None:
        """Give the container whose login a database takes."""
        return next((item for item in self.writers_of(database) if "MONGODB_URI" in item["env"]), None)

    def address_of(self, database: Database) -> str | None:
        return ip_of(database.container, self.app_of(database))


# --- stopping and starting, written down


def stop_writers(stack: Stack, journal: Journal, run_id: str, finding: str) -> list[Change]:
    """Stop what writes to the databases, journalled before; gives the changes.

    :raises BackupError: one does not stop
    """
    changes = []
    for item in stack.writers:
        if not item["state"]["running"]:
            continue
        changes.append(
            journal.plan(run_id, finding, "stop", item["name"], "running", undo={"service": item["service"]})
        )
        result = run(["docker", "stop", item["name"]], 120.0)
        if result.rc != 0:
            raise BackupError(f"{item['name']} does not stop: {result.error}")
        journal.mark(changes[-1], DONE)
    return changes


def start_again(journal: Journal, changes: t.Sequence[Change]) -> list[str]:
    """Start what was stopped and is still there, databases before those that write to them; gives the names."""
    started = []
    running = {str(item["Name"]).lstrip("/"): item["State"]["Running"] for item in inspect([c.target for c in changes])}
    for change in sorted(changes, key=lambda change: "database" not in change.undo):
        if running.get(change.target) is False:
            start(change.target)
            started.append(change.target)
        journal.mark(change, UNDONE)
    return started


def stopped_by(journal: Journal, run_id: str | None = None) -> list[Change]:
    """Give what a run, or any, stopped and did not start again: it was killed, or a hop goes on from here."""
    return [c for c in journal.changes(run_id) if c.action == "stop" and c.status != UNDONE]


# --- making


@dataclasses.dataclass
class Wanted:
    """How a backup is wanted.

    :ivar resume: start again what was stopped
    :ivar test: serve each copy from a scratch container and compare its rows
    :ivar timeout: seconds a copy may take
    """

    run_id: str
    label: str
    finding: str = ""
    resume: bool = True
    test: bool = True
    timeout: float = 21600.0


def make(stack: Stack, journal: Journal, wanted: Wanted) -> tuple[Manifest, float]:
    """Make a backup; whatever goes wrong, what was stopped is started again and no half backup looks like a whole one.

    :returns: the manifest, and the seconds the writers were stopped (till now, where they stay stopped)
    :raises BackupError: it cannot be made
    """
    folder = folder_of(journal, wanted.run_id, wanted.label)
    check_space(stack, folder, wanted.test)
    manifest = _begin(stack, folder, wanted)
    began = time.monotonic()
    stopped: list[Change] = []
    try:
        stopped += stop_writers(stack, journal, wanted.run_id, wanted.finding)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            copied = [pool.submit(_copy, stack, item, folder, journal, wanted) for item in stack.databases]
        manifest.databases = [future.result() for future in copied]
        if wanted.resume:
            start_again(journal, stopped)
        seconds = time.monotonic() - began
        for copy in manifest.databases if wanted.test else ():
            test(copy, folder, stack.helper, wanted.timeout)
        manifest.write(folder)
    except (OSError, BackupError, DatabaseError) as error:
        start_again(journal, stopped_by(journal, wanted.run_id))
        drop_archives(folder)  # a half backup is of no use, and room may be what was missing
        raise BackupError(str(error)) from error
    return manifest, seconds


def drop_archives(folder: str) -> list[str]:
    """Remove a backup's copies of databases; gives them. What else it holds stays."""
    archives = sorted(glob.glob(os.path.join(folder, "*.tar")))
    for path in archives:
        os.unlink(path)
    return archives


def check_space(stack: Stack, folder: str, tested: bool, copies: int = 1) -> int:
    """Compare the size of the databases with what is free where they go; gives the bytes needed.

    :param copies: that are kept at the same time

    :raises BackupError: it is not enough
    """
    size = sum(_size(stack, database) for database in stack.databases)
    root = run(["docker", "info", "--format", "{{.DockerRootDir}}"], 30.0).text.strip()
    place = _existing(folder)
    shared = os.path.isdir(root) and os.stat(root).st_dev == os.stat(place).st_dev
    needed = size * (copies + (1 if tested and shared else 0)) + _MARGIN
    for path, bytes_needed in ((place, needed), (root, size + _MARGIN if tested and not shared else 0)):
        free = shutil.disk_usage(path).free if os.path.isdir(path) else bytes_needed
        if free < bytes_needed:
            raise BackupError(
                f"the backup needs {_mib(bytes_needed)} at {path} and {_mib(free)} are free;"
                " nothing was stopped and nothing was changed"
            )
    return needed


def _existing(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MiB"


def _size(stack: Stack, database: Database) -> int:
    command = ["du", "-sk", database.folder]
    if database.container["state"]["running"]:
        result = run(["docker", "exec", "--user", "0", database.container["name"], *command], 600.0)
    else:
        result = run(stack.beside(database, command), 600.0)
    words = result.text.split()
    if not words or not words[0].isdigit():
        raise BackupError(f"the data of {database.service} cannot be measured: {result.error or result.text}")
    return int(words[0]) * 1024


def beside(container: str, image: str, command: t.Sequence[str]) -> list[str]:
    """Give the docker command that runs something as root on a container's volumes and folders, without a network."""
    argv = ["docker", "run", "-i", "--rm", "--network", "none", "--user", "0:0", "--volumes-from", container]
    return [*argv, "--entrypoint", command[0], image, *command[1:]]


def _begin(stack: Stack, folder: str, wanted: Wanted) -> Manifest:
    """Make the folder and copy the project's files."""
    os.makedirs(os.path.join(folder, "files"), mode=0o700, exist_ok=True)
    files = [_keep(path, folder, number) for number, path in enumerate(_project_files(stack))]
    project = stack.project
    return Manifest(
        label=wanted.label,
        run_id=wanted.run_id,
        host=socket.gethostname(),
        made_at=time.time(),
        project={
            "project_dir": project.directory,
            "project": project.name,
            "files": project.files,
            "env_files": project.env_files,
        },
        images={str(item["service"]): str(item["image"]) for item in stack.containers},
        files=files,
        databases=[],
    )


def _project_files(stack: Stack) -> list[str]:
    """Give the compose, env and mounted files of the project; data is in folders."""
    directory = stack.project.directory
    paths = list(stack.project.files)
    if not paths:
        paths = [os.path.join(directory, name) for name in (*_COMPOSE_NAMES, *_OVERRIDE_NAMES)]
    paths += [*stack.project.env_files, os.path.join(directory, ".env")]
    for item in stack.containers:
        paths += [mount["source"] for mount in item["mounts"] if mount["type"] == "bind"]
    found = [path for path in dict.fromkeys(paths) if os.path.isfile(path)]
    return [path for path in found if os.path.getsize(path) <= _FILE_LIMIT]


def _keep(path: str, folder: str, number: int) -> Json:
    copy = os.path.join("files", f"{number:02d}-{os.path.basename(path)}")
    target = os.path.join(folder, copy)
    shutil.copyfile(path, target)
    os.chmod(target, 0o600)
    status = os.stat(path)
    return {
        "path": path,
        "copy": copy,
        "sha256": _sha256(target),
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def _copy(stack: Stack, database: Database, folder: str, journal: Journal, wanted: Wanted) -> Copy:
    """Count a database's rows, stop it, copy its files, start it."""
    container = database.container
    copy = Copy(
        service=database.service,
        kind=database.kind.name,
        image=str(container["image"]),
        image_id=str(container["image_id"]),
        folder=database.folder,
        archive=f"{database.service}.tar",
        user=str(container["env"].get("POSTGRES_USER") or ""),
    )
    if not container["state"]["running"]:
        raise BackupError(f"{database.service} does not run; a database that cannot be asked is not backed up blindly")
    copy.rows = count_rows(database, stack.app_of(database))
    change = journal.plan(
        wanted.run_id,
        wanted.finding,
        "stop",
        container["name"],
        "running",
        undo={"service": database.service, "database": True},
    )
    stop(database)
    journal.mark(change, DONE)
    path = os.path.join(folder, copy.archive)
    _archive(stack, database, path, wanted.timeout)
    start_again(journal, [change])
    copy.size, copy.sha256 = os.path.getsize(path), _sha256(path)
    _answering(stack, database)
    return copy


def _archive(stack: Stack, database: Database, path: str, timeout: float) -> None:
    command = ["tar", "-C", database.folder, "--numeric-owner", f"--exclude=./{OWN}", "-cf", "-", "."]
    argv = stack.beside(database, command)
    result = run(["sh", "-c", 'umask 077; out=$1; shift; exec "$@" </dev/null >"$out"', "sh", path, *argv], timeout)
    if result.rc != 0:
        raise BackupError(f"{database.service} could not be copied to {path}: {result.error}")
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(block)
    return digest.hexdigest()


# --- proving


def test(copy: Copy, folder: str, helper: str, timeout: float) -> None:
    """Serve a copy from a scratch container of the same image and compare its rows with those counted.

    :param helper: image that has ``tar``
    :raises BackupError: it does not start, or has other rows
    """
    name = f"fastgpt-ops-scratch-{os.urandom(4).hex()}"
    kind = next(kind for kind in KINDS if kind.name == copy.kind)
    # It goes with its anonymous volume when it is stopped.
    argv = ["docker", "run", "-d", "--rm", "--name", name, "--network", "none", "--user", "0:0", "-v", copy.folder]
    argv += ["-e", f"POSTGRES_USER={copy.user}"] if copy.user else []
    result = run([*argv, "--entrypoint", "sh", copy.image_id, "-c", "trap exit TERM; sleep 86400 & wait"], 120.0)
    if result.rc != 0:
        raise BackupError(f"no scratch container of {copy.image}: {result.error}")
    try:
        fill = beside(name, helper, ["tar", "-C", copy.folder, "--numeric-owner", "-xf", "-"])
        _feed(os.path.join(folder, copy.archive), fill, timeout, f"the copy of {copy.service}")
        rows = _rows_served(copy, kind, name)
    finally:
        run(["docker", "stop", "-t", "2", name], 60.0)
    if rows != copy.rows:
        raise BackupError(f"the copy of {copy.service} has other rows: {_difference(copy.rows, rows)}")
    copy.restored = True


def _rows_served(copy: Copy, kind: Kind, name: str) -> dict[str, int]:
    serve = kind.serve.replace("FOLDER", copy.folder)
    run(["docker", "exec", "-d", name, "sh", "-c", f"({serve}) >/serve.log 2>&1"], 60.0)
    try:
        wait_ready(kind, name, _READY_SECONDS)
        return count_rows(Database(kind, {"service": copy.service, "name": name, "id": name}), None, name)
    except DatabaseError as error:
        words = run(["docker", "exec", name, "tail", "-n", "5", "/serve.log"], 30.0).text.strip()
        raise BackupError(f"the copy of {copy.service} does not serve: {error}; {words}") from error


def _feed(path: str, argv: t.Sequence[str], timeout: float, what: str) -> None:
    result = run(["sh", "-c", 'in=$1; shift; exec "$@" <"$in"', "sh", path, *argv], timeout)
    if result.rc != 0:
        raise BackupError(f"{what} could not be unpacked: {result.error}")


def _difference(before: t.Mapping[str, int], after: t.Mapping[str, int]) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{name} {before.get(name)} → {after.get(name)}" for name in names[:5])


# --- putting back

# The data folder is never empty of both: the new files are unpacked whole, then the old ones move aside, then the new
# ones take their place. Every step may be repeated.
_SWAP = r"""
set -eu
cd "$1"; new=$2 aside=$3
own() { case "$1" in .|..|.fastgpt-ops) return 0 ;; *) return 1 ;; esac; }
if [ ! -e "$aside.whole" ]; then
  mkdir -p "$aside"
  for entry in * .*; do
    if own "$entry" || { [ ! -e "$entry" ] && [ ! -L "$entry" ]; }; then continue; fi
    mv "$entry" "$aside/"
  done
  : >"$aside.whole"
fi
if [ -d "$new" ]; then
  cd "$new"
  for entry in * .*; do
    case "$entry" in .|..) continue ;; esac
    if [ ! -e "$entry" ] && [ ! -L "$entry" ]; then continue; fi
    mv "$entry" "$1/"
  done
  cd "$1"; rmdir "$new"
fi
sync
"""


def put_back(
    project: Project, folder: str, name: str, skip: t.Collection[str] = (), timeout: float = 21600.0
) -> dict[str, str]:
    """Put a backup's databases in the place of what is there; writers must be stopped. May be repeated after a kill.

    Their containers are made from the compose file as it is now; what is there is moved aside.

    :param name: names what is moved aside; the same for a repetition
    :param skip: services whose databases stay as they are
    :returns: by service, the folder (inside its data folder) with what was there
    :raises BackupError: the backup is damaged, or a database does not come back with the rows it had
    """
    copies = [copy for copy in Manifest.read(folder).databases if copy.service not in skip]
    if not copies:
        return {}
    for copy in copies:
        _check_archive(copy, folder)
    stack = at_rest(project, [copy.service for copy in copies])
    pairs = [(copy, _database(stack, copy)) for copy in copies]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(_put_back_one, stack, copy, database, folder, name, timeout) for copy, database in pairs]
    return {copy.service: future.result() for (copy, _database), future in zip(pairs, work)}


def at_rest(project: Project, services: t.Sequence[str]) -> Stack:
    """Stop databases and bring their containers to what the compose file says now, without starting them.

    An older server must not meet the data of a newer one, nor the other way round.
    """
    for database in databases_of([container_from_inspect(item) for item in project.containers()]):
        if database.service in services and database.container["state"]["running"]:
            stop(database)
    project.must("up", "--no-start", "--no-deps", *services, timeout=_READY_SECONDS)
    return Stack(project, services)


def _check_archive(copy: Copy, folder: str) -> None:
    path = os.path.join(folder, copy.archive)
    if not os.path.exists(path):
        raise BackupError(f"{path} is gone")
    if _sha256(path) != copy.sha256:
        raise BackupError(f"{path} is damaged: its checksum is not that of the manifest")


def _database(stack: Stack, copy: Copy) -> Database:
    for database in stack.databases:
        if (database.service, database.kind.name) == (copy.service, copy.kind):
            return database
    raise BackupError(
        f"{stack.project.directory} has no container of {copy.kind} named {copy.service}; create it first"
    )


def _put_back_one(stack: Stack, copy: Copy, database: Database, folder: str, name: str, timeout: float) -> str:
    target = database.folder
    new, aside = f"{OWN}/new-{name}", f"{OWN}/aside-{name}"
    moved = run(stack.beside(database, ["test", "-e", f"{target}/{aside}.whole"]), 120.0).rc == 0
    if not moved:
        unpack = f"mkdir -p '{target}/{new}' && exec tar -C '{target}/{new}' --numeric-owner -xf -"
        argv = stack.beside(database, ["sh", "-c", unpack])
        _feed(os.path.join(folder, copy.archive), argv, timeout, f"the copy of {copy.service}")
    _swap(stack, database, new, aside)
    running = _serving(stack, database)
    rows = count_rows(running, stack.app_of(running))
    if rows != copy.rows:
        raise BackupError(f"{copy.service} came back with other rows: {_difference(copy.rows, rows)}")
    return f"{target}/{aside}"


def _serving(stack: Stack, database: Database) -> Database:
    """Start a database and wait until it answers."""
    start(database.container["name"])
    return _answering(stack, database)


def _answering(stack: Stack, database: Database) -> Database:
    """Wait until a database that was started answers, and give it as it is now.

    Databases that start side by side may get each other's former address, so it is looked up again.
    """
    name = database.container["name"]
    running = database._replace(container=container_from_inspect(inspect([name])[0]))
    wait_ready(database.kind, name, _READY_SECONDS, stack.address_of(running))
    return running


def _swap(stack: Stack, database: Database, new: str, aside: str) -> None:
    argv = stack.beside(database, ["sh", "-c", _SWAP, "sh", database.folder, new, aside])
    result = run(argv, 600.0)
    if result.rc != 0:
        raise BackupError(f"{database.service}: the data could not be put in place: {result.error}")


def take_back(project: Project, services: t.Sequence[str], name: str) -> None:
    """Undo a put_back: what was moved aside takes its place again; writers must be stopped. May be repeated.

    :raises BackupError: it is not there, or a database does not start
    """
    stack = at_rest(project, services)
    for database in (item for item in stack.databases if item.service in services):
        _swap(stack, database, f"{OWN}/aside-{name}", f"{OWN}/undone-{name}")
        _serving(stack, database)
