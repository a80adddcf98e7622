# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON and JSON5 read with the place of every value, for files that are edited in place. Private to the collection.

Written here because the managed host has Python's standard library alone, and because no reader of JSON5 tells places.
Refusals are worded as FastGPT's own parser words them in its log.
"""

from __future__ import annotations

import json
import re
import typing as t

BOM = "\ufeff"

_BLANK = re.compile(
    "(?:[\t\n\v\f\r \u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
    r"|//[^\n\r\u2028\u2029]*|/\*.*?\*/)*",
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d][\w$\u200c\u200d]*|\$[\w$\u200c\u200d]*")
_NUMBER = re.compile(
    r"[+-]?(?:Infinity|NaN|0[xX][0-9a-fA-F]+|(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$])"
)
_INSIDE = {
    quote: re.compile(
        rf"(?:[^{quote}\\\n\r]|\\(?:\r\n|x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|0(?!\d)|[^xu0-9\r]|\r))*", re.DOTALL
    )
    for quote in "\"'"
}
_ESCAPE = re.compile(r"\\(\r\n|x..|u....|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_NAMED = {"true": True, "false": False, "null": None, "NaN": float("nan"), "Infinity": float("inf")}


class JsonError(ValueError):
    """A text is not what its parser wants; line and column count from 1."""

    def __init__(self, parser: str, message: str, line: int, column: int):
        super().__init__(f"{parser}: {message} at {line}:{column}")
        self.parser, self.message, self.line, self.column = parser, message, line, column


class Node(t.NamedTuple):
    """A value and where it stands: from ``start`` up to ``end``.

    :ivar parts: members of an object, items of a list, in the order of the text
    """

    start: int
    end: int
    value: t.Any
    parts: tuple[t.Any, ...] = ()


class Member(t.NamedTuple):
    """A member of an object; ``start`` and ``end`` are those of its key."""

    key: str
    start: int
    end: int
    node: Node


def read(text: str, strict: bool = False) -> Node:
    """Read a text as JSON5, or as JSON alone.

    :raises JsonError: the parser would refuse it
    """
    if strict:
        _refuse_what_json_lacks(text)
    return _Reader(text).document()


def read_object(text: str, strict: bool = False) -> Node:
    """Read a text that has to be an object.

    :raises JsonError: it is none, or the parser would refuse it
    """
    if re.match(r"\s*<(!doctype|html|\?xml)", text.lstrip(BOM), re.IGNORECASE):
        raise JsonError(_name(strict), "it is a web page (HTML) saved under this name", 1, 1)
    node = read(text, strict)
    if not isinstance(node.value, dict):
        raise JsonError(
            _name(strict), f"a {{...}} object is needed, this is a {type(node.value).__name__}", *place(text, 0)
        )
    return node


def place(text: str, index: int) -> tuple[int, int]:
    """Give line and column, from 1, of a place in a text."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _name(strict: bool) -> str:
    return "JSON" if strict else "JSON5"


def _refuse_what_json_lacks(text: str) -> None:
    if text.startswith(BOM):
        raise JsonError("JSON", "byte order mark (BOM) at the begin of the file", 1, 1)

    def refuse(word: str) -> t.NoReturn:
        raise JsonError("JSON", f"unexpected {word}", *place(text, text.find(word)))

    try:
        json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise JsonError("JSON", error.msg, error.lineno, error.colno) from error


class _Reader:
    """Goes through one text from its begin to its end."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0

    def document(self) -> Node:
        node = self.value()
        self.blank()
        if self.at < len(self.text):
            self.refuse(self.at)
        return node

    def blank(self) -> str:
        """Pass blanks and comments; give the character that follows, empty at the end."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def refuse(self, index: int) -> t.NoReturn:
        line, column = place(self.text, index)
        if index >= len(self.text):
            raise JsonError("JSON5", "invalid end of input", line, column)
        shown = json.dumps(self.text[index], ensure_ascii=False)[1:-1]
        raise JsonError("JSON5", f"invalid character '{shown}'", line, column)

    def value(self) -> Node:
        first, start = self.blank(), self.at
        if first == "{":
            return self.object()
        if first == "[":
            return self.array()
        value = self.string() if first in ('"', "'") else self.scalar()
        return Node(start, self.at, value)

    def object(self) -> Node:
        start, members = self.at, []
        self.at += 1
        while self.blank() != "}":
            members.append(self.member())
            if self.blank() == ",":
                self.at += 1
            elif self.text[self.at : self.at + 1] != "}":
                self.refuse(self.at)
        self.at += 1
        return Node(start, self.at, {member.key: member.node.value for member in members}, tuple(members))

    def member(self) -> Member:
        start = self.at
        word = _WORD.match(self.text, start)
        if word:
            self.at = word.end()
            key = word.group()
        elif self.text[start : start + 1] in ('"', "'"):
            key = self.string()
        else:
            self.refuse(start)
        end = self.at
        if self.blank() != ":":
            self.refuse(self.at)
        self.at += 1
        return Member(key, start, end, self.value())

    def array(self) -> Node:
        start, items = self.at, []
        self.at += 1
        while self.blank() != "]":
            items.append(self.value())
            if self.blank() == ",":
                self.at += 1
            elif self.text[self.at : self.at + 1] != "]":
                self.refuse(self.at)
        self.at += 1
        return Node(start, self.at, [item.value for item in items], tuple(items))

    def string(self) -> str:
        quote = self.text[self.at]
        inside = _INSIDE[quote].match(self.text, self.at + 1)
        end = inside.end() if inside else self.at + 1
        if self.text[end : end + 1] != quote:
            self.refuse(end)
        raw = self.text[self.at + 1 : end]
        self.at = end + 1
        plain = _ESCAPE.sub(_unescape, raw)
        # two halves of one character, written as two escapes, become one
        return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")

    def scalar(self) -> t.Any:
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return _number(number.group())
        word = _WORD.match(self.text, self.at)
        if not word or word.group() not in _NAMED:
            self.refuse(self.at)
        self.at = word.end()
        return _NAMED[word.group()]


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code in ("\n", "\r\n", "\r", "\u2028", "\u2029"):
        return ""  # the line goes on
    if code[0] in "xu" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)


def _number(word: str) -> float | int:
    sign, digits = (-1 if word[0] == "-" else 1), word.lstrip("+-")
    if digits in _NAMED:
        return sign * t.cast(float, _NAMED[digits])
    if digits[:2] in ("0x", "0X"):
        return sign * int(digits, 16)
    return sign * (int(digits) if digits.isdigit() else float(digits))
