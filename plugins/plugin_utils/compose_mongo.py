# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of compose files that MongoDB needs: options of mongod, the key its start script makes, names to reach it by.

Like those of ``compose_edit``, they touch only the lines that must change.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml

from ..module_utils._edits import Edit, Insert, Replace
from .compose import ComposeFile
from .compose_edit import (
    RefusedError,
    _add_key,
    _append,
    _checked,
    _children,
    _dash_column,
    _last_line,
    _own,
    _pair,
    _quoted,
    _refuse_shared,
    _replace_scalar,
)

MONGOD = "mongod"
KEY_BYTES = 756
"""Random bytes of a key, as MongoDB's manual has it: 1008 characters in base64, of at most 1024."""
_MOST_KEY_BYTES, _LEAST_KEY_BYTES = 768, 4
_UID = "999:999"
_RIGHT = {"mode": re.compile(r"0?[4-7]00"), "owner": re.compile(r"(999|mongodb)(:.*)?")}
"""Modes and owners of a key file that mongod accepts."""
_PLAIN = re.compile(r"[\w./-]+")

Place = t.Tuple[int, "re.Match[str]"]
"""A line (from 1), and what was looked for in it."""


OF_A_SERVICE = ("mongod_options", "made_keyfile", "aliases")


def steps(service: str, changes: t.Mapping[str, t.Any]) -> t.Iterator[t.Callable[[ComposeFile], list[Edit]]]:
    """Give the edits of this file that options of the module ``compose_file`` ask for."""
    for option, value in (changes.get("mongod_options") or {}).items():
        yield functools.partial(set_option, service=service, option=f"--{option}", value=str(value))
    if changes.get("made_keyfile"):
        yield functools.partial(make_key, service=service, path=str(changes["made_keyfile"]))
    for alias in changes.get("aliases") or []:
        yield functools.partial(add_alias, service=service, alias=str(alias))


# --- options of mongod


def set_option(compose: ComposeFile, service: str, option: str, value: str) -> list[Edit]:
    """Give mongod an option with a value: in the service's command, or in the script that starts it.

    :param option: such as ``--replSet``; where it is there already, its value changes
    """
    if not _PLAIN.fullmatch(value):
        raise RefusedError(f"{value!r} is no value that can be written on a command line as it is")
    body = _own(compose, ("services", service))
    written = {key: node for key in ("command", "entrypoint") if (node := _pair(body, key)) is not None}
    for key, node in written.items():
        _refuse_shared(compose, node, f"{key} of {service}")
    edits = _changed_value(compose, list(written.values()), option, value)
    if edits is None:
        edits = _added_option(compose, service, body, written, [option, value])
    return _checked(compose, edits, {f"services.{service}.command", f"services.{service}.entrypoint"})


def _changed_value(compose: ComposeFile, nodes: t.Sequence[yaml.Node], option: str, value: str) -> list[Edit] | None:
    """Give the edit of an option that is there; None where it is not."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(option)}(?:=|\s+)(?P<quote>['\"]?)(?P<value>[\w./-]+)(?P=quote)")
    for node in nodes:
        items = _items(node)
        for item, following in zip(items, items[1:]):
            if item.value == option:
                return [] if following.value == value else [_replace_scalar(compose, following, value)]
    places = [place for node in nodes for item in _items(node) for place in _places(compose, item, pattern)]
    if not places:
        return None
    line, match = _only(compose, places, option)
    return [] if match["value"] == value else [_in_place(line, match, "value", value)]


def _added_option(
    compose: ComposeFile, service: str, body: yaml.Node, written: t.Mapping[str, yaml.Node], words: list[str]
) -> list[Edit]:
    for node in written.values():
        item = next((i for i in _items(node) if str(i.value).rpartition("/")[2] == MONGOD), None)
        if isinstance(node, yaml.SequenceNode) and item is not None:
            return [_items_after(compose, node, item, words)]
    pattern = re.compile(rf"(?<![\w./-])(?P<word>(?:/\S*/)?{MONGOD})(?![\w./-])")
    items = [item for node in written.values() for item in _items(node)]
    places = [place for item in items for place in _places(compose, item, pattern)]
    if places:
        line, match = _only(compose, places, MONGOD)
        return [_in_place(line, match, "word", " ".join([match["word"], *words]))]
    command = written.get("command")
    if command is not None:
        return [_in_front(compose, command, words)]
    entrypoint = written.get("entrypoint")
    if entrypoint is not None and not any("$@" in str(item.value) for item in _items(entrypoint)):
        raise RefusedError(f"it cannot be seen where service {service} in {compose.path} starts {MONGOD}")
    return [_add_key(body, f"command: {' '.join([MONGOD, *words])}")]


def _items(node: yaml.Node) -> list[yaml.Node]:
    """Give the words of a command: the items of a list, or the one text."""
    return _children(node) if isinstance(node, yaml.SequenceNode) else [node]


def _items_after(compose: ComposeFile, node: yaml.SequenceNode, item: yaml.Node, words: list[str]) -> Edit:
    """Put items into a list behind one of it, quoted as that one is."""
    written = [_quoted(word, t.cast("yaml.ScalarNode", item).style) for word in words]
    if not node.flow_style:
        dash = " " * _dash_column(compose, item)
        return Insert(_last_line(item), tuple(f"{dash}- {word}" for word in written))
    line = _lines(compose)[item.end_mark.line]
    old = line[item.start_mark.column : item.end_mark.column]
    return Replace(item.end_mark.line + 1, old, ", ".join([old, *written]), len(line) - item.end_mark.column)


def _in_front(compose: ComposeFile, command: yaml.Node, words: list[str]) -> Edit:
    """Put options in front of a command that has nothing but options: the image's start script adds the program."""
    first = next(iter(_items(command)), None)
    if first is None or not str(first.value).lstrip().startswith("-") or first.start_mark.line != first.end_mark.line:
        raise RefusedError(f"line {command.start_mark.line + 1} of {compose.path} does not start {MONGOD}")
    if isinstance(command, yaml.SequenceNode) and not command.flow_style:
        dash = " " * _dash_column(compose, first)
        return Insert(first.start_mark.line, tuple(f"{dash}- {_quoted(word)}" for word in words))
    line = _lines(compose)[first.start_mark.line]
    old = line[first.start_mark.column : first.end_mark.column]
    style = t.cast("yaml.ScalarNode", first).style
    new = (
        ", ".join([*(_quoted(word, style) for word in words), old])
        if isinstance(command, yaml.SequenceNode)
        else _quoted(" ".join([*words, str(first.value)]), style)
    )
    return Replace(first.start_mark.line + 1, old, new, len(line) - first.end_mark.column)


