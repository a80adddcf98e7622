# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what a run changed, undone in the opposite order. Private to the collection.

Files come first, then the services that were made new for them, so that a service comes up as it was.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError, Project, service_of
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    UNDONE,
    Change,
    Journal,
    JournalError,
    undo_file,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

_TIMEOUT = 600.0


class Outcome(t.NamedTuple):
    """What became of one change; ``refused`` says why it was left."""

    change: Change
    undone: bool
    refused: str | None = None


def undo(journal: Journal, changes: t.Sequence[Change], pretend: bool = False) -> list[Outcome]:
    """Undo changes, the last one first. One that is refused leaves the others to be tried.

    :param pretend: only say which would be undone
    """
    pending = [change for change in reversed(changes) if change.status != UNDONE]
    files = [change for change in pending if change.action not in _OTHERS]
    others = [change for change in pending if change.action in _OTHERS]
    return [_one(journal, change, pretend) for change in (*files, *_last_of_each(others))]


def _last_of_each(changes: t.Sequence[Change]) -> list[Change]:
    """Keep one change a service: bringing it back twice stops it twice. The oldest knows how it was before."""
    return list({(change.action, change.target): change for change in changes}.values())


def _one(journal: Journal, change: Change, pretend: bool) -> Outcome:
    if pretend:
        return Outcome(change, True)
    try:
        if change.action in _OTHERS:
            _OTHERS[change.action](change)
            _mark_all(journal, change)
            return Outcome(change, True)
        return Outcome(change, undo_file(journal, change))
    except (JournalError, ComposeError, OSError) as error:
        return Outcome(change, False, str(error))


def _mark_all(journal: Journal, undone: Change) -> None:
    for change in journal.changes(undone.run_id):
        if (change.action, change.target) == (undone.action, undone.target) and change.status != UNDONE:
            journal.mark(change, UNDONE)


def _undo_up(change: Change) -> None:
    """Bring a service back as its file has it now; one that did not run before is stopped, one that was not is gone."""
    how = change.undo
    project = Project(how["project_dir"], how["project"], how["files"], how["env_files"])
    if change.before is None or change.before == "created":
        project.must("stop", change.target, timeout=_TIMEOUT)
        for container in project.containers():
            if service_of(container) == change.target:
                run(["docker", "rm", container["Id"]], _TIMEOUT)
        if change.before == "created":
            project.must("create", change.target, timeout=_TIMEOUT)
        return
    if change.before in ("exited", "dead"):
        project.must("stop", change.target, timeout=_TIMEOUT)
        return
    force = [] if how.get("state") == "current" else ["--force-recreate"]
    project.must("up", "-d", "--no-deps", *force, change.target, timeout=_TIMEOUT)


def _undo_statement(change: Change) -> None:
    """Run the command that takes a statement back, inside its container."""
    command = change.undo.get("command")
    if not command:
        raise JournalError(f"{change.target}: {change.undo.get('reason', 'this cannot be undone')}")
    result = run(["docker", "exec", change.target, *command], _TIMEOUT)
    if result.rc != 0:
        raise JournalError(f"{change.target}: {result.error}")


_OTHERS: dict[str, t.Callable[[Change], None]] = {"up": _undo_up, "statement": _undo_statement}
