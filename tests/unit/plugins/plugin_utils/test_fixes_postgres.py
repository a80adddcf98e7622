# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for pgvector and for containers: which image, which server, what is refused."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding, HostDiagnosis
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes.postgres import image_with_pgvector
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

COMPOSE = """\
services:
  pg:
    image: {image} # the vectors
    volumes: [./pg/data:/var/lib/postgresql/data]
  mysql: {{image: "mysql:8.0.36"}}
  oneapi: {{image: "justsong/one-api:v0.6.7"}}
  fastgpt:
    image: ghcr.io/labring/fastgpt:{version}
"""
DATA = "/opt/fastgpt/pg/data"
MOUNT = {"type": "bind", "source": DATA, "destination": "/var/lib/postgresql/data", "rw": True}


def container(name: str, image: str, status: str = "running", **more: t.Any) -> dict[str, t.Any]:
    networks = {"n": {"aliases": [name]}}
    return {"name": name, "service": name, "image": image, "state": {"status": status}, "networks": networks, **more}


def deployment(
    image: str = "postgres:15",
    pg: dict[str, t.Any] | None = None,
    url: str = "postgresql://u:p@pg:5432/own",
    version: str = "v4.8.11",
    data: int = 0,
    **more: t.Any,
) -> Deployment:
    probe = {"container": "pg", "version": "15.4", "extension": None, "extension_available": None, **(pg or {})}
    pg_status = more.pop("pg_status", "running")
    return Deployment(
        {
            "source": "live",
            "host": {"addresses": ["192.168.0.2"]},
            "projects": [{"name": "f", "directory": "/opt/fastgpt", "config_files": ["/opt/fastgpt/compose.yml"]}],
            "files": [
                {
                    "path": "/opt/fastgpt/compose.yml",
                    "role": "compose",
                    "kind": "file",
                    "text": COMPOSE.format(image=image, version=version),
                },
                {"path": DATA, "role": "bind", "kind": "directory", "mode": "0755", "uid": 0, "gid": 0},
            ],
            "containers": [
                container("pg", image, pg_status, mounts=[MOUNT], shm_size=64 << 20),
                container("fastgpt", f"ghcr.io/labring/fastgpt:{version}", env={"PG_URL": url}),
                container("mysql", "mysql:8.0.36"),
                container("oneapi", "justsong/one-api:v0.6.7", env={"SQL_DSN": "root:x@tcp(mysql:3306)/oneapi"}),
            ],
            "probes": {"pg": probe, "mongo": {"datasets": {"vector_models": ["m"], "data": data}}},
            **more,
        }
    )


def plan(finding: str, of: Deployment, service: str | None = "pg", **facts: t.Any) -> tuple[t.Any, str]:
    """Give the step of the plan and the reason why there is none."""
    entry = catalogue.findings()[finding]
    words = {"en": finding, "zh": finding}
    seen = Finding(
        entry, hit("here", "this", service=service, **facts), entry.severity, "certain", service, words, words, []
    )
    made = fix.plan_host(of, HostDiagnosis("web1", True, {}, {}, [seen]), ("safe", "restart", "data"))
    step = made["steps"][0] if made["steps"] else None
    return step, made["left"][0]["reason"]["en"] if made["left"] else ""


# --- pgvector


def test_an_image_without_the_files_becomes_one_of_the_same_major() -> None:
    step, _why = plan("pgvector-extension-missing", deployment())
    assert (
        "-    image: postgres:15 # the vectors\n+    image: pgvector/pgvector:0.8.0-pg15 # the vectors" in step["diff"]
    )
    assert step["recreates"] == ["pg", "fastgpt"]
    wanted = {"container": "pg", "app": "fastgpt", "image": "pgvector/pgvector:0.8.0-pg15", "version": "0.8.0"}
    assert {key: step["variables"][key] for key in wanted} == wanted


def test_with_the_files_there_only_the_extension_is_created() -> None:
    step, _why = plan("pgvector-extension-missing", deployment(pg={"extension_available": "0.8.0"}))
    assert "image" not in step["variables"]
    assert (step["diff"], step["recreates"]) == ("", ["fastgpt"])


@pytest.mark.parametrize(
    ("image", "major", "wanted"),
    [
        ("ankane/pgvector:v0.5.0", 15, "pgvector/pgvector:0.8.0-pg15"),
        ("pgvector/pgvector:0.7.0-pg16", 16, "pgvector/pgvector:0.8.0-pg16"),
        ("docker.io/library/postgres:17.2-bookworm", 17, "pgvector/pgvector:0.8.0-pg17"),
        ("postgres@sha256:ab", 14, "pgvector/pgvector:0.8.0-pg14"),
        (
            "registry.cn-hangzhou.aliyuncs.com/fastgpt/pgvector:v0.7.0",
            15,
            "registry.cn-hangzhou.aliyuncs.com/fastgpt/pgvector:0.8.0-pg15",
        ),
    ],
)
def test_the_image_keeps_the_major_and_the_registry_where_it_has_it(image: str, major: int, wanted: str) -> None:
    assert image_with_pgvector(image, major) == wanted


@pytest.mark.parametrize(
    ("image", "major", "why"),
    [
        ("postgres:15-alpine", 15, "sorts text in another way"),
        ("postgres:11", 11, "no image with pgvector"),
        ("hub.example.com/our/postgres-gis:15", 15, "an image of your own"),
    ],
)
def test_an_image_that_cannot_be_swapped_says_why(image: str, major: int, why: str) -> None:
    with pytest.raises(fix.CannotFixError, match=why):
        image_with_pgvector(image, major)


