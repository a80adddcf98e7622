# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work out, from one host's evidence, what its floating images are. Runs on the controller alone."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.model import Deployment
from ..plugin_utils.report import language
from ..plugin_utils.upgrade import pin

display = Display()

ARGUMENT_SPEC: dict[str, t.Any] = {
    "evidence": {"type": "path", "required": True},
    "lang": {"type": "str", "default": "auto", "choices": ["auto", "en", "zh"]},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.pins``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Read the evidence and say what can be pinned.

        :returns: ``pins`` (service, file, before, after) and ``left`` (service, image, reason)
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        lang = language.choose(options["lang"], os.environ)
        try:
            evidence = json.loads(pathlib.Path(options["evidence"]).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"{options['evidence']} is not readable evidence: {error}") from error
        done, left = pin.pins(Deployment(evidence))
        host = str((task_vars or {}).get("inventory_hostname", ""))
        for item in done:
            display.display(f"{host}: {item.service}: {item.before} → {item.after}", color="green")
        for kept in left:
            display.display(f"{host}: {kept.service}: {kept.image}: {kept.reason[lang]}", color="yellow")
        result.update(
            changed=False,
            pins=[item._asdict() for item in done],
            left=[{"service": kept.service, "image": kept.image, "reason": kept.reason[lang]} for kept in left],
        )
        return t.cast("dict[str, t.Any]", result)
