# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of FastGPT's config.json that leave comments, order and line ends as they are. Private to the collection.

A text goes in and a text comes out; nothing is ever dumped again.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import BOM, JsonError, Member, Node, read_object


class ConfigEditError(ValueError):
    """The edit cannot be made; the message says why."""


class Cut(t.NamedTuple):
    """Put ``new`` in the place of what stands from ``start`` up to ``end``."""

    start: int
    end: int
    new: str


def apply_cuts(text: str, cuts: t.Iterable[Cut]) -> str:
    """Apply cuts, whose places all mean the text as given; those at one place in the order given."""
    parts, at = [], 0
    for cut in sorted(cuts, key=lambda cut: cut.start):
        parts += [text[at : cut.start], cut.new]
        at = cut.end
    return "".join([*parts, text[at:]])


# --- slips


def mend(text: str, strict: bool = False) -> str:
    """Put slips right that can mean one thing only; a text that is fine comes back as it is.

    Full-width punctuation and typographic quotes outside strings, a comma that is missing between two lines or is one
    too many. Where the parser wants strict JSON also what only JSON5 has: comments, a comma before a closing bracket, a
    byte order mark, single quotes, bare keys.

    :raises JsonError: it still is not what the parser wants; place and words are those of the text as given
    """
    try:
        read_object(text, strict)
        return text
    except JsonError as error:
        for quotes in (_QUOTES, _QUOTES_MIXED):
            mended = apply_cuts(text, _mending(text, strict, quotes))
            try:
                read_object(mended, strict)
                return mended
            except JsonError:
                continue
        raise error


# A text between typographic quotes, or between one of these and a straight one.
_QUOTES = r'[“”](?:[^“”"\\\n\r]|\\.)*[“”"]'
_QUOTES_MIXED = r'"(?:[^“”"\\\n\r]|\\.)*[“”]|' + _QUOTES
_TOKENS = (
    r"(?P<comment>//[^\n\r]*|/\*.*?\*/)"
    r"|(?P<curly>{quotes})"
    r"|(?P<string>\"(?:[^\"\\\n\r]|\\.)*\"|'(?:[^'\\\n\r]|\\.)*')"
    r"|(?P<blank>[\s\ufeff]+)"
    r"|(?P<word>[^\s\ufeff\"'“”/,:{{}}\[\]，：｛｝［］]+)"
    r"|(?P<mark>.)"
)
_WIDE = {"，": ",", "：": ":", "｛": "{", "｝": "}", "［": "[", "］": "]"}
_CLOSING = ("}", "]")


def _mending(text: str, strict: bool, quotes: str) -> t.Iterator[Cut]:
    """Go through the words of a text and give what has to change.

    ``open_`` has a bracket a level; ``after`` is what the last word was: an opening bracket, a comma, a colon, a key or
    a value.
    """
    open_: list[str] = []
    after, last, comma = "", 0, -1
    for match in re.finditer(_TOKENS.format(quotes=quotes), text, re.DOTALL):
        kind, found, (start, end) = str(match.lastgroup), match.group(), match.span()
        if kind in ("blank", "comment"):
            if strict:
                yield from _json_blank(text, kind, start, end)
            continue
        word = _WIDE.get(found, found)
        if word != found:
            yield Cut(start, end, word)
        if kind == "mark" and word in _CLOSING:
            if strict and after == "comma":
                yield Cut(comma, comma + 1, "")
            open_ = open_[:-1]
            after = "value"
        elif kind == "mark" and word == ",":
            if after in ("open", "comma"):
                yield Cut(start, end, "")
                continue
            after, comma = "comma", start
        elif kind == "mark" and word == ":":
            after = "colon"
        else:
            if after == "value" and (text[last - 1] in "}]｝］" or "\n" in text[last:start]):
                yield Cut(last, last, ",")
                after = "comma"
            is_key = open_[-1:] == ["{"] and after in ("open", "comma")
            yield from _json_word(kind, found, start, end, strict, is_key)
            if word in ("{", "["):
                open_.append(word)
                after = "open"
            else:
                after = "key" if is_key else "value"
        last = end


def _json_blank(text: str, kind: str, start: int, end: int) -> t.Iterator[Cut]:
    """Take out what JSON has no place for: comments, with their line where it holds nothing else, and odd blanks."""
    if kind == "blank":
        plain = re.sub(r"[^ \t\r\n]", " ", text[start:end].lstrip(BOM) if start == 0 else text[start:end])
        if plain != text[start:end]:
            yield Cut(start, end, plain)
        return
    begin = start - len(re.search(r"[ \t]*\Z", text[:start]).group())  # type: ignore[union-attr]
    alone = begin == 0 or text[begin - 1] == "\n"
    line_end = re.compile(r"[ \t]*(\r?\n|\Z)").match(text, end)
    if alone and line_end:
        yield Cut(begin, line_end.end(), "")
    else:
        yield Cut(begin if line_end else start, end, "")


