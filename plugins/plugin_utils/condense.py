# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Huge logs in bounded memory: the whole file is searched, only the telling lines are kept."""

from __future__ import annotations

import collections
import typing as t

from .logs import plain
from .signatures import signatures

CHUNK = 1 << 20
KEEP = 20
"""Lines kept of each signature: the last ones, for what is newest counts."""
LONGEST = 4096
"""Characters kept of a line; a match further on keeps its surroundings."""


def telling_lines(stream: t.BinaryIO, length: int) -> list[str]:
    """Search part of a log from where the stream stands and give the lines that any signature matches, in order.

    Memory is bounded by the chunk and the number of signatures, whatever the length. A signature over several lines
    is missed where a chunk ends between them.

    :param length: bytes to search
    """
    kept: dict[str, collections.deque[tuple[int, int, str]]] = {}
    for number, text in enumerate(_chunks(stream, length)):
        lower = text.lower()
        for branch in (branch for signature in signatures() for branch in signature.branches):
            if branch.literals and not any(word in lower for word in branch.literals):
                continue
            found = kept.setdefault(branch.pattern, collections.deque(maxlen=KEEP))
            for match in branch.regex.finditer(text):
                start = max(text.rfind("\n", 0, match.start()) + 1, match.start() - LONGEST // 2)
                end = text.find("\n", match.end())
                found.append((number, start, text[start : end if 0 <= end < start + LONGEST else start + LONGEST]))
    return [line for _number, _start, line in sorted({entry for found in kept.values() for entry in found})]


def _chunks(stream: t.BinaryIO, length: int) -> t.Iterator[str]:
    """Read text in pieces that end at line ends; a line longer than a chunk is cut."""
    rest = b""
    while length > 0 and (data := stream.read(min(CHUNK, length))):
        length -= len(data)
        cut = data.rfind(b"\n") + 1 if length > 0 else len(data)
        if not cut and len(rest) < CHUNK:
            rest += data
            continue
        cut = cut or len(data)
        yield plain((rest + data[:cut]).decode("utf-8", "replace"))
        rest = data[cut:]
    if rest:
        yield plain(rest.decode("utf-8", "replace"))
