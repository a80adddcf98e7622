# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The stand-in FastGPT behaves as the generation it stands for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastgpt_standin import config_file
from fastgpt_standin.generation import Generation, LogStyle, parse_version
from fastgpt_standin.log import Log

IMAGES = Path(__file__).parents[2] / "lab/images"
STACKS = Path(__file__).parents[2] / "lab/stacks"


def generation(text: str) -> Generation:
    return Generation(parse_version(text))


@pytest.mark.parametrize(
    ("tag", "version"), [("v4.8.23-fix", (4, 8, 23)), ("4.14.10.2", (4, 14, 10, 2)), ("v4.15.0-beta7", (4, 15, 0))]
)
def test_a_tag_has_a_version(tag: str, version: tuple[int, ...]) -> None:
    assert parse_version(tag) == version


def test_latest_is_no_version() -> None:
    with pytest.raises(ValueError, match="latest"):
        parse_version("latest")


@pytest.mark.parametrize(
    ("tag", "on_request", "error", "style"),
    [
        ("v4.8.1", True, "Load init config error", LogStyle.BRACKET),
        ("v4.8.11", True, "init error", LogStyle.CHALK),
        ("v4.8.14", False, "Init system error", LogStyle.CHALK),
        ("v4.14.10.2", False, "System initialization failed", LogStyle.LOGTAPE),
    ],
)
def test_generations_start_and_fail_in_their_own_way(tag: str, on_request: bool, error: str, style: LogStyle) -> None:
    subject = generation(tag)
    assert (subject.starts_on_request, subject.start_error, subject.log_style) == (on_request, error, style)


def test_config_file_is_read_until_4_14() -> None:
    assert generation("v4.14.31").reads_config_file
    assert not generation("v4.15.0").reads_config_file


@pytest.mark.parametrize(
    ("style", "pattern"),
    [
        (LogStyle.BRACKET, r'^\[ERROR\] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d went wrong \{"message":"no"\}$'),
        (LogStyle.CHALK, r'^\x1b\[31m\[Error\]\x1b\[39m \d{4}-\d\d-\d\d \d\d:\d\d:\d\d went wrong \{"message":"no"\}$'),
        (
            LogStyle.LOGTAPE,
            r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d   ERR system               went wrong: \{ message: 'no' \}$",
        ),
    ],
)
def test_each_style_of_log_line(style: LogStyle, pattern: str) -> None:
    assert re.search(pattern, Log(style).format("Error", "went wrong", {"message": "no"}, "system"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "a": 1\n  "b": 2\n}\n', "JSON5: invalid character '\\\"' at 3:3"),
        ('{\n  "a": 1，\n  "b": 2\n}\n', "JSON5: invalid character '，' at 2:9"),
        ('{\n  "a": {\n', "JSON5: invalid end of input"),
        ("", "JSON5: invalid end of input at 1:1"),
    ],
)
def test_json5_errors_read_as_node_words_them(text: str, message: str) -> None:
    with pytest.raises(config_file.ConfigError, match=re.escape(message)):
        config_file.parse_json5(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,}', "Expected double-quoted property name in JSON at position 8"),
        ('{"a": 1', "Unexpected end of JSON input"),
        ('{"a": 1} // no', "Unexpected token / in JSON at position 9"),
    ],
)
def test_json_errors_read_as_node_words_them(text: str, message: str) -> None:
    with pytest.raises(config_file.ConfigError, match=re.escape(message)):
        config_file.parse_json(text)


def test_a_missing_file_and_a_folder_have_their_errno(tmp_path: Path) -> None:
    with pytest.raises(config_file.ConfigError, match=r"ENOENT: no such file or directory, open '.*config\.json'"):
        config_file.read(str(tmp_path / "config.json"), is_json5=True)
    with pytest.raises(config_file.ConfigError, match=r"EISDIR: illegal operation on a directory, read"):
        config_file.read(str(tmp_path), is_json5=True)


@pytest.mark.parametrize("path", [*STACKS.glob("*/config.json"), *IMAGES.glob("fastgpt/*.json")], ids=str)
def test_the_labs_own_config_files_can_be_read(path: Path) -> None:
    assert "systemEnv" in config_file.read(str(path), is_json5=True)
