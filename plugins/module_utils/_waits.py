# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what the plan of an upgrade names. Private to the collection."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._backup import BackupError, Stack
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project, service_of, wait_ready
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError, count_rows
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._net import addresses_of, http_get

Json = t.Dict[str, t.Any]

_POLL = {"http": 0.5, "queue": 5.0}
_ASK = 10.0
_QUEUES = ("trainings", "dataset_trainings", "dataset.trainings")


def trouble_with_http(project: Project, wait: Json) -> str | None:
    """Say why the service does not answer well yet; None where it does."""
    for item in project.containers():
        if service_of(item) == wait["service"] and (item.get("State") or {}).get("Running"):
            words = "it has no address that this host reaches"
            for host, port in addresses_of(container_from_inspect(item), wait["port"]):
                answer = http_get(f"http://{host}:{port}{wait['path']}", _ASK)
                status = answer["status"]
                if status is not None and status < 500:
                    return None
                words = str(answer["message"] or answer["error"] or f"HTTP status {status}: {answer['body'] or ''}")
                if status is not None:
                    break
            return words[:300]
    return "its container does not run"


def jobs_left(project: Project, wait: Json) -> str | None:
    """Say how many training jobs are left; None where there is none."""
    stack = Stack(project)
    database = next((item for item in stack.databases if item.service == wait["service"]), None)
    if database is None:
        return f"{wait['service']} is no database of the project"
    rows = count_rows(database, stack.app_of(database))
    left = sum(number for name, number in rows.items() if name.partition(".")[2] in _QUEUES)
    return f"{left} training jobs are left" if left else None


def wait_for(project: Project, wait: Json, seconds: float) -> str | None:
    """Wait for one thing; gives what is in the way when the time is over."""
    if wait["kind"] == "healthy":

        def read() -> list[Json]:
            return [item for item in project.containers() if service_of(item) == wait["service"]]

        late = wait_ready(read, seconds)
        return "; ".join(late) or (None if read() else "it has no container")
    ask = trouble_with_http if wait["kind"] == "http" else jobs_left
    end = time.monotonic() + seconds
    while True:
        try:
            trouble = ask(project, wait)
        except (BackupError, DatabaseError) as error:
            trouble = str(error)
        if trouble is None or time.monotonic() > end:
            return trouble
        time.sleep(_POLL[wait["kind"]])
