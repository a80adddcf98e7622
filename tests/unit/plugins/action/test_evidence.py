# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import json
import pathlib
import stat
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.action import evidence as action

READ = {
    "schema_version": 1,
    "engine": {"state": "ok"},
    "containers": [],
    "projects": [{"name": "fastgpt"}],
    "failures": [],
}


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    """Give a function that runs the plugin on a module that answers, or raises, as told."""
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments, **_more: {})

    def run(answer: t.Any, **arguments: t.Any) -> dict[str, t.Any]:
        plugin = action.ActionModule.__new__(action.ActionModule)
        plugin._task = mock.Mock(args=arguments)
        plugin._execute_module = mock.Mock(side_effect=[answer])
        result: dict[str, t.Any] = plugin.run(task_vars={"inventory_hostname": "web/1"})
        run.given = plugin._execute_module.call_args.kwargs["module_args"]  # type: ignore[attr-defined]
        return result

    return run


def test_without_a_folder_the_evidence_is_the_result(task: t.Callable[..., dict[str, t.Any]]) -> None:
    result = task({"evidence": dict(READ), "summary": {}, "changed": False}, project="x")
    assert result["evidence"]["engine"] == {"state": "ok"}
    assert result["evidence"]["controller_at"] > 1.7e9


def test_with_a_folder_only_a_summary_is_the_result(
    task: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    result = task({"evidence": dict(READ), "changed": False}, dest=str(tmp_path / "run"))
    path = tmp_path / "run" / "web_1.json"
    assert result["path"] == str(path)
    assert result["summary"]["projects"] == ["fastgpt"]
    assert "evidence" not in result
    assert json.loads(path.read_text())["engine"] == {"state": "ok"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_hosts_of_a_run_share_a_salt_that_the_module_gets(task: t.Callable[..., dict[str, t.Any]]) -> None:
    task({"evidence": dict(READ)}, dest="", project="x")
    first = task.given  # type: ignore[attr-defined]
    task({"evidence": dict(READ)}, salt="own")
    assert len(first["salt"]) >= 32
    assert "dest" not in first
    assert task.given["salt"] == "own"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("running", "text", "kept"),
    [
        (False, "docker compose up -d fastgpt: port is already allocated", True),
        (True, "docker compose up -d fastgpt: port is already allocated", False),
        (False, "not ready after 120 s: fastgpt", False),
    ],
    ids=["does not run", "runs by now", "not Compose's words"],
)
def test_what_compose_said_of_a_service_that_does_not_run_is_evidence(
    task: t.Callable[..., dict[str, t.Any]], running: bool, text: str, kept: bool
) -> None:
    containers = [{"name": "a", "service": "fastgpt", "state": {"running": running}}]
    said = [{"services": ["fastgpt"], "text": text}]
    result = task({"evidence": {**READ, "containers": containers}}, said=said)
    assert "said" not in task.given  # type: ignore[attr-defined]
    words = [{"name": "docker compose up", "kind": "up", "text": text}]
    assert result["evidence"].get("texts") == (words if kept else None)


def test_an_unreachable_host_has_its_file(task: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    result = task(AnsibleConnectionFailure("no route to host"), dest=str(tmp_path))
    assert result["unreachable"]
    assert "no route to host" in json.loads((tmp_path / "web_1.json").read_text())["unreachable"]


def test_a_host_that_refuses_sudo_has_its_file_and_does_not_fail_the_play(
    task: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    result = task(AnsibleError("stranger is not in the sudoers file."), dest=str(tmp_path))
    assert not result.get("failed") and not result.get("unreachable")
    (written,) = tmp_path.glob("*.json")
    assert json.loads(written.read_text())["error"] == "stranger is not in the sudoers file."


@pytest.mark.parametrize(
    "answer",
    [
        {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "/usr/bin/python: not found", "rc": 127},
        {"failed": True, "msg": "Module result deserialization failed"},
        {},
    ],
    ids=["no python", "garbage", "nothing"],
)
def test_a_module_that_fails_does_not_fail_the_play(
    task: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path, answer: dict[str, t.Any]
) -> None:
    result = task(answer, dest=str(tmp_path))
    assert not result.get("failed")
    assert not result.get("unreachable")
    error = json.loads((tmp_path / "web_1.json").read_text())["error"]
    assert answer.get("msg", "the module gave no evidence") in error
    assert answer.get("module_stderr", "") in error


def test_a_bundle_is_a_folder_of_files(task: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    result = task({"evidence": dict(READ)}, bundles=str(tmp_path))
    assert result["bundle"] == str(tmp_path / "web_1")
    assert json.loads((tmp_path / "web_1" / "manifest.json").read_text())["host"] == "web/1"
    assert json.loads((tmp_path / "web_1" / "evidence.json").read_text())["projects"] == [{"name": "fastgpt"}]
