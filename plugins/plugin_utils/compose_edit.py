# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of compose files that touch only the lines that must change. Nothing is ever dumped again.

Each function looks at one file and gives edits (``module_utils/_edits.py``), or refuses with the reason.
"""

from __future__ import annotations

import difflib
import functools
import re
import typing as t

import yaml

from ..module_utils._edits import Delete, Edit, Insert, Replace, Rewrite, apply_edits
from ..module_utils._references import REFERENCE
from .compose import ComposeFile, Key, Mount, Port, as_mapping, filled, left_side, parse_mounts, parse_ports


class RefusedError(ValueError):
    """The edit cannot be made safely; ``variable`` names the ``.env`` variable to edit instead, if that is why."""

    def __init__(self, reason: str, variable: str | None = None):
        super().__init__(reason)
        self.variable = variable


def set_image(compose: ComposeFile, service: str, image: str) -> list[Edit]:
    """Give a service another image reference."""
    node = _own(compose, ("services", service, "image"))
    return _checked(compose, [_replace_scalar(compose, node, image)], {f"services.{service}.image"})


_SHORT_PORT = re.compile(
    r"(?:(?P<ip>.*?):)??(?:(?P<host>(?:\$\{[^}]*\}|[^:\[\]])*):)?(?P<inside>(?:\$\{[^}]*\}|[^:/])*)(?P<protocol>/.*)?"
)


def set_host_port(
    compose: ComposeFile,
    service: str,
    container_port: int,
    host: str,
    target: int | None = None,
    published: str | None = None,
) -> list[Edit]:
    """Publish a container port elsewhere: only the left side of the entry changes.

    :param host: the new left side, ``3001`` or ``127.0.0.1:27017``; an address stays where it names none
    :param target: the container port the entry is to lead to, where that is the wrong one too
    :param published: the left side of the entry meant, where several publish the container port
    """
    path, node = _port_entry(compose, service, container_port, host, published)
    if isinstance(node, yaml.MappingNode):
        return _set_long_port(compose, path, node, host, target)
    now = _short_port(str(node.value))
    keeps_address = now["ip"] and not _short_port(f"{host}:{container_port}")["ip"]
    left = f"{now['ip']}:{host}" if keeps_address else host
    value = f"{left}:{target or now['inside']}{now['protocol'] or ''}"
    return _checked(compose, [_replace_scalar(compose, node, value)], {path})


def _short_port(entry: str) -> re.Match[str]:
    """Take a port on one line apart; its parts may be variables, such as ``${PORT:-3000}``."""
    return t.cast("re.Match[str]", _SHORT_PORT.fullmatch(entry))


def _set_long_port(
    compose: ComposeFile, path: str, node: yaml.MappingNode, host: str, target: int | None
) -> list[Edit]:
    ip, _colon, port = host.rpartition(":")
    edits: list[Edit] = [_replace_scalar(compose, _child(node, "published", path), port)]
    if target:
        edits.append(_replace_scalar(compose, _child(node, "target", path), str(target)))
    if ip and _pair(node, "host_ip"):
        edits.append(_replace_scalar(compose, _child(node, "host_ip", path), ip))
    elif ip:
        first = node.value[0][0].start_mark
        edits.append(Insert(first.line + 1, (" " * first.column + f"host_ip: {ip}",)))
    return _checked(compose, edits, {f"{path}.published", f"{path}.target", f"{path}.host_ip"})


def set_environment(
    compose: ComposeFile, service: str, name: str, value: str, at_source: bool = False, replace_variables: bool = False
) -> list[Edit]:
    """Set a variable of a service, in the form (list or map) its ``environment`` has; added where it is not there.

    :param value: as the file is to have it; new random characters are given only to a variable that has no value
    :param at_source: change a value that an anchor or merge key shares where it is written, for all who use it; without
        it the service itself overrides the value, so that others keep theirs
    :param replace_variables: write the value even where that takes a variable of an env file out of the line
    """
    before = as_mapping((compose.data.get("services") or {}).get(service, {}).get("environment"))
    if before.get(name) == value or (before.get(name) and value.startswith("<random:")):
        return []
    edit, place = _environment_edit(compose, service, name, value, at_source)
    if place is not None and not replace_variables:
        _refuse_variable(compose, place, value)
    after = _checked_environment(compose, [edit], service, at_source)
    if as_mapping(after).get(name) != value:
        raise RefusedError(f"{name} of {service} would not get its value in {compose.path}")
    return [edit]


def _environment_edit(
    compose: ComposeFile, service: str, name: str, value: str, at_source: bool
) -> tuple[Edit, yaml.Node | None]:
    """Give the edit, and the value it takes the place of."""
    body = _own(compose, ("services", service))
    node, shared = _inherited(body, "environment")
    if node is None:
        return _add_key(body, "environment", (f"  {name}: {_quoted(value, block=True)}",)), None
    if _is_empty(node):
        mark = next(key.start_mark for key, found in _pairs(body) if found is node)
        return Insert(mark.line + 1, (" " * (mark.column + 2) + f"{name}: {_quoted(value, block=True)}",)), None
    if not at_source:
        _refuse_inherited(compose, f"environment of {service}", node, shared)
    if isinstance(node, yaml.SequenceNode):
        item = next((i for i in node.value if str(i.value).partition("=")[0].strip() == name), None)
        if item is None:
            return _append(compose, node, f"{name}={value}"), None
        return _replace_scalar(compose, item, f"{name}={value}", True), item
    key, own = _entry(node, name)
    if at_source and own is None:
        key, own = _merged_entry(node, name)
    if key is None or own is None:
        block = isinstance(node, yaml.MappingNode) and not node.flow_style
        return _add_key_line(compose, node, f"{name}: {_quoted(value, block=block)}"), None
    is_alias = own.start_mark.index < key.start_mark.index
    if is_alias and not at_source:
        return _replace_alias(compose, key, value), own
    if _is_empty(own) and not is_alias:
        return _fill_empty(compose, key, value), None
    return _replace_scalar(compose, own, value, True), own


def _fill_empty(compose: ComposeFile, key: yaml.Node, value: str) -> Edit:
    line = _line_of(compose, key)
    colon = line.index(":", key.end_mark.column)
    return Replace(key.start_mark.line + 1, ":", f": {_quoted(value, block=True)}", len(line) - colon - 1)


def _replace_alias(compose: ComposeFile, key: yaml.Node, value: str) -> Edit:
    """Write a value where a key has an alias; the anchor and its other users stay."""
    line = _line_of(compose, key)
    alias = re.compile(r":\s*(\*[^\s,}]+)").match(line, key.end_mark.column)
    if not alias:
        raise RefusedError(f"line {key.start_mark.line + 1} of {compose.path} has no alias on it")
    return Replace(key.start_mark.line + 1, alias[1], _quoted(value), len(line) - alias.end(1))


def copy_environment(compose: ComposeFile, service: str, name: str, like: str) -> list[Edit]:
    """Give a service a variable with the same value, written the same way, as another one; both stay.

    Where an anchor or merge key shares the other one, the new one comes to stand beside it, for all who use it.
    """
    written = as_mapping((compose.data.get("services") or {}).get(service, {}).get("environment"))
    if name in written and written[name] is not None:
        return []
    body = _own(compose, ("services", service))
    node, _shared = _inherited(body, "environment")
    place = _place(node, like)
    line = _line_of(compose, place) if place else ""
    pattern = re.compile(rf"(?P<head>\s*(?:-\s+)?[\"']?){re.escape(like)}(?P<tail>[\"']?\s*[=:].*)")
    match = pattern.fullmatch(line)
    if not place or not match or place.start_mark.line != place.end_mark.line:
        raise RefusedError(f"{like} of {service} in {compose.path} does not stand on a line of its own")
    edit = Insert(place.start_mark.line + 1, (match["head"] + name + match["tail"],))
    after = _checked_environment(compose, [edit], service, at_source=True)
    if as_mapping(after).get(name) != written.get(like):
        raise RefusedError(f"{name} of {service} would not get the value of {like} in {compose.path}")
    return [edit]


def drop_environment(compose: ComposeFile, service: str, name: str) -> list[Edit]:
    """Take a variable out of the service's own ``environment``; one that an anchor or merge key shares stays."""
    body = _own(compose, ("services", service))
    node = _pair(body, "environment")
    key = next((key for key, value in _pairs(body) if value is node), None)
    if node is None or key is None or node.start_mark.index < key.start_mark.index:  # an alias stands elsewhere
        return []
    place = _place(node, name) if isinstance(node, yaml.SequenceNode) else _entry(node, name)[0]
    if place is None:
        return []
    if getattr(node, "flow_style", False):
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} holds several variables")
    value = place if isinstance(node, yaml.SequenceNode) else t.cast("yaml.Node", _entry(node, name)[1])
    is_alias = value.start_mark.index < place.start_mark.index
    last = place.end_mark.line + 1 if is_alias else max(_last_line(value), place.start_mark.line + 1)
    lines = compose.text.splitlines()
    edits: list[Edit] = [_deleted(number, lines[number - 1]) for number in range(place.start_mark.line + 1, last + 1)]
    return _checked(compose, edits, {f"services.{service}.environment"})


