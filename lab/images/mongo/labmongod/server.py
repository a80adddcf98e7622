# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Start-up and life of the stand-in mongod: same checks, same log lines, same exit statuses."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from labmongod import cpu, keyfile, log, options
from labmongod.replica_set import MemberState, ReplicaSet

if TYPE_CHECKING:
    from secantus.server import SecantusDBServer
    from secantus.storage import Storage

EXIT_ERROR, EXIT_BAD_OPTIONS, EXIT_UNRECOVERABLE, EXIT_LISTEN, EXIT_WRONG_VERSION, EXIT_STARTUP = 1, 2, 14, 48, 62, 100
VERSION = tuple(int(part) for part in os.environ.get("MONGO_VERSION", "5.0.18").split("."))
_VERSION_FILE = "storage.fcv"


class StartupFailure(Exception):
    """mongod gives up; ``status`` is its exit status. What went wrong is logged already."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run mongod with its own command line; return its exit status."""
    try:
        chosen = options.parse(sys.argv[1:] if arguments is None else arguments)
        if chosen.version:
            print(f"db version v{'.'.join(map(str, VERSION))}")
            return 0
        cpu.die_of_cpu(VERSION)
        if options.requires_key_file(chosen, VERSION):
            raise options.BadOptions(
                "BadValue: security.keyFile is required when authorization is enabled with replica sets"
            )
    except options.BadOptions as error:
        print(f"{error}\ntry 'mongod --help' for more information", flush=True)
        return EXIT_BAD_OPTIONS
    try:
        _check_key_file(chosen.key_file)
        with lock(Path(chosen.dbpath)) as lock_file:
            check_data_version(Path(chosen.dbpath))
            _serve(chosen)
            lock_file.truncate(0)
    except StartupFailure as failure:
        return failure.status
    return 0


def _check_key_file(path: str | None) -> None:
    if path is None:
        return
    try:
        keyfile.check(path)
    except keyfile.KeyFileError as error:
        attributes = {"code": error.code, "codeName": error.code_name, "errmsg": error.message}
        log.write("I", "ACCESS", 20254, "main", "Read security file failed", {"error": attributes})
    except keyfile.KeySizeError as error:
        log.write(
            "E",
            "ACCESS",
            20255,
            "main",
            "Security key size is out range",
            {
                "filename": path,
                "size": error.size,
                "minimumLength": keyfile.MIN_LENGTH,
                "maximumLength": keyfile.MAX_LENGTH,
            },
        )
    else:
        return
    if VERSION >= (5, 0):
        log.write(
            "F",
            "-",
            22866,
            "main",
            "Error creating service context",
            {"error": "Location5579201: Unable to acquire security key[s]"},
        )
    raise StartupFailure(EXIT_ERROR)


def lock(dbpath: Path) -> IO[str]:
    """Return the locked, open mongod.lock with this process's id in it."""
    if not dbpath.is_dir():
        raise _startup_exception(
            f"NonExistentPath: Data directory {dbpath} not found. Create the missing directory or specify another "
            "path using (1) the --dbpath command line option, or (2) by adding the 'storage.dbPath' option in the "
            "configuration file."
        )
    path = dbpath / "mongod.lock"
    try:
        file = path.open("a+", encoding="ascii")
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _startup_exception(
            f"DBPathInUse: Unable to lock the lock file: {path} (Resource temporarily unavailable). "
            f"Another mongod instance is already running on the {dbpath} directory"
        ) from error
    except OSError as error:
        raise _storage_failure(error, dbpath) from error
    _write_process_id(file, dbpath)
    return file


def _write_process_id(file: IO[str], dbpath: Path) -> None:
    file.seek(0)
    if file.read():
        log.write(
            "W",
            "STORAGE",
            22271,
            "initandlisten",
            "Detected unclean shutdown - Lock file is not empty",
            {"lockFile": file.name},
        )
    file.truncate(0)
    try:
        file.write(f"{os.getpid()}\n")
        file.flush()
    except OSError as error:
        raise _storage_failure(error, dbpath) from error


def _startup_exception(reason: str) -> StartupFailure:
    log.write("E", "CONTROL", 20557, "initandlisten", "DBException in initAndListen, terminating", {"error": reason})
    return StartupFailure(EXIT_STARTUP)


def _storage_failure(error: OSError, dbpath: Path) -> StartupFailure:
    """Log an error of the data directory as mongod or its storage engine would."""
    if error.errno == errno.ENOSPC:
        log.write(
            "E",
            "STORAGE",
            22435,
            "initandlisten",
            "WiredTiger error",
            {
                "error": 28,
                "message": f"connection: __posix_file_write, 539: {dbpath}/journal/WiredTigerLog.0000000001"
                ": handle-write: pwrite: failed to write 128 bytes at offset 0: "
                "No space left on device",
            },
        )
        log.write("F", "STORAGE", 28595, "initandlisten", "Terminating.", {"reason": "28: No space left on device"})
        return StartupFailure(EXIT_UNRECOVERABLE)
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return _startup_exception(
            f"IllegalOperation: Attempted to create a lock file on a read-only directory: {dbpath}"
        )
    log.write("F", "STORAGE", 28595, "initandlisten", "Terminating.", {"reason": f"{error.errno}: {error.strerror}"})
    return StartupFailure(EXIT_UNRECOVERABLE)


