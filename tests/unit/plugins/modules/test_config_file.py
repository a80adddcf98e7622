# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config_file, run as a whole with a docker CLI that answers from a table."""

from __future__ import annotations

import base64
import json
import pathlib
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _compose_cli, _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result
from ansible_collections.fastgpt.ops.plugins.modules import config_file

Run = t.Callable[..., t.Dict[str, t.Any]]
GOOD = '{\n  "feConfigs": {},\n  "systemEnv": {\n    "vectorMaxProcess": 15 // threads\n  }\n}\n'
SLIP = GOOD.replace("{},", "{}，")
PUZZLE = GOOD.replace("15", '"fif"teen"')


class Docker:
    """Answers of the docker CLI: content of the file in the image, and inside the container."""

    def __init__(self) -> None:
        self.image = GOOD
        self.inside = GOOD
        self.started = time.time() - 3600
        self.status = "running"
        self.pulled = True
        self.calls: list[list[str]] = []

    def __call__(self, argv: t.Sequence[str], _timeout: float, **_more: t.Any) -> Result:
        self.calls.append(list(argv))
        if argv[1:3] == ["image", "inspect"]:
            return Result(0 if self.pulled else 1, b"", b"")
        if argv[1] == "inspect":
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started))
            item = {"Name": "/fastgpt", "State": {"Status": self.status, "Running": True, "StartedAt": stamp}}
            return Result(0, json.dumps([item]).encode(), b"")
        return Result(0, {"run": self.image, "exec": self.inside}.get(argv[1], "").encode(), b"")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    answers = Docker()
    monkeypatch.setattr(config_file, "run", answers)
    monkeypatch.setattr(_compose_cli, "run", answers)
    return answers


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "config.json"
    file.write_text(GOOD, encoding="utf-8")
    file.chmod(0o640)
    return file


@pytest.fixture
def run(
    path: pathlib.Path,
    docker: Docker,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the module on config.json; gives its result."""
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))

    def start(**params: t.Any) -> dict[str, t.Any]:
        wanted = {"path": str(path), "version": "4.8.11", **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            config_file.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def test_a_file_that_is_fine_stays(run: Run, path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    result = run(repair=True, container="fastgpt", image="ghcr.io/labring/fastgpt:v4.8.11")
    assert (result["changed"], result["kind"], result["origin"]) == (False, "file", "kept")
    assert path.read_text() == GOOD
    assert not (tmp_path / "state").exists()


def test_a_slip_is_mended_and_mode_and_comments_stay(run: Run, path: pathlib.Path) -> None:
    path.write_text(SLIP)
    result = run(repair=True, run_id="r1")
    assert (result["changed"], result["origin"], result["run_id"]) == (True, "mended", "r1")
    assert (path.read_text(), path.stat().st_mode & 0o777) == (GOOD, 0o640)
    assert run(repair=True)["changed"] is False


def test_check_mode_predicts_and_changes_nothing(run: Run, path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path.write_text(SLIP)
    result = run(repair=True, _ansible_check_mode=True)
    assert (result["changed"], result["diff"]["before"], result["diff"]["after"]) == (True, SLIP, GOOD)
    assert path.read_text() == SLIP
    assert not (tmp_path / "state").exists()


def test_what_cannot_be_mended_is_refused_with_its_place(run: Run, path: pathlib.Path) -> None:
    path.write_text(PUZZLE)
    result = run(repair=True)
    assert result["failed"] is True
    assert result["msg"] == f"{path} is not what FastGPT can read: JSON5: invalid character 't' at 4:30"
    assert path.read_text() == PUZZLE


def test_the_last_version_that_was_right_comes_back(run: Run, path: pathlib.Path) -> None:
    assert run(set={"systemEnv.vectorMaxProcess": 20}, run_id="r1")["changed"] is True
    path.write_text(PUZZLE)
    assert run(repair=True, run_id="r2")["origin"] == "backup"
    assert path.read_text() == GOOD
    assert [change.run_id for change in Journal().changes()] == ["r1", "r2"]


@pytest.mark.parametrize("directory", [True, False], ids=["empty directory", "missing"])
def test_what_is_not_there_is_taken_from_the_image(run: Run, path: pathlib.Path, directory: bool) -> None:
    path.unlink()
    if directory:
        path.mkdir()
    result = run(image="fastgpt:v4.8.11")
    assert (result["kind"], result["origin"]) == ("directory" if directory else "missing", "image")
    assert (path.read_text(), path.stat().st_mode & 0o777) == (GOOD, 0o644)


def test_an_image_is_pulled_but_not_to_predict(run: Run, path: pathlib.Path, docker: Docker) -> None:
    path.unlink()
    docker.pulled = False
    assert "cannot be shown" in run(image="fastgpt:v4.8.11", _ansible_check_mode=True)["msg"]
    assert run(image="fastgpt:v4.8.11")["changed"] is True
    assert [call[1] for call in docker.calls if call[1] in ("pull", "run")] == ["pull", "run"]


def test_an_image_without_the_file_makes_no_empty_one(run: Run, path: pathlib.Path, docker: Docker) -> None:
    path.unlink()
    docker.image = ""
    assert "brings no /app/data/config.json" in run(image="fastgpt:v4.15.0")["msg"]
    assert not path.exists()


def test_a_directory_with_entries_is_left(run: Run, path: pathlib.Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine").write_text("x")
    assert "is a directory with 1 entries" in run(image="fastgpt:v4.8.11")["msg"]


def test_a_file_of_ones_own_is_read_before_it_takes_the_place(run: Run, path: pathlib.Path) -> None:
    def content(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    refused = run(src="mine.json", content=content(SLIP))
    assert refused["msg"].startswith("mine.json is not what FastGPT can read: JSON5: invalid character '，' at 2:18")
    commented = run(src="mine.json", content=content(GOOD), version="4.6.8")
    assert "JSON: Expecting ',' delimiter at 4:28" in commented["msg"]
    assert run(src="mine.json", content=content('{"mine": 1}'))["origin"] == "src"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ('{"mine": 1}', 0o640)


def test_secrets_are_tokens_in_the_diff(run: Run, path: pathlib.Path) -> None:
    path.write_text('{"customPdfParse": {"key": "sk-1234567890abcdefgh"}，"a": 1}')
    result = run(repair=True)
    assert "sk-1234567890abcdefgh" not in json.dumps(result, ensure_ascii=False)
    assert "<secret:" in result["diff"]["after"]
    assert "sk-1234567890abcdefgh" in path.read_text()


@pytest.mark.parametrize(
    ("inside", "started", "status", "loaded"),
    [
        (GOOD, 0.0, "running", True),
        ("{}", 0.0, "running", False),
        (GOOD, -3600.0, "running", False),
        (GOOD, 0.0, "restarting", None),
    ],
    ids=["read", "the old file is mounted still", "edited after the start", "not running"],
)
def test_it_tells_whether_the_container_has_read_it(
    run: Run, docker: Docker, inside: str, started: float, status: str, loaded: bool | None
) -> None:
    docker.inside, docker.started, docker.status = inside, time.time() + started, status
    assert run(container="fastgpt")["loaded"] is loaded


def test_a_version_that_is_none_is_told(run: Run) -> None:
    assert "'newest' is no version of FastGPT" in run(version="newest")["msg"]
