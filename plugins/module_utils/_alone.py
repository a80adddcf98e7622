# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work on a host: one piece at a time, the run's lock held meanwhile. Private to the collection.

A module goes on when its controller is killed. What is started next has to wait for it, and no other run may come in
between.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal, JournalError, Lock

_POLL = 0.5


@contextlib.contextmanager
def alone(run_id: str, seconds: float = 3600.0) -> t.Iterator[None]:
    """Wait until no other module of this project works here, then keep others waiting, and hold the run's lock.

    :param seconds: to wait at most
    :raises JournalError: another still works after that time
    """
    journal = Journal()
    journal.make_folder()
    descriptor = os.open(os.path.join(journal.folder, "busy"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + seconds
        while not _locked(descriptor):
            if time.monotonic() > end:
                raise JournalError(f"an earlier task of fastgpt.ops still works on this host after {seconds:.0f} s")
            time.sleep(_POLL)
        with Lock().kept(run_id):
            yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
