# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules whose changes are written down on the host and can be undone."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  run_id:
    description:
      - The run the change belongs to. It is written into the journal on the host before it is made, with a backup, and
        C(playbooks/rollback.yml) undoes it.
      - A task outside of a run gets an id of its own, which begins with C(manual-).
    type: str
  finding:
    description: The finding the change is made for, as written into the journal.
    type: str
    default: ""
notes:
  - State on the host lives in C(/var/lib/fastgpt-ops), or in the user's state folder without root.
"""
