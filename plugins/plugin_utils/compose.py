# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files, read only: services as written, with the line of each setting.

Editing is another matter (design rule 6) and not done here.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml

Key = t.Union[str, int]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads scalars as Compose does: ``22:22`` is text, ``yes`` is text, unknown tags are passed through."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] in ("null", "merge")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def _unknown_tag(loader: t.Any, _suffix: str, node: yaml.Node) -> t.Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _unknown_tag)

VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^{}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")


def interpolate(text: str, variables: t.Mapping[str, str]) -> str:
    """Put variables in as Compose does (``${A:-b}``, ``$$``); an unset one without default becomes empty."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(4)
        if not name:
            return "$"
        found = variables.get(name)
        operator, word = match.group(2) or "", match.group(3) or ""
        absent = found is None or (operator.startswith(":") and found == "")
        if operator.endswith("+"):
            return "" if absent else word
        if absent:
            return word if operator.endswith("-") else ""
        return t.cast(str, found)

    return VARIABLE.sub(value, text)


def filled(value: t.Any, variables: t.Mapping[str, str]) -> t.Any:
    """Put variables into every text of a piece of a file."""
    if isinstance(value, dict):
        return {key: filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    return interpolate(value, variables) if isinstance(value, str) else value


class Port(t.NamedTuple):
    """A published port as the file has it; host_port None means docker picks one."""

    host_ip: str
    host_port: int | None
    container_port: int
    protocol: str


def parse_ports(entries: t.Any) -> list[Port]:
    """Read ``ports:`` entries, short and long form, ranges spread out; what cannot be read is left out."""
    ports: list[Port] = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            entry = "{}:{}:{}/{}".format(
                entry.get("host_ip", ""),
                entry.get("published", ""),
                entry.get("target", ""),
                entry.get("protocol", "tcp"),
            )
        text, _slash, protocol = str(entry).partition("/")
        match = re.fullmatch(
            r"(?:(?P<ip>\[[^\]]*\]|[^:\[\]]*):)??(?:(?P<host>\d+(?:-\d+)?)?:)?(?P<inside>\d+(?:-\d+)?)", text.strip()
        )
        if not match:
            continue
        inside = _range(match["inside"])
        outside: list[int | None] = list(_range(match["host"])) if match["host"] else [None] * len(inside)
        if len(outside) == len(inside):
            ip = (match["ip"] or "").strip("[]")
            ports.extend(Port(ip, out, port, protocol or "tcp") for out, port in zip(outside, inside))
    return ports


def left_side(entry: Port, port: int | None) -> str:
    """Give the left side of an entry with this port: ``3000``, or with its address ``127.0.0.1:3000``."""
    ip = f"[{entry.host_ip}]" if ":" in entry.host_ip else entry.host_ip
    return f"{ip}:{port}" if ip else str(port)


def _range(text: str) -> list[int]:
    first, _dash, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


_MOUNT = re.compile(r"(?P<source>(?:[A-Za-z]:[\\/])?(?:\$\{[^}]*\}|[^:])*)(?::(?P<target>[^:]*))?(?::.*)?$")


class Mount(t.NamedTuple):
    """A volume line of a service: source is None for an anonymous volume."""

    kind: str
    source: str | None
    target: str


def parse_mounts(entries: t.Any) -> list[Mount]:
    """Read ``volumes:`` of a service, short and long form."""
    mounts = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            mounts.append(Mount(str(entry.get("type", "volume")), entry.get("source"), str(entry.get("target", ""))))
            continue
        match = _MOUNT.match(str(entry))
        if match and match["target"]:
            is_path = bool(re.match(r"[./~\\]|[A-Za-z]:|\$", match["source"]))
            mounts.append(Mount("bind" if is_path else "volume", match["source"], match["target"]))
        else:
            mounts.append(Mount("volume", None, str(entry)))
    return mounts


def as_mapping(value: t.Any) -> dict[str, str | None]:
    """Give a list (``A=b``) or a map as a mapping of texts; None is a key without value (taken from the shell)."""
    if isinstance(value, dict):
        return {str(key): None if item is None else _scalar(item) for key, item in value.items()}
    result: dict[str, str | None] = {}
    for item in value if isinstance(value, list) else []:
        key, equals, text = str(item).partition("=")
        result[key.strip()] = text if equals else None
    return result


def _scalar(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Service:
    """One service of a compose file, values interpolated."""

    def __init__(self, name: str, data: t.Mapping[str, t.Any]):
        self.name = name
        self.data = data

    def __repr__(self) -> str:
        return f"Service({self.name!r})"

    @property
    def image(self) -> str | None:
        """Image reference, or None for a built service."""
        value = self.data.get("image")
        return str(value).strip() if value else None

    @property
    def container_name(self) -> str | None:
        value = self.data.get("container_name")
        return str(value) if value else None

    @functools.cached_property
    def environment(self) -> dict[str, str | None]:
        """Variables of ``environment:``; env_file is not followed."""
        return as_mapping(self.data.get("environment"))

    @functools.cached_property
    def ports(self) -> list[Port]:
        return parse_ports(self.data.get("ports"))

    @functools.cached_property
    def mounts(self) -> list[Mount]:
        return parse_mounts(self.data.get("volumes"))

    @property
    def networks(self) -> list[str]:
        """Networks named; ``default`` where none is and no network_mode is set."""
        value = self.data.get("networks")
        if isinstance(value, (dict, list)) and value:
            return [str(item) for item in value]
        return [] if self.data.get("network_mode") else ["default"]

    @property
    def network_mode(self) -> str | None:
        value = self.data.get("network_mode")
        return str(value) if value else None

    def words(self, key: str) -> str:
        """Command or entrypoint as one text, list or not."""
        value = self.data.get(key)
        return " ".join(str(item) for item in value) if isinstance(value, list) else str(value or "")


class ComposeFile:
    """One compose file as text; ``error`` and ``error_line`` tell why it could not be parsed."""

    def __init__(self, path: str, text: str, variables: t.Mapping[str, str] | None = None):
        self.path = path
        # what a host gave is a kind of str of its own for ansible-core 2.18, which the parser in C refuses
        text = self.text = str.__str__(text)
        self.variables = dict(variables or {})
        self.error: str | None = None
        self.error_line: int | None = None
        self.error_column: int | None = None
        self.data: dict[str, t.Any] = {}
        try:
            data = yaml.load(text.lstrip("\ufeff"), Loader=_Loader)  # noqa: S506
            self.data = data if isinstance(data, dict) else {}
        except yaml.MarkedYAMLError as error:
            self.error = " ".join(str(part) for part in (error.context, error.problem) if part)
            mark = error.problem_mark or error.context_mark
            if mark:
                self.error_line, self.error_column = mark.line + 1, mark.column + 1
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.error = str(error)

    @functools.cached_property
    def node(self) -> yaml.Node | None:
        """The file as nodes with their places; read apart from the data, whose making puts merge keys into them."""
        if self.error:
            return None
        return yaml.compose(self.text.lstrip("\ufeff"), Loader=_Loader)

    @functools.cached_property
    def services(self) -> dict[str, Service]:
        """Services by name, in the order of the file."""
        found = self.data.get("services")
        if not isinstance(found, dict) and "version" not in self.data:
            # Compose v1's oldest form has the services at the top.
            found = {key: value for key, value in self.data.items() if isinstance(value, dict) and "image" in value}
        if not isinstance(found, dict):
            return {}
        return {
            str(name): Service(str(name), filled(body, self.variables))
            for name, body in found.items()
            if isinstance(body, dict)
        }

    def line(self, *path: Key) -> int | None:
        """Give the line (from 1) of a setting, e.g. ``line("services", "mongo", "ports", 0)``; None where it is not."""
        node = self.node
        found: int | None = None
        for key in path:
            step = _step(node, key)
            if step is None:
                return None
            found, node = step
        return found

    def excerpt(self, line: int | None, more: int = 0) -> str:
        """Give a line of the file, and how many after it, as written."""
        if not line:
            return ""
        return "\n".join(self.text.splitlines()[line - 1 : line + more])


def _step(node: yaml.Node | None, key: Key) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        items = node.value
        if isinstance(key, int) and key < len(items):
            return items[key].start_mark.line + 1, items[key]
        for item in items:  # environment lists: KEY=VALUE
            if isinstance(item, yaml.ScalarNode) and str(item.value).partition("=")[0].strip() == key:
                return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        merged: list[yaml.Node] = []
        for name, value in node.value:
            if str(name.value) == str(key):
                return name.start_mark.line + 1, value
            if name.value == "<<":
                merged.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
        for other in merged:
            if step := _step(other, key):
                return step
    return None
