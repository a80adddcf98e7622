# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables are changed where their values come from, and nothing else with them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import Port
from ansible_collections.fastgpt.ops.plugins.plugin_utils.editor import Editor
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fix import CannotFixError
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment

COMPOSE = """\
x-share: &share
  MONGODB_URI: mongodb://u:<secret:aaaaaa>@localhost:27017/fastgpt
  ENDPOINT: http://192.168.1.9:9000
x-token: &token <secret:bbbbbb>
services:
  fastgpt:
    image: ghcr.io/labring/fastgpt:v4.14.6
    ports:
      - ${APP_PORT}:3000
      - "${ADMIN_PORT:-3001}:3001" # the second
    environment:
      <<: *share
      TOKEN: *token
      BASE: http://${GATEWAY}:3001/v1
      PG_URL: postgresql://u:${PG_PASSWORD}@pg:5432/postgres
      FE_DOMAIN: http://10.0.0.5:${APP_PORT}
  plugin:
    image: ghcr.io/labring/fastgpt-plugin:v0.5.0
    environment:
      <<: *share
      OWN: *token
  pg:
    image: pgvector/pgvector:0.8.0-pg15
    env_file: [pg.env]
    environment:
      - POSTGRES_PASSWORD=${PG_PASSWORD}
  beside:
    image: x:1
    network_mode: host
    environment:
      MONGODB_URI: mongodb://u:<secret:aaaaaa>@localhost:27017/fastgpt
"""
ENV = "GATEWAY=localhost # the gateway\nPG_PASSWORD='<secret:cccccc>'\nAPP_PORT=3000\n"
PATH, DOTENV = "/opt/fastgpt/docker-compose.yml", "/opt/fastgpt/.env"


def deployment(compose: str = COMPOSE, env: str | None = ENV, **project: t.Any) -> Deployment:
    files = [{"path": PATH, "role": "compose", "kind": "file", "text": compose}]
    files += [{"path": DOTENV, "role": "env", "kind": "file", "text": env}] if env is not None else []
    files += [{"path": "/opt/fastgpt/pg.env", "role": "env", "kind": "file", "text": "POSTGRES_USER=me\n"}]
    paths = [DOTENV] if env is not None else []
    return Deployment(
        {
            "source": "live",
            "projects": [
                {
                    "name": "fastgpt",
                    "directory": "/opt/fastgpt",
                    "config_files": [PATH],
                    "environment_files": paths,
                    **project,
                }
            ],
            "files": files,
        }
    )


def lines(editor: Editor) -> list[str]:
    return [line for line in editor.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("---", "+++")]


def test_a_shared_value_is_changed_where_it_is_written_for_all_who_use_it() -> None:
    editor = Editor(deployment())
    editor.set("fastgpt", "MONGODB_URI", "mongodb://u:<secret:aaaaaa>@mongo:27017/fastgpt")
    assert lines(editor) == [
        "-  MONGODB_URI: mongodb://u:<secret:aaaaaa>@localhost:27017/fastgpt",
        "+  MONGODB_URI: mongodb://u:<secret:aaaaaa>@mongo:27017/fastgpt",
    ]
    assert editor.changed == ["fastgpt", "plugin"]


def test_a_variable_of_an_env_file_is_changed_there() -> None:
    editor = Editor(deployment())
    editor.set("fastgpt", "BASE", "http://oneapi:3001/v1")
    editor.set("fastgpt", "BASE", "http://oneapi:3000/v1")
    assert lines(editor) == [
        "-GATEWAY=localhost # the gateway",
        "+GATEWAY=oneapi # the gateway",
        "-      BASE: http://${GATEWAY}:3001/v1",
        "+      BASE: http://${GATEWAY}:3000/v1",
    ]
    assert [step["kind"] for step in editor.steps] == ["env", "compose"]
    assert editor.changed == ["fastgpt"]


