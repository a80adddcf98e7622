# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.host import read_env, read_host, split_headings

COMPOSE = """\
name: kb
services:
  fastgpt:
    container_name: fastgpt
    image: ghcr.io/labring/fastgpt:v4.8.11
    environment:
      - MONGODB_URI=mongodb://myusername:Tr0ub4dor-and-3@mongo:27017/fastgpt?authSource=admin
  mongo:
    image: mongo:5.0.18
"""
SECRET = "Tr0ub4dor-and-3"


def read(files: dict[str, str | bytes], name: str = "web1") -> dict[str, t.Any]:
    return t.cast(
        "dict[str, t.Any]",
        read_host(
            {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}, name, "salt"
        ),
    )


def inspected(name: str, **labels: str) -> dict[str, t.Any]:
    return {
        "Id": "0a1b",
        "Name": f"/{name}",
        "Config": {"Image": f"{name}:1", "Env": [f"MONGO_PASSWORD={SECRET}"], "Labels": labels},
        "State": {"Status": "running", "Running": True, "StartedAt": "2026-11-22T10:00:00Z"},
        "HostConfig": {},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }


def test_nothing_there_is_nothing_looked_at() -> None:
    evidence = read({})
    assert {key: value for key, value in evidence.items() if value} == {
        "schema_version": 1,
        "source": "bundle",
        "host": {"name": "web1"},
    }
    assert "containers" not in evidence


def test_compose_file_makes_project_and_files() -> None:
    evidence = read({"docker-compose.yml": COMPOSE, ".env": "A=1\n", "config.json": "{}"})
    assert [(item["path"], item["role"]) for item in evidence["files"]] == [
        ("docker-compose.yml", "compose"),
        (".env", "env"),
        ("config.json", "config"),
    ]
    assert evidence["projects"][0]["name"] == "kb"
    assert "containers" not in evidence
    assert set(Deployment(evidence).services) == {"fastgpt", "mongo"}


def test_broken_compose_file_keeps_its_text() -> None:
    evidence = read({"compose.yml": "services:\n  fastgpt:\n\timage: x\n"})
    assert "\timage" in evidence["files"][0]["text"]
    assert evidence["projects"][0]["config_files"] == ["compose.yml"]


def test_secret_is_one_token_in_every_file() -> None:
    evidence = read(
        {
            "docker-compose.yml": COMPOSE,
            "inspect.json": json.dumps([inspected("mongo")]),
            "env/mongo.env": f"MONGO_INITDB_ROOT_PASSWORD={SECRET}\n",
            "logs/fastgpt.log": f"connecting with {SECRET}\n",
            "description.txt": f"my password is {SECRET} please help",
        }
    )
    assert SECRET not in json.dumps(evidence)
    token = evidence["process_env"]["mongo"]["MONGO_INITDB_ROOT_PASSWORD"]
    assert token in evidence["logs"][0]["text"]
    assert token == evidence["containers"][0]["env"]["MONGO_PASSWORD"]
    assert evidence["secret_facts"][token]["length"] == len(SECRET)
    assert token not in evidence["known_defaults"]


def test_inspect_cut_short_gives_its_whole_containers_and_says_so() -> None:
    text = json.dumps([inspected("fastgpt"), inspected("mongo")], indent=1)
    evidence = read({"inspect.json": text[:-80]})
    assert [item["name"] for item in evidence["containers"]] == ["fastgpt"]
    assert evidence["failures"][0]["what"] == "read inspect.json"


def test_inspect_knows_more_than_ps() -> None:
    rows = "\n".join(json.dumps({"Names": name, "Status": "Up 1 hour", "Image": name}) for name in ("fastgpt", "mongo"))
    evidence = read({"ps.txt": rows, "inspect.json": json.dumps([inspected("mongo")])})
    found = {item["name"]: item.get("partial", False) for item in evidence["containers"]}
    assert found == {"mongo": False, "fastgpt": True}
    assert evidence["containers_complete"] is True


def test_containers_of_other_projects_stand_apart() -> None:
    mine = {"com.docker.compose.project": "kb"}
    theirs = {"com.docker.compose.project": "wiki"}
    objects = [
        inspected("fastgpt", **mine),
        inspected("mongo", **mine),
        inspected("wiki-mongo", **theirs),
        inspected("nginx"),
    ]
    evidence = read({"inspect.json": json.dumps(objects)})
    assert [item["name"] for item in evidence["containers"]] == ["fastgpt", "mongo"]
    assert [item["name"] for item in evidence["other_containers"]] == ["wiki-mongo", "nginx"]


