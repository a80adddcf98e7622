# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of compose files touch the lines that must change and nothing else."""

from __future__ import annotations

import difflib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import (
    EditError,
    Replace,
    apply_edits,
)
from ansible_collections.fastgpt.ops.plugins.plugin_utils import compose_edit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile

FILE = """\
# our FastGPT
x-log: &log
  driver: json-file
x-env: &env
  TZ: Asia/Shanghai
services:
  mongo:   # the replica set
    image: "mongo:5.0.18" # keep 5
    logging: *log
    ports:
      - '27017:27017'
  fastgpt:
    image: ghcr.io/labring/fastgpt:v4.8.11
    logging: *log
    ports: ["3000:3000"]
    environment:
      - CHAT_API_KEY=sk-x
      - FE_DOMAIN=
    networks: [fastgpt]
  aiproxy:
    image: ${AIPROXY_IMAGE:-ghcr.io/labring/aiproxy:v0.1.7}
    ports:
      - target: 3000
        published: 3010
    environment:
      <<: *env
      ADMIN_KEY: k
      EMPTY:
  oneapi:
    image: justsong/one-api:v0.6.7
    environment: *env
networks:
  fastgpt:
"""


def changed(text: str, **changes: t.Any) -> list[str]:
    """Edit the file and give the lines that are new or changed."""
    after = compose_edit.edited(ComposeFile("docker-compose.yml", text), changes)
    assert apply_edits(text, compose_edit.between(text, after)) == after
    return [line[2:] for line in difflib.ndiff(text.splitlines(), after.splitlines()) if line.startswith("+ ")]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param(
            {"service": "mongo", "image": "mongo:5.0.32"},
            ['    image: "mongo:5.0.32" # keep 5'],
            id="quotes and comment stay",
        ),
        pytest.param(
            {"service": "fastgpt", "ports": [{"container_port": 3000, "host": "3100"}]},
            ['    ports: ["3100:3000"]'],
            id="port in a flow list",
        ),
        pytest.param(
            {"service": "mongo", "ports": [{"container_port": 27017, "host": "127.0.0.1:27017"}]},
            ["      - '127.0.0.1:27017:27017'"],
            id="port bound to loopback",
        ),
        pytest.param(
            {"service": "aiproxy", "ports": [{"container_port": 3000, "host": "3011"}]},
            ["        published: 3011"],
            id="long form port",
        ),
        pytest.param(
            {"service": "fastgpt", "environment": {"CHAT_API_KEY": "sk-y"}},
            ["      - CHAT_API_KEY=sk-y"],
            id="variable in a list",
        ),
        pytest.param(
            {"service": "fastgpt", "environment": {"NEW": "a: b"}},
            ['      - "NEW=a: b"'],
            id="new variable that needs quotes",
        ),
        pytest.param(
            {"service": "aiproxy", "environment": {"TZ": "UTC"}},
            ["      TZ: UTC"],
            id="merged variable is overridden",
        ),
        pytest.param(
            {"service": "aiproxy", "environment": {"EMPTY": "x"}},
            ["      EMPTY: x"],
            id="variable without value",
        ),
        pytest.param(
            {"service": "mongo", "environment": {"A": "b"}},
            ["    environment:", "      A: b"],
            id="first variable of a service",
        ),
        pytest.param(
            {"service": "fastgpt", "networks": ["model"], "declare_networks": ["model"]},
            ["    networks: [fastgpt, model]", "  model: {}"],
            id="join another network",
        ),
        pytest.param(
            {"service": "mongo", "settings": {"shm_size": "512mb"}},
            ["    shm_size: 512mb"],
            id="plain setting",
        ),
    ],
)
def test_only_these_lines_change(changes: dict[str, t.Any], lines: list[str]) -> None:
    assert changed(FILE, **changes) == lines


CONFIG = "/app/data/config.json"


def with_volumes(volumes: str) -> str:
    """Give a compose file whose service has these volumes."""
    return f"services:\n  fastgpt:\n    image: fastgpt:v4.8.11\n{volumes}    restart: always\n"


