# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The gateway's state: from MySQL, PostgreSQL or SQLite for One API and its forks, by its interface for AI Proxy."""

from __future__ import annotations

import json
import pathlib
import sqlite3
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _gateway
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Inside = t.Callable[..., pathlib.Path]
KEY = "sk-Abc123"


def container(name: str, **more: t.Any) -> dict[str, t.Any]:
    return {"id": name, "name": name, "service": name, "networks": {"n": {"aliases": [name], "ip": "10.0.0.9"}}, **more}


def oneapi(dsn: str = "", **more: t.Any) -> list[dict[str, t.Any]]:
    """The app, One API with that SQL_DSN, and a database named `db`."""
    app = container("app", env={"OPENAI_BASE_URL": "http://oneapi:3000/v1", "CHAT_API_KEY": KEY})
    gateway = container("oneapi", image="one-api:v0.6.7", env={"SQL_DSN": dsn} if dsn else {}, **more)
    return [app, gateway, container("db")]


def ask(containers: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return _gateway.ask_state(containers[0], containers, Deadline(20))


TOKEN = {"id": 3, "key": "Abc123", "status": 1, "name": "mine", "remain_quota": 0, "unlimited_quota": 1, "models": None}
USER = {"id": 1, "username": "root", "status": 1, "quota": 120, "group": "vip"}
CHANNEL = {
    "id": 7,
    "type": 1,
    "key": "sk-provider",
    "status": 3,
    "name": "qwen",
    "models": "qwen-max, qwen-vl",
    "group": "default,vip",
    "base_url": None,
    "model_mapping": '{"qwen-vl": "qwen-vl-max"}',
}
SEEN = {
    "token": {
        "id": 3,
        "name": "mine",
        "status": 1,
        "remain_quota": 0,
        "unlimited": True,
        "expired_time": None,
        "models": None,
        "subnet": None,
    },
    "user": {"id": 1, "name": "root", "status": 1, "quota": 120, "group": "vip"},
    "channels": [
        {
            "id": 7,
            "name": "qwen",
            "type": 1,
            "status": 3,
            "models": ["qwen-max", "qwen-vl"],
            "groups": ["default", "vip"],
            "base_url": "",
            "mapping": {"qwen-vl": "qwen-vl-max"},
        }
    ],
}


def as_xml(*tables: list[dict[str, t.Any]]) -> str:
    """What `mysql --xml` prints."""
    documents = []
    for rows in tables:
        fields = [
            "".join(
                f'<field name="{name}" xsi:nil="true" />' if value is None else f'<field name="{name}">{value}</field>'
                for name, value in row.items()
            )
            for row in rows
        ]
        body = "".join(f"<row>{text}</row>" for text in fields)
        head = (
            '<?xml version="1.0"?>\n\n<resultset statement="x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        )
        documents.append(f"{head}{body}</resultset>")
    return "".join(documents).replace("'", "&apos;")


def test_mysql_is_asked_with_nothing_secret_on_a_command_line(inside: Inside, tmp_path: pathlib.Path) -> None:
    said = as_xml([TOKEN], [USER], [CHANNEL])
    log = tmp_path / "asked"
    folder = inside(mysql=f"echo \"$@ $MYSQL_PWD\" >{log}; cat >>{log}; cat <<'END'\n{said}\nEND")
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\necho "docker $*" | head -n1 >{log}.docker\n' + docker.read_text().partition("\n")[2])
    found = ask(oneapi("root:hunter2@tcp(db:3306)/oneapi?charset=utf8"))
    assert {key: found[key] for key in SEEN} == SEEN
    assert (found["read_from"], found["kind"], found["error"]) == ("db", "oneapi", None)
    assert "--host=10.0.0.9 --port=3306" in log.read_text()
    assert "--user=root oneapi hunter2" in log.read_text()
    assert "Abc123" in log.read_text()
    assert not {"hunter2", "Abc123"} & set((tmp_path / "asked.docker").read_text().split())


def test_no_key_is_kept(inside: Inside) -> None:
    inside(mysql=f"cat <<'END'\n{as_xml([TOKEN], [USER], [CHANNEL])}\nEND")
    text = json.dumps(ask(oneapi("root:hunter2@tcp(db:3306)/oneapi")))
    assert not [secret for secret in ("hunter2", "Abc123", "sk-provider") if secret in text]


def test_a_token_the_gateway_does_not_know(inside: Inside) -> None:
    inside(mysql=f"cat <<'END'\n{as_xml([], [], [CHANNEL])}\nEND")
    found = ask(oneapi("root:hunter2@tcp(db:3306)/oneapi"))
    assert (found["token"], found["user"], len(found["channels"])) == (None, None, 1)


def test_postgresql(inside: Inside) -> None:
    said = "\n".join(json.dumps(rows) for rows in ([TOKEN], [USER], [CHANNEL]))
    inside(psql=f"cat <<'END'\n{said}\nEND")
    found = ask(oneapi("postgres://root:hunter2@db:5432/oneapi"))
    assert {key: found[key] for key in SEEN} == SEEN


@pytest.mark.parametrize("where", ["", "/data/one-api.db?_busy_timeout=5000"])
def test_sqlite_is_read_on_the_host(tmp_path: pathlib.Path, where: str) -> None:
    connection = sqlite3.connect(tmp_path / "one-api.db")
    for table, row in (("tokens", {**TOKEN, "user_id": 1}), ("users", USER), ("channels", CHANNEL)):
        columns = ", ".join(f'"{name}"' for name in row)
        connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in row)})", list(row.values()))  # noqa: S608
    connection.commit()
    connection.close()
    before = (tmp_path / "one-api.db").read_bytes()
    mounts = [{"type": "bind", "source": str(tmp_path), "destination": "/data"}]
    containers = oneapi(mounts=mounts)
    containers[1]["env"] = {"SQLITE_PATH": where} if where else {}
    found = ask(containers)
    assert {key: found[key] for key in SEEN} == SEEN
    assert (tmp_path / "one-api.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["one-api.db"]


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        (oneapi()[:1], "the gateway is no container"),
        (oneapi("root:x@tcp(far.example.com:3306)/oneapi"), "its database is no container"),
        (oneapi(mounts=[]), "keeps no data"),
        (oneapi(mounts=[{"type": "bind", "source": "/nowhere", "destination": "/data"}]), "unable to open"),
    ],
    ids=["no gateway", "database elsewhere", "no volume", "no file"],
)
def test_what_cannot_be_asked_says_why(containers: list[dict[str, t.Any]], words: str) -> None:
    found = ask(containers)
    assert words in found["error"]
    assert "token" not in found


