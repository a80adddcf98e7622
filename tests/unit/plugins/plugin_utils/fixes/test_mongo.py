# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for MongoDB: what is changed, and what is left to a person because data could be lost."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding, HostDiagnosis
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

Json = t.Dict[str, t.Any]

COMPOSE = """\
services:
  mongo:
    image: mongo:5.0.18 # for a cpu with AVX
    container_name: mongo
    networks:
      - fastgpt
    command: mongod --keyFile /data/mongodb.key --replSet rs0
    environment:
      - MONGO_INITDB_ROOT_USERNAME=root
      - MONGO_INITDB_ROOT_PASSWORD=x
    volumes:
      - ./mongo/data:/data/db
      - ./mongodb.key:/data/mongodb.key
  fastgpt:
    image: ghcr.io/labring/fastgpt:v4.8.11
networks:
  fastgpt:
"""
SCRIPT = """\
    entrypoint:
      - bash
      - -c
      - |
        openssl rand -base64 128 > /data/mongodb.key
        chown 999:999 /data/mongodb.key
        exec docker-entrypoint.sh "$$@" &
        wait
"""
HEALTHY: Json = {
    "mongo": {"repl_ok": 1, "primary": True, "set_name": "rs0", "set_members": ["mongo:27017"], "set_stored": True},
    "mongo_data": {"path": "/opt/fastgpt/mongo/data", "type": "bind", "kind": "directory", "mode": "0755", "uid": 0,
                   "gid": 0, "made": True, "holds_app": True},
    "pg": {"vectors": False},
}  # fmt: skip
KEY: Json = {
    "path": "/opt/fastgpt/mongodb.key", "role": "keyfile", "kind": "file", "mode": "0400", "uid": 999, "gid": 999
}  # fmt: skip


def container(name: str, image: str, **more: t.Any) -> Json:
    networks = {"fastgpt_fastgpt": {"aliases": [name]}}
    return {"name": name, "service": name, "image": image, "state": {"status": "running"}, "networks": networks, **more}


class Host:
    """A host as the lab's older stack has it, to be bent for each test."""

    def __init__(self) -> None:
        self.compose = COMPOSE
        self.key: Json = copy.deepcopy(KEY)
        self.probes: Json = copy.deepcopy(HEALTHY)
        self.uri = "mongodb://root:x@mongo:27017/fastgpt?authSource=admin"
        self.app_log = ""
        self.more: Json = {}
        self.others: list[Json] = []
        self.mongo: Json = {"env": {"MONGO_INITDB_ROOT_USERNAME": "root"}}

    def plan(self, finding: str) -> Json:
        """Plan one finding; gives the step, or what is left with its reason."""
        app = container("fastgpt", "ghcr.io/labring/fastgpt:v4.8.11", env={"MONGODB_URI": self.uri})
        deployment = Deployment(
            {
                "source": "live",
                "projects": [
                    {
                        "name": "fastgpt",
                        "directory": "/opt/fastgpt",
                        "config_files": ["/opt/fastgpt/docker-compose.yml"],
                    }
                ],
                "files": [
                    {
                        "path": "/opt/fastgpt/docker-compose.yml",
                        "role": "compose",
                        "kind": "file",
                        "text": self.compose,
                    },
                    self.key,
                ],
                "containers": [app, container("mongo", "mongo:5.0.18", **self.mongo), *self.others],
                "logs": [{"container": "fastgpt", "text": self.app_log}],
                "probes": self.probes,
                **self.more,
            }
        )
        entry = catalogue.findings()[finding]
        words = {"en": finding, "zh": finding}
        seen = Finding(
            entry, hit("here", "this", service="mongo"), "critical", "certain", "mongo", words, words, [words], [], 1
        )
        result = fix.plan_host(deployment, HostDiagnosis("web1", True, {}, {}, [seen]), ["safe", "restart", "data"])
        (planned,) = result["steps"] or result["left"]
        return t.cast("Json", planned)

    def refusal(self, finding: str) -> str:
        planned = self.plan(finding)
        assert "variables" not in planned, planned
        assert planned["reason"]["zh"] != planned["reason"]["en"]
        return str(planned["reason"]["en"])


@pytest.fixture
def host() -> Host:
    return Host()


def lines(step: Json) -> list[str]:
    return [line for line in step["diff"].splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]


# --- key file