@pytest.mark.parametrize(
    ("volumes", "lines"),
    [
        pytest.param(
            "    volumes:\n      - ./config.json:/app/config.json:ro # ours\n      - ./logs:/logs\n",
            [f"      - ./config.json:{CONFIG}:ro # ours"],
            id="target of a short form",
        ),
        pytest.param(
            f"    volumes:\n      - './old.json:{CONFIG}'\n",
            [f"      - './config.json:{CONFIG}'"],
            id="source of a quoted short form",
        ),
        pytest.param(
            "    volumes:\n    - type: bind\n      source: ./config.json\n      target: /app/config.json\n",
            [f"      target: {CONFIG}"],
            id="target of a long form",
        ),
        pytest.param(
            "    volumes:\n      - ./logs:/logs\n      # more below\n",
            [f"      - ./config.json:{CONFIG}"],
            id="added to a list",
        ),
        pytest.param(
            "    volumes: ['./logs:/logs']\n",
            [f"    volumes: ['./logs:/logs', ./config.json:{CONFIG}]"],
            id="added to a flow list",
        ),
        pytest.param("", ["    volumes:", f"      - ./config.json:{CONFIG}"], id="no volumes yet"),
        pytest.param(f"    volumes:\n      - ./config.json:{CONFIG}\n", [], id="there already"),
    ],
)
def test_a_volume_is_mounted_by_changing_only_these_lines(volumes: str, lines: list[str]) -> None:
    wanted = {"source": "./config.json", "target": CONFIG}
    assert changed(with_volumes(volumes), service="fastgpt", volumes=[wanted]) == lines


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param(
            "x-v: &v [./a:/a]\nservices: {b: {image: b, volumes: *v}, fastgpt: {image: c, volumes: *v}}\n",
            "volumes of fastgpt .* anchor",
            id="shared anchor",
        ),
        pytest.param(
            "x-b: &b\n  volumes: [./a:/a]\nservices:\n  fastgpt:\n    image: c\n    <<: *b\n",
            "come from a merge key",
            id="merge key",
        ),
        pytest.param(with_volumes("    volumes: ./a:/a\n"), "is no list", id="no list"),
        pytest.param(
            with_volumes("    volumes:\n      - ${DIR}/c.json:/app/data/config.json\n"),
            "variable DIR",
            id="source from .env",
        ),
    ],
)
def test_a_volume_that_cannot_be_mounted_safely_says_why(file: str, reason: str) -> None:
    with pytest.raises(compose_edit.RefusedError, match=reason):
        changed(file, service="fastgpt", volumes=[{"source": "./config.json", "target": CONFIG}])


@pytest.mark.parametrize(
    ("volumes", "gone"),
    [
        pytest.param(f"    volumes:\n      - ./config.json:{CONFIG}\n      - ./logs:/logs\n", 1, id="one of two"),
        pytest.param(f"    volumes:\n      - ./config.json:{CONFIG} # old\n", 2, id="the only one"),
        pytest.param(
            f"    volumes:\n      - ./logs:/logs\n      - type: bind\n        source: ./c\n        target: {CONFIG}\n",
            3,
            id="long form",
        ),
        pytest.param(f"    volumes: [./config.json:{CONFIG}]\n", 1, id="flow list of one"),
        pytest.param("    volumes:\n      - ./logs:/logs\n", 0, id="not there"),
    ],
)
def test_a_dropped_volume_takes_its_own_lines_along(volumes: str, gone: int) -> None:
    text = with_volumes(volumes)
    compose = ComposeFile("c.yml", text)
    after = compose_edit.edited(compose, {"service": "fastgpt", "drop_volumes": [CONFIG]})
    assert apply_edits(text, compose_edit.between(text, after)) == after
    assert len(text.splitlines()) - len(after.splitlines()) == gone
    assert CONFIG not in after


def test_one_volume_of_a_flow_list_is_not_dropped() -> None:
    with pytest.raises(compose_edit.RefusedError, match="holds several volumes"):
        changed(with_volumes(f"    volumes: [./a:/a, ./c:{CONFIG}]\n"), service="fastgpt", drop_volumes=[CONFIG])


