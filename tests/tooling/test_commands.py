# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What the commands of the Makefile rest on: the choice of Python, the sum of a test run."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
JUNIT = """<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>"""


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """The script scripts/test as a module."""
    loader = importlib.machinery.SourceFileLoader("project_test_runner", str(ROOT / "scripts/test"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look their module up there
    loader.exec_module(module)
    return module


def test_setup_passes_over_a_shim_that_does_not_run(tmp_path: Path) -> None:
    shim = tmp_path / "python3.14"
    shim.write_text("#!/bin/sh\necho 'python3.14: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    command = [str(ROOT / "scripts/setup"), "--python"]
    chosen = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert chosen != str(shim)
    subprocess.run([chosen, "-c", "import ensurepip, ssl, venv"], check=True)


def test_a_step_takes_its_counts_from_the_junit_file(runner: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "unit.xml"
    report.write_text(JUNIT)
    assert runner.pytest_counts(report) == (2, 2, 1)
    assert runner.pytest_counts(tmp_path / "absent.xml") is None


def test_a_step_whose_need_failed_is_not_run_and_counts_as_failed(runner: ModuleType, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    steps = [
        runner.Step("lab-up", ("false",)),
        runner.Step("lab", ("touch", str(trace)), needs="lab-up"),
        runner.Step("other", ("true",)),
    ]
    results = runner.run_all(steps)
    assert [(result.passed, result.failed) for result in results] == [(0, 1), (0, 1), (1, 0)]
    assert not trace.exists()


def test_the_last_line_is_the_sum(runner: ModuleType) -> None:
    results = [
        runner.Result(runner.Step("unit", ()), passed=40, failed=0, skipped=2, seconds=3.0),
        runner.Result(runner.Step("sanity", ()), passed=0, failed=1, skipped=0, seconds=9.0),
    ]
    assert runner.summary(results, 12.0).splitlines()[-1] == "40 passed, 1 failed, 2 skipped"


def test_a_named_step_brings_what_it_needs(runner: ModuleType) -> None:
    assert [step.name for step in runner.select(["browser"], "test")] == ["chromium", "browser"]
    with pytest.raises(SystemExit, match="no such step: brauser"):
        runner.select(["brauser"], "test")


def test_every_need_is_a_step_that_comes_before(runner: ModuleType) -> None:
    names = [step.name for step in runner.STEPS]
    for step in runner.STEPS:
        if step.needs:
            assert names.index(step.needs) < names.index(step.name), step.name
