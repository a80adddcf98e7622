# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The part of mongod's command line that a FastGPT compose file uses."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

# Accepted because compose files set them; they have no meaning for the stand-in.
_IGNORED_WITH_VALUE = (
    "--wiredTigerCacheSizeGB",
    "--oplogSize",
    "--setParameter",
    "--logpath",
    "--pidfilepath",
    "--config",
)
_IGNORED_FLAGS = ("--noauth", "--quiet", "--logappend", "--journal", "--nojournal", "--directoryperdb", "--ipv6")


class BadOptions(Exception):
    """A command line mongod rejects (exit status 2)."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadOptions(f"Error parsing command line: {message}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return mongod's options; raise BadOptions with mongod's words otherwise."""
    parser = _Parser(prog="mongod", add_help=False, allow_abbrev=False)
    parser.add_argument("--replSet", dest="replica_set")
    parser.add_argument("--keyFile", dest="key_file")
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--bind_ip", default="127.0.0.1")
    parser.add_argument("--bind_ip_all", action="store_true")
    parser.add_argument("--port", type=int, default=27017)
    parser.add_argument("--dbpath", default="/data/db")
    parser.add_argument("--version", action="store_true")
    for option in _IGNORED_WITH_VALUE:
        parser.add_argument(option)
    for option in _IGNORED_FLAGS:
        parser.add_argument(option, action="store_true")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise BadOptions(f"Error parsing command line: unrecognised option '{unknown[0]}'")
    return options


def requires_key_file(options: argparse.Namespace, version: tuple[int, ...]) -> bool:
    """Return whether mongod of ``version`` refuses this combination for want of a key file."""
    return version >= (5, 0) and options.auth and bool(options.replica_set) and not options.key_file
