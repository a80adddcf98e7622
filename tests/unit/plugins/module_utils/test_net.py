# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _net


@pytest.mark.parametrize(
    ("value", "host", "port", "user", "password", "database"),
    [
        ("mongodb://u:p@mongo:27017/fastgpt?authSource=admin", "mongo", 27017, "u", "p", "fastgpt"),
        ("mongodb://u:p%40x@mongo/fastgpt", "mongo", 27017, "u", "p@x", "fastgpt"),
        ("postgresql://gaussdb:a@b@gs:5432/x", "gs", 5432, "gaussdb", "a@b", "x"),
        ("postgresql://u:pa/ss@pg:5432/x", "pg", 5432, "u", "pa/ss", "x"),
        ("redis://default:p@redis:6379", "redis", 6379, "default", "p", ""),
        ("redis://redis", "redis", 6379, "", "", ""),
        ("http://oneapi:3000/v1", "oneapi", 3000, "", "", "v1"),
        ("https://api.example.com/v1/", "api.example.com", 443, "", "", "v1"),
        ("http://h:3000/x@y", "h", 3000, "", "", "x@y"),
        ("http://[::1]:3000", "::1", 3000, "", "", ""),
        ("root:pw@tcp(mysql:3306)/oneapi?charset=utf8", "mysql", 3306, "root", "pw", "oneapi"),
    ],
)
def test_addresses(value: str, host: str, port: int, user: str, password: str, database: str) -> None:
    address = _net.parse_addresses(value)[0]
    assert (address.host, address.port, address.user, address.password, address.database) == (
        host, port, user, password, database,
    )  # fmt: skip


def test_members_of_a_replica_set_are_all_given() -> None:
    found = _net.parse_addresses("mongodb://u:p@a:1,b:2,c/db?replicaSet=rs0")
    assert [(item.host, item.port) for item in found] == [("a", 1), ("b", 2), ("c", 27017)]
    assert found[0].options == {"replicaSet": "rs0"}


@pytest.mark.parametrize("value", ["", "info", "3000", "://x", "a b://c"])
def test_what_is_no_address(value: str) -> None:
    assert _net.parse_addresses(value) == []


def container(name: str, aliases: list[str], network: str = "n", ip: str | None = "10.0.0.2") -> dict[str, t.Any]:
    return {"name": name, "service": name, "networks": {network: {"aliases": aliases, "ip": ip}}}


def test_a_name_means_a_container_on_a_shared_network_only() -> None:
    app, mongo, stranger = container("app", []), container("fastgpt-mongo", ["mongo"]), container("pg", ["pg"], "other")
    everything = [app, mongo, stranger]
    assert _net.peer_of("mongo", app, everything) is mongo
    assert _net.peer_of("fastgpt-mongo", app, everything) is mongo
    assert _net.peer_of("pg", app, everything) is None


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(500 if "bad" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"caf\xe9")

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def page() -> t.Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_is_read(page: str) -> None:
    answer = _net.http_get(f"{page}/good", 5)
    assert (answer["status"], answer["body"], answer["error"]) == (200, "caf\N{REPLACEMENT CHARACTER}", None)


def test_an_error_status_is_an_answer(page: str) -> None:
    answer = _net.http_get(f"{page}/bad", 5)
    assert (answer["status"], answer["message"], answer["error"]) == (500, None, None)


@contextlib.contextmanager
def silent_server() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_never_answers_is_told_from_one_that_refuses() -> None:
    with silent_server() as port:
        silent = _net.http_get(f"http://127.0.0.1:{port}/", 0.3)
    refused = _net.http_get(f"http://127.0.0.1:{port}/", 0.3)
    assert silent["message"] == "took the connection and did not answer in 0.3 s"
    assert "refused" in refused["message"]
    assert silent["error"] is refused["error"] is None


def test_only_http_is_asked() -> None:
    assert _net.http_get("file:///etc/passwd", 1)["error"] == "no HTTP address"


def redis_that_says(*replies: bytes) -> int:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _peer = server.accept()
        with server, connection:
            for reply in replies:
                connection.recv(4096)
                connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("replies", "password", "auth", "message"),
    [
        ([b"+OK\r\n", b"+PONG\r\n"], "right", True, None),
        (
            [b"-WRONGPASS invalid username-password pair\r\n"],
            "wrong",
            False,
            "WRONGPASS invalid username-password pair",
        ),
        ([b"-NOAUTH Authentication required.\r\n"], "", False, "NOAUTH Authentication required."),
        (
            [b"-LOADING Redis is loading the dataset in memory\r\n"],
            "",
            None,
            "LOADING Redis is loading the dataset in memory",
        ),
    ],
)
def test_redis(replies: list[bytes], password: str, auth: bool | None, message: str | None) -> None:
    answer = _net.ask_redis("127.0.0.1", redis_that_says(*replies), "default", password, 2)
    assert answer == {"reachable": True, "auth": auth, "message": message, "error": None}


def test_a_redis_that_is_not_there() -> None:
    with silent_server() as port:
        pass
    answer = _net.ask_redis("127.0.0.1", port, "", "", 1)
    assert (answer["reachable"], answer["error"]) == (False, None)
