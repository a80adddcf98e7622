# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The stand-in mongod refuses what mongod refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from labmongod import cpu, keyfile, log, options
from labmongod.replica_set import CommandError, MemberState, ReplicaSet

CONFIG = {"_id": "rs0", "members": [{"_id": 0, "host": "mongo:27017"}], "version": 1, "term": 1}


def is_mongo(host: str, port: int, own_port: int) -> bool:
    """A node that other containers know as `mongo`."""
    return host == "mongo" and port == own_port


def write_key(folder: Path, text: str, mode: int) -> str:
    path = folder / "mongodb.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_key_file_only_its_owner_can_touch_is_taken(tmp_path: Path, mode: int) -> None:
    keyfile.check(write_key(tmp_path, "abcd\nefgh+/=\n", mode))


@pytest.mark.parametrize("mode", [0o440, 0o644, 0o401])
def test_a_key_file_others_can_touch_is_too_open(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path, "abcdefgh", mode)
    with pytest.raises(keyfile.KeyFileError) as caught:
        keyfile.check(path)
    assert caught.value.message == f"permissions on {path} are too open"


def test_a_directory_is_too_open_first_and_then_no_key(tmp_path: Path) -> None:
    folder = tmp_path / "mongodb.key"
    folder.mkdir(mode=0o755)
    with pytest.raises(keyfile.KeyFileError, match=r"InvalidPath"):
        keyfile.check(str(folder))
    folder.chmod(0o700)
    with pytest.raises(keyfile.KeyFileError, match=r"Only strings and sequences"):
        keyfile.check(str(folder))


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(keyfile.KeyFileError, match=r"No such file or directory"):
        keyfile.check(str(tmp_path / "none"))


def test_only_base64_characters_are_allowed() -> None:
    with pytest.raises(keyfile.KeyFileError, match=r"invalid char in key file /data/mongodb.key"):
        keyfile.check_content("/data/mongodb.key", "abc$defgh")


@pytest.mark.parametrize(("length", "accepted"), [(5, False), (6, True), (1024, True), (1025, False)])
def test_a_key_has_6_to_1024_characters(length: int, accepted: bool) -> None:
    if accepted:
        keyfile.check_content("key", "a" * length)
        return
    with pytest.raises(keyfile.KeySizeError) as caught:
        keyfile.check_content("key", "a" * length)
    assert caught.value.size == length


@pytest.mark.parametrize(("version", "wanted"), [((4, 4, 29), False), ((5, 0, 18), True)])
def test_authentication_in_a_replica_set_needs_a_key_file_since_5_0(version: tuple[int, ...], wanted: bool) -> None:
    assert options.requires_key_file(options.parse(["--auth", "--replSet", "rs0"]), version) is wanted
    with_key = options.parse(["--auth", "--replSet", "rs0", "--keyFile", "/k"])
    assert not options.requires_key_file(with_key, version)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(options.BadOptions, match=r"unrecognised option '--replset'"):
        options.parse(["--replset", "rs0"])


@pytest.mark.parametrize(
    ("name", "config", "state", "code"),
    [
        (None, None, MemberState.STANDALONE, 76),
        ("rs0", None, MemberState.UNINITIALISED, 94),
        ("rs0", {**CONFIG, "members": [{"_id": 0, "host": "fastgpt-mongo:27017"}]}, MemberState.REMOVED, 93),
        ("rs1", CONFIG, MemberState.REMOVED, 93),
    ],
)
def test_each_state_but_primary_has_its_code(
    name: str | None, config: dict[str, object] | None, state: MemberState, code: int
) -> None:
    replica_set = ReplicaSet(name, 27017, is_mongo)
    replica_set.config = config
    refusal = replica_set.refusal()
    assert replica_set.state is state
    assert refusal is not None and refusal["code"] == code


def test_a_primary_is_not_refused() -> None:
    replica_set = ReplicaSet("rs0", 27017, is_mongo)
    replica_set.config = replica_set.initiate({"_id": "rs0", "members": [{"_id": 0, "host": "mongo:27017"}]})
    assert replica_set.state is MemberState.PRIMARY
    assert replica_set.refusal() is None


@pytest.mark.parametrize(
    ("name", "stored", "config", "code"),
    [
        (None, None, CONFIG, 76),
        ("rs0", CONFIG, CONFIG, 23),
        ("rs0", None, {**CONFIG, "_id": "rs1"}, 93),
        ("rs0", None, {"_id": "rs0", "members": [{"_id": 0, "host": "localhost:27018"}]}, 93),
    ],
)
def test_initiate_is_refused(
    name: str | None, stored: dict[str, object] | None, config: dict[str, object], code: int
) -> None:
    replica_set = ReplicaSet(name, 27017, is_mongo)
    replica_set.config = stored
    with pytest.raises(CommandError) as caught:
        replica_set.initiate(config)
    assert caught.value.reply["code"] == code


def test_a_removed_node_takes_a_forced_configuration_only() -> None:
    replica_set = ReplicaSet("rs0", 27017, is_mongo)
    replica_set.config = {**CONFIG, "members": [{"_id": 0, "host": "old:27017"}]}
    with pytest.raises(CommandError) as caught:
        replica_set.reconfigure(CONFIG, force=False)
    assert caught.value.reply["code"] == 10107
    forced = replica_set.reconfigure(CONFIG, force=True)
    assert forced["version"] == 2 and forced["members"] == CONFIG["members"]


def test_a_log_line_is_json_with_mongods_padding() -> None:
    line = log.format_line("I", "ACCESS", 20254, "main", "Read security file failed", {"error": {"code": 30}})
    assert '"s":"I",  "c":"ACCESS",   "id":20254,   "ctx":"main"' in line
    assert json.loads(line)["attr"] == {"error": {"code": 30}}


@pytest.mark.parametrize(
    ("version", "switch", "dies"), [((5, 0, 18), "1", True), ((4, 4, 29), "1", False), ((5, 0), "", False)]
)
def test_only_5_0_and_later_die_without_avx(version: tuple[int, ...], switch: str, dies: bool) -> None:
    assert cpu.must_die(version, {"FASTGPT_LAB_NO_AVX": switch}) is dies


@pytest.mark.parametrize(("version", "dies"), [((5, 0, 18), True), ((4, 4, 29), True), ((4, 4, 18), False)])
def test_on_an_old_arm_even_late_releases_of_4_4_die(version: tuple[int, ...], dies: bool) -> None:
    assert cpu.must_die(version, {"FASTGPT_LAB_OLD_ARM": "1"}) is dies
