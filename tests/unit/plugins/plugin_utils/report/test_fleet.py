# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import build, fleet, history, page, write

from . import sample


def with_traits(name: str, broken: bool, **traits: str) -> t.Any:
    host = sample.broken(name) if broken else sample.healthy(name)
    host.traits = traits
    return host


def runs(*reports: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Digests of reports, each a day after the one before."""
    found = [history.digest(report) for report in reports]
    for day, item in enumerate(found, 1):
        item.update(run_id=f"run-{day:04}", generated_at=f"2026-11-{day:02}T00:00:00+00:00")
    return found


def test_failing_host_is_set_apart_from_those_without_its_finding() -> None:
    report = sample.report(
        with_traits("odd", True, fastgpt="4.8.11", docker="26", key="<secret:1>", arch="arm64"),
        with_traits("a", False, fastgpt="4.14.1", docker="26", key="<secret:2>", arch="x86_64"),
        with_traits("b", False, fastgpt="4.14.1", docker="26", key="<secret:3>", arch="x86_64"),
        with_traits("c", False, fastgpt="4.14.0", docker="26", key="<secret:4>", arch="x86_64"),
    )
    hosts = {host["host"]: host for host in report["hosts"]}
    assert hosts["odd"]["differs"] == [
        {"trait": "arch", "here": "arm64", "others": "x86_64", "count": 3, "of": 3},
        {"trait": "fastgpt", "here": "4.8.11", "others": "4.14.1", "count": 2, "of": 3},
    ]
    assert hosts["a"]["differs"] == []


def test_hosts_with_the_same_finding_are_no_peers() -> None:
    report = sample.report(
        with_traits("x", True, arch="arm64"),
        with_traits("y", True, arch="x86_64"),
        with_traits("z", False, arch="x86_64"),
    )
    assert [host["differs"] for host in report["hosts"]] == [[], [], []]  # one peer is not enough


def test_drift_shows_versions_and_leaves_out_what_every_host_has_its_own_of() -> None:
    report = sample.report(
        *(
            with_traits(f"h{n}", False, fastgpt="4.14.1" if n else "4.8.11", key=f"<secret:{n}>", os="x")
            for n in range(4)
        )
    )
    assert report["fleet"]["drift"] == [
        {
            "trait": "fastgpt",
            "values": [{"value": "4.14.1", "hosts": ["h1", "h2", "h3"]}, {"value": "4.8.11", "hosts": ["h0"]}],
        }
    ]


def test_widespread_findings_stand_gravest_first_and_consequences_last() -> None:
    found = sample.report(sample.broken("a"), sample.broken("b"), sample.warned("c"))["fleet"]["findings"]
    assert [(item["id"], item["hosts"], item["roots"]) for item in found] == [
        ("mongo-keyfile-permissions", 2, 2),
        ("image-tag-floating", 3, 3),
        ("mongo-unreachable", 2, 0),
        ("root-user-not-registered", 2, 0),
    ]


def test_finding_tells_since_when_it_is_there_without_a_break() -> None:
    before = runs(
        sample.report(sample.warned("web1")),
        sample.report(sample.healthy("web1")),
        sample.report(sample.warned("web1")),
        sample.report(sample.unreachable("web1", "no route")),  # did not see it: no break
    )
    (finding,) = sample.report(sample.warned("web1"), before=before)["hosts"][0]["findings"]
    assert (finding["since"], finding["new"]) == ("2026-11-03T00:00:00+00:00", False)
    report = sample.report(sample.warned("web1"), before=before[:2])
    (finding,) = report["hosts"][0]["findings"]
    assert (finding["since"], finding["new"]) == (report["generated_at"], True)


def test_nothing_is_new_on_a_host_seen_for_the_first_time() -> None:
    report = sample.report(sample.broken("web1"), before=runs(sample.report(sample.broken("other"))))
    assert not any(finding["new"] for finding in report["hosts"][0]["findings"])
    assert report["fleet"]["news"] is None


def test_news_name_what_came_what_went_and_who_was_lost() -> None:
    before = runs(sample.report(sample.warned("a"), sample.healthy("b"), sample.healthy("c"), sample.noted("d")))
    report = sample.report(
        sample.healthy("a"),
        sample.warned("b"),
        sample.unreachable("c", "no route"),
        sample.noted("d"),
        sample.warned("e"),
        before=before,
    )
    one = {"finding": "image-tag-floating", "service": None}
    assert report["fleet"]["news"] == {
        "since": "2026-11-01T00:00:00+00:00",
        "found": [{"host": "b", **one}],
        "gone": [{"host": "a", **one}],
        "lost": ["c"],
        "back": [],
    }


def test_trend_counts_this_reports_hosts_in_every_run_and_those_not_seen() -> None:
    before = runs(sample.report(sample.broken("a"), sample.healthy("gone")), sample.report(sample.healthy("elsewhere")))
    trend = sample.report(sample.healthy("a"), sample.healthy("b"), before=before)["fleet"]["history"]
    assert [(run["states"], run["missing"]) for run in trend] == [({"critical": 1}, 1), ({"healthy": 2}, 0)]


def test_changes_of_earlier_runs_are_kept_newest_first() -> None:
    report = sample.report(sample.warned("web1"), before=sample.earlier("web1"))
    (change,) = report["fleet"]["changes"]
    assert (change["run_id"], change["finding"], change["proof"]) == (
        "20261121T221530Z-0001",
        "port-conflict",
        "port 3000 answers",
    )
    shown = page.render_html(report)
    assert "fastgpt_run_id=20261121T221530Z-0001" in shown
    assert sample.report(sample.warned("other"), before=sample.earlier("web1"))["fleet"]["changes"] == []


def test_earlier_runs_are_read_from_their_digest_or_their_report(tmp_path: pathlib.Path) -> None:
    for name in ("20261101T000000Z-aaaa", "20261102T000000Z-bbbb", "20261103T000000Z-cccc"):
        write.write_report(sample.report() | {"run_id": name}, tmp_path / name)
    (tmp_path / "20261102T000000Z-bbbb/digest.json").unlink()
    (tmp_path / "20261101T000000Z-aaaa/digest.json").write_text("{torn")
    write.point_latest(tmp_path / "20261103T000000Z-cccc")
    found = history.earlier(tmp_path / "20261103T000000Z-cccc")
    assert [item["run_id"] for item in found] == ["20261102T000000Z-bbbb"]
    assert found[0]["hosts"]["web1"]["state"] == "critical"
    assert history.earlier(tmp_path / "none" / "x") == []


def test_digest_of_a_large_fleet_is_small() -> None:
    report = sample.report(*sample.fleet_of(200))
    assert len(json.dumps(history.digest(report))) < len(json.dumps(report)) / 50


def test_view_of_a_thousand_hosts_takes_a_moment() -> None:
    hosts = [build.host_entry(host, "en") for host in sample.fleet_of(1000)]
    report = build.assemble(build.Run("20261122T221530Z-4f2a", "0", sample.NOW, "en"), hosts)
    start = time.process_time()
    fleet.view(report, sample.earlier("fastgpt-0010"))
    assert time.process_time() - start < 2  # a tenth of a second where nothing grows with the square


@pytest.mark.parametrize("count", [1, 2, 25, 26, 60])
def test_hosts_beyond_the_first_are_packed(count: int) -> None:
    shown = page.render_html(sample.report(*sample.fleet_of(count)))
    assert shown.count('<details class="host ') == min(count, page.INLINE)
    assert shown.count('class="pack"') == (0 if count <= page.INLINE else 1 + -(-(count - page.INLINE) // page.PACK))
