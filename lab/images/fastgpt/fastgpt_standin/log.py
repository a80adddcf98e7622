# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's console log in the format of its generation."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from typing import Any

from fastgpt_standin.generation import LogStyle

_COLOURS = {"Debug": "\x1b[90m", "Info": "\x1b[32m", "Warn": "\x1b[33m", "Error": "\x1b[31m"}
_LOGTAPE = {"Debug": "DBG", "Info": "INF", "Warn": "WRN", "Error": "ERR"}


class Log:
    """Writes lines to standard output."""

    def __init__(self, style: LogStyle) -> None:
        self._style = style

    def info(self, message: str, details: Mapping[str, Any] | None = None, category: str = "system") -> None:
        """Log at the level Info."""
        print(self.format("Info", message, details, category), flush=True)

    def warn(self, message: str, details: Mapping[str, Any] | None = None, category: str = "system") -> None:
        """Log at the level Warn."""
        print(self.format("Warn", message, details, category), flush=True)

    def error(self, message: str, details: Mapping[str, Any] | None = None, category: str = "system") -> None:
        """Log at the level Error."""
        print(self.format("Error", message, details, category), flush=True)

    def format(self, level: str, message: str, details: Mapping[str, Any] | None, category: str) -> str:
        """Return one line; ``details`` follow as JSON, or as Node prints objects in the newest style."""
        now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        if self._style is LogStyle.LOGTAPE:
            tail = f": {node_object(details)}" if details else ""
            return f"{now}   {_LOGTAPE[level]} {category.ljust(20)} {message}{tail}"
        tail = f" {json.dumps(details, ensure_ascii=False, separators=(',', ':'))}" if details else ""
        if self._style is LogStyle.BRACKET:
            return f"[{level.upper()}] {now} {message}{tail}"
        return f"{_COLOURS[level]}[{level}]\x1b[39m {now} {message}{tail}"


def node_object(details: Mapping[str, Any]) -> str:
    """Return an object as Node's inspect prints it: bare keys, single quotes."""
    return "{ " + ", ".join(f"{_key(key)}: {_value(value)}" for key, value in details.items()) + " }"


def _key(key: str) -> str:
    return key if re.fullmatch(r"\w+", key) else f"'{key}'"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if "'" in value else f"'{value}'"
    return json.dumps(value)
