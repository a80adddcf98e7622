# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's form: what the planner may say and the run may rely on."""

from __future__ import annotations

import dataclasses

import jsonschema
import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form

WORDS = {"en": "words", "zh": "文字"}
HOP = form.Hop(
    "4.9.4",
    WORDS,
    images=(form.ImageChange("fastgpt", "app", "r/fastgpt:v4.9.3", "r/fastgpt:v4.9.4", "/opt/docker-compose.yml"),),
    env=(form.EnvChange("fastgpt", "set", "REDIS_URL", "/opt/c.yml", "redis://default:<value:redis>@redis:6379"),),
    services=(form.ServiceChange("redis", "redis", "/opt/c.yml", "image: redis:7.2-alpine\n", ("fastgpt",)),),
    values={"redis": form.Value("random", 32), "rootkey": form.Value("variable", 0, "fastgpt", "ROOT_KEY")},
    waits=(form.Wait("http", "fastgpt", 300, 3000, "/"),),
    scripts=(
        form.ScriptCall(
            "4.9.4 /api/x",
            "fastgpt",
            3000,
            "POST",
            "/api/x",
            {"rootkey": "<value:rootkey>"},
            None,
            None,
            "yes",
            True,
            False,
            None,
            WORDS,
        ),
    ),
    database=(form.DatabaseStep("pgvector-extension", "pg", "0.5.0", "0.8.0"),),
    tasks=(form.Task("4.9.4-1", "after", False, WORDS),),
    downtime=20.0,
)
PLAN = form.Plan("web1", "4.9.4", "4.9.3", {"project_dir": "/opt"}, {"app": "fastgpt"}, hops=(HOP, HOP))


def document(plan: form.Plan = PLAN) -> form.Json:
    return form.assemble("20260301T120000Z-4f2a", [plan])


def test_a_plan_fits_its_schema_and_survives_json() -> None:
    form.validate(document())
    assert document()["hosts"][0]["hops"][0]["env"][0]["value"] == "redis://default:<value:redis>@redis:6379"
    assert PLAN.downtime == 40.0


def test_the_digest_tells_another_plan() -> None:
    other = dataclasses.replace(PLAN, target="4.9.5")
    assert document()["digest"] != document(other)["digest"]
    assert document()["digest"] == document()["digest"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": (form.ImageChange("fastgpt", "app", "a:b", "ghcr.io/labring/fastgpt:latest", "/c.yml"),)},
        {"images": (form.ImageChange("fastgpt", "app", "a:b", "ghcr.io/labring/fastgpt", "/c.yml"),)},
        {"env": (form.EnvChange("fastgpt", "set", "A", "/c.yml"),)},
        {"env": (form.EnvChange("fastgpt", "rename", "A", "/c.yml"),)},
        {"values": {"x": form.Value("random", 4)}},
        {"values": {"x": form.Value("variable")}},
        {"downtime": -1.0},
    ],
    ids=["floating", "no tag", "no value", "no old name", "short secret", "no variable", "negative"],
)
def test_the_schema_refuses(wrong: form.Json) -> None:
    with pytest.raises(jsonschema.ValidationError):
        form.validate(document(dataclasses.replace(PLAN, hops=(dataclasses.replace(HOP, **wrong),))))
