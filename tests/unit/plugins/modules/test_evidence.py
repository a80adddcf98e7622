# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.modules import evidence


def run(capsys: pytest.CaptureFixture[str], **params: t.Any) -> tuple[t.Any, dict[str, t.Any]]:
    with patch_module_args(params), pytest.raises(SystemExit) as stop:
        evidence.main()
    return stop.value.code, json.loads(capsys.readouterr().out)


def test_a_host_without_docker_is_no_failure(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, result = run(capsys, project_dir=str(tmp_path), probes=False)
    assert (code, result["changed"]) == (0, False)
    assert result["evidence"]["engine"]["state"] == "missing"
    assert result["summary"]["engine"] == "missing"


def test_check_mode_reads_as_well(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "compose.yml").write_text("services: {}\n")
    _code, result = run(capsys, project_dir=str(tmp_path), _ansible_check_mode=True)
    assert [item["kind"] for item in result["evidence"]["files"]] == ["file"]


def test_the_salt_is_not_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _code, result = run(capsys, project_dir=str(tmp_path), salt="never-told-salt-1234")
    assert "never-told-salt-1234" not in json.dumps(result)
