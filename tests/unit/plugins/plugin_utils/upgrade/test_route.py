# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where one must stop, what is no target, and what every refusal names: over all pairs of releases."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import releases
from ansible_collections.fastgpt.ops.plugins.plugin_utils.releases import Release
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import route
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade.plan import Refusal
from ansible_collections.fastgpt.ops.plugins.plugin_utils.versions import Version

ALL = releases.releases()
FINAL = [release for release in ALL if release.version.is_final]


def version(text: str) -> Version:
    found = Version.parse(text)
    assert found is not None
    return found


def way(first: Release, last: Release) -> list[Release]:
    return [*route.stops(first.version, last.version), last]


def test_every_way_passes_every_required_stop_in_order_and_none_to_avoid() -> None:
    for first, last in itertools.combinations(FINAL, 2):
        stops = route.stops(first.version, last.version)
        required = [r for r in FINAL if first.version < r.version < last.version and r.facts.get("hard_stop")]
        assert list(stops) == required, f"{first.version} to {last.version}"
        assert not [stop for stop in stops if stop.avoid]
        assert list(stops) == sorted(stops, key=lambda stop: stop.version)


def test_no_step_of_any_way_is_a_jump_that_is_forbidden() -> None:
    for first, last in itertools.combinations(FINAL, 2):
        for here, there in itertools.pairwise([first, *way(first, last)]):
            assert route.illegal_jump(here.version, there.version) is None
            assert there.min_from is None or here.version >= there.min_from


def test_those_on_a_beta_pass_the_last_one() -> None:
    for name in ("4.15.0-beta1", "4.15.0-beta6"):
        assert [str(r.version) for r in route.stops(version(name), version("4.15.2"))] == ["4.15.0-beta7", "4.15.0"]
    assert [str(r.version) for r in route.stops(version("4.14.31"), version("4.15.2"))] == ["4.15.0"]


def test_every_target_of_every_release_is_planned_or_refused_with_the_next_one() -> None:
    newest = route.newest().version
    for running, target in itertools.product(FINAL, ALL):
        found = route.find_target(str(target.version), running.version)
        refused = target.avoid or not target.version.is_final or target.version < running.version
        assert isinstance(found, Refusal) == bool(refused)
        if isinstance(found, Refusal):
            assert found.text["en"] and found.text["zh"]
            assert_legal(found, running, newest)


def assert_legal(refusal: Refusal, running: Release, newest: Version) -> None:
    """The release a refusal names is one that may be planned; only where none is left it names none."""
    if refusal.next is None:
        assert running.version >= newest
        return
    following = releases.release(version(refusal.next))
    assert following is not None
    assert following.version > running.version
    assert not following.avoid
    assert not isinstance(route.find_target(refusal.next, running.version), Refusal)


@pytest.mark.parametrize(
    ("wanted", "running", "code", "following"),
    [
        ("latest", "4.8.11", "floating", "4.17.2"),
        ("4.14", "4.8.11", "floating", "4.17.2"),
        ("v4", "4.8.11", "floating", "4.17.2"),
        ("", "4.8.11", "floating", "4.17.2"),
        ("4.9.2", "4.8.11", "avoid", "4.9.3"),
        ("4.14.25", "4.14.10", "avoid", "4.14.26"),
        ("4.15.3", "4.15.0", "avoid", "4.15.4"),
        ("4.16.3", "4.16.2", "avoid", "4.17.0"),
        ("4.14.23", "4.14.6", "unknown-release", "4.14.24"),
        ("4.14.10.2", "4.14.6", "unknown-release", "4.14.10"),
        ("9.9.9", "4.14.6", "unknown-release", "4.17.2"),
        ("4.8.11", "4.9.0", "downgrade", "4.9.1"),
        ("4.15.0-beta2", "4.14.6", "beta", "4.15.0"),
    ],
)
def test_what_is_no_target(wanted: str, running: str, code: str, following: str) -> None:
    refusal = route.find_target(wanted, version(running))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.next) == (code, following)


@pytest.mark.parametrize("wanted", ["4.9.14", "v4.9.14", " 4.9.14 "])
def test_an_exact_release_is_a_target(wanted: str) -> None:
    found = route.find_target(wanted, version("4.8.11"))
    assert isinstance(found, Release)
    assert str(found.version) == "4.9.14"


def test_a_beta_is_a_target_for_those_who_ask_for_one() -> None:
    assert isinstance(route.find_target("4.15.0-beta2", version("4.14.6"), beta=True), Release)


@pytest.mark.parametrize(
    ("running", "wanted", "following"),
    [
        ("4.8.11", "4.9.14", "4.8.15"),
        ("4.14.10", "4.15.2", "4.15.0"),
        ("4.15.0", "4.16.1", "4.16.0"),
        ("4.8.23", "4.9.0", None),
        ("4.14.7", "4.14.31", None),
        ("4.9.14", "4.9.14", None),
    ],
)
def test_a_tag_changed_by_hand_may_not_jump_over_a_stop(running: str, wanted: str, following: str | None) -> None:
    refusal = route.illegal_jump(version(running), version(wanted))
    assert (refusal.next if refusal else None) == following
    assert refusal is None or str(following) in refusal.text["zh"]
