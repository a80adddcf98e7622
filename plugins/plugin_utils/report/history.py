# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs found: a small digest beside each report, so that a year of a large fleet is read in a moment."""

from __future__ import annotations

import json
import pathlib
import typing as t

from . import build

Json = dict[str, t.Any]

DIGEST = "digest.json"
RUNS = 30
"""Earlier runs that are looked at."""
CHANGED = ("fixed", "failed", "rolled_back")
"""Ends of a finding that something was done for."""


def digest(report: Json) -> Json:
    """Make the digest of a report: each host's state, its open findings, and what was done."""
    return {
        "schema_version": 1,
        "run_id": report["run_id"],
        "generated_at": report["generated_at"],
        "mode": report["mode"],
        "hosts": {
            host["host"]: {
                "state": build.verdict(host),
                "open": [[f["id"], f["service"]] for f in host["findings"] if build.is_open(f)],
            }
            for host in report["hosts"]
        },
        "changes": [
            {
                "host": host["host"],
                "finding": finding["id"],
                "service": finding["service"],
                "status": finding["status"],
                "title": {lang: texts["title"] for lang, texts in finding["i18n"].items()},
                "proof": finding.get("proof") or finding.get("message"),
            }
            for host in report["hosts"]
            for finding in host["findings"]
            if finding["status"] in CHANGED
        ],
    }


def earlier(folder: pathlib.Path) -> list[Json]:
    """Give the digests of the runs before this one, oldest first.

    A run without a digest is read from its report; one that cannot be read, as it was killed while writing, is passed
    over.

    :param folder: this run's folder; its neighbours are the other runs
    """
    if not folder.parent.is_dir():
        return []
    # names begin with the time, so the newest can be told without opening any
    runs = sorted(path for path in folder.parent.iterdir() if path.is_dir() and not path.is_symlink())
    found = [_read(path) for path in runs if path.name < folder.name]
    return sorted(filter(None, found[-RUNS:]), key=lambda item: str(item["generated_at"]))


def _read(run: pathlib.Path) -> Json | None:
    try:
        if (run / DIGEST).exists():
            return t.cast(Json, json.loads((run / DIGEST).read_text(encoding="utf-8")))
        return digest(json.loads((run / "report.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
