# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The whole collection against a docker CLI that answers from recordings."""

from __future__ import annotations

import base64
import json
import pathlib
import time
import typing as t
import urllib.parse

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _collect, _discover, _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._collect import Options, collect, summary_of
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import TOKEN

from .conftest import Answer, inspected

Engine = t.Callable[..., Answer]
PLANTED = "Pl4nted/Zq@7secret"
COMPOSE = f"""\
services:
  fastgpt:
    image: ghcr.io/labring/fastgpt:v4.8.11
    environment:
      - ROOT_KEY={PLANTED} # mine
      # - CHAT_API_KEY=sk-{PLANTED.replace("/", "").replace("@", "")}
    volumes:
      - ./config.json:/app/data/config.json
"""


@pytest.fixture(autouse=True)
def _nothing_else_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what this machine has in the usual places out of the tests."""
    monkeypatch.setattr(_discover, "_PLACES", ())


def app(folder: pathlib.Path, name: str = "fastgpt", **more: t.Any) -> dict[str, t.Any]:
    label = "com.docker.compose.project"
    labels = {f"{label}.working_dir": str(folder), f"{label}.config_files": f"{folder}/docker-compose.yml"}
    labels.update(more.pop("labels", {}))
    return inspected(name, "ghcr.io/labring/fastgpt:v4.8.11", labels=labels, **more)


def read(**options: t.Any) -> dict[str, t.Any]:
    return collect(Options(salt="s", probes=False, **options))


def failed(evidence: dict[str, t.Any]) -> list[str]:
    return [item["what"] for item in evidence["failures"]]


def test_a_host_without_docker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    evidence = read()
    assert (evidence["engine"]["state"], evidence["projects"]) == ("missing", [])
    assert "containers" not in evidence
    assert evidence["host"]["memory"]["total"] > 0


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "stopped",
        ),
        ("permission denied while trying to connect to the Docker daemon socket", "permission"),
    ],
)
def test_an_engine_that_does_not_answer_leaves_the_files(
    docker: Answer, tmp_path: pathlib.Path, words: str, state: str
) -> None:
    docker("", err=words, status=1)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    evidence = read(project_dir=str(tmp_path))
    assert (evidence["engine"]["state"], evidence["engine"]["error"]) == (state, words)
    assert "containers" not in evidence
    assert [item["role"] for item in evidence["files"]] == ["compose", "config"]
    assert [item["kind"] for item in evidence["files"]] == ["file", "missing"]


def test_a_hung_engine_ends_in_time_and_leaves_the_host(docker: Answer) -> None:
    docker("", sleep=60)
    began = time.monotonic()
    evidence = read(timeout=2)
    assert time.monotonic() - began < 10
    assert evidence["engine"]["state"] == "timeout"
    assert evidence["host"]["name"]


def test_a_deployment(engine: Engine, tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / "config.json").write_text("{}")
    config = {"Type": "bind", "Source": f"{tmp_path}/config.json", "Destination": "/app/data/config.json", "RW": True}
    stranger = inspected("web", "nginx:1", labels={"com.docker.compose.project": "site"}, networks={}, env={"A": "1"})
    engine(app(tmp_path, mounts=[config]), stranger, logs="2026-11-20T08:00:02.0Z hello\n")
    evidence = read()
    assert summary_of(evidence)["projects"] == ["fastgpt"]
    assert [item["name"] for item in evidence["containers"]] == ["fastgpt"]
    assert [item["name"] for item in evidence["other_containers"]] == ["web"]
    assert "env" not in evidence["other_containers"][0]
    assert {item["path"].rpartition("/")[2]: item["role"] for item in evidence["files"]} == {
        "docker-compose.yml": "compose",
        "config.json": "config",
    }
    assert evidence["logs"] == [
        {
            "container": "fastgpt",
            "timestamps": True,
            "text": "2026-11-20T08:00:02.0Z hello\n",
            "truncated": False,
            "error": None,
        }
    ]
    assert evidence["networks"] == [{"name": "fastgpt_fastgpt", "driver": "bridge", "containers": ["fastgpt"]}]
    assert evidence["images"][0]["tags"] == ["x:1"]
    assert json.loads(json.dumps(evidence)) == evidence


def test_a_broken_inspect_leaves_what_the_list_tells(docker: Answer, tmp_path: pathlib.Path) -> None:
    docker("version", '{"Client":{"Version":"26"},"Server":{"Version":"26"}}')
    label = "com.docker.compose"
    labels = f"{label}.project=fastgpt,{label}.service=app,{label}.project.working_dir={tmp_path}"
    listed = {"ID": "1a", "Names": "fastgpt", "Image": "labring/fastgpt:v4.9.0", "State": "exited", "Labels": labels}
    docker("ps", json.dumps(listed) + "\n")
    docker("inspect", '[{"Id": "1a", "Name"')
    docker("network ls", "")
    evidence = read()
    assert "docker inspect" in failed(evidence)
    found = evidence["containers"][0]
    assert (found["name"], found["service"], found["partial"], found["state"]["status"]) == (
        "fastgpt",
        "app",
        True,
        "exited",
    )


def test_containers_that_cannot_be_listed_are_not_none_of_them(docker: Answer) -> None:
    docker("version", '{"Client":{"Version":"26"},"Server":{"Version":"26"}}')
    docker("ps", err="Error response from daemon: broken", status=1)
    evidence = read()
    assert "docker ps" in failed(evidence)
    assert "containers" not in evidence


def test_logs_in_any_encoding(engine: Engine, tmp_path: pathlib.Path) -> None:
    engine(app(tmp_path), logs=b"2026-11-20T08:00:02Z \x1b[31m\xff\xfe<b>x</b>\x1b[0m\n")
    text = read()["logs"][0]["text"]
    assert text.endswith("\x1b[31m\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}<b>x</b>\x1b[0m\n")


def test_a_log_that_cannot_be_read_loses_nothing_else(engine: Engine, tmp_path: pathlib.Path) -> None:
    docker = engine(app(tmp_path))
    words = "Error response from daemon: configured logging driver does not support reading"
    docker("logs --timestamps --tail", err=words, status=1)
    evidence = collect(Options(salt="s", probes=False, log_lines=7))
    assert summary_of(evidence)["containers"] == 1
    assert evidence["logs"][0]["text"] in (None, "")


@pytest.mark.parametrize(("there", "said"), [(True, "from the file"), (False, "from the engine")])
def test_a_log_is_read_from_its_file_where_that_can_be(
    engine: Engine, tmp_path: pathlib.Path, there: bool, said: str
) -> None:
    container, file = app(tmp_path), tmp_path / "x-json.log"
    container.update(LogPath=str(file))
    container["HostConfig"]["LogConfig"] = {"Type": "json-file"}
    if there:
        file.write_text('{"log":"from the file\\n","stream":"stderr","time":"2026-11-20T08:00:02.5Z"}\n')
    engine(container, logs="2026-11-20T08:00:02.500000000Z from the engine\n")
    assert read()["logs"] == [
        {
            "container": "fastgpt",
            "timestamps": True,
            "text": f"2026-11-20T08:00:02.500000000Z {said}\n",
            "truncated": False,
            "error": None,
        }
    ]


def test_a_long_logs_beginning_is_kept(docker: Answer, tmp_path: pathlib.Path) -> None:
    container = app(tmp_path)
    docker("version", '{"Client":{"Version":"26"},"Server":{"Version":"26"}}')
    docker("ps", json.dumps({"ID": container["Id"]}) + "\n")
    docker("inspect", json.dumps([container]))
    docker(
        "logs --timestamps --since",
        "2026-11-20T08:00:02Z first\n2026-11-20T08:00:03Z again\n2026-11-20T09:00:00Z late\n",
    )
    docker("logs --timestamps --tail 2", "2026-11-20T09:00:00Z late\n2026-11-20T09:00:01Z last\n")
    log = read(log_lines=2)["logs"][0]
    assert log["truncated"]
    assert [line.split()[1] for line in log["text"].splitlines()] == ["first", "again", "late", "last"]


def test_a_hung_log_is_listed_and_the_others_are_read(engine: Engine, tmp_path: pathlib.Path, docker: Answer) -> None:
    slow, quick = app(tmp_path, "fastgpt"), app(tmp_path, "second")
    docker(f"logs --timestamps --tail 1000 {slow['Id']}", sleep=60)
    engine(slow, quick, logs="2026-11-20T08:00:02Z x\n")
    evidence = read(timeout=3)
    assert "docker logs fastgpt" in failed(evidence)
    assert {log["container"]: bool(log["text"]) for log in evidence["logs"]}["second"]


def test_what_compose_makes_of_the_files(engine: Engine, tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    rendered = {"services": {"fastgpt": {"image": "x", "environment": {"ROOT_KEY": PLANTED, "LOG_LEVEL": "info"}}}}
    docker = engine(app(tmp_path))
    docker("compose version --short", "2.26.1\n")
    command = f"compose --project-name fastgpt --project-directory {tmp_path} --file {tmp_path}/docker-compose.yml"
    docker(f"{command} config --format json", json.dumps(rendered), err='The "X" variable is not set.')
    docker(f"{command} config --hash", "fastgpt abc123\n")
    evidence = read()
    project = evidence["projects"][0]
    assert evidence["compose"]["v2"] == "2.26.1"
    assert TOKEN.fullmatch(project["rendered"]["services"]["fastgpt"]["environment"]["ROOT_KEY"])
    assert project["rendered"]["services"]["fastgpt"]["environment"]["LOG_LEVEL"] == "info"
    assert (project["rendered_error"], project["rendered_warnings"]) == (None, 'The "X" variable is not set.')
    assert project["config_hashes"] == {"fastgpt": "abc123"}


def test_compose_is_asked_directly_where_docker_tells_its_plugins(docker: Answer, tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    container, plugin = app(tmp_path), tmp_path / "docker-compose"
    plugin.write_text("""#!/bin/sh\n[ "$1" = --project-name ] && echo '{"services": {"fastgpt": {"image": "x"}}}'\n""")
    plugin.chmod(0o755)
    plugins = [{"Name": "compose", "Version": "2.26.1-4", "Path": str(plugin)}]
    told = {"ServerVersion": "26.1.5", "ClientInfo": {"Version": "26.1.5", "Plugins": plugins}}
    docker("info", json.dumps(told))
    docker("ps", json.dumps({"ID": container["Id"]}) + "\n")
    docker("inspect", json.dumps([container]))
    evidence = read()
    assert (evidence["engine"]["server_version"], evidence["compose"]["v2"]) == ("26.1.5", "2.26.1-4")
    assert evidence["projects"][0]["rendered"] == {"services": {"fastgpt": {"image": "x"}}}


