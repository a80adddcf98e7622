# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Nothing the project ships removes data: its code is read here, what it really calls is looked at in the lab."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastgpt_lab import calls

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    path
    for folder in ("plugins", "roles", "playbooks", "bin")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in ("", ".py", ".yml", ".sh", ".j2") and "knowledge" not in path.parts
]
# words of a command in a text, or items of a list of arguments
GAP = r"[\"',\s]+"
REMOVES = re.compile(
    rf"\bdown{GAP}(?:-v|--volumes)\b"
    rf"|\bvolume{GAP}(?:rm|remove|prune)\b"
    rf"|\b(?:system|image|container){GAP}prune\b"
    rf"|\brm{GAP}-\w*[rv]"
    rf"|[\"' ](?:-y|--yes)[\"' ]"
    r"|\byes \|"
    r"|\b(?:drop|truncate) (?:table|database|collection)\b|\.(?:drop|dropDatabase|deleteMany)\(",
    re.IGNORECASE,
)
EMPTY_TABLE = "plugins/modules/vector_extension.py"
"""Drops FastGPT's table with the extension it was made for, when that is undone, and only while it is empty."""
TREES = {"plugins/module_utils/_journal.py", "plugins/plugin_utils/schedule/run.py"}
"""Files that may remove a whole folder: the journal's own of old runs, and old artifacts on the controller."""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_removes_data(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = ["DROP TABLE"] if str(path.relative_to(ROOT)) == EMPTY_TABLE else []
    assert [match[0] for match in REMOVES.finditer(text)] == expected
    assert "rmtree" not in text or str(path.relative_to(ROOT)) in TREES


@pytest.mark.parametrize(
    "code",
    [
        'run(["docker", "compose", "down", "-v"])',
        "docker volume rm x",
        "docker system prune --volumes",
        "rm -rf /data",
        '["rm", "-rf", path]',
        "docker rm -fv mongo",
        "yes | docker compose up",
        '["up", "-y"]',
        "DROP TABLE modeldata",
    ],
)
def test_code_that_does_is_seen(code: str) -> None:
    assert REMOVES.search(code)


@pytest.mark.parametrize(
    "call",
    [
        "docker compose down -v",
        "docker volume rm x",
        "docker system prune --volumes",
        "docker compose up -y",
        "docker exec pg rm -rf /var/lib/postgresql/data",
        "docker rm -fv mongo",
    ],
)
def test_a_dangerous_call_is_seen(call: str) -> None:
    assert calls.is_dangerous(call)


@pytest.mark.parametrize("call", ["docker compose up -d mongo", "docker run --rm -v /a:/b image", "docker rm old"])
def test_a_harmless_call_is_not(call: str) -> None:
    assert not calls.is_dangerous(call)
