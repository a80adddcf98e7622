#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Back up a project's databases and files, all of one moment, and put them back
version_added: 0.1.0
description:
  - Copies the data of MongoDB, PostgreSQL and MySQL while they are stopped, and the project's compose, env and mounted
    files, into a folder on the host with checksums and the number of rows of every table.
  - What writes to a database is stopped before it, and started again after it. Free space is compared with the size of
    the data first. Each copy is then served from a scratch container of the same image, and has to have the same rows.
  - Data in bind folders and in volumes is handled alike, in a container without a network.
  - To put a backup back, what is there is moved aside within the data folder (C(.fastgpt-ops/aside-...)); nothing is
    removed.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  state:
    description:
      - V(present) makes the backup; where this run has one of that name already, nothing is done.
      - V(restored) puts the databases of one back, all of them or none.
      - V(absent) removes its copies of databases, which take the room; what it was stays written down.
      - V(listed) only tells which backups there are.
    type: str
    choices: [present, restored, absent, listed]
    default: present
  name:
    description: Name of the backup within its run.
    type: str
    default: backup
  services:
    description: Only the databases that these services are, or write to. All where it is empty.
    type: list
    elements: str
    default: []
  resume:
    description: Start again what was stopped. V(false) is for a change that follows and starts the services itself.
    type: bool
    default: true
  test:
    description: Serve each copy from a scratch container and compare its rows.
    type: bool
    default: true
  only_files:
    description: Copy the project's files and no database; nothing is stopped.
    type: bool
    default: false
  way_back:
    description: Undoing O(run_id) puts these databases back.
    type: bool
    default: false
  source:
    description:
      - The backup to put back, for O(state=restored), as the run that made it, V(RUN) or V(RUN/NAME), or as its folder
        on the host.
    type: str
  timeout:
    description: Seconds the copy of one database may take.
    type: float
    default: 21600
  keep:
    description: Runs whose backups are kept at least.
    type: int
    default: 20
  keep_days:
    description: Backups of other runs go when they are older.
    type: float
    default: 30
extends_documentation_fragment:
  - fastgpt.ops.project
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Compares the space and says what would be done; stops nothing.
  diff_mode:
    support: none
    description: Data has no lines to show.
"""

EXAMPLES = r"""
- name: Back up everything
  fastgpt.ops.backup:
    project_dir: /opt/fastgpt

- name: Put the databases back as they were
  fastgpt.ops.backup:
    project_dir: /opt/fastgpt
    state: restored
    source: 20260301T120000Z-4f2a
"""

RETURN = r"""
folder:
  description: The backup's folder on the host.
  type: str
  returned: O(state=present) or O(state=restored)
  sample: /var/lib/fastgpt-ops/backups/20260301T120000Z-4f2a/data-backup
databases:
  description: The copies, each with C(service), C(kind), C(size) in bytes, C(sha256), C(rows) and C(restored).
  type: list
  elements: dict
  returned: O(state=present) or O(state=restored)
stopped:
  description: Services that were stopped and were not started again.
  type: list
  elements: str
  returned: O(state=present)
downtime:
  description: Seconds that the services which write were stopped.
  type: float
  returned: changed
aside:
  description: By service, the folder in its container with what was there before.
  type: dict
  returned: O(state=restored)
backups:
  description: All backups of this host, the oldest first.
  type: list
  elements: dict
  returned: O(state=listed)
run_id:
  description: The run under which it is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import dataclasses
import glob
import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils import _backup as backup
from ansible_collections.fastgpt.ops.plugins.module_utils._alone import alone
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import PROJECT, ComposeError, Project
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    JOURNALLED,
    UNDONE,
    Change,
    Journal,
    JournalError,
    run_id_or_manual,
)

Json = t.Dict[str, t.Any]


def describe(folder: str) -> Json:
    """Give what the task's result tells of a backup."""
    manifest = backup.Manifest.read(folder)
    return {"folder": folder, "databases": [dataclasses.asdict(copy) for copy in manifest.databases]}


def made_before(journal: Journal, run_id: str, name: str) -> Change | None:
    """Give the way back of this name that the run has written down, whole or begun, and not undone."""
    known = [c for c in journal.changes(run_id) if c.action == "data" and c.target == name and c.status != UNDONE]
    return known[-1] if known else None


def present(module: AnsibleModule, journal: Journal, run_id: str) -> Json:
    """Make the backup, unless the run has it."""
    params = module.params
    project = Project.of(params)
    folder = backup.folder_of(journal, run_id, params["name"])
    known = made_before(journal, run_id, params["name"])
    whole = os.path.exists(os.path.join(folder, backup.MANIFEST)) and (not params["way_back"] or known)
    if whole and (known is None or known.status == DONE):
        stopped = sorted({str(change.undo["service"]) for change in backup.stopped_by(journal, run_id)})
        return {"changed": False, "stopped": stopped, **describe(folder)}
    stack = stack_of(project, params)
    if not stack.databases and not params["only_files"]:
        raise backup.BackupError(f"{params['project_dir']} has no MongoDB, PostgreSQL or MySQL to back up")
    if module.check_mode:
        backup.check_space(stack, folder, params["test"])
        return {"changed": True, "stopped": [], "folder": folder, "databases": []}
    if backup.start_again(journal, backup.stopped_by(journal)):  # a run that was killed left them so
        stack = stack_of(project, params)
    change = known
    if params["way_back"] and change is None:
        undo = {"project": stack_project(stack), "services": [database.service for database in stack.databases]}
        change = journal.plan(run_id, params["finding"], "data", params["name"], backup=folder, undo=undo)
    wanted = backup.Wanted(
        run_id, params["name"], params["finding"], params["resume"], params["test"], params["timeout"]
    )
    _manifest, seconds = backup.make(stack, journal, wanted)
    if change is not None:
        journal.mark(change, DONE)
    journal.prune(params["keep"], params["keep_days"] * 86400.0)
    left = sorted({str(change.undo["service"]) for change in backup.stopped_by(journal, run_id)})
    return {"changed": True, "stopped": left, "downtime": round(seconds, 1), **describe(folder)}


