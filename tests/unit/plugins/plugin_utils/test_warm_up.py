# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What the strategy's process loads before it forks, its workers need not load again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COUNT_FILES = """
import sys
from ansible_collections.fastgpt.ops.plugins.action import {plugin}
from ansible_collections.fastgpt.ops.plugins.plugin_utils import diagnosis, signatures
opened = []
sys.addaudithook(lambda event, details: opened.append(details[0]) if event == "open" else None)
container = {{"name": "fastgpt", "image": "ghcr.io/labring/fastgpt:v4.8.11", "state": {{"running": True}}}}
log = {{"container": "fastgpt", "timestamps": False, "text": "invalid json", "truncated": False}}
evidence = {{"schema_version": 1, "source": "live", "containers": [container], "logs": [log]}}
assert diagnosis.diagnose(evidence, "host").checks
print(len([path for path in opened if str(path).endswith((".yml", ".py", ".pyc"))]))
"""


@pytest.mark.parametrize("plugin", ["plan", "prove"])
def test_a_worker_reads_no_rules_and_no_knowledge(plugin: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_FILES.format(plugin=plugin)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stdout + done.stderr
