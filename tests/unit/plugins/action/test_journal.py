# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the process that holds a lock still lives."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.fastgpt.ops.plugins.action.journal import is_dead, process


def test_a_process_that_runs_is_not_dead() -> None:
    assert not is_dead(process(os.getpid()))


def test_a_process_that_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        name = process(child.pid)
    assert is_dead(name)


def test_another_process_with_its_number_does_not_bring_it_back() -> None:
    boot, pid, started = str(process(os.getpid())).split(" ")
    assert is_dead(f"{boot} {pid} {int(started) - 1}")


def test_nothing_is_known_of_another_machine() -> None:
    assert not is_dead("0000-other-boot 1 1")
    assert not is_dead(None)
