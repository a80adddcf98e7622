# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what is copied, what is refused, and how data folders change places. Docker is replaced."""

from __future__ import annotations

import collections
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _backup as backup
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import databases_of
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import DONE, UNDONE, Journal
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result

from .conftest import inspected

CONTAINERS = [
    inspected("mongo", "mongo:5.0.18"),
    inspected("pg", "pgvector/pgvector:0.7.0-pg15", env={"PGDATA": "/var/lib/postgresql/data/pgdata"}),
    inspected("mysql", "mysql:8.0.36"),
    inspected(
        "fastgpt",
        "ghcr.io/labring/fastgpt:v4.8.11",
        env={"MONGODB_URI": "mongodb://u:p@mongo:27017/fastgpt", "PG_URL": "postgresql://u:p@pg:5432/postgres"},
    ),
    inspected("oneapi", "ghcr.io/songquanpeng/one-api:v0.6.7", env={"SQL_DSN": "root:p@tcp(mysql:3306)/oneapi"}),
    inspected("sandbox", "ghcr.io/labring/fastgpt-sandbox:v4.8.11"),
]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Project:
    monkeypatch.setattr(Project, "containers", lambda _self: CONTAINERS)
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    return Project(str(tmp_path))


@pytest.fixture
def journal(tmp_path: pathlib.Path) -> Journal:
    return Journal(str(tmp_path / "state"))


def test_databases_and_who_writes_to_them(project: Project) -> None:
    stack = backup.Stack(project)
    assert [(d.service, d.kind.name) for d in stack.databases] == [
        ("mongo", "mongo"),
        ("pg", "postgres"),
        ("mysql", "mysql"),
    ]
    assert [item["service"] for item in stack.writers] == ["fastgpt", "oneapi"]
    assert databases_of(stack.containers)[1].folder == "/var/lib/postgresql/data/pgdata"


def test_only_the_databases_that_services_are_or_write_to(project: Project) -> None:
    assert [d.service for d in backup.Stack(project, ["fastgpt"]).databases] == ["mongo", "pg"]
    stack = backup.Stack(project, ["mysql"])
    assert ([d.service for d in stack.databases], [w["service"] for w in stack.writers]) == (["mysql"], ["oneapi"])


def test_a_service_that_is_not_there_is_named(project: Project) -> None:
    with pytest.raises(backup.BackupError, match="belongs to nosuch"):
        backup.Stack(project, ["nosuch"])


def test_tar_runs_in_an_image_that_has_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    own = [dict(item, Image=f"sha256:{item['Name'][1:]}") for item in CONTAINERS]
    monkeypatch.setattr(Project, "containers", lambda _self: own)
    assert backup.Stack(project).helper == "sha256:mongo"


def test_too_little_room_is_refused_with_the_numbers(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(backup, "_size", lambda *_: 500 * 1024 * 1024)
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _path: usage(100 * 1024 * 1024))
    with pytest.raises(backup.BackupError, match=r"needs 1564 MiB at .* and 100 MiB are free; nothing was stopped"):
        backup.check_space(backup.Stack(project), str(tmp_path / "to/come"), tested=False)


