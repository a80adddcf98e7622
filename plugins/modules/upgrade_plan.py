#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/upgrade_plan.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan
short_description: Plan an upgrade of FastGPT
version_added: 0.1.0
description:
  - Works out, from the evidence of a run and the catalogue of releases, the hops from what runs to O(target) with the
    exact image tags, variables, services, calls, waits, database steps and tasks of each. Nothing is changed.
  - The plan is printed as a table (a row a hop; of several hosts a row a host) and written to C(upgrade-plan.json) and
    C(upgrade-plan.html) in the run's folder. It holds no secret.
  - A target that is none (a floating tag, an unknown release, one to avoid, an older one) is refused, with the next
    legal one in RV(refused).
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  run_dir:
    description: Folder of this run.
    type: path
    required: true
  evidence:
    description: Folder with one C(HOST.json) a host. Needed unless O(bundle) is given.
    type: path
  bundle:
    description: Plan for the hosts of this folder of collected or pasted files.
    type: path
  hosts:
    description: Hosts the plan is for; one without evidence is refused.
    type: list
    elements: str
    default: []
  target:
    description: The exact release to go to, such as V(4.9.14).
    type: str
    default: ""
  current:
    description: The release that runs, where it cannot be read from tag and container.
    type: str
  beta:
    description: Take a beta as target.
    type: bool
    default: false
  values:
    description: Values the plan asks for, by name.
    type: dict
    default: {}
  begun:
    description: By host, an upgrade that was begun and has not ended, as M(fastgpt.ops.upgrade_state) reads it.
    type: dict
    default: {}
  plan:
    description: An C(upgrade-plan.json) that was approved. Refused where a plan made now is another one.
    type: path
extends_documentation_fragment:
  - fastgpt.ops.lang
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any mode.
  diff_mode:
    support: none
    description: The plan says what will change.
"""

EXAMPLES = r"""
- name: Plan the way to 4.9.14
  fastgpt.ops.upgrade_plan:
    run_dir: reports/20260301T120000Z-4f2a
    evidence: reports/20260301T120000Z-4f2a/evidence
    target: 4.9.14
"""

RETURN = r"""
plans:
  description: The plan by host; docs/upgrading.md tells what it holds.
  type: dict
  returned: success
refused:
  description: By host, why nothing may be done there.
  type: dict
  returned: success
asked:
  description: By host, which values have to be given before anything may be done there.
  type: dict
  returned: success
runs:
  description:
    - What is to be done, by host. C(run_id) is that of an earlier run which did not end and goes on now (C(goes_on)),
      C(plan) the whole plan, C(hops) what is left of it, each with the C(key) the journal knows it by.
  type: dict
  returned: success
id:
  description: The plan's id.
  type: str
  returned: success
digest:
  description: Checksum of everything the plan will do.
  type: str
  returned: success
"""
