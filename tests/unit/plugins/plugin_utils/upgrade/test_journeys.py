# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Journeys people really make, each held against upstream's own upgrade notes by hand."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form

from tests.unit.plugins.plugin_utils.upgrade import stacks
from tests.unit.plugins.plugin_utils.upgrade.stacks import env, images, paths, planned, stack, versions

GATEWAY = (("OPENAI_BASE_URL", "http://oneapi:3000/v1"), ("CHAT_API_KEY", "sk-fastgpt"))
PROXY = (("AIPROXY_API_ENDPOINT", "http://aiproxy:3000"), ("AIPROXY_API_TOKEN", "aiproxy"))
AES = ("AES256_SECRET_KEY", "fastgptkey")
REDIS = ("REDIS_URL", "redis://default:mypassword@redis:6379")
PLUGIN = (("PLUGIN_BASE_URL", "http://fastgpt-plugin:3000"), ("PLUGIN_TOKEN", "plugin-token-1"))
SANDBOX = ("SANDBOX_URL", "http://sandbox:3000")
STORAGE = {"STORAGE_EXTERNAL_ENDPOINT": "http://192.168.0.2:9000"}


def hop(plan: form.Plan, version: str) -> form.Hop:
    return next(item for item in plan.hops if item.version == version)


def block(change: form.ServiceChange) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load(change.yaml))


def test_4_6_8_to_4_9_14() -> None:
    """The oldest with a replica set: every script of 4.7 and 4.8, sandbox and Redis come in, pgvector moves once."""
    plan = planned(
        stack(
            stacks.PG,
            stacks.MONGO,
            stacks.ONEAPI,
            env=GATEWAY,
            app="v4.6.8",
            pg="ankane/pgvector:v0.5.0",
            mongo="5.0.18",
        ),
        "4.9.14",
    )
    assert versions(plan) == [
        "4.6.9", "4.7.0", "4.7.1", "4.8.1", "4.8.5", "4.8.6", "4.8.8", "4.8.10", "4.8.15", "4.8.17", "4.8.18", "4.8.19",
        "4.8.20", "4.8.23", "4.9.0", "4.9.1", "4.9.14",
    ]  # fmt: skip
    assert paths(plan) == [
        "initv469", "initv47", "clearInvalidData", "initv481", "initv485", "initv486", "initv488", "initv4810",
        "initv4815", "initv4817", "initv4818", "initv4819", "initv4820", "initv4823", "initv490", "initv491",
    ]  # fmt: skip
    assert [wait.kind for wait in hop(plan, "4.8.1").waits_before] == ["queue"]
    assert [s.name for s in hop(plan, "4.8.5").services] == ["sandbox"]
    assert env(hop(plan, "4.8.5"), "fastgpt") == {"SANDBOX_URL": "= http://sandbox:3000"}
    assert images(hop(plan, "4.9.0")) == {
        "fastgpt": "ghcr.io/labring/fastgpt:v4.9.0",
        "pg": "pgvector/pgvector:0.8.0-pg15",
    }
    assert [(d.kind, d.before, d.after) for d in hop(plan, "4.9.0").database] == [
        ("pgvector-extension", "0.5.0", "0.8.0")
    ]
    assert [s.name for s in hop(plan, "4.9.14").services] == ["redis"]
    assert "pg" not in [service for item in plan.hops if item.version != "4.9.0" for service in item.recreates]
    assert not plan.asks


def test_4_8_1_to_4_8_23() -> None:
    """Within 4.8: tags only, with the builds upstream names (fix2, fix3, fix-title), not the plain ones."""
    plan = planned(
        stack(stacks.PG, stacks.MONGO, app="v4.8.1", pg="pgvector/pgvector:0.7.0-pg15", mongo="5.0.18"), "4.8.23"
    )
    assert [images(item)["fastgpt"].rpartition(":")[2] for item in plan.hops] == [
        "v4.8.5", "v4.8.6", "v4.8.8-fix2", "v4.8.10", "v4.8.15-fix3", "v4.8.17-fix-title", "v4.8.18-fix",
        "v4.8.19-beta", "v4.8.20-fix2", "v4.8.23-fix",
    ]  # fmt: skip
    assert "initv481" not in paths(plan)
    assert not hop(plan, "4.8.23").database
    assert [call.blocking for call in hop(plan, "4.8.18").scripts] == [False]


