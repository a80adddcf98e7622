# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import errno
import hashlib
import pathlib
import time

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _files


def test_a_config_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"a": "\xff"}')
    path.chmod(0o640)
    facts = _files.file_facts(str(path), "config", with_text=True)
    assert (facts["kind"], facts["size"], facts["mode"], facts["truncated"]) == ("file", 10, "0640", False)
    assert facts["text"] == '{"a": "\N{REPLACEMENT CHARACTER}"}'
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["inode"] == path.stat().st_ino


def test_a_huge_file_is_not_read_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as stream:
        stream.write(b'{"a": 1')
        stream.truncate(50 * 1024 * 1024)
    began = time.monotonic()
    facts = _files.file_facts(str(path), "config", with_text=True)
    assert time.monotonic() - began < 2
    assert (facts["size"], facts["truncated"], facts["sha256"]) == (50 * 1024 * 1024, True, None)
    assert len(facts["text"]) == _files.TEXT_LIMIT


def test_a_directory_in_a_files_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / "config.json").mkdir()
    facts = _files.file_facts(str(tmp_path / "config.json"), "config", with_text=True)
    assert (facts["kind"], facts["entries"], facts["text"]) == ("directory", 0, None)


def test_a_missing_file_is_an_answer(tmp_path: pathlib.Path) -> None:
    facts = _files.file_facts(str(tmp_path / "none"), "env", with_text=True)
    assert (facts["kind"], facts["error"]) == ("missing", None)


def test_what_stands_below_a_file_cannot_be_looked_at(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("x")
    assert _files.file_facts(str(tmp_path / "file" / "below"), "env")["error"] == "Not a directory"


def test_an_unreadable_file_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker-compose.yml"
    path.write_text("services: {}")

    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # the tests may run as root, who may read everything
    facts = _files.file_facts(str(path), "compose", with_text=True)
    assert (facts["kind"], facts["error"], facts["text"]) == ("file", "Permission denied", None)


def test_a_link_is_told_and_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")
    facts = _files.file_facts(str(tmp_path / "link"), "env", with_text=True)
    assert (facts["link"], facts["kind"], facts["text"]) == ("real", "file", "x")


def test_a_key_files_content_never_leaves(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "mongodb.key"
    path.write_text("c2VjcmV0\r\nc2VjcmV0\n")
    facts = _files.file_facts(str(path), "keyfile", with_text=True)
    assert facts["key"] == {"length": 16, "valid": True, "bom": False}
    assert (facts["text"], facts["sha256"]) == (None, None)


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (b"", {"length": 0, "valid": True, "bom": False}),
        (b"abc$def", {"length": 7, "valid": False, "bom": False}),
        (b"\xef\xbb\xbfabcdef", {"length": 9, "valid": False, "bom": True}),
    ],
)
def test_what_mongod_tests_of_a_key(data: bytes, facts: dict[str, object]) -> None:
    assert _files.key_facts(data) == facts