def test_a_database_that_refuses_says_so(inside: Inside) -> None:
    inside(mysql="echo 'ERROR 1045 (28000): Access denied' >&2; exit 1")
    assert "Access denied" in ask(oneapi("root:x@tcp(db:3306)/oneapi"))["error"]


def test_a_key_that_is_no_word_never_becomes_part_of_a_statement(inside: Inside, tmp_path: pathlib.Path) -> None:
    inside(mysql=f"cat >{tmp_path}/asked; exit 1")
    containers = oneapi("root:x@tcp(db:3306)/oneapi")
    containers[0]["env"]["CHAT_API_KEY"] = "sk-a' OR '1'='1"
    ask(containers)
    assert " OR " not in (tmp_path / "asked").read_text()


def test_models_a_fork_limits_a_token_to() -> None:
    fork = {**TOKEN, "model_limits_enabled": "1", "model_limits": "gpt-4o,bge-m3"}
    assert _gateway.state_of([fork], [USER], [])["token"]["models"] == ["gpt-4o", "bge-m3"]
    assert _gateway.state_of([{**fork, "model_limits_enabled": "0"}], [USER], [])["token"]["models"] is None


def test_aiproxy(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = {"id": 2, "name": "c", "type": 1, "status": 2, "models": ["gpt-4o"], "key": "sk-provider"}
    replies = {
        "/api/channels/all": {"success": True, "data": [channel]},
        "/api/monitor/banned_channels": {"success": True, "data": {"gpt-4o": [2]}},
    }
    asked = []

    def answer(url: str, _timeout: float, headers: dict[str, str]) -> dict[str, t.Any]:
        asked.append((url, headers["Authorization"]))
        path = "/" + url.partition("://")[2].partition("/")[2]
        return {"body": json.dumps(replies[path]), "error": None, "message": None}

    monkeypatch.setattr(_gateway, "http_get", answer)
    app = container("app", env={"AIPROXY_API_ENDPOINT": "http://aiproxy:3000", "AIPROXY_API_TOKEN": "wrong"})
    gateway = container("aiproxy", image="labring/aiproxy:v0.3.5", env={"ADMIN_KEY": "right"})
    found = _gateway.ask_state(app, [app, gateway], Deadline(20))
    assert asked[0] == ("http://10.0.0.9:3000/api/channels/all", "right")
    assert (found["kind"], found["error"], found["banned"]) == ("aiproxy", None, {"gpt-4o": [2]})
    assert found["channels"][0]["models"] == ["gpt-4o"]
    assert "sk-provider" not in json.dumps(found)


def test_aiproxy_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"body": json.dumps({"success": False, "message": "unauthorized"}), "error": None, "message": None}
    monkeypatch.setattr(_gateway, "http_get", lambda *_: said)
    app = container("app", env={"AIPROXY_API_ENDPOINT": "http://aiproxy:3000", "AIPROXY_API_TOKEN": "x"})
    gateway = container("aiproxy", image="labring/aiproxy:v0.3.5", env={})
    assert _gateway.ask_state(app, [app, gateway], Deadline(20))["error"] == "unauthorized"
