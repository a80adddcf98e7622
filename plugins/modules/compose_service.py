#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_service
short_description: Bring single services of a compose project up to date
version_added: 0.1.0
description:
  - Recreates, restarts, starts or stops the services named and no others, and waits until they are ready.
  - Images are pulled before anything is stopped. C(down), C(--remove-orphans) and C(-v) are never used, and Compose
    never gets an answer to a question.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  services:
    description: The services.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(current) creates what is missing, starts what is stopped or paused, and recreates what was made from another
        state of the file, or while a folder was where a file is mounted now.
      - V(recreated) makes a new container in any case, for example for a bind mount that has to be looked up again.
      - V(restarted) restarts the container there is. Its environment stays the old one.
      - V(unstuck) restarts only those that Docker restarts again and again, which it does ever more seldom. It is for
        services whose trouble has just been cured.
      - V(stopped) stops it, so that something can be done to its files. It is not removed.
    type: str
    choices: [current, recreated, restarted, unstuck, stopped]
    default: current
  lasting:
    description:
      - What the service will have done once it runs that cannot be undone, such as a user it makes. It is written into
        the journal, and C(playbooks/rollback.yml) gives it as the reason why it stays.
    type: str
  wait_timeout:
    description: Seconds to wait until the services are ready; V(0) does not wait.
    type: float
    default: 120
  timeout:
    description: Seconds a pull or start may take.
    type: float
    default: 1800
extends_documentation_fragment:
  - fastgpt.ops.project
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says which containers would be made new, restarted or stopped, and touches none.
  diff_mode:
    support: none
    description: Containers have no lines to show.
requirements:
  - docker compose, or docker-compose 1.29
"""

EXAMPLES = r"""
- name: Bring FastGPT up with its changed environment
  fastgpt.ops.compose_service:
    project_dir: /opt/fastgpt
    services: [fastgpt]

- name: Let mongo look its key file up again
  fastgpt.ops.compose_service:
    project_dir: /opt/fastgpt
    services: [mongo]
    state: recreated
"""

RETURN = r"""
containers:
  description: Names of the containers that were made new, started, restarted or stopped.
  type: list
  elements: str
  returned: always
  sample: [fastgpt]
downtime:
  description: Seconds from the order to the last container's readiness.
  type: float
  returned: changed
  sample: 4.2
