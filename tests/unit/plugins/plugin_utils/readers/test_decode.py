# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.decode import decode

TEXT = "容器 fastgpt 启动失败: port is already allocated\nsecond line\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030"]
)
def test_every_usual_encoding_is_told(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("cut", [1, 2])
def test_text_cut_inside_a_character_keeps_its_encoding(cut: int) -> None:
    assert decode("容器启动失败".encode()[:-cut]).startswith("容器启动失")


def test_a_few_damaged_bytes_do_not_make_utf8_gbk() -> None:
    assert "启动失败" in decode(b"\xff\xfe broken "[2:] + "启动失败".encode() + b"\xe9 tail")


def test_latin1_and_empty_text_never_fail() -> None:
    assert decode(b"") == ""
    assert decode("caf\u00e9 ok".encode("latin-1")).startswith("caf")


def test_zero_bytes_are_dropped() -> None:
    assert decode(b"mongo\0 is up, all is well here") == "mongo is up, all is well here"
