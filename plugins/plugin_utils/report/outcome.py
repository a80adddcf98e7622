# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each finding of a remediation: the report of before, the steps' results and the diagnosis of after."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


def merge(before: Json, after: t.Sequence[Json], results: t.Mapping[str, t.Sequence[Json]]) -> list[Json]:
    """Give the hosts' entries: what is gone since stays as ``fixed``, each step's end is its finding's status.

    :param before: the whole report
    :param after: the entries now of the hosts that were worked on; the others keep theirs
    :param results: by host that was worked on, for each step ``finding``, ``service``, ``status`` and ``message``
    """
    now = {host["host"]: host for host in after}
    entries = ((host["host"], host) for host in before["hosts"])
    return [_host(was, now[name], results[name]) if name in results else was for name, was in entries]


def _host(before: Json, after: Json, results: t.Sequence[Json]) -> Json:
    ends = {(item["finding"], item.get("service")): item for item in results}
    findings = [_with_end(finding, ends.get(_key(finding))) for finding in after["findings"]]
    left = {_key(finding) for finding in after["findings"]}
    gone = [f for f in before["findings"] if _key(f) not in left] if after["reachable"] else []
    for rank, finding in enumerate(gone, len(findings) + 1):
        findings.append({**finding, "rank": rank, **_end_of_gone(finding, ends.get(_key(finding)) or {}, after)})
    return {**after, "findings": findings}


def _end_of_gone(finding: Json, end: Json, after: Json) -> Json:
    """What could not be looked at again is not fixed: its evidence is missing now."""
    check = after["checks"].get(finding["id"], {})
    if not end.get("proof") and check.get("status") == "unknown":
        return {"status": "open", "message": check.get("reason")}
    return {"status": "fixed", "proof": end.get("proof") or check.get("status", "gone")}


def _with_end(finding: Json, end: Json | None) -> Json:
    if not end:
        return finding
    return {**finding, "status": end["status"], "message": end.get("message")}


def _key(finding: Json) -> tuple[str, str | None]:
    return finding.get("id") or finding["finding"], finding.get("service")
