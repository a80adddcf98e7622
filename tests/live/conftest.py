# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What the tests against the running lab share: its commands, its hosts over SSH, a diagnosis of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
STATE = ROOT / "lab/.state"
FLEET = STATE / "fleet.yml"
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}


@dataclass(frozen=True)
class Run:
    """What a playbook left: its report ({} where it makes none), the run's folder, its output and exit code."""

    report: dict[str, Any]
    folder: Path
    output: str
    code: int

    def host(self, name: str) -> dict[str, Any]:
        """The host's part of the report."""
        (found,) = (host for host in self.report["hosts"] if host["host"] == name)
        return dict(found)

    def ids(self, name: str) -> list[str]:
        """The ids of the host's findings, first to fix first."""
        return [finding["id"] for finding in sorted(self.host(name)["findings"], key=lambda finding: finding["rank"])]

    def roots(self, name: str) -> list[str]:
        """The ids of the host's findings that no other explains, first to fix first."""
        findings = sorted(self.host(name)["findings"], key=lambda finding: finding["rank"])
        return [finding["id"] for finding in findings if not finding["explained_by"]]

    def grave(self, name: str) -> list[str]:
        """The ids of the host's findings of severity error or critical."""
        return [found["id"] for found in self.host(name)["findings"] if found["severity"] in ("error", "critical")]

    def open_and_grave(self, name: str) -> list[str]:
        """The ids of the host's findings of severity error or critical that are not fixed."""
        findings = self.host(name)["findings"]
        return [f["id"] for f in findings if f["severity"] in ("error", "critical") and f["status"] != "fixed"]


Playbook = Callable[..., Run]


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    """Run a playbook of the clone on lab hosts, its reports in the test's own folder."""

    def run(name: str, *options: str, inventory: Path = STATE / "inventory.yml") -> Run:
        reports = ("-e", f"fastgpt_report_dir={tmp_path}/reports", "-e", "fastgpt_lang=en")
        done = ansible_playbook(inventory, name, *options, *reports)
        output = done.stdout + done.stderr
        return report_of(tmp_path / "reports", output, done.returncode)

    return run


def report_of(reports: Path, output: str, code: int = 0) -> Run:
    """What the last run left in a folder of reports."""
    folders = [path for path in reports.glob("*") if not path.is_symlink()]
    assert folders, output[-4000:]
    folder = max(folders)  # their names begin with the time
    report = folder / "report.json"
    return Run(json.loads(report.read_text("utf-8")) if report.exists() else {}, folder, output, code)


def ansible_playbook(inventory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook in the clone to its end."""
    command = [str(BIN / "ansible-playbook"), "-i", str(inventory), *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def start(name: str, host: str, options: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a playbook on one host of the lab's fleet, with these variables, in a process group of its own."""
    command = [str(BIN / "ansible-playbook"), "-i", str(FLEET), "--limit", host, name, "-e", json.dumps(options)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def lab(*arguments: str) -> None:
    """Run the lab's command line. Raises AssertionError with its output when it fails."""
    command = [sys.executable, str(ROOT / "lab/lab.py"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def ssh(host: str, script: str) -> str:
    """Run a shell script on a lab host and return what it printed. Raises CalledProcessError when it fails."""
    command = ["ssh", "-F", str(STATE / "ssh_config"), host, "sh", "-es"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout
