# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of files, read with limits and never written. Private to the collection."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
import typing as t

Json = t.Dict[str, t.Any]

TEXT_LIMIT = 1024 * 1024
HASH_LIMIT = 8 * 1024 * 1024
_ENTRIES_LIMIT = 10000
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]*")


def file_facts(path: str, role: str, with_text: bool = False) -> Json:
    """Look at a path: what it is, and its text where wanted and not a key file. Never raises for what it finds.

    :param role: compose, env, config, keyfile or bind
    :returns: an item of ``files`` of docs/evidence.md, its text not tokenised yet
    """
    facts: Json = {
        "path": path,
        "role": role,
        "kind": "missing",
        "size": None,
        "mode": None,
        "uid": None,
        "gid": None,
        "mtime": None,
        "inode": None,
        "sha256": None,
        "entries": None,
        "text": None,
        "truncated": False,
        "error": None,
    }
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            facts["link"] = os.readlink(path)
        status = os.stat(path)
        facts.update(
            kind=kind_of(status.st_mode),
            size=status.st_size,
            mode=f"0{stat.S_IMODE(status.st_mode):03o}",
            uid=status.st_uid,
            gid=status.st_gid,
            mtime=status.st_mtime,
            inode=status.st_ino,
        )
        if facts["kind"] == "directory":
            with os.scandir(path) as entries:
                facts["entries"] = sum(1 for _entry in itertools.islice(entries, _ENTRIES_LIMIT))
        elif facts["kind"] == "file" and (with_text or role == "keyfile"):
            _read_into(facts, path, role, with_text)
    except FileNotFoundError:
        pass  # that is the answer: it stays "missing"
    except OSError as error:
        facts["error"] = error.strerror or str(error)
    return facts


def kind_of(mode: int) -> str:
    """Name the kind of a file from its mode bits: file, directory or other."""
    return "file" if stat.S_ISREG(mode) else "directory" if stat.S_ISDIR(mode) else "other"


def _read_into(facts: Json, path: str, role: str, with_text: bool) -> None:
    whole = facts["size"] <= HASH_LIMIT
    with open(path, "rb") as stream:
        data = stream.read(HASH_LIMIT if whole else TEXT_LIMIT)
    if role == "keyfile":
        facts["key"] = key_facts(data)
        return
    if whole:
        facts["sha256"] = hashlib.sha256(data).hexdigest()
    if with_text:
        facts["text"] = data[:TEXT_LIMIT].decode("utf-8", "replace")
        facts["truncated"] = facts["size"] > TEXT_LIMIT


def key_facts(data: bytes) -> Json:
    """Tell of a mongo key file what mongod tests: the characters without white space, and whether all are base64's."""
    bare = b"".join(data.split())
    return {"length": len(bare), "valid": _BASE64.fullmatch(bare) is not None, "bom": data.startswith(b"\xef\xbb\xbf")}


def read_text(path: str, limit: int = 256 * 1024) -> str:
    """Read the beginning of a text file.

    :raises OSError: it is missing, no file, or not readable
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is not a file")
    with open(path, "rb") as stream:
        return stream.read(limit).decode("utf-8", "replace")
