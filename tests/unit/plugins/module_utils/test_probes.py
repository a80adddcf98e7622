# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Probes against a docker CLI that runs each script on this machine, or answers as containers did."""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _models, _probes
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

APP_ENV = {
    "MONGODB_URI": "mongodb://app:pw%40d@mongo:27017/fastgpt?authSource=admin",
    "PG_URL": "postgresql://username:pw@pg:5432/postgres",
    "OPENAI_BASE_URL": "http://oneapi:3000/v1",
    "CHAT_API_KEY": "sk-one",
    "FE_DOMAIN": "http://localhost:3000",
    "MINIO_ENDPOINT": "minio",
    "MINIO_PORT": "9000",
    "SANDBOX_URL": "http://sandbox:3000",
    "LOG_LEVEL": "info",
}


def container(name: str, ip: str | None = "127.0.0.1", **more: t.Any) -> dict[str, t.Any]:
    return {"id": name, "name": name, "service": name, "networks": {"n": {"aliases": [name], "ip": ip}}, **more}


@pytest.mark.parametrize(
    ("words", "resolves", "error"),
    [
        ("nc: bad address 'pg'", False, "no such name"),
        (
            "pg: line 1: pg: Name or service not known pg: line 1: /dev/tcp/pg/5432: Invalid argument",
            False,
            "no such name",
        ),
        ("nc: pg (172.18.0.2:5432): Connection refused", None, "connection refused"),
        ("nc: pg (172.18.0.2:5432): No route to host", None, "no route to host"),
        ("", None, "no answer within 2 s"),
        ("nc: something new", None, "nc: something new"),
    ],
)
def test_what_a_shell_said_is_told_plainly(words: str, resolves: bool | None, error: str) -> None:
    (item,) = _probes._reach([("PG_URL", "pg", 5432)], f"pg|5432||1|{words}\n")
    assert (item["resolves"], item["connects"], item["error"]) == (resolves, False, error)


def test_servers_named_by_variables() -> None:
    assert _probes.targets_of(APP_ENV) == [
        ("MONGODB_URI", "mongo", 27017),
        ("PG_URL", "pg", 5432),
        ("OPENAI_BASE_URL", "oneapi", 3000),
        ("MINIO_ENDPOINT", "minio", 9000),
        ("SANDBOX_URL", "sandbox", 3000),
    ]


def test_a_host_that_is_no_name_reaches_no_shell() -> None:
    assert _probes.targets_of({"X_URL": "http://$(reboot):80/", "Y_URL": "http://a|b:80"}) == []


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({}, "/app/data/config.json"),
        ({"CONFIG_JSON_PATH": "/conf/"}, "/conf/config.json"),
        ({"CONFIG_JSON_PATH": "/conf/my.json"}, "/conf/my.json"),
    ],
)
def test_where_the_config_is(env: dict[str, str], path: str) -> None:
    assert _probes.config_path(env) == path


def test_inside_the_app(inside: t.Callable[..., pathlib.Path], tmp_path: pathlib.Path) -> None:
    inside()
    (tmp_path / "config.json").write_text('{"a": 1}\n')
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        closed = socket.create_server(("127.0.0.1", 0))
        shut = closed.getsockname()[1]
        closed.close()
        env = {
            "CONFIG_JSON_PATH": str(tmp_path),
            "A_URL": f"http://localhost:{port}/v1",
            "B_URL": f"redis://127.0.0.1:{shut}",
            "C_URL": "http://no-such-host.invalid:80",
        }
        found = _probes.inside_app(container("app", env=env), Deadline(20))
    config = found["app_config"]
    assert (config["kind"], config["size"], config["text"], config["error"]) == ("file", 9, '{"a": 1}\n', None)
    assert config["inode"] == (tmp_path / "config.json").stat().st_ino
    reach = {item["variable"]: (item["resolves"], item["connects"]) for item in found["reach"]}
    assert reach == {"A_URL": (True, True), "B_URL": (True, False), "C_URL": (False, False)}
    reasons = {item["variable"]: item["error"] for item in found["reach"]}
    assert reasons == {"A_URL": None, "B_URL": "connection refused", "C_URL": "no such name"}
    assert found["process_env"]


def test_a_directory_in_the_configs_place(inside: t.Callable[..., pathlib.Path], tmp_path: pathlib.Path) -> None:
    inside()
    (tmp_path / "config.json").mkdir()
    found = _probes.inside_app(container("app", env={"CONFIG_JSON_PATH": str(tmp_path)}), Deadline(20))
    assert (found["app_config"]["kind"], found["app_config"]["text"]) == ("directory", None)


