#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mongo_feature_version
short_description: Let MongoDB use what its new major version has
version_added: 0.1.0
description:
  - Sets featureCompatibilityVersion, without which the next major version does not start on the data. It waits until
    the server takes writes.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  container:
    description: Name of MongoDB's container.
    type: str
    required: true
  app:
    description: Name of the app's container, whose login and network are tried.
    type: str
  version:
    description: The version, such as V(4.4).
    type: str
    required: true
  wait_timeout:
    description: Seconds to wait for a server that takes writes.
    type: float
    default: 120
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says whether the version would change.
  diff_mode:
    support: none
    description: It is one word.
"""

EXAMPLES = r"""
- name: Let MongoDB use what 4.4 has
  fastgpt.ops.mongo_feature_version:
    container: mongo
    version: "4.4"
"""

RETURN = r"""
before:
  description: The version it had.
  type: str
  returned: success
  sample: "4.2"
run_id:
  description: The run under which the change is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError, inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    JOURNALLED,
    Journal,
    RefusedError,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import logins_of, talk
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]

LASTS = "featureCompatibilityVersion goes back only with the data of before"
_ASK: tuple[str, Json] = ("admin", {"getParameter": 1, "featureCompatibilityVersion": 1})
_IS_PRIMARY: tuple[str, Json] = ("admin", {"isMaster": 1})
_LIMIT = 60.0
_PAUSE = 1.0


def ask(params: Json, commands: list[tuple[str, Json]]) -> list[Json]:
    """Put commands to the server, its own administrator before the app's user; give the replies.

    :raises RefusedError: it does not answer
    """
    names = [name for name in (params["container"], params["app"]) if name]
    found = {item["name"]: item for item in map(container_from_inspect, inspect(names))}
    container = found.get(params["container"])
    if container is None:
        raise RefusedError(f"there is no container {params['container']}")
    app = found.get(params["app"])
    logins = sorted(logins_of(app, container)[0], key=lambda login: bool(login["app"]))
    answer, asked = talk(container, app, logins, commands, Deadline(_LIMIT))
    if asked is None:
        raise RefusedError(f"{params['container']} does not answer: {answer['message'] or answer['error']}")
    return asked.replies


def version_when_primary(params: Json) -> str:
    """Wait until the server takes writes and give the version it has.

    :raises RefusedError: it does not in time
    """
    end = time.monotonic() + params["wait_timeout"]
    while True:
        try:
            state, reply = ask(params, [_IS_PRIMARY, _ASK])
            if state.get("ismaster") and reply.get("ok") == 1:
                return str((reply.get("featureCompatibilityVersion") or {}).get("version"))
            trouble = str(reply.get("errmsg") or "it takes no writes")
        except RefusedError as error:
            trouble = str(error)
        if time.monotonic() > end:
            raise RefusedError(trouble)
        time.sleep(_PAUSE)


def work(module: AnsibleModule) -> Json:
    """Compare, and set it where it is another one.

    :raises RefusedError, ComposeError: the server does not do it
    """
    params = module.params
    before = version_when_primary(params)
    if before == params["version"]:
        return {"changed": False, "before": before}
    run_id = run_id_or_manual(params["run_id"])
    if not module.check_mode:
        journal = Journal()
        change = journal.plan(
            run_id,
            params["finding"],
            "statement",
            params["container"],
            before,
            params["version"],
            undo={"reason": LASTS},
        )
        (reply,) = ask(params, [("admin", {"setFeatureCompatibilityVersion": params["version"]})])
        if reply.get("ok") != 1:
            raise RefusedError(f"setFeatureCompatibilityVersion: {reply.get('errmsg')}")
        journal.mark(change, DONE)
    return {"changed": True, "before": before, "run_id": run_id}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str", "required": True},
            "app": {"type": "str"},
            "version": {"type": "str", "required": True},
            "wait_timeout": {"type": "float", "default": 120},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except (RefusedError, ComposeError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
