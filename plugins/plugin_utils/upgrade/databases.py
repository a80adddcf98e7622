# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of databases: moved only where a release asks for it, never to an older one, majors one at a time."""

from __future__ import annotations

import typing as t

from .. import releases
from ..versions import Version, split_image
from .images import postgres_major, retagged
from .plan import DatabaseStep, Hop, ImageChange, Text, Wait
from .stack import Stack

SECONDS = 15.0
"""Seconds a database is away for a new container, as a rule of thumb for plans."""
HEALTHY_TIMEOUT = 300
OLDEST = Version(4, 4)
"""The oldest MongoDB that FastGPT is run with; it is also the newest for a processor without AVX."""
_LAST_OF = {Version(4, 2): "4.2.24", Version(4, 4): "4.4.29"}
"""The way of an older MongoDB, major by major, with the tag to take."""
_SAFE_4_4 = "4.4.30"
"""The build of 4.4 that closes what 5.0.32 closes in 5.0."""


def mongo_target(stack: Stack, version: Version) -> str | None:
    """Give MongoDB's reference for a release; None where it may stay."""
    part, running = stack.parts["mongo"], stack.mongo_version
    asked = releases.tag_of("mongo", version, asked_only=True)
    wanted = Version.parse(asked)
    if running is None or asked is None or wanted is None:
        return None
    if running[:2] == OLDEST[:2] and asked != "5.0.18":
        asked, wanted = _SAFE_4_4, Version(4, 4, 30)
    if running[:2] != wanted[:2] or running >= wanted:
        return None
    stack.mongo_version = wanted
    return retagged(part.image, "mongo", asked)


def mongo_hops(stack: Stack, current: Version, version: Version) -> list[Hop]:
    """Give the hops that bring a MongoDB before 4.4 up, each to the next major, before FastGPT itself moves.

    :param current: FastGPT's release meanwhile
    """
    part, running = stack.parts.get("mongo"), stack.mongo_version
    if part is None or running is None or not releases.tag_of("mongo", version, asked_only=True) or running >= OLDEST:
        return []
    hops = []
    for major, tag in _LAST_OF.items():
        if running[:2] < major[:2]:
            after = retagged(part.image, "mongo", tag)
            hops.append(_mongo_hop(stack, current, running, major, after))
            part.image = part.written = after
            running = stack.mongo_version = t.cast("Version", Version.parse(tag))
    return hops


def _mongo_hop(stack: Stack, current: Version, before: Version, after: Version, image: str) -> Hop:
    part = stack.parts["mongo"]
    names = [f"{v.major}.{v.minor}" for v in (before, after)]
    why: Text = {
        "en": f"MongoDB {names[0]} to {names[1]}: majors go one at a time",
        "zh": f"MongoDB {names[0]} 升到 {names[1]}：大版本必须逐个升级",
    }
    return Hop(
        str(current),
        why,
        images=(ImageChange(part.service, "mongo", part.written, image, part.file),),
        recreates=(part.service,),
        database=(DatabaseStep("mongo-fcv", part.service, names[0], names[1]),),
        waits=(Wait("healthy", part.service, HEALTHY_TIMEOUT),),
        changes_data=True,
        downtime=2 * SECONDS,
    )


def vector_change(stack: Stack, version: Version) -> tuple[str | None, DatabaseStep | None]:
    """Give PostgreSQL's image and the update of the extension that a release asks for; None each where it may stay.

    What the server has in store counts, where it was asked; a tag may say another version than the image holds.
    """
    part = stack.parts["pg"]
    name, tag, _digest = split_image(part.image)
    asked = releases.tag_of("pgvector", version, asked_only=True)
    wanted = Version.parse(asked)
    stored = stack.vector_stored or (Version.parse(tag) if "pgvector" in name else stack.vector_version)
    if asked is None or wanted is None or stored is None:
        return None, None
    image = None
    if stored[:3] < wanted[:3]:
        major = postgres_major(tag) or stack.pg_major or "15"
        if postgres_major(asked):
            asked = asked.replace(f"pg{postgres_major(asked)}", f"pg{major}")
        image, stack.vector_stored = retagged(part.image, "pgvector", asked), wanted
    before = stack.vector_version or stored
    if before[:3] >= wanted[:3]:
        return image, None
    stack.vector_version = wanted
    after = f"{wanted.major}.{wanted.minor}.{wanted.patch}"
    return image, DatabaseStep("pgvector-extension", part.service, str(before), after)
