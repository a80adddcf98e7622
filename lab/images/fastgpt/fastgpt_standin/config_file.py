# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""config.json, read as Node reads it: its error texts are what operators search for."""

from __future__ import annotations

import json
import re
from typing import Any

import json5


class ConfigError(Exception):
    """config.json cannot be used; the text is Node's."""


def read(path: str, *, is_json5: bool) -> dict[str, Any]:
    """Return the content of config.json; raise ConfigError."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError as error:
        raise ConfigError(f"ENOENT: no such file or directory, open '{path}'") from error
    except IsADirectoryError as error:
        raise ConfigError("EISDIR: illegal operation on a directory, read") from error
    except PermissionError as error:
        raise ConfigError(f"EACCES: permission denied, open '{path}'") from error
    value = parse_json5(text) if is_json5 else parse_json(text)
    return value if isinstance(value, dict) else {}


def parse_json5(text: str) -> Any:
    """Parse JSON5; raise ConfigError with the words of the npm package json5."""
    try:
        return json5.loads(text)
    except ValueError as error:
        raise ConfigError(_json5_message(text, str(error))) from error


def _json5_message(text: str, error: str) -> str:
    """Translate ``<string>:LINE Unexpected X at column N`` of the Python package."""
    match = re.search(r":(\d+) Unexpected (.+) at column (\d+)", error, re.DOTALL)
    if match is None:
        return "SyntaxError: JSON5: invalid end of input at 1:1"
    line, column = int(match.group(1)), int(match.group(3))
    found = text.splitlines()[line - 1 : line] or [""]
    before = found[0][column - 2 : column - 1]
    # The Python package points one behind a full-width comma or a typographic quote.
    if before and not before.isascii() and not before.isalnum():
        return f"SyntaxError: JSON5: invalid character '{before}' at {line}:{column - 1}"
    if column > len(found[0]):
        return f"SyntaxError: JSON5: invalid end of input at {line}:{column}"
    return f"SyntaxError: JSON5: invalid character '{_shown(found[0][column - 1])}' at {line}:{column}"


def _shown(character: str) -> str:
    return {"'": "\\'", '"': '\\"', "\t": "\\t"}.get(character, character)


def parse_json(text: str) -> Any:
    """Parse strict JSON; raise ConfigError with the words of Node's JSON.parse."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"SyntaxError: {_json_message(text, error)}") from error


def _json_message(text: str, error: json.JSONDecodeError) -> str:
    position = error.pos
    if error.msg.startswith("Illegal trailing comma"):  # Python 3.13 points at the comma, Node at what follows it
        position += 1 + len(text[position + 1 :]) - len(text[position + 1 :].lstrip())
    if position >= len(text):
        return "Unexpected end of JSON input"
    if error.msg.startswith(("Expecting property name", "Illegal trailing comma")):
        return f"Expected double-quoted property name in JSON at position {position}"
    return f"Unexpected token {text[position]} in JSON at position {position}"
