# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The examples of scheduled runs: each is read by what will read it, and calls the program as it is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule import config

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples"
CALL = re.compile(r"\S*bin/fastgpt-ops [^\n>]+")
CALLERS = ["fastgpt-ops.cron", "fastgpt-ops.service", "github-actions.yml", "gitlab-ci.yml"]


def test_the_configuration_is_read() -> None:
    found = config.load(EXAMPLES / "fleet.yml", {"FEISHU_WEBHOOK": "https://hook.example/x", "FEISHU_SECRET": "s"})
    assert (found.mode, found.allow, found.changes_per_night) == ("remediate", ("safe", "restart"), 20)
    assert [target.kind for target in found.notify] == ["feishu"]


def test_every_kind_of_receiver_is_shown() -> None:
    shown = set(re.findall(r"\{type: (\w+)", (EXAMPLES / "fleet.yml").read_text("utf-8")))
    assert shown == {"webhook", "feishu", "dingtalk", "wecom", "slack"}


@pytest.mark.parametrize("name", CALLERS)
def test_the_program_is_called_as_it_wants(name: str) -> None:
    calls = CALL.findall((EXAMPLES / name).read_text("utf-8"))
    assert calls
    for call in calls:
        program, command, option, _file = shlex.split(call)
        assert (ROOT / "bin" / Path(program).name).exists()
        assert (command, option) == ("run", "--config")


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_ci_files_keep_the_report(name: str) -> None:
    content = (EXAMPLES / name).read_text("utf-8")
    assert yaml.safe_load(content)
    assert "reports/latest/" in content


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("no systemd here")
    for name in ("fastgpt-ops.service", "fastgpt-ops.timer"):
        text = (EXAMPLES / name).read_text("utf-8").replace("/opt/fastgpt-ops/bin", str(ROOT / "bin"))
        (tmp_path / name).write_text(text, "utf-8")
    units = [str(tmp_path / name) for name in ("fastgpt-ops.service", "fastgpt-ops.timer")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    assert "fastgpt-ops" not in done.stderr, done.stderr


def test_the_execution_environment_has_what_the_clone_needs() -> None:
    found = yaml.safe_load((EXAMPLES / "execution-environment.yml").read_text("utf-8"))
    requirements = EXAMPLES / found["dependencies"]["python"]
    pins = {line.partition(";")[0].strip() for line in requirements.read_text("utf-8").splitlines()}
    assert {found["dependencies"][key]["package_pip"] for key in ("ansible_core", "ansible_runner")} <= pins


def test_awx_gets_playbooks_that_are_there_and_variables_that_are_documented() -> None:
    (play,) = yaml.safe_load((EXAMPLES / "awx.yml").read_text("utf-8"))
    modules = {key: task for task in play["tasks"] for key in task if key.startswith("awx.awx.")}
    templates = modules["awx.awx.job_template"]["loop"]
    documented = (ROOT / "README.md").read_text("utf-8")
    for template in templates:
        assert (ROOT / template["playbook"]).exists()
        assert all(f"`{name}`" in documented for name in template["variables"])
    scheduled = {item["template"] for item in modules["awx.awx.schedule"]["loop"]}
    assert scheduled <= {template["name"] for template in templates}
