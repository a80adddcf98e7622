# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of compose files that touch only the lines that must change. Nothing is ever dumped again.

Each function looks at one file and gives edits (``module_utils/_edits.py``), or refuses with the reason.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
import typing as t

import yaml

from ..module_utils._edits import Delete, Edit, Insert, Replace, apply_edits
from .compose import ComposeFile, Key, Mount, parse_mounts, parse_ports


class RefusedError(ValueError):
    """The edit cannot be made safely; ``variable`` names the ``.env`` variable to edit instead, if that is why."""

    def __init__(self, reason: str, variable: str | None = None):
        super().__init__(reason)
        self.variable = variable


def set_image(compose: ComposeFile, service: str, image: str) -> list[Edit]:
    """Give a service another image reference."""
    node = _own(compose, ("services", service, "image"))
    return _checked(compose, [_replace_scalar(compose, node, image)], {f"services.{service}.image"})


def set_host_port(compose: ComposeFile, service: str, container_port: int, host: str) -> list[Edit]:
    """Publish a container port elsewhere: only the left side of the entry changes.

    :param host: the new left side, ``3001`` or ``127.0.0.1:27017``
    """
    path, node = _port_entry(compose, service, container_port)
    if isinstance(node, yaml.MappingNode):
        ip, _colon, port = host.rpartition(":")
        edits: list[Edit] = [_replace_scalar(compose, _child(node, "published", service), port)]
        if ip:
            edits.append(
                Insert(
                    node.value[0][0].start_mark.line + 1, (" " * node.value[0][0].start_mark.column + f"host_ip: {ip}",)
                )
            )
        return _checked(compose, edits, {f"{path}.published", f"{path}.host_ip"})
    inside = str(node.value).rpartition(":")[2]
    return _checked(compose, [_replace_scalar(compose, node, f"{host}:{inside}")], {path})


def set_environment(compose: ComposeFile, service: str, name: str, value: str) -> list[Edit]:
    """Set a variable of a service, in the form (list or map) its ``environment`` has; added where it is not there.

    A value that comes in by a merge key is overridden in the service itself, so that others keep theirs.
    """
    body = _own(compose, ("services", service))
    node = _pair(body, "environment")
    changed = {f"services.{service}.environment.{name}", f"services.{service}.environment"}
    if node is None:
        edit = _add_key(body, "environment", (f"  {name}: {_quoted(value)}",))
        return _checked(compose, [edit], changed)
    _refuse_shared(compose, node, f"environment of {service}")
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if str(item.value).partition("=")[0].strip() == name:
                return _checked(compose, [_replace_scalar(compose, item, f"{name}={value}")], changed, list_env=True)
        return _checked(compose, [_append(compose, node, f"{name}={value}")], changed, list_env=True)
    own = _pair(node, name)
    if own is not None and not (isinstance(own, yaml.ScalarNode) and _is_empty(own)):
        return _checked(compose, [_replace_scalar(compose, own, value)], changed)
    if own is not None:
        key = next(k for k, v in node.value if v is own)
        line = compose.text.splitlines()[key.end_mark.line]
        colon = line.index(":", key.end_mark.column)
        return _checked(
            compose, [Replace(key.start_mark.line + 1, ":", f": {_quoted(value)}", len(line) - colon - 1)], changed
        )
    return _checked(compose, [_add_key_line(compose, node, f"{name}: {_quoted(value)}")], changed)


def add_item(compose: ComposeFile, service: str, key: str, item: str) -> list[Edit]:
    """Add an item to a service's list (``networks``, ``extra_hosts`` ...); the list is made where there is none."""
    body = _own(compose, ("services", service))
    node = _pair(body, key)
    changed = {f"services.{service}.{key}", f"services.{service}.{key}.{item}"}
    if node is None:
        return _checked(compose, [_add_key(body, key, (f"  - {_quoted(item)}",))], changed)
    _refuse_shared(compose, node, f"{key} of {service}")
    if isinstance(node, yaml.SequenceNode):
        return _checked(compose, [_append(compose, node, item)], changed)
    if isinstance(node, yaml.MappingNode) and key == "networks":
        return _checked(compose, [_add_key_line(compose, node, f"{item}: {{}}")], changed)
    raise RefusedError(f"{key} of service {service} in {compose.path} is neither a list nor a map")