def test_a_mode_is_mended_on_the_host(host: Host) -> None:
    host.key["mode"] = "0644"
    step = host.plan("mongo-keyfile-permissions")
    assert lines(step) == ["-file 0644 999:999", "+file 0400 999:999"]
    assert step["variables"]["keyfile"] == "/opt/fastgpt/mongodb.key"
    assert (step["recreates"], step["risk"]) == (["mongo"], "restart")
    assert "changes" not in step["variables"]


def test_an_empty_directory_becomes_a_key_and_another_one_is_left(host: Host) -> None:
    host.key.update(kind="directory", mode="0755", uid=0, gid=0, entries=0)
    assert lines(host.plan("mongo-keyfile-is-directory")) == ["-directory 0755 0:0", "+file 0400 999:999"]
    host.key["entries"] = 2
    assert "2 entries" in host.refusal("mongo-keyfile-is-directory")


def test_a_new_key_takes_the_place_of_a_bad_one(host: Host) -> None:
    step = host.plan("mongo-keyfile-bad-content")
    assert step["variables"]["replace_invalid"] is True
    assert lines(step) == ["-a key that mongod refuses", "+a new key"]
    assert step["risk"] == "data"


@pytest.mark.parametrize(
    "finding",
    ["mongo-keyfile-bad-content", "mongo-keyfile-missing", "mongo-replset-not-initiated", "mongo-no-avx"],
)
def test_a_set_of_several_members_is_left_to_people(host: Host, finding: str) -> None:
    host.uri = "mongodb://root:x@mongo:27017,mongo2:27017/fastgpt"
    assert "several MongoDB servers" in host.refusal(finding)
    host.uri = "mongodb://root:x@mongo:27017/fastgpt"
    host.others = [container("mongo2", "mongo:5.0.18")]
    assert "several MongoDB servers" in host.refusal(finding)


def test_a_key_mounted_elsewhere_is_mounted_where_mongod_looks(host: Host) -> None:
    host.compose = COMPOSE.replace(":/data/mongodb.key", ":/etc/mongodb.key")
    step = host.plan("mongo-keyfile-missing")
    assert step["variables"]["changes"] == {"volumes": [{"source": "./mongodb.key", "target": "/data/mongodb.key"}]}
    assert lines(step) == ["-      - ./mongodb.key:/etc/mongodb.key", "+      - ./mongodb.key:/data/mongodb.key"]


def test_a_key_that_nothing_names_is_made_mounted_and_named(host: Host) -> None:
    host.compose = COMPOSE.replace("--keyFile /data/mongodb.key ", "").replace(
        "      - ./mongodb.key:/data/mongodb.key\n", ""
    )
    host.key = {"path": "/opt/fastgpt/config.json", "role": "config"}
    step = host.plan("mongo-keyfile-missing")
    assert step["variables"]["keyfile"] == "/opt/fastgpt/mongodb.key"
    assert lines(step) == [
        "-missing",
        "+file 0400 999:999",
        "-    command: mongod --replSet rs0",
        "+    command: mongod --keyFile /data/mongodb.key --replSet rs0",
        "+      - ./mongodb.key:/data/mongodb.key",
    ]


def test_a_key_of_the_start_script_is_mended_there(host: Host) -> None:
    host.compose = COMPOSE.replace("    environment:\n", SCRIPT + "    environment:\n").replace(
        "      - ./mongodb.key:/data/mongodb.key\n", ""
    )
    step = host.plan("mongo-keyfile-permissions")
    assert lines(step) == ["+        chmod 400 /data/mongodb.key"]
    assert "keyfile" not in step["variables"]
    host.compose = host.compose.replace("        chown", "        chmod 400 /data/mongodb.key\n        chown")
    assert "makes a good key" in host.refusal("mongo-keyfile-permissions")


def test_a_mongod_that_runs_as_somebody_else_owns_its_key(host: Host) -> None:
    host.compose = COMPOSE.replace("    networks:\n", '    user: "1001:1001"\n    networks:\n', 1)
    assert lines(host.plan("mongo-keyfile-permissions")) == ["-file 0400 999:999", "+file 0400 1001:1001"]


def test_rootless_engines_map_owners(host: Host) -> None:
    host.more = {"engine": {"rootless": True}}
    assert "podman unshare chown" in host.refusal("mongo-keyfile-permissions")


# --- replica set


def test_a_lost_option_comes_back_under_the_stored_name(host: Host) -> None:
    host.compose = COMPOSE.replace(" --replSet rs0", "")
    host.probes["mongo"] = {"repl_code": 76, "set_name": "fastgpt", "set_stored": True}
    step = host.plan("mongo-replset-option-missing")
    assert lines(step) == [
        "-    command: mongod --keyFile /data/mongodb.key",
        "+    command: mongod --replSet fastgpt --keyFile /data/mongodb.key",
    ]
    assert step["variables"]["name"] == "fastgpt"


