#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/prove.py, and calls fastgpt.ops.evidence.

from __future__ import annotations

DOCUMENTATION = r"""
module: prove
short_description: Prove that a finding is gone, or a release runs, and nothing is worse
version_added: 0.1.0
description:
  - Reads the host's evidence again and diagnoses it, until the finding is gone, or the release runs, and no finding of
    severity error or critical is there that was not there before, or the time is over. Then it fails and says which.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  finding:
    description: The finding that was to be cured. Without it and O(version), only that nothing is worse is proved.
    type: str
  version:
    description: The release of FastGPT that is to run.
    type: str
  service:
    description: The service it was found on; any where it is not given.
    type: str
  before:
    description: Ids that are nothing new, C(before) of M(fastgpt.ops.plan).
    type: list
    elements: str
    default: []
  project_dir:
    description: Folder of the compose project; discovered where it is not given.
    type: path
  salt:
    description: The run's random salt.
    type: str
    default: ""
  wait:
    description: Seconds to go on looking.
    type: float
    default: 60
attributes:
  check_mode:
    support: none
    description: There is nothing to prove where nothing was done; the task is skipped.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Prove that mongo accepts its key file
  fastgpt.ops.prove:
    finding: mongo-keyfile-permissions
    service: mongo
"""

RETURN = r"""
proof:
  description: What the check said at the end.
  type: str
  returned: success
  sample: "mongo-keyfile-permissions: ok"
"""
