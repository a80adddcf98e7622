# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vector stores other than PostgreSQL."""

from __future__ import annotations

import typing as t

from ..model import Deployment
from ..rule import Hit, Text, hit, refutes, rule
from ..versions import Version
from ._peers import LOOPBACK, reach

STORES = ("PG_URL", "PG_HOST", "MILVUS_ADDRESS", "OCEANBASE_URL", "OPENGAUSS_URL", "SEEKDB_URL")
ONE_URL = Version(4, 6)
"""From here on a missing PG_URL is not made up for by PG_HOST and its kin."""


@refutes("milvus-unreachable", "milvus-dependency-down")
def milvus_reached(d: Deployment) -> Text | None:
    """FastGPT's container connects to it."""
    if (reach(d, "MILVUS_ADDRESS") or {}).get("connects"):
        return {"en": "FastGPT's container reaches Milvus", "zh": "FastGPT 容器能连到 Milvus"}
    return None


@rule("milvus-unreachable", needs=["probe:reach"])
def milvus_not_reached(d: Deployment) -> t.Iterator[Hit]:
    """Tried from inside FastGPT's container."""
    yield from _not_reached(d, "MILVUS_ADDRESS")


@rule("oceanbase-unreachable", needs=["probe:reach"])
def oceanbase_not_reached(d: Deployment) -> t.Iterator[Hit]:
    """Tried from inside FastGPT's container."""
    for variable in ("OCEANBASE_URL", "SEEKDB_URL"):
        yield from _not_reached(d, variable)


def _not_reached(d: Deployment, variable: str) -> t.Iterator[Hit]:
    tried = reach(d, variable)
    if tried and tried.get("connects") is False and tried["host"] not in LOOPBACK:
        words = f"{variable}: {tried['host']}:{tried['port']}: {tried.get('error')}"
        yield hit(f"from {d.facts['app_container']}", words, service=d.app.service if d.app else None)


@rule("vector-store-not-configured", needs=["inspect", "env:app", "version"], component="app")
def no_store(d: Deployment) -> t.Iterator[Hit]:
    """None of the variables that name one is set."""
    variables = d.env_of("app")
    if (
        t.cast(Version, d.version) >= ONE_URL
        and len(variables) > len(STORES)
        and not any(variables.get(n) for n in STORES)
    ):
        yield hit(
            f"env of {d.facts['app_container']}",
            f"none of {', '.join(STORES)}",
            service=d.app.service if d.app else None,
            expected={"en": "one of them", "zh": "其中之一"},
        )
