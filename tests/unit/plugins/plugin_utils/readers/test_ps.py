# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.ps import parse_ports, parse_ps, parse_state

TABLE = """\
root@vm:~# docker ps -a
CONTAINER ID   IMAGE                             COMMAND                  CREATED        STATUS                        PORTS                                       NAMES
0a1b2c3d4e5f   ghcr.io/labring/fastgpt:v4.8.11   "docker-entrypoint.s…"   2 hours ago    Up 2 hours (unhealthy)        0.0.0.0:3000->3000/tcp, :::3000->3000/tcp   fastgpt
1a1b2c3d4e5f   mongo:5.0.18                      "bash -c 'openssl ra…"   2 hours ago    Restarting (1) 5 seconds ago                                              mongo
2a1b2c3d4e5f   mysql:8.0.36                      "docker-entrypoint.s…"   2 hours ago    Exited (137) 3 hours ago                                                  mysql
"""  # noqa: E501 - as wide as docker prints it


def by_name(text: str) -> dict[str, dict[str, t.Any]]:
    return {container["name"]: container for container in parse_ps(text)}


@pytest.mark.parametrize(
    "text", [TABLE, re.sub(" +", " ", TABLE), TABLE.replace("\n", "\r\n"), "\n".join(TABLE.splitlines()[2:])]
)
def test_table_in_every_state_of_disorder(text: str) -> None:
    found = by_name(text)
    assert list(found) == ["fastgpt", "mongo", "mysql"]
    assert found["fastgpt"]["image"] == "ghcr.io/labring/fastgpt:v4.8.11"
    assert found["fastgpt"]["state"]["health"] == "unhealthy"
    assert [port["host_port"] for port in found["fastgpt"]["ports"]] == [3000, 3000]
    assert found["mongo"]["state"]["restarting"] is True
    assert found["mysql"]["state"] == {
        "status": "exited", "running": False, "restarting": False, "exit_code": 137, "health": None
    }  # fmt: skip
    assert all(container["partial"] for container in found.values())


def test_truncated_last_row_is_not_taken_for_another_container() -> None:
    assert "mysql" not in by_name(TABLE[: TABLE.index("Exited (137)") - 20])


def test_compose_tables_of_both_generations() -> None:
    second = 'NAME     IMAGE      COMMAND   SERVICE   CREATED        STATUS       PORTS\nx-pg-1   pgvector   "run"     pg        3 hours ago    Up 3 hours   5432/tcp\n'  # noqa: E501
    first = "Name      Command            State    Ports\n------------------------------------------\nfastgpt   sh -c node x.js    Exit 1\nmongo     mongod             Up       0.0.0.0:27017->27017/tcp\n"  # noqa: E501
    assert by_name(second)["x-pg-1"]["service"] == "pg"
    assert by_name(second)["x-pg-1"]["ports"] == []
    assert by_name(first)["fastgpt"]["state"]["exit_code"] == 1
    assert by_name(first)["mongo"]["state"]["running"] is True


def test_json_a_line_with_a_broken_one() -> None:
    row = {"ID": "0a1b", "Names": "fastgpt", "Image": "fastgpt:v4.8.11", "State": "running", "Status": "Up 2 hours",
           "Ports": "0.0.0.0:3000->3000/tcp", "Networks": "fastgpt_fastgpt",
           "Labels": "com.docker.compose.project=kb,com.docker.compose.service=app"}  # fmt: skip
    found = by_name(json.dumps(row) + "\n" + json.dumps(row | {"Names": "cut"})[:40])
    assert list(found) == ["fastgpt"]
    assert (found["fastgpt"]["project"], found["fastgpt"]["service"]) == ("kb", "app")
    assert found["fastgpt"]["networks"] == {"fastgpt_fastgpt": {}}


def test_json_list_of_compose() -> None:
    rows = [
        {"Name": "kb-mongo-1", "Service": "mongo", "Project": "kb", "State": "exited", "ExitCode": 14, "Health": ""}
    ]
    assert by_name(json.dumps(rows))["kb-mongo-1"]["state"]["exit_code"] == 14


def test_prose_and_other_tables_hold_no_container() -> None:
    assert parse_ps("Name resolution failed, State of the port: unknown\nPID NAME\n1 init\n") == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Up About a minute (health: starting)", ("running", None, "starting")),
        ("Up 3 weeks (Paused)", ("paused", None, None)),
        ("Created", ("created", None, None)),
        ("Exited (0) 2 days ago", ("exited", 0, None)),
        ("Removal In Progress", ("removing", None, None)),
    ],
)
def test_states(status: str, expected: tuple[t.Any, ...]) -> None:
    state = parse_state(status)
    assert (state["status"], state["exit_code"], state["health"]) == expected


def test_port_ranges_are_spread_and_exposed_ones_left_out() -> None:
    assert [
        (port["host_port"], port["container_port"]) for port in parse_ports("0.0.0.0:9000-9001->9000-9001/tcp, 80/tcp")
    ] == [
        (9000, 9000),
        (9001, 9001),
    ]
