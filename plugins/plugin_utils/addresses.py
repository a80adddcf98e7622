# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other addresses in connection strings, everything else in them as it is."""

from __future__ import annotations

import re

from .model import Address

_USUAL = {
    "mongodb": 27017,
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "mysql": 3306,
    "http": 80,
    "https": 443,
}


def readdressed(value: str, address: Address, host: str, port: int | None) -> list[str]:
    """Give a connection string with another host, then with another port as well: a value may be made of both.

    :param address: what is read in the value now
    :param port: None leaves the port as it is
    :raises ValueError: where the address is not found in the value
    """
    named = f":{address.port}" if address.port else ""
    place = re.compile(rf"(?:^|(?<=[@/(,])){re.escape(_bracketed(address.host))}{named}(?=[/?#),]|$)")
    found = [match for match in place.finditer(value) if match.start() > value.rfind("@")] or [*place.finditer(value)]
    if not found:
        raise ValueError(f"{address.host}{named} is not found in the value")
    head, tail = value[: found[-1].start()], value[found[-1].end() :]
    values = [f"{head}{host}{named}{tail}"]
    if port and port != (address.port or _USUAL.get(address.scheme)):
        values.append(f"{head}{host}:{port}{tail}")
    return values


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
