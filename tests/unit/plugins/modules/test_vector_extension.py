# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vector_extension, run as a whole on a server of the test."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal, _postgres, _undo
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result
from ansible_collections.fastgpt.ops.plugins.modules import vector_extension as module

Run = t.Callable[..., t.Dict[str, t.Any]]
PLAIN = "/usr/share/postgresql/15"


class Database:
    """A database whose extension can be created, updated and dropped."""

    def __init__(self, installed: str | None, available: str | None):
        self.installed, self.available, self.rows = installed, available, 0
        self.told: list[str] = []
        self.names: list[str] = []

    def run(self, argv: t.Sequence[str], *_more: t.Any, **_named: t.Any) -> Result:
        if "psql" not in " ".join(argv) and "docker" not in argv:
            return Result(0, b"  Candidate: 0.8.0-1\n", b"")
        sql = argv[-1]
        self.names.append(argv[-2])
        if "json_build_object" in sql:
            facts = {"major": 15, "installed": self.installed, "available": self.available}
            return Result(0, json.dumps({**facts, "modeldata": bool(self.rows), "share": PLAIN}).encode(), b"")
        self.told.append(sql)
        if sql == module.DROP and self.rows:
            return Result(1, b"", b"", "ERROR:  table modeldata holds rows by now: the extension stays")
        self.installed = None if sql == module.DROP else self.available
        return Result(0, b"", b"")


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module on a database; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    monkeypatch.setattr(
        module, "inspect", lambda _names: [{"Config": {"Env": ["PG_URL=postgresql://u:p@pg:5432/own"]}}]
    )

    def start(server: Database, **params: t.Any) -> dict[str, t.Any]:
        for place in (_postgres, _undo, module):
            monkeypatch.setattr(place, "run", server.run)
        wanted = {"container": "pg", "app": "fastgpt", "wait": 0, **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            module.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def undo(run_id: str) -> list[str | None]:
    journal = _journal.Journal()
    return [outcome.refused for outcome in _undo.undo(journal, journal.changes(run_id))]


def test_it_is_created_in_fastgpts_database_and_dropped_again(run: Run) -> None:
    database = Database(None, "0.8.0")
    result = run(database, run_id="r1")
    assert (result["changed"], result["installed"], database.told) == (True, "0.8.0", ["CREATE EXTENSION vector"])
    assert set(database.names) == {"own"}
    assert run(database, run_id="r2")["changed"] is False
    assert undo("r1") == [None]
    assert database.installed is None


def test_with_rows_in_the_table_it_stays(run: Run) -> None:
    database = Database(None, "0.8.0")
    run(database, run_id="r1")
    database.rows = 7
    (refused,) = undo("r1")
    assert "holds rows by now" in str(refused)
    assert database.installed == "0.8.0"


def test_it_is_brought_up_to_its_files_and_has_no_way_back(run: Run) -> None:
    database = Database("0.5.0", "0.8.0")
    result = run(database, run_id="r1", version="0.8")
    assert result["diff"]["before"] == "vector 0.5.0\n"
    assert result["diff"]["after"] == "vector 0.8.0\n"
    assert database.told == ["ALTER EXTENSION vector UPDATE"]
    (refused,) = undo("r1")
    assert "no way back" in str(refused)


def test_it_never_goes_back(run: Run) -> None:
    database = Database("0.8.0", "0.7.4")
    assert run(database)["changed"] is False


@pytest.mark.parametrize(
    ("available", "params", "after"),
    [
        ("0.8.0", {}, "vector 0.8.0\n"),
        (None, {"version": "0.8.0"}, "vector 0.8.0\n"),
        (None, {"container": None, "database": "own", "app": None}, "vector 0.8.0\n"),
        (None, {}, "vector as packaged\n"),
    ],
    ids=["files there", "image to come", "package to come", "not known"],
)
def test_check_mode_predicts_and_changes_nothing(
    run: Run, available: str | None, params: dict[str, t.Any], after: str, tmp_path: pathlib.Path
) -> None:
    database = Database(None, available)
    result = run(database, _ansible_check_mode=True, **params)
    assert (result["changed"], result["diff"]["after"], database.told) == (True, after, [])
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("available", "words"),
    [
        (None, "no files of the extension vector; pgvector 0.8 or later is wanted"),
        ("0.7.4", "only the files of vector 0.7"),
    ],
)
def test_files_that_will_not_do_are_told(run: Run, available: str | None, words: str) -> None:
    result = run(Database(None, available), version="0.8")
    assert result["failed"] and words in result["msg"]
    assert "PostgreSQL 15 (pg)" in result["msg"]


def test_a_server_of_the_host_names_its_package(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_text", lambda _path: "ID=debian\n")
    result = run(Database(None, None), container=None, app=None, database="own", _ansible_check_mode=True)
    assert (result["package"], result["candidate"]) == ("postgresql-15-pgvector", "0.8.0")