def test_4_8_23_to_4_14_5_with_one_api_kept() -> None:
    """One API stays: AI Proxy is optional up to 4.16. Redis, plugin and storage come in; one address is asked."""
    text = stack(
        stacks.PG,
        stacks.MONGO,
        stacks.SANDBOX,
        stacks.ONEAPI,
        env=(*GATEWAY, SANDBOX),
        app="v4.8.23-fix",
        sandbox="v4.8.23-fix",
        pg="pgvector/pgvector:0.7.0-pg15",
        mongo="5.0.18",
    )
    asked = planned(text, "4.14.5")
    assert [ask.name for ask in asked.asks] == ["STORAGE_EXTERNAL_ENDPOINT"]
    plan = planned(text, "4.14.5", given=STORAGE)
    assert not plan.asks
    assert versions(plan) == ["4.9.0", "4.9.1", "4.13.2", "4.14.1", "4.14.3", "4.14.4", "4.14.5"]
    assert paths(plan) == ["initv490", "initv491", "initv4132", "initv4141", "initv4143", "initv4144", "initv4145"]
    stop = hop(plan, "4.13.2")
    assert [s.name for s in stop.services] == ["redis", "fastgpt-plugin", "fastgpt-minio"]
    assert not [c for item in plan.hops for c in item.images if c.service in ("oneapi", "mysql", "aiproxy")]
    variables = env(stop, "fastgpt")
    assert variables["AES256_SECRET_KEY"] == "= fastgptkey", "stored secrets were encrypted with the built-in key"
    assert variables["REDIS_URL"] == "= redis://default:<value:redis-password>@redis:6379"
    assert variables["PLUGIN_TOKEN"] == "= <value:plugin-token>"
    assert variables["S3_EXTERNAL_BASE_URL"] == "= http://192.168.0.2:9000"
    plugin = block(stop.services[1])
    assert plugin["environment"]["AUTH_TOKEN"] == "<value:plugin-token>"
    assert plugin["environment"]["MONGODB_URI"] == "<value:app-mongodb-uri>"
    assert not [name for name in plugin["environment"] if name.startswith(("MINIO_", "STORAGE_"))]
    assert block(stop.services[2])["environment"]["MINIO_ROOT_PASSWORD"] == "<value:storage-password>"
    last = hop(plan, "4.14.5")
    assert images(last)["mongo"] == "mongo:5.0.32"
    assert images(last)["fastgpt-plugin"] == "ghcr.io/labring/fastgpt-plugin:v0.4.0"
    assert env(last, "fastgpt")["STORAGE_SECRET_ACCESS_KEY"] == "<- S3_SECRET_KEY"
    assert env(last, "fastgpt-plugin")["STORAGE_S3_ENDPOINT"] == "= http://fastgpt-minio:9000"
    assert hop(plan, "4.14.4").scripts[0].log_done == "Migration feedback completed"


def newer_stack(app: str, plugin: str, sandbox: str, *more: tuple[str, str], mongo: str = "5.0.32") -> str:
    """A 4.13 or later deployment under the old names: mongo, pg, sandbox, fastgpt."""
    return stack(
        stacks.PG,
        stacks.MONGO,
        stacks.SANDBOX,
        stacks.REDIS,
        stacks.MINIO,
        stacks.AIPROXY,
        stacks.PLUGIN + stacks.listed((("AUTH_TOKEN", "plugin-token-1"), *more)),
        env=(*PROXY, AES, REDIS, *PLUGIN, SANDBOX, *more),
        app=app,
        plugin=plugin,
        sandbox=sandbox,
        aiproxy="v0.3.2",
        pg="pgvector/pgvector:0.8.0-pg15",
        mongo=mongo,
    )


S4145 = (
    ("STORAGE_VENDOR", "minio"),
    ("STORAGE_EXTERNAL_ENDPOINT", "http://192.168.0.2:9000"),
    ("STORAGE_S3_ENDPOINT", "http://fastgpt-minio:9000"),
    ("STORAGE_ACCESS_KEY_ID", "minioadmin"),
    ("STORAGE_SECRET_ACCESS_KEY", "minio-Admin1"),
)


