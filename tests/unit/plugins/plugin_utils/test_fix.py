# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: what is to be done, what is not, and whether an approved one still holds."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding, HostDiagnosis
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import build
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

COMPOSE = """\
services:
  oneapi:
    image: justsong/one-api:v0.6.7
    ports:
      - 3001:3000 # the gateway
  mongo:
    image: mongo:5.0.18
    volumes: [./mongodb.key:/data/mongodb.key]
"""


def deployment(**more: t.Any) -> Deployment:
    return Deployment(
        {
            "source": "live",
            "host": {"listeners": [{"port": 3001}, {"port": 3101}]},
            "projects": [
                {"name": "fastgpt", "directory": "/opt/fastgpt", "config_files": ["/opt/fastgpt/docker-compose.yml"]}
            ],
            "files": [
                {"path": "/opt/fastgpt/docker-compose.yml", "role": "compose", "kind": "file", "text": COMPOSE},
                {
                    "path": "/opt/fastgpt/mongodb.key",
                    "role": "keyfile",
                    "kind": "file",
                    "mode": "0644",
                    "uid": 0,
                    "gid": 0,
                },
            ],
            "containers": [
                {"name": "mongo", "service": "mongo", "image": "mongo:5.0.18", "state": {"status": "exited"}}
            ],
            **more,
        }
    )


def found(finding: str, service: str | None, explained_by: t.Sequence[str] = (), **facts: t.Any) -> Finding:
    entry = catalogue.findings()[finding]
    seen = hit("here", "this", service=service, **facts)
    words = {"en": entry.id, "zh": entry.id}
    causes = [(name, service) for name in explained_by]
    return Finding(entry, seen, entry.severity, "certain", service, words, words, [words], causes, 1)


def plan(*findings: Finding, allow: t.Sequence[str] = ("safe", "restart"), of: Deployment | None = None) -> t.Any:
    return fix.plan_host(of or deployment(), HostDiagnosis("web1", True, {}, {}, list(findings)), allow)


def test_a_taken_port_moves_to_a_free_one_near_it() -> None:
    (step,) = plan(found("port-conflict", "oneapi", port=3001))["steps"]
    assert step["variables"]["steps"] == [
        {
            "kind": "compose",
            "path": "/opt/fastgpt/docker-compose.yml",
            "service": "oneapi",
            "ports": [{"container_port": 3000, "host": "3002"}],
        }
    ]
    assert "-      - 3001:3000 # the gateway\n+      - 3002:3000 # the gateway" in step["diff"]
    assert (step["role"], step["recreates"], step["allowed"]) == ("port_remap", ["oneapi"], True)


def test_what_is_not_allowed_is_planned_but_not_applied() -> None:
    (step,) = plan(found("mongo-keyfile-permissions", "mongo"), allow=["safe"])["steps"]
    assert (step["risk"], step["allowed"]) == ("restart", False)
    assert step["variables"]["keyfile"] == "/opt/fastgpt/mongodb.key"


def test_a_consequence_gets_no_step() -> None:
    result = plan(found("container-not-running", "mongo", explained_by=["mongo-keyfile-permissions"]))
    assert (result["steps"], result["left"]) == ([], [])


def test_what_cannot_be_done_says_why() -> None:
    result = plan(found("port-conflict", "nginx", port=80), found("disk-full", None))
    assert result["steps"] == []
    assert [item["reason"]["en"] for item in result["left"]] == [
        "nginx is no service of the compose file",
        "advice only",
    ]


def test_a_fix_that_cannot_be_planned_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(_deployment: Deployment, _finding: Finding) -> fix.Fix:
        raise StopIteration

    monkeypatch.setitem(fix.FIXES, "mongo-keyfile-permissions", stumbles)
    result = plan(found("mongo-keyfile-permissions", "mongo"), found("port-conflict", "oneapi", port=3001))
    assert [step["finding"] for step in result["steps"]] == ["port-conflict"]
    assert [item["reason"]["en"] for item in result["left"]] == ["its fix could not be planned (StopIteration)"]


def test_every_fix_is_of_the_catalogue_and_has_its_role() -> None:
    fix.load_fixes()
    for finding in fix.FIXES:
        entry = catalogue.findings()[finding]
        assert entry.role, f"{finding} has a fix, but the catalogue names no role"
        role = "env" if finding.startswith("env-") else entry.role  # variables of an upgrade are the role env's as well
        assert (catalogue.COLLECTION / "roles" / role / "tasks" / "main.yml").is_file()


def test_the_report_says_automatic_only_where_a_fix_is() -> None:
    one, other = (
        build.host_entry(HostDiagnosis("h", True, {}, {}, [found(i, "mongo")]), "en")["findings"][0]
        for i in ("mongo-keyfile-permissions", "oom")
    )
    assert (one["remedy"]["automatic"], one["status"]) == (True, "open")
    assert (other["remedy"]["automatic"], other["status"]) == (False, "advice")


@pytest.fixture
def made() -> tuple[t.Any, t.Any]:
    host = plan(found("port-conflict", "oneapi", port=3001))
    return fix.assemble("run1", [host]), fix.assemble("run2", [copy.deepcopy(host)])


def test_an_approved_plan_is_applied_as_it_is(made: tuple[t.Any, t.Any]) -> None:
    old, fresh = made
    old["hosts"][0]["steps"][0]["allowed"] = False
    old = fix.assemble("run1", old["hosts"])
    approved, troubles = fix.approved(old, fresh)
    assert troubles == []
    assert approved["hosts"][0]["steps"][0]["allowed"] is True


def test_an_approved_plan_gets_the_tokens_of_the_run_that_applies_it() -> None:
    def of_run(token: str) -> t.Any:
        text = COMPOSE.replace("    ports:", f"    environment: [KEY={token}]\n    ports:")
        files = [{"path": "/opt/fastgpt/docker-compose.yml", "role": "compose", "kind": "file", "text": text}]
        host = plan(found("port-conflict", "oneapi", port=3001), of=deployment(files=files))
        host["steps"][0]["variables"]["note"] = token
        host["steps"][0]["evidence"] = fix.fingerprint(deployment(files=[]), host["steps"][0])
        return fix.assemble(token, [host])

    approved, troubles = fix.approved(of_run("<secret:aaaaaa>"), of_run("<secret:bbbbbb>"))
    assert troubles == []
    assert approved["hosts"][0]["steps"][0]["variables"]["note"] == "<secret:bbbbbb>"


def test_an_edited_plan_is_refused(made: tuple[t.Any, t.Any]) -> None:
    old, fresh = made
    old["hosts"][0]["steps"][0]["variables"]["host"] = "9999"
    assert "digest" in fix.approved(old, fresh)[1][0]


def test_a_plan_whose_ground_has_changed_is_refused(made: tuple[t.Any, t.Any]) -> None:
    old, fresh = made
    fresh["hosts"][0]["steps"][0]["evidence"] = "other"
    assert "has changed since the plan was made" in fix.approved(old, fresh)[1][0]
    fresh["hosts"][0]["steps"] = []
    assert "is not there any more" in fix.approved(old, fresh)[1][0]
