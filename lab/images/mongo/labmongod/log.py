# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""mongod's structured log (one JSON object a line, since 4.4)."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Mapping
from typing import Any


def format_line(
    severity: str, component: str, log_id: int, context: str, message: str, attributes: Mapping[str, Any] | None = None
) -> str:
    """Return one log line with mongod's own padding between the fields."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    head = (
        f'{{"t":{{"$date":"{now}"}},'
        + f'"s":"{severity}",'.ljust(10)
        + f'"c":"{component}",'.ljust(16)
        + f'"id":{log_id},'.ljust(14)
        + f'"ctx":{_dumps(context)},"msg":{_dumps(message)}'
    )
    return head + (f',"attr":{_dumps(attributes)}}}' if attributes else "}")


def write(
    severity: str, component: str, log_id: int, context: str, message: str, attributes: Mapping[str, Any] | None = None
) -> None:
    """Print one log line to standard output at once."""
    sys.stdout.write(format_line(severity, component, log_id, context, message, attributes) + "\n")
    sys.stdout.flush()


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
