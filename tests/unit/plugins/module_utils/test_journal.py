# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal, its backups, the way back, and the lock."""

from __future__ import annotations

import hashlib
import os
import pathlib
import time

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal as j
from ansible_collections.fastgpt.ops.plugins.module_utils._undo import undo

RUN = "20260301T120000Z-4f2a"


@pytest.fixture
def journal(tmp_path: pathlib.Path) -> j.Journal:
    return j.Journal(str(tmp_path / "state"))


@pytest.fixture
def target(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "compose.yml"
    path.write_bytes(b"old\r\n")
    path.chmod(0o640)
    return path


def replace(journal: j.Journal, path: pathlib.Path, data: bytes) -> j.Change:
    return j.replace_file(journal, RUN, "port-conflict", str(path), data)


def test_looking_makes_nothing(journal: j.Journal) -> None:
    assert journal.changes() == []
    assert not os.path.exists(journal.folder)


def test_a_replaced_file_keeps_its_mode_and_can_be_brought_back(journal: j.Journal, target: pathlib.Path) -> None:
    replace(journal, target, b"new")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o640)
    (outcome,) = undo(journal, journal.changes(RUN))
    assert outcome.undone
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"old\r\n", 0o640)
    assert [change.status for change in journal.changes(RUN)] == [j.UNDONE]


def test_state_is_for_its_owner_only(journal: j.Journal, target: pathlib.Path) -> None:
    change = replace(journal, target, b"new")
    assert os.stat(journal.folder).st_mode & 0o777 == 0o700
    assert os.stat(journal.path).st_mode & 0o777 == 0o600
    assert change.backup is not None
    assert os.stat(os.path.dirname(change.backup)).st_mode & 0o777 == 0o700


def test_what_a_run_changed_for_a_finding_is_not_changed_again(journal: j.Journal, target: pathlib.Path) -> None:
    asked = (journal, RUN, "port-conflict", str(target))
    assert not j.has_changed(*asked)
    before, after = j.sha256_of(str(target)), hashlib.sha256(b"new").hexdigest()
    journal.plan(RUN, "port-conflict", "replace-file", str(target), before, after)
    assert not j.has_changed(*asked), "killed before the file was replaced"
    target.write_bytes(b"new")
    assert j.has_changed(*asked), "killed after it"
    assert [change.status for change in journal.changes(RUN)] == [j.DONE]
    assert not j.has_changed(journal, RUN, "another", str(target))


def test_what_somebody_changed_since_is_left(journal: j.Journal, target: pathlib.Path) -> None:
    replace(journal, target, b"new")
    target.write_bytes(b"newer")
    (outcome,) = undo(journal, journal.changes(RUN))
    assert not outcome.undone
    assert "was changed by somebody since run" in str(outcome.refused)
    assert target.read_bytes() == b"newer"


def test_two_changes_of_a_file_are_undone_in_the_opposite_order(journal: j.Journal, target: pathlib.Path) -> None:
    replace(journal, target, b"second")
    replace(journal, target, b"third")
    assert all(outcome.undone for outcome in undo(journal, journal.changes(RUN)))
    assert target.read_bytes() == b"old\r\n"


def test_a_change_that_was_planned_but_never_made_is_no_trouble(journal: j.Journal, target: pathlib.Path) -> None:
    before = j.sha256_of(str(target))
    journal.plan(RUN, "x", "replace-file", str(target), before, "0" * 64, journal.backup(RUN, str(target)))
    (outcome,) = undo(journal, journal.changes(RUN))
    assert (outcome.undone, outcome.refused) == (False, None)


