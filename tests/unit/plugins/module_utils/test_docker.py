# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _docker
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result

from .conftest import inspected

GOOD = Result(0, b'{"Client":{"Version":"26.1.5","ApiVersion":"1.45"},"Server":{"Version":"26.1.5"}}', b"")
INFO = Result(
    0, b'{"DockerRootDir":"/data/docker","SecurityOptions":["name=seccomp,profile=builtin","name=rootless"]}', b""
)
CLIENT_ONLY = b'{"Client":{"Version":"20.10.24","ApiVersion":"1.41"},"Server":null}'
STOPPED = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
REFUSED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version": dial unix /var/run/docker.sock: connect: permission denied'
)
EMPTY = Result(1, b"", b"", "failed")


def test_a_working_engine() -> None:
    engine = _docker.classify_engine(GOOD, INFO)
    assert engine["state"] == "ok"
    assert (engine["server_version"], engine["client_version"]) == ("26.1.5", "26.1.5")
    assert (engine["root_dir"], engine["rootless"], engine["podman"]) == ("/data/docker", True, False)


def test_what_docker_info_tells_needs_no_other_call() -> None:
    told = b'{"ServerVersion":"26.1.5","DockerRootDir":"/d","ClientInfo":{"Version":"26.1.4"}}'
    engine = _docker.classify_engine(None, Result(0, told, b""))
    assert engine["state"] == "ok"
    assert (engine["server_version"], engine["client_version"], engine["root_dir"]) == ("26.1.5", "26.1.4", "/d")


@pytest.mark.parametrize(
    ("result", "state"),
    [
        pytest.param(Result(None, b"", b"", "No such file or directory"), "missing", id="no docker CLI"),
        pytest.param(Result(None, b"", b"", "timed out after 10 s"), "timeout", id="daemon hangs"),
    ],
)
def test_docker_info_alone_tells_why_there_is_no_answer(result: Result, state: str) -> None:
    engine = _docker.classify_engine(None, result)
    assert (engine["state"], engine["error"]) == (state, result.error)


@pytest.mark.parametrize(
    ("plugins", "found"),
    [
        ([{"Name": "buildx", "Version": "0.1", "Path": "/p/buildx"}], False),
        ([{"Name": "compose", "Version": "2.26.1", "Path": "/p/docker-compose"}], True),
        ([{"Name": "compose", "Path": "/p/docker-compose", "Err": "failed to fetch metadata"}], False),
        (None, False),
    ],
)
def test_compose_among_the_plugins(plugins: list[dict[str, str]] | None, found: bool) -> None:
    assert bool(_docker.compose_plugin({"ClientInfo": {"Plugins": plugins}})) is found


@pytest.mark.parametrize(
    ("result", "state"),
    [
        pytest.param(Result(None, b"", b"", "No such file or directory"), "missing", id="no docker CLI"),
        pytest.param(Result(1, CLIENT_ONLY, STOPPED.encode(), STOPPED), "stopped", id="no daemon"),
        pytest.param(Result(1, CLIENT_ONLY, REFUSED.encode(), REFUSED), "permission", id="socket refused"),
        pytest.param(Result(None, b"", b"", "timed out after 10 s"), "timeout", id="daemon hangs"),
        pytest.param(Result(1, CLIENT_ONLY, b"", "client version 1.52 is too new"), "error", id="other words"),
    ],
)
def test_why_an_engine_does_not_answer(result: Result, state: str) -> None:
    engine = _docker.classify_engine(result, EMPTY)
    assert engine["state"] == state
    assert engine["error"] == result.error


def test_the_clients_version_is_known_without_an_engine() -> None:
    engine = _docker.classify_engine(Result(1, CLIENT_ONLY, STOPPED.encode(), STOPPED), EMPTY)
    assert (engine["client_version"], engine["server_version"]) == ("20.10.24", None)


@pytest.mark.parametrize(
    ("driver", "path", "file"), [("json-file", "/l", "/l"), ("json-file", "", None), ("local", "/l", None)]
)
def test_the_file_of_a_log_is_known_where_its_driver_writes_json(driver: str, path: str, file: str | None) -> None:
    item = inspected("mongo", "mongo:5")
    item["HostConfig"]["LogConfig"] = {"Type": driver}
    assert _docker.container_from_inspect({**item, "LogPath": path})["log_file"] == file


