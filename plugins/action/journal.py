# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the lock who holds it, and takes it over from a run of this machine whose controller is dead."""

from __future__ import annotations

import getpass
import os
import pathlib
import platform
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()
_PROC = pathlib.Path("/proc")


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.journal``."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; for the lock a second time where its holder is dead."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state") in ("locked", "unlocked"):
            # a task runs in a worker process, whose parent is the run itself
            arguments = {"holder": f"{_user()}@{platform.node()}", "controller": process(os.getppid()), **arguments}
        result = self._execute_module(module_args=arguments, task_vars=task_vars or {})
        held = result.get("held") or {}
        if held and is_dead(held.get("controller")):
            display.warning(
                f"run {held['run_id']} of {held['who']} died while it held the lock; its lock is taken over"
            )
            again = {**arguments, "take_over": held["run_id"]}
            result = self._execute_module(module_args=again, task_vars=task_vars or {})
        return t.cast("dict[str, t.Any]", result)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())


def process(pid: int) -> str | None:
    """Name a process of this machine for good: boot, number and start; None where this cannot be told (no /proc)."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        started = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{boot} {pid} {started}"


def is_dead(name: str | None) -> bool:
    """Tell whether a process named by ``process`` is one of this machine, since it was booted, and has ended."""
    ours = process(os.getpid())
    if not name or not ours:
        return False
    boot, pid, _started = name.split(" ")
    return boot == ours.partition(" ")[0] and process(int(pid)) != name
