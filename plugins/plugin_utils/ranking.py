# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which finding explains which, and what to fix first."""

from __future__ import annotations

import typing as t

from .catalogue import SEVERITIES, Entry

CONFIDENCES = ("certain", "likely", "possible")


class Ranked(t.Protocol):
    """What the ranking looks at in a finding."""

    entry: Entry
    severity: str
    confidence: str
    service: str | None
    component: str | None


def causes(found: t.Sequence[Ranked]) -> list[list[int]]:
    """Give, for each finding, the places of those on the same host that explain it.

    What only tells which container suffers is explained by causes about the same service (or about none). A finding
    never explains itself, and of two that could explain each other the first of the catalogue is the cause.
    """
    return [[place for place, cause in enumerate(found) if _is_cause(cause, effect)] for effect in found]


def _is_cause(cause: Ranked, effect: Ranked) -> bool:
    if cause.entry.id == effect.entry.id or not _explains(cause, effect):
        return False
    return cause.entry.id not in effect.entry.explains or cause.entry.order < effect.entry.order


def explanations(found: t.Sequence[Ranked], places: t.Sequence[t.Sequence[int]]) -> list[list[str]]:
    """Give, for each finding, the ids of those that explain it.

    :param places: as ``causes`` gives them
    """
    return [sorted({found[place].entry.id for place in of_one}) for of_one in places]


PER_SERVICE = frozenset(
    {"container-restart-loop", "container-not-running", "container-unhealthy", "container-config-drift"}
)
"""Findings that tell only which container suffers."""


def _explains(cause: Ranked, effect: Ranked) -> bool:
    if effect.entry.id in cause.entry.explains_of.get(cause.component or "", ()):
        return True
    return effect.entry.id in cause.entry.explains and _same_matter(cause, effect)


def _same_matter(cause: Ranked, effect: Ranked) -> bool:
    if effect.entry.id not in PER_SERVICE or cause.service is None or effect.service is None:
        return True
    return cause.service == effect.service


def ranks(found: t.Sequence[Ranked], causes: t.Sequence[t.Sequence[str]]) -> list[int]:
    """Number the findings from 1, what to fix first: causes before what they explain, then by weight.

    A cause is as grave as the gravest of what it explains.
    """
    depth = _depths([f.entry.id for f in found], causes)
    graveness = [
        min(
            SEVERITIES.index(effect.severity)
            for effect, because in zip(found, causes)
            if f is effect or f.entry.id in because
        )
        for f in found
    ]
    weight = [
        (depth[i], graveness[i], CONFIDENCES.index(f.confidence), f.entry.order, f.service or "")
        for i, f in enumerate(found)
    ]
    order = sorted(range(len(found)), key=lambda i: weight[i])
    result = [0] * len(found)
    for rank, index in enumerate(order, 1):
        result[index] = rank
    return result


def _depths(ids: t.Sequence[str], causes: t.Sequence[t.Sequence[str]]) -> list[int]:
    """Length of the longest chain of causes above each finding; a cycle is cut where it closes."""
    above: dict[str, set[str]] = {}
    for name, because in zip(ids, causes):
        above.setdefault(name, set()).update(because)
    memo: dict[str, int] = {}

    def depth(name: str, path: frozenset[str]) -> int:
        if name not in memo:
            deeper = [depth(c, path | {name}) for c in sorted(above.get(name, ())) if c not in path]
            memo[name] = 1 + max(deeper) if deeper else 0
        return memo[name]

    return [depth(name, frozenset({name})) if because else 0 for name, because in zip(ids, causes)]
