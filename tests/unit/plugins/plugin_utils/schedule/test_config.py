# Copyright: (c) 2026, fastgpt.ops contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils.schedule import config

UTC = datetime.timezone.utc


def write(folder: pathlib.Path, **content: t.Any) -> pathlib.Path:
    path = folder / "fleet.yml"
    path.write_text(yaml.safe_dump({"inventory": "hosts.yml", **content}), encoding="utf-8")
    return path


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_paths_are_relative_to_the_file_and_the_rest_has_defaults(tmp_path: pathlib.Path) -> None:
    found = config.load(write(tmp_path, report_dir="out"))
    assert (found.inventory, found.report_dir) == ((f"{tmp_path}/hosts.yml",), tmp_path / "out")
    assert (found.mode, found.fail_on, found.allow) == ("diagnose", "error", ("safe",))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"inventory": None}, "inventory: None is not valid"),
        ({"allow": ["safe", "data"]}, "allow.1: 'data' is not one of ['safe', 'restart']"),
        ({"alow": ["safe"]}, "Additional properties are not allowed ('alow' was unexpected)"),
        ({"windows": {"restart": [{"from": "2:00", "to": "05:00"}]}}, "windows.restart.0.from: '2:00' does not match"),
        ({"windows": {"restart": [{"from": "02:00", "to": "02:00"}]}}, "from and to are both 02:00"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not known here"),
        ({"only": ["port-confict"]}, "only: no finding of this name: port-confict"),
        ({"waivers": [{"finding": "oom", "reason": "x"}]}, "waiver 1 (oom): until is missing"),
        ({"waivers": [{"finding": "oom", "reason": "x", "until": "soon"}]}, "until is 'soon', not a date"),
        ({"waivers": [{"finding": "omm", "reason": "x", "until": "2026-01-01"}]}, "waiver 1 (omm): no finding"),
        ({"notify": [{"type": "slack", "url_env": "NOT_SET"}]}, "notify 1 (slack): the variable NOT_SET is not set"),
        ({"notify": [{"type": "slack", "url_file": "none"}]}, "notify 1 (slack)"),
        ({"notify": [{"type": "slack", "url_env": "BAD"}]}, "does not begin with https:// or http://"),
        ({"notify": [{"type": "pager", "url_env": "X"}]}, "notify.0.type: 'pager' is not one of"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_is_refused_by_name(tmp_path: pathlib.Path, content: dict[str, t.Any], words: str) -> None:
    with pytest.raises(config.ConfigError) as error:
        config.load(write(tmp_path, **content), {"BAD": "file:///etc/passwd"})
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["{", "- a", "", None])
def test_file_that_is_none_is_refused(tmp_path: pathlib.Path, text: str | None) -> None:
    path = tmp_path / "fleet.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(config.ConfigError, match=r"fleet\.yml"):
        config.load(path)


def test_restart_is_allowed_in_its_window_only_and_safe_at_any_time(tmp_path: pathlib.Path) -> None:
    found = config.load(
        write(
            tmp_path,
            allow=["safe", "restart"],
            timezone="Asia/Shanghai",
            windows={"restart": [{"days": ["fri"], "from": "23:00", "to": "04:00"}]},
        )
    )
    # Friday 2026-11-27 in Shanghai is UTC plus eight hours
    assert found.allowed(at("2026-11-27T14:59")) == ["safe"]
    assert found.allowed(at("2026-11-27T15:00")) == ["safe", "restart"]
    assert found.allowed(at("2026-11-27T19:59")) == ["safe", "restart"]  # Saturday, 03:59
    assert found.allowed(at("2026-11-27T20:00")) == ["safe"]
    assert found.allowed(at("2026-11-26T19:00")) == ["safe"]  # Friday, 03:00: that night began on Thursday
    assert found.may_apply_plan(at("2026-11-27T15:00"))
    assert not found.may_apply_plan(at("2026-11-27T12:00"))


def test_a_night_lasts_from_noon_to_noon(tmp_path: pathlib.Path) -> None:
    found = config.load(write(tmp_path, timezone="Asia/Shanghai"))
    assert found.night_of(at("2026-11-27T04:00")) == "2026-11-27"
    assert found.night_of(at("2026-11-28T03:59")) == "2026-11-27"


def test_secrets_of_receivers_are_not_shown(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hook").write_text("https://hook.example/SECRET-1\n", encoding="utf-8")
    path = write(tmp_path, notify=[{"type": "feishu", "url_file": "hook", "secret_env": "KEY"}])
    found = config.load(path, {"KEY": "SECRET-2"})
    assert (found.notify[0].url, found.notify[0].secret) == ("https://hook.example/SECRET-1", "SECRET-2")
    assert "SECRET" not in repr(found)
