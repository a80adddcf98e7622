# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One scheduled run: what may be done now, ansible-runner, the exit code, the news, and tidying up."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sys
import typing as t

from ..catalogue import COLLECTION
from ..report import build, history
from . import news, notify, state, workers
from .config import Config

Json = dict[str, t.Any]

OK, FAILED, FOUND, LOCKED, UNREACHABLE = 0, 1, 2, 3, 4
"""Exit codes: healthy or all fixed, the run itself failed, findings left, a lock is held, hosts not reached."""
REPORT_ACTION = "fastgpt.ops.report"
_LOCK_WORDS = "is working on this host"


@dataclasses.dataclass
class Watch:
    """What is taken from ansible-runner's events.

    :ivar folder: the run's report folder
    :ivar reports: reports written; a remediation writes two
    :ivar locked: hosts on which another run holds the lock
    :ivar failed: what failed on hosts otherwise, the last of each
    """

    folder: pathlib.Path | None = None
    reports: int = 0
    locked: list[str] = dataclasses.field(default_factory=list)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)

    def __call__(self, event: Json) -> bool:
        """Take one event; the answer lets runner keep it."""
        data = event.get("event_data") or {}
        action, result = data.get("task_action") or data.get("resolved_action"), data.get("res") or {}
        if event.get("event") == "runner_on_ok" and action == REPORT_ACTION and result.get("run_dir"):
            self.folder = pathlib.Path(result["run_dir"])
            self.reports += 1
        if event.get("event") == "runner_on_failed" and not data.get("ignore_errors"):
            words = str(result.get("msg") or "failed")
            if _LOCK_WORDS not in words:
                self.failed[data["host"]] = f"{data['host']}: {data.get('task')}: {words[:300]}"
            elif data["host"] not in self.locked:
                self.locked.append(data["host"])
        if event.get("event") == "playbook_on_stats":
            # a step that was rolled back failed, and was dealt with: the report tells of it
            self.failed = {host: words for host, words in self.failed.items() if host in data.get("failures", ())}
        return True


@dataclasses.dataclass(frozen=True)
class Order:
    """What this run may do.

    :ivar playbook: remediate, or diagnose where nothing may be changed now
    :ivar plan: an approved plan to apply, else None
    :ivar left: fixes that are left of this night's; None = no cap
    """

    playbook: str
    allow: tuple[str, ...]
    plan: pathlib.Path | None
    plan_digest: str | None
    left: int | None
    night: str


def order(config: Config, known: state.State, now: datetime.datetime) -> Order:
    """Say what may be done at a time."""
    night = config.night_of(now)
    cap = config.changes_per_night
    left = None if cap is None else max(0, cap - known.nights.get(night, 0))
    plan, digest = config.approved_plan, None
    if plan and plan.is_file() and config.may_apply_plan(now):
        digest = hashlib.sha256(plan.read_bytes()).hexdigest()
    if digest is None or digest in known.plans:
        plan = digest = None
    allow = tuple(config.allowed(now))
    works = config.mode == "remediate" and left != 0 and (allow or plan)
    return Order("remediate" if works else "diagnose", allow, plan, digest, left, night)


def run(config: Config, now: datetime.datetime | None = None) -> int:
    """Do one run and give its exit code. What goes wrong is said on standard error."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    try:
        with state.locked(config.state_dir):
            return _run(config, now)
    except state.LockedError as error:
        _say(f"not run: {error} holds the lock {config.state_dir}/lock")
        return LOCKED
    except state.StateError as error:
        _say(str(error))
        return FAILED


def _run(config: Config, now: datetime.datetime) -> int:
    known = state.load(config.state_dir)
    may = order(config, known, now)
    watch = Watch()
    status = play(config, may, watch)
    report = _report_of(watch, may.playbook)
    trouble = _trouble(status, watch, report)
    code = exit_code(report, watch, trouble, config.fail_on)
    if report:
        known.nights[may.night] = known.nights.get(may.night, 0) + _changes(report)
    if may.plan_digest and report:
        known.plans.append(may.plan_digest)
    _tell(config, known, report, trouble)
    state.save(config.state_dir, known)
    if report and watch.folder:
        _publish_metrics(config, watch.folder)
    _rotate(config)
    if trouble:
        _say(trouble)
    return code


def play(config: Config, may: Order, watch: Watch) -> str:
    """Run the playbook by ansible-runner, here or by the workers; give runner's word for how it ended."""
    import ansible_runner

    if config.workers:
        return workers.play(config, may.playbook, _variables(config, may), watch)
    private = config.state_dir / "runner"
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = ansible_runner.run(
        private_data_dir=str(private),
        project_dir=str(COLLECTION),
        playbook=f"fastgpt.ops.{may.playbook}",
        inventory=list(config.inventory),
        extravars=_variables(config, may),
        envvars=_environment(),
        cmdline=_options(config),
        limit=config.limit,
        settings={"job_timeout": config.run_timeout, "idle_timeout": config.idle_timeout},
        rotate_artifacts=config.keep_artifacts,
        event_handler=watch,
    )
    return str(done.status)


