# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for people: one self-contained HTML page in both languages, and Markdown."""

from __future__ import annotations

import base64
import functools
import json
import pathlib
import re
import typing as t
import zlib

import jinja2
import markupsafe

from ..logs import plain
from . import build
from .words import WORDS, word

Json = dict[str, t.Any]

INLINE = 25
"""Hosts that stand in the page itself, the worst ones; the others are packed, so that a page of 1,000 opens at once."""
PACK = 25
"""Hosts whose details share a pack."""
COLUMNS = 16
"""Findings that get a column of the matrix."""
_STACK = ("healthy", "info", "unseen", "warning", "error", "critical", "unreachable")
_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_STATUSES = ("found", "unknown", "ok", "not_applicable")
_COMMAND = re.compile(
    r"^(?:sudo |\$ |# )?(?:ansible[\w-]*|apt|cat|cd|chmod|chown|cp|curl|df|dmesg|docker|docker-compose|du|echo|export|"
    r"fallocate|firewall-cmd|free|grep|journalctl|ls|lscpu|lsof|mkdir|mongo|mongosh|mv|nc|netsh|openssl|ping|psql|redis-cli|sed|ss|stat|"
    r"systemctl|timedatectl|ufw|uname|usermod|wget|wsl) .*",
    re.DOTALL,
)


def render_html(report: Json) -> str:
    """Make report.html: no outside request, both languages inside; the worst hosts are readable without scripts."""
    environment = _environment(autoescape=True)
    columns = [item for item in report["fleet"]["findings"] if item["roots"]][:COLUMNS]
    return environment.get_template("report.html.j2").render(
        report=report,
        columns=columns,
        index={host["host"]: number for number, host in enumerate(report["hosts"])},
        inline=INLINE,
        packs=list(_packs(environment, report["hosts"][INLINE:], columns)),
    )


def _packs(environment: jinja2.Environment, hosts: t.Sequence[Json], columns: t.Sequence[Json]) -> t.Iterator[str]:
    """Give what the page unpacks on demand: first the lines of all these hosts, then their details, PACK at a time."""
    if not hosts:
        return
    part = environment.get_template("host.html.j2").module
    line, body = part.line, part.body  # type: ignore[attr-defined] # a template's macros
    yield _packed(
        [
            {
                "state": build.verdict(host),
                "finds": [finding["id"] for finding in host["findings"] if build.is_open(finding)],
                "words": _words_of(host),
                "line": str(line(host, columns, True)),
            }
            for host in hosts
        ]
    )
    for start in range(0, len(hosts), PACK):
        yield _packed([str(body(host)) for host in hosts[start : start + PACK]])


def _packed(value: t.Any) -> str:
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def _words_of(host: Json) -> str:
    """Give what the search looks through where a host's details are still packed."""
    words = [host["host"], host["error"] or "", *filter(None, host["deployment"].values())]
    for finding in host["findings"]:
        words += [finding["id"], finding["service"] or "", *(texts["title"] for texts in finding["i18n"].values())]
        words += [part for proof in finding["evidence"] for part in (proof["source"], proof["excerpt"])]
    return "\n".join(words).lower()


def render_markdown(report: Json) -> str:
    """Make report.md in the report's language."""
    return _environment(autoescape=False).get_template("report.md.j2").render(report=report)


@functools.cache
def _environment(autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,  # noqa: S701 - off for Markdown only, which has an escape of its own
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "beyond": lambda items, number: max(0, len(items) - number),
        "both": both,
        "cells": cells,
        "clock": clock,
        "fence": fence,
        "first_line": lambda text: text.strip().partition("\n")[0],
        "md": escape_markdown,
        "plain": readable,
        "segments": segments,
        "stack": stack,
        "still_open": lambda findings: [finding for finding in findings if build.is_open(finding)],
        "trait": trait,
        "check_rows": check_rows,
        "verdict": build.verdict,
        "words": in_words,
    }
    environment.globals |= {
        "say": say,
        "tree": build.tree,
        "verdict": build.verdict,
        "word": word,
        "WORDS": WORDS,
    }
    return environment


