# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Huge logs in bounded memory: the whole file is searched, only the telling lines are kept."""

from __future__ import annotations

import collections
import string
import typing as t

from .logs import plain
from .signatures import Branch, signatures

CHUNK = 1 << 20
KEEP = 20
"""Lines kept of each signature: the last ones, for what is newest counts."""
LONGEST = 4096
"""Characters kept of a line; a match further on keeps its surroundings."""
_ASCII_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}


def telling_lines(stream: t.BinaryIO, length: int) -> list[str]:
    """Search part of a log from where the stream stands and give the lines that any signature matches, in order.

    Memory is bounded by the chunk and the number of signatures, whatever the length. Lines are looked at one by one:
    a signature over several lines is not found here.

    :param length: bytes to search
    """
    branches = [branch for signature in signatures() for branch in signature.branches]
    words = {word: _grams(word) for branch in branches for word in branch.literals}
    kept: dict[str, collections.deque[tuple[int, int, str]]] = {}
    for number, text in enumerate(_chunks(stream, length)):
        lower = _lower(text)
        present = _grams(lower)
        lines = {word: _lines_with(word, text, lower) for word, grams in words.items() if grams <= present}
        for branch in branches:
            candidates = {start for word in branch.literals for start in lines.get(word, ())}
            if candidates:
                found = kept.setdefault(branch.pattern, collections.deque(maxlen=KEEP))
                found.extend((number, *hit) for hit in reversed(list(_newest(branch, text, candidates))))
    return [line for _number, _start, line in sorted({entry for found in kept.values() for entry in found})]


def _newest(branch: Branch, text: str, candidates: t.Iterable[int]) -> t.Iterator[tuple[int, str]]:
    """Give begin and text of the last lines that a branch matches, the newest first."""
    count = 0
    for start in sorted(candidates, reverse=True):
        line = text[start : _end_of_line(text, start)]
        if match := branch.regex.search(line):
            first = max(0, match.start() - LONGEST // 2)
            yield start, line[first : first + LONGEST]
            count += 1
            if count == KEEP:
                return


def _grams(text: str) -> set[tuple[str, str, str]]:
    """Give all runs of three characters: a text holds only words whose runs it holds, which is quickly told."""
    return set(zip(text, text[1:], text[2:]))


def _lower(text: str) -> str:
    """Lower the case of a text and keep its places: a few letters beyond ASCII get longer otherwise."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_ASCII_LOWER)


def _lines_with(word: str, text: str, lower: str) -> list[int]:
    """Give where the lines begin that hold a word."""
    starts, at = [], lower.find(word)
    while at >= 0:
        starts.append(text.rfind("\n", 0, at) + 1)
        at = lower.find(word, _end_of_line(text, at))
    return starts


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


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
