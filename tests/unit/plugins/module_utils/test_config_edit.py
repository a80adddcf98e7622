# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of config.json touch what they must, and mend only what can mean one thing."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._config_edit import ConfigEditError, mend, set_values
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import JsonError, read
from hypothesis import given
from hypothesis import strategies as st

STACKS = pathlib.Path(__file__).parents[4] / "lab" / "stacks"
OURS = (STACKS / "g06" / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        pytest.param('{"a": {}，"b"：1}', '{"a": {},"b":1}', id="full-width comma and colon"),
        pytest.param('｛"a": ［1］｝', '{"a": [1]}', id="full-width brackets"),
        pytest.param("{“a”: “x，y”}", '{"a": "x，y"}', id="typographic quotes around a text with a full-width comma"),
        pytest.param('{"a”: "b"}', '{"a": "b"}', id="a typographic quote at the end only"),
        pytest.param('{"a": 1\n"b": 2}', '{"a": 1,\n"b": 2}', id="comma missing between lines"),
        pytest.param('{"a": 1 // one，\n"b": 2}', '{"a": 1, // one，\n"b": 2}', id="comma missing before a comment"),
        pytest.param('{"a": [{} {}]}', '{"a": [{}, {}]}', id="comma missing between objects"),
        pytest.param('{"a": 1,, "b": 2}', '{"a": 1, "b": 2}', id="one comma too many"),
        pytest.param('{"a": "“hi”，"\n"b": 1}', '{"a": "“hi”，",\n"b": 1}', id="texts stay as they are"),
    ],
)
def test_a_slip_that_means_one_thing_is_mended(text: str, mended: str) -> None:
    assert mend(text) == mended


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        pytest.param('\ufeff{"a": 1}', '{"a": 1}', id="byte order mark"),
        pytest.param('{"a": [1, 2,], }', '{"a": [1, 2] }', id="comma before a bracket"),
        pytest.param('// c\n{\n  // one\n  "a": 1 // two\n}\n', '{\n  "a": 1\n}\n', id="comments with their lines"),
        pytest.param('{"a": 1, /* two */ "b": 2}', '{"a": 1,  "b": 2}', id="comment within a line"),
        pytest.param("{'a': 'b', c: 1}", '{"a": "b", "c": 1}', id="quotes and bare keys"),
        pytest.param('{"a":\u00a01}', '{"a": 1}', id="odd blanks"),
        pytest.param('{\r\n  "a": 1, // x\r\n}\r\n', '{\r\n  "a": 1\r\n}\r\n', id="Windows line ends"),
        pytest.param('{"a": "// b", "c": "1,}"}', '{"a": "// b", "c": "1,}"}', id="texts stay as they are"),
    ],
)
def test_what_only_json5_has_goes_where_json_is_read(text: str, mended: str) -> None:
    assert mend(text, strict=True) == mended
    assert json.loads(mended) is not None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('{"a": 1 "b": 2}', "1:9", id="comma or something else missing within a line"),
        pytest.param('{"a": ["x" "y"]}', "1:12", id="two texts side by side"),
        pytest.param('{"a": "he said "hi" there"}', "1:17", id="quotes inside a text"),
        pytest.param('{"a" "b"}', "1:6", id="no colon"),
        pytest.param('{"a": 1', "1:8", id="cut off"),
        pytest.param('{"a": "b\nc"}', "1:9", id="a text over two lines"),
        pytest.param("<html></html>", "1:1", id="a web page"),
        pytest.param('{"a": {}}}', "1:10", id="a bracket too many"),
    ],
)
def test_what_can_mean_several_things_is_left(text: str, place: str) -> None:
    with pytest.raises(JsonError, match=f" at {place}$"):
        mend(text)


def test_what_is_fine_stays_as_it_is() -> None:
    assert mend(OURS) is OURS


@given(st.integers(0, OURS.count(",") - 1), st.sampled_from(["，", ""]))
def test_any_comma_of_a_config_file_is_put_back(number: int, slip: str) -> None:
    at = [index for index, character in enumerate(OURS) if character == ","][number]
    broken = OURS[:at] + slip + OURS[at + 1 :]
    try:
        mended = mend(broken)
    except JsonError:
        assert slip == ""  # within a line a missing comma is left to a person
        return
    assert read(mended).value == read(OURS).value


SETTINGS = """\
{
  "systemEnv": {
    "vectorMaxProcess": 15, // threads
    "qaMaxProcess": 1 // the last one
  },
  "llmModels": [
    {
      "model": "Qwen/Qwen2.5-7B", // its name
      "toolChoice": true
    }, {"model": "x", "toolChoice": true}
  ],
  "empty": {}
}
"""


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        pytest.param({"systemEnv.vectorMaxProcess": 20}, [("15,", "20,")], id="a setting of an object"),
        pytest.param(
            {"llmModels[Qwen/Qwen2.5-7B].toolChoice": False},
            [('"toolChoice": true\n', '"toolChoice": false\n')],
            id="a setting of a model, whatever its name holds",
        ),
        pytest.param(
            {"systemEnv.new": None},
            [("1 // the last one", '1, // the last one\n    "new": null')],
            id="a new setting after one with a comment",
        ),
        pytest.param(
            {"llmModels[x].functionCall": False, "llmModels[x].toolChoice": True},
            [("true}", 'true, "functionCall": false}')],
            id="a new setting within a line, and one that is so already",
        ),
        pytest.param({"empty.a": {"b": ["é"]}}, [("{}", '{"a": {"b": ["é"]}}')], id="into an empty object"),
        pytest.param({"top": 1}, [("{}\n", '{},\n  "top": 1\n')], id="at the top"),
    ],
)
def test_only_what_is_set_changes(values: dict[str, t.Any], changes: list[tuple[str, str]]) -> None:
    wanted = SETTINGS
    for old, new in changes:
        wanted = wanted.replace(old, new)
    assert set_values(SETTINGS, values) == wanted
    crlf = SETTINGS.replace("\n", "\r\n")
    assert set_values(crlf, values) == wanted.replace("\n", "\r\n")


def test_a_comma_after_the_last_setting_stays_the_last() -> None:
    assert set_values('{\n  "a": 1, // c\n}', {"b": 2}) == '{\n  "a": 1, // c\n  "b": 2,\n}'


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("llmModels[gone].a", "there is no gone"),
        ("a.b", "there is no a"),
        ("systemEnv.qaMaxProcess.a", "this is int"),
        ("llmModels[x]", "is no path"),
        ("", "is no path"),
    ],
)
def test_a_setting_without_a_place_is_refused(path: str, words: str) -> None:
    with pytest.raises(ConfigEditError, match=words):
        set_values(SETTINGS, {path: 1})