def test_what_is_there_already_changes_nothing() -> None:
    assert changed(FILE, service="fastgpt", networks=["fastgpt"], declare_networks=["fastgpt"]) == []
    assert changed(FILE, service="mongo", image="mongo:5.0.18") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"service": "aiproxy", "image": "x:1"}, "variable AIPROXY_IMAGE", id="value from .env"),
        pytest.param(
            {"service": "mongo", "settings": {"logging": "x"}}, "anchor|no value on one line", id="shared anchor"
        ),
        pytest.param({"service": "redis", "image": "x:1"}, "has no redis", id="no such service"),
        pytest.param(
            {"service": "mongo", "ports": [{"container_port": 1, "host": "2"}]},
            "no container port 1",
            id="no such port",
        ),
        pytest.param({"image": "x:1"}, "'service' is missing", id="no service named"),
    ],
)
def test_refused_with_the_reason(changes: dict[str, t.Any], reason: str) -> None:
    with pytest.raises(compose_edit.RefusedError, match=reason):
        changed(FILE, **changes)


TWICE = """\
services:
  fastgpt:
    image: a
    ports:
      - "127.0.0.1:3000:3000"
      - 8080:3000 # for the proxy
      - "[::1]:8080:3000/tcp"
    environment: {}
"""


@pytest.mark.parametrize(
    ("published", "host", "lines"),
    [
        ("127.0.0.1:3000", "3100", ['      - "127.0.0.1:3100:3000"']),
        ("3000", "0.0.0.0:3100", ['      - "0.0.0.0:3100:3000"']),
        ("[::1]:8080", "8180", ['      - "[::1]:8180:3000/tcp"']),
        ("7000", "127.0.0.1:3000", []),
    ],
    ids=["its address stays", "unless another is given", "address of IPv6", "moved already"],
)
def test_of_several_entries_the_one_meant_moves(published: str, host: str, lines: list[str]) -> None:
    moved = {"container_port": 3000, "host": host, "published": published}
    assert changed(TWICE, service="fastgpt", ports=[moved]) == lines


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ({}, r"several times \(127.0.0.1:3000:3000, 8080:3000, "),
        ({"published": "8080"}, r"several times \(8080:3000, "),
        ({"published": "9"}, "no container port 3000 on 9$"),
    ],
)
def test_an_entry_that_is_not_told_from_others_is_refused(which: dict[str, str], reason: str) -> None:
    with pytest.raises(compose_edit.RefusedError, match=reason):
        changed(TWICE, service="fastgpt", ports=[{"container_port": 3000, "host": "1", **which}])


def test_an_empty_map_takes_variables_in() -> None:
    assert changed(TWICE, service="fastgpt", environment={"A": "1", "B": "2"}) == ["    environment: {A: 1, B: 2}"]


def test_a_doubled_dollar_is_no_variable() -> None:
    text = "services:\n  pg:\n    environment:\n      - POSTGRES_PASSWORD=a$$b\n"
    assert changed(text, service="pg", environment={"POSTGRES_PASSWORD": "c"}) == ["      - POSTGRES_PASSWORD=c"]


def test_a_file_that_does_not_parse_is_refused() -> None:
    with pytest.raises(compose_edit.RefusedError, match="does not parse"):
        changed("services:\n  a: [\n", service="a", image="b")


def test_windows_line_ends_and_bom_stay() -> None:
    text = "\ufeff" + FILE.replace("\n", "\r\n")
    compose = ComposeFile("docker-compose.yml", text)
    after = compose_edit.edited(compose, {"service": "mongo", "image": "mongo:5.0.32", "settings": {"shm_size": "1g"}})
    assert after.startswith("\ufeff# our")
    assert after.count("\r\n") == after.count("\n") == text.count("\n") + 1


def test_an_edit_for_another_file_is_refused() -> None:
    with pytest.raises(EditError, match="line 1 does not hold 'b'"):
        apply_edits("a\n", [Replace(1, "b", "c", 0)])
    with pytest.raises(EditError, match="line 5 is not there"):
        apply_edits("a\n", [Replace(5, "b", "c", 0)])
