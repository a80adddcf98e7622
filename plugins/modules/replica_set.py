#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_set
short_description: Initiate MongoDB's replica set where it never was, and only there
version_added: 0.1.0
description:
  - Waits until mongod in a container has come to rest (primary, or in a state that only somebody else can change), and
    says which one it is.
  - With O(initiate) it initiates a replica set of one member where mongod runs with C(--replSet) and its data hold no
    set. It never initiates again, never reconfigures, and never touches the database C(local).
  - Logins are taken from the variables of the containers, on the host. They never leave it.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  container:
    description: MongoDB's container.
    type: str
    required: true
  app:
    description:
      - FastGPT's container, whose E(MONGODB_URI) names the database. Without it the database is C(fastgpt).
    type: str
  name:
    description: Name of the set, that of mongod's C(--replSet).
    type: str
    default: rs0
  host:
    description:
      - Address of the member as other containers see it, such as V(mongo:27017). Drivers go there, whatever their own
        address says, so it must never be C(localhost).
    type: str
  initiate:
    description: Initiate a set where there is none.
    type: bool
    default: false
  allow_empty:
    description:
      - Initiate even where the data do not know FastGPT's database. Right for a new installation only; in one that had
        data it means that the wrong volume, or an empty one, is mounted.
    type: bool
    default: false
  expect_root:
    description: Wait as well until FastGPT has made its user root, and fail where it does not.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait.
    type: float
    default: 90
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description:
      - Looks once and says whether a set would be initiated, also where mongod has to be started with other options
        first.
  diff_mode:
    support: full
    description: Shows the set before and after.
notes:
  - An initiation cannot be undone without the data; it is written into the journal with that reason.
"""

EXAMPLES = r"""
- name: Initiate the replica set of a new installation
  fastgpt.ops.replica_set:
    container: mongo
    app: fastgpt
    host: mongo:27017
    initiate: true
    allow_empty: true

- name: See whether MongoDB is primary
  fastgpt.ops.replica_set:
    container: mongo
  register: mongo
"""

RETURN = r"""
primary:
  description: Whether the member accepts writes.
  type: bool
  returned: always
  sample: true
code:
  description: Code by which C(replSetGetStatus) was refused, such as V(94) (never initiated); none where it was not.
  type: int
  returned: always
  sample: 94
set_name:
  description: Name of the set as its data have it.
  type: str
  returned: always
  sample: rs0
members:
  description: Addresses of its members.
  type: list
  elements: str
  returned: always
  sample: ["mongo:27017"]
root_user:
  description: Whether FastGPT's user root is there; none where that cannot be read.
  type: bool
  returned: always
  sample: true
run_id:
  description: The run under which the initiation is written down.
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
    UNDONE,
    Journal,
    RefusedError,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import (
    facts_of,
    logins_of,
    questions,
    talk,
    words_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo_data import data_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]

NO_REPLSET = 76
NOT_INITIATED = 94
ALREADY_INITIATED = 23
_PAUSE = 1.0
_ASK_LIMIT = 30.0
LASTS = (
    "a replica set that was initiated stays one: only a new, empty volume has none. It does no harm, and mongod without"
    " --replSet runs on it as before / 副本集一旦初始化便无法撤销（除非换空卷）；它没有害处，去掉 --replSet 后 mongod"
    " 仍可照常运行"
)


class Member:
    """MongoDB in one container, with the app whose database it holds."""

    def __init__(self, container: str, app: str | None):
        self._names = [name for name in (container, app) if name]
        self.container: Json = {}
        self.app: Json | None = None

    def _read(self) -> None:
        """Inspect the containers as they are now.

        :raises RefusedError: MongoDB's is not there
        """
        found = {item["name"]: item for item in map(container_from_inspect, inspect(self._names))}
        if self._names[0] not in found:
            raise RefusedError(f"there is no container {self._names[0]}")
        self.container = found[self._names[0]]
        self.app = next((found[name] for name in self._names[1:] if name in found), None)

    def look(self) -> Json:
        """Give what the server says, as ``mongo`` of the evidence has it."""
        self._read()
        logins, database = logins_of(self.app, self.container)
        # the container's own user may do everything, the app's need not
        logins.sort(key=lambda login: bool(login["app"]))
        answer, asked = talk(self.container, self.app, logins, questions(database), Deadline(_ASK_LIMIT))
        return dict(facts_of(asked) if asked else {}, **answer) if asked else answer

    def data(self) -> Json:
        """Look at the data folder, as ``mongo_data`` of the evidence has it."""
        return data_facts(self.container, self.app)

    def initiate(self, name: str, host: str) -> None:
        """Initiate a set of this one member; one that somebody else has initiated meanwhile is fine.

        :raises RefusedError: the server does not do it
        """
        logins, _database = logins_of(self.app, self.container)
        logins.sort(key=lambda login: bool(login["app"]))
        command = {"replSetInitiate": {"_id": name, "members": [{"_id": 0, "host": host}]}}
        answer, asked = talk(self.container, self.app, logins, [("admin", command)], Deadline(_ASK_LIMIT))
        reply = asked.replies[0] if asked else {}
        if reply.get("ok") != 1 and reply.get("code") != ALREADY_INITIATED:
            raise RefusedError(f"replSetInitiate: {reply.get('errmsg') or answer['message'] or answer['error']}")

    def wait(self, well: t.Callable[[Json], bool], seconds: float) -> Json:
        """Look until it is well, or the time is over; give the last look."""
        end = time.monotonic() + seconds
        while True:
            seen = self.look()
            if well(seen) or time.monotonic() >= end:
                return seen
            time.sleep(_PAUSE)

    def at_rest(self, seen: Json) -> bool:
        """Tell whether the server will stay as it is.

        During its first start the image runs another server without the replica set, and FastGPT's start script
        initiates by itself; and a member has no set for the moment in which it reads its own.
        """
        if not seen.get("reachable"):
            return False
        words, code = words_of(self.container), seen.get("repl_code")
        if code == NO_REPLSET:
            return "--replSet" not in words
        if code == NOT_INITIATED:
            return not seen.get("set_stored") and "initiate(" not in words
        return bool(seen.get("primary")) or code is not None


