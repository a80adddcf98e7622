# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Puts the replica set's states, mongod's version and its log lines into SecantusDB's command table."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import secantus.commands as engine

from labmongod import log
from labmongod.replica_set import CommandError, Document, MemberState, ReplicaSet

Handler = Callable[[Document, Any], Document]

_READS = (
    "find",
    "aggregate",
    "count",
    "distinct",
    "listCollections",
    "listIndexes",
    "listDatabases",
    "dbStats",
    "collStats",
)
_WRITES = (
    "insert",
    "update",
    "delete",
    "findAndModify",
    "create",
    "createIndexes",
    "drop",
    "dropDatabase",
    "dropIndexes",
    "createUser",
    "updateUser",
    "dropUser",
    "grantRolesToUser",
)
# Wire version of a major release: drivers derive the features they use from it.
_WIRE_VERSION: dict[tuple[int, ...], int] = {(4, 4): 9, (5, 0): 13, (6, 0): 17, (7, 0): 21}


class CommandTable:
    """Rewrites SecantusDB's handlers in place for one server."""

    def __init__(self, replica_set: ReplicaSet, version: tuple[int, ...], shut_down: Callable[[], None]) -> None:
        self._set = replica_set
        self._version = version
        self._shut_down = shut_down
        self._logins: dict[int, Document] = {}

    def install(self) -> None:
        """Replace and wrap the handlers. The engine has no other place for this: its table is module state."""
        handlers: dict[str, Handler] = engine._HANDLERS
        for name in ("hello", "isMaster", "ismaster"):
            handlers[name] = self._hello(handlers[name])
        for name in _READS:
            handlers[name] = self._guard(handlers[name], self._read_refusal)
        for name in _WRITES:
            handlers[name] = self._guard(handlers[name], self._write_refusal)
        handlers["buildInfo"] = handlers["buildinfo"] = self._build_info(handlers["buildInfo"])
        handlers["getParameter"] = self._get_parameter(handlers["getParameter"])
        handlers["replSetInitiate"] = _as_handler(self._initiate)
        handlers["replSetReconfig"] = _as_handler(self._reconfigure)
        handlers["replSetGetConfig"] = _as_handler(self._get_config)
        handlers["replSetGetStatus"] = self._get_status(handlers["replSetGetStatus"])
        handlers["delete"] = self._delete(handlers["delete"])
        handlers["shutdown"] = self._shutdown
        # A login may ride in `hello`, which calls the module's own function rather than the table.
        engine._sasl_start = handlers["saslStart"] = self._sasl_start(handlers["saslStart"])
        handlers["saslContinue"] = self._sasl_continue(handlers["saslContinue"])

    # replica set -----------------------------------------------------------------------------

    def _hello(self, original: Handler) -> Handler:
        def handler(document: Document, context: Any) -> Document:
            reply = original(document, context)
            reply["maxWireVersion"] = _WIRE_VERSION[self._version[:2]]
            state = self._set.state
            if state is MemberState.PRIMARY:
                member = self._set.own_member(self._set.config or {}) or {}
                hosts = [entry["host"] for entry in (self._set.config or {})["members"]]
                reply.update(setName=self._set.name, hosts=hosts, primary=member["host"], me=member["host"])
            elif state is not MemberState.STANDALONE:
                for key in ("setName", "setVersion", "hosts", "passives", "arbiters", "primary", "me", "electionId"):
                    reply.pop(key, None)
                reply.update(
                    isWritablePrimary=False,
                    ismaster=False,
                    secondary=False,
                    info="Does not have a valid replica set config",
                    isreplicaset=True,
                )
            return reply

        return handler

    def _get_status(self, original: Handler) -> Handler:
        def handler(document: Document, context: Any) -> Document:
            refusal = self._set.refusal()
            if refusal is not None:
                return refusal
            reply = original(document, context)
            own = self._set.own_member(self._set.config or {}) or {}
            reply["members"][0].update(_id=own["_id"], name=own["host"])
            return reply

        return handler

    def _initiate(self, document: Document, context: Any) -> Document:
        argument = document["replSetInitiate"]
        self._store(self._set.initiate(dict(argument) if isinstance(argument, dict) else None), context)
        log.write(
            "I",
            "REPL",
            21392,
            f"conn{context.connection_id}",
            "New replica set config in use",
            {"config": self._set.config},
        )
        log_primary()
        return {"ok": 1.0}

    def _reconfigure(self, document: Document, context: Any) -> Document:
        config = dict(document["replSetReconfig"])
        self._store(self._set.reconfigure(config, force=bool(document.get("force"))), context)
        log.write(
            "I",
            "REPL",
            21392,
            f"conn{context.connection_id}",
            "New replica set config in use",
            {"config": self._set.config},
        )
        return {"ok": 1.0}

    def _get_config(self, _document: Document, _context: Any) -> Document:
        if self._set.name is None or self._set.config is None:
            raise CommandError(
                *(
                    (76, "NoReplicationEnabled", "not running with --replSet")
                    if self._set.name is None
                    else (94, "NotYetInitialized", "no replset config has been received")
                )
            )
        return {"config": self._set.config, "ok": 1.0}

    def _delete(self, original: Handler) -> Handler:
        """A single server lets its operator take a stored replica set out; the engine keeps such names for itself."""

        def handler(document: Document, context: Any) -> Document:
            of_set = context.db_name == "local" and document.get("delete") == "system.replset"
            if not of_set or self._set.state is not MemberState.STANDALONE:
                return original(document, context)
            stored = len(context.storage.find_matching("local", "system.replset", {}))
            context.storage.drop_collection("local", "system.replset")
            return {"n": stored, "ok": 1.0}

        return handler

    def _store(self, config: Document, context: Any) -> None:
        store_config(context.storage, config)
        self._set.config = config

    def _read_refusal(self, document: Document, context: Any) -> Document | None:
        if context.db_name == "local" or self._set.state in (MemberState.STANDALONE, MemberState.PRIMARY):
            return self._transaction_refusal(document)
        return CommandError(13436, "NotPrimaryOrSecondary", "node is not in primary or recovering state").reply

    def _write_refusal(self, document: Document, context: Any) -> Document | None:
        if context.db_name == "local" or self._set.state in (MemberState.STANDALONE, MemberState.PRIMARY):
            return self._transaction_refusal(document)
        return CommandError(
            10107, "NotWritablePrimary", "not master" if self._version < (5, 0) else "not primary"
        ).reply

    def _transaction_refusal(self, document: Document) -> Document | None:
        if self._set.state is MemberState.STANDALONE and "txnNumber" in document:
            return CommandError(
                20,
                "IllegalOperation",
                "Transaction numbers are only allowed on a replica set member or mongos",
            ).reply
        return None

    @staticmethod
    def _guard(original: Handler, refusal: Callable[[Document, Any], Document | None]) -> Handler:
        return lambda document, context: refusal(document, context) or original(document, context)

    # version and life ------------------------------------------------------------------------

    def _build_info(self, original: Handler) -> Handler:
        def handler(document: Document, context: Any) -> Document:
            version = ".".join(map(str, self._version))
            return {**original(document, context), "version": version, "versionArray": [*self._version, 0]}

        return handler

    def _get_parameter(self, original: Handler) -> Handler:
        def handler(document: Document, context: Any) -> Document:
            reply = original(document, context)
            if "featureCompatibilityVersion" in reply:
                reply["featureCompatibilityVersion"] = {"version": "{}.{}".format(*self._version)}
            return reply

        return handler

    def _shutdown(self, _document: Document, _context: Any) -> Document:
        self._shut_down()
        return {"ok": 1.0}

    # logins ----------------------------------------------------------------------------------

    def _sasl_start(self, original: Handler) -> Handler:
        def handler(document: Document, context: Any) -> Document:
            self._logins[context.connection_id] = {
                "mechanism": document.get("mechanism"),
                "principalName": principal_of(document.get("payload")),
                "authenticationDatabase": context.db_name,
            }
            reply = original(document, context)
            return self._watch_login(reply, context)

        return handler

    def _sasl_continue(self, original: Handler) -> Handler:
        return lambda document, context: self._watch_login(original(document, context), context)

    def _watch_login(self, reply: Document, context: Any) -> Document:
        login = self._logins.get(context.connection_id, {})
        if reply.get("done"):
            self._logins.pop(context.connection_id, None)
        elif not reply.get("ok"):
            user, database = login.get("principalName", ""), login.get("authenticationDatabase", "")
            known = context.storage.get_user(database, user) is not None
            result = (
                "AuthenticationFailed: SCRAM authentication failed, storedKey mismatch"
                if known
                else f'UserNotFound: Could not find user "{user}" for db "{database}"'
            )
            log.write(
                "I",
                "ACCESS",
                20249,
                f"conn{context.connection_id}",
                "Authentication failed",
                {**login, "result": result},
            )
        return reply


def log_primary() -> None:
    """Log that this node accepts writes."""
    log.write("I", "REPL", 21331, "OplogApplier-0", "Transition to primary complete; database writes are now permitted")


def store_config(storage: Any, config: Document) -> None:
    """Write ``config`` where mongod keeps it: the one document of ``local.system.replset``."""
    storage.drop_collection("local", "system.replset")
    storage.insert("local", "system.replset", [config])


def principal_of(payload: Any) -> str:
    """Return the user name inside a SCRAM client-first message (bytes or base64 text)."""
    raw = base64.b64decode(payload) if isinstance(payload, str) else bytes(payload or b"")
    match = re.search(r"(?:^|,)n=([^,]*)", raw.decode("utf-8", "replace").removeprefix("n,,"))
    return match.group(1).replace("=2C", ",").replace("=3D", "=") if match else ""


def _as_handler(command: Handler) -> Handler:
    def handler(document: Document, context: Any) -> Document:
        try:
            return command(document, context)
        except CommandError as error:
            return error.reply

    return handler