def add_service(compose: ComposeFile, name: str, text: str) -> list[Edit]:
    """Add a service at the end of ``services``, unless one of that name is there.

    :param text: its block, not indented
    """
    services = _own(compose, ("services",))
    if name in compose.data["services"]:
        return []
    if not isinstance(services, yaml.MappingNode) or services.flow_style:
        raise RefusedError(f"services in {compose.path} are not written as a block")
    column = services.value[0][0].start_mark.column
    lines = (f"{name}:", *(f"  {line}" for line in text.splitlines()))
    edit = Insert(_last_line(services), tuple(" " * column + line for line in lines))
    return _checked(compose, [edit], {f"services.{name}"})


def _place(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Give the list item or the key of a variable, merged ones too."""
    if isinstance(node, yaml.SequenceNode):
        return next((item for item in node.value if str(item.value).partition("=")[0].strip() == name), None)
    return (_entry(node, name)[0] or _merged_entry(node, name)[0]) if node else None


def add_item(compose: ComposeFile, service: str, key: str, item: str) -> list[Edit]:
    """Add an item to a service's list (``networks``, ``extra_hosts`` ...); the list is made where there is none."""
    body = _own(compose, ("services", service))
    node, shared = _inherited(body, key)
    name, _colon, rest = item.partition(":")
    changed = {f"services.{service}.{key}", f"services.{service}.{key}.{name}"}
    if node is None:
        # without a list a service is in the default network; a list has to name it
        items = ("default", item) if key == "networks" else (item,)
        return _checked(compose, [_add_key(body, key, tuple(f"  - {_quoted(i)}" for i in items))], changed)
    _refuse_inherited(compose, f"{key} of {service}", node, shared)
    if isinstance(node, yaml.SequenceNode):
        return _checked(compose, [_append(compose, node, item)], changed)
    if isinstance(node, yaml.MappingNode):
        return _checked(compose, [_add_key_line(compose, node, f"{name}: {_quoted(rest) if rest else '{}'}")], changed)
    raise RefusedError(f"{key} of service {service} in {compose.path} is neither a list nor a map")


def replace_network(compose: ComposeFile, service: str, old: str, new: str) -> list[Edit]:
    """Name another network where a service names one, in its list or map of networks."""
    node = _own(compose, ("services", service, "networks"))
    names = node.value if isinstance(node, yaml.SequenceNode) else [name for name, _value in _pairs(node)]
    place = next((item for item in names if str(item.value) == old), None)
    if place is None:
        raise RefusedError(f"service {service} in {compose.path} does not name network {old}")
    return _checked(compose, [_replace_scalar(compose, place, new)], {f"services.{service}.networks"})


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


def declare_network(compose: ComposeFile, name: str, external: bool = False) -> list[Edit]:
    """Declare a network at the top level of the file.

    :param external: it is there already, under that name, and not Compose's to make
    """
    return _declare(compose, "networks", name, "{external: true}" if external else "{}")


def declare_volume(compose: ComposeFile, name: str) -> list[Edit]:
    """Declare a volume at the top level of the file."""
    return _declare(compose, "volumes", name, "{}")


def _declare(compose: ComposeFile, section: str, name: str, body: str) -> list[Edit]:
    node = _pair(_root(compose), section)
    if node is None or _is_empty(node):
        head = () if node is not None else (f"{section}:",)
        after = node.start_mark.line + 1 if node is not None else len(compose.text.splitlines())
        return _checked(compose, [Insert(after, (*head, f"  {name}: {body}"))], {section})
    return _checked(compose, [_add_key_line(compose, node, f"{name}: {body}")], {f"{section}.{name}", section})


OF_A_SERVICE = (
    "image",
    "ports",
    "environment",
    "copy_environment",
    "rename_environment",
    "drop_environment",
    "networks",
    "replace_networks",
    "extra_hosts",
    "settings",
    "volumes",
    "drop_volumes",
)


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
        yield functools.partial(_declare_if_absent, network=network, external=False)
    for network in changes.get("external_networks") or []:
        yield functools.partial(_declare_if_absent, network=network, external=True)
    for volume in changes.get("declare_volumes") or []:
        yield functools.partial(_declare_volume_if_absent, volume=volume)
    for added, text in (changes.get("add_services") or {}).items():
        yield functools.partial(add_service, name=added, text=str(text))
    if changes.get("image"):
        yield functools.partial(set_image, service=name, image=str(changes["image"]))
    for port in changes.get("ports") or []:
        yield functools.partial(
            set_host_port,
            service=name,
            container_port=int(port["container_port"]),
            host=str(port["host"]),
            target=int(port["target"]) if port.get("target") else None,
            published=port.get("published"),
        )
    for variable, value in (changes.get("environment") or {}).items():
        yield functools.partial(
            set_environment,
            service=name,
            name=variable,
            value=str(value),
            at_source=bool(changes.get("at_source")),
            replace_variables=bool(changes.get("replace_variables")),
        )
    for variable, like in (changes.get("copy_environment") or {}).items():
        yield functools.partial(copy_environment, service=name, name=variable, like=str(like))
    for variable, old in (changes.get("rename_environment") or {}).items():
        yield functools.partial(_drop_if_empty, service=name, name=variable)
        yield functools.partial(copy_environment, service=name, name=variable, like=str(old))
        yield functools.partial(drop_environment, service=name, name=str(old))
    for variable in changes.get("drop_environment") or []:
        yield functools.partial(drop_environment, service=name, name=variable)
    for old, new in (changes.get("replace_networks") or {}).items():
        yield functools.partial(_replace_if_named, service=name, old=old, new=str(new))
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
            edits.append(Rewrite(number, line, other))
        for number in range(start + last - first, end):
            edits.append(_deleted(number + 1, old[number]))
        if first + end - start < last:
            edits.append(Insert(end, tuple(new[first + end - start : last])))
    return edits


def _declare_if_absent(compose: ComposeFile, network: str, external: bool) -> list[Edit]:
    return [] if network in (compose.data.get("networks") or {}) else declare_network(compose, network, external)


def _declare_volume_if_absent(compose: ComposeFile, volume: str) -> list[Edit]:
    return [] if volume in (compose.data.get("volumes") or {}) else declare_volume(compose, volume)


def _drop_if_empty(compose: ComposeFile, service: str, name: str) -> list[Edit]:
    written = as_mapping((compose.data.get("services") or {}).get(service, {}).get("environment"))
    return drop_environment(compose, service, name) if name in written and not written[name] else []


def _present(compose: ComposeFile, service: str, key: str) -> t.Collection[str]:
    found = (compose.data.get("services") or {}).get(service, {}).get(key) or []
    return found if isinstance(found, (list, dict)) else []


def _add_if_absent(compose: ComposeFile, service: str, key: str, item: str) -> list[Edit]:
    present = _present(compose, service, key)
    name = item.partition(":")[0] if isinstance(present, dict) else item
    return [] if name in present else add_item(compose, service, key, item)


def _replace_if_named(compose: ComposeFile, service: str, old: str, new: str) -> list[Edit]:
    return replace_network(compose, service, old, new) if old in _present(compose, service, "networks") else []


# --- finding the place


def _root(compose: ComposeFile) -> yaml.MappingNode:
    if compose.error or not isinstance(compose.node, yaml.MappingNode):
        raise RefusedError(f"{compose.path} does not parse: {compose.error or 'it is no mapping'}")
    return compose.node


Found = tuple[t.Optional[yaml.Node], t.Optional[yaml.Node]]
"""A key and its value, or neither."""


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _pair(node: yaml.Node, key: str) -> yaml.Node | None:
    """Give the value of a key written in the mapping itself, merge keys not followed."""
    return _entry(node, key)[1]


def _entry(node: yaml.Node | None, key: str) -> Found:
    """Give a key written in the mapping itself, and its value."""
    return next(((name, value) for name, value in reversed(_pairs(node)) if str(name.value) == key), (None, None))


def _merged_entry(node: yaml.Node | None, key: str) -> Found:
    """Give a key that merge keys bring in, and its value: of several the first one's, as YAML has it."""
    for name, value in _pairs(node):
        for other in (value.value if isinstance(value, yaml.SequenceNode) else [value]) if name.value == "<<" else ():
            found = _entry(other, key) if _entry(other, key)[0] is not None else _merged_entry(other, key)
            if found[0] is not None:
                return found
    return None, None


def _inherited(body: yaml.Node, key: str) -> tuple[yaml.Node | None, bool]:
    """Give a setting of a service, and whether a merge key brings it in."""
    own = _pair(body, key)
    merged = None if own is not None else _merged_entry(body, key)[1]
    return (own, False) if own is not None else (merged, merged is not None)


def _line_of(compose: ComposeFile, node: yaml.Node) -> str:
    return compose.text.lstrip("\ufeff").splitlines()[node.start_mark.line]


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


def _refuse_inherited(compose: ComposeFile, what: str, node: yaml.Node, inherited: bool) -> None:
    if inherited:
        raise RefusedError(
            f"{what} in {compose.path} comes in by a merge key (line {node.start_mark.line + 1}), for others too"
        )
    _refuse_shared(compose, node, what)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _port_entry(
    compose: ComposeFile, service: str, container_port: int, host: str, published: str | None
) -> tuple[str, yaml.Node]:
    """Find the entry that publishes a container port: the one with the left side ``published``, or already ``host``."""
    ports = _own(compose, ("services", service, "ports"))
    entries = []
    for index, (node, entry) in enumerate(zip(_children(ports), compose.data["services"][service]["ports"])):
        found = parse_ports([filled(entry, {})])
        if any(port.container_port == container_port for port in found):
            entries.append((f"services.{service}.ports.{index}", node, entry, found))
    if published:
        chosen = ([entry for entry in entries if left in _left_sides(entry[3])] for left in (published, host))
        entries = next(filter(None, chosen), [])
    if not entries:
        where = f" on {published}" if published else ""
        raise RefusedError(f"service {service} in {compose.path} publishes no container port {container_port}{where}")
    if len(entries) > 1:
        written = ", ".join(str(entry) for _path, _node, entry, _found in entries)
        raise RefusedError(f"{service} publishes container port {container_port} several times ({written})")
    ((path, node, entry, found),) = entries
    if len(found) > 1:
        raise RefusedError(f"port {container_port} of {service} is part of a range ({entry})")
    return path, node


def _left_sides(ports: t.Iterable[Port]) -> set[str]:
    """Give the ways in which the left side of an entry may be told: with its address and without."""
    return {text for port in ports for text in (str(port.host_port), left_side(port, port.host_port))}


# --- making the edit


def _refuse_variable(compose: ComposeFile, node: yaml.Node, value: str = "") -> None:
    """Refuse a value that takes a variable, unless the new one takes it too."""
    written = str(node.value).replace("$$", "") if isinstance(node, yaml.ScalarNode) else ""
    named = re.findall(r"\$\{?([A-Za-z_]\w*)", written)
    name = next((n for n in named if not re.search(rf"\$\{{?{n}\b", value)), None)
    if name:
        raise RefusedError(
            f"line {node.start_mark.line + 1} of {compose.path} takes its value from the variable {name}", name
        )


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.start_mark.index == node.end_mark.index


def _replace_scalar(compose: ComposeFile, node: yaml.Node, value: str, with_variables: bool = False) -> Replace:
    """Replace a scalar on one line, in the quotes it has; quotes are added where a plain value would need them.

    :param with_variables: also one that a variable of an env file is part of
    """
    if not isinstance(node, yaml.ScalarNode) or node.start_mark.line != node.end_mark.line:
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is no value on one line")
    if not with_variables:
        _refuse_variable(compose, node, value)
    line = _line_of(compose, node)
    old = line[node.start_mark.column : node.end_mark.column]
    block = not node.style and bool(re.search(r"[][{},]", old))
    return Replace(node.start_mark.line + 1, old, _quoted(value, node.style, block), len(line) - node.end_mark.column)


def _quoted(value: str, style: str | None = None, block: bool = False) -> str:
    """Write a value as YAML, plain where that is safe.

    :param style: the quotes that the value in its place has
    :param block: it does not stand in a list or map of brackets, where commas and brackets mean something
    """
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _plain_is_safe(value, block):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)")
_LIKE_A_NUMBER = re.compile(r"[-+]?[\d.][\d_.eE+-]*|0[xob][\da-f_]+", re.IGNORECASE)


