# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating tags turned into what runs now: the exact version where it is known, and the digest."""

from __future__ import annotations

import re
import typing as t

from ..compose import ComposeFile
from ..model import Container, Deployment
from ..versions import split_image
from .plan import Text
from .stack import running_build, written_image

_EXACT = re.compile(r"\d+\.\d+\.\d+|\d{8}|\d{4}-\d\d-\d\d")


class Pin(t.NamedTuple):
    """One service whose image is to be named exactly.

    :ivar before: the reference as the file has it
    :ivar after: the same image with its version and digest
    """

    service: str
    file: str
    before: str
    after: str


class Left(t.NamedTuple):
    """A floating image that stays as it is, and why."""

    service: str
    image: str
    reason: Text


def is_exact(reference: str) -> bool:
    """Tell whether a reference always means the same image: it has a digest, or a tag with a whole version."""
    _name, tag, digest = split_image(reference)
    return bool(digest) or bool(_EXACT.search(tag or ""))


def pins(deployment: Deployment) -> tuple[list[Pin], list[Left]]:
    """Give what is to be pinned, and what cannot be."""
    done: list[Pin] = []
    left: list[Left] = []
    for compose in deployment.compose_files:
        for service in compose.services.values():
            written = written_image(compose, service)
            if not service.image or is_exact(service.image) or _comes_later(deployment, compose, service.name):
                continue
            found = _pinned(deployment, service.name, service.image, written)
            if isinstance(found, str):
                done.append(Pin(service.name, compose.path, written, found))
            else:
                left.append(Left(service.name, service.image, found))
    return done, left


def _comes_later(deployment: Deployment, compose: ComposeFile, service: str) -> bool:
    """Tell whether a later file gives the service another image, which then counts."""
    later = deployment.compose_files[deployment.compose_files.index(compose) + 1 :]
    return any(service in other.services and other.services[service].image for other in later)


def _pinned(deployment: Deployment, service: str, image: str, written: str) -> str | Text:
    if "$" in written:
        return {"en": f"its image comes from a variable ({written})", "zh": f"镜像来自变量（{written}）"}
    container = next((c for c in deployment.containers if c.service == service), None)
    if container is None or not container.running:
        return {"en": "it does not run, so no version is known", "zh": "服务没有运行，无法得知版本"}
    if container.image != image:
        return {
            "en": f"its container still runs {container.image}: bring it up first",
            "zh": f"容器仍在运行 {container.image}：请先更新容器",
        }
    known = [i for i in deployment.evidence.get("images") or [] if i.get("id") == container.data.get("image_id")]
    name, tag, _digest = split_image(image)
    digest = next(
        (d.partition("@")[2] for i in known for d in i.get("digests") or [] if d.partition("@")[0] == name), None
    )
    here = _local_tag(known, name)
    if digest:
        exact = here or _inside(deployment, container) or tag
        return f"{name}{f':{exact}' if exact else ''}@{digest}"
    if here:
        return f"{name}:{here}"
    return {
        "en": "its image has no digest of a registry (it was built or loaded here)",
        "zh": "镜像没有仓库摘要（在本机构建或导入）",
    }


def _local_tag(known: t.Sequence[t.Any], name: str) -> str | None:
    """Give an exact tag that the same image has on this host."""
    tags = [split_image(tag) for image in known for tag in image.get("tags") or []]
    return next((tag for repository, tag, _digest in tags if repository == name and tag and _EXACT.search(tag)), None)


def _inside(deployment: Deployment, container: Container) -> str | None:
    """Give FastGPT's version as a tag; beside a digest it is there for people."""
    build = running_build(deployment) if container.component == "app" else None
    return f"v{build}" if build else None