def stack_of(project: Project, params: Json) -> backup.Stack:
    """Read the project; without its databases where only files are wanted."""
    stack = backup.Stack(project, params["services"])
    if params["only_files"]:
        stack.databases, stack.writers = [], []
    return stack


def stack_project(stack: backup.Stack) -> Json:
    """Give the project as the journal keeps it."""
    project = stack.project
    return {
        "project_dir": project.directory,
        "project": project.name,
        "files": project.files,
        "env_files": project.env_files,
    }


def find_source(journal: Journal, source: str) -> str:
    """Give the folder of the backup meant.

    :raises BackupError: there is none, or several
    """
    run, _slash, name = source.partition("/")
    folders = (
        [source] if os.path.isabs(source) else sorted(glob.glob(os.path.join(journal.folder, "backups", run, "data-*")))
    )
    if name and not os.path.isabs(source):
        folders = [folder for folder in folders if os.path.basename(folder) == f"data-{name}"]
    whole = [folder for folder in folders if os.path.exists(os.path.join(folder, backup.MANIFEST))]
    if not whole:
        known = ", ".join(f"{item['run_id']}/{item['name']}" for item in listed(journal)) or "none"
        raise backup.BackupError(f"there is no whole backup {source}; this host has: {known}")
    if len(whole) > 1:
        names = ", ".join(f"{run}/{os.path.basename(folder)[5:]}" for folder in whole)
        raise backup.BackupError(f"run {run} made several backups; say which: {names}")
    return whole[0]


def restored(module: AnsibleModule, journal: Journal, run_id: str) -> Json:
    """Put a backup's databases back."""
    params = module.params
    folder = find_source(journal, params["source"])
    told = describe(folder)
    if module.check_mode:
        return {"changed": True, "aside": {}, **told}
    project = Project.of(params)
    services = [item["service"] for item in told["databases"]]
    stack = backup.Stack(project, services)
    began = time.monotonic()
    change = begun_before(journal, run_id, folder)
    if change is None:
        undo = {"project": stack_project(stack), "services": services}
        change = journal.plan(run_id, params["finding"], "restore", params["name"], backup=folder, undo=undo)
    stopped = backup.stop_writers(stack, journal, run_id, params["finding"])
    aside = backup.put_back(project, folder, backup.name_of(change), timeout=params["timeout"])
    journal.mark(change, DONE)
    if params["resume"]:
        backup.start_again(journal, [*stopped, *backup.stopped_by(journal, run_id)])
    return {"changed": True, "aside": aside, "downtime": round(time.monotonic() - began, 1), **told}


def begun_before(journal: Journal, run_id: str, folder: str) -> Change | None:
    """Give the restore of this backup that the run began and did not end."""
    known = [c for c in journal.changes(run_id) if c.action == "restore" and c.backup == folder]
    return next((change for change in known if change.status == "planned"), None)


def absent(module: AnsibleModule, journal: Journal, run_id: str) -> Json:
    """Remove the archives of a backup; manifest and files stay."""
    folder = backup.folder_of(journal, run_id, module.params["name"])
    if module.check_mode:
        return {"changed": bool(glob.glob(os.path.join(folder, "*.tar")))}
    return {"changed": bool(backup.drop_archives(folder))}


def listed(journal: Journal) -> list[Json]:
    """Give every whole backup."""
    found = []
    for path in sorted(glob.glob(os.path.join(journal.folder, "backups", "*", "data-*", backup.MANIFEST))):
        folder = os.path.dirname(path)
        manifest = backup.Manifest.read(folder)
        present = all(os.path.exists(os.path.join(folder, copy.archive)) for copy in manifest.databases)
        found.append(
            {
                "run_id": manifest.run_id,
                "name": manifest.label,
                "folder": folder,
                "made_at": manifest.made_at,
                "size": sum(copy.size for copy in manifest.databases),
                "services": [copy.service for copy in manifest.databases],
                "images": manifest.images,
                "restorable": present,
            }
        )
    return sorted(found, key=lambda item: item["made_at"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["present", "restored", "absent", "listed"],
                "default": "present",
            },
            "name": {"type": "str", "default": "backup"},
            "services": {"type": "list", "elements": "str", "default": []},
            "resume": {"type": "bool", "default": True},
            "test": {"type": "bool", "default": True},
            "only_files": {"type": "bool", "default": False},
            "way_back": {"type": "bool", "default": False},
            "source": {"type": "str"},
            "timeout": {"type": "float", "default": 21600},
            "keep": {"type": "int", "default": 20},
            "keep_days": {"type": "float", "default": 30},
            **PROJECT,
            **JOURNALLED,
        },
        required_if=[("state", "restored", ["source"])],
        supports_check_mode=True,
    )
    journal, run_id = Journal(), run_id_or_manual(module.params["run_id"])
    try:
        if module.params["state"] == "listed":
            module.exit_json(changed=False, backups=listed(journal))
        do = {"present": present, "restored": restored, "absent": absent}[module.params["state"]]
        if module.check_mode:
            result = do(module, journal, run_id)
        else:
            with alone(run_id):
                result = do(module, journal, run_id)
    except (backup.BackupError, DatabaseError, ComposeError, JournalError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(run_id=run_id, **result)


if __name__ == "__main__":
    main()
