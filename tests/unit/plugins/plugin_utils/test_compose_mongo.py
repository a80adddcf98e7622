# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What MongoDB needs in a compose file: options wherever mongod is started, a key in the start script, names."""

from __future__ import annotations

import difflib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import apply_edits
from ansible_collections.fastgpt.ops.plugins.plugin_utils import compose_edit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile

SET = {"mongod_options": {"replSet": "rs0"}}


def mongo(*lines: str) -> str:
    """A compose file whose only service has these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"services:\n  mongo:\n    image: mongo:5.0.18 # five\n{body}networks:\n  fastgpt:\n"


def changed(text: str, **changes: t.Any) -> list[str]:
    """Edit the file and give the lines that went and those that came; a second time nothing changes."""
    after = compose_edit.edited(ComposeFile("docker-compose.yml", text), {"service": "mongo", **changes})
    assert apply_edits(text, compose_edit.between(text, after)) == after
    assert compose_edit.edited(ComposeFile("docker-compose.yml", after), {"service": "mongo", **changes}) == after
    return [line for line in difflib.ndiff(text.splitlines(), after.splitlines()) if line[0] in "+-"]


# --- options


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["command: mongod --keyFile /data/mongodb.key"],
            "    command: mongod --replSet rs0 --keyFile /data/mongodb.key",
            id="text",
        ),
        pytest.param(
            ['command: "mongod --keyFile /k" # by hand'],
            '    command: "mongod --replSet rs0 --keyFile /k" # by hand',
            id="quoted text",
        ),
        pytest.param(
            ["command: --keyFile /k"], "    command: --replSet rs0 --keyFile /k", id="the image adds the program"
        ),
        pytest.param(
            ['command: ["mongod", "--keyFile", "/k"]'],
            '    command: ["mongod", "--replSet", "rs0", "--keyFile", "/k"]',
            id="list on a line",
        ),
        pytest.param(
            ["command: ['--keyFile', '/k']"],
            "    command: ['--replSet', 'rs0', '--keyFile', '/k']",
            id="list of options only",
        ),
        pytest.param(
            ["command: >-", "  mongod", "  --keyFile /k", "  --wiredTigerCacheSizeGB 1"],
            "      mongod --replSet rs0",
            id="folded over lines",
        ),
        pytest.param(
            ["command: mongod", "  --keyFile /k"], "    command: mongod --replSet rs0", id="plain over two lines"
        ),
        pytest.param(
            ["entrypoint:", "  - bash", "  - -c", "  - |", "    # mongod, at last", "    exec mongod --auth &"],
            "        exec mongod --replSet rs0 --auth &",
            id="in a script",
        ),
        pytest.param([], "    command: mongod --replSet rs0", id="no command at all"),
        pytest.param(
            ["entrypoint:", "  - bash", "  - -c", "  - |", '    docker-entrypoint.sh "$$@"', "    wait"],
            "    command: mongod --replSet rs0",
            id="the script takes its command",
        ),
    ],
)  # fmt: skip
def test_the_option_comes_where_mongod_is_started(lines: list[str], expected: str) -> None:
    assert [line for line in changed(mongo(*lines), **SET) if line[0] == "+"] == [f"+ {expected}"]


def test_a_block_list_gets_two_items() -> None:
    lines = changed(mongo("command:", "- mongod", '- "--keyFile"', "- /k"), **SET)
    assert lines == ["+     - --replSet", "+     - rs0"]


def test_several_options_at_once() -> None:
    options = {"mongod_options": {"keyFile": "/data/mongodb.key", "replSet": "rs0"}}
    assert changed(mongo("command: mongod"), **options) == [
        "-     command: mongod",
        "+     command: mongod --replSet rs0 --keyFile /data/mongodb.key",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("command: mongod --replSet rs1 --keyFile /k", "    command: mongod --replSet rs0 --keyFile /k"),
        ("command: mongod --replSet=rs1", "    command: mongod --replSet=rs0"),
        ("command: [mongod, --replSet, rs1]", "    command: [mongod, --replSet, rs0]"),
    ],
)
def test_an_option_that_is_there_gets_the_value(line: str, expected: str) -> None:
    assert changed(mongo(line), **SET)[1] == f"+ {expected}"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["command: /opt/start.sh"], "does not start mongod"),
        (["entrypoint: /opt/start.sh"], "it cannot be seen where service mongo"),
        (["command:", "- bash", "- -c", "- |", "  mongod --fork", "  mongod --auth"], "lines 8, 9"),
    ],
)
def test_what_cannot_be_seen_through_is_refused(lines: list[str], reason: str) -> None:
    with pytest.raises(compose_edit.RefusedError, match=reason):
        changed(mongo(*lines), **SET)


def test_a_command_shared_by_an_anchor_is_refused() -> None:
    text = "x-c: &c mongod --auth\n" + mongo("command: *c")
    with pytest.raises(compose_edit.RefusedError, match="anchor"):
        changed(text, **SET)


# --- the key a script makes

SCRIPT = [
    "entrypoint:",
    "  - bash",
    "  - -c",
    "  - |",
    "    # a key of this container alone",
    "    openssl rand -base64 128 > /data/mongodb.key",
    "    chmod 400 /data/mongodb.key",
    "    chown 999:999 /data/mongodb.key",
    '    exec docker-entrypoint.sh "$$@" &',
    "    wait $$!",
    "command: mongod --keyFile /data/mongodb.key --replSet rs0",
]


def script(*without: int, **instead: str) -> str:
    """The start script without some of its lines, or with others."""
    lines = [instead.get(f"line{n}", line) for n, line in enumerate(SCRIPT) if n not in without]
    return mongo(*lines)


def mended(text: str) -> list[str]:
    return changed(text, made_keyfile="/data/mongodb.key")


def test_a_good_script_stays() -> None:
    assert mended(script()) == []


def test_lines_that_are_missing_come_in_behind_the_key() -> None:
    assert mended(script(6, 7)) == [
        "+         chmod 400 /data/mongodb.key",
        "+         chown 999:999 /data/mongodb.key",
    ]
    assert mended(script(7)) == ["+         chown 999:999 /data/mongodb.key"]


@pytest.mark.parametrize(
    ("number", "wrong", "right"),
    [
        (5, "    openssl rand -base64 1024 > /data/mongodb.key", "    openssl rand -base64 756 > /data/mongodb.key"),
        (6, "    chmod 644 /data/mongodb.key", "    chmod 400 /data/mongodb.key"),
        (7, "    chown root:root /data/mongodb.key", "    chown 999:999 /data/mongodb.key"),
    ],
)
def test_what_is_wrong_changes_in_its_line(number: int, wrong: str, right: str) -> None:
    lines = [line for line in mended(script(**{f"line{number}": wrong})) if line[0] in "+-"]
    assert lines == [f"-     {wrong}", f"+     {right}"]


def test_a_key_that_is_made_elsewhere_is_made_here_as_well() -> None:
    lines = mended(script(6, 7, line5="    openssl rand -base64 128 > /data/other.key"))
    assert lines == [
        "+         openssl rand -base64 756 > /data/mongodb.key",
        "+         chmod 400 /data/mongodb.key",
        "+         chown 999:999 /data/mongodb.key",
    ]


def test_modes_that_mongod_accepts_stay() -> None:
    assert mended(script(line6="    chmod 0600 /data/mongodb.key", line7="    chown mongodb /data/mongodb.key")) == []


def test_without_a_script_it_is_refused() -> None:
    with pytest.raises(compose_edit.RefusedError, match="no start script"):
        mended(mongo("command: mongod --keyFile /data/mongodb.key"))


# --- names on networks


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["networks:", "  - fastgpt # ours"],
            ["-       - fastgpt # ours", "+       fastgpt: # ours", "+         aliases:", "+           - old"],
            id="list",
        ),
        pytest.param(
            ["networks:", "- fastgpt"],
            ["-     - fastgpt", "+       fastgpt:", "+         aliases:", "+           - old"],
            id="list in the key's own column",
        ),
        pytest.param(
            ["networks: [fastgpt]"],
            ["-     networks: [fastgpt]", "+     networks: {fastgpt: {aliases: [old]}}"],
            id="list on a line",
        ),
        pytest.param(
            ["networks:", "  fastgpt:"], ["+         aliases:", "+           - old"], id="map without settings"
        ),
        pytest.param(
            ["networks:", "  fastgpt: {}"],
            ["-       fastgpt: {}", "+       fastgpt: {aliases: [old]}"],
            id="map with empty settings",
        ),
        pytest.param(
            ["networks:", "  fastgpt:", "    ipv4_address: 172.20.0.5"],
            ["+         aliases:", "+           - old"],
            id="map with other settings",
        ),
        pytest.param(
            ["networks:", "  fastgpt:", "    aliases:", "      - db"], ["+           - old"], id="one more alias"
        ),
        pytest.param(
            [],
            ["+     networks:", "+       default:", "+         aliases:", "+           - old"],
            id="the default network",
        ),
    ],
)  # fmt: skip
def test_a_service_gets_one_more_name(lines: list[str], expected: list[str]) -> None:
    text = mongo(*lines)
    assert [line for line in changed(text, aliases=["old"]) if line[0] != "?"] == expected
    after = ComposeFile("f", compose_edit.edited(ComposeFile("f", text), {"service": "mongo", "aliases": ["old"]}))
    (network,) = after.services["mongo"].data["networks"].values()
    assert "old" in network["aliases"]


def test_a_name_on_every_network() -> None:
    text = mongo("networks:", "  - fastgpt", "  - data")
    after = compose_edit.edited(ComposeFile("f", text), {"service": "mongo", "aliases": ["old"]})
    networks = ComposeFile("f", after).services["mongo"].data["networks"]
    assert networks == {"fastgpt": {"aliases": ["old"]}, "data": {"aliases": ["old"]}}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [(["network_mode: host"], "network_mode"), (["networks: *n"], "anchor")],
)
def test_names_that_cannot_be_given_are_refused(lines: list[str], reason: str) -> None:
    with pytest.raises(compose_edit.RefusedError, match=reason):
        changed("x-n: &n [fastgpt]\n" + mongo(*lines), aliases=["old"])
