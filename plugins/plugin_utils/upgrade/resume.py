# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade that did not end goes on along its own plan: a new one would take the hop it stands in as done.

``begun`` is what the module ``upgrade_state`` read on the host: ``run_id`` and ``plan``, whose hops have ``key`` and
``state``, and which has ``grave`` beside them.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t

from .plan import Refusal

Json = dict[str, t.Any]


def whole(begun: Json) -> Json:
    """Give the plan as it was when it was begun."""
    plan = {key: value for key, value in copy.deepcopy(begun["plan"]).items() if key != "grave"}
    plan["hops"] = [_plain(hop) for hop in plan["hops"]]
    return plan


def rest(begun: Json, target: str) -> Json:
    """Give the part of the plan that is left; refused where another target is asked for.

    :param target: the release the operator asks for now
    """
    plan = whole(begun)
    hops = begun["plan"]["hops"]
    done = [hop for hop in hops if hop["state"] == "done"]
    left = [hop for hop in hops if hop["state"] != "done"]
    plan["hops"] = [_plain(hop) for hop in left]
    plan["current"] = done[-1]["version"] if done else plan["current"]
    place = left[0]["version"] if left else plan["target"]
    run_id = begun["run_id"]
    if target != plan["target"]:
        plan["hops"] = []
        plan["refusals"] = [dataclasses.asdict(_refused(run_id, plan["target"], place))]
    else:
        plan["warnings"] = [*plan["warnings"], _goes_on(run_id, place)]
    return plan


def run_of(plan: Json, begun: Json | None, run_id: str, grave: t.Sequence[str]) -> Json:
    """Say what is to be done on a host, and under which run.

    :returns: ``run_id``, ``plan`` (whole), ``hops`` that are left with their ``key``, ``done`` (releases reached
        before), ``owed`` (tasks of a person that come after those), ``goes_on`` (a run that did not end), ``kept`` (the
        hop whose copies stay), ``grave`` (findings of before the run, which no hop has to answer for)
    :param plan: the plan of now
    :param run_id: of this run, where none was begun before
    :param grave: findings of severity error and critical that are there now
    """
    if begun is None:
        hops = [{**hop, "key": f"hop-{number}-{hop['version']}"} for number, hop in enumerate(plan["hops"], 1)]
        fresh = {"run_id": run_id, "plan": plan, "hops": hops, "done": [], "owed": [], "goes_on": False}
        return {**fresh, "kept": _kept(hops), "grave": list(grave)}
    hops = [] if plan["refusals"] else begun["plan"]["hops"]
    return {
        "run_id": begun["run_id"],
        "plan": whole(begun),
        "hops": [hop for hop in hops if hop["state"] != "done"],
        "done": [hop["version"] for hop in hops if hop["state"] == "done"],
        "owed": [task for hop in hops if hop["state"] == "done" for task in hop["tasks"] if _is_owed(task)],
        "goes_on": not plan["refusals"],
        "kept": _kept(hops),
        "grave": begun["plan"].get("grave", []),
    }


def _is_owed(task: Json) -> bool:
    return bool(task["blocking"] and task["when"] == "after")


def _kept(hops: t.Sequence[Json]) -> str | None:
    """Give the hop whose copies of the databases are the way back of the whole run: the first that changes them."""
    return next((hop["key"] for hop in hops if hop["changes_data"]), None)


def _plain(hop: Json) -> Json:
    return {key: value for key, value in hop.items() if key not in ("key", "state")}


def _goes_on(run_id: str, place: str) -> dict[str, str]:
    return {
        "en": f"run {run_id} did not end; it goes on at {place}",
        "zh": f"运行 {run_id} 没有结束，将从 {place} 继续",
    }


def _refused(run_id: str, target: str, place: str) -> Refusal:
    return Refusal(
        "unfinished",
        {
            "en": f"run {run_id} has begun an upgrade to {target} and stands at {place}: let it go on to {target}, or"
            f" take it back with playbooks/rollback.yml -e fastgpt_run_id={run_id}",
            "zh": f"运行 {run_id} 已开始升级到 {target}，目前停在 {place}：请让它继续升级到 {target}，"
            f"或用 playbooks/rollback.yml -e fastgpt_run_id={run_id} 撤回",
        },
        target,
    )
