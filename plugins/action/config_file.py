# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the source of fastgpt.ops.config_file from the controller; everything else is done on the host."""

from __future__ import annotations

import base64
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read ``src``, decrypted where it is a vault, and let the module do the rest."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        args.pop("content", None)
        if args.get("src"):
            args["content"] = base64.b64encode(self._source(args["src"])).decode()
        return t.cast("dict[str, t.Any]", self._execute_module(module_args=args, task_vars=task_vars))

    def _source(self, src: str) -> bytes:
        try:
            plain = self._loader.get_real_file(self._find_needle("files", src))
            data = pathlib.Path(plain).read_bytes()
        except (AnsibleError, OSError) as error:
            raise AnsibleActionFail(f"the source {src} of config.json cannot be read: {error}") from error
        if not data.strip():
            raise AnsibleActionFail(f"the source {src} of config.json is empty")
        return data
