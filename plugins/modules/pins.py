#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/pins.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: pins
short_description: Say what floating images are
version_added: 0.1.0
description:
  - Finds the services whose image floats (C(latest), C(v4.14), no tag) and works out, from a host's evidence, the exact
    version and the digest that run now. Nothing is changed; C(playbooks/pin.yml) writes them.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  evidence:
    description: The evidence of the host, a JSON file.
    type: path
    required: true
extends_documentation_fragment:
  - fastgpt.ops.lang
attributes:
  check_mode:
    support: full
    description: Nothing is changed in any mode.
  diff_mode:
    support: none
    description: The references are the result.
"""

EXAMPLES = r"""
- name: Say what the floating images are
  fastgpt.ops.pins:
    evidence: reports/20260301T120000Z-4f2a/evidence/web1.json
"""

RETURN = r"""
pins:
  description: What can be pinned; each has C(service), C(file), C(before) and C(after).
  type: list
  elements: dict
  returned: success
left:
  description: What floats and cannot be pinned; each has C(service), C(image) and C(reason).
  type: list
  elements: dict
  returned: success
"""
