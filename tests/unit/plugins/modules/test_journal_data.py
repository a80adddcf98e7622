# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undoing a run that has backups of databases: allowed or not at all, in an order that loses nothing."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal, _undo
from ansible_collections.fastgpt.ops.plugins.module_utils._backup import BackupError
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import DONE, Journal, replace_file
from ansible_collections.fastgpt.ops.plugins.modules import journal as module

UNDO = {"project": {"project_dir": "/opt/fastgpt"}, "services": ["mongo", "pg"]}
Run = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to containers, in order."""
    made: list[str] = []
    monkeypatch.setattr(_undo, "Stack", lambda *_: None)
    monkeypatch.setattr(_undo, "stop_writers", lambda *_: made.append("stop writers"))
    monkeypatch.setattr(_undo, "put_back", lambda _p, folder, _n, before: made.append(f"{folder} but {sorted(before)}"))
    monkeypatch.setattr(_undo, "start_again", lambda *_: made.append("start writers"))
    monkeypatch.setitem(_undo._OTHERS, "up", lambda change: made.append(f"up {change.target}"))
    return made


@pytest.fixture
def journal(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    return Journal()


@pytest.fixture
def compose(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "docker-compose.yml"
    path.write_text("old")
    return path


@pytest.fixture
def hop(journal: Journal, compose: pathlib.Path) -> None:
    """A run with two hops, the second with a call."""
    for number in (1, 2):
        backup = journal.plan("r1", f"hop {number}", "data", f"before {number}", backup=f"backup {number}", undo=UNDO)
        journal.mark(backup, DONE)
        replace_file(journal, "r1", f"hop {number}", str(compose), f"new {number}".encode())
        journal.mark(journal.plan("r1", f"hop {number}", "up", "fastgpt", "running"), DONE)
    journal.mark(journal.plan("r1", "hop 2", "call", "4.8.18 x"), DONE)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], done: list[str]) -> Run:
    def start(**params: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"state": "undone", "run_id": "r1", **params}), pytest.raises(SystemExit):
            module.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


@pytest.mark.usefixtures("hop")
def test_databases_are_put_back_only_where_it_is_allowed(run: Run, done: list[str], compose: pathlib.Path) -> None:
    result = run()
    assert result["failed"] and "puts mongo, pg back as of" in result["msg"] and "Nothing was undone" in result["msg"]
    assert (done, compose.read_text()) == ([], "new 2")


@pytest.mark.usefixtures("hop")
def test_files_then_databases_of_the_oldest_backup_then_services(
    run: Run, done: list[str], compose: pathlib.Path
) -> None:
    result = run(data=True)
    assert result["refused"] == [] and compose.read_text() == "old"
    assert done == [
        "stop writers",
        "backup 1 but []",
        "stop writers",
        "backup 2 but ['mongo', 'pg']",
        "up fastgpt",
        "start writers",
    ]
    assert {change["status"] for change in result["changes"]} == {"undone"}


@pytest.mark.usefixtures("hop")
def test_a_statement_after_a_backup_is_gone_with_the_data(run: Run, journal: Journal) -> None:
    lasts = {"reason": "an update has no way back"}
    journal.mark(journal.plan("r1", "hop 2", "statement", "pg", "0.7", "0.8", undo=lasts), DONE)
    result = run(data=True, finding="hop 2")
    assert result["refused"] == []
    assert {change["status"] for change in result["changes"]} == {"undone"}


def test_a_statement_without_a_backup_stays(run: Run, journal: Journal) -> None:
    journal.mark(journal.plan("r1", "", "statement", "pg", undo={"reason": "an update has no way back"}), DONE)
    assert "an update has no way back" in run()["msg"]


@pytest.mark.usefixtures("hop")
def test_one_hop_alone_can_be_undone(run: Run, done: list[str], compose: pathlib.Path) -> None:
    run(data=True, finding="hop 2")
    assert compose.read_text() == "new 1"
    assert done == ["stop writers", "backup 2 but []", "up fastgpt", "start writers"]


@pytest.mark.usefixtures("hop")
def test_an_old_service_never_meets_the_data_of_a_new_one(
    run: Run, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise BackupError("pg.tar is damaged")

    monkeypatch.setattr(_undo, "put_back", damaged)
    result = run(data=True)
    assert result["failed"] and "pg.tar is damaged" in result["msg"]
    assert not [words for words in done if words.startswith("up")]


def test_a_call_without_a_backup_cannot_be_taken_back(run: Run, journal: Journal) -> None:
    journal.mark(journal.plan("r1", "", "call", "4.8.18 x"), DONE)
    assert "there is no backup" in run()["msg"]


def test_a_backup_that_was_not_whole_yet_is_not_put_back(run: Run, journal: Journal, done: list[str]) -> None:
    journal.plan("r1", "", "data", "before", backup="backup", undo=UNDO)
    run()
    assert "backup but []" not in done
    assert [change.status for change in journal.changes()] == ["undone"]
