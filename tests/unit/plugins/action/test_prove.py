# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof says of a host's evidence."""

from __future__ import annotations

import typing as t

from ansible_collections.fastgpt.ops.plugins.action import prove
from ansible_collections.fastgpt.ops.plugins.plugin_utils.readers.host import read_host

KEYFILE = "mongo-keyfile-permissions"
BROKEN = {"evidence": read_host({"logs/mongo.log": b"BSON: permissions on /data/mongodb.key are too open\n"}, "h", "")}


def judged(answer: dict[str, t.Any], finding: str | None, before: list[str]) -> tuple[str | None, str]:
    return prove._judge(answer, {"finding": finding, "version": None, "service": None, "before": before})


def test_a_finding_that_is_there_is_no_proof() -> None:
    assert str(judged(BROKEN, KEYFILE, [KEYFILE])[0]).startswith(f"{KEYFILE} is still there: ")


def test_what_could_not_be_looked_at_is_no_proof() -> None:
    assert judged(BROKEN, "disk-full", [KEYFILE])[0] == "disk-full could not be looked at again (unknown)"
    assert str(judged({"msg": "no route"}, KEYFILE, [])[0]) == "the host could not be read: no route"


def test_without_a_finding_only_what_is_new_counts() -> None:
    assert judged(BROKEN, None, []) == (f"new since then: {KEYFILE}", "")
    assert judged(BROKEN, None, [KEYFILE]) == (None, "nothing new")
