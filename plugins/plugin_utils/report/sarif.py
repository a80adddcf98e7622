# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as SARIF 2.1.0, for code hosts: a rule a finding, a result a finding on a host."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
import urllib.parse

from .. import catalogue

Json = dict[str, t.Any]

_LEVELS = {"critical": "error", "error": "error", "warning": "warning", "info": "note"}
# code hosts sort by this number, in the scale of CVSS
_SECURITY = {"critical": "9.0", "error": "7.0", "warning": "4.0", "info": "1.0"}
_PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9_]*\}")
_FILE = re.compile(r"^(?P<path>[^\s:]*[./][^\s:]*)(?::(?P<line>\d+))?(?:\s|$)")


def render(report: Json) -> str:
    """Make report.sarif in the report's language."""
    open_findings = [(host, f) for host in report["hosts"] for f in host["findings"] if f["status"] != "fixed"]
    ids = list(dict.fromkeys(finding["id"] for _host, finding in open_findings))
    run: Json = {
        "tool": {
            "driver": {
                "name": "fastgpt.ops",
                "semanticVersion": report["tool_version"],
                "rules": [_rule(name, report["lang"]) for name in ids],
            }
        },
        "language": {"zh": "zh-CN"}.get(report["lang"], report["lang"]),
        "automationDetails": {"id": f"fastgpt.ops/{report['run_id']}"},
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": report["generated_at"].replace("+00:00", "Z"),
                "toolExecutionNotifications": [_unread(host) for host in report["hosts"] if not host["reachable"]],
            }
        ],
        "results": [_result(host, finding, ids) for host, finding in open_findings],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _rule(name: str, lang: str) -> Json:
    entry = catalogue.findings().get(name)
    if entry is None:
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": _PLACEHOLDER.sub("…", entry.title[lang])},
        "fullDescription": {"text": _PLACEHOLDER.sub("…", entry.cause[lang])},
        "defaultConfiguration": {"level": _LEVELS[entry.severity]},
        "properties": {"tags": [entry.family], "security-severity": _SECURITY[entry.severity]},
    }


def _unread(host: Json) -> Json:
    return {"level": "error", "message": {"text": f"{host['host']}: {host['error']}"}}


def _result(host: Json, finding: Json, ids: t.Sequence[str]) -> Json:
    key = f"{host['host']} {finding['id']} {finding['service']}"
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(finding["remedy"]["steps"], 1))
    proofs = "\n".join(f"{proof['source']}: {proof['excerpt']}" for proof in finding["evidence"])
    result = {
        "ruleId": finding["id"],
        "ruleIndex": ids.index(finding["id"]),
        "level": _LEVELS[finding["severity"]],
        "message": {"text": f"{host['host']}: {finding['title']}\n{finding['cause']}\n\n{proofs}\n\n{steps}"},
        "locations": [_location(host["host"], proof) for proof in finding["evidence"][:1]],
        "relatedLocations": [_location(host["host"], proof) for proof in finding["evidence"][1:]],
        "partialFingerprints": {"hostFindingService/v1": hashlib.sha256(key.encode()).hexdigest()},
        "rank": max(0.0, 101.0 - finding["rank"]),
        "properties": {"host": host["host"], "confidence": finding["confidence"], "root": not finding["explained_by"]},
    }
    if waived := finding.get("waived"):
        words = f"{waived['reason']} (until {waived['until']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": words}]
    if finding.get("since"):
        result["baselineState"] = "new" if finding.get("new") else "unchanged"
    return result


def _location(host: str, proof: Json) -> Json:
    """Give where a proof stands: a file on the host, else the host itself; the excerpt is the snippet."""
    found = _FILE.match(proof["source"])
    path = f"{host}/{found['path'].lstrip('/')}" if found else host
    region: Json = {"snippet": {"text": proof["excerpt"]}}
    if found and found["line"] and found["line"] != "0":
        region["startLine"] = int(found["line"])
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": urllib.parse.quote(path)},
            "region": {"startLine": 1, **region},
        },
        "logicalLocations": [{"name": host, "kind": "resource"}],
        "message": {"text": proof["source"]},
    }
