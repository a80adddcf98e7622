# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From files to a report: load each host's evidence or pasted files, diagnose it."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import pathlib
import traceback
import typing as t

from .. import catalogue, diagnosis
from ..readers.bundle import host_folders, read_files
from ..readers.host import read_host
from . import build

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """One host to diagnose.

    :ivar source: its folder of a bundle, or its evidence file; None where no evidence arrived
    """

    host: str
    source: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is the same for every host: language, findings wanted, salt of the secret tokens."""

    lang: str
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    salt: str = ""


def bundle_jobs(folder: str) -> list[Job]:
    """Give a job for each host of a bundle.

    :raises BundleError: the folder is not there or holds nothing to read
    """
    return [Job(name, path) for name, path in host_folders(folder)]


def evidence_jobs(folder: str, hosts: t.Iterable[str] = ()) -> list[Job]:
    """Give a job for each ``HOST.json`` of a folder, and for each of the hosts that has none."""
    found = {path.name.removesuffix(".json"): path for path in sorted(pathlib.Path(folder).glob("*.json"))}
    # a file's name cannot hold a slash, a host's can
    wanted = {host.replace(os.sep, "_"): host for host in hosts}
    return [Job(wanted.get(name, name), found.get(name)) for name in dict.fromkeys([*wanted, *found])]


def unknown_ids(ids: t.Iterable[str]) -> str | None:
    """Say which ids the catalogue does not have, with those that are spelt alike; None where it has all."""
    known = catalogue.findings()
    parts = []
    for name in ids:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            parts.append(f"{name!r}" + (f" (did you mean {', '.join(near)}?)" if near else ""))
    return f"no finding of this name: {'; '.join(parts)}" if parts else None


def analyse(jobs: t.Sequence[Job], choice: Choice) -> list[Json]:
    """Diagnose the hosts and give their parts of the report, in the jobs' order."""
    diagnosis.load_rules()
    catalogue.findings()
    return [analyse_one(job, choice) for job in jobs]


def analyse_one(job: Job, choice: Choice) -> Json:
    """Diagnose one host. Whatever goes wrong with it becomes its entry: the other hosts still get theirs."""
    try:
        return build.host_entry(_diagnose(job, choice), choice.lang)
    except Exception as error:  # nobody can foresee what one host's evidence does to one of many rules
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"diagnosis failed: {type(error).__name__}: {error} ({pathlib.Path(where.filename).name}:{where.lineno})"
        )
        return build.host_entry(diagnosis.unreachable(job.host, message), choice.lang)


def _diagnose(job: Job, choice: Choice) -> diagnosis.HostDiagnosis:
    if job.source is None:
        return diagnosis.unreachable(job.host, "no evidence arrived from this host")
    if job.source.is_dir():
        evidence = read_host(read_files(job.source), job.host, choice.salt)
    else:
        try:
            evidence = json.loads(job.source.read_text(encoding="utf-8"))
        except ValueError as error:
            return diagnosis.unreachable(job.host, f"{job.source.name} is not readable evidence: {error}")
    trouble = evidence.get("unreachable") or evidence.get("error")
    if trouble:
        return diagnosis.unreachable(job.host, str(trouble))
    return diagnosis.diagnose(evidence, job.host, choice.only, choice.skip)
