# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The shells ``mongo`` (legacy) and ``mongosh`` over the real wire protocol.

JavaScript runs in QuickJS; ``prelude.js`` gives it the shell's objects and calls back here for
every database command. The two shells differ where users notice: ``mongo`` returns a failed
command's document and ``mongosh`` throws it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import quickjs
from bson import json_util
from pymongo import errors, uri_parser

from labmongod import cpu

EXIT_CONNECT, EXIT_SCRIPT = 1, {"mongo": 252, "mongosh": 1}
_PRELUDE = Path(__file__).with_name("prelude.js")


@dataclass(frozen=True)
class Target:
    """Server and database a command line means."""

    host: str
    port: int
    database: str
    user: str | None = None
    password: str | None = None
    auth_source: str | None = None


class _Quit(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def main(arguments: Sequence[str]) -> int:
    """Run one shell call; return its exit status."""
    name = "mongosh" if Path(arguments[0]).name == "mongosh" else "mongo"
    options = _parser(name).parse_args(arguments[1:])
    version = os.environ.get("MONGO_VERSION", "5.0.18")
    if options.version:
        print("2.3.8" if name == "mongosh" else f"MongoDB shell version v{version}")
        return 0
    cpu.die_of_cpu(tuple(int(part) for part in version.split(".")))
    target = resolve_target(options)
    if not options.quiet:
        print(
            f"MongoDB shell version v{version}\nconnecting to: mongodb://{target.host}:{target.port}/{target.database}"
        )
    client = None
    if not options.nodb:
        client, problem = _connect(target, name)
        if problem:
            print(problem, file=sys.stderr if name == "mongosh" else sys.stdout)
            return EXIT_CONNECT
    return _run_scripts(name, Shell(name, client, target.database), options)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name, add_help=False, allow_abbrev=False)
    parser.add_argument("positional", nargs="*")
    parser.add_argument("-u", "--username")
    parser.add_argument("-p", "--password", nargs="?", const="")
    parser.add_argument("--authenticationDatabase", dest="auth_source")
    parser.add_argument("--authenticationMechanism")
    parser.add_argument("-h", "--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--eval", action="append", default=[])
    parser.add_argument("-f", "--file", action="append", default=[])
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--nodb", action="store_true")
    parser.add_argument("--norc", action="store_true")
    parser.add_argument("--json", nargs="?", const="canonical")
    parser.add_argument("--version", action="store_true")
    return parser