def test_4_14_6_to_4_14_20_with_the_old_service_names_kept() -> None:
    """Upstream's file has new names and volumes from 4.14.10 on; the plan keeps the operator's."""
    plan = planned(newer_stack("v4.14.6.1", "v0.5.1", "v4.14.6", *S4145), "4.14.20")
    assert versions(plan) == ["4.14.7", "4.14.20"]
    assert paths(plan) == ["initv4147"]
    assert not [s for item in plan.hops for s in item.services]
    last = hop(plan, "4.14.20")
    assert images(last) == {
        "fastgpt": "ghcr.io/labring/fastgpt:v4.14.20",
        "sandbox": "ghcr.io/labring/fastgpt-code-sandbox:v4.14.20",
        "fastgpt-plugin": "ghcr.io/labring/fastgpt-plugin:v0.6.2",
        "aiproxy": "ghcr.io/labring/aiproxy:v0.5.6",
    }
    assert env(last, "fastgpt")["CODE_SANDBOX_URL"] == "<- SANDBOX_URL"
    assert env(last, "fastgpt")["TOKEN_KEY"] == "= <value:token-key>", "'any' is too short from 4.14.8 on"
    assert {s for item in plan.hops for s in item.recreates} <= {"fastgpt", "sandbox", "fastgpt-plugin", "aiproxy"}


def test_4_15_0_to_4_17_2() -> None:
    """Through all of 4.16 and 4.17.0; the migrations of 4.17.2 are started by a person."""
    text = newer_stack("v4.15.0", "v1.0.0", "v4.14.6", *S4145, ("INVOKE_TOKEN_SECRET", "x" * 40)).replace(
        "fastgpt-sandbox:v4.14.6", "fastgpt-code-sandbox:v4.15.0"
    )
    assert [ask.name for ask in planned(text, "4.17.2").asks] == ["FE_DOMAIN"]
    plan = planned(text, "4.17.2", given={"FE_DOMAIN": "https://ai.example.com/"})
    assert versions(plan) == ["4.16.0", "4.16.1", "4.16.2", "4.17.0", "4.17.2"]
    assert paths(plan) == [
        "initv4151", "cleanSystemModelConfigs", "initHttpToolSchema", "initToolJsonSchemaStorage", "initPermission",
    ]  # fmt: skip
    assert env(hop(plan, "4.16.0"), "fastgpt")["FE_DOMAIN"] == "= https://ai.example.com"
    assert not hop(plan, "4.17.0").services, "AI Proxy is there"
    assert hop(plan, "4.17.0").changes_data
    after = [task.text["en"] for task in hop(plan, "4.17.2").tasks if task.when == "after"]
    assert "20261008_migrate_chunk_training" in after[0]
    assert "20261009_migrate_dataset_rebuild_status" in after[1]
    assert images(hop(plan, "4.17.2"))["aiproxy"] == "ghcr.io/labring/aiproxy:v0.7.2"


def test_4_8_11_to_4_9_14_from_the_aliyun_mirror() -> None:
    """Whoever pulls from Aliyun goes on to do so, new services too; its pgvector tags begin with v."""
    text = (stacks.LAB / "g06" / "docker-compose.yml").read_text(encoding="utf-8")
    for name, mirror in (
        ("ghcr.io/labring/", "registry.cn-hangzhou.aliyuncs.com/fastgpt/"),
        ("image: mongo:", "image: registry.cn-hangzhou.aliyuncs.com/fastgpt/mongo:"),
        ("image: pgvector/pgvector:0.7.0-pg15", "image: registry.cn-hangzhou.aliyuncs.com/fastgpt/pgvector:v0.7.0"),
    ):
        text = text.replace(name, mirror)
    plan = planned(text, "4.9.14")
    used = {split.rpartition(":")[0] for item in plan.hops for split in images(item).values()}
    assert used == {
        f"registry.cn-hangzhou.aliyuncs.com/fastgpt/{name}" for name in ("fastgpt", "fastgpt-sandbox", "pgvector")
    }
    assert images(hop(plan, "4.9.0"))["pg"].endswith("/pgvector:v0.8.0-pg15")
    redis = block(hop(plan, "4.9.14").services[0])
    assert redis["image"] == "registry.cn-hangzhou.aliyuncs.com/fastgpt/redis:7.2-alpine"
    assert redis["volumes"] == ["./redis/data:/data"]


def test_4_14_10_to_4_14_26_in_the_newest_layout() -> None:
    """Named volumes, split networks, anchors: nothing but tags of what upstream's notes and file name."""
    text = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8")
    plan = planned(text, "4.14.26")
    assert versions(plan) == ["4.14.26"]
    assert plan.current == "4.14.10.2"
    assert images(plan.hops[0]) == {
        "fastgpt-app": "ghcr.io/labring/fastgpt:v4.14.26",
        "fastgpt-code-sandbox": "ghcr.io/labring/fastgpt-code-sandbox:v4.14.22",
        "fastgpt-plugin": "ghcr.io/labring/fastgpt-plugin:v0.6.2",
        "fastgpt-mcp-server": "ghcr.io/labring/fastgpt-mcp_server:v4.14.23",
        "fastgpt-aiproxy": "ghcr.io/labring/aiproxy:v0.6.2",
    }
    assert not plan.hops[0].env
    assert not plan.hops[0].changes_data


