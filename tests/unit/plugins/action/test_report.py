# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""diagnose.yml as its user runs it, on folders of pasted files and on hosts that cannot be read."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import analyse

ROOT = pathlib.Path(__file__).parents[4]
PLAYBOOK = pathlib.Path(sys.executable).parent / "ansible-playbook"
LOG = "permissions on /data/mongodb.key are too open\n"


def run(playbook: str, tmp_path: pathlib.Path, *arguments: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
    command = [
        str(PLAYBOOK),
        playbook,
        *arguments,
        "-e",
        json.dumps({"fastgpt_report_dir": str(tmp_path / "out"), "fastgpt_lang": "en", **variables}),
    ]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "COLUMNS": "120"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def put(folder: pathlib.Path, **files: str) -> str:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder)


def report(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((tmp_path / "out/latest/report.json").read_text(encoding="utf-8")))


def test_bundle_of_two_hosts(tmp_path: pathlib.Path) -> None:
    bundle = put(tmp_path / "ticket", **{"web1__logs__mongo.log": LOG, "web2__shell.txt": "$ uptime\n"})
    done = run("diagnose.yml", tmp_path, fastgpt_bundle=bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    made = report(tmp_path)
    assert [host["host"] for host in made["hosts"]] == ["web1", "web2"]
    assert made["hosts"][0]["findings"][0]["id"] == "mongo-keyfile-permissions"
    assert made["lang"] == "en"
    assert LOG.strip() in done.stdout
    assert "latest" not in made["run_id"]
    assert sorted(path.name for path in (tmp_path / "out/latest").iterdir()) == [
        "digest.json",
        "junit.xml",
        "metrics.prom",
        "report.html",
        "report.json",
        "report.md",
        "report.sarif",
    ]


def test_remediating_a_bundle_only_diagnoses_it(tmp_path: pathlib.Path) -> None:
    bundle = put(tmp_path / "ticket", **{"web1__logs__mongo.log": LOG})
    done = run("remediate.yml", tmp_path, "--check", "--diff", fastgpt_bundle=bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    made = report(tmp_path)
    assert made["mode"] == "remediate"
    assert {finding["status"] for host in made["hosts"] for finding in host["findings"]} <= {"advice", "open"}


def test_fail_on_fails_after_the_report_is_written(tmp_path: pathlib.Path) -> None:
    bundle = put(tmp_path / "ticket", **{"web1__logs__mongo.log": LOG})
    done = run("diagnose.yml", tmp_path, fastgpt_bundle=bundle, fastgpt_fail_on="error")
    assert done.returncode == 2
    assert "findings of severity error or above" in done.stdout + done.stderr
    assert report(tmp_path)["hosts"][0]["findings"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"fastgpt_bundle": "/nowhere/ticket"}, "/nowhere/ticket is not there; a bundle is a folder"),
        ({"fastgpt_only": ["mongo-keyfile-permission"]}, "did you mean mongo-keyfile-permissions"),
        ({"fastgpt_lang": "fr"}, "value of lang must be one of"),
        ({"fastgpt_fail_on": "sometimes"}, "value of fail_on must be one of"),
    ],
)
def test_wrong_input_is_named(tmp_path: pathlib.Path, variables: dict[str, t.Any], message: str) -> None:
    bundle = put(tmp_path / "ticket", **{"shell.txt": "$ uptime\n"})
    done = run("diagnose.yml", tmp_path, **{"fastgpt_bundle": bundle, **variables})
    assert done.returncode == 2
    assert message in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_unreachable_host_is_reported_and_costs_no_other_its_diagnosis(tmp_path: pathlib.Path) -> None:
    inventory = tmp_path / "hosts.ini"
    local = f"here ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"{local}\ngone ansible_host=127.0.0.1 ansible_port=1\n", encoding="utf-8")
    done = run("diagnose.yml", tmp_path, "-i", str(inventory))
    hosts = {host["host"]: host for host in report(tmp_path)["hosts"]}
    assert "refused" in hosts["gone"]["error"]
    assert (hosts["gone"]["reachable"], hosts["here"]["reachable"]) == (False, True)
    assert hosts["here"]["checks"]
    assert "Traceback" not in done.stdout + done.stderr


def test_evidence_that_cannot_be_read_is_an_entry_of_its_own(tmp_path: pathlib.Path) -> None:
    put(
        tmp_path,
        **{"bad.json": "{", "down.json": '{"unreachable": "no route"}', "odd.json": '{"logs": 7, "source": "live"}'},
    )
    jobs = analyse.evidence_jobs(str(tmp_path), ["silent", "down"])
    found = {host["host"]: host for host in analyse.analyse(jobs, analyse.Choice("en"))}
    assert list(found) == ["silent", "down", "bad", "odd"]
    assert found["silent"]["error"] == "no evidence arrived from this host"
    assert found["down"]["error"] == "no route"
    assert "not readable evidence" in found["bad"]["error"]
    assert found["odd"]["error"].startswith("diagnosis failed: ")
