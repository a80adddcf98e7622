#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Hold the lines that changed (a unified diff on standard input) against those a plan predicted; 1 where they differ.

predicted.py PLAN.json FOLDER      FOLDER has what state.sh printed before and after: broken, mended

Files of the project are compared, and settings that a service keeps in its database. A secret, or a value that only the
host will know, is a token in the plan, which stands for any text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

SUMMARY = re.compile(r"[+-](?:(?:file|directory|missing|a key|a new key)\b|\d{4} \d+:\d+)")
COMPARED = re.compile(r"/opt/fastgpt/|[\w.-]+: (user|token|channel|model) ")
TOKEN = re.compile(r"<(?:secret:[0-9a-f]+(?::percent)?|given:\w+|random:\d+)>")


def changed_lines(diff: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give each line that goes or comes, with its sign, by the path it is in."""
    path, before = "", ""
    for line in diff:
        if line.startswith("--- "):
            before = line
        elif line.startswith("+++ ") and before:
            path, before = line[4:].partition("\t")[0].strip(), ""
        elif line.startswith(("+", "-")):
            yield path.replace("/./", "/"), line.rstrip("\r")


def stands_for(predicted: str, line: str) -> bool:
    """Tell whether a predicted line means that line."""
    return re.fullmatch(".*".join(map(re.escape, TOKEN.split(predicted))), line) is not None


def compare(predicted: list[tuple[str, str]], actual: list[tuple[str, str]]) -> list[str]:
    """Give the lines that only one of the two has, in words."""
    wrong = []
    for path, line in actual:
        match = next((item for item in predicted if item[0] == path and stands_for(item[1], line)), None)
        if match is None:
            wrong.append(f"changed, and was not predicted: {path}: {line}")
        else:
            predicted.remove(match)
    return wrong + [f"predicted, and did not change: {path}: {line}" for path, line in predicted]


def changed_settings(before: str, after: str) -> list[tuple[str, str]]:
    """Give each setting that goes or comes; state.sh prints one as `file WHAT<tab>FIELD: VALUE`."""
    was, now = ([line[5:].partition("\t") for line in text.splitlines() if "\t" in line] for text in (before, after))
    gone = [(what, f"-{setting}") for what, tab, setting in was if (what, tab, setting) not in now]
    return gone + [(what, f"+{setting}") for what, tab, setting in now if (what, tab, setting) not in was]


def main() -> int:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    steps = [step for host in plan["hosts"] for step in host["steps"]]
    actual = list(changed_lines(sys.stdin.read().splitlines()))
    actual += changed_settings(*(Path(sys.argv[2], name).read_text(encoding="utf-8") for name in ("broken", "mended")))
    predicted = [item for step in steps for item in changed_lines(step["diff"].splitlines())]
    # a file that is made, removed or secret, or gets another owner, has no lines to hold against each other
    summed_up = {path for path, line in predicted if SUMMARY.match(line)}
    wrong = compare(
        [item for item in predicted if COMPARED.match(item[0]) and item[0] not in summed_up],
        [item for item in actual if item[0] not in summed_up],
    )
    print("\n".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
