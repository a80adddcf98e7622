#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/plan.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Plan the fixes of a run
version_added: 0.1.0
description:
  - Works out, from the evidence of a run, which role cures which finding with which variables, the lines that will
    change, the services that get a new container, and for how long they are away. Nothing is changed.
  - Findings that another one explains get no step; they are looked at again when their cause is gone.
  - The plan is printed and written to C(plan.json) in the run's folder, with an id and a digest of all it will do.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  run_dir:
    description: Folder of this run.
    type: path
    required: true
  evidence:
    description: Folder with one C(HOST.json) a host.
    type: path
    required: true
  allow:
    description: Risk classes whose steps may be applied; the others are only shown.
    type: list
    elements: str
    choices: [safe, restart, data]
    default: [safe]
  allow_by_host:
    description: The same by host, where hosts differ.
    type: dict
    default: {}
  plan:
    description:
      - A C(plan.json) that was approved. It is taken as it is, whatever O(allow) says, and refused as a whole where it
        was edited or where what one of its steps rests on has changed since.
    type: path
  round:
    description:
      - V(1) for the plan of a run. Later ones, made for a host when its steps are done, are written to
        C(plan-2-HOST.json) and so on, and only where there is something left to do.
    type: int
    default: 1
  host:
    description: The only host to plan for; all of O(evidence) where left out.
    type: str
  only:
    description: Finding ids to restrict the plan to; all where empty.
    type: list
    elements: str
    default: []
  skip:
    description: Finding ids to leave out.
    type: list
    elements: str
    default: []
  given:
    description: By host, names of the variables for which the operator gives values. The values do not come here.
    type: dict
    default: {}
  waivers:
    description:
      - Findings to live with until a date, as for M(fastgpt.ops.report); they get no step.
    type: list
    elements: dict
    default: []
  most:
    description:
      - Steps that all plans of the run together may apply at the most; those beyond are planned and held back. No limit
        where left out.
      - An approved plan is applied whole.
    type: int
extends_documentation_fragment:
  - fastgpt.ops.lang
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any mode.
  diff_mode:
    support: none
    description: The plan holds the differences itself.
"""

EXAMPLES = r"""
- name: Plan what may be done without asking
  fastgpt.ops.plan:
    run_dir: reports/20260301T120000Z-4f2a
    evidence: reports/20260301T120000Z-4f2a/evidence
    allow: [safe, restart]
"""

RETURN = r"""
steps:
  description: The steps in order, by host.
  type: dict
  returned: success
before:
  description:
    - By host, ids that are nothing new when they are found later. They are those of findings of severity error and
      critical that are there now, and of what could not be looked at now.
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
