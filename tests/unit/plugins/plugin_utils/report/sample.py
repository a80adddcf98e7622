# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diagnoses made by hand: a broken host with consequences, a warning, a healthy one, an unreachable one."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.fastgpt.ops.plugins.plugin_utils.catalogue import Entry
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding, HostDiagnosis, Outcome, unreachable
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import build, fleet
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import Hit, Proof

HOSTILE = (
    "\x1b[31mERROR\x1b[0m <script>alert('x')</script> <img src=http://evil.example/x.png> "
    "``` &amp; \x07 <secret:9f2c1a>"
)
NOW = datetime.datetime(2026, 11, 22, 22, 15, 30, tzinfo=datetime.timezone.utc)
OK = Outcome("ok")
NO_LOG = Outcome("unknown", {"en": "missing: the log of redis", "zh": "缺少：redis 的日志"})
NO_REDIS = Outcome("not_applicable", {"en": "no redis in this deployment", "zh": "此部署中没有 redis"})


def entry(finding: str, en: str, zh: str, severity: str = "critical", **more: t.Any) -> Entry:
    values: dict[str, t.Any] = {
        "family": "mongo",
        "risk": "restart",
        "cause": {"en": f"{en}, because of this.", "zh": f"{zh}，原因在此。"},
        "steps": (
            {
                "en": "Correct the mode and owner: `chmod 400 mongodb.key && chown 999:999 mongodb.key`",
                "zh": "修正权限与属主：`chmod 400 mongodb.key && chown 999:999 mongodb.key`",
            },
            {
                "en": "Recreate only the service `mongo`: `docker compose up -d --force-recreate mongo`",
                "zh": "只重建 `mongo` 服务：`docker compose up -d --force-recreate mongo`",
            },
        ),
        "faq": "3.8",
    }
    return Entry(id=finding, severity=severity, title={"en": en, "zh": zh}, **(values | more))


def finding(
    of: Entry,
    rank: int,
    *proofs: Proof,
    by: tuple[tuple[str, str | None], ...] = (),
    service: str | None = None,
    **more: t.Any,
) -> Finding:
    return Finding(
        entry=of,
        hit=Hit(proofs, service),
        severity=of.severity,
        confidence=more.get("confidence", "certain"),
        service=service,
        title=dict(of.title),
        cause=dict(of.cause),
        steps=[dict(step) for step in of.steps],
        causes=list(by),
        rank=rank,
        status="advice",
    )


KEYFILE = entry(
    "mongo-keyfile-permissions", "Mongo refuses its key file mongodb.key", "Mongo 拒绝使用密钥文件 mongodb.key"
)
UNREACHABLE = entry("mongo-unreachable", "FastGPT cannot reach Mongo", "FastGPT 无法连接 Mongo")
ROOT_USER = entry("root-user-not-registered", "The root user was never created", "root 用户未创建")
FLOATING = entry("image-tag-floating", "Floating image tag", "镜像标签未固定", "warning", faq="3.1", risk="restart")
NOTE = entry("deployment-not-found", "No FastGPT here", "未找到 FastGPT", "info", faq=None, risk="none")


def broken(name: str = "web1") -> HostDiagnosis:
    expected = {"en": "mode 0400 or 0600, owner 999", "zh": "权限 0400 或 0600，属主 999"}
    findings = [
        finding(
            KEYFILE,
            1,
            Proof("docker logs mongo:12 (6x)", "permissions on /data/mongodb.key are too open", expected),
            Proof("/opt/fastgpt/mongodb.key", "mode 0644, owner 0:0"),
            service="mongo",
        ),
        finding(
            FLOATING, 2, Proof("docker-compose.yml:31", "image: ghcr.io/labring/fastgpt:latest"), service="fastgpt"
        ),
        finding(UNREACHABLE, 3, Proof("docker logs fastgpt:88", HOSTILE), by=(("mongo-keyfile-permissions", "mongo"),)),
        finding(
            ROOT_USER,
            4,
            Proof("api", "root is not registered"),
            by=(("mongo-unreachable", None), ("mongo-keyfile-permissions", "mongo")),
        ),
    ]
    found = Outcome("found")
    checks = {item.entry.id: found for item in findings} | {
        "oom": OK,
        "disk-full": OK,
        "redis-unreachable": NO_LOG,
        "redis-auth-failed": NO_REDIS,
    }
    deployment = {
        "project": "fastgpt",
        "directory": "/opt/fastgpt",
        "fastgpt_version": "4.8.11",
        "engine": "26.1.5",
        "compose": "2.26.1",
    }
    return HostDiagnosis(name, True, deployment, checks, findings)


