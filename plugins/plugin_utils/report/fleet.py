# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts together: what is widespread, where they drift apart, what sets a failing one apart, what changed since."""

from __future__ import annotations

import collections
import typing as t

from ..catalogue import SEVERITIES
from . import build, history

Json = dict[str, t.Any]
Key = t.Tuple[str, str, t.Optional[str]]
"""Host, finding and service."""

PEERS = 2
"""Hosts without a finding that it takes to tell what sets one with it apart."""
COMMON = 0.6
"""Share of the peers that must agree on a value before another one is called different."""
MAX_DIFFERENCES = 8
MAX_CHANGES = 200
SPARK = 12
"""Runs of which each host's state is shown."""


def view(report: Json, before: t.Sequence[Json]) -> Json:
    """Give the report with the fleet's part, and what it tells about each host and finding.

    :param before: digests of earlier runs, oldest first
    """
    digests = [*before, history.digest(report)]
    names = {host["host"] for host in report["hosts"]}
    runs = [item for item in digests if names & set(item["hosts"])]
    since = _since(runs)
    peers = Peers(report["hosts"])
    hosts = [_host(host, peers, runs, since) for host in report["hosts"]]
    fleet = {
        "findings": _widespread(report["hosts"]),
        "drift": _drift(report["hosts"]),
        "history": [_states(item, names) for item in runs],
        "news": _news(runs),
        "changes": _changes(digests, names),
    }
    return {**report, "hosts": hosts, "fleet": fleet}


def _host(host: Json, peers: Peers, runs: t.Sequence[Json], since: t.Mapping[Key, str]) -> Json:
    states = [item["hosts"].get(host["host"], {}).get("state") for item in runs[-SPARK:]]
    known = any(state not in (None, "unreachable") for state in states[:-1])
    findings = []
    for finding in host["findings"]:
        when = since.get((host["host"], finding["id"], finding["service"]))
        findings.append({**finding, "since": when, "new": known and when == runs[-1]["generated_at"]})
    return {**host, "findings": findings, "differs": differences(host, peers), "history": states}


def _widespread(hosts: t.Sequence[Json]) -> list[Json]:
    """Give each open finding with its number of hosts, gravest and most widespread first."""
    seen: dict[str, Json] = {}
    for host in hosts:
        for finding in host["findings"]:
            if not build.is_open(finding):
                continue
            item = seen.setdefault(finding["id"], _named(finding))
            item["hosts"] |= {host["host"]: None}
            if not finding["explained_by"]:
                item["roots"] |= {host["host"]: None}
            item["severity"] = min(item["severity"], finding["severity"], key=SEVERITIES.index)
    for item in seen.values():
        item.update(hosts=len(item["hosts"]), roots=len(item["roots"]))
    return sorted(seen.values(), key=lambda i: (not i["roots"], SEVERITIES.index(i["severity"]), -i["roots"], i["id"]))


def _named(finding: Json) -> Json:
    return {
        "id": finding["id"],
        "severity": finding["severity"],
        "title": {lang: texts["title"] for lang, texts in finding["i18n"].items()},
        "risk": finding["remedy"]["risk"],
        "automatic": finding["remedy"]["automatic"],
        "hosts": {},
        "roots": {},
    }


