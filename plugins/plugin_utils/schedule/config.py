# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that says when and how scheduled runs work, read and checked."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import typing as t

import yaml
import zoneinfo

from .. import catalogue, waivers

Json = dict[str, t.Any]

SCHEMA = pathlib.Path(__file__).parents[1] / "schemas/schedule.schema.json"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ConfigError(Exception):
    """The file cannot be used; a line for each thing that is wrong."""


@dataclasses.dataclass(frozen=True)
class Window:
    """A time of the week; one that ends before it begins goes on after midnight."""

    days: tuple[int, ...]
    begin: datetime.time
    end: datetime.time

    def is_open(self, now: datetime.datetime) -> bool:
        """Tell whether a local time is in it."""
        if self.begin < self.end:
            return now.weekday() in self.days and self.begin <= now.time() < self.end
        yesterday = (now - datetime.timedelta(days=1)).weekday()
        return (now.weekday() in self.days and now.time() >= self.begin) or (
            yesterday in self.days and now.time() < self.end
        )


@dataclasses.dataclass(frozen=True)
class Target:
    """Where news go: a kind of receiver, its address, and what it signs with. Both are secrets."""

    kind: str
    url: str = dataclasses.field(repr=False)
    secret: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Config:
    """What the file says, paths absolute, everything left out at its default. Times are seconds."""

    inventory: tuple[str, ...]
    mode: str
    state_dir: pathlib.Path
    report_dir: pathlib.Path
    lang: str
    fail_on: str
    only: tuple[str, ...]
    skip: tuple[str, ...]
    limit: str | None
    allow: tuple[str, ...]
    timezone: zoneinfo.ZoneInfo
    windows: t.Mapping[str, tuple[Window, ...]]
    approved_plan: pathlib.Path | None
    changes_per_night: int | None
    waivers: tuple[waivers.Waiver, ...]
    notify: tuple[Target, ...]
    run_timeout: int
    idle_timeout: int
    keep_artifacts: int
    keep_reports: int
    forks: int | None
    vault_password_file: pathlib.Path | None
    metrics: pathlib.Path | None
    workers: tuple[str, ...]
    variables: t.Mapping[str, t.Any]

    def allowed(self, now: datetime.datetime) -> list[str]:
        """Give the risk classes that may be applied at a time: those allowed whose window, if they have one, is open.

        ``data`` is never among them: it takes an approved plan.
        """
        local = now.astimezone(self.timezone)
        return [risk for risk in self.allow if self._is_open(risk, local)]

    def may_apply_plan(self, now: datetime.datetime) -> bool:
        """Tell whether an approved plan may be applied at a time: it can restart services."""
        return self._is_open("restart", now.astimezone(self.timezone))

    def _is_open(self, risk: str, local: datetime.datetime) -> bool:
        return risk not in self.windows or any(window.is_open(local) for window in self.windows[risk])

    def night_of(self, now: datetime.datetime) -> str:
        """Name the night a time belongs to: from noon to noon, by the day it begins."""
        return (now.astimezone(self.timezone) - datetime.timedelta(hours=12)).date().isoformat()


def load(path: pathlib.Path, environment: t.Mapping[str, str] | None = None) -> Config:
    """Read the file.

    :raises ConfigError: it is not there, not YAML, or says something that cannot be
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if troubles := _troubles(raw):
        raise ConfigError("\n".join(f"{path}: {trouble}" for trouble in troubles))
    try:
        return _config(raw, path.absolute().parent, os.environ if environment is None else environment)
    except (waivers.WaiverError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _troubles(raw: t.Any) -> list[str]:
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    errors = sorted(validator.iter_errors(json.loads(json.dumps(raw, default=str))), key=lambda error: list(error.path))
    return [f"{'.'.join(map(str, error.path)) or 'the file'}: {error.message}" for error in errors]


def _config(raw: Json, folder: pathlib.Path, environment: t.Mapping[str, str]) -> Config:
    def path(key: str, default: str) -> pathlib.Path:
        return folder / pathlib.Path(raw.get(key, default)).expanduser()

    def path_or_none(key: str) -> pathlib.Path | None:
        return path(key, "") if raw.get(key) else None

    if raw.get("workers") and raw.get("approved_plan"):
        raise ValueError("workers: an approved plan is applied whole, by one controller; leave one of the two out")
    state_dir = path("state_dir", "/var/lib/fastgpt-ops-controller")
    report_dir = path("report_dir", "reports")
    limits, keep = raw.get("limits", {}), raw.get("keep", {})
    return Config(
        inventory=tuple(str(folder / item) for item in _listed(raw["inventory"])),
        mode=raw.get("mode", "diagnose"),
        state_dir=state_dir,
        report_dir=report_dir,
        lang=raw.get("lang", "auto"),
        fail_on=raw.get("fail_on", "error"),
        only=_known("only", raw),
        skip=_known("skip", raw),
        limit=raw.get("limit"),
        allow=tuple(raw.get("allow", ["safe"])),
        timezone=_timezone(raw.get("timezone", "UTC")),
        windows={risk: tuple(map(_window, items)) for risk, items in raw.get("windows", {}).items()},
        approved_plan=path_or_none("approved_plan"),
        changes_per_night=raw.get("changes_per_night"),
        waivers=tuple(waivers.parse(raw.get("waivers", []))),
        notify=tuple(
            _target(number, item, folder, environment) for number, item in enumerate(raw.get("notify", []), 1)
        ),
        run_timeout=limits.get("run_timeout", 3600),
        idle_timeout=limits.get("idle_timeout", 900),
        keep_artifacts=keep.get("artifacts", 30),
        keep_reports=keep.get("reports", 90),
        forks=limits.get("forks"),
        vault_password_file=path_or_none("vault_password_file"),
        metrics=path_or_none("metrics"),
        workers=tuple(raw.get("workers", [])),
        variables=raw.get("variables", {}),
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _known(key: str, raw: Json) -> tuple[str, ...]:
    if unknown := [item for item in raw.get(key, []) if item not in catalogue.findings()]:
        raise ValueError(f"{key}: no finding of this name: {', '.join(unknown)}")
    return tuple(raw.get(key, []))


def _timezone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"timezone: {name!r} is not known here; it is a name such as Asia/Shanghai") from None


def _window(item: Json) -> Window:
    begin, end = (datetime.time.fromisoformat(item[key]) for key in ("from", "to"))
    if begin == end:
        raise ValueError(f"windows: from and to are both {item['from']}")
    return Window(tuple(DAYS.index(day) for day in item.get("days", DAYS)), begin, end)


def _target(number: int, item: Json, folder: pathlib.Path, environment: t.Mapping[str, str]) -> Target:
    def secret(key: str) -> str | None:
        if name := item.get(f"{key}_env"):
            if not environment.get(name):
                raise ValueError(f"notify {number} ({item['type']}): the variable {name} is not set")
            return environment[name].strip()
        if file := item.get(f"{key}_file"):
            return (folder / pathlib.Path(file).expanduser()).read_text(encoding="utf-8").strip()
        return None

    try:
        url = secret("url")
    except OSError as error:
        raise ValueError(f"notify {number} ({item['type']}): {error}") from error
    if not url or not url.startswith(("https://", "http://")):
        raise ValueError(f"notify {number} ({item['type']}): its address does not begin with https:// or http://")
    return Target(item["type"], url, secret("secret"))
