# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the edits of fastgpt.ops.compose_file: YAML is read here, the host only puts lines in their place."""

from __future__ import annotations

import os
import secrets
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import Insert, to_dicts
from ansible_collections.fastgpt.ops.plugins.plugin_utils import compose_edit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import guard


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read the file's text, work out the edits step by step, let the module apply them all at once."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        salt = args.get("salt") or secrets.token_hex(16)
        # without the values: Ansible would blank them out in the text
        asked = {**args, "edits": None, "salt": salt, "values": {}}
        seen = self._execute_module(module_args=asked, task_vars=task_vars)
        if seen.get("failed") or "text" not in seen:
            return t.cast("dict[str, t.Any]", seen)
        compose = ComposeFile(args["path"], seen["text"])
        try:
            after = compose_edit.edited(compose, args)
            edits = compose_edit.between(compose.text, after)
        except compose_edit.RefusedError as error:
            raise AnsibleActionFail(f"refused: {error}") from error
        if trouble := guard.refusal(compose, ComposeFile(args["path"], after), os.path.dirname(args["path"])):
            raise AnsibleActionFail(f"refused: {trouble}")
        result = self._execute_module(
            module_args={**args, "edits": to_dicts(edits), "sha256": seen["sha256"], "salt": salt}, task_vars=task_vars
        )
        if not result.get("failed"):
            result["changed_lines"] = [edit.after if isinstance(edit, Insert) else edit.line for edit in edits]
            if self._play_context.diff and result.get("changed"):
                result["diff"] = {
                    "before_header": args["path"],
                    "after_header": args["path"],
                    "before": compose.text,
                    "after": after,
                }
        return t.cast("dict[str, t.Any]", result)
