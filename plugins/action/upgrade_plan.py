# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan an upgrade from a run's evidence, or hold an approved plan against it. Runs on the controller alone."""

from __future__ import annotations

import json
import os
import pathlib
import secrets
import shutil
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.model import Deployment
from ..plugin_utils.readers.bundle import read_bundle
from ..plugin_utils.report import language
from ..plugin_utils.report.analyse import evidence_jobs
from ..plugin_utils.upgrade import plan as form
from ..plugin_utils.upgrade import planner, present, resume

display = Display()
Json = t.Dict[str, t.Any]

ARGUMENT_SPEC: dict[str, t.Any] = {
    "run_dir": {"type": "path", "required": True},
    "evidence": {"type": "path"},
    "bundle": {"type": "path"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "target": {"type": "str", "default": ""},
    "current": {"type": "str"},
    "beta": {"type": "bool", "default": False},
    "values": {"type": "dict", "default": {}, "no_log": True},
    "plan": {"type": "path"},
    "begun": {"type": "dict", "default": {}},
    "lang": {"type": "str", "default": "auto", "choices": ["auto", "en", "zh"]},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.upgrade_plan``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Make the plan of every host that could be read.

        :returns: ``plans``, ``refused`` (why), ``asked`` (what), ``runs`` (what is to be done), each by host; id and
            digest of the whole
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        lang = language.choose(options["lang"], os.environ)
        folder = pathlib.Path(options["run_dir"])
        if options["plan"] and not options["target"]:
            options["target"] = _read(options["plan"])["hosts"][0]["target"]
        wishes = planner.Wishes(
            options["target"], options["current"], options["beta"], {k: str(v) for k, v in options["values"].items()}
        )
        fresh = {host: form.as_json(_plan(host, evidence, wishes)) for host, evidence in _evidence(options)}
        begun = {host: begun for host, begun in options["begun"].items() if begun and host in fresh}
        if options["plan"]:
            whole = {host: resume.whole(found) for host, found in begun.items()}
            _hold_against(options["plan"], form.assemble(folder.name, list({**fresh, **whole}.values())))
        rest = {host: resume.rest(found, wishes.target) for host, found in begun.items()}
        document = form.assemble(folder.name, list({**fresh, **rest}.values()))
        _write(folder / "upgrade-plan.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        _write(folder / "upgrade-plan.html", present.render_html(document, lang))
        display.display(present.table(document, lang, shutil.get_terminal_size((120, 40)).columns))
        display.display(os.path.relpath(folder / "upgrade-plan.html"))
        hosts, grave = document["hosts"], _grave(folder / "report.json")
        result.update(
            changed=False,
            plans={host["host"]: host for host in hosts},
            refused={host["host"]: _texts(host["refusals"], lang) for host in hosts if host["refusals"]},
            asked={host["host"]: _texts(host["asks"], lang) for host in hosts if host["asks"]},
            runs={
                host["host"]: resume.run_of(host, begun.get(host["host"]), folder.name, grave.get(host["host"], []))
                for host in hosts
            },
            id=document["id"],
            digest=document["digest"],
        )
        return t.cast("dict[str, t.Any]", result)


def _evidence(options: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, Json]]:
    """Give every host's evidence; of one that could not be read only why."""
    if options["bundle"]:
        yield from read_bundle(options["bundle"], secrets.token_hex(16))
        return
    for job in evidence_jobs(options["evidence"], options["hosts"]):
        yield job.host, json.loads(job.source.read_text(encoding="utf-8")) if job.source else {"error": "no evidence"}


def _plan(host: str, evidence: Json, wishes: planner.Wishes) -> form.Plan:
    """Plan one host; whatever is wrong with its evidence, the others still get their plans."""
    trouble = evidence.get("unreachable") or evidence.get("error")
    if not trouble:
        try:
            return planner.plan_host(Deployment(evidence), host, wishes)
        except Exception as error:  # nobody can foresee what one host's files hold
            trouble = f"planning failed: {type(error).__name__}: {error}"
    words = {"en": f"the host could not be read: {trouble}", "zh": f"无法读取该主机：{trouble}"}
    return form.Plan(host, wishes.target, None, {}, {}, refusals=(form.Refusal("unreachable", words),))


def _texts(items: t.Iterable[Json], lang: str) -> str:
    return "; ".join(
        f"{item['name']}: {item['text'][lang]}" if "name" in item else item["text"][lang] for item in items
    )


def _hold_against(path: str, fresh: Json) -> None:
    """Refuse an approved plan that a plan made now differs from."""
    approved, now = _read(path), {host["host"]: host for host in fresh["hosts"]}
    if approved["digest"] != fresh["digest"]:
        changed = [host["host"] for host in approved["hosts"] if now.get(host["host"]) != host]
        where = ", ".join(changed) or "other hosts"
        raise AnsibleActionFail(f"{path} is not applied, nothing was changed: what it rests on has changed on {where}")


def _read(path: str) -> Json:
    """Read an approved plan.

    :raises AnsibleActionFail: it is none
    """
    try:
        plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if not (plan["digest"] and plan["hosts"][0]["host"] and plan["hosts"][0]["target"]):
            raise ValueError("it names no host")
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise AnsibleActionFail(f"{path} cannot be read as an upgrade plan: {type(error).__name__}: {error}") from error
    return t.cast("Json", plan)


def _grave(path: pathlib.Path) -> dict[str, list[str]]:
    """Give the findings of severity error and critical of the run's own report, by host."""
    try:
        hosts = json.loads(path.read_text(encoding="utf-8"))["hosts"]
    except (OSError, ValueError, KeyError):
        return {}
    bad = ("error", "critical")
    return {host["host"]: [f["id"] for f in host["findings"] if f["severity"] in bad] for host in hosts}


def _write(path: pathlib.Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AnsibleActionFail(f"the plan cannot be written to {path}: {error}") from error
