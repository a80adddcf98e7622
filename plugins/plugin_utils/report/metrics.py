# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as Prometheus metrics, for the text-file collector of the node exporter."""

from __future__ import annotations

import collections
import datetime
import typing as t

from ..catalogue import SEVERITIES
from . import build

Json = dict[str, t.Any]
Labels = t.Mapping[str, t.Any]
Sample = t.Tuple[Labels, t.Union[int, float]]

STATUSES = ("ok", "found", "unknown", "not_applicable")


def render(report: Json) -> str:
    """Make metrics.prom; every metric is a gauge of what this run saw."""
    hosts = report["hosts"]
    ended = datetime.datetime.fromisoformat(report["generated_at"]).timestamp()
    families: list[tuple[str, str, t.Iterable[Sample]]] = [
        ("run_timestamp_seconds", "When the report was made.", [({}, ended)]),
        ("run_info", "The run itself.", [({k: report[k] for k in ("run_id", "mode", "tool_version")}, 1)]),
        ("host_reachable", "1 where the host could be read.", ((_of(host), int(host["reachable"])) for host in hosts)),
        (
            "host_healthy",
            "1 where the host was read and nothing of severity error or critical is open.",
            ((_of(host), int(host["healthy"])) for host in hosts),
        ),
        ("findings", "Open findings of a host by severity.", _counts(hosts)),
        ("finding", "1 for each open finding; root is 1 where no other one explains it.", _findings(hosts)),
        ("checks", "Checks of a host by what became of them.", _checks(hosts)),
        ("fastgpt_info", "Version of FastGPT on a host.", _versions(hosts)),
    ]
    return "".join(_family(f"fastgpt_ops_{name}", text, samples) for name, text, samples in families)


def _of(host: Json, **more: t.Any) -> Labels:
    return {"host": host["host"], **more}


def _open(host: Json) -> list[Json]:
    return [finding for finding in host["findings"] if build.is_open(finding)]


def _counts(hosts: t.Sequence[Json]) -> t.Iterator[Sample]:
    for host in hosts:
        counted = collections.Counter(finding["severity"] for finding in _open(host))
        yield from ((_of(host, severity=severity), counted[severity]) for severity in SEVERITIES)


def _findings(hosts: t.Sequence[Json]) -> t.Iterator[Sample]:
    for host in hosts:
        for finding in _open(host):
            labels = {
                "finding": finding["id"],
                "severity": finding["severity"],
                "service": finding["service"] or "",
                "root": int(not finding["explained_by"]),
            }
            yield _of(host, **labels), 1


def _checks(hosts: t.Sequence[Json]) -> t.Iterator[Sample]:
    for host in hosts:
        counted = collections.Counter(check["status"] for check in host["checks"].values())
        yield from ((_of(host, status=status), counted[status]) for status in STATUSES)


def _versions(hosts: t.Sequence[Json]) -> t.Iterator[Sample]:
    for host in hosts:
        if version := host["deployment"].get("fastgpt_version"):
            yield _of(host, version=version), 1


def _family(name: str, text: str, samples: t.Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_braces(labels)} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