def test_a_single_server_gets_option_key_and_set(host: Host) -> None:
    host.compose = COMPOSE.replace(" --keyFile /data/mongodb.key --replSet rs0", "").replace(
        "      - ./mongodb.key:/data/mongodb.key\n", ""
    )
    host.key = {"path": "/opt/fastgpt/config.json", "role": "config"}
    host.probes["mongo"] = {"repl_code": 76, "set_stored": False}
    step = host.plan("mongo-standalone-no-transactions")
    variables = step["variables"]
    assert (variables["initiate"], variables["host"], variables["name"]) == (True, "mongo:27017", "rs0")
    assert variables["changes"] == {
        "volumes": [{"source": "./mongodb.key", "target": "/data/mongodb.key"}],
        "mongod_options": {"keyFile": "/data/mongodb.key", "replSet": "rs0"},
    }
    assert lines(step)[-2:] == ["-never initiated", "+rs0: mongo:27017"]
    assert "+    command: mongod --replSet rs0 --keyFile /data/mongodb.key" in lines(step)


def test_without_logins_no_key_is_needed(host: Host) -> None:
    host.compose = COMPOSE.replace(" --keyFile /data/mongodb.key --replSet rs0", "")
    host.mongo = {"env": {}}
    host.probes["mongo"] = {"repl_code": 76, "set_stored": False}
    assert host.plan("mongo-standalone-no-transactions")["variables"]["changes"] == {
        "mongod_options": {"replSet": "rs0"}
    }


def test_a_set_is_initiated_on_the_volume_that_has_the_data(host: Host) -> None:
    host.probes["mongo"] = {"repl_code": 94, "set_stored": False}
    host.app_log = "root user init: { username: 'root' }\n"
    step = host.plan("mongo-replset-not-initiated")
    assert (step["variables"]["initiate"], step["variables"]["allow_empty"]) == (True, False)
    assert lines(step) == ["-never initiated", "+rs0: mongo:27017"]
    assert step["risk"] == "data"


def test_a_new_installation_may_be_initiated_empty(host: Host) -> None:
    host.probes.update(mongo={"repl_code": 94, "set_stored": False}, mongo_data={"made": True, "holds_app": False})
    assert host.plan("mongo-replset-not-initiated")["variables"]["allow_empty"] is True


@pytest.mark.parametrize("sign", ["vectors", "log"])
@pytest.mark.parametrize(
    "finding", ["mongo-replset-not-initiated", "mongo-replset-option-missing", "mongo-standalone-no-transactions"]
)
def test_a_fresh_volume_of_an_installation_that_had_data_is_the_wrong_one(host: Host, finding: str, sign: str) -> None:
    host.probes.update(mongo={"repl_code": 94, "set_stored": False})
    host.probes["mongo_data"].update(holds_app=False)
    if sign == "vectors":
        host.probes["pg"] = {"vectors": True}
    else:
        host.app_log = "Root user initialized\n"
    assert "not the volume that has its data" in host.refusal(finding)


def test_a_volume_that_cannot_be_looked_at_counts_as_wrong(host: Host) -> None:
    host.probes.update(mongo={"repl_code": 94}, mongo_data={"error": "Permission denied"}, pg={"vectors": True})
    assert "not the volume" in host.refusal("mongo-replset-not-initiated")


def test_a_renamed_service_gets_its_old_name_as_an_alias(host: Host) -> None:
    host.probes["mongo"] = {"repl_code": 93, "set_members": ["db-old:27017"]}
    step = host.plan("mongo-replset-host-mismatch")
    assert step["variables"]["changes"] == {"aliases": ["db-old"]}
    assert lines(step) == [
        "-      - fastgpt",
        "+      fastgpt:",
        "+        aliases:",
        "+          - db-old",
    ]
    host.uri = "mongodb://root:x@db-old:27017/fastgpt"
    assert host.plan("mongo-replset-host-mismatch")["diff"] == step["diff"]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (["192.168.1.5:27017"], "rs.reconfig by hand"),
        (["localhost:27017"], "rs.reconfig by hand"),
        (["db-old:27018"], "rs.reconfig by hand"),
        (["a:27017", "b:27017"], "2 members"),
        (["fastgpt:27017"], "fastgpt has the name fastgpt"),
    ],
)
def test_an_address_that_is_no_free_name_is_left_to_people(host: Host, members: list[str], reason: str) -> None:
    host.probes["mongo"] = {"repl_code": 93, "set_members": members}
    assert reason in host.refusal("mongo-replset-host-mismatch")


