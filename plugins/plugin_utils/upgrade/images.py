# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image references: another tag from the registry a deployment uses, and what stands beside an image there."""

from __future__ import annotations

import re

from ..versions import Version, split_image

COMPONENTS: dict[str, tuple[str, ...]] = {
    "app": ("fastgpt",),
    "sandbox": ("fastgpt-code-sandbox", "fastgpt-sandbox"),
    "plugin": ("fastgpt-plugin",),
    "mcp": ("fastgpt-mcp_server",),
    "aiproxy": ("aiproxy",),
    "aiproxy-pg": ("pgvector",),
    "pg": ("pgvector",),
    "mongo": ("mongo",),
    "redis": ("redis",),
    "storage": ("minio",),
}
"""Names of a component's image in the catalogue of releases, the newest first."""

_MOVED = (
    (re.compile(r"^(?:docker\.io/)?c121914yu/fast-?gpt$"), "ghcr.io/labring/fastgpt"),
    (re.compile(r"c121914yu/fastgpt$"), "labring/fastgpt"),
    (re.compile(r"ankane/pgvector$"), "pgvector/pgvector"),
)
"""Repositories that upstream left, and where it went."""
_HUB = {"redis": "redis", "mongo": "mongo", "minio": "minio/minio", "pgvector": "pgvector/pgvector"}
"""Images of Docker Hub; the others are labring's."""
_ALIYUN = "registry.cn-hangzhou.aliyuncs.com/"


def retagged(reference: str, image: str, tag: str) -> str:
    """Give a reference another tag; the registry and the folder in it stay, where upstream did not leave them.

    :param image: the image's name in the catalogue of releases

    >>> retagged("registry.corp/fastgpt/fastgpt-sandbox:v4.14.6", "fastgpt-code-sandbox", "v4.14.10")
    'registry.corp/fastgpt/fastgpt-code-sandbox:v4.14.10'
    """
    name, old, _digest = split_image(reference)
    for left, now in _MOVED:
        name = left.sub(now, name)
    if image == "fastgpt-code-sandbox":
        name = re.sub(r"fastgpt-sandbox$", image, name)
    if image == "pgvector" and (old or "").startswith("v") and not tag.startswith("v") and _ALIYUN in name:
        tag = f"v{tag}"
    return f"{name}:{tag}"


def beside(app: str, image: str, tag: str, hub: str | None = None) -> str:
    """Give the reference of another image from where the main one comes from.

    :param app: the main service's reference
    :param hub: the reference of MongoDB, which tells where images of Docker Hub come from
    """
    name = split_image(app)[0]
    for left, now in _MOVED:
        name = left.sub(now, name)
    home, _slash, _last = name.rpartition("/")
    if home.endswith("labring"):
        if image not in _HUB:
            return f"{home}/{image}:{tag}"
        mirror = re.sub(r"(?:library/)?mongo$", "", split_image(hub)[0]) if hub else ""
        return f"{mirror}{_HUB[image]}:{tag}"
    if name.startswith(_ALIYUN) and image == "aiproxy":
        return f"{_ALIYUN}labring/aiproxy:{tag}"
    return f"{home}/{image}:{tag}" if home else f"{_HUB.get(image, f'ghcr.io/labring/{image}')}:{tag}"


def is_newer(tag: str, than: str | None) -> bool:
    """Tell whether a tag is a newer version than another; one that floats is older than any."""
    wanted, running = Version.parse(tag), Version.parse(than)
    if wanted is None:
        return False
    return running is None or wanted > running


def postgres_major(tag: str | None) -> str | None:
    """Give the major version of PostgreSQL in a tag of pgvector, where it says one."""
    match = re.search(r"pg(\d+)", tag or "")
    return match[1] if match else None
