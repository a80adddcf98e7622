# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is: a pure function of the model, with the evidence it needs declared beside it."""

from __future__ import annotations

import dataclasses
import typing as t

from .model import Deployment

Text = t.Mapping[str, str]
"""The same sentence in every language: ``{"en": ..., "zh": ...}``."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """A few lines that prove a finding: where they were read, what they say, what was expected there."""

    source: str
    excerpt: str
    expected: Text | None = None


@dataclasses.dataclass(frozen=True)
class Hit:
    """What a rule found. ``facts`` fill the ``{placeholders}`` of the catalogue's texts.

    :ivar when: seconds since the epoch of the log line it rests on, where a signature found it and the time is known
    :ivar said_by: component in whose log a signature found it
    """

    proofs: tuple[Proof, ...]
    service: str | None = None
    facts: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    confidence: str = "certain"
    severity: str | None = None
    when: float | None = None
    said_by: str | None = None


def hit(
    source: str,
    excerpt: str,
    *,
    expected: Text | None = None,
    service: str | None = None,
    confidence: str = "certain",
    severity: str | None = None,
    **facts: t.Any,
) -> Hit:
    """Make a hit with one proof.

    :param source: where it was read, e.g. ``docker inspect mongo`` or ``docker-compose.yml:12``
    :param excerpt: the line or value itself
    :param confidence: certain, likely or possible
    """
    return Hit((Proof(source, excerpt, expected),), service, facts, confidence, severity)


Check = t.Callable[[Deployment], t.Iterable[Hit]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A check with its needs.

    :ivar needs: evidence it cannot do without; ``"a|b"`` means either (see needs.py for the words)
    :ivar component: the part of the deployment it is about; where that is absent the check is ``not_applicable``
    """

    finding: str
    needs: tuple[str, ...]
    component: str | None
    check: Check


RULES: list[Rule] = []
Look = t.Callable[[Deployment], t.Optional[Text]]
REFUTERS: dict[str, list[Look]] = {}
LineLook = t.Callable[[Deployment, Hit], t.Optional[Text]]
LINE_REFUTERS: dict[str, list[LineLook]] = {}


def rule(finding: str, *, needs: t.Sequence[str], component: str | None = None) -> t.Callable[[Check], Check]:
    """Register a check for a finding of the catalogue. One finding may have several."""

    def register(check: Check) -> Check:
        RULES.append(Rule(finding, tuple(needs), component, check))
        return check

    return register


def refutes(*findings: str) -> t.Callable[[Look], Look]:
    """Register a look at the present state that disproves log lines: it returns why, or None where it cannot tell.

    Only hits of signatures are dropped; a rule looks at the state itself.
    """

    def register(look: Look) -> Look:
        for finding in findings:
            REFUTERS.setdefault(finding, []).append(look)
        return look

    return register


def refutes_line(*findings: str) -> t.Callable[[LineLook], LineLook]:
    """Register a look that disproves one log line, most often because something has changed since it was written."""

    def register(look: LineLook) -> LineLook:
        for finding in findings:
            LINE_REFUTERS.setdefault(finding, []).append(look)
        return look

    return register
