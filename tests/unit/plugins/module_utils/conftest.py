# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A docker CLI that answers from recordings."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import typing as t

import pytest

Answer = t.Callable[..., None]

NEVER = "0001-01-01T00:00:00Z"


@pytest.fixture
def docker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Give a function that sets what ``docker <beginning of the arguments>`` answers; all else ends with status 1."""
    folder = tmp_path / "bin"
    folder.mkdir()
    cases: list[str] = []

    def answer(arguments: str, out: str | bytes = "", err: str = "", status: int = 0, sleep: float = 0) -> None:
        data = folder / f"answer{len(cases)}"
        data.write_bytes(out if isinstance(out, bytes) else out.encode())
        (folder / f"words{len(cases)}").write_text(err)
        # exec: the shell becomes the sleep, as a hung CLI is one process
        wait = f"exec sleep {sleep};" if sleep else ""
        cases.append(f'"{arguments}"*) {wait} cat {data}; cat {folder}/words{len(cases)} >&2; exit {status};;')
        script = '#!/bin/sh\ncase "$*" in\n' + "\n".join(cases) + "\nesac\nexit 1\n"
        (folder / "docker").write_text(script)
        (folder / "docker").chmod(0o755)

    for program in ("sh", "cat", "sleep"):  # nothing else of this machine, above all no docker-compose
        (folder / program).symlink_to(shutil.which(program) or program)
    monkeypatch.setenv("PATH", str(folder))
    return answer


def inspected(name: str, image: str, **more: t.Any) -> dict[str, t.Any]:
    """Give an object as ``docker inspect`` prints it; ``more``: env, labels, mounts, networks, state, command ..."""
    labels = {"com.docker.compose.project": "fastgpt", "com.docker.compose.service": name, **more.get("labels", {})}
    state = {
        "Status": "running",
        "Running": True,
        "ExitCode": 0,
        "StartedAt": "2026-11-20T08:00:01.5Z",
        "FinishedAt": NEVER,
    }
    networks = more.get("networks", {"fastgpt_fastgpt": {"Aliases": [name], "IPAddress": "172.18.0.5"}})
    return {
        "Id": name.encode().hex().ljust(64, "0"),
        "Created": "2026-11-20T08:00:00.123456789Z",
        "Name": f"/{name}",
        "Image": "sha256:" + "1" * 64,
        "RestartCount": 0,
        "State": {**state, **more.get("state", {})},
        "Config": {
            "Image": image,
            "Env": [f"{key}={value}" for key, value in more.get("env", {}).items()],
            "Labels": {key: value for key, value in labels.items() if value is not None},
            "Cmd": more.get("command"),
            "Entrypoint": more.get("entrypoint"),
            "User": "",
        },
        "HostConfig": {
            "NetworkMode": "fastgpt_fastgpt",
            "RestartPolicy": {"Name": "always"},
            "PortBindings": more.get("ports", {}),
            "ShmSize": 67108864,
            "Memory": 0,
        },
        "Mounts": more.get("mounts", []),
        "NetworkSettings": {"Networks": networks},
    }


@pytest.fixture
def engine(docker: Answer) -> t.Callable[..., Answer]:
    """Give a function that makes the docker CLI answer as an engine with these containers does."""

    def up(*containers: dict[str, t.Any], logs: str | bytes = "") -> Answer:
        listed = [
            {
                "ID": item["Id"],
                "Names": item["Name"][1:],
                "Image": item["Config"]["Image"],
                "State": item["State"]["Status"],
                "Labels": ",".join(f"{key}={value}" for key, value in item["Config"]["Labels"].items()),
            }
            for item in containers
        ]
        docker("version", json.dumps({"Client": {"Version": "26.1.5"}, "Server": {"Version": "26.1.5"}}))
        docker("info", json.dumps({"DockerRootDir": os.getcwd(), "SecurityOptions": ["name=seccomp,profile=builtin"]}))
        docker("ps", "".join(json.dumps(item) + "\n" for item in listed))
        docker("network ls", json.dumps({"Name": "fastgpt_fastgpt", "Driver": "bridge"}) + "\n")
        docker("logs", logs)
        docker("inspect", json.dumps(containers))
        docker(
            "image inspect", json.dumps([{"Id": "sha256:" + "1" * 64, "RepoTags": ["x:1"], "Architecture": "amd64"}])
        )
        docker("volume inspect", "[]")
        return docker

    return up


@pytest.fixture
def inside(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., pathlib.Path]:
    """Give a function that makes ``docker exec`` run its script here, with small programs of the test before others."""

    def programs(**texts: str) -> pathlib.Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        # "docker exec -e NAME ... CONTAINER sh -c SCRIPT ...": all before sh is dropped
        runner = '#!/bin/sh\nwhile [ "$1" != sh ]; do shift; done\nexec "$@"\n'
        for name, text in {"docker": runner, **texts}.items():
            (folder / name).write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return folder

    return programs
