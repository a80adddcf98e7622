# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a container's log, from the file that dockerd's default driver keeps of it. Private to the collection.

A process of the docker CLI for each container is most of what a diagnosis costs a host; the file says the same.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")
_OVERHEAD = 2
"""Bytes of the file to read for a byte of text: each line is a JSON object with its time."""


class Tail(t.NamedTuple):
    """The last lines of a log, each with its time as ``docker logs --timestamps`` prints it."""

    text: str
    truncated: bool


def tail(path: str, lines: int, limit: int) -> Tail | None:
    """Read the last lines of a json-file log, at most so many, and about so many bytes of text.

    None where the file is not all that ``docker logs`` has to tell: parts of it were rotated away and are wanted.

    :raises OSError: the file cannot be read, for example by anybody but root
    """
    with open(path, "rb") as file:
        begin = max(0, file.seek(0, os.SEEK_END) - limit * _OVERHEAD)
        file.seek(begin)
        data = file.read(limit * _OVERHEAD)
    entries = data.split(b"\n")[1 if begin else 0 : -1]  # what is not ended yet is being written
    if not begin and len(entries) < lines and (os.path.exists(f"{path}.1") or os.path.exists(f"{path}.1.gz")):
        return None
    text = _text(entries[-lines:])
    if len(text) <= limit:
        return Tail(text, truncated=bool(begin) or len(entries) >= lines)
    return Tail(text[-limit:].partition("\n")[2], truncated=True)


def _text(entries: t.Iterable[bytes]) -> str:
    """Put the entries together; a long line is kept in several, of which only the last ends it."""
    parts: list[str] = []
    for entry in entries:
        try:
            said = json.loads(entry)
            words, stamp = said["log"], _stamp(said["time"])
        except (ValueError, KeyError, TypeError):
            continue  # half an entry, or zeros after a power cut
        parts.append(words if parts and not parts[-1].endswith("\n") else f"{stamp} {words}")
    return "".join(parts)


def _stamp(time: str) -> str:
    """Give the time with all nine digits, so that times compare as text."""
    match = _STAMP.fullmatch(time)
    return f"{match[1]}.{match[2] or '':0<9}Z" if match else time
