# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What <value:NAME> becomes on the host."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project
from ansible_collections.fastgpt.ops.plugins.module_utils._values import ValueMissingError, Values

from .conftest import inspected

APP = inspected(
    "fastgpt",
    "ghcr.io/labring/fastgpt:v4.8.11",
    env={"ROOT_KEY": "r00t", "MONGODB_URI": "mongodb://me:p%40ss@mongo:27017/fastgpt?authSource=admin"},
)


@pytest.fixture(autouse=True)
def _state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    monkeypatch.setattr(Project, "containers", lambda _self: [APP])


def values(scope: str = "r1 4.9.0", given: dict[str, str] | None = None, **specs: t.Any) -> Values:
    return Values(specs, Project("/opt/fastgpt"), given or {}, scope)


def variable(**more: str) -> dict[str, str]:
    return {"kind": "variable", "service": "fastgpt", "variable": "MONGODB_URI", **more}


def test_a_variable_is_taken_from_the_container() -> None:
    subject = values(rootkey={"kind": "variable", "service": "fastgpt", "variable": "ROOT_KEY"})
    assert subject.fill("rootkey: <value:rootkey>") == "rootkey: r00t"
    assert subject.secrets == ["r00t"]


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ({"part": "user"}, "me"),
        ({"part": "password"}, "p@ss"),
        ({"part": "host"}, "mongo"),
        ({"part": "port"}, "27017"),
        ({"database": "plugin"}, "mongodb://me:p%40ss@mongo:27017/plugin?authSource=admin"),
    ],
)
def test_a_part_of_an_address_or_another_database(more: dict[str, str], value: str) -> None:
    assert values(x=variable(**more)).get("x") == value


def test_a_random_value_is_the_same_for_its_run_and_hop_alone() -> None:
    spec = {"kind": "random", "length": 40}
    first = values(a=spec, b=spec)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", first.get("a"))
    assert first.get("a") != first.get("b")
    assert values(a=spec).get("a") == first.get("a")
    assert values("r2 4.9.0", a=spec).get("a") != first.get("a")


def test_what_the_operator_gave() -> None:
    assert values(given={"FE_DOMAIN": "https://x"}, FE_DOMAIN={"kind": "given"}).get("FE_DOMAIN") == "https://x"


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ({"FE_DOMAIN": {"kind": "given"}}, "FE_DOMAIN must be given"),
        ({"FE_DOMAIN": {"kind": "variable", "service": "fastgpt", "variable": "NO"}}, "fastgpt has no variable NO"),
        ({"FE_DOMAIN": {"kind": "variable", "service": "gone", "variable": "NO"}}, "gone has no variable NO"),
        ({}, "does not say what <value:FE_DOMAIN> is"),
    ],
)
def test_a_value_that_cannot_be_had_is_named(specs: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueMissingError, match=words):
        values(**specs).get("FE_DOMAIN")