def lacks_a_set(member: Member, seen: Json, check_mode: bool) -> bool:
    """Tell whether there is a set to initiate. What is yet to be started anew is foreseen in check mode only."""
    if seen.get("repl_code") == NOT_INITIATED:
        return not seen.get("set_stored")
    if not check_mode:
        return False
    if not seen.get("reachable"):
        return member.data()["made"] is False
    return seen.get("repl_code") == NO_REPLSET and seen.get("set_stored") is False


def check_volume(member: Member, allow_empty: bool) -> None:
    """Refuse data that are not FastGPT's, where there should be some.

    :raises RefusedError: they do not know its database, or cannot be looked at
    """
    data = member.data()
    if allow_empty or data["holds_app"]:
        return
    where = data.get("path") or "mongod's data path"
    why = data.get("error") or "holds nothing of FastGPT's database"
    raise RefusedError(
        f"{where}: {why}. On an installation that had data it is the wrong volume, and nothing may write to it."
        " Only a new installation may be initiated so (allow_empty)"
    )


def work(module: AnsibleModule) -> Json:
    """Look, initiate where that is asked for and needed, and give the result.

    :raises RefusedError, ComposeError: it is not as it should be
    """
    params = module.params
    member = Member(params["container"], params["app"])
    seen = member.wait(member.at_rest, 0 if module.check_mode else params["wait_timeout"])
    result: Json = {"changed": False}
    if params["initiate"] and lacks_a_set(member, seen, module.check_mode):
        check_volume(member, params["allow_empty"])
        result = {
            "changed": True,
            "run_id": run_id_or_manual(params["run_id"]),
            "diff": {
                "before": {"set": None, "members": []},
                "after": {"set": params["name"], "members": [params["host"]]},
            },
        }
        if not module.check_mode:
            seen = initiated(module, member, result["run_id"])
    if params["expect_root"] and not module.check_mode:
        seen = member.wait(lambda look: bool(look.get("root_user")), params["wait_timeout"])
        if not seen.get("root_user"):
            raise RefusedError(f"FastGPT has not made its user root; its log tells why: docker logs {params['app']}")
    if not seen.get("reachable") and not module.check_mode:
        said = seen.get("message") or seen.get("error")
        raise RefusedError(f"mongod in {params['container']} does not answer: {said}")
    result.update(
        primary=bool(seen.get("primary")),
        code=seen.get("repl_code"),
        set_name=seen.get("set_name"),
        members=seen.get("set_members") or [],
        root_user=seen.get("root_user"),
    )
    return result


def initiated(module: AnsibleModule, member: Member, run_id: str) -> Json:
    """Initiate the set, written down before, and wait for its primary; give the last look."""
    params, journal = module.params, Journal()
    after = f"{params['name']}: {params['host']}"
    change = journal.plan(
        run_id, params["finding"], "statement", params["container"], "no replica set", after, undo={"reason": LASTS}
    )
    try:
        member.initiate(params["name"], params["host"])
    except RefusedError:
        journal.mark(change, UNDONE)
        raise
    journal.mark(change, DONE)
    seen = member.wait(lambda look: bool(look.get("primary")), params["wait_timeout"])
    if not seen.get("primary"):
        raise RefusedError(
            f"{params['container']} was initiated as {after} and does not become primary:"
            f" {seen.get('repl_message') or seen.get('message') or seen.get('state')}"
        )
    return seen


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str", "required": True},
            "app": {"type": "str"},
            "name": {"type": "str", "default": "rs0"},
            "host": {"type": "str"},
            "initiate": {"type": "bool", "default": False},
            "allow_empty": {"type": "bool", "default": False},
            "expect_root": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 90},
            **JOURNALLED,
        },
        required_if=[("initiate", True, ("host",)), ("expect_root", True, ("app",))],
        supports_check_mode=True,
    )
    host = module.params["host"] or ""
    if module.params["initiate"] and host.partition(":")[0] in ("localhost", "127.0.0.1", "0.0.0.0", "::1", ""):
        module.fail_json(
            msg=f"host is {host!r}, which in every container means that container itself; wanted is the address by"
            " which others reach MongoDB, such as mongo:27017"
        )
    try:
        module.exit_json(**work(module))
    except (RefusedError, ComposeError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