def test_a_container_that_cannot_be_entered_is_an_error_of_every_answer(
    inside: t.Callable[..., pathlib.Path],
) -> None:
    inside(docker="echo 'OCI runtime exec failed: sh: executable file not found' >&2; exit 126")
    found = _probes.inside_app(container("app", env=APP_ENV), Deadline(20))
    assert "executable file not found" in found["app_config"]["error"]
    assert found["app_version"]["error"]
    assert found["reach"] == []


PG_FACTS = {"version": "15.4", "extension": None, "modeldata": False}
ANSWERS = f"case $* in *json_build*) echo '{json.dumps(PG_FACTS)}';; *) echo \"$LOGIN\";; esac"
REFUSED = "FATAL:  password authentication failed for user"
NO_SOCKET = "psql: error: connection to server on socket failed: No such file or directory"
NO_DATABASE = "psql: error: FATAL:  database does not exist"


@pytest.mark.parametrize(
    ("psql", "expected"),
    [
        (
            f"LOGIN=1; {ANSWERS}",
            {"reachable": True, "auth": True, "modeldata": False, "extension": None, "message": None},
        ),
        (f"LOGIN='{REFUSED}'; {ANSWERS}", {"reachable": True, "auth": False, "message": REFUSED}),
        (f"echo '{NO_SOCKET}' >&2; exit 2", {"reachable": False, "error": None}),
        (f"echo '{NO_DATABASE}' >&2; exit 2", {"reachable": True, "error": None}),
        ("exit 127", {"reachable": None, "error": "exit status 127"}),
    ],
    ids=["answers", "wrong password", "down", "no database", "no psql"],
)
def test_pg(inside: t.Callable[..., pathlib.Path], psql: str, expected: dict[str, t.Any]) -> None:
    inside(psql=psql)
    answer = _probes.ask_pg(container("pg", env={}), container("app", env=APP_ENV), Deadline(20))
    assert {key: answer[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("env", "base", "key"),
    [
        ({"OPENAI_BASE_URL": "http://o:3000/v1/", "CHAT_API_KEY": "k"}, "http://o:3000/v1", "k"),
        ({"OPENAI_BASE_URL": "http://o", "AIPROXY_API_ENDPOINT": "http://p", "CHAT_API_KEY": "k"}, "http://p/v1", "k"),
        ({"OPENAI_BASE_URL": "http://o/v1", "AIPROXY_API_TOKEN": "t", "CHAT_API_KEY": "k"}, "http://o/v1", "t"),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_address_and_key_of_models(env: dict[str, str], base: str, key: str) -> None:
    assert _probes.gateway_of(env) == (base, key)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://oneapi:3000/v1/models", "http://10.0.0.9:3000/v1/models"),
        ("https://api.example.com/v1", "https://api.example.com:443/v1"),
        ("http://host.docker.internal:11434/v1", "http://127.0.0.1:11434/v1"),
        ("http://localhost:3000/v1", None),
        ("http://127.0.0.1:3000/v1", None),
        ("http://unknown:3000/v1", None),
    ],
)
def test_an_address_of_the_app_as_the_host_calls_it(url: str, seen: str | None) -> None:
    app, gateway = container("app"), container("oneapi", "10.0.0.9")
    assert _probes.from_host(url, app, [app, gateway]) == seen


def test_models_of_a_config_with_comments() -> None:
    text = """{
      llmModels: [ // chat
        {"model": "gpt-4o-mini", "list": ["a"], "name": "x"},
        {model: 'qwen-max'},
      ],
      "vectorModels": [{"model": "bge-m3"}],
      "whisperModel": {"model": "whisper-1"}
    }"""
    assert _models.configured_models(text) == {"chat": ["gpt-4o-mini", "qwen-max"], "embedding": ["bge-m3"]}


@pytest.mark.parametrize(
    ("address", "auth"), [(None, None), (_probes.parse_addresses("redis://:pw@redis:6379")[0], False)]
)
def test_redis_refuses_fastgpt_only_where_its_login_is_known(
    address: t.Any, auth: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"reachable": True, "auth": False, "message": "NOAUTH Authentication required.", "error": None}
    monkeypatch.setattr(_probes, "ask_redis", lambda *_arguments: dict(refused))
    assert _probes.ask_redis_of(container("redis"), None, address, Deadline(5))["auth"] is auth
