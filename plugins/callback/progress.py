# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows, while it takes long, how many hosts are done and who is being waited for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Show what a long task or batch is waiting for
version_added: 0.1.0
description:
  - On a terminal the last row says how many hosts are done, and which are being waited for, with what and for how long.
    Nothing else on the screen moves.
  - Elsewhere, as in CI, a plain line says the same now and then, ever more seldom while nothing moves. What is over
    quickly is not worth a line.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  interval:
    description: Seconds between two plain lines; they double as long as nothing moves.
    type: int
    default: 30
    env:
      - name: FASTGPT_PROGRESS_INTERVAL
    ini:
      - section: callback_fastgpt_progress
        key: interval
"""

import atexit
import os
import shutil
import sys
import threading
import time
import typing as t

from ansible.plugins.callback import CallbackBase

from ..plugin_utils.progress import Progress, fit
from ..plugin_utils.report import language

PATIENCE = 2.0
"""Seconds after which a task is long on a terminal."""
REFRESH = 0.5


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The callback ``fastgpt.ops.progress``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fastgpt.ops.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: t.Any, **more: t.Any) -> None:
        super().__init__(*arguments, **more)
        self._progress = Progress(language.choose("auto", os.environ))
        self._row = BottomRow() if _is_watched() else None
        self._over = threading.Event()

    def v2_playbook_on_start(self, _playbook: t.Any) -> None:
        """Begin to look at the clock."""
        threading.Thread(target=self._watch, name="fastgpt-progress", daemon=True).start()
        atexit.register(self._end)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Begin anew with the hosts of the play, or of its next batch."""
        variables = play.get_variable_manager().get_vars(play=play, include_hostvars=False)
        if wanted := variables.get("fastgpt_lang"):
            self._progress.lang = language.choose(wanted if wanted in ("en", "zh") else "auto", os.environ)
        hosts = variables.get("ansible_play_batch") or ()
        self._progress.play(play.get_name(), len(hosts), alone=play.strategy != "linear")

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        """Begin to count anew, where hosts go through the tasks together."""
        self._progress.task(task.get_name())

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        """A host is at work."""
        self._progress.begin(host.get_name(), task.get_name(), time.monotonic())

    def _done(self, result: t.Any, **_more: t.Any) -> None:
        host = getattr(result, "_host", None) or result.host
        self._progress.end(host.get_name())

    def _step(self, result: t.Any, **_more: t.Any) -> None:
        host = getattr(result, "_host", None) or result.host
        values = getattr(result, "_result", None) or result.result
        self._progress.step(host.get_name(), str(values.get("_ansible_item_label", "")))

    v2_runner_item_on_ok = v2_runner_item_on_failed = v2_runner_item_on_skipped = _step
    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_skipped = v2_runner_on_unreachable = _done

    def v2_playbook_on_stats(self, _stats: t.Any) -> None:
        """Nothing is waited for any more."""
        self._end()

    def _watch(self) -> None:
        if self._row:
            while not self._over.wait(REFRESH):
                self._row.show(self._progress.line(time.monotonic(), PATIENCE))
            return
        wait = first = float(self.get_option("interval"))
        seen = None
        while not self._over.wait(wait):
            if text := self._progress.line(time.monotonic(), first):
                self._display.display(text)
            wait = wait * 2 if text and self._progress.state() == seen else first
            seen = self._progress.state()

    def _end(self) -> None:
        if not self._over.is_set():
            self._over.set()
            if self._row:
                self._row.close()


def _is_watched() -> bool:
    """Tell whether a person looks at a terminal; ansible-runner makes one of its own and records all of it."""
    recorded = os.environ.get("ANSIBLE_STDOUT_CALLBACK", "").endswith("awx_display")
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not recorded


class BottomRow:
    """The last row of the terminal, kept out of what scrolls. Written past Python's buffers, in one call each."""

    def __init__(self) -> None:
        self._rows = 0
        self._lock = threading.Lock()

    def show(self, text: str) -> None:
        """Put a text there, cut to the width; an empty one gives the row back."""
        size = shutil.get_terminal_size()
        with self._lock:
            if not text:
                self._give_back()
                return
            if size.lines != self._rows:
                self._rows = size.lines
                _write(f"\n\0337\033[1;{size.lines - 1}r\0338\033[1A")
            _write(f"\0337\033[{size.lines};1H\033[2K{fit(text, size.columns - 1)}\0338")

    def close(self) -> None:
        """Give the row back."""
        with self._lock:
            self._give_back()

    def _give_back(self) -> None:
        if self._rows:
            _write(f"\0337\033[1;{self._rows}r\033[{self._rows};1H\033[2K\0338")
            self._rows = 0


def _write(text: str) -> None:
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), text.encode())
