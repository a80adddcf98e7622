# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``docker ps -a`` and ``docker compose ps -a`` print, as a table or as JSON, read into containers.

The containers are partial: name, image, state and published ports, as far as printed.
"""

from __future__ import annotations

import json
import re
import typing as t

_TITLES = {
    "CONTAINER ID": "id",
    "IMAGE": "image",
    "COMMAND": "command",
    "SERVICE": "service",
    "CREATED": "created",
    "STATUS": "status",
    "STATE": "status",
    "PORTS": "ports",
    "NAMES": "name",
    "NAME": "name",
    "SIZE": "size",
    "NETWORKS": "networks",
}
_TITLE = re.compile(
    r"\b(?:CONTAINER ID|" + "|".join(title for title in _TITLES if " " not in title) + r")\b", re.IGNORECASE
)
# For tables whose blanks were squeezed by a forum or a chat.
_AGE = r"(?:About )?(?:an?|\d+) (?:second|minute|hour|day|week|month|year)s?|Less than a second"
_SQUEEZED = re.compile(
    r"^(?P<id>[0-9a-f]{12,64})\s+(?P<image>\S+)\s+(?P<command>[\"\u201c].*?[\"\u201d…])\s+"
    rf"(?P<created>(?:{_AGE}) ago)\s+"
    rf"(?P<status>(?:Up (?:{_AGE})|(?:Exited|Restarting|Dead) \(-?\d+\) (?:{_AGE}) ago|Created|Dead)(?: \([\w: ]+\))?)"
    r"(?:\s+(?P<ports>(?:\S*\d+/(?:tcp|udp),?\s*)+))?\s+(?P<name>[A-Za-z0-9][\w.-]*)\s*$"
)
_STATE = re.compile(
    r"^(?P<word>up|running|exited|exit|restarting|created|dead|paused|removal)\b(?:[^(]*?(?:\(|\s)(?P<code>\d+)\)?)?",
    re.IGNORECASE,
)
_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)", re.IGNORECASE)
_PORT = re.compile(
    r"(?:(?P<ip>\[?[0-9a-fA-F:.*]+\]?):)?(?P<host>\d+)(?:-(?P<host_end>\d+))?->(?P<inside>\d+)(?:-\d+)?/(?P<protocol>tcp|udp|sctp)"
)
_WORDS = {"up": "running", "exit": "exited", "removal": "removing"}


def parse_state(status: str, health: str | None = None) -> dict[str, t.Any]:
    """Read a status such as ``Restarting (1) 5 seconds ago`` or ``Up 2 hours (healthy)`` into a container state."""
    match = _STATE.match(status.strip())
    word = match.group("word").lower() if match else ""
    word = _WORDS.get(word, word)
    if "(paused)" in status.lower():
        word = "paused"
    shown = _HEALTH.search(status)
    code = match.group("code") if match and word in {"exited", "restarting", "dead"} else None
    return {
        "status": word or None,
        "running": word in {"running", "restarting", "paused"},
        "restarting": word == "restarting",
        "exit_code": int(code) if code else None,
        "health": shown.group(1).lower() if shown else (health or None),
    }


def parse_ports(text: str) -> list[dict[str, t.Any]]:
    """Read published ports (``0.0.0.0:3000->3000/tcp, :::9000-9001->9000-9001/tcp``), not those only exposed."""
    found = []
    for match in _PORT.finditer(text):
        first, last, inside = int(match["host"]), int(match["host_end"] or match["host"]), int(match["inside"])
        for offset in range(min(last - first, 1000) + 1):
            port = {
                "host_ip": (match["ip"] or "0.0.0.0").strip("[]"),
                "host_port": first + offset,
                "container_port": inside + offset,
                "protocol": match["protocol"],
            }
            found.append(port)
    return found


def _container(fields: t.Mapping[str, str]) -> dict[str, t.Any] | None:
    """Make a container of one row's fields; None for a row that names none."""
    name = fields.get("name", "").split(",")[0].strip().lstrip("/")
    status = fields.get("status", "").strip()
    if not name or not status:
        return None
    container: dict[str, t.Any] = {"name": name, "partial": True, "state": parse_state(status, fields.get("health"))}
    for key in ("id", "image", "service", "project"):
        if value := fields.get(key, "").strip().rstrip("…"):
            container[key] = value
    if "ports" in fields:
        container["ports"] = parse_ports(fields["ports"])
    if names := [name.strip() for name in fields.get("networks", "").split(",") if name.strip()]:
        container["networks"] = {name: {} for name in names}
    return container


