# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The collection as users get it: built, installed into an empty path, its playbook called by name from anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SHIPPED = {
    "CHANGELOG.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "README.zh-CN.md",
    "bin",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "requirements.yml",
}
SHIPPED_LATER = {"roles", "changelogs"}
"""May be there, and belongs to the collection."""


def run(command: list[str], cwd: Path, **environment: str) -> str:
    """Run one of the environment's programs without this clone's settings; return what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    home = {"HOME": str(cwd), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=cwd, env=inherited | home | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built archive."""
    folder = tmp_path_factory.mktemp("build")
    run(["ansible-galaxy", "collection", "build", "--output-path", str(folder), str(ROOT)], folder)
    (built,) = folder.glob("fastgpt-ops-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path with nothing but the installed archive."""
    folder = tmp_path_factory.mktemp("collections")
    run(["ansible-galaxy", "collection", "install", str(archive), "--collections-path", str(folder)], folder)
    return folder


def test_only_what_users_need_is_in_the_archive(archive: Path) -> None:
    with tarfile.open(archive) as packed:
        top = {Path(name).parts[0] for name in packed.getnames()}
    assert top - SHIPPED_LATER == SHIPPED


def test_the_installed_collection_diagnoses_a_bundle(installed: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "up.txt").write_text(
        "Error response from daemon: driver failed programming external connectivity on endpoint fastgpt: "
        "Bind for 0.0.0.0:3000 failed: port is already allocated\n"
    )
    run(
        ["ansible-playbook", "fastgpt.ops.diagnose", "-e", f"fastgpt_bundle={bundle}"],
        tmp_path,
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    )
    report = json.loads((tmp_path / "reports/latest/report.json").read_text(encoding="utf-8"))
    assert [finding["id"] for finding in report["hosts"][0]["findings"]] == ["port-conflict"]


def test_modules_of_the_installed_collection_are_documented(installed: Path, tmp_path: Path) -> None:
    listed = run(["ansible-doc", "--list", "fastgpt.ops"], tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed))
    documented = {line.split()[0] for line in listed.splitlines() if line.startswith("fastgpt.ops.")}
    modules = {f"fastgpt.ops.{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")}
    assert modules
    assert documented == modules
