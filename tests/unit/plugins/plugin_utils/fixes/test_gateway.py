# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for the model gateway and for models: what is planned, with which lines, and what is left to a person."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes import gateway
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

Json = dict[str, t.Any]
LOGIN = ["oneapi_user", "oneapi_password"]
CONFIG = """{
  // sent to everybody
  "llmModels": [
    {"model": "gpt-4o-mini", "toolChoice": true, "functionCall": false},
    {"model": "qwen", "toolChoice": false}
  ],
  "vectorModels": [{"model": "bge-m3"}]
}
"""
IN_DATABASE = [
    {"model": "gpt-4o-mini", "type": "llm", "active": True, "tool_choice": True, "function_call": True},
    {"model": "qwen", "type": "llm", "active": True, "tool_choice": True, "function_call": False},
]


def state(kind: str = "oneapi", **parts: t.Any) -> Json:
    """Give the gateway's state, in order but for these parts."""
    user = {"id": 1, "name": "root", "status": 1, "quota": 900_000_000, "group": "default"}
    token = {"id": 2, "name": "fastgpt", "status": 1, "remain_quota": 0, "unlimited": True, "expired_time": -1}
    channel = {"id": 3, "name": "all", "status": 1, "models": ["gpt-4o-mini", "qwen", "bge-m3"], "groups": ["default"]}
    whole = {
        "kind": kind,
        "container": kind,
        "user": {**user, **parts.get("user", {})},
        "token": {**token, "models": None, "subnet": None, **parts.get("token", {})},
        "channels": parts.get("channels", [{**channel, **parts.get("channel", {})}]),
        "banned": {},
        "error": parts.get("error"),
    }
    return whole if kind == "oneapi" else {**whole, "user": None, "token": None}


def deployment(
    gateway_state: Json | None, given: t.Sequence[str] = LOGIN, version: str = "4.8.11", text: str = CONFIG
) -> Deployment:
    env = {"MEMORY_CACHE_ENABLED": "true"} if (gateway_state or {}).get("cached") else {}
    folder = "/opt/fastgpt"
    compose = f"services:\n  fastgpt:\n    image: ghcr.io/labring/fastgpt:v{version}\n"
    return Deployment(
        {
            "source": "live",
            "given": list(given),
            "projects": [{"name": "f", "directory": folder, "config_files": [f"{folder}/docker-compose.yml"]}],
            "files": [
                {"path": f"{folder}/docker-compose.yml", "role": "compose", "kind": "file", "text": compose},
                {"path": f"{folder}/config.json", "role": "config", "kind": "file", "text": text},
            ],
            "containers": [
                {"name": "fastgpt", "service": "fastgpt", "image": f"fastgpt:v{version}", "state": {"running": True}},
                {"name": "oneapi", "service": "oneapi", "image": "one-api", "env": env, "state": {"running": True}},
            ],
            "probes": {"gateway_state": gateway_state, "mongo": {"models": IN_DATABASE}},
        }
    )


def plan(of: Deployment, finding: str, line: str = "this") -> fix.Fix:
    fix.load_fixes()
    entry = catalogue.findings()[finding]
    words = {"en": entry.id, "zh": entry.id}
    seen = hit("here", line, service="fastgpt")
    return fix.FIXES[finding](
        of, Finding(entry, seen, entry.severity, "certain", "fastgpt", words, words, [words], [], 1)
    )


def refused(of: Deployment, finding: str, line: str = "this") -> str:
    with pytest.raises(fix.CannotFixError) as error:
        plan(of, finding, line)
    assert error.value.reason["zh"] != error.value.reason["en"]
    return error.value.reason["en"]


TOP_UP = gateway.TOP_UP
CASES: list[tuple[str, Json, Json, str]] = [
    ("oneapi-user-quota", {"user": {"quota": 120}}, {"user": {"id": 1, "quota": TOP_UP}}, "user 1 (root)"),
    (
        "oneapi-token-quota",
        {"token": {"status": 4, "unlimited": False}},
        {"token": {"id": 2, "quota": TOP_UP, "enabled": True}},
        "token 2 (fastgpt)",
    ),
    ("oneapi-token-disabled", {"token": {"status": 2}}, {"token": {"id": 2, "enabled": True}}, "token 2 (fastgpt)"),
    ("oneapi-token-disabled", {"user": {"status": 2}}, {"user": {"id": 1, "enabled": True}}, "user 1 (root)"),
    (
        "oneapi-token-model-scope",
        {"token": {"models": ["qwen"]}},
        {"token": {"id": 2, "models": ["gpt-4o-mini", "bge-m3"]}},
        "token 2 (fastgpt)",
    ),
    (
        "model-channel-missing",
        {"channel": {"status": 2}},
        {"channels": [{"id": 3, "enabled": True, "groups": ["default"]}]},
        "channel 3 (all)",
    ),
    (
        "model-channel-missing",
        {"user": {"group": "vip"}},
        {"channels": [{"id": 3, "enabled": True, "groups": ["vip"]}]},
        "channel 3 (all)",
    ),
    (
        "oneapi-channel-disabled",
        {"channel": {"status": 3}},
        {"channels": [{"id": 3, "enabled": True, "groups": ["default"]}]},
        "channel 3 (all)",
    ),
]
NAMES = ["user", "token", "token off", "user off", "scope", "channel off", "channel of other group", "channel given up"]


@pytest.mark.parametrize(("finding", "parts", "wanted", "title"), CASES, ids=NAMES)
def test_what_is_planned(finding: str, parts: Json, wanted: Json, title: str) -> None:
    planned = plan(deployment(state(**parts)), finding)
    assert planned.variables == {"kind": "oneapi", "container": "oneapi", **wanted}
    assert planned.diff.splitlines()[:2] == [f"--- oneapi: {title}", f"+++ oneapi: {title}"]
    assert planned.recreates == ()


