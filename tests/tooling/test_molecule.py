# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The Molecule scenarios: Molecule passes over a playbook that does not exist, so that is looked at here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((ROOT / "molecule").rglob("molecule.yml"))
PLAYBOOKS = {
    "converge": "converge.yml",
    "verify": "verify.yml",
    "prepare": "prepare.yml",
    "idempotence": "converge.yml",
}


def load(path: Path) -> dict[str, Any]:
    """The file's mapping."""
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict), path
    return loaded


def playbooks(scenario: Path) -> list[str]:
    """The playbooks the scenario's sequence runs, relative to its folder."""
    base = load(ROOT / ".config/molecule/config.yml")
    sequence = load(scenario).get("scenario", {}).get("test_sequence") or base["scenario"]["test_sequence"]
    steps = [step.split() for step in sequence]
    return [step[1] if len(step) > 1 else PLAYBOOKS[step[0]] for step in steps]


def test_there_is_a_scenario() -> None:
    assert SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.parent.name)
def test_every_playbook_of_a_scenario_exists(scenario: Path) -> None:
    missing = [name for name in playbooks(scenario) if not (scenario.parent / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.parent.name)
def test_a_scenario_ends_with_a_look_at_the_result(scenario: Path) -> None:
    assert any(Path(name).name.startswith("verify") for name in playbooks(scenario))