def _plain_is_safe(value: str, block: bool) -> bool:
    """Tell whether every YAML parser reads a value without quotes as just that text, or as a whole number."""
    if REFERENCE.match(value) or (_LIKE_A_NUMBER.fullmatch(value) and not _NUMBER.fullmatch(value)):
        return False
    try:
        read = yaml.safe_load(f"- {value}" if block else f"[{value}]")
    except yaml.YAMLError:
        return False
    return len(read) == 1 and (read[0] == value or (isinstance(read[0], int) and str(read[0]) == value))


def _append(compose: ComposeFile, node: yaml.SequenceNode, item: str) -> Edit:
    if node.flow_style:
        lines = compose.text.lstrip("\ufeff").splitlines()
        line = lines[node.end_mark.line]
        separator = ", " if node.value else ""
        return Replace(node.end_mark.line + 1, "]", f"{separator}{_quoted(item)}]", len(line) - node.end_mark.column)
    last = node.value[-1]
    dash = _dash_column(compose, last)
    return Insert(_last_line(last), (" " * dash + f"- {_quoted(item, block=True)}",))


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
    if isinstance(node, yaml.ScalarNode):
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is an empty value")
    if not isinstance(node, yaml.MappingNode):
        raise RefusedError(f"line {node.start_mark.line + 1} of {compose.path} is no map")
    if node.flow_style:
        text = compose.text.lstrip("\ufeff").splitlines()[node.end_mark.line]
        separator = ", " if node.value else ""
        return Replace(node.end_mark.line + 1, "}", f"{separator}{line}}}", len(text) - node.end_mark.column)
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


