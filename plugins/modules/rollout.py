#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/rollout.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Change a fleet in batches, and stop where it goes wrong
version_added: 0.1.0
description:
  - Puts the hosts that will be changed into batches, the canaries first, and prints them with those left alone.
  - Before a host is begun, tells whether it may be. None may any more when a canary ended badly, or more hosts of the
    whole run than the budget allows.
  - At a host's end, tells what is not well with it.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  state:
    description:
      - V(planned) makes the batches, V(entered) says whether this host may be begun, V(judged) how it ended.
    type: str
    choices: [planned, entered, judged]
    default: planned
  hosts:
    description: All hosts of the run in their order, for O(state=planned).
    type: list
    elements: str
    default: []
  steps:
    description: The steps of the plan by host, for O(state=planned). Hosts without an entry were not reached.
    type: dict
    default: {}
  settings:
    description:
      - What the operator wants, for O(state=planned). C(canary) is a number of hosts or a list of names; C(batches) are
        sizes as for C(serial), numbers or percentages; C(budget) is the number or percentage of hosts that may end
        badly; C(settle) are the seconds to wait before a host is judged.
      - Where it says neither C(canary) nor C(batches), up to three hosts are changed at once, more with one canary and
        batches of 10%, 50% and the rest.
    type: dict
    default: {}
  rollout:
    description: What O(state=planned) gave, for O(state=entered).
    type: dict
    default: {}
  troubles:
    description: What went wrong by host so far, for O(state=entered).
    type: dict
    default: {}
  evidence:
    description: Folder of the evidence read after the changes, for O(state=judged).
    type: path
  before:
    description: Ids that are nothing new, C(before) of M(fastgpt.ops.plan), for O(state=judged).
    type: list
    elements: str
    default: []
  results:
    description: How the host's steps ended, for O(state=judged).
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - fastgpt.ops.lang
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any mode.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: One canary, then a tenth, then the rest; stop at the second host that ends badly
  fastgpt.ops.rollout:
    hosts: "{{ ansible_play_hosts_all }}"
    steps: "{{ planned.steps }}"
    settings: {canary: 1, batches: ["10%", "100%"], budget: 1}
"""

RETURN = r"""
batches:
  description: The hosts' names, batch by batch.
  type: list
  elements: list
  returned: O(state=planned)
order:
  description: The same in one list.
  type: list
  elements: str
  returned: O(state=planned)
sizes:
  description: How many hosts each batch has.
  type: list
  elements: int
  returned: O(state=planned)
canaries:
  description: How many hosts of the first batch must all end well.
  type: int
  returned: O(state=planned)
budget:
  description: Hosts that may end badly.
  type: int
  returned: O(state=planned)
settle:
  description: Seconds to wait before a host is judged.
  type: int
  returned: O(state=planned)
stopped:
  description: Why this host may not be begun; empty where it may.
  type: str
  returned: O(state=entered)
trouble:
  description: What is not well with this host; empty where all is.
  type: str
  returned: O(state=judged)
"""
