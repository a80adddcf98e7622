# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the fixes of a run from its evidence, or hold an approved plan against it. Runs on the controller alone."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import fix, waivers
from ..plugin_utils.diagnosis import UNKNOWN, HostDiagnosis, diagnose, warm_up
from ..plugin_utils.model import Deployment
from ..plugin_utils.report import language

display = Display()

ARGUMENT_SPEC: dict[str, t.Any] = {
    "run_dir": {"type": "path", "required": True},
    "evidence": {"type": "path", "required": True},
    "allow": {"type": "list", "elements": "str", "default": ["safe"], "choices": ["safe", "restart", "data"]},
    "allow_by_host": {"type": "dict", "default": {}},
    "plan": {"type": "path"},
    "round": {"type": "int", "default": 1},
    "host": {"type": "str"},
    "only": {"type": "list", "elements": "str", "default": []},
    "skip": {"type": "list", "elements": "str", "default": []},
    "given": {"type": "dict", "default": {}},
    "lang": {"type": "str", "default": "auto", "choices": ["auto", "en", "zh"]},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "most": {"type": "int"},
}

# The strategy loads this file before it forks a worker for each host and task: they need not do it again.
warm_up()
fix.load_fixes()


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.plan``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Make the plan.

        :returns: ``steps`` and ``before`` (ids that are nothing new when they are found later) by host, id and digest
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        accepted = _waivers(options["waivers"])
        before: dict[str, list[str]] = {}
        hosts = []
        for path in sorted(pathlib.Path(options["evidence"]).glob("*.json")):
            if options["host"] and path.name.removesuffix(".json") != _file_name(options["host"]):
                continue
            evidence = json.loads(path.read_text(encoding="utf-8"))
            if evidence.get("unreachable") or evidence.get("error"):
                continue
            host = path.name.removesuffix(".json")
            evidence["given"] = options["given"].get(host) or []
            found = diagnose(evidence, host)
            before[host] = _not_ruled_out(found)
            if options["only"] or options["skip"]:
                found = diagnose(evidence, host, options["only"], options["skip"])
            found.findings = [f for f in found.findings if not accepted(host, f.entry.id)]
            allow = options["allow_by_host"].get(host, options["allow"])
            hosts.append(fix.plan_host(Deployment(evidence), found, allow))
        folder = pathlib.Path(options["run_dir"])
        with _alone(folder):
            plan, file = _settled(options, folder, hosts)
        steps = {host["host"]: host["steps"] for host in plan["hosts"]}
        if file:
            _show(plan, language.choose(options["lang"], os.environ), file)
        result.update(changed=False, steps=steps, before=before, id=plan["id"], digest=plan["digest"])
        return t.cast("dict[str, t.Any]", result)


def _not_ruled_out(found: HostDiagnosis) -> list[str]:
    """Give the ids of severity error and critical, and of what could not be looked at: a cure may bring it to light."""
    grave = {f.entry.id for f in found.findings if f.severity in ("critical", "error")}
    return sorted(grave | {name for name, outcome in found.checks.items() if outcome.status == UNKNOWN})


def _settled(
    options: dict[str, t.Any], folder: pathlib.Path, hosts: list[dict[str, t.Any]]
) -> tuple[dict[str, t.Any], pathlib.Path | None]:
    """Give the plan, within what the run's earlier plans left of its cap, and its file where it has one."""
    if options["most"] is not None:
        hosts = fix.limited(hosts, options["most"] - _allowed_before(folder))
    plan = fix.assemble(folder.name, hosts)
    if options["plan"]:
        plan = _approved(options["plan"], plan)
    name = "plan"
    if options["round"] > 1:
        if not any(step["allowed"] for host in plan["hosts"] for step in host["steps"]):
            return plan, None
        name += f"-{options['round']}-{_file_name(options['host'] or 'all')}"
    path = folder / f"{name}.json"
    _write(path, plan)
    return plan, path


def _file_name(host: str) -> str:
    return host.replace(os.sep, "_")


@contextlib.contextmanager
def _alone(folder: pathlib.Path) -> t.Iterator[None]:
    """Let one process at a time plan: hosts go on by themselves, and the cap is one for all."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _allowed_before(folder: pathlib.Path) -> int:
    """Count the steps that earlier plans of this run allow."""
    plans = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("plan*.json")]
    return sum(step["allowed"] for plan in plans for host in plan["hosts"] for step in host["steps"])


def _waivers(items: list[dict[str, t.Any]]) -> t.Callable[[str, str], bool]:
    """Give a function that tells whether a finding on a host is one to live with today."""
    try:
        accepted = waivers.parse(items)
    except waivers.WaiverError as error:
        raise AnsibleActionFail(str(error)) from error
    today = datetime.date.today()
    return lambda host, finding: any(waiver.covers(host, finding, today) for waiver in accepted)


def _approved(path: str, fresh: dict[str, t.Any]) -> dict[str, t.Any]:
    try:
        plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        approved, troubles = fix.approved(plan, fresh)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnsibleActionFail(f"{path} cannot be read as a plan: {type(error).__name__}: {error}") from error
    if troubles:
        raise AnsibleActionFail(f"{path} is not applied, nothing was changed: " + "; ".join(troubles))
    return approved


def _write(path: pathlib.Path, plan: dict[str, t.Any]) -> None:
    try:
        path.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise AnsibleActionFail(f"the plan cannot be written to {path}: {error}") from error


_NEEDS = '-e \'{{"fastgpt_allow": [..., "{risk}"]}}\''
_WORDS = {
    "en": ("Plan", "nothing to fix automatically", "needs", "recreates", "not automatic"),
    "zh": ("计划", "没有可自动修复的问题", "需要", "重建", "不自动修复"),
}


def _show(plan: dict[str, t.Any], lang: str, path: pathlib.Path) -> None:
    """Print the plan, a line a step and its diff."""
    title, nothing, needs, recreates, left = _WORDS[lang]
    display.display(f"{title} {plan['id']} ({plan['digest'][:12]})  {os.path.relpath(path)}")
    for host in plan["hosts"]:
        if not host["steps"]:
            display.display(f"  {host['host']}: {nothing}")
        for number, step in enumerate(host["steps"], 1):
            mark = "→" if step["allowed"] else "·"
            words = f"  {mark} {host['host']} {number}. {step['title'][lang]} [{step['finding']}]"
            words += f" {step['role']}, {step['risk']}"
            if step["recreates"]:
                words += f", {recreates} {', '.join(step['recreates'])} (~{step['downtime']:.0f} s)"
            if step.get("held"):
                words += f"; {step['held'][lang]}"
            elif not step["allowed"]:
                words += f"; {needs} {_NEEDS.format(risk=step['risk'])}"
            display.display(words, color="green" if step["allowed"] else "yellow")
            for line in step["diff"].splitlines():
                display.display(f"      {line}", color={"+": "green", "-": "red"}.get(line[:1]))
            for note in step.get("notes", []):
                display.display(f"      ! {note[lang]}", color="yellow")
        for item in host["left"]:
            reason = item["reason"][lang]
            if fix.cures(item["finding"]):
                display.display(f"  · {host['host']}: {item['finding']}: {left}: {reason}", color="yellow")