def _columns(line: str) -> list[tuple[str, int]]:
    """Give field and start of each column of a header line; empty when it is none."""
    found = [(_TITLES[match.group().upper()], match.start()) for match in _TITLE.finditer(line)]
    fields = {field for field, _start in found}
    only_titles = not _TITLE.sub("", line).strip()
    return found if only_titles and {"name", "status"} <= fields else []


def _row(line: str, columns: list[tuple[str, int]]) -> dict[str, str]:
    """Cut one row: by the header's positions, else by runs of blanks, else by what the fields look like."""
    starts = [start for _field, start in columns]
    if columns and all(start == 0 or line[start - 1 : start] in ("", " ") for start in starts):
        ends = [*starts[1:], len(line)]
        row = {field: line[start:end].strip() for (field, start), end in zip(columns, ends, strict=True)}
        if row["name"] and row["status"]:
            return row
    cells = re.split(r"\t+|\s{2,}", line.strip())
    fields = [field for field, _start in columns]
    if len(cells) == len(fields) - 1 and "ports" in fields:
        fields.remove("ports")  # an empty column leaves no cell
    if columns and len(cells) == len(fields):
        return dict(zip(fields, cells, strict=True))
    match = _SQUEEZED.match(line.strip())
    return {key: value or "" for key, value in match.groupdict().items()} if match else {}


def _table(text: str) -> t.Iterator[dict[str, t.Any]]:
    """Give the containers of the tables in a text; a row may also stand without its header."""
    columns: list[tuple[str, int]] = []
    for line in text.expandtabs(8).splitlines():
        if header := _columns(line):
            columns = header
            continue
        container = _container(_row(line, columns))
        if container and container["state"]["status"]:
            yield container


def _json_rows(text: str) -> t.Iterator[dict[str, t.Any]]:
    """Give the JSON objects of a text: one a line, or one list of them; broken lines are passed over."""
    for line in [text] if text.lstrip().startswith("[") else text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # a line cut by the paste; the others still count
        yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict))


def _from_json(item: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    labels = item.get("Labels") or ""
    label = dict(part.partition("=")[::2] for part in labels.split(",")) if isinstance(labels, str) else dict(labels)
    fields = {
        "id": item.get("ID"),
        "name": item.get("Names") or item.get("Name"),
        "image": item.get("Image"),
        "service": item.get("Service") or label.get("com.docker.compose.service"),
        "project": item.get("Project") or label.get("com.docker.compose.project"),
        "status": item.get("Status") or item.get("State"),
        "health": item.get("Health"),
        "ports": item.get("Ports"),
        "networks": item.get("Networks"),
    }
    container = _container({key: str(value) for key, value in fields.items() if value})
    if container and item.get("ExitCode") is not None and not container["state"]["running"]:
        container["state"]["exit_code"] = int(item["ExitCode"])
    return container


def parse_ps(text: str) -> list[dict[str, t.Any]]:
    """Read the containers out of a text that holds a ``docker ps`` table or its JSON; the last word on a name counts.

    :returns: partial containers in the shape of docs/evidence.md, empty when the text holds no table
    """
    rows = [container for item in _json_rows(text) if (container := _from_json(item))] or list(_table(text))
    return list({container["name"]: container for container in rows}.values())
