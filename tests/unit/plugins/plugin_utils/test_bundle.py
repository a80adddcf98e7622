# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import json
import pathlib
import typing as t

from ansible_collections.fastgpt.ops.plugins.plugin_utils.bundle import bundle_files
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers import bundle as readers

EVIDENCE: dict[str, t.Any] = {
    "schema_version": 1,
    "source": "live",
    "tool_version": "0.1.0",
    "collected_at": 1795161600.0,
    "host": {"name": "web1", "listeners": [{"address": "0.0.0.0", "port": 3000, "process": None}]},
    "containers": [
        {"id": "a" * 64, "name": "fastgpt", "image": "fastgpt:v4", "state": {"status": "exited", "exit_code": 1}},
        {"id": "b" * 64, "name": "mongo", "image": "mongo:5.0.18", "state": {"status": "running"}},
    ],
    "files": [
        {"path": "/opt/x/docker-compose.yml", "role": "compose", "text": "services: {}\n"},
        {"path": "/opt/x/mongodb.key", "role": "keyfile", "text": None},
        {"path": "/opt/x/config.json", "role": "config", "text": "{}"},
    ],
    "logs": [{"container": "fastgpt", "text": "2026-11-20T08:00:02Z hello\n"}, {"container": "mongo", "text": None}],
    "process_env": {"fastgpt": {"B": "2", "A": "1"}},
    "failures": [{"what": "docker logs mongo", "error": "timed out after 5 s"}],
}  # fmt: skip


def test_what_was_read_becomes_the_files_of_the_contract() -> None:
    files = bundle_files(EVIDENCE, "web1")
    assert sorted(files) == [
        "config.json",
        "docker-compose.yml",
        "env/fastgpt.env",
        "evidence.json",
        "logs/fastgpt.log",
        "manifest.json",
        "ps.txt",
        "shell.txt",
    ]
    assert files["env/fastgpt.env"] == "A=1\nB=2\n"
    assert "Exited (1)" in files["ps.txt"].splitlines()[1]
    assert "not read: docker logs mongo: timed out after 5 s" in files["shell.txt"]


def test_a_host_that_was_not_read_says_why() -> None:
    files = bundle_files({"schema_version": 1, "unreachable": "no route to host"}, "web1")
    assert sorted(files) == ["evidence.json", "manifest.json", "shell.txt"]
    assert "no route to host" in files["shell.txt"]


def test_a_name_stays_below_the_folder() -> None:
    files = bundle_files({"logs": [{"container": "../../etc/x", "text": "y"}]}, "web1")
    assert "logs/.._.._etc_x.log" in files


def test_the_readers_give_the_recorded_evidence_back(tmp_path: pathlib.Path) -> None:
    for name, text in bundle_files(EVIDENCE, "web1").items():
        path = tmp_path / "web1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ((name, found),) = readers.read_bundle(tmp_path, "salt")
    assert name == "web1"
    for key in ("containers", "logs", "host", "process_env"):
        assert json.dumps(found[key], sort_keys=True) == json.dumps(EVIDENCE[key], sort_keys=True)