def set_key(compose: ComposeFile, service: str, key: str, value: str) -> list[Edit]:
    """Set a plain setting of a service, e.g. ``shm_size``; added where it is not there."""
    body = _own(compose, ("services", service))
    node = _pair(body, key)
    edit = _add_key(body, f"{key}: {_quoted(value)}") if node is None else _replace_scalar(compose, node, value)
    return _checked(compose, [edit], {f"services.{service}.{key}"})


def set_volume(compose: ComposeFile, service: str, source: str, target: str) -> list[Edit]:
    """Mount a path of the host at a path of the container.

    An entry with that source gets the target, else one with that target the source; what else it says stays. Where
    there is neither, one is added.
    """
    body = _own(compose, ("services", service))
    node = _pair(body, "volumes")
    path = f"services.{service}.volumes"
    if node is None:
        if "volumes" in compose.data["services"][service]:
            raise RefusedError(f"the volumes of service {service} in {compose.path} come from a merge key")
        return _checked(compose, [_add_key(body, "volumes", (f"  - {_quoted(f'{source}:{target}')}",))], {path})
    _refuse_shared(compose, node, f"volumes of {service}")
    if not isinstance(node, yaml.SequenceNode):
        raise RefusedError(f"volumes of service {service} in {compose.path} is no list")
    entries = list(_volume_entries(node))
    same = [item for item in entries if item[2].source == source]
    for index, entry, mount in same or [item for item in entries if item[2].target.rstrip("/") == target]:
        if (mount.source, mount.target) == (source, target):
            return []
        return _checked(compose, _remounted(compose, entry, mount, source, target), {f"{path}.{index}"})
    added = {path, f"{path}.{len(node.value)}"}
    return _checked(compose, [_append(compose, node, f"{source}:{target}")], added)


def drop_volume(compose: ComposeFile, service: str, target: str) -> list[Edit]:
    """Take the entry that mounts something at a path of the container out, and ``volumes`` with its last one."""
    body = _own(compose, ("services", service))
    node = _pair(body, "volumes")
    entries = list(_volume_entries(node)) if isinstance(node, yaml.SequenceNode) else []
    entry = next((entry for _index, entry, mount in entries if mount.target.rstrip("/") == target), None)
    if node is None or entry is None:
        return []
    _refuse_shared(compose, node, f"volumes of {service}")
    if len(node.value) == 1:
        key = next(name for name, value in body.value if value is node)
        first, last = key.start_mark.line + 1, _last_line(node)
    elif t.cast("yaml.SequenceNode", node).flow_style:
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} holds several volumes")
    else:
        first, last = entry.start_mark.line + 1, _last_line(entry)
    lines = compose.text.splitlines()
    edits: list[Edit] = [_deleted(number, lines[number - 1]) for number in range(first, last + 1)]
    return _checked(compose, edits, {f"services.{service}.volumes"})


def _volume_entries(node: yaml.SequenceNode) -> t.Iterator[tuple[int, yaml.Node, Mount]]:
    """Give each entry of ``volumes`` with its place in the list and what it mounts where."""
    for index, entry in enumerate(node.value):
        data = entry.value
        if isinstance(entry, yaml.MappingNode):
            data = {str(name.value): value.value for name, value in entry.value}
        for mount in parse_mounts([data]):
            yield index, entry, mount


def _remounted(compose: ComposeFile, entry: yaml.Node, mount: Mount, source: str, target: str) -> list[Edit]:
    """Give an entry of ``volumes``, short or long form, another source or target."""
    if isinstance(entry, yaml.MappingNode):
        wanted = {"source": (mount.source, source), "target": (mount.target, target)}
        return [
            _replace_scalar(compose, _child(entry, name, "a volume"), new)
            for name, (old, new) in wanted.items()
            if old != new
        ]
    options = str(entry.value)[len(f"{mount.source}:{mount.target}") :] if mount.source else ""
    return [_replace_scalar(compose, entry, f"{source}:{target}{options}")]


