#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Read everything that tells how a FastGPT deployment is doing
version_added: 0.1.0
author:
  - fastgpt.ops contributors (@fastgpt-ops)
description:
  - Finds the FastGPT deployment of a host and reads its containers, logs, compose, environment and config files, the
    host itself and the services' own answers, in one round trip. Nothing is written on the host.
  - Every outside call has its own time limit. What cannot be read is listed in the evidence's C(failures) and loses
    nothing else.
  - Secret values are replaced by tokens before they leave the host; equal values have equal tokens.
  - The shape is described in C(docs/evidence.md).
attributes:
  check_mode:
    support: full
    description: The module only reads.
  diff_mode:
    support: none
    description: Nothing is changed.
  platform:
    support: full
    platforms: posix
    description: Linux hosts with the docker CLI; without it the evidence says so.
options:
  project_dir:
    description:
      - Folder of the compose project to look at.
      - Without it, the deployment is discovered from the labels of containers, running or not, then from compose files
        in common places.
    type: path
  project:
    description: Name of the compose project to look at, where a host has several.
    type: str
  timeout:
    description: Seconds the whole collection may take; what is late is listed in C(failures).
    type: float
    default: 60
  log_lines:
    description:
      - Lines of each container's log, from its end. Of a longer log also the first lines of the current run are read.
    type: int
    default: 1000
  log_bytes:
    description: Most bytes of each container's log.
    type: int
    default: 1048576
  probes:
    description: Also ask the running services, some of them inside their containers.
    type: bool
    default: true
  probe_models:
    description: Also make one tiny streaming and one plain call a model. They cost money.
    type: bool
    default: false
  salt:
    description:
      - What the tokens of secret values depend on. Give all hosts of a run the same and keep it nowhere.
      - The action plugin gives one of its own for each run; without any, tokens of two calls differ.
    type: str
  dest:
    description:
      - Folder on the controller. The evidence is written there as C(<inventory hostname>.json), also where the host is
        unreachable or the module fails, and is not part of the result.
      - Read by the action plugin.
    type: path
  bundles:
    description:
      - Folder on the controller. A folder for the host is made there with the evidence as files that people can read,
        and that C(fastgpt_bundle) reads back. The evidence is then not part of the result.
      - Read by the action plugin.
    type: path
  said:
    description:
      - What Compose said when it could not bring services up in this run. It comes among the evidence where one of the
        services does not run; Docker does not keep such words when the container is made new.
      - Read by the action plugin.
    type: list
    elements: dict
    default: []
    suboptions:
      services:
        description: The services that were brought up.
        type: list
        elements: str
        required: true
      text:
        description: The words; other than Compose's are left out.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: Read the evidence of each host into a folder of the controller
  fastgpt.ops.evidence:
    dest: reports/20261122/evidence

- name: Read one of several deployments
  fastgpt.ops.evidence:
    project: fastgpt-test
  register: found

- name: Show what could not be looked at
  ansible.builtin.debug:
    var: found.evidence.failures
"""

RETURN = r"""
evidence:
  description: The evidence, in the shape of C(docs/evidence.md). Not with O(dest) or O(bundles).
  returned: without O(dest) and O(bundles)
  type: dict
path:
  description: The file on the controller.
  returned: with O(dest)
  type: str
bundle:
  description: The host's folder on the controller.
  returned: with O(bundles)
  type: str
summary:
  description: How many projects, containers and failures there are, the engine's state and the seconds it took.
  returned: always
  type: dict
  sample: {containers: 7, duration: 1.2, engine: ok, failures: 0, projects: [fastgpt]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._collect import Options, collect, summary_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path"},
            "project": {"type": "str"},
            "timeout": {"type": "float", "default": 60},
            "log_lines": {"type": "int", "default": 1000},
            "log_bytes": {"type": "int", "default": 1048576},
            "probes": {"type": "bool", "default": True},
            "probe_models": {"type": "bool", "default": False},
            "salt": {"type": "str", "no_log": True},
            "dest": {"type": "path"},
            "bundles": {"type": "path"},
            "said": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "services": {"type": "list", "elements": "str", "required": True},
                    "text": {"type": "str", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    params = module.params
    evidence = collect(
        Options(
            project_dir=params["project_dir"],
            project=params["project"],
            timeout=params["timeout"],
            log_lines=params["log_lines"],
            log_bytes=params["log_bytes"],
            salt=params["salt"] or "",
            probes=params["probes"],
            probe_models=params["probe_models"],
        )
    )
    module.exit_json(changed=False, evidence=evidence, summary=summary_of(evidence))


if __name__ == "__main__":
    main()
