# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A healthy stack, watched from its first start to two minutes after it is up, has nothing grave once it is up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fastgpt_lab.settings import Host

from .conftest import HOSTS, ROOT, USED_HOSTS, diagnose, grave_ids

WATCHED_SECONDS = 120.0
# one host of each generation, with each Compose
KINDS = {(HOSTS[name].stack, HOSTS[name].compose): HOSTS[name] for name in reversed(USED_HOSTS)}

pytestmark = pytest.mark.lab


@pytest.mark.timeout(900)
@pytest.mark.parametrize("host", KINDS.values(), ids=lambda host: f"{host.stack} with {host.compose}")
def test_nothing_grave_once_it_is_up(host: Host, tmp_path: Path) -> None:
    # while it starts, whatever is found is as it should be; but each look must come to its end
    with subprocess.Popen([sys.executable, str(ROOT / "lab/lab.py"), "reset", host.name, "--data"]) as start:
        while start.poll() is None:
            diagnose(host, tmp_path)
    assert start.returncode == 0

    up = time.monotonic()
    grave = {}
    while (age := time.monotonic() - up) < WATCHED_SECONDS:
        grave[f"{age:.0f} s"] = grave_ids(diagnose(host, tmp_path))
    assert not any(grave.values()), grave
    assert len(grave) > 1
