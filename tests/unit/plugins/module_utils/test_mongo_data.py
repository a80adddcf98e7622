# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""MongoDB's data folder, looked at from the host."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _mongo_data

APP = {"env": {"MONGODB_URI": "mongodb://u:p@mongo:27017/fastgpt?authSource=admin"}}


def mongo(source: pathlib.Path, destination: str = "/data/db", **more: t.Any) -> dict[str, t.Any]:
    mount = {"type": "bind", "source": str(source), "destination": destination}
    return {
        "name": "mongo",
        "mounts": [mount, {"type": "volume", "source": "/x", "destination": "/data/configdb"}],
        **more,
    }


def facts(source: pathlib.Path, **more: t.Any) -> tuple[t.Any, ...]:
    found = _mongo_data.data_facts(mongo(source, **more), APP)
    return found["kind"], found["made"], found["holds_app"], found["error"]


def test_an_empty_or_missing_folder_never_held_data(tmp_path: pathlib.Path) -> None:
    assert facts(tmp_path) == ("directory", False, False, None)
    assert facts(tmp_path / "none") == ("missing", False, False, None)


def test_a_first_start_makes_files_that_do_not_know_the_app(tmp_path: pathlib.Path) -> None:
    (tmp_path / "WiredTiger").write_text("WiredTiger")
    (tmp_path / "_mdb_catalog.wt").write_bytes(b"..\x12\0\0\0admin.system.users\0..")
    assert facts(tmp_path) == ("directory", True, False, None)


@pytest.mark.parametrize("words", [b"\x0e\0\0\0fastgpt.users\0", b"fastgpt\0users"])
def test_the_catalogue_names_the_apps_database(tmp_path: pathlib.Path, words: bytes) -> None:
    (tmp_path / "WiredTiger").write_text("WiredTiger")
    (tmp_path / "_mdb_catalog.wt").write_bytes(b"\x81" + words + b"\xff")
    assert facts(tmp_path) == ("directory", True, True, None)


def test_a_folder_for_each_database_tells_as_well(tmp_path: pathlib.Path) -> None:
    (tmp_path / "fastgpt").mkdir()
    assert facts(tmp_path)[2] is True


def test_documents_that_mention_the_name_say_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "collection-0-123.wt").write_bytes(b"see fastgpt.cn")
    assert facts(tmp_path)[2] is False


def test_the_data_may_lie_below_the_mount(tmp_path: pathlib.Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "WiredTiger.wt").write_bytes(b"")
    assert facts(tmp_path, destination="/data") == ("directory", True, False, None)
    assert facts(tmp_path, destination="/srv", command=["mongod", "--dbpath", "/srv/db"])[1] is True


def test_data_inside_the_container_cannot_be_looked_at(tmp_path: pathlib.Path) -> None:
    found = _mongo_data.data_facts(mongo(tmp_path, "/elsewhere"), APP)
    assert (found["made"], found["error"]) == (None, "nothing is mounted at mongod's data path")


def diagnostics(version: str) -> bytes:
    """The begin of a file of diagnostic.data: a document of type 0 with the server's own words about itself."""
    text = version.encode() + b"\0"
    begun = b"\x09start\0" + b"\1" * 8
    said = b"\x02version\0" + len(text).to_bytes(4, "little") + text + b"\x02gitVersion\0"
    build = b"\x03buildInfo\0\x2a\0\0\0" + begun + said
    return b"\x80\0\0\0\x09_id\0" + b"\0" * 8 + b"\x10type\0\0\0\0\0\x03doc\0\x60\0\0\0" + build


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({}, None),
        ({"metrics.2026-03-01T10-00-00Z-00000": diagnostics("4.4.29")}, "4.4.29"),
        (
            {
                "metrics.2026-03-01T10-00-00Z-00000": diagnostics("4.4.29"),
                "metrics.2026-03-02T10-00-00Z-00000": diagnostics("5.0.18"),
                "metrics.interim": b"",
            },
            "5.0.18",
        ),
        ({"metrics.2026-03-01T10-00-00Z-00000": b"cut"}, None),
    ],
)
def test_the_server_that_wrote_last(tmp_path: pathlib.Path, files: dict[str, bytes], version: str | None) -> None:
    (tmp_path / "diagnostic.data").mkdir()
    for name, content in files.items():
        (tmp_path / "diagnostic.data" / name).write_bytes(content)
    assert _mongo_data.data_facts(mongo(tmp_path), APP)["written_by"] == version
