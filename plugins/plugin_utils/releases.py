# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one catalogue of FastGPT's releases, ``knowledge/releases.yml``."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .catalogue import KNOWLEDGE, load_yaml
from .versions import Version


@dataclasses.dataclass(frozen=True)
class Release:
    """One release; the head of releases.yml tells what each field means.

    :ivar facts: the whole entry as written
    """

    version: Version
    facts: t.Mapping[str, t.Any]

    @property
    def hard_stop(self) -> bool:
        return bool(self.facts.get("hard_stop"))


@functools.cache
def releases() -> tuple[Release, ...]:
    """Load every release in the order of the version numbers.

    :raises ValueError: where a version cannot be read
    """
    found = []
    for raw in load_yaml(KNOWLEDGE / "releases.yml"):
        version = Version.parse(raw["version"])
        if version is None:
            raise ValueError(f"releases.yml: no version: {raw['version']!r}")
        found.append(Release(version, raw))
    return tuple(sorted(found, key=lambda release: release.version))


def up_to(version: Version) -> tuple[Release, ...]:
    """Give the releases up to and with that version."""
    return tuple(release for release in releases() if release.version <= version)


def release(version: Version) -> Release | None:
    """Give the entry of exactly that version."""
    return next((item for item in releases() if item.version == version), None)


def renamed(version: Version) -> dict[str, str]:
    """Variables that were renamed by that version: the old name and the one read now."""
    names: dict[str, str] = {}
    for item in up_to(version):
        names.update(item.facts.get("env_renamed") or {})
    return names


def required(version: Version) -> dict[str, Version]:
    """Variables that version cannot do without, each with the release that brought it."""
    names: dict[str, Version] = {}
    for item in up_to(version):
        for old, new in (item.facts.get("env_renamed") or {}).items():
            if old in names:
                names[new] = names.pop(old)
        for name in item.facts.get("env_required") or []:
            names.setdefault(name, item.version)
    return names


def plugin_range(version: Version) -> tuple[Version, Version] | None:
    """Give the versions of fastgpt-plugin that fit: at least the first, below the second."""
    told = [item.facts["plugin"] for item in up_to(version) if item.facts.get("plugin")]
    if not told:
        return None
    first, end = (Version.parse(text) for text in told[-1])
    return (first, end) if first and end else None
