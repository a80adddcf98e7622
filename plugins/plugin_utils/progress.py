# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is, in a line: hosts done, and who is being waited for. Neither reads a clock nor writes."""

from __future__ import annotations

import threading
import unicodedata

NAMED = 3
"""Hosts that are named, the longest at work first; the others are counted."""
_WORDS = {
    "en": ("{0}: {1} of {2} hosts done; waiting for {3}", "{0} ({1})", ", ", "{0} s", "{0} done, {1} last", "{0} more"),
    "zh": (
        "{0}：{2} 台主机已完成 {1} 台；正在等待 {3}",
        "{0}（{1}）",
        "，",
        "{0} 秒",
        "已完成 {0} 项，最近一项 {1}",
        "另外 {0} 台",
    ),
}


class Progress:
    """What is at work now. Safe to be told and asked by two threads.

    :ivar lang: ``en`` or ``zh``
    """

    def __init__(self, lang: str):
        self.lang = lang
        self._lock = threading.Lock()
        self._name = ""
        self._hosts = 0
        self._alone = False
        self._at_work: dict[str, tuple[str, float]] = {}
        self._steps: dict[str, tuple[int, str]] = {}
        self._done: set[str] = set()

    def play(self, name: str, hosts: int, alone: bool) -> None:
        """Begin a play or a batch.

        :param alone: every host goes through it by itself, so that it is done with the whole of it
        """
        with self._lock:
            self._name, self._hosts, self._alone = name, hosts, alone
            self._at_work.clear()
            self._done.clear()

    def task(self, name: str) -> None:
        """Begin a task of all hosts."""
        with self._lock:
            if not self._alone:
                self._name = name
                self._at_work.clear()
                self._done.clear()

    def begin(self, host: str, task: str, now: float) -> None:
        """Note that a host begins a task, at a time in seconds."""
        with self._lock:
            self._done.discard(host)
            self._at_work[host] = task, now
            self._steps.pop(host, None)

    def step(self, host: str, label: str) -> None:
        """Note that a host has made one of several steps of its task, an image pulled or the like."""
        with self._lock:
            self._steps[host] = self._steps.get(host, (0, ""))[0] + 1, label

    def end(self, host: str) -> None:
        """Note that a host ended its task."""
        with self._lock:
            self._at_work.pop(host, None)
            self._done.add(host)

    def state(self) -> tuple[object, ...]:
        """Give something that is another one as soon as anything moved."""
        with self._lock:
            return self._name, *sorted(self._done), *sorted(self._at_work.items()), *sorted(self._steps.items())

    def line(self, now: float, patience: float) -> str:
        """Say what is waited for; empty where nothing is at work for that many seconds."""
        with self._lock:
            waited = sorted((since, host, task) for host, (task, since) in self._at_work.items())
            if not waited or now - waited[0][0] < patience:
                return ""
            whole, one, comma, seconds, steps, more = _WORDS[self.lang]
            names = []
            for since, host, task in waited[:NAMED]:
                told = [task] if self._alone else []
                told += [steps.format(*self._steps[host])] if host in self._steps else []
                names.append(one.format(host, comma.join([*told, seconds.format(round(now - since))])))
            if len(waited) > NAMED:
                names.append(more.format(len(waited) - NAMED))
            return whole.format(self._name, len(self._done), max(self._hosts, len(self._done)), ", ".join(names))


def fit(text: str, width: int) -> str:
    """Cut a text to cells of a terminal, without control characters; a Chinese character takes two."""
    cells, kept = 0, ""
    for char in text:
        if not char.isprintable():
            continue
        cells += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if cells > width:
            return kept[:-1] + "…"
        kept += char
    return kept
