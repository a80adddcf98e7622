# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What is to be fixed first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, ranking


@dataclass
class Found:
    """What the ranking looks at."""

    entry: catalogue.Entry
    severity: str
    confidence: str = "certain"
    service: str | None = None
    component: str | None = None


def ranked(*found: tuple[str, str]) -> list[str]:
    """The ids in the order of their ranks; each is given with its severity."""
    known = catalogue.findings()
    items = [Found(known[name], severity) for name, severity in found]
    ranks = ranking.ranks(items, ranking.explanations(items, ranking.causes(items)))
    assert sorted(ranks) == list(range(1, len(items) + 1))
    return [item.entry.id for _rank, item in sorted(zip(ranks, items, strict=True), key=lambda pair: pair[0])]


@pytest.mark.parametrize("turned", [False, True])
def test_a_cause_is_as_grave_as_the_gravest_of_what_it_explains(turned: bool) -> None:
    found = [("model-channel-missing", "error"), ("image-tag-not-found", "error"), ("container-missing", "critical")]
    order = ranked(*(reversed(found) if turned else found))
    assert order == ["image-tag-not-found", "model-channel-missing", "container-missing"]


def test_without_a_grave_effect_the_graver_goes_first() -> None:
    assert ranked(("image-tag-floating", "warning"), ("model-channel-missing", "error"))[0] == "model-channel-missing"


def test_a_container_that_is_down_explains_what_is_missed_of_it_and_no_other() -> None:
    known = catalogue.findings()
    found = [
        Found(known["container-not-running"], "critical", service="oneapi", component="oneapi"),
        Found(known["container-not-running"], "critical", service="sandbox", component="sandbox"),
        Found(known["sandbox-unreachable"], "error", service="fastgpt"),
        Found(known["gateway-unreachable"], "error"),
    ]
    places = ranking.causes(found)
    assert places == [[], [], [1], [0]]
    assert ranking.explanations(found, places)[2:] == [["container-not-running"]] * 2
