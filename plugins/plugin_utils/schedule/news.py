# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different from what was told last: new, gone and fixed findings, hosts lost and back. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ..report import build
from ..report.words import word

Json = dict[str, t.Any]

MAX_LINES = 30
_BAD = ("lost", "found", "failed", "rolled_back", "trouble")


@dataclasses.dataclass(frozen=True)
class Item:
    """One line of the news.

    :ivar kind: lost, found, failed, rolled_back, fixed, gone, back or trouble
    """

    kind: str
    host: str
    text: str
    finding: str | None = None
    service: str | None = None
    severity: str | None = None


@dataclasses.dataclass(frozen=True)
class News:
    """All that is to be told of a run."""

    items: tuple[Item, ...]
    lang: str
    run_id: str
    generated_at: str
    summary: Json

    @property
    def bad(self) -> bool:
        """Tell whether any of it is bad news."""
        return any(item.kind in _BAD for item in self.items)

    @property
    def title(self) -> str:
        """Say it in a line: how many of what, and how many hosts need attention."""
        kinds = dict.fromkeys(item.kind for item in self.items)
        parts = [f"{word(f'news_{k}', self.lang)} {sum(i.kind == k for i in self.items)}" for k in kinds]
        left = self.summary["hosts"] - self.summary["hosts_healthy"]
        return f"FastGPT: {', '.join(parts)} · {word('need_attention', self.lang, left, self.summary['hosts'])}"

    def markdown(self, size: int) -> str:
        """Give the lines in Markdown, in at most that many bytes; what does not fit is counted."""
        end = f"\n{word('run', self.lang)} {self.run_id}"
        lines: list[str] = []
        for item in self.items[:MAX_LINES]:
            line = f"- **{word(f'news_{item.kind}', self.lang)}** {item.host}: {item.text}"
            if len("\n".join([*lines, line, end]).encode()) > size - 60:
                break
            lines.append(line)
        if rest := len(self.items) - len(lines):
            lines.append(f"- {word('more', self.lang, rest)}")
        return "\n".join([*lines, end])

    def as_json(self) -> Json:
        """Give the news as data."""
        return {
            "event": "fastgpt.ops.news",
            "title": self.title,
            "run_id": self.run_id,
            "generated_at": self.generated_at,
            "summary": self.summary,
            "items": [dataclasses.asdict(item) for item in self.items],
        }


def told_of(report: Json) -> dict[str, Json]:
    """Give what a report's news rest on, by host: its state, its open root findings, and fixes that did not help."""
    return {
        host["host"]: {
            "state": build.verdict(host),
            "open": [_key(f) for f in host["findings"] if build.is_open(f) and not f["explained_by"]],
            "failed": [_key(f) for f in host["findings"] if f["status"] in ("failed", "rolled_back")],
        }
        for host in report["hosts"]
    }


def compare(told: t.Mapping[str, Json], report: Json, trouble: str | None = None) -> News:
    """Compare a report with what was told last, in the form of `told_of`.

    Of a host that is told of for the first time, only what is wrong is news.
    """
    items = [Item("trouble", "-", trouble)] if trouble else []
    for host in report["hosts"]:
        before = told.get(host["host"]) or {"state": None, "open": [], "failed": []}
        items += _of_host(before, host, report["lang"])
    order = ("trouble", "lost", "found", "failed", "rolled_back", "fixed", "gone", "back")
    items.sort(key=lambda item: order.index(item.kind))
    return News(tuple(items), report["lang"], report["run_id"], report["generated_at"], report["summary"])


def _key(finding: Json) -> list[t.Any]:
    return [finding["id"], finding["service"]]


def _of_host(before: Json, host: Json, lang: str) -> t.Iterator[Item]:
    name = host["host"]
    if not host["reachable"]:
        if before["state"] != "unreachable":
            yield Item("lost", name, (host["error"] or "").strip().partition("\n")[0][:200])
        return
    if before["state"] == "unreachable":
        yield Item("back", name, word(build.verdict(host), lang))
    for finding in host["findings"]:
        if kind := _kind(finding, before):
            proof = finding.get("proof") or finding.get("message")
            text = finding["title"] + (f" ({_words(proof)})" if proof else "")
            yield Item(kind, name, text, finding["id"], finding["service"], finding["severity"])
    left = [_key(finding) for finding in host["findings"]]
    for key in before["open"]:
        if key not in left:
            yield Item("gone", name, key[0], key[0], key[1])


def _kind(finding: Json, before: Json) -> str | None:
    """Say what is new about a finding; None where nothing is."""
    if finding["status"] == "fixed":
        return "fixed"
    if finding["status"] in ("failed", "rolled_back"):
        return None if _key(finding) in before["failed"] else str(finding["status"])
    new = build.is_open(finding) and not finding["explained_by"] and _key(finding) not in before["open"]
    return "found" if new else None


def _words(value: t.Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
