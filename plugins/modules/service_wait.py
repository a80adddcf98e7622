#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_wait
short_description: Wait until services of a compose project are ready
version_added: 0.1.0
description:
  - Waits for what the plan of an upgrade names, one after the other. That a container runs says little. FastGPT's
    answers only once its databases are migrated, so it is asked.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  waits:
    description:
      - What to wait for. V(http) is an answer below 500 on C(port) and C(path) of the service's container; V(healthy)
        its own health check, or that it stays up where it has none; V(queue) that no training job is left in this
        MongoDB.
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description: What counts.
        type: str
        choices: [http, healthy, queue]
        required: true
      service:
        description: The service.
        type: str
        required: true
      timeout:
        description: Seconds to wait.
        type: float
        required: true
      port:
        description: Port in the container.
        type: int
      path:
        description: Path to ask for.
        type: str
  at_most:
    description: Seconds to wait for each at most, whatever the plan allows; V(0) leaves it to the plan.
    type: float
    default: 0
  run_id:
    description: The run whose lock is held meanwhile.
    type: str
extends_documentation_fragment:
  - fastgpt.ops.project
attributes:
  check_mode:
    support: full
    description: Waits for nothing.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Wait until FastGPT answers
  fastgpt.ops.service_wait:
    project_dir: /opt/fastgpt
    waits:
      - kind: http
        service: fastgpt
        port: 3000
        path: /api/common/system/getInitData
        timeout: 600
"""

RETURN = r"""
seconds:
  description: How long it took.
  type: float
  returned: always
  sample: 12.4
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import PROJECT, ComposeError, Project
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Lock, run_id_or_manual
from ansible_collections.fastgpt.ops.plugins.module_utils._waits import wait_for


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **PROJECT,
            "waits": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "kind": {"type": "str", "choices": ["http", "healthy", "queue"], "required": True},
                    "service": {"type": "str", "required": True},
                    "timeout": {"type": "float", "required": True},
                    "port": {"type": "int"},
                    "path": {"type": "str"},
                },
            },
            "at_most": {"type": "float", "default": 0},
            "run_id": {"type": "str"},
        },
        supports_check_mode=True,
    )
    began = time.monotonic()
    if not module.check_mode:
        project = Project.of(module.params)
        with Lock().kept(run_id_or_manual(module.params["run_id"])):
            for wait in module.params["waits"]:
                seconds = min(wait["timeout"], module.params["at_most"] or wait["timeout"])
                try:
                    trouble = wait_for(project, wait, seconds)
                except ComposeError as error:
                    trouble = str(error)
                if trouble:
                    took = round(time.monotonic() - began, 1)
                    module.fail_json(
                        msg=f"{wait['service']} is not ready after {seconds:.0f} s: {trouble}", seconds=took
                    )
    module.exit_json(changed=False, seconds=round(time.monotonic() - began, 1))


if __name__ == "__main__":
    main()
