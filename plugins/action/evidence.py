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

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fastgpt.ops.plugins.module_utils._collect import SCHEMA_VERSION, TOOL_VERSION, summary_of
from ansible_collections.fastgpt.ops.plugins.plugin_utils.bundle import bundle_files

Json = t.Dict[str, t.Any]

# The strategy loads this file once, before it forks a worker for each host: so all hosts of a run have the same salt.
_RUN_SALT = secrets.token_hex(16)


class ActionModule(ActionBase):  # type: ignore[misc]
    """The module's result, plus the file on the controller where ``dest`` is given."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        arguments = {"salt": _RUN_SALT, **self._task.args}
        dest, bundles = arguments.pop("dest", None), arguments.pop("bundles", None)
        said = arguments.pop("said", [])
        answer = self._collect(arguments, task_vars)
        evidence = answer.pop("evidence", None)
        if evidence is None:
            evidence = _nothing_read(answer)
        evidence["controller_at"] = time.time()
        if said and (words := list(_words_of_compose(said, evidence))):
            evidence["texts"] = words
        if not dest and not bundles:
            return {**result, **answer, "evidence": evidence}
        host = str(task_vars.get("inventory_hostname", "host"))
        kept: Json = {"changed": False, "summary": summary_of(evidence)}
        if dest:
            kept["path"] = os.path.join(dest, _file_name(host) + ".json")
            _write(kept["path"], json.dumps(evidence, ensure_ascii=False))
        if bundles:
            kept["bundle"] = os.path.join(bundles, _file_name(host))
            for name, text in bundle_files(evidence, host).items():
                _write(os.path.join(kept["bundle"], name), text)
            Display().display(f"bundle of {host}: {kept['bundle']}")
        if evidence.get("unreachable"):
            # The host leaves the play as any unreachable one does; its file says why.
            kept.update(unreachable=True, msg=evidence["unreachable"])
        return {**result, **kept}

    def _collect(self, arguments: Json, task_vars: Json) -> Json:
        try:
            answer: Json = self._execute_module(
                module_name="fastgpt.ops.evidence", module_args=arguments, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}
        except AnsibleError as error:  # such as sudo that refuses: the host is reported with it, like any other
            return {"msg": str(error)}
        answer.pop("invocation", None)
        return answer


def _words_of_compose(said: t.Iterable[Json], evidence: Json) -> t.Iterator[Json]:
    """Give what Compose said of services that still do not run, as texts of the evidence."""
    containers = evidence.get("containers") or []
    running = {container.get("service") for container in containers if (container.get("state") or {}).get("running")}
    for words in said:
        if words["text"].startswith("docker") and not running.issuperset(words["services"]):
            yield {"name": "docker compose up", "kind": "up", "text": words["text"]}


def _nothing_read(answer: Json) -> Json:
    """Give the evidence of a host that gave none: only why."""
    evidence: Json = {"schema_version": SCHEMA_VERSION, "source": "live", "tool_version": TOOL_VERSION}
    message = str(answer.get("msg") or "the module gave no evidence")
    if answer.get("unreachable"):
        return dict(evidence, unreachable=message)
    words = str(answer.get("module_stderr") or "").strip()
    return dict(evidence, error=f"{message}: {words[-1000:]}" if words else message)


def _file_name(host: str) -> str:
    return host.replace(os.sep, "_")


def _write(path: str, text: str) -> None:
    """Write a file in one step, readable by its owner only, and the folders above it."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".evidence-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
