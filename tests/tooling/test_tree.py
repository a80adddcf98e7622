# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Facts that stand in more than one file of the tree must agree."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible import release

ROOT = Path(__file__).resolve().parents[2]
CODE = {".py", ".sh"}
SHEBANG = "#!"
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"


def tracked() -> list[Path]:
    """The files of the tree that git knows or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file() and not path.is_symlink()]


def is_code(path: Path) -> bool:
    """Whether it is a program: by its ending, or by its first line."""
    if path.suffix in CODE:
        return True
    with path.open("rb") as file:
        return file.read(len(SHEBANG)) == SHEBANG.encode()


def test_every_code_file_names_the_licence() -> None:
    files = [path for path in tracked() if is_code(path) and path.stat().st_size]
    assert files
    without = [str(path.relative_to(ROOT)) for path in files if LICENCE not in path.read_text("utf-8")[:600]]
    assert without == []


def test_nothing_tracked_is_a_cache_or_a_report() -> None:
    parts = {"reports", ".venv", "__pycache__", ".state", ".cache"}
    assert [str(path) for path in tracked() if parts & set(path.relative_to(ROOT).parts[:-1])] == []


def test_requirements_pin_the_collections_of_the_community_package() -> None:
    if not release.__version__.startswith("2.21."):
        pytest.skip("the pins are those of the package for the newest Python")
    import ansible_collections

    wanted = yaml.safe_load((ROOT / "requirements.yml").read_text("utf-8"))["collections"]
    shipped = {}
    for entry in wanted:
        parts = entry["name"].split(".")
        (manifest,) = (m for p in ansible_collections.__path__ if (m := Path(p, *parts, "MANIFEST.json")).exists())
        shipped[entry["name"]] = json.loads(manifest.read_text("utf-8"))["collection_info"]["version"]
    assert {entry["name"]: entry["version"] for entry in wanted} == shipped


def code_blocks(path: Path) -> list[str]:
    """The indented and fenced commands of a page, without comments (those are in the page's language)."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s*#.*", "", block) for block in blocks]


def test_both_readmes_give_the_same_commands() -> None:
    english = code_blocks(ROOT / "README.md")
    assert english
    assert code_blocks(ROOT / "README.zh-CN.md") == english


PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "".join(code_blocks(ROOT / "README.md"))))
    assert {"demo", "test", "clean"} <= named
    assert named - targets == set()
