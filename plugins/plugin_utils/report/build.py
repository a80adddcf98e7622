# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as data: diagnoses in, the object of ``schemas/report.schema.json`` out. Every format is made from it."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from .. import fix
from ..catalogue import LANGUAGES, SEVERITIES
from ..diagnosis import Finding, HostDiagnosis, Outcome
from ..rule import Proof

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """What a report says about the run itself.

    :ivar mode: diagnose, remediate, upgrade or rollback
    :ivar lang: ``en`` or ``zh``
    """

    id: str
    tool_version: str
    generated_at: datetime.datetime
    lang: str
    mode: str = "diagnose"


def host_entry(diagnosis: HostDiagnosis, lang: str) -> Json:
    """Make one host's part of the report."""
    return {
        "host": diagnosis.host,
        "reachable": diagnosis.reachable,
        "error": diagnosis.error,
        "healthy": diagnosis.healthy,
        "deployment": dict(diagnosis.deployment),
        "traits": dict(diagnosis.traits),
        "checks": {name: _check(outcome, lang) for name, outcome in diagnosis.checks.items()},
        "findings": [_finding(finding, lang) for finding in diagnosis.findings],
    }


def assemble(run: Run, hosts: t.Sequence[Json]) -> Json:
    """Put the hosts' parts together, the worst first."""
    severities = collections.Counter(finding["severity"] for host in hosts for finding in host["findings"])
    return {
        "schema_version": 1,
        "run_id": run.id,
        "tool_version": run.tool_version,
        "generated_at": run.generated_at.astimezone(datetime.timezone.utc).isoformat(timespec="seconds"),
        "mode": run.mode,
        "lang": run.lang,
        "summary": {
            "hosts": len(hosts),
            "hosts_healthy": sum(host["healthy"] for host in hosts),
            "hosts_unreachable": sum(not host["reachable"] for host in hosts),
            "findings_by_severity": {severity: severities[severity] for severity in SEVERITIES},
        },
        "hosts": sorted(hosts, key=_weight),
    }


def is_open(finding: Json) -> bool:
    """Tell whether a finding counts: it is not fixed, and nobody decided to live with it."""
    return finding["status"] != "fixed" and not finding.get("waived")


def worst_severity(host: Json) -> str | None:
    """Give the highest severity that is still open on a host; None where nothing is."""
    left = {finding["severity"] for finding in host["findings"] if is_open(finding)}
    return next((severity for severity in SEVERITIES if severity in left), None)


def reaches(report: Json, fail_on: str) -> bool:
    """Tell whether a finding at or above a severity is left; ``never`` is never reached."""
    if fail_on == "never":
        return False
    bad = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return any(worst_severity(host) in bad for host in report["hosts"])


def verdict(host: Json) -> str:
    """Name a host's state: unreachable, the worst open severity, healthy, or unseen where most could not look."""
    if not host["reachable"]:
        return "unreachable"
    if severity := worst_severity(host):
        return severity
    statuses = [check["status"] for check in host["checks"].values()]
    return "healthy" if statuses.count("ok") > statuses.count("unknown") else "unseen"


def tree(findings: t.Sequence[Json]) -> list[tuple[Json, list[t.Any]]]:
    """Arrange findings as trees: each under the nearest finding that explains it, once.

    :returns: ``(finding, its consequences in the same form)``, roots in the order of their rank
    """
    ordered = sorted(findings, key=lambda finding: finding["rank"])
    nodes: list[tuple[Json, list[t.Any]]] = [(finding, []) for finding in ordered]
    roots: list[tuple[Json, list[t.Any]]] = []
    for index, (finding, _below) in enumerate(nodes):
        # causes rank before what they explain, so the last one before it is the nearest
        causes = [node for node in nodes[:index] if _is_cause(node[0], finding)]
        same_service = [node for node in causes if node[0]["service"] == finding["service"]]
        siblings = (same_service or causes)[-1][1] if causes else roots
        siblings.append(nodes[index])
    return roots


def _is_cause(cause: Json, finding: Json) -> bool:
    """Tell whether one finding explains another; of several with one id those whose service is named."""
    if "causes" not in finding:  # a report of an older version
        return cause["id"] in finding["explained_by"]
    return {"id": cause["id"], "service": cause["service"]} in finding["causes"]


def _weight(host: Json) -> tuple[int, str]:
    order = ("critical", "unreachable", "error", "warning", "info", "unseen", "healthy")
    return order.index(verdict(host)), host["host"]


def _check(outcome: Outcome, lang: str) -> Json:
    if not outcome.reason:
        return {"status": outcome.status}
    return {"status": outcome.status, "reason": outcome.reason[lang], "reason_i18n": dict(outcome.reason)}


def _finding(finding: Finding, lang: str) -> Json:
    entry = finding.entry
    texts = {
        language: {
            "title": finding.title[language],
            "cause": finding.cause[language],
            "steps": [step[language] for step in finding.steps],
        }
        for language in LANGUAGES
    }
    return {
        "id": entry.id,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "rank": finding.rank,
        "title": texts[lang]["title"],
        "cause": texts[lang]["cause"],
        "faq": entry.faq,
        "service": finding.service,
        "evidence": [_proof(proof, lang) for proof in finding.hit.proofs],
        "explained_by": list(finding.explained_by),
        "causes": [{"id": name, "service": service} for name, service in finding.causes],
        "remedy": {
            "role": entry.role,
            "risk": entry.risk,
            "automatic": fix.cures(entry.id),
            "steps": texts[lang]["steps"],
        },
        "status": "advice" if finding.status == "open" and not fix.cures(entry.id) else finding.status,
        "i18n": texts,
    }


def _proof(proof: Proof, lang: str) -> Json:
    shown: Json = {"source": proof.source, "excerpt": proof.excerpt}
    if proof.expected:
        shown |= {"expected": proof.expected[lang], "expected_i18n": dict(proof.expected)}
    return shown
