#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journal
short_description: Lock a host, list what was changed on it, and undo it
version_added: 0.1.0
description:
  - Every change of this collection is written into a journal on the host before it is made. This module reads it,
    undoes the changes of a run or of one of its findings, and keeps the lock that stops two runs from meeting.
  - A file that somebody changed since is left as it is, with the reason.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  state:
    description:
      - V(listed) only gives the changes.
      - V(undone) undoes the changes of O(run_id), the last one first; files before the services that read them.
      - V(locked) takes the lock for O(run_id) or holds it longer; it fails where another run has it, and names it.
      - V(unlocked) gives the lock back where O(run_id) has it, and removes backups that are old and beyond the number
        to keep (20 runs and 30 days).
      - V(noted) writes down what another task is about to do and what cannot be undone, such as installing a package.
    type: str
    choices: [listed, undone, locked, unlocked, noted]
    default: listed
  run_id:
    description: The run. Needed for everything but V(listed) and V(noted).
    type: str
  finding:
    description: Only the changes made for this finding; the finding that something is V(noted) for.
    type: str
  data:
    description:
      - Undo also changes whose undoing puts databases back, for O(state=undone). What was written since is then moved
        aside. Without it a run with such a change is refused as a whole.
    type: bool
    default: false
  holder:
    description: Who takes the lock, as others will read it.
    type: str
    default: unknown
  lock_seconds:
    description:
      - Seconds after which the lock ends by itself, so that a controller that died blocks nobody. What a run does on
        the host holds it longer.
    type: float
    default: 180
  controller:
    description: The controller's process, so that a later run on the same machine sees that it is dead. Set by the
      action plugin.
    type: str
  take_over:
    description: A run whose lock is taken over because its controller is dead. Set by the action plugin.
    type: str
  target:
    description: What V(noted) is about, such as the package's name.
    type: str
  reason:
    description: Why what is V(noted) stays when the run is undone.
    type: str
  credentials:
    description: Logins of the services whose settings are undone through their own interface, for O(state=undone).
    type: dict
    default: {}
    suboptions:
      oneapi_user:
        description: Name of a user of One API.
        type: str
      oneapi_password:
        description: That user's password.
        type: str
      oneapi_token:
        description: That user's access token, in place of name and password.
        type: str
      aiproxy_key:
        description: AI Proxy's C(ADMIN_KEY), where its container does not have it.
        type: str
      root_password:
        description: Password of FastGPT's user root.
        type: str
attributes:
  check_mode:
    support: full
    description: Undoes nothing and takes no lock, says what it would do.
  diff_mode:
    support: none
    description: The changes to undo are listed instead.
"""

EXAMPLES = r"""
- name: Undo everything a run changed on this host
  fastgpt.ops.journal:
    state: undone
    run_id: 20260301T120000Z-4f2a

- name: See what was ever changed here
  fastgpt.ops.journal:
  register: changed_here
"""

RETURN = r"""
changes:
  description: The changes meant, oldest first.
  type: list
  elements: dict
  returned: O(state=listed) or O(state=undone)
  contains:
    action:
      description: What was done, such as V(replace-file), V(attributes) or V(up).
      type: str
    target:
      description: The file, service or container.
      type: str
    finding:
      description: What it was done for.
      type: str
    status:
      description: V(planned), V(done) or V(undone).
      type: str
held:
  description: Who holds the lock, with C(run_id), C(who), C(controller), C(since) and C(until), in epoch seconds.
  type: dict
  returned: failed because another run holds the lock
refused:
  description: Changes that could not be undone, with the reason.
  type: list
  elements: str
  returned: O(state=undone)
