#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Hold the lines that changed (a unified diff on standard input) against those a plan predicted; 1 where they differ.

predicted.py PLAN.json

Only files of the project are compared. A secret, or a value that only the host will know,
is a token in the plan, which stands for any text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = "/opt/fastgpt/"
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


def main() -> int:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    steps = [step for host in plan["hosts"] for step in host["steps"]]
    actual = list(changed_lines(sys.stdin.read().splitlines()))
    texts = {path for path, _line in actual}
    predicted = [item for step in steps for item in changed_lines(step["diff"].splitlines())]
    # a file that is made or removed, or gets another owner, has no lines to hold against each other
    edited = [
        item
        for item in predicted
        if item[0].startswith(FOLDER) and not re.match(r"[+-](?:(?:file|directory|missing)\b|\d{4} \d+:\d+)", item[1])
    ]
    wrong = compare(edited, [item for item in actual if item[0] in texts])
    print("\n".join(wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
