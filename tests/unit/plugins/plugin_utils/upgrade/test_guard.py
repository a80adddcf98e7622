# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No change of a compose file may start a database on another place than the one that has its data."""

from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.compose import ComposeFile
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import guard

from tests.unit.plugins.plugin_utils.upgrade import stacks

G06 = (stacks.LAB / "g06" / "docker-compose.yml").read_text(encoding="utf-8")
G11 = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8")
FOLDER = "/opt/fastgpt"


def changed(before: str, after: str) -> list[guard.Orphan]:
    return guard.change_orphans(ComposeFile("c.yml", before), ComposeFile("c.yml", after), "fastgpt", FOLDER)


def test_the_swap_of_templates_leaves_every_database_behind() -> None:
    found = {orphan.service: orphan for orphan in changed(G06, G11)}
    assert set(found) == {"fastgpt-mongo", "fastgpt-vector"}
    assert found["fastgpt-mongo"].now == "/opt/fastgpt/mongo/data"
    assert found["fastgpt-mongo"].then == "fastgpt_fastgpt-mongo"
    for words in found["fastgpt-vector"].text.values():
        assert "/opt/fastgpt/pg/data" in words
        assert "fastgpt_fastgpt-pg" in words


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("image: ghcr.io/labring/fastgpt:v4.8.11", "image: ghcr.io/labring/fastgpt:v4.8.15-fix3"),
        ("./mongo/data:/data/db", "/opt/fastgpt/mongo/data:/data/db"),
        ("./mongo/data:/data/db", "./mongo/data/:/data/db:rw"),
        ("  mongo:\n    image", "  fastgpt-mongo:\n    image"),
    ],
    ids=["a tag", "the same folder in full", "the same folder with options", "a new name on the old folder"],
)
def test_what_keeps_the_data_is_let_pass(old: str, new: str) -> None:
    assert old in G06
    assert changed(G06, G06.replace(old, new, 1)) == []


@pytest.mark.parametrize(
    ("old", "new", "then"),
    [
        ("./mongo/data:/data/db", "./mongo2/data:/data/db", "/opt/fastgpt/mongo2/data"),
        ("./mongo/data:/data/db", "mongo:/data/db", "fastgpt_mongo"),
        ("      - ./mongo/data:/data/db\n", "", "an empty volume"),
        ("./pg/data:/var/lib/postgresql/data", "./pg17:/var/lib/postgresql/data", "/opt/fastgpt/pg17"),
        ("./mysql:/var/lib/mysql", "./mysql8:/var/lib/mysql", "/opt/fastgpt/mysql8"),
    ],
)
def test_what_moves_the_data_is_found(old: str, new: str, then: str) -> None:
    assert old in G06
    assert [orphan.then for orphan in changed(G06, G06.replace(old, new, 1))] == [then]


def test_a_volume_of_another_project_or_name_is_another_volume() -> None:
    before = guard.of_file(ComposeFile("c.yml", G11), "fastgpt", FOLDER)
    after = guard.of_file(ComposeFile("c.yml", G11), "other", FOLDER)
    assert {orphan.component for orphan in guard.orphans(before, after)} >= {"mongo", "pg", "redis", "storage"}
    named = G11.replace("  fastgpt-mongo:\n\n", "").replace(
        "\n  fastgpt-mongo:\n  fastgpt-redis:", "\n  fastgpt-mongo: {name: elsewhere}\n  fastgpt-redis:"
    )
    assert [orphan.then for orphan in changed(G11, named)] == ["elsewhere"]


def test_services_that_come_in_or_go_leave_nothing_behind() -> None:
    without = G06.replace("      - ./mysql:/var/lib/mysql\n", "")
    assert changed("services: {}\n", G06) == []
    assert changed(without, "services: {}\n") == []


def test_the_containers_say_where_the_data_is() -> None:
    mount = {"type": "bind", "source": "/srv/mongo", "destination": "/data/db"}
    mongo = {"name": "mongo", "service": "mongo", "image": "mongo:5.0.18", "mounts": [mount]}
    there = guard.of_containers(stacks.deployment(G06, containers=[mongo]))
    assert there == [guard.Place("mongo", "mongo", "/srv/mongo")]
    after = guard.of_file(ComposeFile("c.yml", G06), "fastgpt", FOLDER)
    assert [orphan.now for orphan in guard.orphans(there, after)] == ["/srv/mongo"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fastgpt:v4.8.11 # git", "fastgpt:v4.9.14 # git", "4.8.15"),
        ("./mongo/data:/data/db", "./mongo2/data:/data/db", "/opt/fastgpt/mongo2/data"),
        ("fastgpt:v4.8.11 # git", "fastgpt:v4.8.15-fix3 # git", None),
    ],
    ids=["over a stop", "another folder", "to the next stop"],
)
def test_what_a_change_by_a_task_is_refused_for(old: str, new: str, words: str | None) -> None:
    before, after = ComposeFile("c.yml", G06), ComposeFile("c.yml", G06.replace(old, new, 1))
    refused = guard.refusal(before, after, FOLDER)
    assert (words in refused) if words and refused else refused == words


def test_no_hop_of_a_plan_is_refused() -> None:
    text = G06
    for hop in stacks.planned(G06, "4.9.14").hops:
        after = text
        for change in hop.images:
            after = after.replace(f"image: {change.before} ", f"image: {change.after} ", 1)
        assert after != text
        assert guard.refusal(ComposeFile("c.yml", text), ComposeFile("c.yml", after), FOLDER) is None
        text = after
