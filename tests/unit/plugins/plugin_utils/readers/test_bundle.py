# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers import bundle


def put(folder: pathlib.Path, *names: str) -> pathlib.Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}\n")
    return folder


@pytest.mark.parametrize(
    "name", ["ps.txt", "logs/mongo.log", "env/fastgpt.env", "api/1.json", "Docker-Compose.yml", "fastgpt.log"]
)
def test_folder_with_a_known_file_is_one_host(tmp_path: pathlib.Path, name: str) -> None:
    put(tmp_path / "web1", name)
    assert bundle.host_folders(tmp_path / "web1") == [("web1", tmp_path / "web1")]


def test_folder_of_folders_is_many_hosts(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "web2/ps.txt", "web1/shell.txt", "README.md", ".git/config", "logs/ps.txt")
    (tmp_path / "empty").mkdir()
    assert [name for name, _folder in bundle.host_folders(tmp_path)] == ["empty", "logs", "web1", "web2"]


def test_every_host_of_a_bundle_is_read(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "web1/shell.txt", "web2/logs/pg.log")
    found = dict(bundle.read_bundle(tmp_path, "salt"))
    assert found["web1"]["texts"][0]["text"] == "text of web1/shell.txt\n"
    assert found["web2"]["logs"][0]["container"] == "pg"


def test_what_is_no_bundle_is_refused_with_what_was_wanted(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "file/README.md")
    with pytest.raises(bundle.BundleError, match="not there; a bundle is a folder"):
        bundle.host_folders(tmp_path / "missing")
    with pytest.raises(bundle.BundleError, match="not a folder"):
        bundle.host_folders(tmp_path / "file/README.md")
    with pytest.raises(bundle.BundleError, match="a host's files"):
        bundle.host_folders(tmp_path / "file")


def test_only_known_files_are_read_and_no_link_leads_outside(tmp_path: pathlib.Path) -> None:
    put(tmp_path, "outside.txt", "web1/ps.txt", "web1/mongo/data.log", "web1/notes.md")
    (tmp_path / "web1/shell.txt").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "web1/up.txt").symlink_to("ps.txt")
    assert sorted(bundle.read_files(tmp_path / "web1")) == ["ps.txt", "up.txt"]


def test_huge_log_keeps_both_ends_at_line_ends(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "HEAD_BYTES", 100)
    monkeypatch.setattr(bundle, "TAIL_BYTES", 200)
    log = tmp_path / "web1/logs/mongo.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number:05} 行\n" for number in range(1000)))
    (name, evidence), *_rest = bundle.read_bundle(tmp_path / "web1", "salt")
    lines = evidence["logs"][0]["text"].splitlines()
    assert (name, lines[0], lines[-1]) == ("web1", "line 00000 行", "line 00999 行")
    assert evidence["logs"][0]["truncated"] is True
    assert [line for line in lines if not line.startswith(("line ", "[fastgpt.ops left out "))] == []
    assert len(lines) < 30


def test_huge_config_file_of_one_line_is_known_to_be_cut(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "HEAD_BYTES", 100)
    (tmp_path / "web1").mkdir()
    (tmp_path / "web1/config.json").write_text('{"a": "' + "x" * 1000 + '"}')
    (_name, evidence), *_rest = bundle.read_bundle(tmp_path / "web1", "salt")
    assert evidence["files"][0]["truncated"] is True
    assert len(evidence["files"][0]["text"]) < 200