# --- the key a start script makes


def make_key(compose: ComposeFile, service: str, path: str) -> list[Edit]:
    """Let the start script of a service make, at every start, a key that mongod accepts.

    Lines that are right stay; a wrong size, mode or owner changes in its line; what is missing comes in.

    :param path: the key file in the container
    """
    body = _own(compose, ("services", service))
    key, script = _script(compose, service, body, path)
    places = {name: _places(compose, script, pattern) for name, pattern in _key_lines(path).items()}
    edits: list[Edit] = []
    made = places["made"][-1] if places["made"] else None
    if made and made[1]["bytes"] and not _LEAST_KEY_BYTES <= int(made[1]["bytes"]) <= _MOST_KEY_BYTES:
        edits.append(_in_place(*made, "bytes", str(KEY_BYTES)))
    lacking = [] if made else [f"openssl rand -base64 {KEY_BYTES} > {path}"]
    for name, program, wanted in (("mode", "chmod", "400"), ("owner", "chown", _UID)):
        if not places[name]:
            lacking.append(f"{program} {wanted} {path}")
        elif not _RIGHT[name].fullmatch(places[name][-1][1]["value"]):
            edits.append(_in_place(*places[name][-1], "value", wanted))
    if lacking:
        after = made[0] if made else _before_start(compose, script, path)
        indent = _indent(compose, script)
        edits.append(Insert(after, tuple(indent + line for line in lacking)))
    return _checked(compose, edits, {f"services.{service}.{key}"})


def _key_lines(path: str) -> dict[str, re.Pattern[str]]:
    where = rf"[\"']?{re.escape(path)}[\"']?\s*$"
    return {
        "made": re.compile(rf"^(?:[^>#]*?\bopenssl\s+rand\s+-base64\s+(?P<bytes>\d+)\s*|[^>#]*)>\s*{where}"),
        "mode": re.compile(rf"\bchmod\s+(?P<value>[0-7]{{3,4}})\s+{where}"),
        "owner": re.compile(rf"\bchown\s+(?P<value>[\w:.-]+)\s+{where}"),
    }


def _script(compose: ComposeFile, service: str, body: yaml.Node, path: str) -> tuple[str, yaml.ScalarNode]:
    """Find the script that starts mongod, written as a block of lines."""
    for key in ("entrypoint", "command"):
        node = _pair(body, key)
        for item in _items(node) if node is not None else []:
            is_block = isinstance(item, yaml.ScalarNode) and item.style == "|"
            if is_block and re.search(rf"{re.escape(path)}|docker-entrypoint\.sh|\b{MONGOD}\b", str(item.value)):
                _refuse_shared(compose, t.cast("yaml.Node", node), f"{key} of {service}")
                return key, t.cast("yaml.ScalarNode", item)
    raise RefusedError(f"service {service} in {compose.path} has no start script, written as lines, that makes {path}")


def _before_start(compose: ComposeFile, script: yaml.Node, path: str) -> int:
    """Give the line after which a key has to be made: before the first that uses it, or starts the server."""
    users = _places(compose, script, re.compile(rf"{re.escape(path)}|docker-entrypoint\.sh|\b{MONGOD}\b"))
    return users[0][0] - 1 if users else script.start_mark.line + 1


def _indent(compose: ComposeFile, script: yaml.Node) -> str:
    lines = _lines(compose)[script.start_mark.line + 1 : _last_line(script)]
    return min((line[: len(line) - len(line.lstrip())] for line in lines if line.strip()), key=len, default="")


# --- names on networks


