# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module compose_service, run as a whole on a project of the test, and the way back."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal, _undo
from ansible_collections.fastgpt.ops.plugins.modules import compose_service

Run = t.Callable[..., t.Dict[str, t.Any]]


class Stack:
    """A compose project with the service ``pg``, whose container is as a test wants it."""

    def __init__(self) -> None:
        self.state: dict[str, t.Any] = {"Status": "running", "Running": True}
        self.calls: list[str] = []
        self.error = ""  # of an `up` that makes nothing new

    def of(self, _params: dict[str, t.Any]) -> Stack:
        return self  # it stands in for the class Project

    def images(self) -> dict[str, str]:
        return {"pg": "postgres:15"}

    def containers(self) -> list[dict[str, t.Any]]:
        labels = {"com.docker.compose.service": "pg", "com.docker.compose.config-hash": "h"}
        return [{"Name": "/pg", "State": self.state, "Config": {"Labels": labels}}]

    def hashes(self) -> dict[str, str]:
        return {"pg": "h"}

    def must(self, verb: str, *services: str, timeout: float) -> None:
        self.calls.append(" ".join((verb, *services)))
        status = {"stop": "exited", "create": "exited", "pause": "paused"}.get(verb, "running")
        self.state = {"Status": status, "Running": status != "exited", "Paused": status == "paused"}

    def up(self, services: list[str], *flags: str, timeout: float, start: bool = True) -> None:
        if self.error and not flags:
            raise compose_service.ComposeError(self.error)
        self.must("up" if start else "create", *services, *flags, timeout=timeout)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    for place in (compose_service, _undo):
        monkeypatch.setattr(place, "Project", made)
    monkeypatch.setattr(compose_service, "has_image", lambda _image: True)
    return made


@pytest.fixture
def run(
    stack: Stack, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run the module on the service pg; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))

    def start(**params: t.Any) -> dict[str, t.Any]:
        wanted = {"project_dir": "/opt/fastgpt", "services": ["pg"], "run_id": "r1", "wait_timeout": 0, **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            compose_service.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def undo() -> None:
    journal = _journal.Journal()
    assert [outcome.refused for outcome in _undo.undo(journal, journal.changes("r1"))] == [None]


VICE_VERSA = (
    "docker compose up -d pg: OCI runtime create failed: error mounting /srv/key to rootfs at /key: not a directory:"
    " unknown: Are you trying to mount a directory onto a file (or vice-versa)?"
)


def test_what_was_made_over_a_folder_is_made_new_where_there_is_a_file_now(run: Run, stack: Stack) -> None:
    stack.state, stack.error = {"Status": "exited", "Running": False}, VICE_VERSA
    assert run()["changed"] is True
    assert stack.calls == ["up pg --force-recreate"]


def test_what_does_not_start_for_another_reason_is_not_made_new(run: Run, stack: Stack) -> None:
    stack.state, stack.error = (
        {"Status": "exited", "Running": False},
        "docker compose up -d pg: no space left on device",
    )
    assert "no space left" in run()["msg"]
    assert stack.calls == []


def test_what_is_as_it_should_be_is_left(run: Run, stack: Stack) -> None:
    assert run()["changed"] is False
    assert stack.calls == []


def test_a_stopped_service_is_started_and_stopped_again(run: Run, stack: Stack) -> None:
    stack.state = {"Status": "exited", "Running": False}
    assert run(_ansible_check_mode=True)["changed"] is True
    assert stack.calls == []
    assert run()["containers"] == ["pg"]
    undo()
    assert stack.calls == ["up pg", "stop pg", "create pg"]


def test_a_paused_service_goes_on_and_is_paused_again(run: Run, stack: Stack) -> None:
    stack.state = {"Status": "paused", "Running": True, "Paused": True}
    assert run()["changed"] is True
    undo()
    assert stack.calls == ["unpause pg", "up pg", "up pg", "pause pg"]


def test_a_service_stopped_for_its_files_comes_back_as_it_was(run: Run, stack: Stack) -> None:
    assert run(state="stopped")["changed"] is True
    assert run(state="stopped")["changed"] is False
    assert run()["changed"] is True
    undo()
    assert stack.calls == ["stop pg", "up pg", "up pg"]


def test_a_service_that_is_not_there_is_named(run: Run) -> None:
    assert "has no service pgg; it has pg" in run(services=["pgg"])["msg"]
