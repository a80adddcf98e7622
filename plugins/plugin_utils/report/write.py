# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report files on disk, each whole or not at all."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
import typing as t

from . import history, junit, metrics, page, sarif

Json = dict[str, t.Any]


def write_report(report: Json, folder: pathlib.Path) -> list[pathlib.Path]:
    """Write the report in every form into a folder, which is made where missing.

    :raises OSError: the folder or a file cannot be written
    """
    texts = {
        "report.json": json.dumps(report, ensure_ascii=False, indent=1) + "\n",
        history.DIGEST: json.dumps(history.digest(report), ensure_ascii=False) + "\n",
        "report.html": page.render_html(report),
        "report.md": page.render_markdown(report),
        "junit.xml": junit.render(report),
        "metrics.prom": metrics.render(report),
        "report.sarif": sarif.render(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / name, text) for name, text in texts.items()]


def point_latest(folder: pathlib.Path) -> None:
    """Let the link ``latest`` beside a run's folder show to it, without a moment in which there is none.

    :raises OSError: no link can be made there, or ``latest`` is a folder
    """
    link = folder.parent / "latest"
    fresh = folder.parent / f".latest-{folder.name}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    try:
        fresh.replace(link)
    except OSError:
        fresh.unlink()
        raise


def _write(path: pathlib.Path, text: str) -> pathlib.Path:
    # "surrogateescape" characters of undecodable host output must not make a report impossible
    data = text.encode("utf-8", "replace")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    return path
