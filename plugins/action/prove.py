# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove a fix or a hop of an upgrade: diagnose again until all is as wanted, and say what is worse than before."""

from __future__ import annotations

import json
import time
import typing as t

from ansible.plugins.action import ActionBase

from ..plugin_utils.diagnosis import OK, HostDiagnosis, diagnose, warm_up
from ..plugin_utils.model import Deployment
from ..plugin_utils.releases import release_of_tag
from ..plugin_utils.upgrade.stack import running_build

ARGUMENT_SPEC: dict[str, t.Any] = {
    "finding": {"type": "str"},
    "version": {"type": "str"},
    "service": {"type": "str"},
    "before": {"type": "list", "elements": "str", "default": []},
    "project_dir": {"type": "path"},
    "salt": {"type": "str", "default": "", "no_log": True},
    "wait": {"type": "float", "default": 60},
}
_PAUSE = 3.0

# The strategy loads this file before it forks a worker for each host and task: they need not do it again.
warm_up()


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.prove``."""

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Look until it is well, or the time is over.

        :returns: ``proof``; ``failed`` where the finding is still there, or one of severity error or critical is new
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        arguments = {"salt": options["salt"]}
        if options["project_dir"]:
            arguments["project_dir"] = options["project_dir"]
        end = time.monotonic() + options["wait"]
        while True:
            answer = self._execute_module(
                module_name="fastgpt.ops.evidence", module_args=arguments, task_vars=task_vars or {}
            )
            trouble, proof = _judge(answer, options)
            if not trouble or time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
        result.update(changed=False, proof=proof)
        if trouble:
            result.update(failed=True, msg=trouble)
        return t.cast("dict[str, t.Any]", result)


def _judge(answer: dict[str, t.Any], options: dict[str, t.Any]) -> tuple[str | None, str]:
    """Say what is not well yet; None where all is."""
    evidence = answer.get("evidence")
    if not isinstance(evidence, dict):
        return f"the host could not be read: {answer.get('msg')}", ""
    evidence = json.loads(json.dumps(evidence))  # plain: ansible-core 2.18 gives texts of its own kind
    found = diagnose(evidence, "host")
    proof = "nothing new"
    if options["finding"] or options["version"]:
        ask = _cure if options["finding"] else _release
        trouble, proof = ask(found, evidence, options)
        if trouble:
            return trouble, ""
    bad = {f.entry.id for f in found.findings if f.severity in ("critical", "error")}
    worse = sorted(bad - set(options["before"]))
    if worse:
        return f"new since then: {', '.join(worse)}", ""
    return None, proof


def _cure(found: HostDiagnosis, _evidence: t.Any, options: dict[str, t.Any]) -> tuple[str | None, str]:
    """Say whether the finding is still there."""
    still = [f for f in found.findings if f.entry.id == options["finding"] and options["service"] in (None, f.service)]
    if still:
        return f"{options['finding']} is still there: {still[0].hit.proofs[0].excerpt[:200]}", ""
    status = found.checks[options["finding"]].status
    if status != OK and not any(f.entry.id == options["finding"] for f in found.findings):
        return f"{options['finding']} could not be looked at again ({status})", ""
    return None, f"{options['finding']}: {status}"


def _release(_found: HostDiagnosis, evidence: t.Any, options: dict[str, t.Any]) -> tuple[str | None, str]:
    """Say whether the release runs, by what is inside the app's container and its image."""
    build = running_build(Deployment(evidence))
    release = release_of_tag(f"v{build}") if build else None
    wanted = release_of_tag(f"v{options['version']}")
    running = str(release.version) if release else "an unknown release"
    trouble = None if release and release == wanted else f"{running} runs, not {options['version']}"
    return trouble, f"FastGPT {build}"