"""

import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._alone import alone
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    LEASE,
    Change,
    Journal,
    JournalError,
    Lock,
    LockedError,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._settings import CREDENTIALS
from ansible_collections.fastgpt.ops.plugins.module_utils._undo import undo


def undo_run(module: AnsibleModule, journal: Journal) -> None:
    """Undo what the run changed and end the module; failed where a change was refused."""
    run_id, finding = module.params["run_id"], module.params["finding"]
    changes = journal.changes(run_id, finding)
    if not changes:
        known = sorted({change.run_id for change in journal.changes()})
        of = f"finding {finding} in run {run_id}" if finding else f"run {run_id}"
        module.exit_json(changed=False, changes=[], refused=[], msg=f"nothing was changed by {of}; runs: {known}")
    refuse_data(module, changes)
    if module.check_mode:
        outcomes = undo(journal, changes, pretend=True)
    else:
        with alone(run_id):
            outcomes = undo(journal, changes, credentials=module.params["credentials"])
    refused = [
        f"{outcome.change.action} {outcome.change.target}: {outcome.refused}" for outcome in outcomes if outcome.refused
    ]
    result = {
        "changed": any(outcome.undone for outcome in outcomes),
        "changes": [dataclasses.asdict(change) for change in journal.changes(run_id, finding)],
        "refused": refused,
    }
    if refused:
        module.fail_json(msg="not everything could be undone: " + "; ".join(refused), **result)
    module.exit_json(**result)


def refuse_data(module: AnsibleModule, changes: t.Sequence[Change]) -> None:
    """Fail where databases would be put back and nobody allowed it; then nothing at all is undone."""
    found = [c for c in changes if c.action in ("data", "restore") and c.status == DONE]
    if not found or module.params["data"]:
        return
    names = ", ".join(sorted({str(service) for change in found for service in change.undo["services"]}))
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(found[0].time))
    module.fail_json(
        msg=f"undoing run {module.params['run_id']} puts {names} back as of {moment} UTC; what was written since is"
        ' moved aside and not seen any more. Nothing was undone. Allow it with -e \'{"fastgpt_allow": ["data"]}\''
    )


def lock(module: AnsibleModule) -> None:
    """Take or give back the lock and end the module."""
    held, options = Lock(), module.params
    holder = held.holder()
    if options["state"] == "unlocked":
        mine = bool(holder and holder["run_id"] == options["run_id"])
        if not module.check_mode:
            Journal().prune()
        module.exit_json(
            changed=mine and (module.check_mode or held.give_back(options["run_id"], options["controller"]))
        )
    if not module.check_mode:
        seconds, controller = options["lock_seconds"], options["controller"]
        held.take(options["run_id"], options["holder"], seconds, controller, options["take_over"])
    elif holder and holder["run_id"] not in (options["run_id"], options["take_over"]):
        raise LockedError(holder)
    module.exit_json(changed=not holder)


def note(module: AnsibleModule, journal: Journal) -> None:
    """Write down what another task does and end the module."""
    run_id = run_id_or_manual(module.params["run_id"])
    if not module.check_mode:
        change = journal.plan(
            run_id,
            module.params["finding"] or "",
            "statement",
            module.params["target"],
            undo={"reason": module.params["reason"]},
        )
        journal.mark(change, DONE)
    module.exit_json(changed=False)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["listed", "undone", "locked", "unlocked", "noted"],
                "default": "listed",
            },
            "run_id": {"type": "str"},
            "finding": {"type": "str"},
            "data": {"type": "bool", "default": False},
            "holder": {"type": "str", "default": "unknown"},
            "lock_seconds": {"type": "float", "default": LEASE},
            "controller": {"type": "str"},
            "take_over": {"type": "str"},
            "target": {"type": "str"},
            "reason": {"type": "str"},
            "credentials": {"type": "dict", "default": {}, "options": CREDENTIALS},
        },
        required_if=[
            *(("state", state, ("run_id",)) for state in ("undone", "locked", "unlocked")),
            ("state", "noted", ("target", "reason")),
        ],
        supports_check_mode=True,
    )
    try:
        if module.params["state"] == "undone":
            undo_run(module, Journal())
        elif module.params["state"] == "listed":
            found = Journal().changes(module.params["run_id"], module.params["finding"])
            module.exit_json(changed=False, changes=[dataclasses.asdict(change) for change in found])
        elif module.params["state"] == "noted":
            note(module, Journal())
        else:
            lock(module)
    except LockedError as error:
        module.fail_json(msg=str(error), held=error.held)
    except JournalError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
