# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of JSON and JSON5, held against the json5 package and Python's own."""

from __future__ import annotations

import json
import pathlib
import typing as t

import json5
import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import JsonError, Member, read, read_object
from hypothesis import given
from hypothesis import strategies as st

STACKS = pathlib.Path(__file__).parents[4] / "lab" / "stacks"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 2, "\t"]))
def test_what_python_writes_is_read_back(value: t.Any, indent: t.Any) -> None:
    text = json.dumps(value, indent=indent)
    assert read(text).value == read(text, strict=True).value == value


@pytest.mark.parametrize("path", sorted(STACKS.glob("*/config.json")), ids=lambda path: path.parent.name)
def test_config_files_read_as_the_json5_package_reads_them(path: pathlib.Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert read(text).value == json5.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1, $b: 2, _c: 3, 日本: 4,}",
        '{\'a\': \'it\\\'s "b"\', "c": "d\\\ne"}',
        "[+1, -.5e3, 0x1F, 1., -Infinity, ]",
        '"\\x41\\u0042\\0\\n\\q"',
        "/* one */ {// two\n 'a' /* three */ : 1}\u3000// four",
        "\ufeff[]",
        "null",
    ],
)
def test_json5_is_read_as_the_json5_package_reads_it(text: str) -> None:
    assert read(text).value == json5.loads(text.lstrip("\ufeff"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": {}，"b": 1}', "JSON5: invalid character '，' at 1:9"),
        ('{"a": 1\n "b": 2}', "JSON5: invalid character '\\\"' at 2:2"),
        ('{"a": "b\n"}', "JSON5: invalid character '\\n' at 1:9"),
        ('{"a": 1', "JSON5: invalid end of input at 1:8"),
        ("[1,,2]", "JSON5: invalid character ',' at 1:4"),
        ("[01]", "JSON5: invalid character '0' at 1:2"),
        ("{1: 2}", "JSON5: invalid character '1' at 1:2"),
        ('"\\x4"', "JSON5: invalid character '\\\\' at 1:2"),
        ("{a: tru}", "JSON5: invalid character 't' at 1:5"),
        ("[] x", "JSON5: invalid character 'x' at 1:4"),
        ("", "JSON5: invalid end of input at 1:1"),
        ("/* open", "JSON5: invalid character '/' at 1:1"),
    ],
)
def test_what_json5_is_not_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"<string>:\d+ |could not convert|not legal JSON5"):
        json5.loads(text)
    with pytest.raises(JsonError) as refused:
        read(text)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{'a': 1}", "Expecting property name enclosed in double quotes at 1:2"),
        ('{"a": 1 // one\n}', "Expecting ',' delimiter at 1:9"),
        ("\ufeff{}", "byte order mark"),
        ('{"a": NaN}', "unexpected NaN at 1:7"),
    ],
)
def test_strict_json_has_less(text: str, words: str) -> None:
    assert read(text) is not None
    with pytest.raises(JsonError, match=f"JSON: .*{words}"):
        read(text, strict=True)


def test_every_value_is_where_it_says() -> None:
    text = "{ a: [1, 'x'], // c\n 'b': {} }"
    node = read(text)
    places: list[tuple[Member, str]] = [(part, text[part.node.start : part.node.end]) for part in node.parts]
    assert [(part.key, text[part.start : part.end], value) for part, value in places] == [
        ("a", "a", "[1, 'x']"),
        ("b", "'b'", "{}"),
    ]
    assert [text[item.start : item.end] for item in node.parts[0].node.parts] == ["1", "'x'"]


@pytest.mark.parametrize(
    ("text", "words"), [("[]", "an? .* object is needed, this is a list"), ("\ufeff <!DOCTYPE html><p>", "a web page")]
)
def test_a_config_file_has_to_be_an_object(text: str, words: str) -> None:
    with pytest.raises(JsonError, match=words):
        read_object(text)
