# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins name what runs, and small cures of versions change one tag."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fix import CannotFixError
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes import upgrade as cures
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import pin

from tests.unit.plugins.plugin_utils.upgrade import stacks

NAME = "ghcr.io/labring/fastgpt"
DIGEST = "sha256:" + "ab" * 32


def deployment(image: str, digests: t.Sequence[str] = (f"{NAME}@{DIGEST}",), **more: t.Any) -> Deployment:
    """Give a host whose main service has that image, with what its engine knows of it."""
    container = {"name": "fastgpt", "service": "fastgpt", "image": image, "image_id": "sha256:1", **more}
    return stacks.deployment(
        f"services:\n  fastgpt:\n    image: {image} # ours\n",
        containers=[{"state": {"status": "running"}, **container}],
        images=[{"id": "sha256:1", "tags": [image], "digests": list(digests)}],
        probes={"app_version": {"version": "4.8.11"}},
    )


@pytest.mark.parametrize(
    ("image", "after"),
    [
        (f"{NAME}:latest", f"{NAME}:v4.8.11@{DIGEST}"),
        (f"{NAME}:v4.8", f"{NAME}:v4.8.11@{DIGEST}"),
        (NAME, f"{NAME}:v4.8.11@{DIGEST}"),
    ],
)
def test_a_floating_image_becomes_what_runs(image: str, after: str) -> None:
    done, left = pin.pins(deployment(image))
    assert [(item.service, item.file, item.before, item.after) for item in done] == [
        ("fastgpt", stacks.PATH, image, after)
    ]
    assert not left


@pytest.mark.parametrize(
    "image", [f"{NAME}:v4.8.11-fix", f"{NAME}:latest@{DIGEST}", "minio/minio:RELEASE.2025-09-07T16-13-09Z"]
)
def test_an_exact_image_is_left_alone(image: str) -> None:
    assert pin.pins(deployment(image)) == ([], [])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (deployment("harbor.corp/fastgpt:latest", digests=()), "no digest"),
        (deployment(f"{NAME}:latest", state={"status": "exited"}), "does not run"),
        (deployment(f"{NAME}:${{TAG}}"), "variable"),
    ],
    ids=["built here", "stopped", "variable"],
)
def test_what_cannot_be_known_is_said(found: Deployment, words: str) -> None:
    done, left = pin.pins(found)
    assert not done
    assert words in left[0].reason["en"]


def test_without_a_digest_only_a_tag_that_is_on_the_host_counts() -> None:
    found = deployment(f"{NAME}:latest", digests=())
    found.evidence["images"][0]["tags"].append(f"{NAME}:v4.8.11-fix")
    assert [item.after for item in pin.pins(found)[0]] == [f"{NAME}:v4.8.11-fix"]


def finding(name: str, service: str) -> Finding:
    entry = catalogue.findings()[name]
    words = {"en": name, "zh": name}
    return Finding(entry, hit("x", "y", service=service), entry.severity, "certain", service, words, words, [words])


def test_the_cure_of_a_floating_tag_changes_that_line_alone() -> None:
    fix = cures.pin_tag(deployment(f"{NAME}:latest"), finding("image-tag-floating", "fastgpt"))
    assert (fix.role, fix.recreates) == ("upgrade", ("fastgpt",))
    assert fix.variables["image"] == f"{NAME}:v4.8.11@{DIGEST}"
    changed = [line for line in fix.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [f"-    image: {NAME}:latest # ours", f"+    image: {NAME}:v4.8.11@{DIGEST} # ours"]


def test_a_release_to_avoid_is_left_for_the_next_good_one() -> None:
    text = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8").replace("v4.14.10.2", "v4.14.25")
    fix = cures.leave_release(stacks.deployment(text), finding("release-to-avoid", "fastgpt-app"))
    assert fix.variables["image"] == f"{NAME}:v4.14.26"


def test_a_release_to_avoid_that_the_file_has_left_already_needs_no_new_tag() -> None:
    text = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8").replace("v4.14.10.2", "v4.14.26")
    text = text.replace("plugin:v0.5.6", "plugin:v0.6.2")
    app = {"name": "fastgpt-app", "service": "fastgpt-app", "image": f"{NAME}:v4.14.25", "state": {"running": True}}
    runs = stacks.deployment(text, containers=[app])
    with pytest.raises(CannotFixError, match=r"the file names 4\.14\.26 already"):
        cures.leave_release(runs, finding("release-to-avoid", "fastgpt-app"))


def test_a_plugin_is_brought_to_its_pair() -> None:
    text = (
        (stacks.LAB / "g11" / "docker-compose.yml")
        .read_text(encoding="utf-8")
        .replace("plugin:v0.5.6", "plugin:v0.3.4")
    )
    fix = cures.bring_to_its_pair(stacks.deployment(text), finding("companion-version-mismatch", "fastgpt-plugin"))
    assert fix.variables["image"] == "ghcr.io/labring/fastgpt-plugin:v0.5.6"
    with pytest.raises(CannotFixError, match="only fastgpt-plugin"):
        cures.bring_to_its_pair(stacks.deployment(text), finding("companion-version-mismatch", "fastgpt-code-sandbox"))
