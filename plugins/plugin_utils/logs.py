# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log text as posted or read, made plain: no colours, no compose prefix, time stamps beside the lines."""

from __future__ import annotations

import bisect
import datetime
import functools
import re
import typing as t

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
_PREFIX = re.compile(r"^([A-Za-z0-9][\w.-]*)\s+\|(?: |$)")


def plain(text: str) -> str:
    """Drop ANSI sequences and carriage returns (a progress bar's overwritten states become lines)."""
    return _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def parse_time(text: str | None) -> float | None:
    """Read an RFC 3339 time (docker prints nanoseconds); None for docker's zero time or no time.

    :returns: seconds since the epoch, UTC
    """
    if not text or text.startswith("0001-"):
        return None
    cut = re.sub(r"(\.\d{1,6})\d*", r"\1", text.strip()).replace("Z", "+00:00")
    try:
        moment = datetime.datetime.fromisoformat(cut)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


def split_prefixes(text: str) -> dict[str | None, str]:
    """Cut ``docker compose logs`` output by its ``container  | `` prefixes.

    Lines without a prefix stay under the key None, unless none of the lines has one.
    A name counts as prefix only when it stands on at least two lines or on all of them.
    """
    lines = plain(text).split("\n")
    seen: dict[str, int] = {}
    for line in lines:
        if match := _PREFIX.match(line):
            seen[match.group(1)] = seen.get(match.group(1), 0) + 1
    names = {name for name, count in seen.items() if count > 1 or count == sum(1 for line in lines if line.strip())}
    if not names:
        return {None: "\n".join(lines)}
    parts: dict[str | None, list[str]] = {}
    for line in lines:
        match = _PREFIX.match(line)
        name = match.group(1) if match and match.group(1) in names else None
        parts.setdefault(name, []).append(line[match.end() :] if match and name else line)
    return {name: "\n".join(body) for name, body in parts.items()}


class Log:
    """One container's log, or one posted text: plain lines with the time each was written, where known."""

    def __init__(
        self, source: str, text: str, component: str | None = None, service: str | None = None, kind: str = "log"
    ):
        self.source = source
        self.component = component
        self.service = service
        self.kind = kind
        self._raw = text
        self._held: dict[str, bool] = {}
        self.current_since: float | None = None
        """Seconds since the epoch; what is older belongs to an earlier run of the container."""
        self.collected_at: float | None = None
        self.running = False
        """True for a container that was up when its log was read: then old lines and start-up lines do not count."""

    @functools.cached_property
    def _parsed(self) -> tuple[str, list[int], list[float | None]]:
        lines: list[str] = []
        offsets: list[int] = []
        times: list[float | None] = []
        offset = 0
        for line in plain(self._raw).split("\n"):
            match = _STAMP.match(line)
            if match:
                line = line[match.end() :]
            lines.append(line)
            offsets.append(offset)
            times.append(parse_time(match.group(1)) if match else (times[-1] if times else None))
            offset += len(line) + 1
        return "\n".join(lines), offsets, times

    @property
    def text(self) -> str:
        """The whole log without time stamps and colours."""
        return self._parsed[0]

    @functools.cached_property
    def lower(self) -> str:
        """The text in lower case, for case-blind searches."""
        return self.text.lower()

    def holds(self, word: str) -> bool:
        """Tell whether a lower-case word stands in the text, whatever its case; asked once a word."""
        if word not in self._held:
            self._held[word] = word in self.lower
        return self._held[word]

    def line_at(self, position: int) -> tuple[int, str, float | None]:
        """Give number (from 1), text and time of the line that holds a position of the text."""
        text, offsets, times = self._parsed
        index = bisect.bisect_right(offsets, position) - 1
        end = offsets[index + 1] - 1 if index + 1 < len(offsets) else len(text)
        return index + 1, text[offsets[index] : end], times[index]

    def is_current(self, when: float | None) -> bool:
        """Tell whether a line of that time belongs to the present run (unknown times do)."""
        return when is None or self.current_since is None or when >= self.current_since

    def search(self, pattern: t.Pattern[str]) -> t.Iterator[re.Match[str]]:
        """Give the matches in the present run."""
        for match in pattern.finditer(self.text):
            if self.is_current(self.line_at(match.start())[2]):
                yield match