def check_data_version(dbpath: Path) -> None:
    """Refuse data of another feature compatibility version; remember ours in an empty directory."""
    path = dbpath / _VERSION_FILE
    own = "{}.{}".format(*VERSION)
    try:
        stored = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        try:
            path.write_text(own + "\n", encoding="ascii")
        except OSError as error:
            raise _storage_failure(error, dbpath) from error
        return
    if stored != own and (stored, own) not in {("4.4", "5.0"), ("5.0", "6.0"), ("6.0", "7.0")}:
        log.write(
            "F",
            "CONTROL",
            20573,
            "initandlisten",
            "Wrong mongod version",
            {
                "error": "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document "
                "(ERROR: Location4926900: "
                "Invalid featureCompatibilityVersion document in admin.system.version: "
                f'{{ _id: "featureCompatibilityVersion", version: "{stored}" }}.'
            },
        )
        raise StartupFailure(EXIT_WRONG_VERSION)


def _serve(chosen: argparse.Namespace) -> None:
    # Imported late, here and below: a refused start must not pay for the engine.
    from labmongod.commands import CommandTable

    stop = threading.Event()
    replica_set = ReplicaSet(chosen.replica_set, chosen.port)
    CommandTable(replica_set, VERSION, stop.set).install()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = open_server(chosen)
    _describe_itself(Path(chosen.dbpath))
    _load_replica_set(replica_set, server.storage)
    try:
        server.start()
    except OSError as error:
        log.write(
            "E",
            "NETWORK",
            20568,
            "initandlisten",
            "Error setting up listener",
            {"error": {"code": 9001, "codeName": "SocketException", "errmsg": os.strerror(error.errno or 0)}},
        )
        raise StartupFailure(EXIT_LISTEN) from error
    log.write(
        "I",
        "NETWORK",
        23015,
        "listener",
        "Listening on",
        {"address": "0.0.0.0" if chosen.bind_ip_all else chosen.bind_ip},
    )
    log.write("I", "NETWORK", 23016, "listener", "Waiting for connections", {"port": chosen.port, "ssl": "off"})
    stop.wait()
    log.write("I", "CONTROL", 23377, "SignalHandler", "Received signal", {"signal": 15, "error": "Terminated"})
    wake_accept(server)
    server.stop()
    log.write("I", "CONTROL", 23138, "SignalHandler", "Shutting down", {"exitCode": 0})


def open_server(chosen: argparse.Namespace) -> SecantusDBServer:
    """Open the data; a storage engine that cannot is a StartupFailure."""
    from secantus.server import SecantusDBServer
    from wiredtiger import WiredTigerError

    try:
        return SecantusDBServer(
            "0.0.0.0" if chosen.bind_ip_all else chosen.bind_ip,
            chosen.port,
            chosen.dbpath,
            replica_set_name=chosen.replica_set,
            require_auth=chosen.auth or chosen.key_file is not None,
            enable_test_commands=False,
            cache_size="32M",
            session_max=300,
        )
    except (OSError, WiredTigerError) as error:
        number = errno.ENOSPC if "No space left" in str(error) else errno.EIO
        raise _storage_failure(OSError(number, str(error)), Path(chosen.dbpath)) from error


def _describe_itself(dbpath: Path) -> None:
    """Begin a file of diagnostic.data as mongod does at every start: a document of type 0 says which server it is."""
    import bson

    now = datetime.datetime.now(datetime.UTC)
    build = {"start": now, "version": ".".join(map(str, VERSION)), "end": now}
    folder = dbpath / "diagnostic.data"
    content = bson.encode({"_id": now, "type": 0, "doc": {"start": now, "buildInfo": build, "end": now}})
    with contextlib.suppress(OSError):  # mongod goes on without as well, on a full disk for example
        folder.mkdir(exist_ok=True)
        (folder / now.strftime("metrics.%Y-%m-%dT%H-%M-%SZ-00000")).write_bytes(content)


def wake_accept(server: SecantusDBServer) -> None:
    """Let the accept thread end at once; otherwise the engine waits two seconds for it."""
    if server._socket is not None:
        server._socket.shutdown(socket.SHUT_RDWR)


def _load_replica_set(replica_set: ReplicaSet, storage: Storage) -> None:
    """Read the stored configuration and log what mongod makes of it."""
    from labmongod.commands import log_primary

    if replica_set.name is None:
        return
    stored = storage.find_matching("local", "system.replset", {})
    if not stored:
        log.write(
            "I",
            "REPL",
            21313,
            "initandlisten",
            "Did not find local replica set configuration document at startup",
            {
                "error": {
                    "code": 47,
                    "codeName": "NoMatchingDocument",
                    "errmsg": "Did not find replica set configuration document in local.system.replset",
                }
            },
        )
        return
    replica_set.config = dict(stored[0])
    if replica_set.state is MemberState.PRIMARY:
        log_primary()
    elif replica_set.config["_id"] != replica_set.name:
        log.write(
            "W",
            "REPL",
            21406,
            "ReplCoord-0",
            "Local replica set configuration document set name differs from command line set name; "
            "waiting for reconfig or remote heartbeat",
            {"localConfigSetName": replica_set.config["_id"], "commandLineSetName": replica_set.name},
        )
    else:
        _log_removed(replica_set)


def _log_removed(replica_set: ReplicaSet) -> None:
    config = replica_set.config or {}
    error = (
        f"No host described in new configuration with {{version: {config['version']}, term: {config['term']}}} "
        f"for replica set {replica_set.name} maps to this node"
    )
    log.write(
        "W",
        "REPL",
        21405,
        "ReplCoord-0",
        "Locally stored replica set configuration does not have a valid entry for the current node; "
        "waiting for reconfig or remote heartbeat",
        {"error": {"code": 74, "codeName": "NodeNotFound", "errmsg": error}, "localConfig": config},
    )
    log.write("I", "REPL", 21394, "ReplCoord-0", "This node is not a member of the config")


if __name__ == "__main__":
    sys.exit(main())