def both(texts: t.Mapping[str, str]) -> markupsafe.Markup:
    """Write a text in every language; the page's style shows the one chosen."""
    markup = markupsafe.Markup('<span lang="{}">{}</span>')
    return markupsafe.Markup("").join(
        markup.format("zh-CN" if lang == "zh" else lang, text) for lang, text in sorted(texts.items())
    )


def say(key: str, *values: object) -> markupsafe.Markup:
    """Write one of the report's own words in every language."""
    return both({lang: text.format(*values) for lang, text in WORDS[key].items()})


def clock(time: str) -> str:
    """Write a time as people read it: ``2026-11-22 22:15 UTC``."""
    return f"{time[:10]} {time[11:16]} UTC"


def trait(name: str) -> markupsafe.Markup:
    """Name a trait of a host: ``image mongo`` is its key."""
    kind, _space, rest = name.partition(" ")
    return say(f"trait_{kind}", rest)


def in_words(value: str | t.Sequence[str] | None) -> str:
    """Write what a step said of its end, which may be several lines."""
    return value or "" if isinstance(value, str) or value is None else "; ".join(map(str, value))


def cells(host: Json, columns: t.Sequence[Json]) -> list[str]:
    """Give the classes of a host's cells in the matrix."""
    return [_cell(host, column["id"]) for column in columns]


def _cell(host: Json, name: str) -> str:
    found = next((finding for finding in host["findings"] if finding["id"] == name), None)
    if found is None:
        return str(host["checks"].get(name, {}).get("status", "not_applicable"))
    if found["status"] == "fixed":
        return "fixed"
    if found.get("waived"):
        return "waived"
    return f"{'effect' if found['explained_by'] else 'root'} {found['severity']}"


def stack(run: Json, total: int, height: int = 60) -> list[Json]:
    """Give the bars of a run in the trend, healthy hosts at the bottom."""
    bars: list[Json] = []
    below = 0.0
    for state in _STACK:
        share = height * run["states"].get(state, 0) / total
        below += share
        if share:
            bars.append({"state": state, "y": round(height - below, 2), "height": round(share, 2)})
    return bars


def readable(text: str) -> str:
    """Make a log line fit to be shown: no colour codes, control characters visible as U+FFFD."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in plain(text))


def segments(text: str) -> list[tuple[str, str]]:
    """Cut a step at its backticks into ``("text" | "code" | "command", words)``.

    A command gets a line of its own, so the punctuation that joined it to the sentence is dropped.
    """
    parts = re.split(r"```\w*\n?|`", text)
    kinds = ["text"] * len(parts)
    for number in range(1, len(parts), 2):
        parts[number] = parts[number].strip()
        kinds[number] = "command" if _COMMAND.match(parts[number]) else "code"
    for number in range(0, len(parts), 2):
        if number and kinds[number - 1] == "command":
            parts[number] = re.sub(r"^[\s,.;:)，。；：、）]+", "", parts[number])
        if number + 1 < len(parts) and kinds[number + 1] == "command":
            parts[number] = re.sub(r"[\s(（]+$", "", parts[number])
    return [(kind, part) for kind, part in zip(kinds, parts, strict=True) if part.strip()]


def check_rows(host: Json) -> list[dict[str, t.Any]]:
    """Group a host's checks by result and reason: a row each, with the ids."""
    rows: dict[tuple[str, str], dict[str, t.Any]] = {}
    for name, check in host["checks"].items():
        key = (check["status"], check.get("reason") or "")
        row = rows.setdefault(key, {"status": check["status"], "reason": check.get("reason_i18n"), "ids": []})
        row["ids"].append(name)
    return sorted(rows.values(), key=lambda row: (_STATUSES.index(row["status"]), -len(row["ids"])))


def escape_markdown(text: str) -> str:
    """Keep Markdown from reading HTML or table bars out of a text; backticks are the catalogue's own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def fence(text: str) -> str:
    """Put a text into a code fence longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{readable(text)}\n{ticks}"
