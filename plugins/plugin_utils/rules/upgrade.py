# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions: tags, companions, variables that came and went with releases."""

from __future__ import annotations

import re
import typing as t

from .. import releases
from ..model import Deployment
from ..rule import Hit, hit, rule
from ..versions import Version, image_version, split_image

PINNED = ("app", "sandbox", "plugin", "mcp", "mongo", "pg", "redis", "oneapi-db", "aiproxy", "oneapi")
VERSION_IN_TEXT = re.compile(r"\d+\.\d+|\d{4,}|^v?\d+\b|[-_]v?\d")
DATA_COMPONENTS = frozenset({"mongo", "pg", "oneapi-db", "aiproxy-pg", "storage"})
MATCHING_MINORS = Version(4, 14)
"""Up to here the sandbox was released with the main service under one number; upstream's own files lag one minor."""


def _images(d: Deployment) -> t.Iterator[tuple[str, str, str]]:
    """Component, service and image: of the containers, else of the compose file."""
    seen: set[str | None] = set()
    for container in d.containers:
        seen |= {container.service, container.name}
        if container.component and container.image and not container.image.startswith("sha256:"):
            yield container.component, container.service or container.name, container.image
    for service in d.services.values():
        component = d.component_of_service(service)
        if component and service.image and not seen & {service.name, service.container_name}:
            yield component, service.name, service.image


@rule("image-tag-floating", needs=["inspect"])
def floating_tag(d: Deployment) -> t.Iterator[Hit]:
    for component, service, image in _images(d):
        _name, tag, digest = split_image(image)
        if component in PINNED and not digest and not VERSION_IN_TEXT.search(tag or ""):
            yield hit(
                "docker ps",
                image,
                service=service,
                image=image,
                expected={"en": "a version as tag", "zh": "tag 应为具体版本号"},
            )


@rule("image-tag-not-found", needs=["services", "inspect", "images"])
def unknown_release(d: Deployment) -> t.Iterator[Hit]:
    """A tag of FastGPT that is no release, of an image that is not here: the pull failed or will."""
    here = {tag for image in d.evidence.get("images") or [] for tag in image.get("tags") or []}
    known = {release.version for release in releases.releases()}
    for service in d.services.values():
        version = image_version(service.image)
        if d.component_of_service(service) == "app" and version and version not in known and service.image not in here:
            # a newer one than this program knows may exist, unless its start has left no container
            confidence = "likely" if version < max(known) or d.app is None else "possible"
            yield hit(
                d.facts["compose_file"],
                f"image: {service.image}",
                service=service.name,
                image=service.image,
                confidence=confidence,
                expected={"en": "a release of FastGPT", "zh": "FastGPT 已发布的版本"},
            )


@rule("companion-version-mismatch", needs=["version", "services|containers"])
def companion(d: Deployment) -> t.Iterator[Hit]:
    version = d.version
    for component, service, image in _images(d):
        other = image_version(image)
        if version is None or other is None:
            continue
        if component == "plugin" and (fits := releases.plugin_range(version)) and not fits[0] <= other < fits[1]:
            yield _misfit(service, image, other, f"fastgpt-plugin {fits[0].major}.{fits[0].minor}.x")
        elif component == "sandbox" and version < MATCHING_MINORS and abs(other.minor - version.minor) > 1:
            yield _misfit(service, image, other, f"{version.major}.{version.minor}.x", "warning")


def _misfit(service: str, image: str, other: Version, needed: str, severity: str | None = None) -> Hit:
    return hit(
        "image",
        image,
        service=service,
        companion=str(other),
        needed=needed,
        severity=severity,
        expected={"en": needed, "zh": needed},
    )


@rule("env-renamed-after-upgrade", needs=["version", "env:app"], component="app")
def renamed_variables(d: Deployment) -> t.Iterator[Hit]:
    variables = d.env_of("app")
    old = {
        name: new for name, new in releases.renamed(d.version).items() if variables.get(name) and not variables.get(new)
    }
    if old:
        yield _renamed(d, old)


