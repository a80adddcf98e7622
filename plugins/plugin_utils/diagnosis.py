# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: evidence in, checks and ranked findings out. Pure; nothing here reads or writes anything."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib
import itertools
import pathlib
import typing as t

from . import catalogue, needs, ranking, releases, traits
from .model import Deployment
from .rule import LINE_REFUTERS, REFUTERS, RULES, Hit, Rule, Text
from .signatures import Signature, match, signatures

MAX_PROOFS = 4
AIPROXY_PG = "aiproxy-pg"
"""AI Proxy's own PostgreSQL: the same server program, told of by the findings of PostgreSQL."""
FOUND, OK, UNKNOWN, NOT_APPLICABLE = "found", "ok", "unknown", "not_applicable"

# An id of the catalogue that has no rule yet, while one is being written: unknown, never ok. The tests refuse it.
NOT_IMPLEMENTED = {"en": "not implemented yet", "zh": "尚未实现"}
CRASHED = {"en": "the check itself failed on this evidence: {!r}", "zh": "检查程序在这份数据上出错：{!r}"}
NO_DEPLOYMENT = {"en": "no FastGPT deployment on this host", "zh": "此主机上没有 FastGPT 部署"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one check: ok, found, unknown or not_applicable, and why."""

    status: str
    reason: t.Mapping[str, str] | None = None


@dataclasses.dataclass
class Finding:
    """A condition found on a host, texts in every language, ranked.

    :ivar causes: the findings that explain it, by id and service
    """

    entry: catalogue.Entry
    hit: Hit
    severity: str
    confidence: str
    service: str | None
    title: dict[str, str]
    cause: dict[str, str]
    steps: list[dict[str, str]]
    causes: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)
    rank: int = 0
    component: str | None = None
    status: str = "open"

    @property
    def explained_by(self) -> list[str]:
        """Ids of the findings that explain it."""
        return sorted({name for name, _service in self.causes})


@dataclasses.dataclass
class HostDiagnosis:
    """One host's result. An unreachable host has an error and no checks."""

    host: str
    reachable: bool
    deployment: dict[str, t.Any]
    checks: dict[str, Outcome]
    findings: list[Finding]
    error: str | None = None
    traits: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """True where the host was read and nothing of severity error or critical is open."""
        return self.reachable and not any(f.severity in ("critical", "error") for f in self.findings)


def load_rules() -> None:
    """Import every file of ``rules/``, so that its rules register; a new file needs nothing else."""
    for path in sorted((pathlib.Path(__file__).parent / "rules").glob("[a-z]*.py")):
        importlib.import_module(f"{__package__}.rules.{path.stem}")


@functools.cache
def _rules_by_finding() -> dict[str, list[Rule]]:
    load_rules()
    grouped: dict[str, list[Rule]] = collections.defaultdict(list)
    for item in RULES:
        grouped[item.finding].append(item)
    return dict(grouped)


@functools.cache
def _signatures_by_finding() -> dict[str, list[Signature]]:
    grouped: dict[str, list[Signature]] = collections.defaultdict(list)
    for item in signatures():
        grouped[item.finding].append(item)
    return dict(grouped)


def warm_up() -> None:
    """Load all that every diagnosis needs. What is forked afterwards has it; else each process would load its own."""
    _rules_by_finding()
    catalogue.findings()
    releases.releases()
    patterns = itertools.chain.from_iterable(_signatures_by_finding().values())
    collections.deque((branch.literals for signature in patterns for branch in signature.branches), maxlen=0)


def unreachable(host: str, message: str) -> HostDiagnosis:
    """Make the entry of a host that could not be read: every check is unknown."""
    unread = Outcome(UNKNOWN, {"en": "the host could not be read", "zh": "无法读取该主机"})
    return HostDiagnosis(host, False, {}, dict.fromkeys(catalogue.findings(), unread), [], message)


def diagnose(
    evidence: dict[str, t.Any], host: str, only: t.Collection[str] = (), skip: t.Collection[str] = ()
) -> HostDiagnosis:
    """Run every check on one host's evidence.

    :param evidence: in the shape of docs/evidence.md
    :param only: ids to restrict to; empty = all
    :param skip: ids to leave out
    """
    deployment = Deployment(evidence)
    wanted = [i for i in catalogue.findings() if (not only or i in only) and i not in skip]
    absent = deployment.live and deployment.engine.get("state") == "ok" and not deployment.located
    checks: dict[str, Outcome] = {}
    found: list[Finding] = []
    for finding in wanted:
        outcome, hits = _check(deployment, finding)
        if absent and not hits and outcome.status == UNKNOWN:
            outcome = Outcome(NOT_APPLICABLE, NO_DEPLOYMENT)
        checks[finding] = outcome
        found.extend(_finding(deployment, catalogue.findings()[finding], hit) for hit in hits)
    found = _worth_telling(found, checks)
    causes = ranking.causes(found)
    ranks = ranking.ranks(found, ranking.explanations(found, causes))
    for item, places, rank in zip(found, causes, ranks):
        item.causes, item.rank = [(found[place].entry.id, found[place].service) for place in places], rank
    found.sort(key=lambda item: item.rank)
    return HostDiagnosis(host, True, deployment.summary(), checks, found, traits=traits.traits(deployment))


def _worth_telling(found: list[Finding], checks: dict[str, Outcome]) -> list[Finding]:
    """Leave out what is no more than possible where something else on the host explains it already."""
    told = []
    for item, because in zip(found, ranking.explanations(found, ranking.causes(found))):
        if item.confidence == "possible" and because:
            names = ", ".join(because)
            checks[item.entry.id] = Outcome(OK, {"en": f"explained by {names}", "zh": f"可由 {names} 解释"})
        else:
            told.append(item)
    return told


def _check(deployment: Deployment, finding: str) -> tuple[Outcome, list[Hit]]:
    """Run the rules and signatures of one finding and merge what they say."""
    rules = _rules_by_finding().get(finding, [])
    patterns = _signatures_by_finding().get(finding, [])
    if not rules and not patterns:
        return Outcome(UNKNOWN, NOT_IMPLEMENTED), []
    outcomes, hits = [], []
    for rule in rules:
        outcome, more = _run_rule(deployment, rule)
        outcomes.append(outcome)
        hits.extend(more)
    if patterns:
        outcome, more = _run_signatures(deployment, finding, patterns)
        outcomes.append(outcome)
        hits.extend(more)
    if hits:
        return Outcome(FOUND), _merge(hits)
    return _worst(outcomes), []


def _worst(outcomes: t.Sequence[Outcome]) -> Outcome:
    """A check could not look if one of its parts could not; it does not apply only if none of them does."""
    for status in (UNKNOWN, OK, NOT_APPLICABLE):
        for outcome in outcomes:
            if outcome.status == status:
                return outcome
    raise ValueError("a check without parts")


def _run_rule(deployment: Deployment, rule: Rule) -> tuple[Outcome, list[Hit]]:
    if rule.component and deployment.has_component(rule.component) is False:
        words = {"en": f"no {rule.component} in this deployment", "zh": f"此部署中没有 {rule.component}"}
        return Outcome(NOT_APPLICABLE, words), []
    missing = [need for need in rule.needs if not needs.is_met(need, deployment)]
    if missing:
        return _missing(missing), []
    try:
        hits = list(rule.check(deployment))
    except Exception as error:  # what people's files hold cannot be foreseen; the other checks still count
        return Outcome(UNKNOWN, {lang: words.format(error) for lang, words in CRASHED.items()}), []
    return Outcome(FOUND if hits else OK), hits


def _missing(missing: t.Sequence[str]) -> Outcome:
    parts = [needs.describe(need) for need in missing]
    return Outcome(
        UNKNOWN,
        {"en": "missing: " + "; ".join(p["en"] for p in parts), "zh": "缺少：" + "；".join(p["zh"] for p in parts)},
    )


def _run_signatures(deployment: Deployment, finding: str, patterns: t.Sequence[Signature]) -> tuple[Outcome, list[Hit]]:
    hits = [
        _about(deployment, signature, hit)
        for signature in patterns
        for log in deployment.logs
        if signature.concerns(log) and (hit := match(signature, log))
    ]
    if not hits:
        return _looked(deployment, patterns), []
    for look in REFUTERS.get(finding, ()):
        if reason := look(deployment):
            return Outcome(OK, reason), []
    refuted = [_refuted(deployment, finding, hit) for hit in hits]
    standing = [hit for hit, reason in zip(hits, refuted) if not reason]
    return (Outcome(FOUND), standing) if standing else (Outcome(OK, refuted[-1]), [])


def _refuted(deployment: Deployment, finding: str, hit: Hit) -> Text | None:
    """Say what disproves the line of a hit; None where nothing does."""
    return next((reason for look in LINE_REFUTERS.get(finding, ()) if (reason := look(deployment, hit))), None)


def _about(deployment: Deployment, signature: Signature, hit: Hit) -> Hit:
    """Put the service the finding is about in place of the one that wrote the log."""
    if not signature.about:
        return hit
    about, facts = signature.about, hit.facts
    if about == "pg" and hit.said_by == AIPROXY_PG:
        about = AIPROXY_PG
        facts = {**facts, **{f"pg_{part}": deployment.facts[f"aiproxy_pg_{part}"] for part in ("container", "service")}}
    container, service = deployment.one(about), deployment.service_of(about)
    name = (container and container.service) or (service.name if service else None)
    return dataclasses.replace(hit, service=name, facts=facts)


def _looked(deployment: Deployment, patterns: t.Sequence[Signature]) -> Outcome:
    """Tell whether the texts that could show the signatures were there at all."""
    wanted = {component for signature in patterns for component in signature.components}
    present = {c for c in wanted if deployment.has_component(c) is not False and c not in ("daemon", "browser", "api")}
    if deployment.live and wanted and not present and "daemon" not in wanted and "browser" not in wanted:
        names = ", ".join(sorted(wanted))
        return Outcome(NOT_APPLICABLE, {"en": f"no {names} in this deployment", "zh": f"此部署中没有 {names}"})
    missing = sorted(c for c in present if not deployment.log_of(c))
    if missing:
        return _missing([f"log:{component}" for component in missing])
    if wanted and wanted <= {"browser", "api"} and not deployment.evidence.get("texts"):
        return _missing(["texts"])
    if not deployment.logs and not (deployment.live and "daemon" in wanted):
        return _missing(["texts"])
    return Outcome(OK)


def _merge(hits: t.Sequence[Hit]) -> list[Hit]:
    """One hit a service: the first (a rule's before a signature's) leads, later ones add their proof and facts."""
    merged: dict[str | None, Hit] = {}
    for item in hits:
        service = item.service
        if service is None and len(merged) == 1:
            service = next(iter(merged))
        first = merged.get(service)
        if first is None and service is not None and None in merged:
            first = dataclasses.replace(merged.pop(None), service=service)
        if first is None:
            merged[service] = item
            continue
        known = {p.excerpt for p in first.proofs}
        proofs = first.proofs + tuple(p for p in item.proofs if p.excerpt not in known)
        best = min((first, item), key=lambda h: ranking.CONFIDENCES.index(h.confidence))
        merged[service] = dataclasses.replace(
            first, proofs=proofs[:MAX_PROOFS], facts={**item.facts, **first.facts}, confidence=best.confidence
        )
    return list(merged.values())


def _finding(deployment: Deployment, entry: catalogue.Entry, hit: Hit) -> Finding:
    facts = {**deployment.facts, **_subject(deployment, hit.service), **hit.facts}
    return Finding(
        entry=entry,
        hit=hit,
        severity=hit.severity or entry.severity,
        confidence=hit.confidence,
        service=hit.service,
        component=deployment.component_named(hit.service),
        title=catalogue.fill(entry.title, facts),
        cause=catalogue.fill(entry.cause, facts),
        steps=[catalogue.fill(step, facts) for step in entry.steps],
    )


def _subject(deployment: Deployment, service: str | None) -> dict[str, str]:
    container = deployment.container_named(service) or deployment.app
    usual = deployment.facts["app_container"]
    return {
        "service": service or (container and container.service) or usual,
        "container": container.name if container else service or usual,
    }