def _deleted(number: int, line: str) -> Delete:
    """Take a line out; of one with a secret only what follows that is compared."""
    return Delete(number, re.split(r"<secret:[0-9a-f]+>", line)[-1])


def declare_network(compose: ComposeFile, name: str) -> list[Edit]:
    """Declare a network at the top level of the file."""
    networks = _pair(_root(compose), "networks")
    if networks is None:
        lines = compose.text.splitlines()
        return _checked(compose, [Insert(len(lines), ("networks:", f"  {name}: {{}}"))], {"networks"})
    return _checked(compose, [_add_key_line(compose, networks, f"{name}: {{}}")], {f"networks.{name}", "networks"})


OF_A_SERVICE = ("image", "ports", "environment", "networks", "extra_hosts", "settings", "volumes", "drop_volumes")


def steps(changes: t.Mapping[str, t.Any]) -> t.Iterator[t.Callable[[ComposeFile], list[Edit]]]:
    """Give the edits that options of the module ``compose_file`` ask for, each to be made on the text as it is then.

    :raises RefusedError: where a change of a service comes without the service
    """
    from . import compose_mongo  # it is written with what this file has

    service = changes.get("service")
    if not service and any(changes.get(key) for key in (*OF_A_SERVICE, *compose_mongo.OF_A_SERVICE)):
        raise RefusedError("which service is to change? 'service' is missing")
    name = str(service)
    for network in changes.get("declare_networks") or []:
        yield functools.partial(_declare_if_absent, network=network)
    if changes.get("image"):
        yield functools.partial(set_image, service=name, image=str(changes["image"]))
    for port in changes.get("ports") or []:
        yield functools.partial(
            set_host_port, service=name, container_port=int(port["container_port"]), host=str(port["host"])
        )
    for variable, value in (changes.get("environment") or {}).items():
        yield functools.partial(set_environment, service=name, name=variable, value=str(value))
    for key in ("networks", "extra_hosts"):
        for item in changes.get(key) or []:
            yield functools.partial(_add_if_absent, service=name, key=key, item=item)
    for key, value in (changes.get("settings") or {}).items():
        yield functools.partial(set_key, service=name, key=key, value=str(value))
    for volume in changes.get("volumes") or []:
        yield functools.partial(set_volume, service=name, source=str(volume["source"]), target=str(volume["target"]))
    for target in changes.get("drop_volumes") or []:
        yield functools.partial(drop_volume, service=name, target=str(target))
    yield from compose_mongo.steps(name, changes)


def edited(compose: ComposeFile, changes: t.Mapping[str, t.Any]) -> str:
    """Give the text of the file with every change made, one after the other.

    :raises RefusedError: where one cannot be made safely
    """
    text = compose.text
    for step in steps(changes):
        text = apply_edits(text, step(ComposeFile(compose.path, text)))
    return text


def between(before: str, after: str) -> list[Edit]:
    """Give the smallest edits of lines that make one text of the other."""
    old, new = before.splitlines(), after.splitlines()
    edits: list[Edit] = []
    for tag, start, end, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for number, (line, other) in enumerate(zip(old[start:end], new[first:last]), start + 1):
            edits.append(_changed_part(number, line, other))
        for number in range(start + last - first, end):
            edits.append(_deleted(number + 1, old[number]))
        if first + end - start < last:
            edits.append(Insert(end, tuple(new[first + end - start : last])))
    return edits


def _changed_part(number: int, old: str, new: str) -> Replace:
    head = _same(zip(old, new))
    tail = _same(zip(reversed(old[head:]), reversed(new[head:])))
    return Replace(number, old[head : len(old) - tail], new[head : len(new) - tail], tail)


