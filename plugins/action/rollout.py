# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the hosts to change into batches, lets each begin or not, judges it at its end. On the controller alone."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import rollout
from ..plugin_utils.report import language

Json = t.Dict[str, t.Any]

display = Display()

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "default": "planned", "choices": ["planned", "entered", "judged"]},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "steps": {"type": "dict", "default": {}},
    "settings": {"type": "dict", "default": {}},
    "evidence": {"type": "path"},
    "rollout": {"type": "dict", "default": {}},
    "troubles": {"type": "dict", "default": {}},
    "before": {"type": "list", "elements": "str", "default": []},
    "results": {"type": "list", "elements": "dict", "default": []},
    "lang": {"type": "str", "default": "auto", "choices": ["auto", "en", "zh"]},
}
_WORDS = {
    "en": {
        "plan": "Rollout: {0} hosts in {1} batches; {2} may end badly before it stops, a canary none",
        "canary": "canary",
        "batch": "batch {0}",
        "nothing": "nothing to apply",
        "unseen": "not reached, left alone",
        "now": "Rollout: {0} of {1}: {2}",
        "trouble": "Rollout: {0}: {1}",
        "stopped": "the rollout was stopped because of {0}",
    },
    "zh": {
        "plan": "分批修复：{0} 台主机，共 {1} 批；超过 {2} 台失败即停止，金丝雀不允许失败",
        "canary": "金丝雀",
        "batch": "第 {0} 批",
        "nothing": "无需修改",
        "unseen": "无法连接，不处理",
        "now": "分批修复：{0}（共 {1} 批）：{2}",
        "trouble": "分批修复：{0}：{1}",
        "stopped": "分批修复已停止，原因：{0}",
    },
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.rollout``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Do what the state says.

        :returns: the rollout (``planned``), ``stopped`` (``entered``) or ``trouble`` (``judged``)
        """
        result: Json = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(ARGUMENT_SPEC)
        words = _WORDS[language.choose(options["lang"], os.environ)]
        host = str((task_vars or {}).get("inventory_hostname", ""))
        if options["state"] == "planned":
            result.update(_plan(options, words))
        elif options["state"] == "entered":
            result.update(stopped=_enter(options, words, host))
        else:
            trouble = rollout.trouble_of(_evidence(options["evidence"], host), options["before"], options["results"])
            if trouble:
                display.display(words["trouble"].format(host, trouble), color="red")
            result.update(trouble=trouble)
        result.update(changed=False)
        return result


def _plan(options: Json, words: t.Mapping[str, str]) -> Json:
    changed = [host for host in options["hosts"] if any(step["allowed"] for step in options["steps"].get(host, []))]
    try:
        planned = rollout.plan(changed, options["settings"])
    except rollout.RolloutError as error:
        raise AnsibleActionFail(str(error)) from error
    if len(planned.batches) > 1:
        _show(planned, options, words)
    return {
        **dataclasses.asdict(planned),
        "order": [host for batch in planned.batches for host in batch],
        "sizes": [len(batch) for batch in planned.batches],
    }


def _show(planned: rollout.Rollout, options: Json, words: t.Mapping[str, str]) -> None:
    """Print every host's place: its batch, or why it has none."""
    count = sum(map(len, planned.batches))
    display.display(words["plan"].format(count, len(planned.batches), planned.budget))
    for number, batch in enumerate(planned.batches, 1):
        display.display(f"  {_name(planned, number, words)}: {', '.join(batch)}")
    left = [host for host in options["hosts"] if all(host not in batch for batch in planned.batches)]
    unseen = [host for host in left if host not in options["steps"]]
    for reason, hosts in (("nothing", [h for h in left if h not in unseen]), ("unseen", unseen)):
        if hosts:
            display.display(f"  {words[reason]}: {', '.join(hosts)}", color="yellow" if reason == "unseen" else None)


def _name(planned: rollout.Rollout, number: int, words: t.Mapping[str, str]) -> str:
    return words["canary"] if number == 1 and planned.canaries else words["batch"].format(number)


def _enter(options: Json, words: t.Mapping[str, str], host: str) -> str:
    """Say why a host may not be begun; empty where it may. The first of a batch announces it."""
    given = options["rollout"]
    planned = rollout.Rollout(
        tuple(map(tuple, given["batches"])), given["canaries"], given["budget"], given.get("settle", 0)
    )
    bad = planned.stopped_by(options["troubles"])
    first = next((number for number, batch in enumerate(planned.batches, 1) if batch[0] == host), None)
    if first and not bad:
        batch = planned.batches[first - 1]
        words_of_batch = (_name(planned, first, words), len(planned.batches), ", ".join(batch))
        display.display(words["now"].format(*words_of_batch), color="bright blue")
    return words["stopped"].format("; ".join(f"{name}: {options['troubles'][name]}" for name in bad)) if bad else ""


def _evidence(folder: str, host: str) -> Json | None:
    try:
        path = pathlib.Path(folder, host.replace(os.sep, "_") + ".json")
        return t.cast(Json, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
