# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on the way back: as their file has them then, started only where they ran."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _compose_cli, _undo
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Compose and docker."""
    made: list[str] = []

    def must(_self: object, *arguments: str, timeout: float) -> Result:
        made.append(" ".join(arguments))
        return Result(0, b"", b"")

    def run(argv: list[str], *_more: object, **_options: object) -> Result:
        made.append(" ".join(argv))
        return Result(0, b"c0ffee\n" if "ps" in argv else b"", b"")

    def up(_self: object, services: list[str], *flags: str, timeout: float, start: bool = True) -> None:
        made.append(" ".join(["up", *([] if start else ["--no-start"]), *flags, *services]))

    monkeypatch.setattr(_compose_cli.Project, "must", must)
    monkeypatch.setattr(_compose_cli.Project, "up", up)
    monkeypatch.setattr(_compose_cli, "run", run)
    monkeypatch.setattr(_undo, "run", run)
    return made


def undone(tmp_path: pathlib.Path, before: str | None) -> None:
    journal = Journal(str(tmp_path / "state"))
    how = {"project_dir": "/opt/fastgpt", "project": "fastgpt", "state": "current"}
    journal.plan("r1", "hop-1-4.8.15", "up", "fastgpt", before, undo=how)
    assert [outcome.refused for outcome in _undo.undo(journal, journal.changes("r1"))] == [None]


def test_one_that_was_stopped_for_a_backup_gets_its_old_container_back(
    calls: list[str], tmp_path: pathlib.Path
) -> None:
    undone(tmp_path, "exited")
    assert calls == ["stop fastgpt", "up --no-start fastgpt"]


def test_one_that_ran_runs_again_as_its_file_has_it(calls: list[str], tmp_path: pathlib.Path) -> None:
    undone(tmp_path, "running")
    assert calls == ["up fastgpt"]


def test_one_that_came_in_goes_though_the_file_has_it_no_more(calls: list[str], tmp_path: pathlib.Path) -> None:
    undone(tmp_path, None)
    assert calls[0].startswith("docker ps -aq") and "com.docker.compose.service=fastgpt" in calls[0]
    assert calls[1:] == ["docker stop c0ffee", "docker rm c0ffee"]
