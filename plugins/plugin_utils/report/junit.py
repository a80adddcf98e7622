# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, for CI systems: a test suite a host, a test case a check."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from junit_xml import TestCase

Json = dict[str, t.Any]


def render(report: Json) -> str:
    """Make junit.xml. A finding is a failure (a mere note is not), what could not look is skipped with its reason.

    :raises ImportError: Python package junit-xml is not there
    """
    from junit_xml import TestSuite, to_xml_report_string

    suites = [
        TestSuite(host["host"], _cases(host), timestamp=report["generated_at"], properties={"run_id": report["run_id"]})
        for host in report["hosts"]
    ]
    return t.cast(str, to_xml_report_string(suites, encoding="utf-8", prettyprint=False))


def _cases(host: Json) -> list[TestCase]:
    from junit_xml import TestCase

    reached = TestCase("reachable", classname=host["host"])
    if not host["reachable"]:
        reached.add_error_info(message=host["error"], error_type="unreachable")
    return [reached, *(_case(host, name, check) for name, check in host["checks"].items())]


def _case(host: Json, name: str, check: Json) -> TestCase:
    from junit_xml import TestCase

    case = TestCase(name, classname=host["host"])
    if check["status"] in ("unknown", "not_applicable"):
        case.add_skipped_info(message=check.get("reason") or check["status"])
    for finding in host["findings"]:
        if finding["id"] != name:
            continue
        output = "\n".join(f"{proof['source']}: {proof['excerpt']}" for proof in finding["evidence"])
        if finding["severity"] == "info":
            case.stdout = "\n".join(filter(None, [case.stdout, finding["title"], output]))
        else:
            case.add_failure_info(message=finding["title"], output=output, failure_type=finding["severity"])
    return case
