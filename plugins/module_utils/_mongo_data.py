# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MongoDB's data folder as the host sees it, whether or not mongod runs; only looked at. Private to the collection.

A member that was never initiated lets nobody read its databases, and one that dies at its start neither. What the files
tell must do: whether MongoDB ever wrote any, and whether its catalogue names FastGPT's database.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._files import file_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import logins_of, words_of

Json = t.Dict[str, t.Any]

_MADE = ("WiredTiger", "WiredTiger.wt", "storage.bson", "local.0")
"""Files that are there from MongoDB's first start on; the last one is of its oldest storage engine."""
_CATALOGUE_LIMIT = 16 * 1024 * 1024
_DIAGNOSTICS = "diagnostic.data"
"""Folder in which every mongod since 3.2 writes down how it is; each file begins with what it is (ftdc/constants.h)."""
_VERSION = re.compile(rb"buildInfo\0.{4,64}?\x02version\0.{4}(\d+\.\d+\.\d+[\w.-]*)\0", re.DOTALL)
_HEAD = 64 * 1024


def data_facts(container: Json, app: Json | None) -> Json:
    """Look at the folder that is mounted at mongod's data path.

    :returns: ``mongo_data`` of the probes
    """
    answer: Json = {"container": container["name"], "type": None, "path": None, "made": None, "holds_app": None}
    answer["written_by"] = None
    kind, folder = folder_of(container)
    if not folder:
        return dict(answer, kind=None, error="nothing is mounted at mongod's data path")
    facts = file_facts(folder, "bind")
    answer.update({key: facts[key] for key in ("path", "kind", "mode", "uid", "gid", "entries", "error")}, type=kind)
    if facts["error"]:
        return answer
    _logins, database = logins_of(app, container)
    try:
        answer["holds_app"] = facts["kind"] == "directory" and holds(folder, database)
        answer["made"] = any(os.path.lexists(os.path.join(folder, name)) for name in _MADE)
        answer["written_by"] = written_by(folder)
    except OSError as error:
        answer["error"] = error.strerror or str(error)
    return answer


def folder_of(container: Json) -> tuple[str | None, str | None]:
    """Give type and folder on the host of mongod's data; None where they are not in a mount."""
    option = re.search(r"--dbpath[=\s]+[\"']?([^\s\"']+)", words_of(container))
    path = option[1].rstrip("/") if option else "/data/db"
    around = [m for m in container.get("mounts") or [] if f"{path}/".startswith(f"{m['destination'].rstrip('/')}/")]
    mount = max(around, key=lambda item: len(item["destination"]), default=None)
    if not mount or not mount.get("source"):
        return None, None
    return mount["type"], os.path.normpath(os.path.join(mount["source"], os.path.relpath(path, mount["destination"])))


def holds(folder: str, database: str) -> bool:
    """Tell whether a data folder knows a database: by a folder of its own, or named in a catalogue of collections.

    :raises OSError: the folder, or a catalogue in it, cannot be read
    """
    name = re.compile(re.escape(database.encode()) + rb"[.\0]")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == database and entry.is_dir():
                return True
            if _is_catalogue(entry) and name.search(_read(entry.path)):
                return True
    return False


def written_by(folder: str) -> str | None:
    """Give the version of the server that had a data folder open last; None where none left word of it.

    :raises OSError: what it left cannot be read
    """
    place = os.path.join(folder, _DIAGNOSTICS)
    names = sorted(name for name in os.listdir(place) if re.match(r"metrics\.\d", name)) if os.path.isdir(place) else []
    if not names:
        return None
    with open(os.path.join(place, names[-1]), "rb") as stream:  # their names are times
        found = _VERSION.search(stream.read(_HEAD))
    return found[1].decode() if found else None


def _is_catalogue(entry: os.DirEntry[str]) -> bool:
    """Collections and indexes themselves may be huge and say nothing of their names."""
    if not entry.name.endswith(".wt") or entry.name.startswith(("collection-", "index-", "WiredTiger")):
        return False
    return entry.is_file() and entry.stat().st_size <= _CATALOGUE_LIMIT


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(_CATALOGUE_LIMIT)
