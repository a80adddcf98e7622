# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A role that is used by itself names the variables it still wants."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible")


def wanted(role: Path) -> list[str]:
    """The structures that the role cannot do without."""
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]["options"]
    return [name for name, spec in specs.items() if spec.get("required") and spec["type"] in ("dict", "list")]


@pytest.mark.parametrize(
    "role", [role for role in sorted((ROOT / "roles").iterdir()) if wanted(role)], ids=lambda r: r.name
)
def test_a_role_names_what_it_wants(role: Path) -> None:
    command = [str(ANSIBLE), "localhost", "-i", "localhost,", "-c", "local", "-m", "ansible.builtin.include_role"]
    done = subprocess.run(
        [*command, "-a", f"name=fastgpt.ops.{role.name}"],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert [name for name in wanted(role) if f"argument '{name}'" not in done.stdout + done.stderr] == []
