# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module data_folder, run as a whole by root on files of the test, with a docker CLI of the test."""

from __future__ import annotations

import io
import json
import os
import pathlib
import tarfile
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal, _undo
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result
from ansible_collections.fastgpt.ops.plugins.modules import data_folder

Run = t.Callable[..., t.Dict[str, t.Any]]

PASSWD = b"root:x:0:0:root:/root:/bin/sh\npostgres:x:70:71::/var/lib/postgresql:/bin/sh\n"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")


class Engine:
    """What docker says of one container, ``pg``."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.user, self.running = folder, "", False
        self.calls: list[list[str]] = []

    def inspect(self, names: t.Sequence[str]) -> list[dict[str, t.Any]]:
        mounts = [{"Source": str(self.folder)}]
        return [{"Name": "/pg", "Config": {"User": self.user}, "Mounts": mounts} for name in names if name == "pg"]

    def run(self, argv: t.Sequence[str], *_arguments: t.Any, **_more: t.Any) -> Result:
        self.calls.append(list(argv))
        if argv[1] == "ps":
            return Result(0, b"pg\n" if self.running else b"", b"")
        if argv[1] == "cp":
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w") as archive:
                item = tarfile.TarInfo("passwd")
                item.size = len(PASSWD)
                archive.addfile(item, io.BytesIO(PASSWD))
            return Result(0, stream.getvalue(), b"")
        return Result(0, b"", b"")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    data = tmp_path / "data"
    (data / "base").mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    (data / "base/1").write_text("rows")
    (data / "base/1").chmod(0o600)
    (data / "link").symlink_to("/etc/passwd")
    os.chown(data / "base", 70, 71)
    data.chmod(0o755)
    return data


@pytest.fixture
def engine(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine(folder)
    monkeypatch.setattr(data_folder, "inspect", made.inspect)
    monkeypatch.setattr(data_folder, "run", made.run)
    monkeypatch.setattr(_undo, "run", made.run)
    return made


@pytest.fixture
def run(
    folder: pathlib.Path,
    engine: Engine,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the module on the folder; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))

    def start(**params: t.Any) -> dict[str, t.Any]:
        wanted = {"path": str(folder), "container": "pg", "user": "postgres", "mode": "0700", **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            data_folder.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def owners(folder: pathlib.Path) -> dict[str, tuple[int, int, int]]:
    """Mode and owner of everything in the folder."""
    found = {path: path.lstat() for path in (folder, *sorted(folder.rglob("*")))}
    return {path.name: (s.st_mode, s.st_uid, s.st_gid) for path, s in found.items()}


def test_all_goes_to_the_images_user_and_back_again(run: Run, folder: pathlib.Path, engine: Engine) -> None:
    before = owners(folder)
    result = run(run_id="r1")
    assert (result["changed"], result["owner"], result["files"]) == (True, "70:71", 4)
    assert {(uid, gid) for _mode, uid, gid in owners(folder).values()} == {(70, 71)}
    assert (folder.stat().st_mode & 0o777, (folder / "base/1").stat().st_mode & 0o777) == (0o700, 0o600)
    assert os.stat("/etc/passwd").st_uid == 0
    assert run(run_id="r2")["changed"] is False

    (folder / "new").write_text("written by the server since")
    os.chown(folder / "new", 70, 71)
    (folder / "base/1").unlink()
    journal = _journal.Journal()
    assert [o.refused for o in _undo.undo(journal, journal.changes("r1"))] == [None, None]
    after = owners(folder)
    assert ["docker", "stop", "pg"] in engine.calls
    assert after.pop("new")[1:] == (70, 71)
    del before["1"]
    assert after == before


def test_check_mode_predicts_and_changes_nothing(run: Run, folder: pathlib.Path, engine: Engine) -> None:
    before = owners(folder)
    engine.running = True
    result = run(_ansible_check_mode=True)
    assert result["diff"]["before"] == {"owner": "0:0", "mode": "0755", "files of others": 4}
    assert result["diff"]["after"] == {"owner": "70:71", "mode": "0700", "files of others": 0}
    assert owners(folder) == before


@pytest.mark.parametrize(("user", "owner"), [("1001", "1001:1001"), ("70:5", "70:5"), ("root", "70:71")])
def test_the_user_the_container_was_told_to_run_as_comes_first(run: Run, engine: Engine, user: str, owner: str) -> None:
    engine.user = user
    assert run()["owner"] == owner


def test_a_folder_in_use_is_left(run: Run, folder: pathlib.Path, engine: Engine) -> None:
    before = owners(folder)
    engine.running = True
    assert "in use by pg; stop it first" in run()["msg"]
    assert owners(folder) == before


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"path": "/var/lib"}, "a folder of the system"),
        ({"path": "/no/such/folder"}, "missing"),
        ({"path": "/etc/passwd"}, "no folder"),
        ({"user": "nobody2"}, "no user nobody2; it has root, postgres"),
        ({"user": "root"}, "runs as root"),
        ({"container": "gone"}, "no container gone"),
    ],
)
def test_what_cannot_be_given_says_why(run: Run, params: dict[str, str], words: str) -> None:
    result = run(**params)
    assert result["failed"] and words in result["msg"]