def test_names_that_compose_makes_lead_to_services() -> None:
    names = ("fastgpt", "kb-mongo-1", "kb_mongo_express_1", "registry")
    rows = "\n".join(json.dumps({"Names": name, "Status": "Up 1 hour", "Image": "x"}) for name in names)
    evidence = read({"ps.txt": rows, "docker-compose.yml": f"{COMPOSE}  mongo_express:\n    image: x\n"})
    assert [item["service"] for item in evidence["containers"]] == ["fastgpt", "mongo", "mongo_express"]
    assert [item["name"] for item in evidence["other_containers"]] == ["registry"]


def test_row_in_a_shell_text_is_no_complete_list() -> None:
    row = '0a1b2c3d4e5f mongo:5.0.18 "docker-entrypoint.s…" 2 hours ago Exited (14) 3 minutes ago mongo'
    evidence = read({"shell.txt": f"$ docker ps -a\n{row}\n"})
    assert evidence["containers"][0]["state"]["exit_code"] == 14
    assert evidence["containers_complete"] is False
    assert evidence["texts"][0]["kind"] == "shell"


def test_table_without_rows_says_there_is_no_container() -> None:
    assert read({"ps.txt": "CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES\n"})["containers"] == []


def test_logs_of_several_containers_in_one_file() -> None:
    text = "==> mongo <==\nmongod starting\n# docker logs --tail 5 fastgpt\nnext start\nserver ready\n"
    assert split_headings(text, "all") == [("mongo", "mongod starting\n"), ("fastgpt", "next start\nserver ready\n")]


def test_compose_prefixes_lead_to_their_containers() -> None:
    evidence = read({"logs/all.log": "mongo    | a\nfastgpt  | b\nmongo    | c\nfastgpt  | d\n"})
    found = {log.component: log.text for log in Deployment(evidence).logs if log.text}
    assert found == {"mongo": "a\nc", "app": "b\nd"}


def test_log_names_stamps_and_json_file_logs() -> None:
    evidence = read(
        {
            "logs/unknown.log": "who wrote this",
            "logs/pg.txt": "2026-11-22T10:00:00.000000000Z database system is ready\n",
            "logs/redis.log": json.dumps({"log": "Ready\n", "stream": "stdout", "time": "2026-11-22T10:00:00Z"}),
        }
    )
    found = {item["container"]: item for item in evidence["logs"]}
    assert set(found) == {None, "pg", "redis"}
    assert found["pg"]["timestamps"] is True
    assert found["redis"]["text"] == "2026-11-22T10:00:00Z Ready"


def test_windows_text_with_colours() -> None:
    evidence = read({"logs/fastgpt.log": "\x1b[31m[错误]\x1b[0m 连接失败\r\nnext\r\n".encode("utf-16")})
    assert Deployment(evidence).logs[0].text == "[错误] 连接失败\nnext\n"


def test_api_and_env_texts_name_their_container() -> None:
    evidence = read({"api/3-oneapi.txt": "{}", "api/0-unknown.txt": "x", "env/fastgpt.env": "A=b"})
    assert [(item["kind"], item["container"]) for item in evidence["texts"]] == [
        ("api", None),
        ("api", "oneapi"),
        ("env", "fastgpt"),
    ]


def test_pasted_variables_in_every_spelling() -> None:
    text = "PATH=/bin\n- A=b=c\nexport B='x y'\n  C: https://h:1/v1\nno variable here\n"
    assert read_env(text) == {"PATH": "/bin", "A": "b=c", "B": "x y", "C": "https://h:1/v1"}


def test_collected_bundle_is_its_evidence_and_what_a_person_put_beside_it() -> None:
    recorded = {"schema_version": 1, "source": "live", "logs": [{"container": "pg", "text": "x"}], "projects": None}
    written = {
        "logs/mongo.log": "y",
        "docker-compose.yml": COMPOSE,
        "shell.txt": "z",
        "ps.txt": "",
        "env/pg.env": "A=b",
    }
    plain = read({"evidence.json": json.dumps(recorded), **written})
    assert {key: value for key, value in plain.items() if key in recorded} == recorded
    assert set(plain) - set(recorded) == {"secret_facts", "known_defaults"}
    more = read({"evidence.json": json.dumps(recorded), "description.txt": "it is slow", **written})
    assert [text["name"] for text in more["texts"]] == ["description.txt"]


def test_evidence_of_another_schema_is_not_believed() -> None:
    evidence = read({"evidence.json": '{"schema_version": 2, "logs": 3}', "logs/mongo.log": "y"})
    assert evidence["logs"][0]["container"] == "mongo"
    assert evidence["failures"][0]["error"] == "schema_version 1 is wanted, not 2"


def test_damaged_evidence_is_a_failure_and_the_files_still_count() -> None:
    evidence = read({"evidence.json": '{"schema_version": 1, ', "manifest.json": "[]", "logs/mongo.log": "y"})
    assert [item["what"] for item in evidence["failures"]] == ["read manifest.json", "read evidence.json"]
    assert evidence["logs"][0]["container"] == "mongo"
