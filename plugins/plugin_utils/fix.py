# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to a plan: which role cures what, with which variables, what will change and for how long it costs.

A fix is a pure function of the model and a finding. It changes nothing; the roles do, after looking again.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib
import json
import pathlib
import re
import typing as t

from . import compose_edit
from .compose import ComposeFile
from .diagnosis import Finding, HostDiagnosis
from .model import Deployment

Json = dict[str, t.Any]
_TOKEN = re.compile(r"(?<=<secret:)[0-9a-f]{6}")
RESTART_LOOP = "container-restart-loop"
Text = t.Mapping[str, str]


class CannotFixError(Exception):
    """This finding is not cured automatically on this host; says why, in both languages."""

    def __init__(self, en: str, zh: str):
        super().__init__(en)
        self.reason: Text = {"en": en, "zh": zh}


@dataclasses.dataclass(frozen=True)
class Fix:
    """What a role is to do for one finding.

    :ivar variables: the role's variables, without its name in front
    :ivar recreates: services that get a new container or restart
    :ivar downtime: seconds those are away, estimated
    :ivar diff: the lines that will change, secrets as tokens; a part for each file, ``---`` and ``+++`` and its path
    :ivar notes: what is left to a person
    :ivar risk: where it is another one on this host than the finding's usual
    """

    role: str
    variables: Json
    recreates: tuple[str, ...] = ()
    downtime: float = 0.0
    diff: str = ""
    notes: tuple[Text, ...] = ()
    risk: str | None = None


Planner = t.Callable[[Deployment, Finding], Fix]
FIXES: dict[str, Planner] = {}


def fixes(*findings: str) -> t.Callable[[Planner], Planner]:
    """Register how findings are cured."""

    def register(planner: Planner) -> Planner:
        for finding in findings:
            FIXES[finding] = planner
        return planner

    return register


def load_fixes() -> None:
    """Import every file of ``fixes/``, so that its planners register."""
    for path in sorted((pathlib.Path(__file__).parent / "fixes").glob("[a-z]*.py")):
        importlib.import_module(f"{__package__}.fixes.{path.stem}")


def cures(finding: str) -> bool:
    """Tell whether a finding is cured automatically, where the host allows it."""
    load_fixes()
    return finding in FIXES


# --- what planners share


def project_variables(deployment: Deployment) -> Json:
    """Give the variables by which roles call Compose as the operator does."""
    project = deployment.project
    if not project.get("directory"):
        raise CannotFixError("the project's folder is not known", "不知道项目所在目录")
    return {
        "project_dir": project["directory"],
        "project": project.get("name"),
        "files": project.get("config_files") or [],
        "env_files": project.get("environment_files") or [],
    }


def compose_file_of(deployment: Deployment, service: str, key: str | None = None) -> ComposeFile:
    """Give the compose file that has the service: of several the last, or the last that writes a setting of it.

    :param key: the setting; where no file writes it, the last one that has the service
    """
    having = [compose for compose in reversed(deployment.compose_files) if service in compose.services]
    for compose in [*(c for c in having if key in c.services[service].data), *having]:
        return compose
    raise CannotFixError(
        f"no compose file with service {service} could be read", f"找不到包含服务 {service} 的 compose 文件"
    )


def edit(deployment: Deployment, service: str, key: str | None = None, **changes: t.Any) -> tuple[ComposeFile, str]:
    """Work an edit of a compose file out and give the file and the diff; refused ones say why.

    :param key: the setting whose file is meant, where a project has several files
    :param changes: options of the module ``compose_file``
    """
    compose = compose_file_of(deployment, service, key)
    try:
        after = compose_edit.edited(compose, {"service": service, **changes})
    except compose_edit.RefusedError as error:
        raise CannotFixError(str(error), f"无法安全地修改：{error}") from error
    return compose, diff_of(compose.path, compose.text, after)