def healthy(name: str = "web3") -> HostDiagnosis:
    return HostDiagnosis(
        name,
        True,
        {"project": "fastgpt", "fastgpt_version": "4.14.1"},
        {"oom": OK, "disk-full": OK, "redis-unreachable": NO_LOG},
        [],
    )


def warned(name: str = "web2") -> HostDiagnosis:
    only = finding(FLOATING, 1, Proof("docker-compose.yml:31", "image: fastgpt:latest"), confidence="likely")
    return HostDiagnosis(name, True, {}, {"image-tag-floating": Outcome("found"), "oom": OK}, [only])


def noted(name: str = "spare") -> HostDiagnosis:
    only = finding(NOTE, 1, Proof("docker ps -a", "no container of FastGPT"))
    return HostDiagnosis(name, True, {}, {"deployment-not-found": Outcome("found")}, [only])


def fleet_of(count: int) -> list[HostDiagnosis]:
    """Make a fleet: of ten hosts one is broken, two are warned, the others healthy; one in fifty is unreachable."""
    hosts = []
    for number in range(count):
        name = f"fastgpt-{number:04}"
        make = {0: broken, 3: warned, 7: warned}.get(number % 10, healthy)
        host = unreachable(name, "ssh: connect to host: timed out") if number % 50 == 49 else make(name)
        checks = {f"check-{n:03}": (NO_LOG if n % 3 else OK) for n in range(170)}
        old = number % 10 == 0
        hosts.append(host)
        if not host.reachable:
            continue
        host.checks = {**checks, **host.checks}
        host.traits = {
            "fastgpt": "4.8.11" if old else "4.14.1",
            "docker": "26.1.5",
            "image mongo": "mongo:4.4" if old else "mongo:5.0.18",
            "env app OPENAI_BASE_URL": "http://oneapi:3000/v1",
            "env app CHAT_API_KEY": f"<secret:{number:06x}>",
        }
    return hosts


def earlier(name: str, runs: int = 12) -> list[dict[str, t.Any]]:
    """Make digests of earlier runs that saw one host: well at first, then warned; the last one fixed something."""
    found: list[dict[str, t.Any]] = []
    for number in range(runs):
        warned_of = [["image-tag-floating", "fastgpt"]] if number >= runs // 2 else []
        found.append(
            {
                "schema_version": 1,
                "run_id": f"202611{22 - runs + number:02}T221530Z-0001",
                "generated_at": f"2026-11-{22 - runs + number:02}T22:15:30+00:00",
                "mode": "remediate",
                "hosts": {name: {"state": "warning" if warned_of else "healthy", "open": warned_of}},
                "changes": [],
            }
        )
    found[-1]["changes"] = [
        {
            "host": name,
            "finding": "port-conflict",
            "service": "fastgpt",
            "status": "fixed",
            "title": {"en": "Port 3000 is taken", "zh": "端口 3000 被占用"},
            "proof": "port 3000 answers",
        }
    ]
    return found


def report(*diagnoses: HostDiagnosis, lang: str = "en", before: t.Sequence[dict[str, t.Any]] = ()) -> dict[str, t.Any]:
    hosts = diagnoses or (
        healthy(),
        warned(),
        broken(),
        noted(),
        unreachable("db9", "ssh: connect to host 203.0.113.9 port 22: timed out"),
    )
    run = build.Run(
        "20261122T221530Z-4f2a",
        "0.1.0",
        NOW,
        lang,
    )
    return fleet.view(build.assemble(run, [build.host_entry(host, lang) for host in hosts]), before)