def test_podman_behind_dockers_name_is_told() -> None:
    said = Result(0, b'{"Client":{"APIVersion":"4.3.1","Version":"4.3.1"}}', b"Emulate Docker CLI using podman.")
    engine = _docker.classify_engine(said, Result(0, b'{"store":{"graphRoot":"/var/lib/containers/storage"}}', b""))
    assert (engine["state"], engine["podman"], engine["root_dir"]) == ("ok", True, "/var/lib/containers/storage")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02T00:00:00Z", 86400.0),
        ("2026-11-20T08:00:00.5Z", 1795161600.5),
        ("2026-11-20T16:00:00.500000000+08:00", 1795161600.5),
        ("2026-11-20 08:00:00 +0000 UTC", 1795161600.0),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        (None, None),
    ],
)
def test_times(text: str | None, seconds: float | None) -> None:
    assert _docker.parse_time(text) == seconds


def test_a_container_in_the_evidences_shape() -> None:
    raw = inspected(
        "fastgpt",
        "ghcr.io/labring/fastgpt:v4.8.11",
        env={"PG_URL": "postgresql://u:p=1@pg:5432/postgres"},
        ports={"3000/tcp": [{"HostIp": "", "HostPort": "3000"}], "53/udp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        mounts=[{"Type": "bind", "Source": "/opt/config.json", "Destination": "/app/data/config.json", "RW": True}],
        state={
            "Status": "exited",
            "Running": False,
            "ExitCode": 132,
            "OOMKilled": True,
            "FinishedAt": "2026-11-20T09:00:00Z",
            "Health": {
                "Status": "unhealthy",
                "Log": [{"ExitCode": 0, "Output": "fine"}, {"ExitCode": 1, "Output": "not"}],
            },
        },
    )
    found = _docker.container_from_inspect(raw)
    assert (found["name"], found["service"], found["project"]) == ("fastgpt", "fastgpt", "fastgpt")
    assert found["env"] == {"PG_URL": "postgresql://u:p=1@pg:5432/postgres"}
    assert found["ports"] == [
        {"host_ip": "0.0.0.0", "host_port": 3000, "container_port": 3000, "protocol": "tcp"},
        {"host_ip": "127.0.0.1", "host_port": None, "container_port": 53, "protocol": "udp"},
    ]
    assert found["mounts"][0]["destination"] == "/app/data/config.json"
    state = found["state"]
    assert (state["status"], state["exit_code"], state["oom_killed"], state["health"]) == (
        "exited",
        132,
        True,
        "unhealthy",
    )
    assert state["finished_at"] == 1795165200.0
    assert found["health_log"] == ["not"]
    assert found["networks"] == {"fastgpt_fastgpt": {"aliases": ["fastgpt"], "ip": "172.18.0.5"}}


def test_nulls_of_the_engine_are_no_error() -> None:
    raw = {
        "Name": "/x",
        "Config": {"Image": "x", "Env": None, "Labels": None},
        "HostConfig": {},
        "Mounts": None,
        "State": {"Status": "created"},
        "NetworkSettings": {"Networks": None},
    }
    found = _docker.container_from_inspect(raw)
    assert (found["env"], found["ports"], found["mounts"], found["networks"]) == ({}, [], [], {})


def test_objects_are_found_between_warnings() -> None:
    assert _docker.load_object('WARNING: old\n{"a": {"b": 1}}\nbye') == {"a": {"b": 1}}
    assert _docker.load_object('{"a": ') == {}
    assert _docker.load_lines('{"ID":"1"}\nnoise\n{"ID":"2"}\n') == [{"ID": "1"}, {"ID": "2"}]


def test_an_unreadable_inspect_is_told() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        _docker.load_array('[{"Id": "1"')


def test_members_of_networks() -> None:
    containers = [{"name": "b", "networks": {"n": {}}}, {"name": "a", "networks": {"n": {}}}]
    assert _docker.networks_of([{"Name": "n", "Driver": "bridge"}, {"Name": "o", "Driver": "bridge"}], containers) == [
        {"name": "n", "driver": "bridge", "containers": ["a", "b"]},
        {"name": "o", "driver": "bridge", "containers": []},
    ]
