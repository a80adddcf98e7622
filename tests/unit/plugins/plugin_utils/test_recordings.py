# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every finding has a recording that must match and a near miss that must not."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, diagnosis, rule
from ansible_collections.fastgpt.ops.plugins.plugin_utils.logs import Log
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.host import read_host
from ansible_collections.fastgpt.ops.plugins.plugin_utils.signatures import signatures

RECORDINGS = pathlib.Path(__file__).parents[3] / "recordings"


def load(kind: str) -> list[t.Any]:
    params = []
    for path in sorted(RECORDINGS.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")).get(kind, []):
            params.append(pytest.param(path.stem, case, id=f"{path.stem}-{case['name']}"))
    return params


def run(case: dict[str, t.Any]) -> diagnosis.HostDiagnosis:
    files = {name: text.encode() for name, text in case.get("files", {}).items()}
    evidence = read_host(files, "host1", "salt") if files else {"schema_version": 1, "source": "bundle"}
    result = diagnosis.diagnose({**evidence, **case.get("evidence", {})}, "host1")
    crashed = [
        i for i, o in result.checks.items() if o.reason and o.reason["en"].startswith(diagnosis.CRASHED["en"][:30])
    ]
    assert not crashed, [result.checks[name].reason for name in crashed]
    return result


@pytest.mark.parametrize(("finding", "case"), load("match"))
def test_recording_matches(finding: str, case: dict[str, t.Any]) -> None:
    result = run(case)
    found = {item.entry.id: item for item in result.findings}
    assert finding in found, f"found {sorted(found)}, check: {result.checks[finding]}"
    item = found[finding]
    assert item.hit.proofs
    assert all(proof.excerpt for proof in item.hit.proofs)
    if "rank" in case:
        assert item.rank == case["rank"], [(f.rank, f.entry.id, f.explained_by) for f in result.findings]
    if "explained_by" in case:
        assert item.explained_by == case["explained_by"]
    for text in (item.title, item.cause, *item.steps):
        for words in text.values():
            assert not re.search(r"(?<![{$])\{[a-z][a-z0-9_]*\}(?!\})", words), f"no fact for a placeholder in: {words}"


ONLY_IN_ITS_OWN_LOG = {
    "look-up",
    "http behind https",
    "start script waits for ever",
    "service crashes",
}
"""Recordings of words that tell something only where it is known who said them (``strict``)."""


def one_log(kind: str) -> list[t.Any]:
    """Give the recordings that are one log and nothing else."""
    return [
        param
        for param in load(kind)
        if [name.split("/")[0] for name in param.values[1].get("files", {})] == ["logs"]
        and "evidence" not in param.values[1]
        and param.values[1]["name"] not in ONLY_IN_ITS_OWN_LOG
    ]


@pytest.mark.parametrize("name", ["logs/unknown.log", "shell.txt"])
@pytest.mark.parametrize(("finding", "case"), one_log("match"))
def test_recording_matches_in_a_text_nobody_named(finding: str, case: dict[str, t.Any], name: str) -> None:
    (text,) = case["files"].values()
    if run({"files": case["files"]}).findings[0].entry.id == finding:
        assert [item.entry.id for item in run({"files": {name: text}}).findings][:1] == [finding]


@pytest.mark.parametrize(("finding", "case"), load("near_miss"))
def test_near_miss_does_not_match(finding: str, case: dict[str, t.Any]) -> None:
    assert finding not in {item.entry.id for item in run(case).findings}


@pytest.mark.parametrize("finding", catalogue.findings())
def test_explains_only_known_findings(finding: str) -> None:
    assert set(catalogue.findings()[finding].effects) <= set(catalogue.findings())


@pytest.mark.parametrize("finding", catalogue.findings())
def test_every_built_finding_has_both(finding: str) -> None:
    diagnosis.load_rules()
    built = any(r.finding == finding for r in rule.RULES) or any(s.finding == finding for s in signatures())
    assert built, f"{finding} is in the catalogue, but neither a rule nor a signature finds it"
    path = RECORDINGS / f"{finding}.yml"
    assert path.is_file(), f"{finding} has no recording"
    kinds = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert kinds.get("match")
    assert kinds.get("near_miss")


@pytest.mark.parametrize("signature", signatures(), ids=lambda s: f"{s.finding}-{s.pattern[:40]}")
def test_signature_matches_its_example(signature: t.Any) -> None:
    assert signature.finding in catalogue.findings()
    assert signature.regex.search(signature.example)
    text = Log("example", signature.example)
    assert any(branch.can_be_in(text) and branch.regex.search(text.text) for branch in signature.branches)
