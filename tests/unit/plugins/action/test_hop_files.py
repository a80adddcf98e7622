# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edits of a whole way: after each hop the file has what the plan says, and an operator's lines are still there."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.action import hop_files
from ansible_collections.fastgpt.ops.plugins.plugin_utils import compose_edit
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import guard
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form

from tests.unit.plugins.plugin_utils.upgrade import stacks

GIVEN = {"FE_DOMAIN": "http://10.0.0.5:3000", "STORAGE_EXTERNAL_ENDPOINT": "http://10.0.0.5:9000"}
JOURNEYS = [
    ("g06", "4.8.15"),
    ("g06", "4.9.14"),
    ("g06", "4.14.5"),
    ("g06", "4.15.4"),
    ("g11", "4.14.26"),
    ("g11", "4.16.1"),
    ("g11", "4.17.2"),
]


def edited(text: str, hop: dict[str, t.Any], path: str) -> str:
    """Make the edits of a hop."""
    for change in hop_files.changes_of(hop, path):
        text = compose_edit.edited(ComposeFile(path, text), change)
    return text


def wanted_env(services: t.Mapping[str, t.Any], hop: dict[str, t.Any]) -> t.Iterator[tuple[str, bool]]:
    for item in hop["env"]:
        env = services[item["service"]].environment
        name = f"{item['service']} {item['action']} {item['name']}"
        if item["action"] == "set":
            yield name, env.get(item["name"]) == item["value"]
        elif item["action"] == "rename":
            yield name, bool(env.get(item["name"]))
        else:
            yield name, item["name"] not in env


@pytest.mark.parametrize(("stack", "target"), JOURNEYS)
def test_each_hop_leaves_the_file_as_the_plan_has_it(stack: str, target: str) -> None:
    text = first = (stacks.LAB / stack / "docker-compose.yml").read_text(encoding="utf-8")
    plan = form.as_json(stacks.planned(text, target, given=GIVEN))
    assert plan["hops"]
    for hop in plan["hops"]:
        (path,) = hop_files.compose_files_of(hop)
        before, text = text, edited(text, hop, path)
        assert guard.refusal(ComposeFile(path, before), ComposeFile(path, text), "/opt/fastgpt") is None
        services = ComposeFile(path, text).services
        for image in hop["images"]:
            assert services[image["service"]].image == image["after"]
        assert [name for name, there in wanted_env(services, hop) if not there] == []
        for service in hop["services"]:
            assert yaml.safe_load(text)["services"][service["name"]] == yaml.safe_load(service["yaml"])
        assert edited(text, hop, path) == text, "made twice, nothing more changes"
    comments = [line for line in first.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in comments if line not in text.splitlines()] == []


def test_a_tag_from_an_env_file_is_written_there() -> None:
    image = {
        "service": "fastgpt",
        "file": "/opt/fastgpt/.env",
        "variable": "TAG",
        "value": "v4.8.15-fix3",
        "after": "x",
    }
    hop: dict[str, t.Any] = {"images": [image], "env": [], "services": []}
    assert hop_files.env_files_of(hop) == {"/opt/fastgpt/.env": {"TAG": "v4.8.15-fix3"}}
    assert hop_files.compose_files_of(hop) == []
