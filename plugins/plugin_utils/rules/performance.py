# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slowness: what was slow before a database was started anew is not slow now."""

from __future__ import annotations

from ..model import Deployment
from ..rule import Hit, Text, refutes_line

RESTARTED: Text = {"en": "the database has been started anew since", "zh": "此后数据库已重新启动"}


@refutes_line("slow-database")
def database_started_since(d: Deployment, line: Hit) -> Text | None:
    """FastGPT's own log tells of both databases; theirs are read from their last start on anyway."""
    database = d.one("pg" if "pg query" in line.proofs[0].excerpt else "mongo")
    started = database.when("started_at") if database else None
    return RESTARTED if line.said_by == "app" and line.when and started and line.when < started else None