def test_a_password_that_others_need_as_it_is_gets_a_second_variable() -> None:
    editor = Editor(deployment())
    editor.set("fastgpt", "PG_URL", "postgresql://u:<secret:cccccc:percent>@pg:5432/postgres")
    assert lines(editor) == [
        "+PG_PASSWORD_PG_URL=<secret:cccccc:percent>",
        "-      PG_URL: postgresql://u:${PG_PASSWORD}@pg:5432/postgres",
        "+      PG_URL: postgresql://u:${PG_PASSWORD_PG_URL}@pg:5432/postgres",
    ]
    assert editor.changed == ["fastgpt"]


def test_where_an_alias_gives_others_another_value_only_its_own_line_changes() -> None:
    text = COMPOSE.replace("      OWN: *token", "      OWN: *token\n      MORE: x-<secret:bbbbbb>").replace(
        "  plugin:", "  agent:\n    image: y:1\n    network_mode: host\n    environment: {T: *token}\n  plugin:"
    )
    editor = Editor(deployment(text))
    editor.set("fastgpt", "TOKEN", "<given:TOKEN>")
    assert lines(editor) == ["-      TOKEN: *token", '+      TOKEN: "<given:TOKEN>"']
    assert editor.changed == ["fastgpt"]


def test_what_env_file_brings_is_changed_there() -> None:
    editor = Editor(deployment())
    assert editor.environment("pg") == {"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "<secret:cccccc>"}
    editor.set("pg", "POSTGRES_USER", "you")
    assert editor.steps == [{"kind": "env", "path": "/opt/fastgpt/pg.env", "variables": {"POSTGRES_USER": "you"}}]


def test_a_new_variable_goes_to_the_service_alone() -> None:
    editor = Editor(deployment())
    editor.set("fastgpt", "NEW", "a$b")
    assert lines(editor) == ["+      NEW: a$$b"]
    assert editor.changed == ["fastgpt"]


def test_a_copy_stands_beside_the_other_for_all_who_have_it() -> None:
    editor = Editor(deployment())
    editor.copy("fastgpt", "STORAGE_ENDPOINT", "ENDPOINT")
    editor.copy("fastgpt", "SECOND", "TOKEN")
    assert lines(editor) == ["+  STORAGE_ENDPOINT: http://192.168.1.9:9000", "+      SECOND: *token"]
    assert editor.environment("plugin")["STORAGE_ENDPOINT"] == "http://192.168.1.9:9000"


def test_a_port_of_an_env_file_takes_its_links_along() -> None:
    editor = Editor(deployment())
    editor.set_port("fastgpt", Port("", 3000, 3000, "tcp"), "3100", None, lambda name: name == "FE_DOMAIN")
    assert lines(editor) == ["-APP_PORT=3000", "+APP_PORT=3100"]
    assert editor.environment("fastgpt")["FE_DOMAIN"] == "http://10.0.0.5:3100"


def test_a_port_with_a_default_gets_another_default() -> None:
    editor = Editor(deployment())
    editor.set_port("fastgpt", Port("", 3001, 3001, "tcp"), "3101", None, lambda _name: False)
    assert lines(editor) == [
        '-      - "${ADMIN_PORT:-3001}:3001" # the second',
        '+      - "${ADMIN_PORT:-3101}:3001" # the second',
    ]


def test_a_port_whose_variable_means_something_else_too_is_refused() -> None:
    editor = Editor(deployment())
    with pytest.raises(CannotFixError, match="FE_DOMAIN of fastgpt would change as well"):
        editor.set_port("fastgpt", Port("", 3000, 3000, "tcp"), "3100", None, lambda _name: False)


def test_a_value_of_the_shell_is_refused() -> None:
    rendered = {"services": {"fastgpt": {"environment": {"BASE": "http://elsewhere:3001/v1"}}}}
    editor = Editor(deployment(rendered=rendered))
    with pytest.raises(CannotFixError, match="comes from the environment Compose is called with"):
        editor.set("fastgpt", "BASE", "http://oneapi:3001/v1")


def test_without_an_env_file_a_variable_makes_way_for_its_value() -> None:
    editor = Editor(deployment(COMPOSE.replace("${GATEWAY}", "${GATEWAY:?}"), env=None))
    editor.set("fastgpt", "BASE", "http://oneapi:3001/v1")
    assert lines(editor)[1] == "+      BASE: http://oneapi:3001/v1"
