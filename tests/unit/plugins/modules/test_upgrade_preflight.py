# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of an upgrade is told before anything is done, all of it at once."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result
from ansible_collections.fastgpt.ops.plugins.modules import upgrade_preflight as module

APP = "ghcr.io/labring/fastgpt:v4.8.15-fix3"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """Answers of the docker CLI by the first words of the call; ``calls`` has the calls."""
    known: dict[str, t.Any] = {"calls": []}

    def run(argv: t.Sequence[str], *_more: object, **_options: object) -> Result:
        known["calls"].append(list(argv))
        for words, answer in known.items():
            if " ".join(argv[1:]).startswith(words):
                return t.cast("Result", answer.pop(0) if isinstance(answer, list) else answer)
        return Result(0, b"", b"")

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    return known


def failed(words: str) -> Result:
    return Result(1, b"", words.encode(), words)


def test_a_tag_that_its_registry_does_not_have_is_named(docker: dict[str, t.Any]) -> None:
    docker["manifest inspect"] = failed("manifest unknown")
    assert module.lacks_tag(APP, {}) == f"{APP} is not in its registry"


def test_a_registry_that_does_not_say_leaves_it_to_the_pull(docker: dict[str, t.Any]) -> None:
    docker["manifest inspect"] = failed("unauthorized: authentication required")
    assert module.lacks_tag(APP, {}) is None


def test_an_image_that_a_mirror_brings_is_left_to_the_pull(docker: dict[str, t.Any]) -> None:
    docker["manifest inspect"] = failed("manifest unknown")
    engine = {"RegistryConfig": {"IndexConfigs": {"docker.io": {"Mirrors": ["http://hub.lab/"]}}}}
    assert module.lacks_tag("mongo:5.0.32", engine) is None
    assert docker["calls"] == []


@pytest.mark.parametrize(("status", "trouble"), [(200, None), (404, f"{APP} is not in its registry"), (None, None)])
def test_a_registry_without_tls_is_asked_as_the_engine_would(
    status: int | None, trouble: str | None, docker: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def http_get(url: str, *_more: object) -> dict[str, t.Any]:
        asked.append(url)
        return {"status": status}

    monkeypatch.setattr(module, "http_get", http_get)
    engine = {"RegistryConfig": {"IndexConfigs": {"ghcr.io": {"Secure": False}}}}
    assert module.lacks_tag(APP, engine) == trouble
    assert asked == ["http://ghcr.io/v2/labring/fastgpt/manifests/v4.8.15-fix3"]
    assert docker["calls"] == []


def test_a_pull_that_breaks_is_tried_again(docker: dict[str, t.Any]) -> None:
    docker["pull"] = [failed("connection reset by peer"), Result(0, b"", b"")]
    assert module.pull(APP, 10) is None
    assert len(docker["calls"]) == 2


def test_a_pull_that_goes_on_breaking_says_so(docker: dict[str, t.Any]) -> None:
    docker["pull"] = failed("connection reset by peer")
    assert module.pull(APP, 10) == f"{APP} cannot be pulled: connection reset by peer"
    assert len(docker["calls"]) == 3


def test_all_images_that_cannot_be_had_are_named(docker: dict[str, t.Any]) -> None:
    docker["pull --quiet mongo:1"] = failed("manifest unknown")
    docker["pull --quiet mongo:3"] = failed("manifest unknown")
    with pytest.raises(module.ComposeError, match=r"mongo:1 cannot.*; mongo:3 cannot"):
        module.pull_all(["mongo:1", "mongo:2", "mongo:3"], 10)
    assert [call[-1] for call in docker["calls"]] == ["mongo:1", "mongo:2", "mongo:3"]


def test_images_need_as_much_room_as_those_of_their_name_have(docker: dict[str, t.Any]) -> None:
    docker["image ls"] = Result(0, b"a1\nb2\n", b"")
    docker["image inspect"] = Result(0, b"100\n300\n", b"")
    assert module.room([APP]) == 300


def test_an_engine_that_refuses_this_user_is_no_engine(docker: dict[str, t.Any]) -> None:
    docker["info"] = Result(0, b'{"ServerErrors": ["permission denied while trying to connect"]}', b"")
    with pytest.raises(module.ComposeError, match="permission denied"):
        module.info()