class Docker:
    """Stands for everything that would touch containers; notes what is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.fail: str | None = None
        self.rows = {"fastgpt.apps": 7}
        monkeypatch.setattr(backup, "check_space", lambda *_: 0)
        monkeypatch.setattr(backup, "count_rows", lambda *_: dict(self.rows))
        self.asked: list[str | None] = []
        monkeypatch.setattr(backup, "wait_ready", lambda _kind, _name, _seconds, address: self.asked.append(address))
        monkeypatch.setattr(backup, "stop", lambda database: self._note(f"stop {database.service}"))
        monkeypatch.setattr(backup, "start", lambda name: self._note(f"start {name}"))
        monkeypatch.setattr(backup, "run", self._run)
        monkeypatch.setattr(backup, "_archive", self._archive)
        monkeypatch.setattr(backup, "test", self._test)
        # started anew, each has another address than before
        networks = {"Networks": {"fastgpt_fastgpt": {"IPAddress": "172.18.0.99"}}}
        stopped = [{**item, "State": {"Running": False}, "NetworkSettings": networks} for item in CONTAINERS]
        monkeypatch.setattr(backup, "inspect", lambda names: [i for i in stopped if str(i["Name"])[1:] in names])

    def _note(self, words: str) -> None:
        self.done.append(words)

    def _run(self, argv: t.Sequence[str], _timeout: float) -> t.Any:
        self._note(" ".join(argv[1:]))
        return Result(0, b"", b"")

    def _archive(self, _stack: object, database: t.Any, path: str, _timeout: float) -> None:
        if self.fail == database.service:
            pathlib.Path(path).write_bytes(b"half")
            raise backup.BackupError("no space left on device")
        pathlib.Path(path).write_bytes(b"whole")

    def _test(self, copy: backup.Copy, *_more: object) -> None:
        self._note(f"test {copy.service}")
        copy.restored = True


@pytest.fixture
def docker_calls(monkeypatch: pytest.MonkeyPatch) -> Docker:
    return Docker(monkeypatch)


def wanted(**more: t.Any) -> backup.Wanted:
    return backup.Wanted(run_id="r1", label="backup", **more)


def test_writers_stop_before_databases_and_the_proof_comes_after_all_run_again(
    project: Project, journal: Journal, docker_calls: Docker
) -> None:
    manifest, _seconds = backup.make(backup.Stack(project, ["fastgpt"]), journal, wanted())
    done = docker_calls.done
    assert done.index("stop fastgpt") < min(done.index("stop mongo"), done.index("stop pg"))
    assert (
        max(done.index("start mongo"), done.index("start pg")) < done.index("start fastgpt") < done.index("test mongo")
    )
    assert [(copy.service, copy.restored, copy.rows) for copy in manifest.databases] == [
        ("mongo", True, {"fastgpt.apps": 7}),
        ("pg", True, {"fastgpt.apps": 7}),
    ]
    read = backup.Manifest.read(backup.folder_of(journal, "r1", "backup"))
    assert read == manifest
    assert [item["path"] for item in read.files] == [str(pathlib.Path(project.directory) / "docker-compose.yml")]
    assert {change.status for change in journal.changes()} == {UNDONE}


def test_a_database_is_asked_at_the_address_it_has_after_its_start(
    project: Project, journal: Journal, docker_calls: Docker
) -> None:
    backup.make(backup.Stack(project, ["fastgpt"]), journal, wanted())
    assert docker_calls.asked == ["172.18.0.99", "172.18.0.99"]


def test_what_is_to_stay_stopped_is_told_by_the_journal(
    project: Project, journal: Journal, docker_calls: Docker
) -> None:
    backup.make(backup.Stack(project, ["fastgpt"]), journal, wanted(resume=False))
    assert "start fastgpt" not in docker_calls.done
    assert [(c.target, c.status) for c in backup.stopped_by(journal, "r1")] == [("fastgpt", DONE)]


def test_a_copy_that_fails_leaves_everything_running_and_no_backup(
    project: Project, journal: Journal, docker_calls: Docker
) -> None:
    docker_calls.fail = "pg"
    with pytest.raises(backup.BackupError, match="no space left"):
        backup.make(backup.Stack(project, ["fastgpt"]), journal, wanted(resume=False))
    assert {"start mongo", "start pg", "start fastgpt"} <= set(docker_calls.done)
    assert backup.stopped_by(journal) == []
    folder = pathlib.Path(backup.folder_of(journal, "r1", "backup"))
    assert list(folder.glob("*.tar")) == []
    with pytest.raises(backup.BackupError, match="is no whole backup"):
        backup.Manifest.read(str(folder))


def test_a_damaged_archive_is_refused_before_anything_stops(
    project: Project, journal: Journal, docker_calls: Docker
) -> None:
    backup.make(backup.Stack(project, ["fastgpt"]), journal, wanted())
    folder = pathlib.Path(backup.folder_of(journal, "r1", "backup"))
    (folder / "pg.tar").write_bytes(b"other")
    docker_calls.done.clear()
    with pytest.raises(backup.BackupError, match=r"pg\.tar is damaged"):
        backup.put_back(project, str(folder), "x")
    assert docker_calls.done == []


# --- the exchange of data folders, by the real shell


def swap(folder: pathlib.Path, new: str = "new-x", aside: str = "aside-x") -> None:
    own = backup.OWN
    subprocess.run(["sh", "-c", backup._SWAP, "sh", str(folder), f"{own}/{new}", f"{own}/{aside}"], check=True)


@pytest.fixture
def data(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "data"
    for name in ("old", ".hidden", "with blank"):
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old")
    unpacked = folder / backup.OWN / "new-x"
    unpacked.mkdir(parents=True)
    for name in ("new", ".hidden"):
        (unpacked / name).write_text("new")
    return folder


def names(folder: pathlib.Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {backup.OWN}


def test_what_was_there_is_moved_aside_whole(data: pathlib.Path) -> None:
    swap(data)
    assert names(data) == {"new", ".hidden"}
    assert (data / ".hidden").read_text() == "new"
    aside = data / backup.OWN / "aside-x"
    assert names(aside) == {"old", ".hidden", "with blank", "sub"}
    assert (aside / ".hidden").read_text() == "old"


def test_a_repetition_changes_nothing(data: pathlib.Path) -> None:
    swap(data)
    swap(data)
    assert names(data) == {"new", ".hidden"}


def test_an_exchange_that_was_killed_half_way_is_ended(data: pathlib.Path) -> None:
    own = data / backup.OWN
    (own / "aside-x").mkdir()
    (data / "old").rename(own / "aside-x/old")  # killed while the old files moved
    swap(data)
    assert names(own / "aside-x") == {"old", ".hidden", "with blank", "sub"}

    (own / "new-x").mkdir()
    (own / "new-x/late").write_text("new")  # killed while the new ones did
    swap(data)
    assert names(data) == {"new", ".hidden", "late"}


def test_an_exchange_can_be_taken_back(data: pathlib.Path) -> None:
    swap(data)
    swap(data, "aside-x", "undone-x")
    assert names(data) == {"old", ".hidden", "with blank", "sub"}
    assert (data / ".hidden").read_text() == "old"
    assert names(data / backup.OWN / "undone-x") == {"new", ".hidden"}