def test_a_mongo_outside_of_the_compose_file_is_left_to_people(host: Host) -> None:
    host.uri = "mongodb://u:p@cloud.example.com:27017/fastgpt"
    for finding in ("mongo-standalone-no-transactions", "mongo-replset-not-initiated", "root-user-not-registered"):
        assert "the MongoDB at cloud.example.com" in host.refusal(finding)


# --- processor, data folder, root


@pytest.mark.parametrize(
    ("finding", "arch", "image"),
    [
        ("mongo-no-avx", "x86_64", "mongo:4.4.29"),
        ("mongo-no-avx", "aarch64", "mongo:4.4.18"),
        ("mongo-arm-too-old", "aarch64", "mongo:4.4.18"),
    ],
)
def test_an_older_image_where_nothing_was_ever_written(host: Host, finding: str, arch: str, image: str) -> None:
    host.more = {"host": {"arch": arch}}
    host.probes.update(mongo={"error": "no answer"}, mongo_data={"made": False, "holds_app": False, "entries": 0})
    step = host.plan(finding)
    assert lines(step)[1] == f"+    image: {image} # for a cpu with AVX"
    assert (step["variables"]["initiate"], step["variables"]["allow_empty"], step["risk"]) == (True, True, "data")


def test_the_registry_of_the_image_stays(host: Host) -> None:
    host.compose = COMPOSE.replace("mongo:5.0.18 ", "registry.cn-hangzhou.aliyuncs.com/fastgpt/mongo:5.0.32 ")
    host.probes["mongo_data"] = {"made": False, "holds_app": False}
    assert "fastgpt/mongo:4.4.29" in host.plan("mongo-no-avx")["diff"]
    host.compose = COMPOSE.replace("mongo:5.0.18 ", "bitnami/mongodb:7.0 ")
    assert "not the official image" in host.refusal("mongo-no-avx")


@pytest.mark.parametrize(
    ("data", "reason"),
    [({"made": True, "path": "/opt/d"}, "/opt/d holds data"), ({"error": "Permission denied"}, "cannot be looked at")],
)
def test_data_of_a_newer_mongo_are_never_left_behind(host: Host, data: Json, reason: str) -> None:
    host.probes["mongo_data"] = data
    assert reason in host.refusal("mongo-no-avx")


@pytest.mark.parametrize(
    ("written_by", "taken"), [("4.4.29", True), ("4.4.6", True), ("4.2.24", False), ("5.0.18", False)]
)
def test_what_the_older_mongo_has_written_itself_it_can_open(host: Host, written_by: str, taken: bool) -> None:
    """The newer one was put over its data and never ran, or the fix was interrupted and taken back."""
    host.more = {"host": {"arch": "x86_64"}}
    host.probes["mongo_data"] = {"made": True, "holds_app": True, "path": "/opt/d", "written_by": written_by}
    if taken:
        assert "mongo:4.4.29" in host.plan("mongo-no-avx")["diff"]
    else:
        assert "/opt/d holds data" in host.refusal("mongo-no-avx")


def test_a_data_folder_is_handed_over(host: Host) -> None:
    step = host.plan("mongo-datadir-permissions")
    assert step["role"] == "containers"
    folder = {"path": "/opt/fastgpt/mongo/data", "container": "mongo", "user": "mongodb"}
    assert step["variables"]["folders"] == [folder]
    host.probes["mongo_data"]["mode"] = "0055"
    assert host.plan("mongo-datadir-permissions")["variables"]["folders"] == [{**folder, "mode": "0755"}]
    host.probes["mongo_data"]["type"] = "volume"
    assert "no folder of this host" in host.refusal("mongo-datadir-permissions")


def test_fastgpt_is_restarted_for_its_root(host: Host) -> None:
    step = host.plan("root-user-not-registered")
    assert (step["recreates"], step["variables"]["app"]) == (["fastgpt"], "fastgpt")
    host.probes["mongo"]["primary"] = False
    assert "not primary" in host.refusal("root-user-not-registered")


def test_no_root_is_made_in_a_database_that_is_not_the_right_one(host: Host) -> None:
    host.probes.update(pg={"vectors": True})
    assert "vectors of datasets that this MongoDB does not know" in host.refusal("root-user-not-registered")
    host.probes["mongo"]["datasets"] = {"vector_models": ["text-embedding-3-small"]}
    assert host.plan("root-user-not-registered")["role"] == "mongo_replica"