def _variables(config: Config, may: Order) -> Json:
    waived = [dataclasses.asdict(waiver) | {"until": waiver.until.isoformat()} for waiver in config.waivers]
    chosen: Json = {
        "fastgpt_report_dir": str(config.report_dir),
        "fastgpt_lang": config.lang,
        "fastgpt_only": list(config.only),
        "fastgpt_skip": list(config.skip),
        "fastgpt_fail_on": "never",  # the exit code is ours to give
        "fastgpt_waivers": waived,
    }
    if may.playbook == "remediate":
        chosen["fastgpt_allow"] = list(may.allow)
        if may.left is not None:
            chosen["fastgpt_max_steps"] = may.left
        if may.plan:
            chosen["fastgpt_plan"] = str(may.plan)
    return {**config.variables, **chosen}


def _environment() -> dict[str, str]:
    """Let ansible find this collection, and the clone's settings where this is a clone."""
    here = COLLECTION.parents[2]
    paths = [str(here), os.environ.get("ANSIBLE_COLLECTIONS_PATH", "~/.ansible/collections")]
    chosen = {"ANSIBLE_COLLECTIONS_PATH": ":".join(paths)}
    if not sys.stdout.isatty():
        chosen["ANSIBLE_NOCOLOR"] = "1"  # runner gives ansible a terminal of its own
    clone = COLLECTION / "ansible.cfg"
    if clone.is_file() and "ANSIBLE_CONFIG" not in os.environ:
        chosen["ANSIBLE_CONFIG"] = str(clone)
    return chosen


def _options(config: Config) -> str | None:
    words = []
    if config.forks:
        words.append(f"--forks {config.forks}")
    if config.vault_password_file:
        words.append(f"--vault-password-file {config.vault_password_file}")
    return " ".join(words) or None


def _report_of(watch: Watch, mode: str) -> Json | None:
    """Give the run's report; None where it ended before its last one."""
    if watch.folder is None or watch.reports < (2 if mode == "remediate" else 1):
        return None
    return t.cast(Json, json.loads((watch.folder / "report.json").read_text(encoding="utf-8")))


def _trouble(status: str, watch: Watch, report: Json | None) -> str | None:
    """Say what went wrong with the run itself; None where nothing did."""
    if status == "timeout":
        return "the run took too long, or said nothing for too long, and was ended"
    if watch.failed:
        return "; ".join([*watch.failed.values()][:5])
    if report is None and not watch.locked:
        return f"the run ended ({status}) without its report"
    return None


def exit_code(report: Json | None, watch: Watch, trouble: str | None, fail_on: str) -> int:
    """Give the exit code; of several reasons the first of: failed, locked, found, unreachable."""
    if trouble:
        return FAILED
    if watch.locked:
        return LOCKED
    if report is None:
        return FAILED
    if build.reaches(report, fail_on):
        return FOUND
    return UNREACHABLE if report["summary"]["hosts_unreachable"] else OK


def _changes(report: Json) -> int:
    return sum(finding["status"] in history.CHANGED for host in report["hosts"] for finding in host["findings"])


def _tell(config: Config, known: state.State, report: Json | None, trouble: str | None) -> None:
    """Send what is new; where a receiver did not take it, it is still new next time."""
    fresh = trouble if trouble != known.trouble else None
    if report is None and fresh is None:
        known.trouble = trouble
        return
    told = news.compare(known.told, report or _empty(config), fresh)
    sent = True
    for target in config.notify if told.items else ():
        try:
            notify.send(target, told)
        except notify.NotifyError as error:
            _say(str(error))
            sent = False
    if sent:
        known.trouble = trouble
        known.told |= news.told_of(report) if report else {}


def _empty(config: Config) -> Json:
    """Give the report of a run that has none, for the news of its trouble."""
    lang = config.lang if config.lang != "auto" else "zh"
    now = datetime.datetime.now(datetime.timezone.utc)
    return build.assemble(build.Run("-", "", now, lang, config.mode), [])


def _publish_metrics(config: Config, folder: pathlib.Path) -> None:
    """Copy the metrics to where the node exporter reads, in one step: it may read at any time."""
    if config.metrics is None:
        return
    try:
        temporary = config.metrics.with_name(f".{config.metrics.name}.new")
        shutil.copyfile(folder / "metrics.prom", temporary)
        temporary.replace(config.metrics)
    except OSError as error:
        _say(f"metrics: {error}")


def _rotate(config: Config) -> None:
    """Remove the oldest report folders beyond the number to keep; only those that runs of ours made."""
    runs = sorted(path.parent for path in config.report_dir.glob("*/report.json") if not path.parent.is_symlink())
    for folder in runs[: -config.keep_reports]:
        shutil.rmtree(folder, ignore_errors=True)


def _say(words: str) -> None:
    sys.stderr.write(f"fastgpt-ops: {words}\n")
