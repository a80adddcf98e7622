# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the call that fastgpt.ops.init_script began on the host, and shows what its service logs."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

Json = t.Dict[str, t.Any]


class ActionModule(ActionBase):  # type: ignore[misc]
    """One step after the other, until the call has ended."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        host = str((task_vars or {}).get("inventory_hostname", "host"))
        changed = False
        while True:
            answer: Json = self._execute_module(module_args=arguments, task_vars=task_vars)
            for line in answer.get("progress") or []:
                Display().display(f"  {host}: {line}")
            changed = changed or bool(answer.get("changed"))
            if answer.get("state") != "running":
                return {**answer, "changed": changed}
            # what was begun is followed from now on, also where it was to be made again
            arguments.update(again=False, since=answer["until"], run_id=answer["run_id"])