def _drift(hosts: t.Sequence[Json]) -> list[Json]:
    """Give the traits in which hosts differ, each value with its hosts, the commonest first.

    A trait that nearly every host has a value of its own for, such as a password, tells nothing and is left out.
    """
    values: dict[str, dict[str, list[str]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for host in hosts:
        for trait, value in host["traits"].items():
            values[trait][value].append(host["host"])
    drifting = []
    for trait, found in values.items():
        total = sum(map(len, found.values()))
        if len(found) > 1 and (len(found) <= total / 2 or trait in ("fastgpt", "docker", "compose")):
            ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
            drifting.append({"trait": trait, "values": [{"value": v, "hosts": names} for v, names in ordered]})
    order = list(values)
    return sorted(drifting, key=lambda item: (" " in item["trait"], order.index(item["trait"])))


class Peers:
    """The values of every trait, and which one is common among the hosts without a finding."""

    def __init__(self, hosts: t.Sequence[Json]):
        self._all: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self._with: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for host in hosts:
            ids = {finding["id"] for finding in host["findings"]}
            for trait, value in host["traits"].items():
                self._all[trait][value] += 1
                for name in ids:
                    self._with[name, trait][value] += 1
        self._common: dict[tuple[str, str], tuple[str, int, int] | None] = {}

    def common(self, without: str, trait: str) -> tuple[str, int, int] | None:
        """Give the commonest value, its number of hosts, and of how many; None where too few know the trait."""
        if (without, trait) not in self._common:
            theirs = self._all[trait] - self._with[without, trait]
            total = theirs.total()
            self._common[without, trait] = (*theirs.most_common(1)[0], total) if total >= PEERS else None
        return self._common[without, trait]


def differences(host: Json, peers: Peers) -> list[Json]:
    """Say what sets a failing host apart from those that do not have its first finding, the clearest first."""
    root = next((f for f in host["findings"] if build.is_open(f) and f["severity"] != "info"), None)
    if root is None:
        return []
    found = []
    for trait, value in host["traits"].items():
        common = peers.common(root["id"], trait)
        if common and common[0] != value and common[1] >= COMMON * common[2]:
            found.append({"trait": trait, "here": value, "others": common[0], "count": common[1], "of": common[2]})
    found.sort(key=lambda item: -item["count"] / item["of"])
    return found[:MAX_DIFFERENCES]


def _states(item: Json, names: t.Collection[str]) -> Json:
    states = collections.Counter(entry["state"] for name, entry in item["hosts"].items() if name in names)
    return {
        "run_id": item["run_id"],
        "generated_at": item["generated_at"],
        "mode": item["mode"],
        "states": dict(states),
        "missing": len(names) - states.total(),
    }


def _keys(entry: Json) -> set[tuple[str, str | None]]:
    return {(found[0], found[1]) for found in entry["open"]}


def _since(runs: t.Sequence[Json]) -> dict[Key, str]:
    """Tell since which run each finding has been there without a break; runs that did not see the host do not count."""
    since: dict[Key, str] = {}
    for item in runs:
        found = {name: _keys(entry) for name, entry in item["hosts"].items()}
        unseen = {name for name, entry in item["hosts"].items() if entry["state"] == "unreachable"}
        now = {(name, *found_key) for name, keys in found.items() for found_key in keys}
        since = {key: when for key, when in since.items() if key in now or key[0] not in found or key[0] in unseen}
        for key in now - set(since):
            since[key] = item["generated_at"]
    return since


def _news(runs: t.Sequence[Json]) -> Json | None:
    """Compare each host with the last run that saw it; None where there is no earlier run."""
    if len(runs) < 2:
        return None
    *past, now = runs
    news: Json = {"since": past[-1]["generated_at"], "found": [], "gone": [], "lost": [], "back": []}
    for name, entry in now["hosts"].items():
        last = next((item for item in reversed(past) if name in item["hosts"]), None)
        if last is None:
            continue
        was = last["hosts"][name]["state"] == "unreachable"
        if (entry["state"] == "unreachable") != was:
            news["back" if was else "lost"].append(name)
        if was or entry["state"] == "unreachable":
            continue
        before, found = _keys(last["hosts"][name]), _keys(entry)
        news["found"] += [{"host": name, "finding": i, "service": s} for i, s in sorted(found - before, key=str)]
        news["gone"] += [{"host": name, "finding": i, "service": s} for i, s in sorted(before - found, key=str)]
    return news


def _changes(digests: t.Sequence[Json], names: t.Collection[str]) -> list[Json]:
    """Give what was done on these hosts, newest first."""
    changes = [
        {"run_id": item["run_id"], "generated_at": item["generated_at"], **change}
        for item in digests
        for change in item["changes"]
        if change["host"] in names
    ]
    return changes[::-1][:MAX_CHANGES]
