# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of compose files that variables are part of: which part has to change for another value to come out."""

from __future__ import annotations

import re
import typing as t

from ..module_utils._references import REFERENCE
from .compose import VARIABLE, interpolate

Variables = t.Mapping[str, str]
_ATOM = re.compile(rf"{REFERENCE.pattern}|.", re.DOTALL)


class Piece(t.NamedTuple):
    """A part of a value: as the file has it, and what it stands for.

    :ivar variable: the variable it takes
    :ivar default: it takes the default written in the file, because the variable is not set
    """

    written: str
    text: str
    variable: str | None = None
    default: bool = False


class Change(t.NamedTuple):
    """Either the file gets another template, or a variable another value."""

    template: str | None = None
    variable: str | None = None
    value: str | None = None


class TooWideError(ValueError):
    """The difference goes over several parts of the value."""


def pieces(template: str, variables: Variables) -> list[Piece]:
    """Take a value apart into literal parts and variables."""
    found: list[Piece] = []
    end = 0
    for match in VARIABLE.finditer(template):
        if match.start() > end:
            found.append(Piece(template[end : match.start()], template[end : match.start()]))
        name = match[1] or match[4]
        text = interpolate(match[0], variables)
        absent = name not in variables or (not variables[name] and (match[2] or "").startswith(":"))
        is_default = bool(match[2]) and match[2].endswith("-") and absent
        found.append(Piece(match[0], text, name, is_default) if name else Piece(match[0], text))
        end = match.end()
    return found + ([Piece(template[end:], template[end:])] if template[end:] else [])


def change(template: str, variables: Variables, new: str) -> Change:
    """Work out what to change so that a template gives a new value. References in it (tokens) are not cut.

    :raises TooWideError: where more than one part would have to change
    """
    parts = pieces(template, variables) or [Piece("", "")]
    start, end, middle = _difference("".join(part.text for part in parts), new)
    offset = 0
    fits = []
    for number, part in enumerate(parts):
        if offset <= start and end <= offset + len(part.text):
            fits.append((number, part.text[: start - offset] + middle + part.text[end - offset :]))
        offset += len(part.text)
    if not fits:
        raise TooWideError(f"{template!r} is made of several parts that would all change")
    number, text = min(fits, key=lambda fit: _preference(parts[fit[0]]))
    part = parts[number]
    if part.variable and not part.default:
        return Change(variable=part.variable, value=text)
    written = _default(part, text) if part.variable else text.replace("$", "$$")
    return Change(template=_joined(parts, number, written))


def _preference(part: Piece) -> int:
    """Between two parts something new belongs to the variable that is empty, else to the literal one."""
    return 0 if part.variable and not part.text else 2 if part.variable else 1


def without_variable(template: str, variables: Variables, variable: str, instead: str) -> str:
    """Put something else in the place of a variable, which goes on to have its value for others."""
    parts = pieces(template, variables)
    number = next(n for n, part in enumerate(parts) if part.variable == variable)
    return _joined(parts, number, instead)


def _joined(parts: t.Sequence[Piece], number: int, written: str) -> str:
    return "".join(written if n == number else part.written for n, part in enumerate(parts))


def _default(part: Piece, text: str) -> str:
    """Write another default: ``${NAME:-text}``."""
    operator = ":-" if ":-" in part.written else "-"
    if "}" in text:
        raise TooWideError(f"a default with a brace cannot be written in {part.written!r}")
    return f"${{{part.variable}{operator}{text}}}"


def _difference(old: str, new: str) -> tuple[int, int, str]:
    """Give where the old text differs (from, to) and what the new one has there."""
    one, other = ([match[0] for match in _ATOM.finditer(text)] for text in (old, new))
    head = _same(one, other)
    tail = _same(one[head:][::-1], other[head:][::-1])
    start, end = len("".join(one[:head])), len("".join(one[: len(one) - tail]))
    return start, end, "".join(other[head : len(other) - tail])


def _same(one: t.Sequence[str], other: t.Sequence[str]) -> int:
    """Count the equal items before the first that differs."""
    return next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
