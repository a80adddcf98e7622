# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What an upgrade owes its data: the calls of each release, which of them ran, and what breaks where one was left out.

The record lives in Mongo (``lab_upgrades``): the release the data was made by, the calls made since. Data of an older
release is fit for a newer one when every call of the releases between them was made, on a release that knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastgpt_standin.generation import Version, parse_version

FAULTS = ("never-ready", "500", "half", "drop", "seconds")


@dataclass(frozen=True)
class Call:
    """One HTTP call of a release: what it works on, and whether it only counts unless told ``dryRun: false``."""

    release: Version
    path: str
    collection: str = "dataset_datas"
    rehearses: bool = False
    needed: bool = True


# Of the community edition; what upstream calls conditional or optional is not needed.
CALLS = (
    Call((4, 8, 15), "/api/admin/initv4815", "apps"),
    Call((4, 8, 17), "/api/admin/initv4817", "users"),
    Call((4, 8, 18), "/api/admin/initv4818"),
    Call((4, 8, 19), "/api/admin/initv4819", "users"),
    Call((4, 8, 20), "/api/admin/initv4820", "system_models"),
    Call((4, 8, 23), "/api/admin/initv4823"),
    Call((4, 9, 0), "/api/admin/initv490"),
    Call((4, 9, 1), "/api/admin/initv491"),
    Call((4, 13, 2), "/api/admin/initv4132", "datasets"),
    Call((4, 14, 1), "/api/admin/initv4141", "apps"),
    Call((4, 14, 3), "/api/admin/initv4143"),
    Call((4, 14, 4), "/api/admin/initv4144"),
    Call((4, 14, 5), "/api/admin/initv4145", "apps"),
    Call((4, 14, 5, 1), "/api/admin/initv41451", "apps"),
    Call((4, 14, 7), "/api/admin/initv4147", "apps"),
    Call((4, 15, 0), "/api/admin/dataClean/cleanupDuplicateChats", "chats", rehearses=True, needed=False),
    Call((4, 15, 0), "/api/admin/dataClean/v1WorkflowToV2", "apps", rehearses=True, needed=False),
    Call((4, 15, 0), "/api/admin/dataClean/initWorkflowData", "apps", rehearses=True),
    Call((4, 15, 1), "/api/admin/initv4151", "apps", needed=False),
    Call((4, 16, 0), "/api/admin/dataClean/cleanSystemModelConfigs", "system_models", rehearses=True),
    Call((4, 16, 0), "/api/admin/4160/initHttpToolSchema", "apps", rehearses=True),
    Call((4, 16, 0), "/api/admin/4160/initUserSandbox", "apps", rehearses=True, needed=False),
    Call((4, 16, 1), "/api/admin/4161/initToolJsonSchemaStorage", "apps", rehearses=True),
    Call((4, 16, 2), "/api/admin/4162/initPermission", "apps", rehearses=True),
    Call((4, 16, 3), "/api/admin/4163/backfillModelReferences", "apps", rehearses=True, needed=False),
)


def call_of(path: str) -> Call | None:
    """Give the call behind a path; None where no release has it."""
    return next((call for call in CALLS if call.path == path), None)


def missing(installed: Version, running: Version, done: Iterable[str]) -> list[Call]:
    """Give the needed calls of releases that were passed without them.

    :param installed: the release the data was made by
    :param done: paths of the calls made since
    """
    made = set(done)
    return [call for call in CALLS if call.needed and installed < call.release < running and call.path not in made]


def faults_of(text: str, running: Version) -> dict[str, str]:
    """Read ``FASTGPT_LAB_FAULTS`` for one release: ``4.8.18:half,4.9.0:never-ready,4.9.1:seconds=20``.

    Raises ValueError for a fault that is none.
    """
    found: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        version, _, fault = item.partition(":")
        name, _, value = fault.partition("=")
        if name not in FAULTS:
            raise ValueError(f"FASTGPT_LAB_FAULTS: {item!r}: no fault {name!r}; there are {', '.join(FAULTS)}")
        if parse_version(version) == running:
            found[name] = value
    return found


def only_counts(call: Call, body: Mapping[str, Any]) -> bool:
    """Tell whether a call with this body writes nothing."""
    return call.rehearses and body.get("dryRun", True) is not False
