# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that name a compose project as its operator calls it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  project_dir:
    description: Folder of the compose project.
    type: path
    required: true
  project:
    description: Name of the project; worked out by Compose where it is not given.
    type: str
  files:
    description: The project's compose files, in order. Compose finds them where they are not given.
    type: list
    elements: path
    default: []
  env_files:
    description: Files the project was brought up with by C(--env-file).
    type: list
    elements: path
    default: []
"""
