# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the edits of files that a hop of an upgrade's plan names: each file once, all of its edits in one step."""

from __future__ import annotations

import os
import secrets
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import to_dicts
from ansible_collections.fastgpt.ops.plugins.plugin_utils import compose_edit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import guard

Json = dict[str, t.Any]

ARGUMENT_SPEC: dict[str, t.Any] = {
    "hop": {"type": "dict", "required": True},
    "project": {"type": "dict", "required": True},
    "given": {"type": "dict", "default": {}, "no_log": True},
    "run_id": {"type": "str", "required": True},
    "finding": {"type": "str", "required": True},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.hop_files``."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Edit the files, ``.env`` files before the compose files that read them.

        :returns: ``files`` that were changed
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        hop = options["hop"]
        common = {"run_id": options["run_id"], "finding": options["finding"], "once": True}
        changed = []
        for path, variables in env_files_of(hop).items():
            done = self._execute_module(
                module_name="fastgpt.ops.env_file",
                module_args={**common, "path": path, "variables": variables},
                task_vars=task_vars,
            )
            if done.get("failed"):
                return t.cast("Json", done)
            changed += [path] if done["changed"] else []
        for path in compose_files_of(hop):
            filled = {"plan_values": hop["values"], "values": options["given"], "project": options["project"]}
            filled["scope"] = f"{options['run_id']} {options['finding']}"
            done = self._edit(path, list(changes_of(hop, path)), common, filled, task_vars)
            if done.get("failed"):
                return done
            changed += [path] if done["changed"] else []
        return {**t.cast("Json", result), "changed": bool(changed), "files": changed}

    def _edit(self, path: str, changes: list[Json], common: Json, filled: Json, task_vars: Json | None) -> Json:
        """Read the file's text, secrets as tokens; work the edits out; let the host put them in."""
        arguments = {**common, "path": path, "salt": secrets.token_hex(16)}

        def module(**more: t.Any) -> Json:
            answer = self._execute_module(
                module_name="fastgpt.ops.compose_file", module_args={**arguments, **more}, task_vars=task_vars
            )
            return t.cast("Json", answer)

        seen = module()
        if seen.get("failed") or "text" not in seen:
            return seen
        before = ComposeFile(path, seen["text"])
        text = before.text
        try:
            for change in changes:
                text = compose_edit.edited(ComposeFile(path, text), change)
            edits = compose_edit.between(before.text, text)
        except compose_edit.RefusedError as error:
            raise AnsibleActionFail(f"refused: {error}") from error
        if trouble := guard.refusal(before, ComposeFile(path, text), os.path.dirname(path)):
            raise AnsibleActionFail(f"refused: {trouble}")
        return module(edits=to_dicts(edits), sha256=seen["sha256"], **filled)


def env_files_of(hop: Json) -> dict[str, dict[str, str]]:
    """Give the variables that the hop sets in ``.env`` files, by file."""
    found: dict[str, dict[str, str]] = {}
    for image in hop["images"]:
        if image["variable"]:
            found.setdefault(image["file"], {})[image["variable"]] = image["value"]
    return found


def compose_files_of(hop: Json) -> list[str]:
    """Give the compose files that the hop changes."""
    written = [image["file"] for image in hop["images"] if not image["variable"]]
    return list(dict.fromkeys(written + [item["file"] for item in (*hop["env"], *hop["services"])]))


def changes_of(hop: Json, path: str) -> t.Iterator[Json]:
    """Give the changes of a compose file, each as options of the module ``compose_file``."""
    for image in hop["images"]:
        if image["file"] == path and not image["variable"]:
            yield {"service": image["service"], "image": image["after"]}
    for item in hop["env"]:
        if item["file"] == path:
            yield {"service": item["service"], **_option_of(item)}
    for service in hop["services"]:
        if service["file"] == path:
            yield {
                "add_services": {service["name"]: service["yaml"]},
                "declare_networks": service["networks"],
                "declare_volumes": service["volumes"],
            }


def _option_of(item: Json) -> Json:
    if item["action"] == "rename":
        return {"rename_environment": {item["name"]: item["old"]}}
    if item["action"] == "remove":
        return {"drop_environment": [item["name"]]}
    return {"environment": {item["name"]: item["value"]}, "replace_variables": True}
