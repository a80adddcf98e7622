#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: init_script
short_description: Make an HTTP call of an upgrade, once
version_added: 0.1.0
description:
  - Calls an administration endpoint of FastGPT or of a companion, as the notes of a release ask for after an upgrade,
    and waits until it has ended, showing what the service logs meanwhile.
  - The call is made by a process of its own on the host, so it goes on when the controller dies; called again with the
    same O(id), this module follows the call there is. A call that was made is not made again; one that was refused is.
  - Where the connection breaks and the call goes on, its end is looked for in the service's log.
  - Secret headers are filled in on the host; they never reach the controller.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  id:
    description: What the journal knows the call by, such as V(4.8.18 /api/admin/initv4818).
    type: str
    required: true
  service:
    description: The compose service that is called.
    type: str
    required: true
  port:
    description: Its port inside the container.
    type: int
    default: 3000
  method:
    description: The HTTP method.
    type: str
    default: POST
  path:
    description: The path.
    type: str
    required: true
  headers:
    description: Headers; C(<value:NAME>) in them is filled in on the host.
    type: dict
    default: {}
  body:
    description: JSON body. Without it none is sent.
    type: dict
  values:
    description:
      - How the host comes by each C(<value:NAME>), by name. Keys are C(kind) (V(random), V(variable) or V(given)),
        C(length), C(service), C(variable), C(part) and C(database), as in an upgrade's plan.
    type: dict
    default: {}
  given:
    description: Values the operator gave, by name.
    type: dict
    default: {}
  scope:
    description: Run and hop that random values are made for.
    type: str
    default: ""
  timeout:
    description: Seconds the call may take.
    type: float
    default: 21600
  reply_timeout:
    description: Seconds to hold the connection without a reply; after it, the log is followed.
    type: float
    default: 21600
  log_done:
    description: Words in the service's log that say the call is done, where its reply comes earlier.
    type: str
  again:
    description: Make the call although the journal says that it was made.
    type: bool
    default: false
  follow:
    description: Seconds to wait for the end in one step; the action plugin takes as many steps as needed.
    type: float
    default: 10
  since:
    description: Moment (seconds since the epoch) from which on log lines are wanted. Set by the action plugin.
    type: float
    default: 0
extends_documentation_fragment:
  - fastgpt.ops.project
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says whether the call would be made, and makes none.
  diff_mode:
    support: none
    description: What a call changes is not known before.
"""

EXAMPLES = r"""
- name: Let FastGPT 4.8.18 move its full-text data
  fastgpt.ops.init_script:
    project_dir: /opt/fastgpt
    id: 4.8.18 /api/admin/initv4818
    service: fastgpt
    path: /api/admin/initv4818
    headers:
      rootkey: <value:rootkey>
    values:
      rootkey:
        kind: variable
        service: fastgpt
        variable: ROOT_KEY
"""

RETURN = r"""
state:
  description:
    - V(running), V(done), V(failed), or V(unknown) where nobody can say how it ended; V(waiting) only in check mode.
  type: str
  returned: always
  sample: done
seconds:
  description: How long it took.
  type: float
  returned: always
reply:
  description: What the service answered, secrets as tokens.
  type: str
  returned: always
progress:
  description: The last lines the service logged, secrets as tokens.
  type: list
  elements: str
  returned: always
until:
  description: Moment of the last of these lines.
  type: float
  returned: always
run_id:
  description: The run under which the call is written down.
  type: str
  returned: always
  sample: 20260301T120000Z-4f2a
