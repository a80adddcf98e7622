# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for people: one self-contained HTML page in both languages, and Markdown."""

from __future__ import annotations

import functools
import pathlib
import re
import typing as t

import jinja2
import markupsafe

from ..logs import plain
from . import build
from .words import WORDS, word

Json = dict[str, t.Any]

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_STATUSES = ("found", "unknown", "ok", "not_applicable")
_COMMAND = re.compile(
    r"^(?:sudo |\$ |# )?(?:ansible[\w-]*|apt|cat|cd|chmod|chown|cp|curl|df|dmesg|docker|docker-compose|du|echo|export|"
    r"fallocate|firewall-cmd|free|grep|journalctl|ls|lscpu|lsof|mkdir|mongo|mongosh|mv|nc|netsh|openssl|ping|psql|redis-cli|sed|ss|stat|"
    r"systemctl|timedatectl|ufw|uname|usermod|wget|wsl) .*",
    re.DOTALL,
)


def render_html(report: Json) -> str:
    """Make report.html: no outside request, both languages inside, readable without scripts."""
    return _environment(autoescape=True).get_template("report.html.j2").render(report=report)


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
        "both": both,
        "fence": fence,
        "md": escape_markdown,
        "plain": readable,
        "segments": segments,
        "check_rows": check_rows,
        "verdict": build.verdict,
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