def test_4_14_10_to_4_15_4_renews_short_tokens_on_both_sides() -> None:
    text = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8")
    plan = planned(text, "4.15.4", given={"FE_DOMAIN": "http://10.0.0.5:3000"})
    stop = hop(plan, "4.15.0")
    assert env(stop, "fastgpt-app") == {
        "INVOKE_TOKEN_SECRET": "= <value:invoke-token-secret>",
        "PLUGIN_TOKEN": "= <value:plugin-token>",
    }
    assert env(stop, "fastgpt-plugin") == {
        "AUTH_TOKEN": "= <value:plugin-token>",
        "FASTGPT_BASE_URL": "= http://fastgpt-app:3000",
        "MONGODB_URI": "= <value:app-mongodb-uri-fastgpt-plugin>",
    }
    assert stop.values["app-mongodb-uri-fastgpt-plugin"].database == "fastgpt-plugin"
    assert stop.values["plugin-token"].length >= 32
    restarts = [call.path for call in stop.scripts if call.restart]
    assert restarts == ["/api/admin/dataClean/cleanupDuplicateChats"]
    assert "v1WorkflowToV2" not in paths(plan), "only data of before 4.8 needs it"
    assert plan.hops[-1].scripts[0].path == "/api/admin/initv4151", "recommended by a release in between"


def test_4_9_13_to_4_10_0_brings_plugin_and_storage_in() -> None:
    text = stack(
        stacks.PG,
        stacks.MONGO,
        stacks.SANDBOX,
        stacks.REDIS,
        stacks.AIPROXY,
        env=(*PROXY, AES, REDIS, SANDBOX),
        app="v4.9.13",
        sandbox="v4.9.13",
        aiproxy="v0.1.7",
        pg="pgvector/pgvector:0.8.0-pg15",
        mongo="5.0.18",
    )
    plan = planned(text, "4.10.0", given=STORAGE)
    assert versions(plan) == ["4.10.0"]
    plugin, storage = map(block, plan.hops[0].services)
    assert plugin["environment"]["MINIO_CUSTOM_ENDPOINT"] == "http://192.168.0.2:9000/fastgpt-plugins"
    assert plugin["environment"]["MINIO_SECRET_KEY"] == "<value:storage-password>"
    assert storage["image"] == "minio/minio:RELEASE.2025-09-07T16-13-09Z", "upstream's file had 'latest' then"
    assert storage["ports"] == ["9000:9000"]
    assert plan.hops[0].recreates == ("fastgpt-minio", "aiproxy", "sandbox", "fastgpt-plugin", "fastgpt")
    assert not plan.hops[0].scripts


def test_4_12_0_to_4_13_2_renames_what_the_plugin_has() -> None:
    """MINIO_* become S3_* of the same values; the bucket in the custom endpoint goes; the app copies the plugin's."""
    text = stack(
        stacks.PG,
        stacks.MONGO,
        stacks.SANDBOX,
        stacks.REDIS,
        stacks.MINIO,
        stacks.AIPROXY,
        stacks.PLUGIN + stacks.listed(stacks.MINIO_ENV),
        env=(*PROXY, AES, REDIS, *PLUGIN, SANDBOX),
        app="v4.12.0",
        plugin="v0.1.9",
        sandbox="v4.12.0",
        aiproxy="v0.2.2",
        pg="pgvector/pgvector:0.8.0-pg15",
        mongo="5.0.18",
    )
    plan = planned(text, "4.13.2")
    assert not plan.asks
    assert env(plan.hops[0], "fastgpt-plugin") == {
        "MONGODB_URI": "= <value:app-mongodb-uri>",
        "REDIS_URL": "= <value:app-redis-url>",
        "RETENTION_DAYS": "= 15",
        "S3_ACCESS_KEY": "<- MINIO_ACCESS_KEY",
        "S3_ENDPOINT": "<- MINIO_ENDPOINT",
        "S3_EXTERNAL_BASE_URL": "= http://192.168.0.2:9000",
        "S3_PORT": "<- MINIO_PORT",
        "S3_PRIVATE_BUCKET": "= fastgpt-plugin",
        "S3_PUBLIC_BUCKET": "<- MINIO_BUCKET",
        "S3_SECRET_KEY": "<- MINIO_SECRET_KEY",
        "S3_USE_SSL": "<- MINIO_USE_SSL",
        "MINIO_CUSTOM_ENDPOINT": "-",
    }
    variables = env(plan.hops[0], "fastgpt")
    assert variables["S3_SECRET_KEY"] == "= <value:plugin-minio-secret-key>"
    assert variables["S3_PUBLIC_BUCKET"] == "= fastgpt-plugins"
    assert plan.hops[0].values["plugin-minio-secret-key"].variable == "MINIO_SECRET_KEY", (
        "as it is called before the hop"
    )


