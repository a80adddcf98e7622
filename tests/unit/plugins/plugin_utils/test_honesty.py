# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check that could not look is never ok: on every recording, with each piece of its evidence taken away."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, diagnosis, needs, rule
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.host import read_host

RECORDINGS = pathlib.Path(__file__).parents[3] / "recordings"
Json = t.Dict[str, t.Any]


def recorded(finding: str) -> list[Json]:
    cases = yaml.safe_load((RECORDINGS / f"{finding}.yml").read_text(encoding="utf-8"))["match"]
    return [evidence_of(case) for case in cases]


def evidence_of(case: Json) -> Json:
    files = {name: text.encode() for name, text in case.get("files", {}).items()}
    evidence = read_host(files, "host1", "salt") if files else {"schema_version": 1, "source": "bundle"}
    return {**evidence, **case.get("evidence", {})}


def without(evidence: Json) -> t.Iterator[tuple[str, Json]]:
    """Give the evidence with one thing less, again and again: a whole part, or one item of a list or map."""
    parts = ("engine", "containers", "files", "logs", "texts", "probes", "process_env", "host", "compose", "projects")
    for part in parts:
        if part in evidence:
            yield part, {key: value for key, value in evidence.items() if key != part}
    for part in ("probes", "process_env", "host"):
        for key in evidence.get(part) or {}:
            less = copy.deepcopy(evidence)
            del less[part][key]
            yield f"{part}.{key}", less


@pytest.mark.parametrize("finding", catalogue.findings())
def test_evidence_taken_away_never_reads_ok(finding: str) -> None:
    for evidence in recorded(finding):
        proofs = found(evidence, finding)
        for what, less in without(evidence):
            status = diagnosis.diagnose(less, "host1", only=[finding]).checks[finding].status
            assert status != "ok" or not proofs_rest_on(proofs, what), f"{finding} is ok without {what}"


def found(evidence: Json, finding: str) -> list[str]:
    result = diagnosis.diagnose(evidence, "host1", only=[finding])
    return [proof.source for item in result.findings for proof in item.hit.proofs]


def proofs_rest_on(proofs: t.Sequence[str], what: str) -> bool:
    """Every recording's finding rests on what was recorded; the host's own name and clock prove nothing."""
    return bool(proofs) and what not in ("host.name", "host.os", "host.kernel", "host.user")


diagnosis.load_rules()


@pytest.mark.parametrize("need", sorted({need for r in rule.RULES if not r.component for need in r.needs}))
def test_a_need_that_is_not_met_makes_the_check_unknown(need: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = needs.is_met
    monkeypatch.setattr(needs, "is_met", lambda asked, deployment: asked != need and real(asked, deployment))
    asking = sorted({r.finding for r in rule.RULES if need in r.needs and not r.component})
    result = diagnosis.diagnose({"source": "live", "projects": [{"name": "x"}], "containers": []}, "host1", only=asking)
    for finding in asking:
        assert result.checks[finding].status in ("unknown", "not_applicable"), finding


def test_nothing_at_all_is_unknown_everywhere() -> None:
    result = diagnosis.diagnose({"source": "bundle"}, "host1")
    assert {outcome.status for outcome in result.checks.values()} == {"unknown"}
    assert result.findings == []
