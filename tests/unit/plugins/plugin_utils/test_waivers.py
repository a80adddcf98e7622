# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

from ansible_collections.fastgpt.ops.plugins.plugin_utils import waivers
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import build, metrics, page, sarif, terminal

from .report import sample

WAIVER = {"finding": "mongo-keyfile-permissions", "hosts": "web*", "reason": "moved next week", "until": "2026-11-22"}
LAST_DAY = datetime.date(2026, 11, 22)


def waived(today: datetime.date = LAST_DAY) -> dict[str, object]:
    report = sample.report(sample.broken("web1"), sample.broken("db1"))
    return {**report, "hosts": waivers.applied(report["hosts"], waivers.parse([WAIVER]), today)}


def marks(report: dict[str, object]) -> dict[tuple[str, str], object]:
    return {
        (host["host"], finding["id"]): finding.get("waived")
        for host in report["hosts"]  # type: ignore[attr-defined]
        for finding in host["findings"]
    }


def test_only_its_finding_on_its_hosts_is_waived_to_the_end_of_its_last_day() -> None:
    found = marks(waived())
    assert found["web1", "mongo-keyfile-permissions"] == {"reason": "moved next week", "until": "2026-11-22"}
    assert [key for key, mark in found.items() if mark] == [("web1", "mongo-keyfile-permissions")]
    assert not any(marks(waived(LAST_DAY + datetime.timedelta(days=1))).values())


def test_a_waived_finding_does_not_count_anywhere_and_is_still_shown() -> None:
    host = next(h for h in waived()["hosts"] if h["host"] == "web1")  # type: ignore[attr-defined]
    alone = sample.report(sample.broken("web1"))
    keyfile = next(f for f in host["findings"] if f["id"] == "mongo-keyfile-permissions")
    alone["hosts"] = [{**alone["hosts"][0], "findings": [{**keyfile, "explained_by": []}], "healthy": True}]
    assert build.verdict(alone["hosts"][0]) == "healthy"
    assert not build.reaches(alone, "critical")
    assert 'finding="mongo-keyfile-permissions"' not in metrics.render(alone)
    assert '"justification": "moved next week (until 2026-11-22)"' in sarif.render(alone)
    shown = page.render_html(alone)
    assert "accepted until 2026-11-22" in shown
    assert "moved next week" in shown
    assert '<section class="root' not in shown
    assert "accepted until 2026-11-22" in "\n".join(line for line, _colour in terminal.render(alone, 160))
