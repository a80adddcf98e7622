# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that an upgrade brings in (``knowledge/services.yml``), and the values that only the host knows."""

from __future__ import annotations

import typing as t

from ..catalogue import KNOWLEDGE, load_yaml
from .plan import Value

Json = dict[str, t.Any]

TEMPLATES: dict[str, Json] = load_yaml(KNOWLEDGE / "services.yml")
"""By component."""

VALUES: dict[str, Value] = {
    **{name: Value(**how) for template in TEMPLATES.values() for name, how in template.get("values", {}).items()},
    "plugin-token": Value("random", 40),
    "file-token-key": Value("random", 40),
    "token-key": Value("random", 40),
    "root-key": Value("random", 40),
    "invoke-token-secret": Value("random", 48),
}
"""How a host makes what ``<value:NAME>`` stands for; the planner adds those that are taken from variables."""

HOST_MADE: dict[str, str] = {
    name: component for component, template in TEMPLATES.items() for name in template.get("values", {})
}
"""Values that a service brings with it, by its component: of a service that was there before they are not known."""
