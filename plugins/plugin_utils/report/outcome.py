# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each finding of a remediation, and of an upgrade: what was meant, what was done, what is now."""

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


def with_upgrade(host: Json, upgrades: Json) -> Json:
    """Give a host's entry with what became of its upgrade, where there was one.

    :param upgrades: by host each, ``runs`` (of the module ``upgrade_plan``), ``ends`` (of this run's hops) and
        ``stops`` (why it did not go on; empty where it did)
    """
    made = upgrades.get("runs", {}).get(host["host"])
    if not made or not (made["hops"] or made["goes_on"]):
        return host
    plan, stop = made["plan"], upgrades["stops"].get(host["host"]) or {}
    ends = [{"version": version, "status": "done"} for version in made["done"]]
    ends += upgrades["ends"].get(host["host"]) or []
    hops = [_hop(hop["version"], ends[n] if n < len(ends) else {}) for n, hop in enumerate(plan["hops"])]
    if stop.get("status") == "held" and len(ends) < len(hops):
        hops[len(ends)]["status"] = "held"
    if not stop and len(ends) < len(hops):
        stop = {"status": "failed", "message": "the host was lost on the way; the next run goes on"}
    upgrade = {
        "run_id": made["run_id"],
        "from": plan["current"],
        "to": plan["target"],
        "status": stop.get("status", "done"),
        "message": stop.get("message"),
        "hops": hops,
    }
    return {**host, "upgrade": upgrade}


def _hop(version: str, end: Json) -> Json:
    seconds = end.get("seconds")
    return {
        "version": version,
        "status": end.get("status", "todo"),
        "seconds": None if seconds is None else float(seconds),
        "message": end.get("message"),
    }
