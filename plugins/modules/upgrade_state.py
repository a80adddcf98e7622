#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_state
short_description: Write down how far an upgrade has come on a host
version_added: 0.1.0
description:
  - Keeps the plan of an upgrade in the journal on the host from its begin to its end, and which of its hops are done,
    so that a run which was killed can go on where it stood.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  state:
    description:
      - V(read) gives the upgrade that was begun and has not ended.
      - V(begun) writes the plan down, unless the run has it.
      - V(hop_begun) and V(hop_done) write down where it stands.
      - V(ended) closes it, at its target or on the last stop that was reached.
    type: str
    choices: [read, begun, hop_begun, hop_done, ended]
    default: read
  plan:
    description: The host's part of C(upgrade-plan.json), for O(state=begun).
    type: dict
  finding:
    description: What the journal knows the hop by, for O(state=hop_begun) and O(state=hop_done).
    type: str
    default: ""
  run_id:
    description: The run. Needed for everything but V(read).
    type: str
attributes:
  check_mode:
    support: full
    description: Writes nothing down.
  diff_mode:
    support: none
    description: There are no lines to show.
"""

EXAMPLES = r"""
- name: See whether an upgrade was begun and has not ended
  fastgpt.ops.upgrade_state:
  register: begun
"""

RETURN = r"""
upgrade:
  description:
    - The upgrade that was begun and has not ended; none where there is none. C(run_id), C(plan) (its hops have the key
      they have in the journal as C(key) and C(state) V(todo), V(begun) or V(done)).
  type: dict
  returned: O(state=read)
"""

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._alone import alone
from ansible_collections.fastgpt.ops.plugins.module_utils._backup import start_again, stopped_by
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    PLANNED,
    UNDONE,
    Change,
    Journal,
    JournalError,
)

Json = t.Dict[str, t.Any]

UPGRADE = "upgrade"
HOP = "hop"


def key_of(number: int, hop: Json) -> str:
    """Name a hop in the journal."""
    return f"hop-{number}-{hop['version']}"


def open_upgrade(journal: Journal) -> Change | None:
    """Give the upgrade that was begun last, where it has not ended."""
    known = [change for change in journal.changes() if change.action == UPGRADE and change.status == PLANNED]
    return known[-1] if known else None


def hop_of(journal: Journal, run_id: str, key: str) -> Change | None:
    """Give a hop that the run has begun and not undone."""
    known = [c for c in journal.changes(run_id, key) if c.action == HOP and c.status != UNDONE]
    return known[-1] if known else None


def read(journal: Journal) -> Json | None:
    """Give the open upgrade with its plan, and how far each hop is.

    :raises JournalError: its plan is gone
    """
    change = open_upgrade(journal)
    if change is None:
        return None
    try:
        with open(str(change.backup), encoding="utf-8") as stream:
            plan = json.load(stream)
    except (OSError, ValueError) as error:
        raise JournalError(
            f"run {change.run_id} has begun an upgrade to {change.target} whose plan cannot be read any more ({error});"
            f" take it back with playbooks/rollback.yml -e fastgpt_run_id={change.run_id}"
        ) from error
    for number, hop in enumerate(plan["hops"], 1):
        hop["key"] = key_of(number, hop)
        known = hop_of(journal, change.run_id, hop["key"])
        hop["state"] = "todo" if known is None else "done" if known.status == DONE else "begun"
    return {"run_id": change.run_id, "plan": plan}


def write(journal: Journal, params: Json) -> None:
    """Write the new state down; what is written already is left."""
    state, run_id, key = params["state"], params["run_id"], params["finding"]
    known = open_upgrade(journal)
    mine = known if known and known.run_id == run_id else None
    if state == "begun":
        if mine is None:
            plan = params["plan"]
            text = json.dumps(plan, ensure_ascii=False)
            copy = journal.backup_text(run_id, "upgrade-plan.json", text)
            journal.plan(run_id, "", UPGRADE, plan["target"], plan["current"], plan["target"], copy)
    elif state == "ended":
        if mine:
            journal.mark(mine, DONE)
    else:
        hop = hop_of(journal, run_id, key) or journal.plan(run_id, key, HOP, key)
        if state == "hop_done" and hop.status != DONE:
            start_again(journal, stopped_by(journal, run_id))  # for the backup; the hop has made most of it anew
            journal.mark(hop, DONE)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["read", "begun", "hop_begun", "hop_done", "ended"],
                "default": "read",
            },
            "plan": {"type": "dict"},
            "finding": {"type": "str", "default": ""},
            "run_id": {"type": "str"},
        },
        required_if=[
            ("state", "begun", ("plan", "run_id")),
            ("state", "hop_begun", ("finding", "run_id")),
            ("state", "hop_done", ("finding", "run_id")),
            ("state", "ended", ("run_id",)),
        ],
        supports_check_mode=True,
    )
    journal = Journal()
    try:
        if module.params["state"] == "read":
            module.exit_json(changed=False, upgrade=read(journal))
        if module.check_mode:
            module.exit_json(changed=False)
        with alone(module.params["run_id"]):
            write(journal, module.params)
    except (JournalError, DatabaseError, ComposeError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