def diff_of(path: str, before: str, after: str) -> str:
    """Give the lines that change in a file; empty where none does."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, "", "", 1, ""))


def as_diff(what: str, before: str, after: str) -> str:
    """Say in the manner of a diff what no file shows line by line."""
    return f"--- {what}\n+++ {what}\n-{before}\n+{after}"


# --- the plan


def plan_host(deployment: Deployment, diagnosis: HostDiagnosis, allow: t.Collection[str]) -> Json:
    """Plan one host: a step for each finding that a role cures, what to fix first in front.

    Findings that another one explains get no step: they are looked at again when their cause is gone.
    """
    load_fixes()
    steps: list[Json] = []
    left: list[Json] = []
    for finding in diagnosis.findings:
        planner = FIXES.get(finding.entry.id)
        if finding.explained_by:
            continue
        if not planner:
            left.append(_left(finding, {"en": "advice only", "zh": "只提供建议"}))
            continue
        try:
            fix = planner(deployment, finding)
        except CannotFixError as error:
            left.append(_left(finding, error.reason))
            continue
        except Exception as error:  # what people's files hold cannot be foreseen; the other fixes still count
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            reason = {"en": f"its fix could not be planned ({words})", "zh": f"无法制定修复方案（{words}）"}
            left.append(_left(finding, reason))
            continue
        steps.append(_step(deployment, diagnosis.host, finding, fix, allow))
    return {"host": diagnosis.host, "steps": steps, "left": left}


def limited(hosts: t.Sequence[Json], most: int) -> list[Json]:
    """Hold every allowed step beyond a number back, hosts and their steps in their order."""
    capped: list[Json] = []
    for host in hosts:
        steps = []
        for step in host["steps"]:
            if step["allowed"] and most <= 0:
                held = {"en": "held back: enough is changed for now", "zh": "暂缓：本次允许的修改数已满"}
                steps.append({**step, "allowed": False, "held": held})
            else:
                most -= step["allowed"]
                steps.append(step)
        capped.append({**host, "steps": steps})
    return capped


def _left(finding: Finding, reason: Text) -> Json:
    return {"finding": finding.entry.id, "service": finding.service, "reason": dict(reason)}


def _step(deployment: Deployment, host: str, finding: Finding, fix: Fix, allow: t.Collection[str]) -> Json:
    risk = fix.risk or finding.entry.risk
    step: Json = {
        "host": host,
        "finding": finding.entry.id,
        "service": finding.service,
        "title": finding.title,
        "role": fix.role,
        "risk": risk,
        "allowed": risk in allow,
        "variables": fix.variables,
        "recreates": list(fix.recreates),
        "restarts": _waiting_for(finding, fix, deployment),
        "project": project_variables(deployment) if deployment.project.get("directory") else {},
        "downtime": fix.downtime,
        "diff": fix.diff,
        "notes": [dict(note) for note in fix.notes],
    }
    step["evidence"] = fingerprint(deployment, step)
    return step


def _waiting_for(finding: Finding, fix: Fix, deployment: Deployment) -> list[str]:
    """Give services that may restart for ever because of this finding; Docker does so ever more seldom."""
    if RESTART_LOOP not in finding.entry.effects:
        return []
    made = {container.service for container in deployment.containers}
    return sorted((set(deployment.services) & made) - set(fix.recreates))


def fingerprint(deployment: Deployment, step: t.Mapping[str, t.Any]) -> str:
    """Give a checksum of what a step rests on: the files of the project as they are, and what the step is to do."""
    files = [
        (item.get("path"), item.get("kind"), item.get("sha256"), item.get("mode"), item.get("uid"), item.get("entries"))
        for item in deployment.files
    ]
    basis = [sorted(map(str, files)), step["finding"], step["service"], step["variables"], step["diff"]]
    return hashlib.sha256(_numbered(json.dumps(basis, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()


def _numbered(text: str) -> str:
    """Number the tokens of secrets in the order they come: each run has tokens of its own for the same secrets."""
    numbers = {token: str(number) for number, token in enumerate(dict.fromkeys(_TOKEN.findall(text)))}
    return _TOKEN.sub(lambda match: numbers[match[0]], text)


def assemble(run_id: str, hosts: t.Sequence[Json]) -> Json:
    """Put the hosts' plans together under an id and a digest of all that will be done."""
    digest = hashlib.sha256(json.dumps(list(hosts), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return {"schema_version": 1, "id": f"plan-{run_id}", "run_id": run_id, "digest": digest, "hosts": list(hosts)}


def approved(plan: Json, fresh: Json) -> tuple[Json, list[str]]:
    """Hold an approved plan against one made of fresh evidence.

    :returns: the approved plan with every step's ``allowed`` true, and why steps of it may not be applied
    """
    now = {_key(step): step for host in fresh["hosts"] for step in host["steps"]}
    troubles = []
    if assemble(plan["run_id"], plan["hosts"])["digest"] != plan.get("digest"):
        troubles.append("the plan was changed after it was made: its digest does not fit")
    for host in plan["hosts"]:
        for step in host["steps"]:
            if _key(step) not in now:
                troubles.append(f"{step['host']}: {step['finding']} is not there any more")
            elif now[_key(step)]["evidence"] != step["evidence"]:
                troubles.append(f"{step['host']}: what {step['finding']} rests on has changed since the plan was made")
    steps = [{**host, "steps": [_taken(step, now.get(_key(step))) for step in host["steps"]]} for host in plan["hosts"]]
    return {**plan, "hosts": steps}, troubles


def _taken(step: Json, fresh: Json | None) -> Json:
    """Allow an approved step, with this run's tokens for its secrets: only those are known on the host."""
    mine = {key: fresh[key] for key in ("variables", "diff")} if fresh else {}
    return {**step, **mine, "allowed": True}


def _key(step: Json) -> tuple[str, str, str | None]:
    return step["host"], step["finding"], step["service"]
