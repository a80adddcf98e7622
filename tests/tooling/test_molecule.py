# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The Molecule scenarios: Molecule passes over a playbook that does not exist, so that is looked at here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils import fix

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((ROOT / "molecule").rglob("molecule.yml"))
BASE = ROOT / ".config/molecule/config.yml"


def load(path: Path) -> dict[str, Any]:
    """The file's mapping."""
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict), path
    return loaded


def playbooks(scenario: Path) -> list[Path]:
    """The playbooks the scenario's sequence runs: its own, else those that the base settings name."""
    base, own = load(BASE), load(scenario)
    sequence = own["scenario"].get("test_sequence") or base["scenario"]["test_sequence"]
    sequence = [step for step in sequence if step != "destroy"]  # needs none: there is nothing to destroy
    names = {**base["ansible"]["playbooks"], **own.get("ansible", {}).get("playbooks", {})}
    files = [names[step].replace("${MOLECULE_PROJECT_DIRECTORY}", str(ROOT)) for step in sequence]
    return [scenario.parent / name for name in files]


def test_there_is_a_scenario() -> None:
    assert SCENARIOS


def name_of(path: Path) -> str:
    """The scenario's name, as Molecule has it."""
    return str(path.parent.relative_to(ROOT / "molecule"))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_every_playbook_of_a_scenario_exists(scenario: Path) -> None:
    assert [path for path in playbooks(scenario) if not path.is_file()] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_a_scenario_ends_with_a_look_at_the_result(scenario: Path) -> None:
    assert playbooks(scenario)[-1].name.startswith("verify")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_a_scenario_is_named_after_its_folder(scenario: Path) -> None:
    assert load(scenario)["scenario"]["name"] == name_of(scenario)


def test_every_finding_that_is_cured_has_a_scenario() -> None:
    fix.load_fixes()
    assert set(fix.FIXES) - {path.parent.name for path in SCENARIOS} == set()
