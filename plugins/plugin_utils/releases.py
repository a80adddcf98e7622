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

MAIN = "fastgpt"
"""The main service where variables and images are named."""
OLD_AES_KEY = "fastgptkey"
"""What FastGPT took for AES256_SECRET_KEY while it could be left out: with another one stored keys cannot be read."""


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

    @property
    def avoid(self) -> t.Mapping[str, str] | None:
        """Why not to stay on it, in every language."""
        return self.facts.get("avoid")

    @property
    def min_from(self) -> Version | None:
        """The oldest release one may come from."""
        return Version.parse(self.facts.get("min_from"))

    @functools.cached_property
    def tags(self) -> dict[str, str]:
        """Tags by image name: what upstream asks for, before what its own file had."""
        return {**self.facts.get("seen", {}), **self.facts.get("images", {})}

    @property
    def tag(self) -> str:
        """Tag of the main image; made from the number where upstream names none (``Release.tag_is_told``)."""
        told = self.tags.get(MAIN)
        if told:
            return told
        short = self.version.minor <= 8 and not self.version.patch
        return f"v{self.version.major}.{self.version.minor}" if short else f"v{self.version}"

    @property
    def tag_is_told(self) -> bool:
        return MAIN in self.tags

    @property
    def build(self) -> Version:
        """The number in the tag of the main image, which may have a fix level of its own (4.14.10 is v4.14.10.4)."""
        return max(Version.parse(self.tag) or self.version, self.version)


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


@functools.cache
def up_to(version: Version) -> tuple[Release, ...]:
    """Give the releases up to and with that version."""
    return tuple(release for release in releases() if release.version <= version)


def release(version: Version) -> Release | None:
    """Give the entry of exactly that version."""
    return next((item for item in releases() if item.version == version), None)


def release_of_tag(tag: str) -> Release | None:
    """Give the release a tag of the main image belongs to: v4.14.10.2 is a build of 4.14.10."""
    exact = [item for item in releases() if item.tags.get(MAIN) == tag]
    build = Version.parse(tag)
    if exact or build is None:
        return exact[0] if exact else None
    same = [item for item in up_to(build) if item.version[:3] == build[:3] and item.version.is_final == build.is_final]
    return same[-1] if same else None


@functools.cache
def between(after: Version, last: Version) -> tuple[Release, ...]:
    """Give the releases on the way from one to another, betas only of a number whose beta is an end of the way."""
    betas = {end[:3] for end in (after, last) if not end.is_final}
    return tuple(
        item
        for item in releases()
        if after < item.version <= last and (item.version.is_final or item.version[:3] in betas)
    )


@functools.cache
def tag_of(image: str, version: Version, asked_only: bool = False) -> str | None:
    """Give the tag of another image that belongs to a release: the newest named up to it, else the first after it.

    :param image: its key in ``images`` and ``seen``
    :param asked_only: only what upstream's notes ask for; where they name none up to that release there is none
    """
    told = [
        (item.version, (item.facts.get("images") or {}).get(image) if asked_only else item.tags.get(image))
        for item in releases()
        if item.version.is_final or item.version == version
    ]
    before = [tag for number, tag in told if tag and number <= version]
    after = [tag for number, tag in told if tag and number > version and not asked_only]
    return (before[-1:] or after[:1] or [None])[0]


def service_and_name(entry: str) -> tuple[str, str]:
    """Cut ``fastgpt-plugin: MONGODB_URI`` into service and variable; without a service it is the main one."""
    service, colon, name = entry.rpartition(": ")
    return (service if colon else MAIN), name


@functools.cache
def needs(version: Version) -> tuple[str, ...]:
    """Give the components that version does not work without."""
    return tuple(component for item in up_to(version) for component in item.facts.get("needs") or [])


@functools.cache
def renamed(version: Version, service: str = MAIN) -> dict[str, str]:
    """Variables of a service that were renamed by that version: each old name and the one read now."""
    names: dict[str, str] = {}
    for item in up_to(version):
        for entry, new in (item.facts.get("env_renamed") or {}).items():
            owner, old = service_and_name(entry)
            if owner == service:
                names = {name: new if now == old else now for name, now in names.items()}
                names[old] = new
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


@functools.cache
def plugin_range(version: Version) -> tuple[Version, Version] | None:
    """Give the versions of fastgpt-plugin that fit: at least the first, below the second."""
    told = [item.facts["plugin"] for item in up_to(version) if item.facts.get("plugin")]
    if not told:
        return None
    first, end = (Version.parse(text) for text in told[-1])
    return (first, end) if first and end else None
