# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FastGPT version numbers, as image tags and package.json spell them."""

from __future__ import annotations

import functools
import re
import typing as t

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-(alpha|beta|rc)\.?(\d*))?", re.IGNORECASE)
_FINAL = 99


class Version(t.NamedTuple):
    """A FastGPT release; compares in release order (a beta comes before its release)."""

    major: int
    minor: int
    patch: int = 0
    fix: int = 0
    stage: int = _FINAL
    stage_number: int = 0

    @classmethod
    @functools.lru_cache(maxsize=4096)
    def parse(cls, text: str | None) -> Version | None:
        """Read ``v4.8.11``, ``4.14.10.2``, ``4.15.0-beta7`` or ``v4.8.23-fix``; None for a floating tag."""
        match = _VERSION.match((text or "").strip())
        if not match:
            return None
        major, minor, patch, fix, stage, number = match.groups()
        rank = {"alpha": 0, "beta": 1, "rc": 2}.get((stage or "").lower(), _FINAL)
        return cls(int(major), int(minor), int(patch or 0), int(fix or 0), rank, int(number or 0))

    @property
    def is_final(self) -> bool:
        """False for an alpha, beta or release candidate."""
        return self.stage == _FINAL

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}" + (f".{self.fix}" if self.fix else "")
        stage = {0: "alpha", 1: "beta", 2: "rc"}.get(self.stage)
        return f"{text}-{stage}{self.stage_number or ''}" if stage else text


def split_image(reference: str) -> tuple[str, str | None, str | None]:
    """Cut an image reference into name, tag and digest; a missing part is None.

    >>> split_image("ghcr.io:443/labring/fastgpt:v4.8.11@sha256:ab")
    ('ghcr.io:443/labring/fastgpt', 'v4.8.11', 'sha256:ab')
    """
    rest, _at, digest = reference.strip().partition("@")
    head, colon, tail = rest.rpartition(":")
    if colon and "/" not in tail:
        return head, tail, digest or None
    return rest, None, digest or None


def image_version(reference: str | None) -> Version | None:
    """Give the version in an image's tag, or None where the tag is absent or floating."""
    return Version.parse(split_image(reference)[1]) if reference else None


MODELS_IN_DATABASE = Version(4, 8, 20)
"""From here on the model lists of config.json are ignored; models are set up on the page and kept in MongoDB."""
