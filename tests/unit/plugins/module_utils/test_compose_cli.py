# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Compose prints, as calls of it are read."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _compose_cli as cli

RENDERED = """\
name: fastgpt
services:
  fastgpt-mongo:
    entrypoint:
      - bash
      - -c
      - |
        # a key

        until mongo; do
          sleep 2
        done
    image: mongo:5.0.32
  fastgpt-vector:
    image: "pgvector/pgvector:0.8.0-pg15"
  built: {}
networks:
  data:
    image: none
"""


def test_images_are_read_past_blank_lines_of_a_script() -> None:
    assert {service: facts.image for service, facts in cli._facts(RENDERED).items()} == {
        "fastgpt-mongo": "mongo:5.0.32",
        "fastgpt-vector": "pgvector/pgvector:0.8.0-pg15",
        "built": "",
    }


MAP = """\
services:
  app:
    depends_on:
      mongo:
        condition: service_healthy
        required: true
    image: app
  mongo:
    image: mongo
  tool:
    depends_on:
      app:
        condition: service_started
"""
LIST = """\
services:
  app:
    depends_on:
    - mongo
    image: app
    volumes:
    - /data:/data
  mongo: {}
  tool:
    depends_on:
    - app
"""


@pytest.mark.parametrize("rendered", [MAP, LIST])
def test_dependencies_are_read_as_either_compose_prints_them(rendered: str) -> None:
    found = {service: facts.depends_on for service, facts in cli._facts(rendered).items()}
    assert found == {"app": {"mongo"}, "mongo": set(), "tool": {"app"}}


def container(service: str, config_hash: str = "h", running: bool = True) -> dict[str, t.Any]:
    labels = {"com.docker.compose.service": service, "com.docker.compose.config-hash": config_hash}
    return {"State": {"Running": running}, "Config": {"Labels": labels}}


@pytest.mark.parametrize(
    ("containers", "program", "flags"),
    [
        pytest.param([container("app"), container("mongo")], "docker compose", [], id="all is well"),
        pytest.param([container("app")], "docker compose", ["--no-deps"], id="missing"),
        pytest.param([container("app"), container("mongo", "old")], "docker compose", ["--no-deps"], id="drifted"),
        pytest.param(
            [container("app"), container("mongo", running=False)], "docker compose", ["--no-deps"], id="stopped"
        ),
        pytest.param([container("app"), container("mongo")], "docker-compose", ["--no-deps"], id="Compose 1"),
    ],
)
def test_dependencies_are_left_out_only_where_compose_would_touch_them(
    monkeypatch: pytest.MonkeyPatch, containers: list[dict[str, t.Any]], program: str, flags: list[str]
) -> None:
    project, calls = cli.Project("/opt/fastgpt"), []

    def must(*arguments: str, timeout: float) -> cli.Result:
        if arguments[0] == "config":
            return cli.Result(0, b"app h\nmongo h\ntool h\n" if "--hash" in arguments else MAP.encode(), b"")
        calls.append(list(arguments))
        return cli.Result(0, b"", b"")

    monkeypatch.setattr(cli.Project, "program", program.split())
    monkeypatch.setattr(project, "must", must)
    monkeypatch.setattr(project, "containers", lambda: containers)
    project.up(["tool"], "--force-recreate", timeout=1)
    assert calls == [["up", "-d", *flags, "--force-recreate", "tool"]]
