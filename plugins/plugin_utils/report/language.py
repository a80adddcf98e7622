# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which language the operator reads."""

from __future__ import annotations

import typing as t


def choose(wanted: str, environment: t.Mapping[str, str]) -> str:
    """Give ``en`` or ``zh``.

    :param wanted: ``en``, ``zh`` or ``auto``
    :param environment: of the controller; its locale decides for ``auto``, and Chinese where that is neither
    """
    if wanted != "auto":
        return wanted
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "en" if locale.lower().startswith("en") else "zh"