def test_an_unreadable_config_file_comes_with_the_last_backup_that_was_right(
    engine: Engine, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.json"
    config.write_text(f'{{"key": "{PLANTED}"}}')
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    _journal.replace_file(_journal.Journal(), "r", "f", str(config), b'{"a": "b"c"}')
    mount = {"Type": "bind", "Source": str(config), "Destination": "/app/data/config.json", "RW": True}
    engine(app(tmp_path, mounts=[mount]))
    (found,) = (item for item in read()["files"] if item["role"] == "config")
    assert found["text"] == '{"a": "b"c"}'
    assert TOKEN.search(found["backup"]["text"]) and PLANTED not in json.dumps(found)


def test_files_that_compose_refuses(engine: Engine, tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services:\n\tx: 1\n")
    docker = engine(app(tmp_path))
    docker("compose version --short", "2.26.1\n")
    docker("compose", err="yaml: line 2: found character that cannot start any token", status=15)
    project = read()["projects"][0]
    assert (project["rendered"], project["config_hashes"]) == (None, None)
    assert "cannot start any token" in project["rendered_error"]


def test_a_huge_config_is_told_by_its_size(engine: Engine, tmp_path: pathlib.Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    with (tmp_path / "config.json").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    engine(app(tmp_path))
    evidence = read()
    config = next(item for item in evidence["files"] if item["role"] == "config")
    assert (config["size"], config["truncated"]) == (50 * 1024 * 1024, True)
    assert len(json.dumps(evidence)) < 8 * 1024 * 1024


def test_a_planted_secret_is_nowhere_in_the_evidence(engine: Engine, tmp_path: pathlib.Path) -> None:
    """One secret in every place evidence is read from, in every usual writing, is a token in all of them."""
    quoted, coded = urllib.parse.quote(PLANTED, safe=""), base64.b64encode(PLANTED.encode()).decode()
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / ".env").write_text(f"DB_PASSWORD='{PLANTED}'\n")
    (tmp_path / "config.json").write_text(f'{{"customPdfParse": {{"key": "{PLANTED}"}}, // {PLANTED}\n}}')
    log = f"2026-11-20T08:00:02Z got {PLANTED} and {quoted} and {coded}\n2026-11-20T08:00:03Z mongodb://u:{PLANTED}@m:1/x\n"
    container = app(
        tmp_path,
        env={"ROOT_KEY": PLANTED, "MONGODB_URI": f"mongodb://u:{quoted}@mongo:27017/x", "NOTE": f"see {PLANTED}"},
        command=["run", "--token", PLANTED],
        labels={"note": f"is {PLANTED}"},
        state={"Error": f"no {PLANTED}", "Health": {"Log": [{"ExitCode": 1, "Output": f"-p {PLANTED}"}]}},
    )
    engine(container, logs=log)
    evidence = read()
    text = json.dumps(evidence, ensure_ascii=False)
    for form in (PLANTED, quoted, coded.rstrip("="), PLANTED.replace("/", "").replace("@", "")):
        assert form not in text
    token = evidence["containers"][0]["env"]["ROOT_KEY"]
    assert TOKEN.fullmatch(token)
    assert evidence["containers"][0]["env"]["MONGODB_URI"] == f"mongodb://u:{token}@mongo:27017/x"
    assert f"DB_PASSWORD='{token}'" in next(item["text"] for item in evidence["files"] if item["role"] == "env")
    assert evidence["secret_facts"][token]["length"] == len(PLANTED)


def test_template_defaults_are_named_without_being_shown(engine: Engine, tmp_path: pathlib.Path) -> None:
    engine(app(tmp_path, env={"DEFAULT_ROOT_PSW": "1234", "ROOT_KEY": "Own-Value-77"}))
    evidence = read()
    env = evidence["containers"][0]["env"]
    assert env["DEFAULT_ROOT_PSW"] in evidence["known_defaults"]
    assert env["ROOT_KEY"] not in evidence["known_defaults"]


def test_probes_of_a_running_app(engine: Engine, tmp_path: pathlib.Path) -> None:
    """The services' own answers are found where the evidence's shape has them; what cannot be asked says so."""
    docker = engine(app(tmp_path, env={"MONGODB_URI": "mongodb://mongo:27017/fastgpt"}))
    docker("exec", err="Error response from daemon: container is not running", status=1)
    evidence = collect(Options(salt="s", timeout=20))
    probes = evidence["probes"]
    assert "not running" in probes["app_config"]["error"]
    assert "mongo" not in probes
    assert "inside the app" in failed(evidence)


def test_the_deployment_meant_can_be_named(engine: Engine, tmp_path: pathlib.Path) -> None:
    other = app(tmp_path, "second")
    other["Config"]["Labels"]["com.docker.compose.project"] = "two"
    engine(app(tmp_path), other)
    evidence = read(project="two")
    assert [item["name"] for item in evidence["containers"]] == ["second"]
    assert [item["name"] for item in evidence["other_containers"]] == ["fastgpt"]


def test_tokens_of_hosts_with_one_salt_are_equal(engine: Engine, tmp_path: pathlib.Path) -> None:
    engine(app(tmp_path, env={"ROOT_KEY": PLANTED}))
    first, second, other = read(), read(), collect(Options(salt="other", probes=False))
    tokens = [item["containers"][0]["env"]["ROOT_KEY"] for item in (first, second, other)]
    assert tokens[0] == tokens[1] != tokens[2]


def test_a_summary_of_nothing() -> None:
    assert _collect.summary_of({"unreachable": "no route"})["containers"] == 0