run_id:
  description: The run under which the change is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import re
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._alone import alone
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import (
    PROJECT,
    ComposeError,
    Project,
    has_image,
    runs_as_its_file_says,
    service_of,
    wait_ready,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError, databases_of, stop
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import (
    YOUNG,
    container_from_inspect,
    parse_time,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    JOURNALLED,
    Journal,
    JournalError,
    run_id_or_manual,
)

Json = t.Dict[str, t.Any]

_MOUNT_ERROR = re.compile(r"mount a directory onto a file|error mounting .*: not a directory")


class Services:
    """The services meant, as they are and as they are wanted."""

    def __init__(self, module: AnsibleModule):
        self.params = module.params
        self.project = Project.of(self.params)
        self.images = self.project.images()
        unknown = [name for name in self.params["services"] if name not in self.images]
        if unknown:
            raise ComposeError(
                f"the compose file of {self.params['project_dir']} has no service {', '.join(unknown)};"
                f" it has {', '.join(self.images)}"
            )

    def read(self) -> list[Json]:
        """Inspect the containers of the services."""
        return [item for item in self.project.containers() if service_of(item) in self.params["services"]]

    def stale(self, containers: t.Sequence[Json]) -> list[str]:
        """Give the services whose container is missing, does not work, or was made from another state of the file."""
        by_service = {service_of(item): item for item in containers}
        hashes = self.project.hashes()
        return [name for name in self.params["services"] if not runs_as_its_file_says(by_service.get(name), hashes)]

    def wanted(self, containers: t.Sequence[Json]) -> list[str]:
        """Give the services that something is to be done to."""
        if self.params["state"] == "current":
            return self.stale(containers)
        if self.params["state"] == "unstuck":
            return [service_of(item) for item in containers if is_stuck(item, time.time())]
        if self.params["state"] == "stopped":
            return [service_of(item) for item in containers if (item.get("State") or {}).get("Running")]
        return list(self.params["services"])

    def pull_missing(self, names: t.Sequence[str]) -> None:
        """Get images that are not on the host before anything is stopped."""
        for name in names:
            if self.images[name] and not has_image(self.images[name]):
                self.project.must("pull", name, timeout=self.params["timeout"])

    def apply(self, names: t.Sequence[str], before: t.Sequence[Json]) -> None:
        """Do what was asked, to these services only."""
        state, seconds = self.params["state"], self.params["timeout"]
        if state in ("restarted", "unstuck", "stopped"):
            self.project.must("stop" if state == "stopped" else "restart", *names, timeout=seconds)
            return
        paused = [service_of(item) for item in before if (item.get("State") or {}).get("Paused")]
        if paused:
            self.project.must("unpause", *paused, timeout=seconds)
        for database in databases_of([container_from_inspect(item) for item in before if service_of(item) in names]):
            if database.container["state"]["running"]:
                stop(database)  # docker would kill one whose process 1 takes no signal
        force = ["--force-recreate"]
        try:
            self.project.up(names, *(force if state == "recreated" else []), timeout=seconds)
        except ComposeError as error:
            if not _MOUNT_ERROR.search(str(error)):
                raise
            self.project.up(names, *force, timeout=seconds)  # what was made over a folder never starts over a file


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **PROJECT,
            "services": {"type": "list", "elements": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["current", "recreated", "restarted", "unstuck", "stopped"],
                "default": "current",
            },
            "lasting": {"type": "str"},
            "wait_timeout": {"type": "float", "default": 120},
            "timeout": {"type": "float", "default": 1800},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    try:
        work(module)
    except (ComposeError, DatabaseError, JournalError) as error:
        module.fail_json(msg=str(error))


def work(module: AnsibleModule) -> None:
    """Compare, act where something is to do, wait, and end the module."""
    services = Services(module)
    before = services.read()
    names = services.wanted(before)
    if not names or module.check_mode:
        module.exit_json(changed=bool(names), containers=[_name(item) for item in before if service_of(item) in names])
    journal, run_id = Journal(), run_id_or_manual(module.params["run_id"])
    with alone(run_id):
        bring_up(module, services, names, before, journal, run_id)


def bring_up(
    module: AnsibleModule,
    services: Services,
    names: t.Sequence[str],
    before: t.Sequence[Json],
    journal: Journal,
    run_id: str,
) -> None:
    """Pull, write down, act, wait, and end the module."""
    stop = module.params["state"] == "stopped"
    if not stop:
        services.pull_missing(names)
    undo = {key: module.params[key] for key in (*PROJECT, "state")}
    changes = [
        journal.plan(run_id, module.params["finding"], "up", name, _state_of(before, name), undo=undo) for name in names
    ]
    if module.params["lasting"]:
        reason = {"reason": module.params["lasting"]}
        changes += [journal.plan(run_id, module.params["finding"], "statement", name, undo=reason) for name in names]
    began = time.monotonic()
    services.apply(names, before)
    for change in changes:
        journal.mark(change, DONE)

    def touched() -> list[Json]:
        return [item for item in services.read() if service_of(item) in names]

    patience = 0 if stop else module.params["wait_timeout"]
    late = wait_ready(touched, patience) if patience else []
    result = {
        "containers": [_name(item) for item in touched()],
        "downtime": round(time.monotonic() - began, 1),
        "run_id": run_id,
    }
    if late:
        module.fail_json(
            msg=f"not ready after {module.params['wait_timeout']:.0f} s: {'; '.join(late)}", changed=True, **result
        )
    module.exit_json(changed=True, **result)


def is_stuck(container: Json, now: float) -> bool:
    """Tell whether Docker restarts a container again and again: between two runs, or up since a moment.

    :param now: seconds since the epoch
    """
    state = container.get("State") or {}
    if state.get("Restarting"):
        return True
    started = parse_time(state.get("StartedAt"))
    young = started is not None and now - started < YOUNG
    return bool(state.get("Running") and container.get("RestartCount") and young)


def _name(container: Json) -> str:
    return str(container.get("Name", "")).lstrip("/")


def _state_of(containers: t.Sequence[Json], service: str) -> str | None:
    return next((str(item["State"]["Status"]) for item in containers if service_of(item) == service), None)


if __name__ == "__main__":
    main()
