# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose file as Compose reads it: parsable, complete, within what the installed Compose knows."""

from __future__ import annotations

import re
import typing as t

from ..model import Deployment
from ..rule import Hit, hit, rule
from ..versions import Version

INLINE_CONFIGS = Version(2, 23, 1)
"""The Compose release that brought ``configs: content:``, which FastGPT's files use since 2026."""
NO_VERSION_KEY = Version(1, 27)


@rule("compose-invalid", needs=["compose"])
def invalid(d: Deployment) -> t.Iterator[Hit]:
    """What a YAML parser refuses; a pasted part of a file is not judged."""
    for compose in d.compose_files:
        whole = d.live or re.search(r"^services:", compose.text, re.MULTILINE)
        if compose.error and whole and "${{" not in compose.text:
            line = compose.excerpt(compose.error_line)
            place = (
                f"{compose.path}:{compose.error_line}:{compose.error_column}" if compose.error_line else compose.path
            )
            yield hit(place, line or compose.error, where=place, error=f"{compose.error}.")


@rule("compose-version-unsupported", needs=["compose", "compose-version"])
def too_old(d: Deployment) -> t.Iterator[Hit]:
    installed = d.evidence.get("compose") or {}
    v2, v1 = Version.parse(installed.get("v2")), Version.parse(installed.get("v1"))
    for compose in d.compose_files:
        configs = compose.data.get("configs")
        inline = isinstance(configs, dict) and any(isinstance(c, dict) and "content" in c for c in configs.values())
        if inline and (v2 or v1) and (v2 is None or v2 < INLINE_CONFIGS):
            yield _old(compose.path, v2 or v1, "configs: with content: inside (needs 2.23.1)")
        elif v1 and v2 is None and v1 < NO_VERSION_KEY and "services" in compose.data and "version" not in compose.data:
            yield _old(compose.path, v1, "services: without version: (needs 1.27)")


def _old(path: str, installed: Version | None, what: str) -> Hit:
    return hit(path, what, installed=str(installed), what=what)


@rule("compose-undefined-service", needs=["services"])
def undefined_service(d: Deployment) -> t.Iterator[Hit]:
    for service in d.services.values():
        for name in map(str, service.data.get("depends_on") or []):
            if name not in d.services:
                yield hit(
                    d.facts["compose_file"],
                    f"{service.name}: depends_on {name}",
                    where=f"service {service.name}",
                    name=name,
                    service=service.name,
                )


@rule("compose-undefined-volume", needs=["compose"])
def undefined_volume(d: Deployment) -> t.Iterator[Hit]:
    """Named volumes without declaration; the oldest file format (no ``services:``) needs none."""
    declared: set[str] = set()
    for compose in d.compose_files:
        declared |= {str(name) for name in compose.data.get("volumes") or {}}
    for compose in d.compose_files:
        if "services" not in compose.data:
            continue
        for service in compose.services.values():
            for mount in service.mounts:
                if mount.kind == "volume" and mount.source and mount.source not in declared:
                    yield hit(
                        compose.path,
                        f"{service.name}: {mount.source}:{mount.target}",
                        name=mount.source,
                        where=f"service {service.name}",
                        service=service.name,
                    )