def _json_word(kind: str, found: str, start: int, end: int, strict: bool, is_key: bool) -> t.Iterator[Cut]:
    """Give a text straight quotes where it has others; JSON wants double ones, around keys too."""
    if kind == "curly" or (strict and kind == "string" and found[0] == "'" and not re.search(r'["\\]', found)):
        yield Cut(start, start + 1, '"')
        yield Cut(end - 1, end, '"')
    elif strict and is_key and kind == "word" and re.fullmatch(r"[A-Za-z_$][\w$]*", found):
        yield Cut(start, end, f'"{found}"')


# --- settings


def set_values(text: str, values: t.Mapping[str, t.Any], strict: bool = False) -> str:
    """Set values by their paths; a setting that is not there is added to its object.

    :param values: by path: ``systemEnv.vectorMaxProcess``, or ``llmModels[gpt-4o-mini].toolChoice`` for the item of a
        list whose ``model`` is gpt-4o-mini
    :raises ConfigEditError: an object on the path is not there
    :raises JsonError: the text is not what its parser wants
    """
    for path, value in values.items():
        text = _set_value(text, path, value, strict)
    return text


def _set_value(text: str, path: str, value: t.Any, strict: bool) -> str:
    steps = re.findall(r"([^.\[\]]+)|\[([^\]]*)\]", path)
    if not steps or steps[-1][1]:
        raise ConfigEditError(f"{path!r} is no path of a setting; wanted a.b or list[model].b")
    node = read_object(text, strict)
    for key, model in steps[:-1]:
        found = _item(node, model) if model else _member(node, key)
        if found is None:
            raise ConfigEditError(f"{path}: there is no {model or key}")
        node = found
    key = steps[-1][0]
    if not isinstance(node.value, dict):
        raise ConfigEditError(f"{path}: {key} can be set in an object only, this is {type(node.value).__name__}")
    own = _member(node, key)
    if own is None:
        return apply_cuts(text, add_members(text, node, {key: value}))
    same = own.value == value and isinstance(own.value, bool) == isinstance(value, bool)
    return text if same else apply_cuts(text, [Cut(own.start, own.end, _written(value))])


def _member(node: Node, key: str) -> Node | None:
    """Give the value of a key; the last one counts where a key stands twice."""
    parts = node.parts if isinstance(node.value, dict) else ()
    return next((part.node for part in reversed(parts) if part.key == key), None)


def _item(node: Node, model: str) -> Node | None:
    parts = node.parts if isinstance(node.value, list) else ()
    return next((part for part in parts if isinstance(part.value, dict) and part.value.get("model") == model), None)


def remove_members(text: str, node: Node, keys: t.Collection[str]) -> t.Iterator[Cut]:
    """Take members out, with their commas and, where they have lines of their own, with those."""
    kept = [member for member in node.parts if member.key not in keys]
    for member in node.parts:
        if member.key not in keys:
            continue
        begin = text.rfind("\n", 0, member.start) + 1
        alone = not text[begin : member.start].strip()
        rest = r"[ \t]*,?[ \t]*(?:(?://[^\n\r]*)?\r?\n)?" if alone else r"[ \t]*,?[ \t]*"
        match = re.compile(rest).match(text, member.node.end)
        yield Cut(begin if alone else member.start, match.end() if match else member.node.end, "")
    if kept and kept[-1] is not node.parts[-1]:
        comma = re.compile(r"[ \t]*,").match(text, kept[-1].node.end)
        yield from [Cut(*comma.span(), "")] if comma else []


def add_members(text: str, node: Node, values: t.Mapping[str, t.Any]) -> list[Cut]:
    """Add members at the end of an object, on lines of their own where the last one has its own."""
    entries = [f"{_written(key)}: {_written(value)}" for key, value in values.items()]
    if not node.parts:
        return [Cut(node.start + 1, node.start + 1, ", ".join(entries))]
    last: Member = node.parts[-1]
    end = last.node.end
    indent = text[text.rfind("\n", 0, last.start) + 1 : last.start]
    if indent.strip():
        return [Cut(end, end, "".join(f", {entry}" for entry in entries))]
    before = ("\r\n" if "\r\n" in text else "\n") + indent
    lines = f",{before}".join(entries)
    rest = re.compile(r"[ \t]*(,)?(?:[ \t]*(?://[^\n\r]*|/\*[^\n]*?\*/))*[ \t]*(?=\r?\n)").match(text, end)
    if rest is None:
        return [Cut(end, end, f",{before}{lines}")]
    comma = rest.group(1) or ""
    return [*([] if comma else [Cut(end, end, ",")]), Cut(rest.end(), rest.end(), before + lines + comma)]


def _written(value: t.Any) -> str:
    return json.dumps(value, ensure_ascii=False)
