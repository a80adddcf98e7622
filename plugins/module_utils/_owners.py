# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the files of a data folder belong to, changed and given back exactly. Private to the collection.

What each file's owner was is kept beside the run's backups, so a folder of any size is one change of the journal.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    Change,
    Journal,
    JournalError,
)


class Owned(t.NamedTuple):
    """A file of the folder as it was; its path is relative to the folder, ``.`` is the folder itself."""

    path: str
    uid: int
    gid: int


def foreign(folder: str, uid: int, gid: int) -> list[Owned]:
    """Give what in a folder, itself included, does not belong to the user; symbolic links are not followed.

    :raises OSError: a part of it cannot be read
    """
    found = []
    for path in _all_in(folder):
        status = os.lstat(path)
        if (status.st_uid, status.st_gid) != (uid, gid):
            found.append(Owned(os.path.relpath(path, folder), status.st_uid, status.st_gid))
    return found


def _all_in(folder: str) -> t.Iterator[str]:
    yield folder
    for parent, folders, names in os.walk(folder, onerror=_give_up):
        for name in (*folders, *names):
            yield os.path.join(parent, name)


def _give_up(error: OSError) -> None:
    raise error


def hand_over(
    journal: Journal, run_id: str, finding: str, folder: str, items: t.Sequence[Owned], uid: int, gid: int, stop: str
) -> Change:
    """Give files of a folder to a user, journalled with a list of whose they were.

    :param items: from ``foreign``
    :param stop: the container that must not run while the files are given back
    :raises JournalError: the file system does not keep the new owner
    """
    listed = "".join(json.dumps(item) + "\n" for item in items)
    backup = journal.backup_text(run_id, f"{os.path.basename(folder)}.owners", listed)
    change = journal.plan(run_id, finding, "owners", folder, None, f"{uid}:{gid}", backup, {"stop": stop})
    for item in items:
        os.lchown(os.path.join(folder, item.path), uid, gid)
    if items and foreign(folder, uid, gid):
        raise JournalError(f"{folder} lies on a file system that does not keep the owner {uid}:{gid}")
    journal.mark(change, DONE)
    return change


def hand_back(change: Change) -> bool:
    """Give the files to whom they belonged; those that are gone or were given to others since stay as they are."""
    if not change.backup or not os.path.exists(change.backup):
        raise JournalError(f"the list of owners of {change.target} is gone ({change.backup})")
    uid, gid = (int(number) for number in str(change.after).split(":"))
    undone = False
    with open(change.backup, encoding="utf-8") as stream:
        items = [Owned(*json.loads(line)) for line in stream]
    for item in items:
        path = os.path.join(change.target, item.path)
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        if (status.st_uid, status.st_gid) == (uid, gid):
            os.lchown(path, item.uid, item.gid)
            undone = True
    return undone
