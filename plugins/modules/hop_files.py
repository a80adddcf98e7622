#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/hop_files.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: hop_files
short_description: Edit the files that a hop of an upgrade's plan names
version_added: 0.1.0
description:
  - Puts new image tags, variables and services of one hop into the compose and C(.env) files, in place; comments, order
    and quoting stay. Each file is written once, in one step, after Compose has checked it.
  - What stands as C(<value:NAME>) in the plan is made or looked up on the host and never reaches the controller.
  - A file that the run has changed for this hop already is left alone, so a run that was killed can go on.
  - No container is touched.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  hop:
    description: The hop, as C(upgrade-plan.json) has it.
    type: dict
    required: true
  project:
    description: The compose project, as the plan has it.
    type: dict
    required: true
  given:
    description: Values the operator gave, by name.
    type: dict
    default: {}
  run_id:
    description: The run the changes belong to.
    type: str
    required: true
  finding:
    description: What the journal knows the hop by.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether a file would change and changes none.
  diff_mode:
    support: none
    description: The plan says what will change.
"""

EXAMPLES = r"""
- name: Edit the files
  fastgpt.ops.hop_files:
    hop: "{{ plan.hops[0] }}"
    project: "{{ plan.project }}"
    run_id: 20260301T120000Z-4f2a
    finding: hop-1-4.8.15
"""

RETURN = r"""
files:
  description: The files that were changed.
  type: list
  elements: str
  returned: success
  sample: [/opt/fastgpt/docker-compose.yml]
"""
