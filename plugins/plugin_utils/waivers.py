# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that somebody decided to live with, until a date. They are shown, and do not count."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import typing as t

from . import catalogue

Json = dict[str, t.Any]


class WaiverError(Exception):
    """A waiver that cannot be what was meant; says which and why."""


@dataclasses.dataclass(frozen=True)
class Waiver:
    """One decision: this finding on these hosts does not count until the end of that day.

    :ivar hosts: pattern of host names, such as ``test-*``
    """

    finding: str
    hosts: str
    reason: str
    until: datetime.date

    def covers(self, host: str, finding: str, today: datetime.date) -> bool:
        """Tell whether it is about this finding on this host, and not over."""
        return finding == self.finding and fnmatch.fnmatchcase(host, self.hosts) and today <= self.until


def parse(items: t.Sequence[t.Mapping[str, t.Any]]) -> list[Waiver]:
    """Read waivers: ``finding``, ``hosts`` (all where left out), ``reason`` and ``until``, all but one needed.

    :raises WaiverError: something is missing, unknown or not a date
    """
    return [_one(number, item) for number, item in enumerate(items, 1)]


def _one(number: int, item: t.Mapping[str, t.Any]) -> Waiver:
    where = f"waiver {number} ({item.get('finding', 'without a finding')})"
    if missing := [key for key in ("finding", "reason", "until") if not item.get(key)]:
        raise WaiverError(f"{where}: {', '.join(missing)} is missing; it needs finding, reason and until")
    if item["finding"] not in catalogue.findings():
        raise WaiverError(f"{where}: no finding of this name")
    if unknown := set(item) - {"finding", "hosts", "reason", "until"}:
        raise WaiverError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    try:
        until = datetime.date.fromisoformat(str(item["until"]))
    except ValueError:
        raise WaiverError(f"{where}: until is {item['until']!r}, not a date such as 2026-12-31") from None
    return Waiver(str(item["finding"]), str(item.get("hosts") or "*"), str(item["reason"]), until)


def applied(hosts: t.Sequence[Json], waivers: t.Sequence[Waiver], today: datetime.date) -> list[Json]:
    """Mark the findings of report entries that a waiver covers; those no longer make a host unhealthy."""
    if not waivers:
        return list(hosts)
    return [_marked(host, waivers, today) for host in hosts]


def _marked(host: Json, waivers: t.Sequence[Waiver], today: datetime.date) -> Json:
    findings = []
    for finding in host["findings"]:
        waiver = next((w for w in waivers if w.covers(host["host"], finding["id"], today)), None)
        mark = {"waived": {"reason": waiver.reason, "until": waiver.until.isoformat()}} if waiver else {}
        findings.append({**finding, **mark})
    bad = any(f["severity"] in ("critical", "error") for f in findings if f["status"] != "fixed" and "waived" not in f)
    return {**host, "findings": findings, "healthy": host["reachable"] and not bad}
