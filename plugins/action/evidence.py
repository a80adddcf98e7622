# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module ``evidence`` and keeps what it read on the controller, whatever became of the host."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.module_utils._collect import SCHEMA_VERSION, TOOL_VERSION, summary_of

Json = t.Dict[str, t.Any]

# The strategy loads this file once, before it forks a worker for each host: so all hosts of a run have the same salt.
_RUN_SALT = secrets.token_hex(16)


class ActionModule(ActionBase):
    """The module's result, plus the file on the controller where ``dest`` is given."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        arguments = {"salt": _RUN_SALT, **self._task.args}
        dest = arguments.pop("dest", None)
        answer = self._collect(arguments, task_vars)
        evidence = answer.pop("evidence", None)
        if evidence is None:
            evidence = _nothing_read(answer)
        evidence["controller_at"] = time.time()
        if not dest:
            return {**result, **answer, "evidence": evidence}
        path = _write(str(dest), str(task_vars.get("inventory_hostname", "host")), evidence)
        kept = {"changed": False, "path": path, "summary": summary_of(evidence)}
        if evidence.get("unreachable"):
            # The host leaves the play as any unreachable one does; its file says why.
            kept.update(unreachable=True, msg=evidence["unreachable"])
        return {**result, **kept}

    def _collect(self, arguments: Json, task_vars: Json) -> Json:
        try:
            answer = self._execute_module(module_name="fastgpt.ops.evidence", module_args=arguments, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}
        answer.pop("invocation", None)
        return answer


def _nothing_read(answer: Json) -> Json:
    """Give the evidence of a host that gave none: only why."""
    evidence: Json = {"schema_version": SCHEMA_VERSION, "source": "live", "tool_version": TOOL_VERSION}
    message = str(answer.get("msg") or "the module gave no evidence")
    if answer.get("unreachable"):
        return dict(evidence, unreachable=message)
    words = str(answer.get("module_stderr") or answer.get("exception") or "").strip()
    return dict(evidence, error=f"{message}: {words[-1000:]}" if words else message)


def _write(folder: str, name: str, evidence: Json) -> str:
    """Write a host's evidence in one step, readable by its owner only."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, name.replace(os.sep, "_") + ".json")
    descriptor, temporary = tempfile.mkstemp(prefix=".evidence-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(evidence, stream, ensure_ascii=False)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