def _checked(compose: ComposeFile, edits: list[Edit], may_change: set[str]) -> list[Edit]:
    """Give the edits back after proving that the edited text differs from the old one in nothing else.

    :raises RefusedError: where it would
    """
    differs = _differences(compose, _after(compose, edits))
    wrong = sorted(path for path in differs if not any(path == ok or path.startswith(ok + ".") for ok in may_change))
    if wrong:
        raise RefusedError(f"the edit of {compose.path} would also change {', '.join(wrong[:3])}")
    return edits


def _checked_environment(compose: ComposeFile, edits: list[Edit], service: str, at_source: bool) -> t.Any:
    """Give the service's new environment after proving that nothing else changes than variables.

    :param at_source: variables of other services, and the anchors they come from, may change too
    :raises RefusedError: where something else would, or variables would get lost
    """
    after = _after(compose, edits)
    own = re.compile(rf"services\.{re.escape(service)}\.environment(\.|$)")
    others = re.compile(r"(x-[^.]+|services\.[^.]+\.environment)(\.|$)")
    wrong = sorted(p for p in _differences(compose, after) if not own.match(p) and not (at_source and others.match(p)))
    for name, body in compose.data["services"].items():
        before, now = (
            as_mapping((body or {}).get("environment")),
            as_mapping(after.data["services"][name].get("environment")),
        )
        wrong += [f"{variable} of {name}" for variable in before if variable not in now]
    if wrong:
        raise RefusedError(f"the edit of {compose.path} would also change {', '.join(wrong[:3])}")
    return after.data["services"][service].get("environment")


def _after(compose: ComposeFile, edits: list[Edit]) -> ComposeFile:
    after = ComposeFile(compose.path, apply_edits(compose.text, edits))
    if after.error:
        raise RefusedError(f"{compose.path} would not parse any more: {after.error}")
    return after


def _differences(compose: ComposeFile, after: ComposeFile) -> set[str]:
    old, new = _leaves(compose.data), _leaves(after.data)
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


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
