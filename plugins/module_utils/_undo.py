# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what a run changed, undone. Private to the collection.

Services come last, after the files and databases they were made new for, so that they come up as they were. An older
service never meets the data of a newer one: where a database cannot be put back, services stay as they are.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._app_models import FastGpt
from ansible_collections.fastgpt.ops.plugins.module_utils._backup import (
    BackupError,
    Stack,
    name_of,
    put_back,
    start_again,
    stop_writers,
    stopped_by,
    take_back,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import (
    ComposeError,
    Project,
    inspect,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError, start
from ansible_collections.fastgpt.ops.plugins.module_utils._gateway_admin import AiProxy, OneApi
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    UNDONE,
    Change,
    Journal,
    JournalError,
    undo_file,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._owners import hand_back
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run
from ansible_collections.fastgpt.ops.plugins.module_utils._settings import (
    ACTION,
    Service,
    SettingError,
    undo_setting,
)

_TIMEOUT = 600.0
_NOTHING_TO_BRING_BACK = "it was only restarted, to read its files anew; what it had read before cannot be brought back"


class Outcome(t.NamedTuple):
    """What became of one change; ``refused`` says why it was left."""

    change: Change
    undone: bool
    refused: str | None = None


def undo(
    journal: Journal,
    changes: t.Sequence[Change],
    pretend: bool = False,
    credentials: t.Mapping[str, t.Any] | None = None,
) -> list[Outcome]:
    """Undo changes: files, then statements, each the last one first; then databases; then services. One refused leaves
    the others.

    Statements are taken back while the server that got them still runs; those made after a backup that is put back are
    gone with the data. Services come in the order they were brought up: a database before those that connect to it at
    their start. A mere restart changed nothing that could come back.

    :param pretend: only say which would be undone
    :param credentials: for services whose settings were changed through their own interface
    """
    pending = [change for change in reversed(changes) if change.status != UNDONE]
    if all(change.undo.get("state") == "restarted" for change in changes):
        return [Outcome(change, False, _NOTHING_TO_BRING_BACK) for change in pending]
    services = _first_of_each([change for change in reversed(pending) if change.action == "up"])
    data = [change for change in reversed(pending) if change.action in _DATA]
    backed_up = min((change.time for change in data if change.status == DONE), default=None)
    statements = [change for change in pending if change.action == "statement"]
    gone = [change for change in statements if backed_up is not None and change.time > backed_up]
    statements = [change for change in statements if change not in gone]
    notes = [*gone, *(change for change in pending if change.action in _NOTES)]
    files = [change for change in pending if change.action not in ("up", "statement", *_DATA, *_NOTES)]
    outcomes = [_one(journal, change, pretend, credentials) for change in (*files, *statements)]
    outcomes += [_databases(journal, change, before, pretend) for change, before in _with_those_before(data)]
    refused = next((outcome for outcome in outcomes if outcome.change.action in _DATA and outcome.refused), None)
    if refused:
        words = f"{refused.change.target} could not be put back"
        return outcomes + [Outcome(change, False, words) for change in services]
    outcomes += [_one(journal, change, pretend) for change in services]
    if not data or pretend:
        return outcomes + [_one(journal, change, pretend) for change in notes]
    start_again(journal, stopped_by(journal, data[0].run_id))
    for change in notes:
        journal.mark(change, UNDONE)  # gone with the data, or started above
    return outcomes


def _first_of_each(changes: t.Sequence[Change]) -> list[Change]:
    """Keep one change a service: bringing it back twice stops it twice. The oldest knows how it was before."""
    first: dict[str, Change] = {}
    for change in changes:
        first.setdefault(change.target, change)
    return list(first.values())


def _one(journal: Journal, change: Change, pretend: bool, credentials: t.Mapping[str, t.Any] | None = None) -> Outcome:
    if pretend:
        return Outcome(change, True)
    try:
        if change.action == ACTION:
            undo_setting(change, SERVICES[change.undo["where"]["kind"]](change.undo["where"], credentials or {}))
            journal.mark(change, UNDONE)
            return Outcome(change, True)
        if change.action not in _OTHERS:
            return Outcome(change, undo_file(journal, change))
        _OTHERS[change.action](change)
        for done in _same_service(journal, change) if change.action == "up" else [change]:
            journal.mark(done, UNDONE)
        return Outcome(change, True)
    except (JournalError, ComposeError, DatabaseError, SettingError, OSError) as error:
        return Outcome(change, False, str(error))


def _same_service(journal: Journal, undone: Change) -> list[Change]:
    made = [change for change in journal.changes(undone.run_id) if change.status != UNDONE]
    return [change for change in made if (change.action, change.target) == (undone.action, undone.target)]


def _with_those_before(changes: t.Sequence[Change]) -> t.Iterator[tuple[Change, set[str]]]:
    """Give backups, the oldest first, with the services whose databases an older one has put back already."""
    before: set[str] = set()
    for change in changes:
        yield change, set(before)
        before.update(change.undo["services"])


def _databases(journal: Journal, change: Change, before: set[str], pretend: bool) -> Outcome:
    """Put databases back as they were, what writes to them stopped; it is started when its service is as it was."""
    if pretend or change.status != DONE:  # a backup that was not whole yet: nothing was changed after it
        if not pretend:
            journal.mark(change, UNDONE)
        return Outcome(change, True)
    project = Project.of(change.undo["project"])
    try:
        stop_writers(Stack(project, change.undo["services"]), journal, change.run_id, change.finding)
        if change.action == "restore":
            take_back(project, change.undo["services"], name_of(change))
        else:
            put_back(project, str(change.backup), name_of(change), before)
    except (BackupError, DatabaseError, ComposeError, OSError) as error:
        return Outcome(change, False, str(error))
    journal.mark(change, UNDONE)
    return Outcome(change, True)


def _undo_up(change: Change) -> None:
    """Bring a service back as its file has it now; one that did not run before is stopped, one that was not is gone."""
    how = change.undo
    project = Project.of(how)
    if change.before is None or change.before == "created":
        for name in project.made_for(change.target):
            run(["docker", "stop", name], _TIMEOUT)
            run(["docker", "rm", name], _TIMEOUT)
        if change.before == "created":
            project.must("create", change.target, timeout=_TIMEOUT)
        return
    force = ["--force-recreate"] if how.get("state") == "recreated" else []
    if change.before in ("exited", "dead"):
        project.must("stop", change.target, timeout=_TIMEOUT)
        if how.get("state") in ("current", "recreated"):  # what starts it some day must not start the newer one
            project.up([change.target], *force, timeout=_TIMEOUT, start=False)
        return
    if how.get("state") in ("restarted", "unstuck"):
        project.must("restart", change.target, timeout=_TIMEOUT)
        return
    project.up([change.target], *force, timeout=_TIMEOUT)
    if change.before == "paused":
        project.must("pause", change.target, timeout=_TIMEOUT)


def _undo_statement(change: Change) -> None:
    """Run the command that takes a statement back, ``command`` inside its container or ``argv`` on the host."""
    argv = change.undo.get("argv")
    if change.undo.get("command"):
        argv = ["docker", "exec", change.target, *change.undo["command"]]
    if not argv:
        raise JournalError(f"{change.target}: {change.undo.get('reason', 'this cannot be undone')}")
    result = run(argv, _TIMEOUT)
    if result.rc != 0:
        raise JournalError(f"{change.target}: {result.error}")


def _undo_owners(change: Change) -> None:
    """Give a folder's files back; no server may run on them meanwhile."""
    run(["docker", "stop", change.undo["stop"]], _TIMEOUT)
    hand_back(change)


def _undo_call(change: Change) -> None:
    """A call changed databases: only a backup of before takes that back."""
    if change.status == DONE:
        raise JournalError(f"what {change.target} changed in the databases cannot be taken back: there is no backup")


def _undo_stop(change: Change) -> None:
    """Start a container that is still stopped."""
    if any(not item["State"]["Running"] for item in inspect([change.target])):
        start(change.target)


SERVICES: dict[str, t.Callable[[t.Mapping[str, t.Any], t.Mapping[str, t.Any]], Service]] = {
    client.kind: client for client in (OneApi, AiProxy, FastGpt)
}
"""Services whose settings are changed through their own interface, by the kind the journal has."""
_DATA = ("data", "restore")
_NOTES = ("call", "stop", "hop", "upgrade")
_OTHERS: dict[str, t.Callable[[Change], None]] = {
    "up": _undo_up,
    "statement": _undo_statement,
    "owners": _undo_owners,
    "call": _undo_call,
    "stop": _undo_stop,
    "hop": lambda _change: None,
    "upgrade": lambda _change: None,
}
