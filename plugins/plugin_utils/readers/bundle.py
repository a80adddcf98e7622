# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of collected or pasted files: one host, or a folder of such folders (contract, section 4)."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ..condense import telling_lines
from .host import (
    COMPOSE_NAMES,
    CONFIG_NAMES,
    CUT_MARK,
    ENV_NAMES,
    FOLDERS,
    OTHER_NAMES,
    OVERRIDE_NAMES,
    TEXT_KINDS,
    read_host,
)

KNOWN_FILES = frozenset((*COMPOSE_NAMES, *OVERRIDE_NAMES, *ENV_NAMES, *CONFIG_NAMES, *TEXT_KINDS, *OTHER_NAMES))
HEAD_BYTES = 1 << 20
TAIL_BYTES = 3 << 20
EVIDENCE_BYTES = 256 << 20
_TEXT_ENDINGS = (".log", ".txt", ".json", ".env", "")
_MAX_FILES = 500


class BundleError(ValueError):
    """The folder cannot be read as a bundle; the message says what was wanted."""


def host_folders(path: str | os.PathLike[str]) -> list[tuple[str, pathlib.Path]]:
    """Give name and folder of each host of a bundle, sorted by name.

    :raises BundleError: the folder is not there, is no folder, or holds nothing to read
    """
    folder = pathlib.Path(path)
    if not folder.is_dir():
        trouble = "not a folder" if folder.exists() else "not there"
        raise BundleError(f"{folder} is {trouble}; a bundle is a folder of files")
    if _is_host(folder):
        return [(folder.resolve().name or "host", folder)]
    hosts = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not hosts:
        wanted = "a host's files (ps.txt, docker-compose.yml, logs/NAME.log ...) or a folder for each host"
        raise BundleError(f"{folder} holds nothing to read; wanted are {wanted}")
    return [(entry.name, entry) for entry in hosts]


def read_bundle(path: str | os.PathLike[str], salt: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Give name and evidence of each host of a bundle.

    :param salt: of the run's secret tokens
    :raises BundleError: see :func:`host_folders`
    """
    for name, folder in host_folders(path):
        yield name, read_host(read_files(folder), name, salt)


def _is_host(folder: pathlib.Path) -> bool:
    for entry in folder.iterdir():
        name = entry.name.lower()
        if entry.is_file() and (name in KNOWN_FILES or name.endswith(".log")):
            return True
        if entry.is_dir() and name in FOLDERS and any(_is_text(item) for item in entry.iterdir()):
            return True
    return False


def _is_text(path: pathlib.Path) -> bool:
    """Tell a file of logs/, env/ or api/ from one that shows that the folder is a host of that name."""
    return path.is_file() and path.name.lower() not in KNOWN_FILES


def read_files(folder: pathlib.Path) -> dict[str, bytes]:
    """Read a host folder's known files by their path in it, huge ones without their middle.

    Other files are left alone: the folder may be a live installation with its databases in it. A link is followed
    only within the folder, so that a stranger's bundle cannot show files of this machine.
    """
    found: dict[str, bytes] = {}
    for path in _known_paths(folder):
        if len(found) >= _MAX_FILES:
            break
        found[path.relative_to(folder).as_posix()] = _read_bounded(path)
    return found


def _known_paths(folder: pathlib.Path) -> t.Iterator[pathlib.Path]:
    root = folder.resolve()
    for entry in sorted(folder.iterdir()):
        name = entry.name.lower()
        inside = [entry]
        if entry.is_dir() and name in FOLDERS:
            inside = [item for item in sorted(entry.iterdir()) if item.suffix.lower() in _TEXT_ENDINGS or name == "api"]
        elif not (name in KNOWN_FILES or name.endswith(".log")):
            continue
        for item in inside:
            if item.is_file() and item.resolve().is_relative_to(root):
                yield item


def _read_bounded(path: pathlib.Path) -> bytes:
    """Read a file; of a huge one the first part only, of a huge log also the last and what tells between them."""
    name, size = path.name.lower(), path.stat().st_size
    is_log = path.parent.name.lower() == "logs" or name.endswith(".log")
    whole = EVIDENCE_BYTES if name == "evidence.json" else HEAD_BYTES + TAIL_BYTES if is_log else HEAD_BYTES
    with path.open("rb") as stream:
        if size <= whole:
            return stream.read(whole)
        head = stream.read(HEAD_BYTES)
        left_out = size - whole
        middle = telling_lines(stream, left_out) if is_log else []
        tail = stream.read(TAIL_BYTES) if is_log else b""
    # all cuts at line ends, so that no character and no line is torn
    between = "\n".join([CUT_MARK.format(left_out), *middle, ""]).encode()
    begin = head[: head.rfind(b"\n") + 1] or head + b"\n"
    return begin + between + tail[tail.find(b"\n") + 1 :]