def _same(pairs: t.Iterable[tuple[str, str]]) -> int:
    """Count the equal pairs before the first that differs."""
    return sum(1 for _pair in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _declare_if_absent(compose: ComposeFile, network: str) -> list[Edit]:
    return [] if network in (compose.data.get("networks") or {}) else declare_network(compose, network)


def _add_if_absent(compose: ComposeFile, service: str, key: str, item: str) -> list[Edit]:
    present = (compose.data.get("services") or {}).get(service, {}).get(key) or []
    return [] if item in present else add_item(compose, service, key, item)


# --- finding the place


def _root(compose: ComposeFile) -> yaml.MappingNode:
    if compose.error or not isinstance(compose.node, yaml.MappingNode):
        raise RefusedError(f"{compose.path} does not parse: {compose.error or 'it is no mapping'}")
    return compose.node


def _pair(node: yaml.Node, key: str) -> yaml.Node | None:
    """Give the value of a key written in the mapping itself, merge keys not followed."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if str(name.value) == key), None)


def _child(node: yaml.Node, key: str, where: str) -> yaml.Node:
    found = _pair(node, key)
    if found is None:
        raise RefusedError(f"{where} has no {key} of its own")
    return found


def _own(compose: ComposeFile, path: tuple[str, ...]) -> yaml.Node:
    node: yaml.Node = _root(compose)
    for depth, key in enumerate(path):
        node = _child(node, key, ".".join(path[:depth]) or compose.path)
        _refuse_shared(compose, node, ".".join(path[: depth + 1]))
    return node


def _refuse_shared(compose: ComposeFile, node: yaml.Node, what: str) -> None:
    """Refuse a value that an anchor shares with another place: changing it there would change the other too."""
    uses = 0
    stack, seen = [compose.node], set()
    while stack:
        parent = stack.pop()
        if parent is None or id(parent) in seen:
            continue
        seen.add(id(parent))
        children = _children(parent)
        uses += sum(1 for child in children if child is node)
        stack.extend(children)
    if uses > 1:
        raise RefusedError(
            f"{what} in {compose.path} comes from an anchor that other places use too (line {node.start_mark.line + 1})"
        )


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _port_entry(compose: ComposeFile, service: str, container_port: int) -> tuple[str, yaml.Node]:
    ports = _own(compose, ("services", service, "ports"))
    data = compose.data["services"][service]["ports"]
    for index, (node, entry) in enumerate(zip(_children(ports), data)):
        found = parse_ports([entry])
        if any(port.container_port == container_port for port in found):
            if len(found) > 1:
                raise RefusedError(f"port {container_port} of {service} is part of a range ({entry})")
            return f"services.{service}.ports.{index}", node
        _refuse_variable(compose, node)
    raise RefusedError(f"service {service} in {compose.path} publishes no container port {container_port}")


# --- making the edit


def _refuse_variable(compose: ComposeFile, node: yaml.Node) -> None:
    match = re.search(r"\$\{?([A-Za-z_]\w*)", str(node.value)) if isinstance(node, yaml.ScalarNode) else None
    if match:
        name = match.group(1)
        raise RefusedError(
            f"line {node.start_mark.line + 1} of {compose.path} takes its value from the variable {name}", name
        )


def _is_empty(node: yaml.ScalarNode) -> bool:
    return node.start_mark.index == node.end_mark.index


def _replace_scalar(compose: ComposeFile, node: yaml.Node, value: str) -> Replace:
    """Replace a scalar on one line, in the quotes it has; quotes are added where a plain value would need them."""
    if not isinstance(node, yaml.ScalarNode) or node.start_mark.line != node.end_mark.line:
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is no value on one line")
    _refuse_variable(compose, node)
    line = compose.text.lstrip("\ufeff").splitlines()[node.start_mark.line]
    old = line[node.start_mark.column : node.end_mark.column]
    if "<secret:" in old and "<secret:" not in value:
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} holds a secret that is not known here")
    return Replace(node.start_mark.line + 1, old, _quoted(value, node.style), len(line) - node.end_mark.column)


def _quoted(value: str, style: str | None = None) -> str:
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _plain_is_safe(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


def _plain_is_safe(value: str) -> bool:
    try:
        return bool(value) and yaml.safe_load(value) is not None and str(yaml.safe_load(f"[{value}]")[0]) == value
    except (yaml.YAMLError, TypeError, IndexError):
        return False


def _append(compose: ComposeFile, node: yaml.SequenceNode, item: str) -> Edit:
    if node.flow_style:
        lines = compose.text.lstrip("\ufeff").splitlines()
        line = lines[node.end_mark.line]
        separator = ", " if node.value else ""
        return Replace(node.end_mark.line + 1, "]", f"{separator}{_quoted(item)}]", len(line) - node.end_mark.column)
    last = node.value[-1]
    dash = _dash_column(compose, last)
    return Insert(_last_line(last), (" " * dash + f"- {_quoted(item)}",))


def _dash_column(compose: ComposeFile, item: yaml.Node) -> int:
    line = compose.text.lstrip("\ufeff").splitlines()[item.start_mark.line]
    return line.rindex("-", 0, item.start_mark.column)


def _add_key(body: yaml.Node, key: str, lines: tuple[str, ...] = ()) -> Insert:
    """Add a key to a service: after its first one-line setting, else on top."""
    if not isinstance(body, yaml.MappingNode) or body.flow_style or not body.value:
        raise RefusedError("the service is not written as a block of settings")
    first_key, first_value = body.value[0]
    column = first_key.start_mark.column
    one_line = isinstance(first_value, yaml.ScalarNode) and first_value.end_mark.line == first_key.start_mark.line
    after = first_key.start_mark.line + (1 if one_line else 0)
    head = key if ":" in key else f"{key}:"
    return Insert(after, tuple(" " * column + line for line in (head, *lines)))


def _add_key_line(compose: ComposeFile, node: yaml.Node, line: str) -> Edit:
    if isinstance(node, yaml.ScalarNode) or (isinstance(node, yaml.MappingNode) and not node.value):
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is an empty value")
    if not isinstance(node, yaml.MappingNode):
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is no map")
    if node.flow_style:
        text = compose.text.lstrip("\ufeff").splitlines()[node.end_mark.line]
        return Replace(node.end_mark.line + 1, "}", f", {line}}}", len(text) - node.end_mark.column)
    key, value = node.value[-1]
    is_alias = value.start_mark.index < key.start_mark.index
    after = key.start_mark.line + 1 if is_alias else max(_last_line(value), key.start_mark.line + 1)
    return Insert(after, (" " * key.start_mark.column + line,))


def _last_line(node: yaml.Node) -> int:
    """Give the number (from 1) of a node's last line; block marks of PyYAML lie behind the comments that follow."""
    children = [child for child in _children(node) if child.start_mark.index >= node.start_mark.index]  # no aliases
    if children and not getattr(node, "flow_style", False):
        return max(_last_line(child) for child in children)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return max(node.start_mark.line + 1, node.end_mark.line)
    return node.end_mark.line + 1


# --- the safety net


def _checked(compose: ComposeFile, edits: list[Edit], may_change: set[str], list_env: bool = False) -> list[Edit]:
    """Give the edits back after proving that the edited text differs from the old one in nothing else.

    :raises RefusedError: where it would
    """
    after = ComposeFile(compose.path, apply_edits(compose.text, edits))
    if after.error:
        raise RefusedError(f"{compose.path} would not parse any more: {after.error}")
    old, new = _leaves(compose.data), _leaves(after.data)
    differs = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    wrong = sorted(path for path in differs if not any(path == ok or path.startswith(ok + ".") for ok in may_change))
    if wrong:
        raise RefusedError(f"the edit of {compose.path} would also change {', '.join(wrong[:3])}")
    return edits


def _leaves(value: t.Any, path: str = "") -> dict[str, t.Any]:
    if isinstance(value, dict):
        parts: t.Iterable[tuple[Key, t.Any]] = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    else:
        return {path: value}
    result = {path + ".": type(value).__name__}
    for key, item in parts:
        result.update(_leaves(item, f"{path}.{key}" if path else str(key)))
    return result
