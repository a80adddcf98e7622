# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diagnose collected evidence and write the report. Runs on the controller alone."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils import collection, waivers
from ..plugin_utils.readers.bundle import BundleError
from ..plugin_utils.report import analyse, build, fleet, history, language, outcome, terminal, write
from ..plugin_utils.report.words import word

display = Display()

ARGUMENT_SPEC: dict[str, t.Any] = {
    "run_dir": {"type": "path", "required": True},
    "evidence": {"type": "path"},
    "bundle": {"type": "path"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "lang": {"type": "str", "default": "auto", "choices": ["auto", "en", "zh"]},
    "only": {"type": "list", "elements": "str", "default": []},
    "skip": {"type": "list", "elements": "str", "default": []},
    "fail_on": {"type": "str", "default": "never", "choices": ["critical", "error", "warning", "never"]},
    "mode": {"type": "str", "default": "diagnose", "choices": ["diagnose", "remediate", "upgrade", "rollback"]},
    "before": {"type": "path"},
    "results": {"type": "dict", "default": {}},
    "upgrades": {"type": "dict", "default": {}},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "salt": {"type": "str", "default": "", "no_log": True},
}
_WIDE = 160
"""Columns where the output is no terminal, so that logs keep the proofs whole."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """The task ``fastgpt.ops.report``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Make the report of a run.

        :returns: the report's folder, summary and files; ``failed`` where O(fail_on) is reached
        """
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(
            ARGUMENT_SPEC, mutually_exclusive=[["evidence", "bundle"]], required_one_of=[["evidence", "bundle"]]
        )
        folder = pathlib.Path(options["run_dir"]).absolute()
        report = fleet.view(_make(options, folder.name), history.earlier(folder))
        try:
            files = _write(report, folder)
            _show(report, folder)
        except ImportError as error:
            raise AnsibleActionFail(f"{error}; the controller needs the packages of requirements.txt") from error
        result.update(
            changed=False, run_dir=str(folder), summary=report["summary"], files=[str(path) for path in files]
        )
        if build.reaches(report, options["fail_on"]):
            result.update(
                failed=True, msg=f"findings of severity {options['fail_on']} or above; see {folder}/report.html"
            )
        return t.cast("dict[str, t.Any]", result)


def _make(options: dict[str, t.Any], run_id: str) -> dict[str, t.Any]:
    if trouble := analyse.unknown_ids([*options["only"], *options["skip"]]):
        raise AnsibleActionFail(trouble)
    lang = language.choose(options["lang"], os.environ)
    ends = {host: steps for host, steps in options["results"].items() if steps is not None}
    try:
        if options["bundle"]:
            jobs = analyse.bundle_jobs(options["bundle"])
        else:
            jobs = analyse.evidence_jobs(options["evidence"], options["hosts"] or ends)
    except (BundleError, OSError) as error:
        raise AnsibleActionFail(str(error)) from error
    choice = analyse.Choice(lang, tuple(options["only"]), tuple(options["skip"]), options["salt"])
    now = datetime.datetime.now(datetime.timezone.utc)
    run = build.Run(run_id, collection.version(), now, lang, options["mode"])
    hosts = analyse.analyse(jobs, choice)
    if options["before"]:
        hosts = outcome.merge(_read_report(options["before"]), hosts, ends)
    hosts = [outcome.with_upgrade(host, options["upgrades"]) for host in hosts]
    try:
        accepted = waivers.parse(options["waivers"])
    except waivers.WaiverError as error:
        raise AnsibleActionFail(str(error)) from error
    return build.assemble(run, waivers.applied(hosts, accepted, now.astimezone().date()))


def _read_report(path: str) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", json.loads(pathlib.Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(f"the report of before cannot be read: {path}: {error}") from error


def _write(report: dict[str, t.Any], folder: pathlib.Path) -> list[pathlib.Path]:
    try:
        files = write.write_report(report, folder)
    except OSError as error:
        raise AnsibleActionFail(f"the report cannot be written to {folder}: {error}") from error
    try:
        write.point_latest(folder)
    except OSError as error:
        display.warning(f"the link 'latest' cannot be set in {folder.parent}: {error}")
    return files


def _show(report: dict[str, t.Any], folder: pathlib.Path) -> None:
    """Print the summary; colours are left to Ansible, which knows whether this is a terminal."""
    for text, colour in terminal.render(report, _width()):
        display.display(text, color=colour)
    shown = os.path.relpath(folder) if folder.is_relative_to(pathlib.Path.cwd()) else str(folder)
    display.display(f"{word('report', report['lang'])}: {shown}/report.html")


def _width() -> int:
    """Give the terminal's width; Ansible says 79 where there is no terminal."""
    if display.columns == 79 and not os.environ.get("COLUMNS", "").isdigit():
        return _WIDE
    return int(os.environ.get("COLUMNS") or display.columns)
