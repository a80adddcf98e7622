# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _discover
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect

from .conftest import inspected

LABEL = "com.docker.compose.project"
COMPOSE = "services:\n  fastgpt:\n    image: ghcr.io/labring/fastgpt:v4.8.11\n"


def made(
    name: str, image: str, project: str | None = "fastgpt", directory: str = "/srv/x", **more: t.Any
) -> dict[str, t.Any]:
    labels = {
        LABEL: project,
        f"{LABEL}.working_dir": directory,
        f"{LABEL}.config_files": f"{directory}/docker-compose.yml",
        **more.pop("labels", {}),
    }
    return container_from_inspect(inspected(name, image, labels=labels if project else {LABEL: None}, **more))


@pytest.fixture(autouse=True)
def _nothing_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what this machine has in the usual places out of the tests."""
    monkeypatch.setattr(_discover, "_PLACES", ())


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/labring/fastgpt:v4.8.11",
        "registry.cn-hangzhou.aliyuncs.com/fastgpt/fastgpt:v4.9.0",
        "c121914yu/fast-gpt:latest",
        "fastgpt",
        "localhost:5000/labring/fastgpt@sha256:abc",
    ],
)
def test_fastgpt_is_known_by_its_image(image: str) -> None:
    assert _discover.is_app({"image": image})


@pytest.mark.parametrize("image", ["ghcr.io/labring/fastgpt-sandbox:v4.8.11", "mongo:5.0.18", "me/notfastgpt:1"])
def test_companions_are_not_fastgpt_itself(image: str) -> None:
    assert not _discover.is_app({"image": image})


def test_a_renamed_image_is_known_by_its_variables_or_its_mount() -> None:
    env = dict.fromkeys(("MONGODB_URI", "DB_MAX_LINK", "OPENAI_BASE_URL", "CHAT_API_KEY"), "x")
    assert _discover.is_app({"image": "our/app:1", "env": env})
    assert not _discover.is_app({"image": "our/app:1", "env": {"MONGODB_URI": "x", "OTHER": "y"}})
    assert _discover.is_app({"image": "our/app:1", "mounts": [{"destination": "/app/data/config.json"}]})


def test_a_stopped_project_is_found_by_its_labels() -> None:
    stopped = made("fastgpt", "labring/fastgpt:v4.8.11", state={"Status": "exited", "Running": False})
    assert _discover.find_projects([stopped]) == [
        {
            "name": "fastgpt",
            "directory": "/srv/x",
            "config_files": ["/srv/x/docker-compose.yml"],
            "environment_files": [],
            "found_by": "labels",
        }
    ]


def test_other_projects_are_left_out_and_the_running_one_comes_first() -> None:
    containers = [
        made("a", "labring/fastgpt:v4.8.11", "alpha", state={"Status": "exited", "Running": False}),
        made("b", "labring/fastgpt:v4.8.11", "beta"),
        made("web", "nginx:1", "website"),
    ]
    assert [item["name"] for item in _discover.find_projects(containers)] == ["beta", "alpha"]
    assert [item["name"] for item in _discover.find_projects(containers, project="alpha")] == ["alpha"]


def test_compose_v1_names_its_files_relative_to_the_folder() -> None:
    labels = {f"{LABEL}.config_files": "docker-compose.yml,extra.yml"}
    found = _discover.find_projects([made("fastgpt", "labring/fastgpt:v4", labels=labels)])
    assert found[0]["config_files"] == ["/srv/x/docker-compose.yml", "/srv/x/extra.yml"]


def test_a_project_whose_app_was_never_created_is_found_by_its_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    found = _discover.find_projects([made("mongo", "mongo:5.0.18", "gpt", str(tmp_path))])
    assert [item["name"] for item in found] == ["gpt"]


def test_a_container_made_by_hand_is_a_project_without_name() -> None:
    found = _discover.find_projects([made("x", "labring/fastgpt:v4.8.11", None)])
    assert [(item["name"], item["found_by"]) for item in found] == [(None, "image")]


def test_files_on_disk_are_found_where_nothing_was_created(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"My.Stack": COMPOSE, "other": "services:\n  web:\n    image: nginx\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "docker-compose.yml").write_text(text)
    (tmp_path / "My.Stack" / "docker-compose.override.yml").write_text("services: {}\n")
    (tmp_path / "My.Stack" / ".env").write_text("A=1\n")
    monkeypatch.setattr(_discover, "_PLACES", (f"{tmp_path}/*",))
    folder = str(tmp_path / "My.Stack")
    assert _discover.find_projects([]) == [
        {
            "name": "mystack",
            "directory": folder,
            "config_files": [f"{folder}/docker-compose.yml", f"{folder}/docker-compose.override.yml"],
            "environment_files": [f"{folder}/.env"],
            "found_by": "disk",
        }
    ]


def test_the_folder_given_is_meant_whatever_it_names(tmp_path: pathlib.Path) -> None:
    (tmp_path / "compose.yaml").write_text("name: mine\nservices: {}\n")
    containers = [made("fastgpt", "labring/fastgpt:v4.8.11")]
    assert [item["name"] for item in _discover.find_projects(containers, str(tmp_path))] == ["mine"]
    assert [item["name"] for item in _discover.find_projects(containers, "/srv/x/")] == ["fastgpt"]
    assert _discover.find_projects(containers, str(tmp_path / "none")) == []


def test_env_files_and_binds_are_read_from_files_that_do_not_parse() -> None:
    text = """
services:
  fastgpt:
    env_file:
      - ./app.env
      - path: other.env
    volumes:
      - ./config.json:/app/data/config.json
      - "/data/pg:/var/lib/postgresql/data:rw"
      - named:/data
  pg:
    env_file: pg.env # one
   broken
"""
    assert _discover.env_files_named(text, "/opt/x") == ["/opt/x/app.env", "/opt/x/other.env", "/opt/x/pg.env"]
    assert _discover.binds_named(text, "/opt/x") == [
        ("/opt/x/config.json", "/app/data/config.json"),
        ("/data/pg", "/var/lib/postgresql/data"),
    ]