def test_4_14_4_to_4_14_6_renames_storage_and_pairs_the_plugin() -> None:
    plan = planned(newer_stack("v4.14.4", "v0.3.4", "v4.14.4", *stacks.S3, mongo="5.0.18"), "4.14.6")
    assert versions(plan) == ["4.14.5", "4.14.5.1", "4.14.6"]
    assert env(hop(plan, "4.14.5"), "fastgpt") == {
        "STORAGE_VENDOR": "= minio",
        "STORAGE_REGION": "= us-east-1",
        "STORAGE_S3_ENDPOINT": "= http://fastgpt-minio:9000",
        "STORAGE_S3_FORCE_PATH_STYLE": "= true",
        "STORAGE_EXTERNAL_ENDPOINT": "<- S3_EXTERNAL_BASE_URL",
        "STORAGE_ACCESS_KEY_ID": "<- S3_ACCESS_KEY",
        "STORAGE_SECRET_ACCESS_KEY": "<- S3_SECRET_KEY",
        "STORAGE_PUBLIC_BUCKET": "<- S3_PUBLIC_BUCKET",
        "STORAGE_PRIVATE_BUCKET": "<- S3_PRIVATE_BUCKET",
        "S3_ENDPOINT": "-",
        "S3_PORT": "-",
        "S3_USE_SSL": "-",
    }
    assert images(hop(plan, "4.14.6"))["fastgpt-plugin"] == "ghcr.io/labring/fastgpt-plugin:v0.5.2"
    assert images(hop(plan, "4.14.5"))["mongo"] == "mongo:5.0.32"


def test_4_6_7_to_4_8_20_asks_for_a_replica_set_first() -> None:
    """The compose file of 4.6.7 had a MongoDB by itself; from 4.6.8 FastGPT cannot start on one."""
    text = stack(
        stacks.PG,
        stacks.STANDALONE,
        stacks.ONEAPI,
        env=GATEWAY,
        app="v4.6.7",
        pg="ankane/pgvector:v0.5.0",
        mongo="5.0.18",
    )
    plan = planned(text, "4.8.20")
    task = next(task for task in plan.hops[0].tasks if task.when == "before")
    assert (plan.hops[0].version, task.id, task.blocking) == ("4.6.9", "4.6.8-1", True)
    assert "replica set" in task.text["en"]
    assert paths(plan)[0] == "initv469"


def test_4_15_0_beta3_to_4_15_1_goes_by_beta7() -> None:
    text = newer_stack("v4.15.0-beta3", "v0.6.2", "v4.14.6", *S4145, ("INVOKE_TOKEN_SECRET", "x" * 40))
    plan = planned(text, "4.15.1")
    assert versions(plan) == ["4.15.0-beta7", "4.15.0", "4.15.1"]
    assert paths(plan) == ["initWorkflowData", "cleanupDuplicateChats", "initv4151"], "each once, on the first of them"
    assert any(task.blocking for task in plan.hops[0].tasks)


@pytest.mark.parametrize(
    ("mongo", "majors", "last"),
    [
        ("4.0.28", ["4.2.24", "4.4.29"], "4.4.30"),
        ("4.2.1", ["4.4.29"], "4.4.30"),
        ("4.4.29", [], "4.4.30"),
        ("6.0.4", [], None),
    ],
)
def test_majors_of_mongodb_go_one_at_a_time_and_never_back(mongo: str, majors: list[str], last: str | None) -> None:
    plan = planned(newer_stack("v4.14.4", "v0.3.4", "v4.14.4", *stacks.S3, mongo=mongo), "4.14.5")
    first = plan.hops[:-1]
    assert [images(item)["mongo"] for item in first] == [f"mongo:{tag}" for tag in majors]
    assert [step.kind for item in first for step in item.database] == ["mongo-fcv"] * len(majors)
    assert all(item.recreates == ("mongo",) and item.version == "4.14.4" for item in first)
    assert images(plan.hops[-1]).get("mongo") == (f"mongo:{last}" if last else None)