@rule("env-renamed-after-upgrade", needs=["compose"])
def renamed_block(d: Deployment) -> t.Iterator[Hit]:
    """A file whose new block is still a comment while the old one is active tells its own story, without a version."""
    for compose in d.compose_files:
        active = set(re.findall(r"^\s*(?:- ['\"]?)?([A-Z][A-Z0-9_]+)['\"]?\s*[:=]", compose.text, re.MULTILINE))
        waiting = set(re.findall(r"^\s*#\s*(?:- ['\"]?)?([A-Z][A-Z0-9_]+)['\"]?\s*[:=]", compose.text, re.MULTILINE))
        names = releases.renamed(releases.releases()[-1].version)
        old = {name: new for name, new in names.items() if name in active and new in waiting - active}
        if len(old) > 1:
            yield _renamed(d, old)


def _renamed(d: Deployment, old: t.Mapping[str, str]) -> Hit:
    names = ", ".join(f"{name} → {new}" for name, new in sorted(old.items()))
    service = d.facts["app_service"]
    return hit(
        f"environment of {service}",
        ", ".join(sorted(old)),
        service=service,
        names=names,
        expected={"en": ", ".join(sorted(set(old.values()))), "zh": ", ".join(sorted(set(old.values())))},
    )


@rule("env-required-missing-after-upgrade", needs=["version", "env:app"], component="app")
def required_variables(d: Deployment) -> t.Iterator[Hit]:
    """Variables the version needs and neither container nor file names. Without MONGODB_URI it is only a part of the
    environment that was pasted."""
    variables = d.env_of("app")
    service = d.service_of("app")
    if service and service.data.get("env_file") and not d.app:
        return
    missing = [
        name
        for name in releases.required(d.version)  # type: ignore[arg-type]  # a declared need
        if name not in variables and not any(f in variables for f in _OTHER_FORMS.get(name, ()))
    ]
    if missing and "MONGODB_URI" in variables:
        yield hit(
            f"environment of {d.facts['app_service']}",
            f"{len(variables)} variables, no {', '.join(missing)}",
            service=d.facts["app_service"],
            name=", ".join(missing),
            expected={"en": ", ".join(missing), "zh": ", ".join(missing)},
        )


_OTHER_FORMS: t.Mapping[str, tuple[str, ...]] = {
    "AIPROXY_API_ENDPOINT": ("OPENAI_BASE_URL",),
    "AIPROXY_API_TOKEN": ("CHAT_API_KEY",),
}
"""Variables that stood for the same thing; where one is set the gateway's own rules tell more."""


@rule("release-to-avoid", needs=["version"], component="app")
def to_avoid(d: Deployment) -> t.Iterator[Hit]:
    found = releases.release(d.version) if d.version else None
    if found and found.avoid:
        image = d.app.image if d.app else str(d.version)
        yield hit("image", image or str(d.version), service=d.facts["app_service"], why=found.avoid)


@rule("template-swap-orphans-data", needs=["inspect", "services"])
def orphaned_data(d: Deployment) -> t.Iterator[Hit]:
    """Database containers of this project that its file no longer has, whose data no present service mounts."""
    current = {c.name for c in d.containers if c.service in d.services}
    used = {_where(m) for c in d.containers if c.name in current for m in c.mounts}
    lost = [
        c
        for c in d.containers
        if c.name not in current
        and c.component in DATA_COMPONENTS
        and any(s.name != c.service and d.component_of_service(s) == c.component for s in d.services.values())
        and any(_where(m) not in used for m in c.mounts if m.get("type") in ("bind", "volume"))
    ]
    if lost:
        shown = "\n".join(f"{c.name}: {', '.join(_where(m) for m in c.mounts)}" for c in lost)
        yield hit("docker ps -a, docker inspect: Mounts", shown, orphans=", ".join(c.name for c in lost))


def _where(mount: t.Mapping[str, t.Any]) -> str:
    return str(mount.get("name") or mount.get("source") or "")