def resolve_target(options: argparse.Namespace) -> Target:
    """Return the server that options and the positional address (URI, host/db or db) name."""
    host, port, database = options.host, options.port or 27017, "test"
    user, password, source = options.username, options.password, options.auth_source
    if ":" in host and not host.startswith("mongodb"):
        host, port = host.split(":")[0], int(host.split(":")[1])
    addresses = [item for item in options.positional if not item.endswith(".js")]
    if addresses and addresses[0].startswith("mongodb://"):
        uri = uri_parser.parse_uri(addresses[0])
        (host, port), database = uri["nodelist"][0], uri["database"] or "test"
        user, password = user or uri["username"], password or uri["password"]
        source = source or uri["options"].get("authSource")
    elif addresses and "/" in addresses[0]:
        parts = urlsplit("//" + addresses[0])
        host, port, database = parts.hostname or host, parts.port or port, parts.path.lstrip("/")
    elif addresses:
        database = addresses[0]
    if user and password == "":
        password = getpass.getpass("Enter password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    return Target(host, port, database, user, password, source or (database if database != "test" else "admin"))


def _connect(target: Target, name: str) -> tuple[pymongo.MongoClient[dict[str, Any]], str | None]:
    """Return the client and, where the server cannot be used, the shell's own complaint."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        target.host,
        target.port,
        directConnection=True,
        serverSelectionTimeoutMS=2000,
        socketTimeoutMS=30000,
        username=target.user,
        password=target.password,
        **({"authSource": target.auth_source} if target.user else {}),
    )
    address = f"{target.host}:{target.port}"
    legacy_tail = (
        "\nconnect@src/mongo/shell/mongo.js:372:17\n@(connect):2:6\nexception: connect failed\nexiting with code 1"
    )
    try:
        client.admin.command("ping")
    except errors.ServerSelectionTimeoutError:
        return client, {
            "mongo": f"Error: couldn't connect to server {address}, connection attempt failed: SocketException: "
            f"Error connecting to {address} :: caused by :: Connection refused :{legacy_tail}",
            "mongosh": f"MongoNetworkError: connect ECONNREFUSED {address}",
        }[name]
    except errors.OperationFailure as error:
        if error.code == 18:
            return client, {
                "mongo": f"Error: Authentication failed. :{legacy_tail}",
                "mongosh": "MongoServerError: Authentication failed.",
            }[name]
        if error.code != 13:
            return client, f"Error: {error}{legacy_tail}"
    return client, None


class Shell:
    """One QuickJS context with the shell's objects in it."""

    def __init__(self, name: str, client: pymongo.MongoClient[dict[str, Any]] | None, database: str) -> None:
        self._client = client
        self._quit_status: int | None = None
        self._context = quickjs.Context()
        for function in ("command", "environment", "login", "print", "quit", "sleep", "read_file"):
            self._context.add_callable(f"__{function}", getattr(self, f"_{function}"))
        self._context.eval(_PRELUDE.read_text(encoding="utf-8"))
        self._context.eval(f"__start({json.dumps(name)}, {json.dumps(database)})")

    def run(self, source: str, *, show_result: bool) -> None:
        """Run JavaScript; raise quickjs.JSException, or _Quit when the script called quit()."""
        wrapped = f"__run({json.dumps(source)}, {json.dumps(show_result)})"
        try:
            self._context.eval(wrapped)
        except quickjs.JSException:
            if self._quit_status is None:
                raise
        if self._quit_status is not None:
            raise _Quit(self._quit_status)

    # What prelude.js may call; every value crosses as a string.

    def _command(self, database: str, command: str) -> str:
        if self._client is None:
            return json.dumps({"ok": 0, "errmsg": "no connection", "code": 11600})
        document = json_util.loads(command)
        try:
            reply = self._client[database].command(document, check=False)
        except errors.OperationFailure as error:
            reply = error.details or {"ok": 0, "errmsg": str(error), "code": error.code}
        except errors.PyMongoError as error:
            reply = {"ok": 0, "errmsg": f"network error: {error}", "code": 6, "codeName": "HostUnreachable"}
        return str(json_util.dumps(dict(reply), json_options=json_util.RELAXED_JSON_OPTIONS))

    def _login(self, database: str, user: str, password: str) -> str:
        """Go on as another user; the connection stays as it is where that user is refused."""
        if self._client is None:
            return json.dumps({"ok": 0, "errmsg": "no connection", "code": 11600})
        host, port = self._client.address or ("127.0.0.1", 27017)
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            host,
            port,
            directConnection=True,
            serverSelectionTimeoutMS=2000,
            username=user,
            password=password,
            authSource=database,
        )
        try:
            client[database].command("ping")
        except errors.OperationFailure as error:
            return json.dumps(
                {"ok": 0, "errmsg": "Authentication failed.", "code": error.code, "codeName": "AuthenticationFailed"}
            )
        self._client = client
        return json.dumps({"ok": 1})

    @staticmethod
    def _environment() -> str:
        return json.dumps(dict(os.environ))

    @staticmethod
    def _print(text: str) -> None:
        print(text, flush=True)

    def _quit(self, status: int) -> None:
        self._quit_status = int(status)

    @staticmethod
    def _sleep(milliseconds: float) -> None:
        time.sleep(milliseconds / 1000)

    @staticmethod
    def _read_file(path: str) -> str:
        return Path(path).read_text(encoding="utf-8")


def _run_scripts(name: str, shell: Shell, options: argparse.Namespace) -> int:
    """Run --eval texts, then files, else standard input; return the exit status."""
    files = options.file + [item for item in options.positional if item.endswith(".js")]
    scripts = [(text, True) for text in options.eval] + [
        (Path(file).read_text(encoding="utf-8"), False) for file in files
    ]
    if not scripts:
        scripts = [(sys.stdin.read(), True)]
    try:
        for source, show_result in scripts:
            shell.run(source, show_result=show_result)
    except _Quit as quit_call:
        return quit_call.status
    except quickjs.JSException as error:
        text = str(error).split("\n    at ")[0].strip()
        print(
            text if name == "mongosh" else f"uncaught exception: {text}",
            file=sys.stderr if name == "mongosh" else sys.stdout,
        )
        return EXIT_SCRIPT[name]
    return 0
