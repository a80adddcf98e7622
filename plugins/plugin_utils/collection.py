# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says about itself."""

from __future__ import annotations

import functools
import json

import yaml

from .catalogue import COLLECTION


@functools.cache
def version() -> str:
    """Give the collection's version: an installed one has MANIFEST.json, a clone galaxy.yml."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])
