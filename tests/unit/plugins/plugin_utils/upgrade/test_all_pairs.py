# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner from every release to every later one: what must hold for any plan."""

from __future__ import annotations

import collections

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import releases
from ansible_collections.fastgpt.ops.plugins.plugin_utils.releases import Release
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import planner, route
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade.stack import Part, Stack
from ansible_collections.fastgpt.ops.plugins.plugin_utils.versions import Version, image_version, split_image

FINAL = [release for release in releases.releases() if release.version.is_final]
ENV = {
    "MONGODB_URI": "mongodb://user:<secret:aa>@mongo:27017/fastgpt?authSource=admin",
    "PG_URL": "postgresql://user:<secret:bb>@pg:5432/postgres",
    "ROOT_KEY": "<secret:cc>",
    "OPENAI_BASE_URL": "http://oneapi:3000/v1",
    "CHAT_API_KEY": "<secret:dd>",
}
ONCE_A_STOP = {"/api/admin/dataClean/initWorkflowData", "/api/admin/4161/initToolJsonSchemaStorage"}


def stack(release: Release) -> Stack:
    """Give the least a deployment of that release has: the main service and two databases."""

    def part(component: str, service: str, image: str, env: dict[str, str]) -> Part:
        return Part(component, service, "/opt/c.yml", image, image, dict(env), set(env))

    parts = [
        part("app", "fastgpt", f"ghcr.io/labring/fastgpt:{release.tag}", ENV),
        part("mongo", "mongo", "mongo:5.0.18", {}),
        part("pg", "pg", "ankane/pgvector:v0.4.2", {}),
    ]
    return Stack(
        {part.component: part for part in parts},
        release.build,
        lengths={"<secret:cc>": 20},
        networks=("fastgpt",),
        mongo_version=Version(5, 0, 18),
        vector_version=Version(0, 4, 2),
        pg_major="15",
    )


def plan(running: Release, target: Release) -> form.Plan:
    empty = form.Plan("web1", "", None, {}, {})
    return planner.plan_stack(empty, stack(running), planner.Wishes(str(target.version)))


@pytest.mark.parametrize("running", FINAL, ids=lambda release: str(release.version))
def test_every_plan(running: Release) -> None:
    for target in FINAL:
        if target.version > running.version and not target.avoid:
            assert_plan(plan(running, target), running, target)


def assert_plan(made: form.Plan, running: Release, target: Release) -> None:
    assert not made.refusals
    stops = [hop.version for hop in made.hops]
    required = [str(stop.version) for stop in route.stops(running.version, target.version)]
    assert stops == [*required, str(target.version)]
    assert not [name for name in stops if releases.release(Version.parse(name) or Version(0, 0)).avoid]  # type: ignore[union-attr]
    calls = [(call.service, call.path) for hop in made.hops for call in hop.scripts]
    assert max(collections.Counter(calls).values(), default=1) == 1
    assert_images(made)
    assert_values(made)


def assert_images(made: form.Plan) -> None:
    """Tags are exact and only grow; the plugin service is the main one's pair from the hop on that brings it."""
    now: dict[str, str] = {}
    for hop in made.hops:
        for change in hop.images:
            assert split_image(change.before)[1] != split_image(change.after)[1]
            assert any(character.isdigit() for character in change.after.rpartition(":")[2])
            now[change.component] = change.after
        now |= {s.component: s.yaml.partition("image: ")[2].splitlines()[0] for s in hop.services}
        number = Version.parse(hop.version)
        assert number is not None
        fits, plugin = releases.plugin_range(number), image_version(now.get("plugin"))
        assert not plugin or not fits or fits[0] <= plugin < fits[1]
        assert set(releases.needs(number)) <= {*now, "app", "mongo", "pg"}


def assert_values(made: form.Plan) -> None:
    """Every value a hop's texts ask for has its origin there, and nothing holds a secret."""
    for hop in made.hops:
        texts = str(
            ([c.value for c in hop.env], [s.yaml for s in hop.services], [(c.headers, c.body) for c in hop.scripts])
        )
        asked = {piece.partition(">")[0] for piece in texts.split("<value:")[1:]}
        assert asked <= set(hop.values), hop.version
        assert "<secret:" not in texts


def test_the_data_of_a_call_that_defaults_to_a_rehearsal_says_no_rehearsal() -> None:
    made = plan(releases.release(Version(4, 14, 7)) or FINAL[0], releases.release(Version(4, 17, 2)) or FINAL[-1])
    bodies = {call.path: (call.body, call.rehearsal) for hop in made.hops for call in hop.scripts}
    for path in ONCE_A_STOP:
        body, rehearsal = bodies[path]
        assert body and body["dryRun"] is False
        assert rehearsal and rehearsal["dryRun"] is True