def add_alias(compose: ComposeFile, service: str, alias: str) -> list[Edit]:
    """Let a service be reached under one more name, on every network it is in."""
    body = _own(compose, ("services", service))
    if _pair(body, "network_mode") is not None:
        raise RefusedError(f"service {service} in {compose.path} has a network_mode, and so no names on networks")
    node = _pair(body, "networks")
    if node is None:
        if "networks" in compose.data["services"][service]:
            raise RefusedError(f"networks of service {service} in {compose.path} come from a merge key")
        edits: list[Edit] = [_add_key(body, "networks", ("  default:", "    aliases:", f"      - {alias}"))]
    else:
        _refuse_shared(compose, node, f"networks of {service}")
        if isinstance(node, yaml.MappingNode):
            edits = [edit for name, value in node.value for edit in _alias_in_map(compose, name, value, alias)]
        elif isinstance(node, yaml.SequenceNode) and node.flow_style:
            edits = [_flow_map(compose, node, alias)]
        else:
            column = next(name.start_mark.column for name, value in body.value if value is node)
            edits = [edit for item in _items(node) for edit in _list_to_map(compose, item, column, alias)]
    return _checked(compose, edits, {f"services.{service}.networks"})


def _list_to_map(compose: ComposeFile, item: yaml.Node, column: int, alias: str) -> list[Edit]:
    """Turn ``- fastgpt`` into ``fastgpt:`` with the alias below; ``column`` is that of the key ``networks``."""
    if not isinstance(item, yaml.ScalarNode) or not _PLAIN.fullmatch(str(item.value)):
        raise RefusedError(f"line {item.start_mark.line + 1} of {compose.path} is no plain name of a network")
    line, dash = _lines(compose)[item.start_mark.line], _dash_column(compose, item)
    at = dash if dash > column else item.start_mark.column
    old = line[dash : item.end_mark.column]
    new = " " * (at - dash) + f"{item.value}:"
    below = (" " * (at + 2) + "aliases:", " " * (at + 4) + f"- {alias}")
    number = item.start_mark.line + 1
    return [Replace(number, old, new, len(line) - item.end_mark.column), Insert(number, below)]


def _alias_in_map(compose: ComposeFile, name: yaml.Node, value: yaml.Node, alias: str) -> list[Edit]:
    aliases = _pair(value, "aliases")
    if isinstance(aliases, yaml.SequenceNode) and aliases.value:
        return [] if alias in [str(item.value) for item in aliases.value] else [_append(compose, aliases, alias)]
    column, number = name.start_mark.column + 2, name.start_mark.line + 1
    if isinstance(value, yaml.MappingNode) and value.flow_style:
        line = _lines(compose)[value.end_mark.line]
        more = f"{', ' if value.value else ''}aliases: [{alias}]}}"
        return [Replace(value.end_mark.line + 1, "}", more, len(line) - value.end_mark.column)]
    if isinstance(value, yaml.MappingNode) and value.value:
        column = value.value[0][0].start_mark.column
    elif not (isinstance(value, yaml.ScalarNode) and value.start_mark.index == value.end_mark.index):
        raise RefusedError(f"line {number} of {compose.path} says something else of a network than its settings")
    return [Insert(number, (" " * column + "aliases:", " " * column + f"  - {alias}"))]


def _flow_map(compose: ComposeFile, node: yaml.SequenceNode, alias: str) -> Edit:
    if node.start_mark.line != node.end_mark.line:
        raise RefusedError(f"the list in line {node.start_mark.line + 1} of {compose.path} goes over several lines")
    line = _lines(compose)[node.start_mark.line]
    old = line[node.start_mark.column : node.end_mark.column]
    new = "{" + ", ".join(f"{item.value}: {{aliases: [{alias}]}}" for item in node.value) + "}"
    return Replace(node.start_mark.line + 1, old, new, len(line) - node.end_mark.column)


# --- places in a text


def _lines(compose: ComposeFile) -> list[str]:
    return compose.text.lstrip("\ufeff").splitlines()


def _places(compose: ComposeFile, node: yaml.Node, pattern: re.Pattern[str]) -> list[Place]:
    """Find a pattern in the lines of a text as it is written, comments of a script left out."""
    if not isinstance(node, yaml.ScalarNode):
        return []
    lines, is_block = _lines(compose), node.style in ("|", ">")
    first = node.start_mark.line + (1 if is_block else 0)
    places = []
    for number in range(first, _last_line(node)):
        start = node.start_mark.column if number == first and not is_block else 0
        end = node.end_mark.column if number == node.end_mark.line and not is_block else len(lines[number])
        if not (is_block and lines[number].lstrip().startswith("#")):
            places += [(number + 1, match) for match in pattern.finditer(lines[number], start, end)]
    return places


def _only(compose: ComposeFile, places: t.Sequence[Place], what: str) -> Place:
    if len(places) > 1:
        numbers = ", ".join(str(number) for number, _match in places)
        raise RefusedError(f"{what} stands several times in {compose.path}: lines {numbers}")
    return places[0]


def _in_place(number: int, match: re.Match[str], group: str, new: str) -> Replace:
    return Replace(number, match[group], new, len(match.string) - match.end(group))
