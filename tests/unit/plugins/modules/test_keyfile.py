# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module keyfile, run as a whole."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal
from ansible_collections.fastgpt.ops.plugins.modules import keyfile

Run = t.Callable[..., t.Dict[str, t.Any]]


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module on tmp_path/mongodb.key as its own user; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))

    def start(**params: t.Any) -> dict[str, t.Any]:
        wanted = {"path": str(tmp_path / "mongodb.key"), "uid": os.getuid(), "gid": os.getgid(), **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            keyfile.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


@pytest.fixture
def key(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "mongodb.key"
    path.write_text("c29tZSBrZXk=\n")
    path.chmod(0o644)
    return path


def test_loose_mode_is_mended_and_the_key_stays(run: Run, key: pathlib.Path) -> None:
    assert run()["changed"] is True
    assert (key.stat().st_mode & 0o777, key.read_text()) == (0o400, "c29tZSBrZXk=\n")
    assert run()["changed"] is False


def test_check_mode_predicts_and_changes_nothing(run: Run, key: pathlib.Path, tmp_path: pathlib.Path) -> None:
    result = run(_ansible_check_mode=True)
    assert result["changed"] is True
    assert result["diff"]["after"]["mode"] == "0400"
    assert key.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "state").exists()


def test_owner_only_modes_are_fine_as_they_are(run: Run, key: pathlib.Path) -> None:
    key.chmod(0o600)
    assert run()["changed"] is False


def test_an_empty_directory_becomes_a_key(run: Run, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "mongodb.key"
    path.mkdir()
    result = run()
    assert (result["changed"], result["kind"]) == (True, "directory")
    assert (path.stat().st_mode & 0o777, len("".join(path.read_text().split()))) == (0o400, 1008)


def test_a_directory_with_entries_is_left(run: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mongodb.key").mkdir()
    (tmp_path / "mongodb.key" / "mine").write_text("x")
    result = run()
    assert result["failed"] is True
    assert "is a directory with 1 entries" in result["msg"]


def test_a_bad_key_is_replaced_only_when_told(run: Run, key: pathlib.Path) -> None:
    key.write_text("not base64: ü!\n")
    key.chmod(0o400)
    assert run()["changed"] is False
    assert run(replace_invalid=True)["changed"] is True
    assert len("".join(key.read_text().split())) == 1008


def test_the_key_is_never_printed(run: Run, tmp_path: pathlib.Path) -> None:
    result = run()
    text = (tmp_path / "mongodb.key").read_text().split()[0]
    assert text not in json.dumps(result)
