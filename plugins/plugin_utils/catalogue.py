# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one catalogue of findings: everything that is said about an id is said in ``knowledge/findings/*.yml``."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import typing as t

import yaml

KNOWLEDGE = pathlib.Path(__file__).parent / "knowledge"
COLLECTION = pathlib.Path(__file__).parents[2]
SEVERITIES = ("critical", "error", "warning", "info")
RISKS = ("none", "safe", "restart", "data")
LANGUAGES = ("en", "zh")

_FAST_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One finding id: its class, its texts and what it can explain.

    :ivar explains: ids of findings that this one, where both are there, is the cause of
    :ivar explains_of: the same for findings that tell only which container suffers, by the component that does
    :ivar order: place among findings of equal rank; by the catalogue's own order
    """

    id: str
    family: str
    severity: str
    risk: str
    title: t.Mapping[str, str]
    cause: t.Mapping[str, str]
    steps: tuple[t.Mapping[str, str], ...]
    faq: str | None = None
    role: str | None = None
    explains: tuple[str, ...] = ()
    explains_of: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)
    order: int = 0

    @property
    def effects(self) -> tuple[str, ...]:
        """Every id this one can be the cause of, whichever component it is about."""
        return tuple(dict.fromkeys([*self.explains, *(name for names in self.explains_of.values() for name in names)]))


def load_yaml(path: pathlib.Path) -> t.Any:
    """Read a YAML file of the knowledge folder."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_FAST_SAFE)  # noqa: S506


@functools.cache
def findings() -> dict[str, Entry]:
    """Load every entry by id; files in alphabetical order, ``order`` as written or by position.

    :raises ValueError: where an entry is incomplete or doubled
    """
    result: dict[str, Entry] = {}
    for path in sorted((KNOWLEDGE / "findings").glob("*.yml")):
        for raw in load_yaml(path) or []:
            entry = _entry(path.name, raw, len(result))
            if entry.id in result:
                raise ValueError(f"{path.name}: {entry.id} is there twice")
            result[entry.id] = entry
    return result


@functools.cache
def faq() -> dict[str, dict[str, str]]:
    """Give the titles of the sections of FastGPT's FAQ by section, in its order."""
    titles: dict[str, dict[str, str]] = load_yaml(KNOWLEDGE / "faq.yml")
    return titles


def _entry(where: str, raw: dict[str, t.Any], position: int) -> Entry:
    try:
        entry = Entry(
            **{
                **raw,
                "steps": tuple(raw["steps"]),
                "explains": tuple(raw.get("explains", ())),
                "order": raw.get("order", 1000 + position),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{where}: entry {raw.get('id')!r} is not complete: {error}") from error
    if entry.severity not in SEVERITIES or entry.risk not in RISKS:
        raise ValueError(
            f"{where}: {entry.id}: severity {entry.severity!r} or risk {entry.risk!r} is not one of the contract's"
        )
    for text in (entry.title, entry.cause, *entry.steps):
        if set(text) != set(LANGUAGES):
            raise ValueError(f"{where}: {entry.id}: every text has en and zh, this one has {sorted(text)}")
    return entry


def fill(text: t.Mapping[str, str], facts: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Put facts into the ``{placeholders}`` of a text; braces that name no fact stay as they are.

    A fact that is itself a text in every language gives the words of each.
    """

    def value(name: str, lang: str) -> str:
        found = facts[name]
        return str(found[lang] if isinstance(found, dict) else found)

    return {
        lang: _PLACEHOLDER.sub(
            lambda m, lang=lang: value(m.group(1), lang) if m.group(1) in facts else m.group(0),  # type: ignore[misc]
            words,
        )
        for lang, words in text.items()
    }
