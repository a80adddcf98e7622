# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""State of a single-node replica set: what SecantusDB does not know about.

SecantusDB is either a standalone or a primary. A real mongod started with ``--replSet`` can
also be uninitialised (code 94) or removed from its own set (code 93), and those two are what
users meet.
"""

from __future__ import annotations

import enum
import socket
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


class MemberState(enum.Enum):
    """What this node is, with the code ``replSetGetStatus`` answers."""

    STANDALONE = 76
    UNINITIALISED = 94
    REMOVED = 93
    PRIMARY = 0


class CommandError(Exception):
    """An error reply of the server."""

    def __init__(self, code: int, code_name: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.reply: Document = {"ok": 0.0, "errmsg": message, "code": code, "codeName": code_name, **extra}


def is_own_address(host: str, port: int, own_port: int) -> bool:
    """Return whether ``host:port`` is this node: the name resolves to an address of this machine."""
    if port != own_port:
        return False
    try:
        addresses = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return False
    return any(_can_bind(address[4][0]) for address in addresses)


def _can_bind(address: str | int) -> bool:
    """Only a machine's own addresses can be bound: no need to list the interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def split_host(member_host: str) -> tuple[str, int]:
    """Return host and port of a member entry; the port defaults to 27017."""
    host, _, port = member_host.partition(":")
    return host, int(port or 27017)


class ReplicaSet:
    """The set named on the command line and the configuration stored in the data."""

    def __init__(self, name: str | None, port: int, is_own: Callable[[str, int, int], bool] = is_own_address) -> None:
        self.name = name
        self.port = port
        self.config: Document | None = None
        self._is_own = is_own

    @property
    def state(self) -> MemberState:
        """The state ``replSetGetStatus`` would report now."""
        if self.name is None:
            return MemberState.STANDALONE
        if self.config is None:
            return MemberState.UNINITIALISED
        if self.config["_id"] != self.name or self.own_member(self.config) is None:
            return MemberState.REMOVED
        return MemberState.PRIMARY

    def own_member(self, config: Document) -> Document | None:
        """Return the entry of ``config`` that is this node, or None."""
        for member in config.get("members", []):
            if self._is_own(*split_host(str(member["host"])), self.port):
                return dict(member)
        return None

    def initiate(self, config: Document | None) -> Document:
        """Return the configuration to store for ``replSetInitiate``; raise CommandError."""
        if self.name is None:
            raise CommandError(76, "NoReplicationEnabled", "This node was not started with the replSet option")
        if self.config is not None:
            raise CommandError(
                23,
                "AlreadyInitialized",
                "already initialized",
                info="try querying local.system.replset to see current configuration",
            )
        config = dict(config or {})
        config.setdefault("_id", self.name)
        config.setdefault("members", [{"_id": 0, "host": f"{socket.gethostname()}:{self.port}"}])
        if config["_id"] != self.name:
            raise CommandError(
                93,
                "InvalidReplicaSetConfig",
                "Rejecting initiate with a set name that differs from command line set name, initiate set name: "
                f"{config['_id']}, command line set name: {self.name}",
            )
        return self._accept(config, version=1, term=0, mismatch_code=93)

    def reconfigure(self, config: Document, *, force: bool) -> Document:
        """Return the configuration to store for ``replSetReconfig``; raise CommandError."""
        if self.state is MemberState.STANDALONE:
            raise CommandError(76, "NoReplicationEnabled", "not running with --replSet")
        if self.config is None:
            raise CommandError(94, "NotYetInitialized", "no replset config has been received")
        if self.state is not MemberState.PRIMARY and not force:
            raise CommandError(
                10107,
                "NotWritablePrimary",
                "New config is rejected :: caused by :: replSetReconfig should only be run on a writable PRIMARY. "
                f"Current state {self.state.name};",
            )
        version = max(int(config.get("version", 1)), int(self.config["version"]) + 1)
        return self._accept(dict(config), version=version, term=int(self.config["term"]), mismatch_code=74)

    def _accept(self, config: Document, *, version: int, term: int, mismatch_code: int) -> Document:
        if self.own_member(config) is None:
            names = {93: "InvalidReplicaSetConfig", 74: "NodeNotFound"}
            raise CommandError(
                mismatch_code,
                names[mismatch_code],
                f"No host described in new configuration with {{version: {version}, term: {term}}} "
                f"for replica set {self.name} maps to this node",
            )
        return {**config, "version": version, "term": max(term, 1)}

    def refusal(self) -> Document | None:
        """Return the error reply of ``replSetGetStatus`` in a state other than primary, else None."""
        state = self.state
        if state is MemberState.STANDALONE:
            return CommandError(76, "NoReplicationEnabled", "not running with --replSet").reply
        if state is MemberState.UNINITIALISED:
            return CommandError(
                94,
                "NotYetInitialized",
                "no replset config has been received",
                info="run rs.initiate(...) if not yet done for the set",
            ).reply
        if state is MemberState.REMOVED:
            return CommandError(
                93,
                "InvalidReplicaSetConfig",
                "Our replica set config is invalid or we are not a member of it",
                state=10,
                stateStr="REMOVED",
            ).reply
        return None
