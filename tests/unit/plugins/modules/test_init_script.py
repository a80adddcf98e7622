# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module init_script, its calls replaced."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _calls as calls
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project
from ansible_collections.fastgpt.ops.plugins.modules import init_script

Run = t.Callable[..., t.Dict[str, t.Any]]
APP = {
    "Name": "/fastgpt",
    "State": {"Running": True},
    "Config": {"Env": ["ROOT_KEY=s3cr3t-r00t-key"], "Labels": {"com.docker.compose.service": "fastgpt"}},
    "NetworkSettings": {"Networks": {"n": {"IPAddress": "172.18.0.5"}}},
}
WANTED = {
    "project_dir": "/opt/fastgpt",
    "id": "4.8.18 x",
    "service": "fastgpt",
    "path": "/api/admin/initv4818",
    "headers": {"rootkey": "<value:rootkey>"},
    "values": {"rootkey": {"kind": "variable", "service": "fastgpt", "variable": "ROOT_KEY"}},
    "run_id": "r1",
    "follow": 0,
}


class Begun(list[calls.Call]):
    """What was called, and how such a call ends."""

    end = calls.State(calls.ENDED, began=1.0, ended=3.0, reply="done with s3cr3t-r00t-key")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Begun:
    made = Begun()

    def begin(journal: _journal.Journal, change: _journal.Change, call: calls.Call) -> None:
        made.append(call)
        calls.Record(journal, change).write(made.end)
        if made.end.status == calls.ENDED:
            journal.mark(change, "done")

    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    monkeypatch.setattr(calls, "begin", begin)
    monkeypatch.setattr(calls, "log_since", lambda *_: "2026-03-01T12:00:00Z key s3cr3t-r00t-key\n")
    monkeypatch.setattr(Project, "containers", lambda _self: [APP])
    return made


@pytest.fixture
def run(begun: Begun, capsys: pytest.CaptureFixture[str]) -> Run:
    def start(**params: t.Any) -> dict[str, t.Any]:
        with patch_module_args({**WANTED, **params}), pytest.raises(SystemExit):
            init_script.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def test_the_key_is_filled_in_here_and_never_told(run: Run, begun: Begun) -> None:
    result = run(since=1.0)
    assert begun[0].headers == {"rootkey": "s3cr3t-r00t-key"}
    assert (result["changed"], result["state"], result["seconds"]) == (True, "done", 2.0)
    assert result["progress"] and "<secret:" in result["progress"][0] and "<secret:" in result["reply"]
    assert "s3cr3t" not in json.dumps(result)


def test_a_call_that_was_made_is_not_made_again_unless_asked(run: Run, begun: Begun) -> None:
    run()
    assert run(run_id="r2")["changed"] is False
    assert len(begun) == 1
    assert run(run_id="r2", again=True)["changed"] is True
    assert len(begun) == 2


def test_check_mode_says_so_and_calls_nothing(run: Run, begun: Begun, tmp_path: pathlib.Path) -> None:
    assert run(_ansible_check_mode=True)["changed"] is True
    assert begun == []
    assert not (tmp_path / "state").exists()
    run()
    assert run(_ansible_check_mode=True)["changed"] is False


def test_a_refused_call_fails_and_may_be_tried_anew(run: Run, begun: Begun) -> None:
    begun.end = calls.State(calls.FAILED, began=1.0, ended=2.0, message="500: no")
    result = run()
    assert result["failed"] and result["msg"] == "POST /api/admin/initv4818: 500: no"
    begun.end = Begun.end
    assert run()["state"] == "done"
    assert len(begun) == 2


def test_a_call_of_unknown_end_is_never_made_again(run: Run, begun: Begun) -> None:
    begun.end = calls.State(calls.UNKNOWN, began=1.0, message="fastgpt was started anew while the call ran")
    assert run()["failed"] and run()["failed"]
    assert len(begun) == 1


def test_a_service_that_does_not_run_is_named(run: Run) -> None:
    assert run(service="gone")["msg"] == "gone does not run, so it cannot be called"
