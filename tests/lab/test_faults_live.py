# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Faults on the running lab: made, found as the root they are, healed, gone.

FASTGPT_LAB_FAULTS chooses them: names, comma-separated, or `all`; a few of different kinds by default.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastgpt_lab import faults, stacks
from fastgpt_lab.settings import Host

from .conftest import HOSTS, USED_HOSTS, diagnose, grave_ids

USUAL = "mongo-keyfile-permissions,port-conflict-process,engine-hung,config-json-invalid"
CHOSEN = os.environ.get("FASTGPT_LAB_FAULTS", USUAL)
FAULTS = [fault for fault in faults.load_all() if CHOSEN == "all" or fault.name in CHOSEN.split(",")]

# what is only missing because FastGPT has just started is no finding yet
PATIENCE = 75.0

pytestmark = pytest.mark.lab


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """The first host the test's fault fits, as it was deployed; reset afterwards."""
    fault: faults.Fault = request.getfixturevalue("fault")
    chosen = next((HOSTS[name] for name in USED_HOSTS if fault.fits(HOSTS[name])), None)
    if chosen is None:
        pytest.skip(f"{fault.name} is for stack {fault.stack}")
    if faults.heal_all(chosen):
        stacks.bring_up(chosen)
    yield chosen
    if faults.heal_all(chosen):
        stacks.bring_up(chosen)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_found_as_root_and_gone_when_healed(fault: faults.Fault, host: Host, tmp_path: Path) -> None:
    faults.inject(host, fault)
    time.sleep(4)  # a restart loop needs to restart

    found = look_until(lambda ids: ids[:1] == [fault.finding], host, tmp_path, ranked_ids)
    assert found[0] == fault.finding, found

    faults.heal(host, fault)
    stacks.wait_until_ready(host)
    time.sleep(2)
    left = look_until(lambda ids: not ids, host, tmp_path, lambda entry: [*grave_ids(entry), *named(entry, fault)])
    assert left == []


def ranked_ids(entry: dict[str, Any]) -> list[str]:
    return [item["id"] for item in sorted(entry["findings"], key=lambda item: int(item["rank"]))]


def named(entry: dict[str, Any], fault: faults.Fault) -> list[str]:
    """The fault's own finding, whatever its severity."""
    return [item["id"] for item in entry["findings"] if item["id"] == fault.finding]


def look_until(
    right: Callable[[list[str]], bool], host: Host, reports: Path, ids: Callable[[dict[str, Any]], list[str]]
) -> list[str]:
    """Diagnose until it is as wanted, or the time that FastGPT gets to start is over; return the last ids."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ids(diagnose(host, reports))
        if right(found) or time.monotonic() > deadline:
            return found
        time.sleep(5)
