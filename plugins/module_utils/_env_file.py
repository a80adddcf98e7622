# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of ``.env`` files that touch only the line of the variable. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._edits import Edit, EditError, Insert, Rewrite
from ansible_collections.fastgpt.ops.plugins.module_utils._references import REFERENCE

_LINE = re.compile(r"(?P<head>\ufeff?[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*)(?P<value>.*)")


_QUOTED = {"'": re.compile(r"'([^']*)'"), '"': re.compile(r'"((?:\\.|[^\\"])*)"')}


class Entry(t.NamedTuple):
    """One line that sets a variable: ``head`` and ``tail`` are what stands around its value, quotes among them.

    :ivar quote: the quotes the value stands in; empty where there are none
    :ivar is_open: it begins with a quote that the line does not close
    """

    line: int
    name: str
    head: str
    value: str
    tail: str
    quote: str = ""
    is_open: bool = False


def entries(text: str) -> list[Entry]:
    """Read the lines that set a variable, in order; of several for one name the last one counts."""
    matches = ((number, _LINE.fullmatch(line)) for number, line in enumerate(text.splitlines(), 1))
    return [_entry(number, match) for number, match in matches if match]


def _entry(number: int, match: re.Match[str]) -> Entry:
    name, head, value = match["name"], match["head"], match["value"]
    quote = value[:1] if value[:1] in ("'", '"') else ""
    closed = _QUOTED[quote].match(value) if quote else None
    if closed:
        return Entry(number, name, head + quote, closed[1], value[closed.end(1) :], quote)
    bare = re.split(r"\s#", value, maxsplit=1)[0].rstrip()
    return Entry(number, name, head, bare, value[len(bare) :], is_open=bool(quote))


def read(text: str) -> dict[str, str]:
    """Give the variables of a file: quotes taken off, comments and ``export`` left out."""
    return {entry.name: entry.value for entry in entries(text)}


def all_edits(text: str, variables: t.Mapping[str, t.Any], copies: t.Mapping[str, t.Any]) -> list[Edit]:
    """Give the edits that set variables, and make variables copies of others.

    :raises EditError: where one cannot be made
    """
    edits = [edit for name, value in variables.items() for edit in set_variable(text, name, str(value))]
    return edits + [edit for name, like in copies.items() for edit in copy_variable(text, name, str(like))]


def set_variable(text: str, name: str, value: str) -> list[Edit]:
    """Give a variable a value, in the quotes it has; a new one comes to stand at the end.

    :param value: as the file is to have it; new random characters are given only to a variable that has no value
    :raises EditError: where it cannot be written on one line
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise EditError(f"{name!r} is no name of a variable")
    if "\n" in value or "\r" in value:
        raise EditError(f"the value for {name} has more than one line")
    present = [entry for entry in entries(text) if entry.name == name]
    if not present:
        return [Insert(len(text.splitlines()), (f"{name}={_plain_or_quoted(value)}",))]
    entry = present[-1]
    if entry.value == value or (entry.value and value.startswith("<random:")):
        return []
    if entry.is_open:
        raise EditError(f"the value of {name} (line {entry.line}) goes over several lines; edit it by hand")
    old = entry.head + entry.value + entry.tail
    return [Rewrite(entry.line, old, entry.head + _written(value, entry.quote) + entry.tail)]


def copy_variable(text: str, name: str, like: str) -> list[Edit]:
    """Set a variable to what another one has, written the same way on the line below it.

    :raises EditError: where the other one is not there, or goes over several lines
    """
    found = {entry.name: entry for entry in entries(text)}
    if name in found:
        return []
    if like not in found or found[like].is_open:
        raise EditError(f"there is no variable {like} on one line")
    entry = found[like]
    head = re.sub(rf"{re.escape(like)}(?=[ \t]*=)", name, entry.head.lstrip("\ufeff"), count=1)
    return [Insert(entry.line, (head + entry.value + entry.tail,))]


def _written(value: str, quote: str) -> str:
    if not quote:
        return _plain_or_quoted(value)
    if quote == "'" and "'" in value:
        raise EditError("a value with ' does not go into quotes of the same kind")
    return re.sub(r'(["\\])', r"\\\1", value) if quote == '"' else value


def _plain_or_quoted(value: str) -> str:
    """Write a value without quotes where every reader takes it as it is, else in single ones (nothing is filled in)."""
    if REFERENCE.sub("", value) == "" or re.fullmatch(r"[^\s\"'\\#`$]*", value):
        return value
    if "'" in value:
        raise EditError("a value with blanks or special characters must not hold a '")
    return f"'{value}'"
