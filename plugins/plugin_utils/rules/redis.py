# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis, asked with FastGPT's own login; where nothing runs, what the compose file says of it."""

from __future__ import annotations

import re
import typing as t

from ..model import Deployment
from ..rule import Hit, Text, hit, refutes, rule
from ._peers import LOOPBACK, leading_to, reach

REQUIREPASS = re.compile(r"--requirepass\s+['\"]?([^\s'\"]+)")


def _service(d: Deployment) -> str | None:
    container = d.one("redis")
    return (container.service or container.name) if container else None


@refutes("redis-auth-failed", "redis-unreachable", "redis-data-newer-than-image")
def answers(d: Deployment) -> Text | None:
    """FastGPT's login works, and its container gets there."""
    probe, tried = d.probe("redis") or {}, reach(d, "REDIS_URL")
    if probe.get("auth") and (tried is None or tried.get("connects")):
        return {"en": "FastGPT's login to Redis works", "zh": "FastGPT 的账号可以登录 Redis"}
    return None


@rule("redis-auth-failed", needs=["probe:redis"], component="redis")
def login_refused(d: Deployment) -> t.Iterator[Hit]:
    """The password of REDIS_URL was tried."""
    probe = d.probe("redis") or {}
    if probe.get("auth") is False:
        yield hit(f"AUTH and PING to {probe.get('container')}", probe.get("message") or "refused", service=_service(d))


@rule("redis-auth-failed", needs=["services", "env:app"])
def differing_passwords(d: Deployment) -> t.Iterator[Hit]:
    """The server is given one password, REDIS_URL carries another one or none."""
    service = d.service_of("redis")
    given = REQUIREPASS.search(service.words("command")) if service and not d.one("redis") else None
    if not service or not given or "$" in given[1]:
        return
    for target in leading_to(d, "REDIS_URL", service):
        used = target.address.password
        if used != given[1] and "$" not in (used or ""):
            yield hit(
                f"{d.facts['compose_file']}: REDIS_URL and --requirepass of {service.name}",
                f"{used or 'no password'} against {given[1]}",
                service=service.name,
                confidence="likely",
                expected={"en": "the same password", "zh": "两处密码应一致"},
            )


@rule("redis-unreachable", needs=["probe:redis|probe:reach"])
def no_answer(d: Deployment) -> t.Iterator[Hit]:
    """The server is down, or FastGPT's container does not get there."""
    probe, tried = d.probe("redis") or {}, reach(d, "REDIS_URL")
    service = d.app.service if d.app else None
    if tried and tried.get("connects") is False and tried["host"] not in LOOPBACK:
        yield hit(
            f"from {d.facts['app_container']}",
            f"REDIS_URL: {tried['host']}:{tried['port']}: {tried.get('error')}",
            service=service,
        )
    elif probe.get("reachable") is False:
        yield hit(f"connection to {probe.get('container')}", probe.get("message") or "refused", service=service)