def test_directory_made_file_and_back(journal: j.Journal, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "mongodb.key"
    path.mkdir(mode=0o755)
    uid, gid = os.getuid(), os.getgid()
    j.remove_empty_directory(journal, RUN, "x", str(path))
    j.create_file(journal, RUN, "x", str(path), b"key", 0o400, uid, gid)
    assert path.read_bytes() == b"key"
    undo(journal, journal.changes(RUN))
    assert path.is_dir()
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_directory_with_something_in_it_stays(journal: j.Journal, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.json"
    path.mkdir()
    (path / "mine").write_text("x")
    with pytest.raises(OSError, match="not empty"):
        j.remove_empty_directory(journal, RUN, "x", str(path))
    assert (path / "mine").exists()


def test_attributes_and_back(journal: j.Journal, target: pathlib.Path) -> None:
    j.set_attributes(journal, RUN, "x", str(target), 0o400, os.getuid(), os.getgid())
    assert target.stat().st_mode & 0o777 == 0o400
    undo(journal, journal.changes(RUN))
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_mere_restart_is_not_undone_by_another_one(journal: j.Journal) -> None:
    journal.mark(journal.plan(RUN, "f", "up", "fastgpt", "running", undo={"state": "restarted"}), j.DONE)
    (outcome,) = undo(journal, journal.changes(RUN))
    assert not outcome.undone
    assert "it was only restarted" in str(outcome.refused)


def test_backups_of_a_file_are_given_the_newest_first(journal: j.Journal, target: pathlib.Path) -> None:
    for text in (b"two", b"three"):
        j.replace_file(journal, RUN, "f", str(target), text)
    newest, oldest = journal.backups_of(str(target))
    assert pathlib.Path(newest).read_bytes() == b"two"
    os.unlink(oldest)
    assert journal.backups_of(str(target)) == [newest]


def test_only_one_finding_is_undone(journal: j.Journal, target: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"a")
    replace(journal, target, b"new")
    j.replace_file(journal, RUN, "other", str(other), b"b")
    undo(journal, journal.changes(RUN, "other"))
    assert (target.read_bytes(), other.read_bytes()) == (b"new", b"a")


def test_a_torn_line_loses_nothing(journal: j.Journal, target: pathlib.Path) -> None:
    replace(journal, target, b"new")
    with open(journal.path, "ab") as stream:
        stream.write(b'{"id": "half')
    replace(journal, target, b"newer")
    assert [change.status for change in journal.changes(RUN)] == [j.DONE, j.DONE]


def test_old_backups_go_only_beyond_the_number_to_keep(journal: j.Journal, target: pathlib.Path) -> None:
    for number in range(4):
        copy = journal.backup(f"run{number}", str(target))
        os.utime(os.path.dirname(copy), (number, number))
    assert journal.prune(keep_runs=2, keep_seconds=3600) == ["run0", "run1"]
    assert journal.prune(keep_runs=2, keep_seconds=3600) == []


def test_the_lock_names_its_holder_and_ends_by_itself(tmp_path: pathlib.Path) -> None:
    lock = j.Lock(str(tmp_path))
    lock.take("run1", "ann@desk", 60)
    with pytest.raises(j.JournalError, match="run run1 of ann@desk is working on this host"):
        lock.take("run2", "bob", 60)
    lock.take("run1", "ann@desk", 0.01)
    time.sleep(0.05)
    lock.take("run2", "bob", 60)
    assert not lock.give_back("run1")
    assert lock.give_back("run2")
    assert lock.holder() is None


def test_an_unreadable_lock_is_held_for_a_minute(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lock").write_text("{")
    with pytest.raises(j.JournalError, match="unreadable"):
        j.Lock(str(tmp_path)).take("run1", "ann", 60)


def test_a_killed_write_leaves_the_old_file(target: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(j.os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        j.write_whole(str(target), b"new", 0o600)
    assert target.read_bytes() == b"old\r\n"
    assert list(target.parent.glob(".*fastgpt-ops")) == []


def test_work_on_the_host_holds_the_lock_longer(journal: j.Journal) -> None:
    lock = j.Lock(journal.folder)
    lock.take(RUN, "ann@desk", seconds=5)
    journal.plan(RUN, "x", "up", "fastgpt")
    held = lock.holder()
    assert held is not None
    assert held["until"] > time.time() + 60


def test_a_lock_of_another_run_is_not_renewed(journal: j.Journal) -> None:
    lock = j.Lock(journal.folder)
    lock.take("other", "ann@desk", seconds=50)
    assert not lock.renew(RUN)
    journal.plan(RUN, "x", "up", "fastgpt")
    held = lock.holder()
    assert held is not None
    assert (held["run_id"], held["until"] < time.time() + 60) == ("other", True)


def test_a_lock_is_taken_over_only_from_the_run_that_is_named(journal: j.Journal) -> None:
    lock = j.Lock(journal.folder)
    lock.take("dead", "ann@desk")
    with pytest.raises(j.LockedError, match="run dead of ann@desk is working on this host"):
        lock.take(RUN, "bob@desk", take_over="another")
    lock.take(RUN, "bob@desk", take_over="dead")
    held = lock.holder()
    assert held is not None
    assert held["run_id"] == RUN
