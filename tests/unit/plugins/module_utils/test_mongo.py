# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import json
import pathlib
import socket
import struct
import threading
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _mongo, _mongo_wire
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Inside = t.Callable[..., pathlib.Path]
OK: dict[str, t.Any] = {"ok": 1.0}
REFUSED: dict[str, t.Any] = {"ok": 0.0, "code": 13, "errmsg": "command requires authentication"}
APP = {"env": {"MONGODB_URI": "mongodb://app:pw%40d@mongo:27017/fastgpt?authSource=admin"}}


def test_bson_is_read_back() -> None:
    document = {"a": 1, "b": "caf\u00e9", "c": {"d": True, "e": b"\0x"}, "f": -5, "g": [{"h": 1}, "i"]}
    assert _mongo_wire.decode(_mongo_wire.encode(document)) == document


def test_types_that_only_replies_have() -> None:
    elements = (
        b"\x01d\0" + struct.pack("<d", 1.0)
        + b"\x10i\0" + struct.pack("<i", 7)
        + b"\x07o\0" + bytes(range(12))
        + b"\x09t\0" + struct.pack("<q", 1795161600000)
        + b"\x11s\0" + struct.pack("<Q", 1 << 32)
        + b"\x0an\0"
        + b"\x04l\0" + _mongo_wire.encode({"0": "x", "1": "y"})
    )  # fmt: skip
    data = struct.pack("<i", len(elements) + 5) + elements + b"\0"
    assert _mongo_wire.decode(data) == {
        "d": 1.0,
        "i": 7,
        "o": "000102030405060708090a0b",
        "t": 1795161600000,
        "s": 1 << 32,
        "n": None,
        "l": ["x", "y"],
    }


def test_scram_as_its_standard_has_it() -> None:
    """The example exchange of RFC 7677, section 3."""
    scram = _mongo_wire.Scram("user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    final = scram.final(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode())
    assert final == f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()


def test_a_challenge_for_somebody_else_is_refused() -> None:
    with pytest.raises(_mongo_wire.WireError, match="does not fit"):
        _mongo_wire.Scram("user", "pencil", "mine").final(b"r=other,s=W22Z,i=4096")


class Server:
    """Answers each command by its name, as mongod frames it; what it was asked is kept."""

    def __init__(self, **replies: dict[str, t.Any]):
        self.replies = replies
        self.asked: list[dict[str, t.Any]] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _peer = self.socket.accept()
        with self.socket, connection, connection.makefile("rb") as stream:
            while header := stream.read(16):
                command = _mongo_wire.decode(stream.read(struct.unpack("<i", header[:4])[0] - 16)[5:])
                self.asked.append(command)
                body = b"\0" * 5 + _bson(self.replies.get(next(iter(command)), REFUSED))
                connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 1, 2013) + body)


def _bson(document: dict[str, t.Any]) -> bytes:
    """Write what the client itself never sends: floats and lists."""
    plain = {key: int(value) if isinstance(value, float) else value for key, value in document.items()}
    return _mongo_wire.encode(plain)


def container(port: int, ip: str | None = "127.0.0.1", **more: t.Any) -> dict[str, t.Any]:
    return {
        "id": "m",
        "name": "mongo",
        "networks": {"n": {"aliases": [], "ip": ip}},
        "command": ["mongod", "--port", str(port)],
        **more,
    }


def test_a_member_that_was_never_initiated() -> None:
    server = Server(
        replSetGetStatus={"ok": 0, "code": 94, "errmsg": "no replset config has been received"},
        isMaster={"ok": 1, "ismaster": False},
        buildInfo={"ok": 1, "version": "5.0.18"},
    )
    answer = _mongo.ask_mongo(container(server.port), None, Deadline(10))["mongo"]
    assert (answer["reachable"], answer["repl_code"], answer["primary"]) == (True, 94, False)
    assert (answer["auth"], answer["version"], answer["root_user"]) == (None, "5.0.18", None)
    assert answer["root_message"] == "command requires authentication"


def test_a_refused_login_is_told_and_the_containers_own_is_tried() -> None:
    server = Server(saslStart={"ok": 0, "code": 18, "errmsg": "Authentication failed."})
    env = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": "rootpw"}
    answer = _mongo.ask_mongo(container(server.port, env=env), APP, Deadline(10))["mongo"]
    assert (answer["auth"], answer["auth_code"], answer["message"]) == (False, 18, "Authentication failed.")
    users = [command["payload"] for command in server.asked if "saslStart" in command]
    assert [payload.split(b",")[2] for payload in users] == [b"n=app", b"n=root"]


def test_nothing_asked_changes_anything() -> None:
    reads = {
        "isMaster",
        "replSetGetStatus",
        "replSetGetConfig",
        "buildInfo",
        "getParameter",
        "count",
        "distinct",
        "find",
    }
    assert {next(iter(command)) for _database, command in _mongo.questions("fastgpt")} <= reads


def test_a_server_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = _mongo.ask_mongo(container(port), None, Deadline(10))["mongo"]
    assert (answer["reachable"], answer["message"], answer["error"]) == (False, "Connection refused", None)


