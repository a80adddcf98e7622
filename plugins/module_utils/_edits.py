# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small edits of a text file: made on the controller from what it saw, applied on the host to what is there.

An edit names the line and the words it expects; where the file is another one by now, nothing is changed. Line ends,
a byte order mark and everything the edits do not name stay as they are. Secrets stand as tokens in what the controller
saw; what a token stands for is looked up on the host (``_references.py``).
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._references import Behind


class EditError(ValueError):
    """The text is not the one the edits were made for."""


class Replace(t.NamedTuple):
    """Put ``new`` in the place of ``old`` in a line (from 1), at a column (from 0, counted from the line's end)."""

    line: int
    old: str
    new: str
    tail: int


class Rewrite(t.NamedTuple):
    """Put a line in the place of another."""

    line: int
    old: str
    new: str


class Insert(t.NamedTuple):
    """Put lines (without line ends) in after a line; 0 is the top of the file."""

    after: int
    lines: tuple[str, ...]


class Delete(t.NamedTuple):
    """Take a line out; ``ends`` is how it must end."""

    line: int
    ends: str


Edit = t.Union[Replace, Rewrite, Insert, Delete]


def apply_edits(text: str, edits: t.Sequence[Edit], behind: Behind | None = None) -> str:
    """Apply edits, whose line numbers all mean the text as given.

    :param behind: what stands behind the tokens, where the text has secrets and the edits have tokens
    :raises EditError: where a line is not there or does not hold the words an edit expects
    """
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    inserted: dict[int, list[str]] = {}
    for edit in sorted(edits, key=_from_the_right):
        if isinstance(edit, Insert):
            if not 0 <= edit.after <= len(lines):
                raise EditError(f"line {edit.after} is not there; the file has {len(lines)} lines")
            more = [behind.fill(line) if behind else line for line in edit.lines]
            inserted.setdefault(edit.after, []).extend(line + newline for line in more)
        else:
            _change(lines, edit, behind)
    result = inserted.get(0, [])
    for number, line in enumerate(lines, 1):
        more = inserted.get(number, [])
        if more and line and not line.endswith(("\n", "\r")):
            line += newline
        result += [line, *more]
    return "".join(result)


def _from_the_right(edit: Edit) -> tuple[int, int]:
    """Order in which earlier edits of a line do not move later ones: the smallest distance from its end last."""
    return (1, -edit.tail) if isinstance(edit, Replace) else (0, 0)


def _change(lines: list[str], edit: Replace | Rewrite | Delete, behind: Behind | None) -> None:
    if not 1 <= edit.line <= len(lines):
        raise EditError(f"line {edit.line} is not there; the file has {len(lines)} lines")
    line = lines[edit.line - 1]
    body = line.rstrip("\r\n")
    if isinstance(edit, Rewrite):
        if (behind.seen(edit.line) if behind else body) != edit.old:
            raise EditError(f"line {edit.line} does not read {edit.old!r}")
        lines[edit.line - 1] = (behind.rewritten(edit.line, body, edit.new) if behind else edit.new) + line[len(body) :]
        return
    if isinstance(edit, Delete):
        if not body.endswith(edit.ends):
            raise EditError(f"line {edit.line} does not end with {edit.ends!r}")
        lines[edit.line - 1] = ""
        return
    end = len(body) - edit.tail
    start = end - len(edit.old)
    if start < 0 or body[start:end] != edit.old:
        raise EditError(f"line {edit.line} does not hold {edit.old!r} where it was")
    lines[edit.line - 1] = body[:start] + edit.new + body[end:] + line[len(body) :]


_KINDS: dict[str, t.Any] = {"replace": Replace, "rewrite": Rewrite, "insert": Insert, "delete": Delete}


def to_dicts(edits: t.Sequence[Edit]) -> list[dict[str, t.Any]]:
    """Write edits as data that a module's arguments can carry."""
    return [{"kind": type(edit).__name__.lower(), **edit._asdict()} for edit in edits]


def from_dicts(items: t.Iterable[t.Mapping[str, t.Any]]) -> list[Edit]:
    """Read edits back.

    :raises EditError: where an item is none
    """
    edits = []
    for item in items:
        fields = dict(item)
        kind = _KINDS.get(str(fields.pop("kind", None)))
        try:
            edit = kind(**fields) if kind else None
        except TypeError:
            edit = None
        if edit is None:
            raise EditError(f"{item!r} is no edit; wanted replace, rewrite, insert or delete with their fields")
        edits.append(edit._replace(lines=tuple(edit.lines)) if isinstance(edit, Insert) else edit)
    return edits
