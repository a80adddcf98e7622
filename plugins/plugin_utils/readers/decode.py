# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of unknown encoding: what people paste comes from Windows consoles, editors and terminals of any locale."""

from __future__ import annotations

import codecs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark starts with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 4096


def _utf16_without_mark(data: bytes) -> str | None:
    """Tell UTF-16 by where the zero bytes are: ASCII text has every second byte zero."""
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    if half < 2 or sample.count(0) < half * 0.4:
        return None
    return "utf-16-le" if sample[1::2].count(0) >= sample[0::2].count(0) else "utf-16-be"


def _utf8_is_likelier(data: bytes) -> bool:
    """Judge a text that is not clean UTF-8: a few damaged bytes in UTF-8, or GBK throughout?"""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    whole = sum(1 for char in text if ord(char) > 0x7F) - damaged
    return whole > damaged


def decode(data: bytes) -> str:
    """Decode bytes of unknown encoding; never fails.

    Tried in this order: a byte order mark, UTF-8, UTF-16 without a mark, GB18030 (the superset of GBK that Windows
    in Chinese uses). A text cut in the middle of a character keeps its encoding; what no encoding explains becomes
    U+FFFD. A text with ``\\x00`` bytes left loses them.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if encoding16 := _utf16_without_mark(data):
        return data.decode(encoding16, "replace")
    try:
        return data.decode("utf-8").replace("\0", "")
    except UnicodeDecodeError:
        pass  # not clean UTF-8: judged below
    encoding = "utf-8" if _utf8_is_likelier(data) else "gb18030"
    return data.decode(encoding, "replace").replace("\0", "")
