# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what a configuration means now, and try its receivers."""

from __future__ import annotations

import datetime
import sys

from . import news, notify, run, state
from .config import Config


def describe(config: Config) -> str:
    """Say what a run would do now, a line each."""
    now = datetime.datetime.now(datetime.timezone.utc)
    may = run.order(config, state.load(config.state_dir), now)
    today = now.astimezone(config.timezone).date()
    over = [f"{waiver.finding} ({waiver.until})" for waiver in config.waivers if waiver.until < today]
    lines = [
        f"time here: {now.astimezone(config.timezone):%Y-%m-%d %H:%M %Z}",
        f"playbook now: {may.playbook}",
        f"may be applied now: {', '.join(may.allow) or 'nothing'}",
        f"approved plan: {may.plan or 'none to apply now'}",
        f"fixes left this night: {'no cap' if may.left is None else may.left}",
        f"waivers: {len(config.waivers)}" + (f"; over: {', '.join(over)}" if over else ""),
        f"workers: {len(config.workers) or 'none, this controller'}",
        f"receivers: {', '.join(target.kind for target in config.notify) or 'none'}",
    ]
    return "\n".join(lines)


def try_notify(config: Config) -> int:
    """Send every receiver a test message; give the exit code."""
    code = run.OK
    item = news.Item("back", "-", "test of fastgpt-ops / 测试消息")
    summary = {"hosts": 0, "hosts_healthy": 0}
    told = news.News((item,), "en", "test", datetime.datetime.now(datetime.timezone.utc).isoformat(), summary)
    for target in config.notify:
        try:
            notify.send(target, told)
            sys.stdout.write(f"{target.kind}: sent\n")
        except notify.NotifyError as error:
            sys.stderr.write(f"{error}\n")
            code = run.FAILED
    return code