@pytest.mark.parametrize(
    ("finding", "parts", "lines"),
    [
        ("oneapi-user-quota", {"user": {"quota": 120}}, ["-quota: 120", f"+quota: {TOP_UP}"]),
        (
            "oneapi-token-model-scope",
            {"token": {"models": ["qwen"]}},
            ["-models: qwen", "+models: qwen, gpt-4o-mini, bge-m3"],
        ),
        ("model-channel-missing", {"channel": {"status": 2}}, ["-status: 2", "+status: 1"]),
    ],
)
def test_the_lines_that_change(finding: str, parts: Json, lines: list[str]) -> None:
    assert plan(deployment(state(**parts)), finding).diff.splitlines()[2:] == lines


@pytest.mark.parametrize("given", [[], ["oneapi_user"], ["root_password", "aiproxy_key"]])
def test_without_a_login_it_is_advice_and_names_the_variables(given: list[str]) -> None:
    words = refused(deployment(state(user={"quota": 0}), given), "oneapi-user-quota")
    assert "fastgpt_oneapi_user" in words
    assert "fastgpt_oneapi_token" in words


def test_an_access_token_will_do() -> None:
    assert plan(deployment(state(user={"quota": 0}), ["oneapi_token"]), "oneapi-user-quota").role == "oneapi"


def test_ai_proxy_needs_no_login() -> None:
    """Its own container has the key."""
    planned = plan(deployment(state("aiproxy", channel={"status": 2}), []), "model-channel-missing")
    assert planned.variables == {
        "kind": "aiproxy",
        "container": "aiproxy",
        "channels": [{"id": 3, "enabled": True, "groups": []}],
    }


def test_a_channel_that_is_nowhere_is_added_where_one_is_given() -> None:
    lacking = state(channels=[])
    assert "fastgpt_channel" in refused(deployment(lacking), "model-channel-missing")
    planned = plan(deployment(lacking, [*LOGIN, "channel"]), "model-channel-missing")
    assert planned.variables["add_channel"] is True
    assert "+models: gpt-4o-mini, qwen, bge-m3" in planned.diff


def test_a_channel_that_was_given_up_may_be_again() -> None:
    assert gateway.OFF_AGAIN in plan(deployment(state(channel={"status": 3})), "oneapi-channel-disabled").notes


def test_a_cache_is_told_of() -> None:
    cached = {**state(user={"quota": 0}), "cached": True}
    assert plan(deployment(cached), "oneapi-user-quota").notes == (gateway.CACHED,)


@pytest.mark.parametrize(
    ("gateway_state", "finding", "words"),
    [
        (state(error="its database is no container of this host"), "oneapi-user-quota", "no container of this host"),
        (None, "oneapi-user-quota", "no answer"),
        (state(), "oneapi-user-quota", "900000000 units"),
        (state(), "oneapi-token-quota", "nothing to change"),
        (state(token={"subnet": "10.0.0.0/8"}), "oneapi-token-disabled", "10.0.0.0/8"),
        (state("aiproxy"), "oneapi-token-quota", "token is not known"),
    ],
    ids=["not asked", "no answer", "plenty", "unlimited", "subnet", "no token"],
)
def test_what_is_left_to_a_person(gateway_state: Json | None, finding: str, words: str) -> None:
    assert words in refused(deployment(gateway_state), finding)


# --- models


def test_up_to_4_8_19_the_file_is_edited() -> None:
    planned = plan(deployment(None), "tool-call-unsupported")
    assert planned.variables["settings"] == {"llmModels[gpt-4o-mini].toolChoice": False}
    assert [line for line in planned.diff.splitlines()[2:] if line[0] in "+-"] == [
        '-    {"model": "gpt-4o-mini", "toolChoice": true, "functionCall": false},',
        '+    {"model": "gpt-4o-mini", "toolChoice": false, "functionCall": false},',
    ]
    assert (planned.recreates, planned.risk) == (("fastgpt",), None)


def test_the_first_model_is_marked_for_data_where_none_is() -> None:
    words = refused(deployment(None), "page-crash-model-config")
    assert "no model of config.json" in words
    text = CONFIG.replace('"functionCall": false', '"datasetProcess": false')
    planned = plan(deployment(None, text=text), "page-crash-model-config")
    assert planned.variables["settings"] == {"llmModels[gpt-4o-mini].datasetProcess": True}
    assert (planned.role, planned.recreates) == ("model_config", ("fastgpt",))


def test_later_the_database_is_changed_which_is_data() -> None:
    planned = plan(deployment(None, ["root_password"], "4.14.10"), "tool-call-unsupported", "gpt-4o-mini: no tools")
    assert planned.variables == {
        "container": "fastgpt",
        "model": "gpt-4o-mini",
        "switches": {"toolChoice": False, "functionCall": False},
    }
    assert planned.diff.splitlines()[1:] == [
        "+++ fastgpt: model gpt-4o-mini",
        "-functionCall: true",
        "-toolChoice: true",
        "+functionCall: false",
        "+toolChoice: false",
    ]
    assert (planned.recreates, planned.risk) == ((), "data")


def test_without_roots_password_it_is_advice_and_names_the_variable() -> None:
    words = refused(deployment(None, [], "4.14.10"), "tool-call-unsupported", "qwen: no tools")
    assert "fastgpt_root_password" in words


def test_which_of_two_models_has_to_be_told() -> None:
    words = refused(deployment(None, ["root_password"], "4.14.10"), "tool-call-unsupported")
    assert "gpt-4o-mini, qwen" in words