CALLS = {"type": "llm", "isActive": True, "functionCall": True}
HEALTHY: list[dict[str, t.Any]] = [
    {**OK, "ismaster": True, "hosts": ["mongo:27017"], "setName": "rs0"},
    {**OK, "myState": 1, "set": "rs0"},
    {**OK, "config": {"_id": "rs0", "members": [{"host": "mongo:27017"}]}},
    {**OK, "version": "5.0.18"},
    {**OK, "featureCompatibilityVersion": {"version": "5.0"}},
    {**OK, "n": 1},
    {**OK, "values": ["text-embedding-ada-002"]},
    {**OK, "n": 120},
    {**OK, "n": 0},
    {**OK, "n": 3},
    {**OK, "n": 1},
    {**OK, "cursor": {"firstBatch": [{"errorMsg": "429"}]}},
    {**OK, "cursor": {"firstBatch": [{"model": "qwen-max", "metadata": CALLS}]}},
    {**OK, "cursor": {"firstBatch": [{"_id": "rs0", "members": [{"host": "mongo:27017"}]}]}},
]
QWEN = {"model": "qwen-max", "type": "llm", "active": True, "tool_choice": False, "function_call": True}
QWEN["own_address"] = False


def test_a_healthy_member() -> None:
    facts = _mongo.facts_of(_mongo.Asked([{"app": True, "ok": True}], HEALTHY))
    assert facts == {
        "auth": True,
        "auth_code": None,
        "message": None,
        "repl_ok": 1,
        "repl_code": None,
        "repl_message": None,
        "state": 1,
        "primary": True,
        "set_name": "rs0",
        "set_members": ["mongo:27017"],
        "set_stored": True,
        "version": "5.0.18",
        "fcv": "5.0",
        "root_user": True,
        "root_message": None,
        "datasets": {"vector_models": ["text-embedding-ada-002"], "data": 120},
        "training": {"waiting": 3, "given_up": 1, "errors": ["429"]},
        "models": [QWEN],
    }


def test_a_member_whose_stored_host_is_another() -> None:
    replies = [REFUSED] * len(HEALTHY)
    replies[1] = {"ok": 0, "code": 93, "errmsg": "Our replica set config is invalid or we are not a member of it"}
    replies[2] = HEALTHY[2]
    facts = _mongo.facts_of(_mongo.Asked([], replies))
    assert (facts["repl_code"], facts["set_members"], facts["root_user"]) == (93, ["mongo:27017"], None)


def test_a_single_server_shows_the_set_its_data_were_of() -> None:
    replies = [REFUSED] * len(HEALTHY)
    replies[1] = {"ok": 0, "code": 76, "errmsg": "not running with --replSet"}
    replies[-1] = HEALTHY[-1]
    facts = _mongo.facts_of(_mongo.Asked([], replies))
    assert (facts["repl_code"], facts["set_name"], facts["set_members"], facts["set_stored"]) == (
        76,
        "rs0",
        ["mongo:27017"],
        True,
    )
    replies[-1] = {**OK, "cursor": {"firstBatch": []}}
    facts = _mongo.facts_of(_mongo.Asked([], replies))
    assert (facts["set_name"], facts["set_stored"]) == (None, False)


SAID = json.dumps({"logins": [], "replies": HEALTHY})


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        (f"echo noise; echo 'FASTGPT_OPS {SAID}'", {"reachable": True, "state": 1}),
        ("echo 'MongoNetworkError: connect ECONNREFUSED'; exit 1", {"reachable": False, "error": None}),
        ("echo 'TypeError: no function'; exit 1", {"reachable": None, "error": "TypeError: no function"}),
    ],
    ids=["answers", "down", "fails"],
)  # fmt: skip
def test_where_the_host_does_not_reach_containers_their_shell_is_asked(
    inside: Inside, shell: str, expected: dict[str, t.Any]
) -> None:
    inside(mongosh=shell)
    answer = _mongo.ask_mongo(container(27017, ip=None), None, Deadline(20))["mongo"]
    assert answer["shell"] == "mongosh"
    assert {key: answer[key] for key in expected} == expected


def test_a_container_without_a_shell_for_mongo_says_so(inside: Inside) -> None:
    inside(docker="#!/bin/sh\nexit 126")
    answer = _mongo.ask_mongo(container(27017, ip=None), None, Deadline(20))["mongo"]
    assert (answer["reachable"], answer["error"]) == (None, "exit status 126")


def test_the_shell_gets_the_logins_by_its_environment_only(inside: Inside, tmp_path: pathlib.Path) -> None:
    inside(mongosh=f'printf %s "$FASTGPT_OPS_LOGINS" > {tmp_path}/env; printf "%s " "$@" > {tmp_path}/arguments')
    env = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": "rootpw"}
    _mongo.ask_mongo(container(27017, ip=None, env=env), APP, Deadline(20))
    logins = json.loads((tmp_path / "env").read_text())
    assert [(item["user"], item["password"], item["source"], item["app"]) for item in logins] == [
        ("app", "pw@d", "admin", True),
        ("root", "rootpw", "admin", False),
    ]
    arguments = (tmp_path / "arguments").read_text()
    assert "pw@d" not in arguments
    assert "rootpw" not in arguments
    assert '"fastgpt"' in arguments


@pytest.mark.parametrize("kind", ["file", "directory", "missing"])
def test_the_key_file_as_mongod_sees_it(inside: Inside, tmp_path: pathlib.Path, kind: str) -> None:
    inside(mongosh="exit 1")
    key = tmp_path / "mongodb.key"
    if kind == "file":
        key.write_text("abcdef")
        key.chmod(0o400)
    elif kind == "directory":
        key.mkdir(mode=0o755)
    mongo = container(27017, ip=None)
    mongo["command"] = ["mongod", "--keyFile", str(key), "--replSet", "rs0"]
    answer = _mongo.ask_mongo(mongo, None, Deadline(20))["mongo_keyfile"]
    assert (answer["kind"], answer["path"], answer["error"]) == (kind, str(key), None)
    assert answer["mode"] == {"file": "0400", "directory": "0755", "missing": None}[kind]
