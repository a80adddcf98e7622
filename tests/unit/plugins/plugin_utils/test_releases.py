# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of releases holds together, and answers for a version what the releases up to it say."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import releases
from ansible_collections.fastgpt.ops.plugins.plugin_utils.versions import Version

KEYS = {
    "version", "released", "hard_stop", "min_from", "avoid", "images", "init_scripts", "manual", "automatic",
    "env_added", "env_changed", "env_removed", "env_renamed", "env_required", "services_added", "services_removed",
    "plugin",
}  # fmt: skip


def version(text: str) -> Version:
    found = Version.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize("release", releases.releases(), ids=lambda release: str(release.version))
def test_entry_is_well_formed(release: releases.Release) -> None:
    facts = release.facts
    assert set(facts) <= KEYS
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts.get("released", "2023-01-01"))
    for script in facts.get("init_scripts", []):
        assert script["path"].startswith("/api/")
    for name in [*facts.get("env_required", []), *facts.get("env_renamed", {}), *facts.get("env_renamed", {}).values()]:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", name)
    if "min_from" in facts:
        assert version(facts["min_from"]) < release.version
    if "plugin" in facts:
        first, end = facts["plugin"]
        assert version(first) < version(end)


def test_each_version_is_there_once_and_in_order() -> None:
    versions = [release.version for release in releases.releases()]
    assert versions == sorted(set(versions))
    assert len(versions) > 130


@pytest.mark.parametrize(
    ("running", "needed", "not_needed"),
    [
        ("4.9.3", set(), {"REDIS_URL"}),
        ("4.9.4", {"REDIS_URL"}, {"PLUGIN_TOKEN"}),
        ("4.14.5", {"REDIS_URL", "PLUGIN_TOKEN", "STORAGE_VENDOR"}, {"INVOKE_TOKEN_SECRET"}),
        ("4.16.1", {"INVOKE_TOKEN_SECRET", "FE_DOMAIN"}, {"AIPROXY_API_TOKEN"}),
    ],
)
def test_required_variables_grow(running: str, needed: set[str], not_needed: set[str]) -> None:
    found = set(releases.required(version(running)))
    assert needed <= found
    assert not not_needed & found


def test_renamed_variables_count_from_their_release() -> None:
    assert "S3_ENDPOINT" not in releases.renamed(version("4.14.4"))
    assert releases.renamed(version("4.14.5"))["S3_ENDPOINT"] == "STORAGE_S3_ENDPOINT"


@pytest.mark.parametrize(
    ("running", "first"),
    [("4.9.14", None), ("4.12.0", "0.1"), ("4.14.8", "0.5"), ("4.14.22", "0.6"), ("4.15.3", "1.0")],
)
def test_plugin_that_fits(running: str, first: str | None) -> None:
    found = releases.plugin_range(version(running))
    assert (found and found[0]) == (first and version(first))


def test_hard_stops_and_releases_to_leave() -> None:
    stop = releases.release(version("4.8.20"))
    assert stop is not None
    assert stop.hard_stop
    left = releases.release(version("4.9.2"))
    assert left is not None
    assert left.facts["avoid"]
    assert releases.release(version("9.9.9")) is None