def test_4_14_20_to_4_16_2_with_milvus() -> None:
    """Milvus before 2.5.16 stops FastGPT 4.16.2: a person brings it up first; its own script is called, pg's is not."""
    milvus = "  milvusStandalone:\n    image: milvusdb/milvus:v2.4.3\n    networks: [fastgpt]\n"
    text = newer_stack("v4.14.20", "v0.6.2", "v4.14.6", *S4145)
    text = text.replace("networks:\n  fastgpt:\n", f"{milvus}networks:\n  fastgpt:\n").replace(
        "fastgpt-sandbox:v4.14.6", "fastgpt-code-sandbox:v4.14.20"
    )
    plan = planned(text, "4.16.2", given={"FE_DOMAIN": "http://x"})
    last = plan.hops[-1]
    assert [task.blocking for task in last.tasks if "Milvus" in task.text["en"]] == [True]
    assert [(call.method, call.path) for call in last.scripts] == [
        ("POST", "/api/admin/4162/initPermission"),
        ("GET", "/api/admin/4162/milvus"),
    ]


def test_4_5_0_to_4_6_9_warns_that_there_is_no_way_back() -> None:
    plan = planned(
        stack(stacks.PG, stacks.STANDALONE, app="v4.5", pg="ankane/pgvector:v0.5.0", mongo="5.0.18"), "4.6.9"
    )
    assert versions(plan) == ["4.5.1", "4.6.0", "4.6.2", "4.6.3", "4.6.4", "4.6.7", "4.6.9"]
    assert paths(plan)[:3] == ["initv451", "initv46", "initv46-2"]
    assert [task.blocking for task in hop(plan, "4.6.0").tasks] == [True]
    assert any("4.5.1" in warning["en"] for warning in plan.warnings), "its tag is made from the number"


def test_4_16_2_to_4_17_0_brings_ai_proxy_in_and_takes_the_channels_of_one_api_over() -> None:
    text = newer_stack(
        "v4.16.2", "v1.1.2", "v4.14.6", *S4145, ("INVOKE_TOKEN_SECRET", "x" * 40), ("FE_DOMAIN", "http://x")
    )
    start, end = text.index("  aiproxy:"), text.index("  fastgpt-plugin:")
    text = text[:start] + stacks.ONEAPI + text[end:]
    text = text.replace("AIPROXY_API_ENDPOINT=http://aiproxy:3000", "OPENAI_BASE_URL=http://oneapi:3000/v1")
    text = text.replace("AIPROXY_API_TOKEN=aiproxy", "CHAT_API_KEY=sk-fastgpt")
    plan = planned(text, "4.17.0")
    only = plan.hops[0]
    assert [s.name for s in only.services] == ["aiproxy", "aiproxy_pg"]
    assert env(only, "fastgpt") == {
        "AIPROXY_API_ENDPOINT": "= http://aiproxy:3000",
        "AIPROXY_API_TOKEN": "= <value:aiproxy-token>",
        "OPENAI_BASE_URL": "-",
        "CHAT_API_KEY": "-",
    }
    call = only.scripts[0]
    assert (call.service, call.path, call.body) == (
        "aiproxy",
        "/api/channels/import/oneapi",
        {"dsn": "mysql://<value:oneapi-dsn>"},
    )
    assert call.headers["Authorization"] == "Bearer <value:aiproxy-token>"
    assert only.values["oneapi-dsn"].variable == "SQL_DSN"


def test_4_9_1_to_4_9_3_does_not_touch_4_9_2() -> None:
    text = stack(stacks.PG, stacks.MONGO, app="v4.9.1-fix2", pg="pgvector/pgvector:0.8.0-pg15", mongo="5.0.18")
    assert versions(planned(text, "4.9.3")) == ["4.9.3"]
    refused = planned(text, "4.9.2")
    assert [(r.code, r.next) for r in refused.refusals] == [("avoid", "4.9.3")]
    assert not refused.hops


def test_a_newer_build_of_the_same_release_is_a_hop_and_the_same_is_none() -> None:
    text = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8")
    plan = planned(text, "4.14.10")
    assert images(plan.hops[0])["fastgpt-app"] == "ghcr.io/labring/fastgpt:v4.14.10.4"
    assert not planned(text.replace("fastgpt:v4.14.10.2", "fastgpt:v4.14.10.4"), "4.14.10").hops