"""

import secrets
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils import _calls as calls
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import (
    PROJECT,
    ComposeError,
    Project,
    service_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect, parse_time
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import JOURNALLED, Journal, run_id_or_manual
from ansible_collections.fastgpt.ops.plugins.module_utils._net import addresses_of
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import Tokeniser
from ansible_collections.fastgpt.ops.plugins.module_utils._values import ValueMissingError, Values

Json = t.Dict[str, t.Any]

_POLL = 0.5
_LINES = 20
_REPLY_SHOWN = 4000


def container_of(project: Project, service: str) -> Json:
    """Give the service's running container in the shape of docs/evidence.md.

    :raises ComposeError: it does not run
    """
    for item in project.containers():
        if service_of(item) == service and (item.get("State") or {}).get("Running"):
            return container_from_inspect(item)
    raise ComposeError(f"{service} does not run, so it cannot be called")


def progress_of(container: str, since: float, tokeniser: Tokeniser) -> tuple[list[str], float]:
    """Give the last lines a container logged after a moment, and the moment of the last."""
    lines, until = [], since
    for line in calls.log_since(container, since).splitlines():
        stamp, _blank, words = line.partition(" ")
        moment = parse_time(stamp) or 0.0
        if moment > since and words.strip():
            lines.append(tokeniser.text(words.strip()))
            until = moment
    return lines[-_LINES:], until


def wait(journal: Journal, call_id: str, run_id: str, call: calls.Call, seconds: float) -> calls.State:
    """Wait for the call's end, at most so many seconds."""
    end = time.monotonic() + seconds
    while True:
        change = calls.find(journal, call_id, run_id)
        state = calls.state_of(journal, change, call) if change else calls.State(calls.WAITING)
        if state.status == calls.RUNNING and state.began and time.time() > state.began + call.timeout:
            state.status, state.message = calls.UNKNOWN, f"no end after {call.timeout:.0f} s"
        if state.status not in (calls.RUNNING, calls.WAITING) or time.monotonic() > end:
            return state
        time.sleep(_POLL)


def work(module: AnsibleModule) -> None:
    """Begin the call where it was not made yet, follow it for a while, and end the module."""
    params = module.params
    project = Project.of(params)
    container = container_of(project, params["service"])
    values = Values(params["values"], project, params["given"], params["scope"])
    call = calls.Call(
        id=params["id"],
        container=container["name"],
        addresses=addresses_of(container, params["port"]),
        method=params["method"],
        path=params["path"],
        headers={name: values.fill(str(value)) for name, value in params["headers"].items()},
        body=params["body"],
        timeout=params["timeout"],
        reply_timeout=params["reply_timeout"],
        log_done=params["log_done"],
    )
    tokeniser = Tokeniser(secrets.token_hex(16))
    tokeniser.learn_env(container["env"])
    for value in values.secrets:
        tokeniser.learn(value)
    journal, run_id = Journal(), run_id_or_manual(params["run_id"])
    change = None if params["again"] else calls.find(journal, call.id, run_id)
    if change and not params["since"] and calls.state_of(journal, change, call).status == calls.FAILED:
        change = None  # it ended, and is tried anew; one that may still run is not
    before = calls.state_of(journal, change, call).status if change else calls.WAITING
    if module.check_mode:
        nothing = {"seconds": 0.0, "reply": "", "progress": [], "until": 0.0, "run_id": run_id}
        module.exit_json(changed=before != calls.ENDED, state=before, **nothing)
    since = params["since"] or time.time()
    if change is None:
        change = journal.plan(run_id, params["finding"], calls.ACTION, call.id, undo={"service": params["service"]})
    if before == calls.WAITING:
        calls.begin(journal, change, call)
    state = wait(journal, call.id, change.run_id, call, params["follow"])
    progress, until = progress_of(call.container, since, tokeniser)
    result = {
        "changed": before != calls.ENDED,
        "state": calls.RUNNING if state.status == calls.WAITING else state.status,
        "seconds": round((state.ended or time.time()) - state.began, 1) if state.began else 0.0,
        "reply": tokeniser.text(state.reply)[:_REPLY_SHOWN],
        "progress": progress,
        "until": until,
        "run_id": change.run_id,
    }
    if state.status in (calls.FAILED, calls.UNKNOWN):
        module.fail_json(msg=f"{call.method} {call.path}: {tokeniser.text(state.message or state.status)}", **result)
    module.exit_json(**result)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "id": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "port": {"type": "int", "default": 3000},
            "method": {"type": "str", "default": "POST"},
            "path": {"type": "str", "required": True},
            "headers": {"type": "dict", "default": {}},
            "body": {"type": "dict"},
            "values": {"type": "dict", "default": {}},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "scope": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 21600},
            "reply_timeout": {"type": "float", "default": 21600},
            "log_done": {"type": "str"},
            "again": {"type": "bool", "default": False},
            "follow": {"type": "float", "default": 10},
            "since": {"type": "float", "default": 0},
            **PROJECT,
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    try:
        work(module)
    except (ComposeError, ValueMissingError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
