# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of releases holds together, and answers for a version what the releases up to it say."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import releases
from ansible_collections.fastgpt.ops.plugins.plugin_utils.catalogue import KNOWLEDGE
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import services
from ansible_collections.fastgpt.ops.plugins.plugin_utils.versions import Version

SCHEMA = json.loads((KNOWLEDGE.parent / "schemas" / "releases.schema.json").read_text(encoding="utf-8"))


def version(text: str) -> Version:
    found = Version.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize("release", releases.releases(), ids=lambda release: str(release.version))
def test_entry_fits_the_schema_and_itself(release: releases.Release) -> None:
    jsonschema.validate([release.facts], SCHEMA, format_checker=jsonschema.FormatChecker())
    if release.min_from:
        assert release.min_from < release.version
    if "plugin" in release.facts:
        first, end = release.facts["plugin"]
        assert version(first) < version(end)
    for script in release.facts.get("init_scripts", []):
        assert set(script.get("body", {})) <= set(script.get("body_keys", []))
        assert set(script.get("rehearsal", {})) <= set(script.get("body", {}))
        if script.get("default_dry_run") and "edition" not in script:
            assert script["body"]["dryRun"] is False
            assert script["rehearsal"]["dryRun"] is True
    for entry in release.facts.get("env_set", []):
        assert_placeholders(entry)


def assert_placeholders(entry: dict[str, str]) -> None:
    """Every {component} is one; every <value:...> has its origin in services.yml or the planner."""
    text = entry.get("value", "")
    known = {*services.TEMPLATES, "app", "s3_endpoint", "s3_external"}
    assert set(re.findall(r"\{([^}]+)\}", text)) <= known
    assert set(re.findall(r"<value:([^>]+)>", text)) <= set(services.VALUES)


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


def test_a_name_that_was_renamed_twice_leads_to_the_one_read_now() -> None:
    assert releases.renamed(version("4.14.4"))["S3_PLUGIN_BUCKET"] == "S3_PRIVATE_BUCKET"
    assert releases.renamed(version("4.14.5"))["S3_PLUGIN_BUCKET"] == "STORAGE_PRIVATE_BUCKET"
    assert releases.renamed(version("4.14.5"), "fastgpt-plugin")["MINIO_SECRET_KEY"] == "STORAGE_SECRET_ACCESS_KEY"


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("v4.14.10.2", "4.14.10"),
        ("v4.14.5.1", "4.14.5.1"),
        ("v4.8.19-beta", "4.8.19"),
        ("v4.8.23-fix", "4.8.23"),
        ("v4.15.0-beta3", "4.15.0-beta3"),
        ("v4.7", "4.7.0"),
        ("v5.0.0", None),
        ("latest", None),
    ],
)
def test_a_tag_leads_to_its_release(tag: str, found: str | None) -> None:
    release = releases.release_of_tag(tag)
    assert (str(release.version) if release else None) == found


def test_betas_lie_on_the_way_only_of_those_who_run_or_want_one() -> None:
    def way(first: str, last: str) -> list[str]:
        return [str(r.version) for r in releases.between(version(first), version(last)) if "4.15.0" in str(r.version)]

    assert way("4.14.31", "4.15.1") == ["4.15.0"]
    assert way("4.15.0-beta5", "4.15.1") == ["4.15.0-beta6", "4.15.0-beta7", "4.15.0"]
    assert way("4.14.31", "4.15.0-beta2") == ["4.15.0-beta1", "4.15.0-beta2"]


@pytest.mark.parametrize(
    ("image", "running", "tag"),
    [
        ("fastgpt-plugin", "4.14.15", "v0.6.0"),
        ("fastgpt-mcp_server", "4.14.7", "v4.14.6"),
        ("pgvector", "4.9.14", "0.8.0-pg15"),
        ("minio", "4.10.0", "RELEASE.2025-09-07T16-13-09Z"),
        ("aiproxy", "4.16.2", "v0.6.5"),
        ("fastgpt-code-sandbox", "4.15.0", "v4.15.0"),
    ],
)
def test_the_tag_of_a_companion(image: str, running: str, tag: str) -> None:
    assert releases.tag_of(image, version(running)) == tag


def test_no_tag_floats_and_every_tag_on_the_way_is_known_or_owned_up_to() -> None:
    told = [r for r in releases.releases() if r.tag_is_told]
    assert len(told) > 100
    assert all(Version.parse(r.tag) for r in releases.releases())


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
    assert left.avoid
    assert releases.release(version("9.9.9")) is None
