# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary for the terminal: at most ten lines a host, what to fix first on top."""

from __future__ import annotations

import collections
import typing as t

from ..logs import plain
from .build import is_open, tree, verdict
from .words import word

Json = dict[str, t.Any]
Line = tuple[str, t.Optional[str]]
"""Text and the name of an Ansible display colour."""

MAX_LINES = 10
MAX_PROOFS = 2
MAX_OTHER_ROOTS = 2
LIST_HEALTHY = 10
"""From this number of hosts on, the healthy ones share one line."""
_LOOK = {
    "critical": ("✗", "bright red"),
    "error": ("✗", "red"),
    "warning": ("!", "yellow"),
    "info": ("·", "cyan"),
    "healthy": ("✓", "green"),
    "unreachable": ("?", "bright red"),
    "unseen": ("?", "yellow"),
}


def render(report: Json, width: int) -> list[Line]:
    """Make the lines of the whole report, the worst host first."""
    lang = report["lang"]
    healthy = [host["host"] for host in report["hosts"] if verdict(host) == "healthy"]
    fold = len(report["hosts"]) > LIST_HEALTHY and len(healthy) > 1
    lines: list[Line] = []
    for host in report["hosts"]:
        if not (fold and host["host"] in healthy):
            lines += [*host_lines(host, lang, width, report["mode"]), ("", None)]
    if fold:
        lines += [
            (_fit(f"✓ {word('healthy_list', lang, len(healthy))}: {', '.join(healthy)}", width), "green"),
            ("", None),
        ]
    return lines


def host_lines(host: Json, lang: str, width: int, mode: str = "diagnose") -> list[Line]:
    """Make one host's lines: verdict, root finding with proof and next step, then other roots."""
    lines = [_headline(host, lang)]
    if not host["reachable"]:
        lines.append((f"  {one_line(host['error'])}", None))
        lines.append((f"  → {word('unreachable_help', lang, host['host']).replace('`', '')}", None))
    lines += _upgrade_lines(host["upgrade"], lang) if "upgrade" in host else []
    roots = tree(host["findings"])
    others = roots
    if roots and is_open(roots[0][0]):
        lines += _root_lines(*roots[0], lang, mode)
        others = roots[1:]
    lines += [_title(finding, lang, mode) for finding, _below in others[:MAX_OTHER_ROOTS]]
    if len(others) > MAX_OTHER_ROOTS:
        lines.append((f"  {word('more', lang, len(others) - MAX_OTHER_ROOTS)}", None))
    return [(_fit(text, width), colour) for text, colour in lines[:MAX_LINES]]


def _headline(host: Json, lang: str) -> Line:
    state = verdict(host)
    mark, colour = _LOOK[state]
    statuses = collections.Counter(check["status"] for check in host["checks"].values())
    left = sum(map(is_open, host["findings"]))
    version = host["deployment"].get("fastgpt_version")
    parts = [
        f"FastGPT {version}" if version else "",
        word("count_findings", lang, left) if left else "",
        word("count_ok", lang, statuses["ok"]) if host["reachable"] else "",
        word("count_unknown", lang, statuses["unknown"]) if statuses["unknown"] else "",
    ]
    details = " · ".join(part for part in parts if part)
    return f"{mark} {host['host']}  {word(state, lang).upper()}  {details}".rstrip(), colour


_UPGRADE_LOOK = {"done": ("✓", "green"), "held": ("!", "yellow"), "rolled_back": ("↩", "red")}
_UPGRADE_LOOK |= {"failed": ("✗", "red"), "refused": ("✗", "red")}


def _upgrade_lines(upgrade: Json, lang: str) -> list[Line]:
    """Say from where to where, what became of each hop, and why it ended where it did."""
    mark, colour = _UPGRADE_LOOK[upgrade["status"]]
    way = f"{upgrade['from']} → {upgrade['to']}"
    lines: list[Line] = [
        (f"  {mark} {way}: {word('upgrade_' + upgrade['status'], lang)} ({upgrade['run_id']})", colour)
    ]
    hops = [f"{hop['version']} {word('upgrade_' + hop['status'], lang)}" for hop in upgrade["hops"]]
    lines.append((f"    {' · '.join(hops)}", None))
    if upgrade["message"]:
        lines.append((f"    {one_line(upgrade['message'])}", colour))
    return lines


def _title(finding: Json, lang: str, mode: str) -> Line:
    """Name a finding; what became of it matters only where something was to be fixed."""
    state = f", {word('state_' + finding['status'], lang)}" if mode != "diagnose" else ""
    if finding.get("waived"):
        state += f", {word('waived_until', lang, finding['waived']['until'])}"
    label = f"[{finding['id']}, {word(finding['confidence'], lang)}{state}]"
    return f"  {finding['rank']}. {one_line(finding['title'])} {label}", _LOOK[finding["severity"]][1]


def _root_lines(finding: Json, below: t.Sequence[t.Any], lang: str, mode: str) -> list[Line]:
    lines = [_title(finding, lang, mode)]
    first, *others = finding["evidence"][:MAX_PROOFS]
    lines.append((f"     {first['source']} │ {one_line(first['excerpt'])}", None))
    if first.get("expected"):
        lines.append((f"     {word('expected', lang)}: {one_line(first['expected'])}", None))
    lines += [(f"     {proof['source']} │ {one_line(proof['excerpt'])}", None) for proof in others]
    if below:
        lines.append((f"     {word('explains', lang)}: {', '.join(_ids(below))}", "cyan"))
    step = one_line(finding["remedy"]["steps"][0]).replace("`", "")
    lines.append((f"     → {word('next', lang)}: {step}", "bright blue"))
    return lines


def _ids(nodes: t.Sequence[t.Any]) -> list[str]:
    found = []
    for finding, below in nodes:
        found += [finding["id"], *_ids(below)]
    return list(dict.fromkeys(found))


def one_line(text: str) -> str:
    """Put a text of several lines on one, without control characters (a log must not steer the terminal)."""
    joined = " ⏎ ".join(line.strip() for line in plain(text).splitlines() if line.strip())
    return "".join(char if char.isprintable() else "�" for char in joined)


def _fit(text: str, width: int) -> str:
    """Cut a line to the terminal's cells; a Chinese character takes two.

    :raises ImportError: Python package rich is not there
    """
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
