# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Makes the root user on an empty data folder, as the original image's temporary mongod does.

It listens on a random port of the loopback: on a slow machine somebody who polls the usual port could otherwise take
it for the real server, log in, and find it gone for the next command. The original has that race.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pymongo

from labmongod import cpu, log, options
from labmongod.server import VERSION, StartupFailure, check_data_version, lock, open_server, wake_accept


def main() -> int:
    """Create the user of MONGO_INITDB_ROOT_*; return mongod's exit status."""
    cpu.die_of_cpu(VERSION)
    chosen = options.parse(["--port", "0"])
    try:
        with lock(Path(chosen.dbpath)) as lock_file:
            with open_server(chosen) as server:
                log.write(
                    "I", "NETWORK", 23016, "listener", "Waiting for connections", {"port": server.port, "ssl": "off"}
                )
                create_root_user(
                    server.port, os.environ["MONGO_INITDB_ROOT_USERNAME"], os.environ["MONGO_INITDB_ROOT_PASSWORD"]
                )
                wake_accept(server)
            # Last, because the entrypoint takes this file for a finished first start.
            check_data_version(Path(chosen.dbpath))
            log.write("I", "CONTROL", 23138, "SignalHandler", "Shutting down", {"exitCode": 0})
            lock_file.truncate(0)
    except StartupFailure as failure:
        return failure.status
    return 0


def create_root_user(port: int, user: str, password: str) -> None:
    """Make ``user`` with the role root, unless a first start that was killed has made it already."""
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient("127.0.0.1", port, directConnection=True) as client:
        if not client.admin.command("usersInfo", user)["users"]:
            client.admin.command("createUser", user, pwd=password, roles=[{"role": "root", "db": "admin"}])


if __name__ == "__main__":
    sys.exit(main())
