# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What the live tests of the lab share: its hosts, and a diagnosis of one.

FASTGPT_LAB_HOSTS names the hosts to use, comma-separated; those booted by default where it is not set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fastgpt_lab.settings import STATE, Host, load_hosts

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOSTS, DEFAULT_HOSTS = load_hosts()
USED_HOSTS = os.environ.get("FASTGPT_LAB_HOSTS", ",".join(DEFAULT_HOSTS)).split(",")


def diagnose(host: Host, reports: Path) -> dict[str, Any]:
    """Diagnose one lab host over SSH and return its part of report.json."""
    command = [f"{BIN}/ansible-playbook", "diagnose.yml", "-i", f"{STATE}/fleet.yml", "--limit", host.name]
    command += ["-e", f"fastgpt_report_dir={reports}"]
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((reports / "latest" / "report.json").read_text(encoding="utf-8"))
    (found,) = (entry for entry in report["hosts"] if entry["host"] == host.name)
    return dict(found)


def grave_ids(entry: dict[str, Any]) -> list[str]:
    return [item["id"] for item in entry["findings"] if item["severity"] in ("error", "critical")]