@pytest.mark.parametrize("finding", ["pgvector-extension-missing", "pg-modeldata-missing"])
def test_vectors_that_are_elsewhere_are_looked_for_first(finding: str) -> None:
    step, why = plan(finding, deployment(data=120))
    assert step is None
    assert "120 entries" in why


def test_an_update_takes_newer_files_only_where_they_are_old() -> None:
    old = deployment(
        "pgvector/pgvector:0.7.0-pg15", {"extension": "0.7.0", "extension_available": "0.7.0"}, version="v4.9.0"
    )
    step, _why = plan("pgvector-version-mismatch", old)
    assert step["variables"]["image"] == "pgvector/pgvector:0.8.0-pg15"
    lags = deployment("pgvector/pgvector:0.8.0-pg15", {"extension": "0.7.0", "extension_available": "0.8.0"})
    step, _why = plan("pgvector-version-mismatch", lags)
    assert "image" not in step["variables"]


def test_the_table_is_made_by_fastgpt_alone() -> None:
    there = deployment(pg={"extension": "0.8.0", "extension_available": "0.8.0"})
    step, _why = plan("pg-modeldata-missing", there)
    assert (step["recreates"], step["diff"], step["variables"]["restarts"]) == (["fastgpt"], "", ["fastgpt"])


@pytest.mark.parametrize("host", ["host.docker.internal", "192.168.0.2"])
def test_a_server_of_the_host_is_cured_there(host: str) -> None:
    step, _why = plan(
        "pgvector-extension-missing", deployment(url=f"postgresql://u:p@{host}:5433/own", version="v4.9.0")
    )
    assert "container" not in step["variables"]
    assert (step["variables"]["port"], step["variables"]["version"]) == (5433, "0.8.0")


def test_a_published_port_of_the_host_leads_to_its_container() -> None:
    of = deployment(url="postgresql://u:p@192.168.0.2:5444/own")
    of.containers[0].data["ports"] = [{"host_port": 5444, "container_port": 5432}]
    step, _why = plan("pgvector-extension-missing", of)
    assert step["variables"]["container"] == "pg"


def test_a_server_elsewhere_is_left_to_a_run_there() -> None:
    step, why = plan("pgvector-extension-missing", deployment(url="postgresql://u:p@10.0.0.9/own"))
    assert step is None
    assert "another machine (10.0.0.9:5432)" in why and "pgvector_database=own" in why


def test_a_server_that_does_not_answer_comes_first() -> None:
    _step, why = plan("pgvector-extension-missing", deployment(pg={"version": None}))
    assert "does not answer" in why


# --- containers


def test_a_folder_of_others_goes_to_the_servers_user() -> None:
    step, _why = plan("pg-datadir-permissions", deployment())
    assert step["variables"]["folders"] == [{"path": DATA, "container": "pg", "user": "postgres", "mode": "0700"}]
    assert "-0755 0:0\n+0700 postgres of postgres:15" in step["diff"]
    assert step["recreates"] == ["pg", "fastgpt"]


@pytest.mark.parametrize(
    ("mount", "engine", "why"),
    [
        ({"type": "volume", "name": "f_pg"}, {}, "is no folder of this host, but volume f_pg"),
        ({"rw": False}, {}, "read-only"),
        ({"destination": "/elsewhere"}, {}, "is in its image"),
        ({}, {"rootless": True}, "rootless"),
    ],
)
def test_a_folder_that_cannot_be_given_says_why(mount: dict[str, t.Any], engine: dict[str, t.Any], why: str) -> None:
    of = deployment(engine=engine)
    of.containers[0].data["mounts"] = [{**MOUNT, **mount}]
    step, reason = plan("pg-datadir-permissions", of)
    assert step is None
    assert why in reason


def test_a_path_in_a_message_leads_to_its_folder() -> None:
    of = deployment()
    of.containers[3].data.update(user="1001", mounts=[{**MOUNT, "destination": "/data"}])
    step, _why = plan("container-fs-permission", of, "oneapi", path="/data/one-api.db")
    assert step["variables"]["folders"] == [{"path": DATA, "container": "oneapi", "user": "1001", "mode": None}]
    of.containers[3].data.update(user="")
    _step, why = plan("container-fs-permission", of, "oneapi", path="/data/one-api.db")
    assert "not known as which user" in why


def test_shared_memory_is_widened_and_then_doubled() -> None:
    of = deployment()
    step, _why = plan("pg-shared-memory", of)
    assert "+    shm_size: 512mb" in step["diff"]
    of.containers[0].data["shm_size"] = 1 << 30
    step, _why = plan("pg-shared-memory", of)
    assert step["variables"]["edits"][0]["settings"] == {"shm_size": "2048mb"}


def test_a_server_that_died_in_its_container_is_restarted() -> None:
    step, _why = plan("pg-unreachable", deployment(pg={"reachable": False}), "fastgpt")
    assert (step["variables"]["services"], step["variables"]["state"]) == (["pg"], "restarted")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"pg": {"reachable": True}}, "answers in pg, but not FastGPT at pg:5432"),
        ({"url": "postgresql://u:p@db.example.com:5432/own"}, "no container of this project"),
        ({"pg_status": "restarting"}, "ends again and again"),
    ],
)
def test_another_reason_than_the_container_is_told(more: dict[str, t.Any], why: str) -> None:
    step, reason = plan("pg-unreachable", deployment(**more), "fastgpt")
    assert step is None
    assert why in reason


def test_one_apis_database_comes_back_before_one_api() -> None:
    step, _why = plan("oneapi-db-not-ready", deployment(), "oneapi")
    assert step["variables"]["services"] == ["mysql"]
    assert step["variables"]["restarts"] == ["oneapi"]
