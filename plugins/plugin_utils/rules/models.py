# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models: those configured against those the gateway serves, and how they answer."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._json5 import JsonError
from ..model import Deployment
from ..rule import Hit, Text, hit, refutes, refutes_line, rule
from ..versions import MODELS_IN_DATABASE
from .config import parse

CHAT_LISTS = ("llmModels", "chatModels", "ChatModels")
VECTOR_LISTS = ("vectorModels", "VectorModels")
OPENAI_EMBEDDING = re.compile(r"text-embedding-(ada|3)")
EMBEDDING_NAME = re.compile(r"embed|bge-|m3e|gte-", re.IGNORECASE)
EMPTY_ANSWER = re.compile(
    r"(?i)LLM_model_response_empty|模型流?响应为空|Chat API is error or undefined"
    r"|empty (?:answer|reply|response|content)|(?:answer|reply|response) (?:is|was|stays) empty"
    r"|空(?:白)?(?:回复|响应|回答|内容)|(?:回复|响应|回答|内容)(?:是|为)空|没有(?:任何)?(?:回复|输出|内容)"
)
WHOLE_REPLY = re.compile(r'"object"\s*:\s*"chat\.completion"')
CALL = re.compile(r"https?://[^\s/'\"<>]+(?P<path>(?:/[^\s'\"<>]*)?/chat/completions)\b")
BEARER = re.compile(r"Bearer\s+(?P<key><secret:[0-9a-f]+>|fastgpt-\S+)")
NEAR = 600
"""Characters between the address and the key of one posted call."""


ModelLists = tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]


def model_lists(d: Deployment) -> ModelLists | None:
    """Give chat and embedding models from where this version keeps them; None where that could not be read."""
    if d.version and d.version >= MODELS_IN_DATABASE:
        return _of_database(d)
    file = d.config_file or {}
    if not file.get("text") or file.get("truncated"):
        return None
    config = parse(file["text"], None)
    if isinstance(config, JsonError) or not any(key in config for key in CHAT_LISTS):
        return None
    return _entries(config, CHAT_LISTS), _entries(config, VECTOR_LISTS)


def _of_database(d: Deployment) -> ModelLists | None:
    """Give the models that are switched on and called by way of the gateway, not at an address of their own."""
    stored = (d.probe("mongo") or {}).get("models")
    if stored is None:
        return None
    used = [entry for entry in stored if entry.get("active") and not entry.get("own_address")]
    return [e for e in used if e.get("type") == "llm"], [e for e in used if e.get("type") == "embedding"]


def _entries(config: dict[str, t.Any], names: t.Sequence[str]) -> list[dict[str, t.Any]]:
    listed: list[t.Any] = next((config[name] for name in names if isinstance(config.get(name), list)), [])
    return [entry for entry in listed if isinstance(entry, dict)]


def _kept_at(d: Deployment) -> str:
    """Where this version keeps its models."""
    in_database = d.version and d.version >= MODELS_IN_DATABASE
    return f"MongoDB ({d.facts['mongo_container']}): system_models" if in_database else d.facts["config_file"]


def _shown(lists: ModelLists) -> str:
    """Name the models there are, by kind."""
    return "; ".join(
        f"{kind}: {', '.join(str(entry.get('model')) for entry in entries) or '[]'}"
        for kind, entries in zip(("llmModels", "vectorModels"), lists)
    )[:300]


@rule("no-llm-model", needs=["models"])
def no_chat_models(d: Deployment) -> t.Iterator[Hit]:
    """Nothing set up at all is how every new installation begins."""
    lists = model_lists(d)
    if lists and not lists[0]:
        severity = None if lists[1] or (d.probe("mongo") or {}).get("models") is None else "warning"
        yield hit(_kept_at(d), _shown(lists), service=d.facts["app_service"], severity=severity)


@rule("no-vector-model", needs=["models"])
def no_vector_models(d: Deployment) -> t.Iterator[Hit]:
    lists = model_lists(d)
    if lists and lists[0] and not lists[1]:
        # what people paste of a config.json is often a part of it
        whole = d.live or any(name in (d.config_file or {}).get("text", "") for name in VECTOR_LISTS)
        yield hit(
            _kept_at(d), _shown(lists), service=d.facts["app_service"], confidence="certain" if whole else "possible"
        )


@rule("page-crash-model-config", needs=["config-text"])
def nobody_processes_data(d: Deployment) -> t.Iterator[Hit]:
    """The page of a new knowledge base reads the first model marked for data processing, be there one or not."""
    lists = model_lists(d)
    marked = [entry for entry in lists[0] if "datasetProcess" in entry] if lists else []
    if marked and not any(entry["datasetProcess"] for entry in marked):
        yield hit(
            d.facts["config_file"],
            "; ".join(f"{entry.get('model')}: datasetProcess false" for entry in marked[:4]),
            service=d.facts["app_service"],
            expected={"en": "datasetProcess true for one of them", "zh": "至少一个模型的 datasetProcess 为 true"},
        )


@rule("index-stuck", needs=["probe:mongo"])
def given_up(d: Deployment) -> t.Iterator[Hit]:
    """What has failed for good waits in the queue of the index until somebody starts it again."""
    queue = (d.probe("mongo") or {}).get("training") or {}
    if queue.get("given_up"):
        errors = "; ".join(queue.get("errors") or [])
        yield hit(
            f"MongoDB ({d.facts['mongo_container']}): dataset_trainings",
            f"{queue['given_up']} given up, {queue.get('waiting')} in the queue: {errors}"[:400],
            confidence="likely",
            expected={"en": "none given up", "zh": "不应有放弃处理的数据"},
        )


# --- configured against served


class Absent(t.NamedTuple):
    """A configured model that the gateway does not list; near is a listed name that differs only in spelling."""

    model: str
    near: str | None
    is_vector: bool


def _absent(d: Deployment) -> tuple[list[Absent], bool]:
    """Give the configured models the gateway does not serve, and whether it serves none of them at all."""
    served, lists = served_models(d), model_lists(d)
    if served is None or not lists:
        return [], False
    plain = {_plain(name): name for name in served}
    absent = [
        Absent(str(entry["model"]), plain.get(_plain(str(entry["model"]))), is_vector)
        for is_vector, entries in zip((False, True), lists)
        for entry in entries
        if entry.get("model") and entry["model"] not in served
    ]
    return absent, len(absent) == sum(map(len, lists))


def configured(d: Deployment) -> list[str]:
    """Name the models FastGPT is set up to use; empty where that is not known."""
    return [str(entry["model"]) for entries in model_lists(d) or () for entry in entries if entry.get("model")]


def is_embedding(d: Deployment, model: str) -> bool:
    """Tell whether a model makes vectors: it is set up for that, or named like one."""
    lists = model_lists(d)
    is_listed = lists is not None and any(entry.get("model") == model for entry in lists[1])
    return is_listed or bool(EMBEDDING_NAME.search(model))


def served_models(d: Deployment) -> list[str] | None:
    """Name the models the gateway has a channel for; it lists those of a limited token whether it has or not.

    An empty list of something that is no known gateway says nothing.
    """
    state = d.probe("gateway_state")
    if ((state or {}).get("token") or {}).get("models"):
        return channel_models(d)
    listed: list[str] | None = (d.probe("gateway_models") or {}).get("models")
    return listed if listed or state else None


def channel_models(d: Deployment) -> list[str]:
    """Name the models of the channels that are on and open to the app's group."""
    state = d.probe("gateway_state") or {}
    group = (state.get("user") or {}).get("group")
    usable = [c for c in state.get("channels") or [] if c["status"] == 1 and (not group or group in c["groups"])]
    return sorted({name for channel in usable for name in channel["models"]})


def _plain(name: str) -> str:
    """A model's name without what people spell differently: case, blanks, publisher, tag, separators."""
    return re.sub(r"[\W_]", "", name.strip().lower().rpartition("/")[2].partition(":")[0])


def _one_served(d: Deployment) -> Text:
    names = ", ".join(served_models(d) or [])[:300]
    if not names:
        return {
            "en": "a channel for it; the gateway serves no model at all",
            "zh": "应有对应的渠道；网关目前没有提供任何模型",
        }
    return {"en": f"one of: {names}", "zh": f"应为其中之一：{names}"}


def _absent_hit(d: Deployment, absent: Absent, is_grave: bool) -> Hit:
    near = f"; the gateway has {absent.near}" if absent.near else ""
    return hit(
        _kept_at(d),
        f"{absent.model}{near}",
        severity=None if is_grave else "warning",
        expected=_one_served(d),
    )


@rule("model-name-mismatch-channel", needs=["probe:gateway_models", "models"])
def spelt_differently(d: Deployment) -> t.Iterator[Hit]:
    yield from (_absent_hit(d, absent, True) for absent in _absent(d)[0] if absent.near)


@rule("local-only-no-vector-model", needs=["probe:gateway_models", "models"])
def openai_embedding_absent(d: Deployment) -> t.Iterator[Hit]:
    """Every embedding model configured is OpenAI's, and the gateway serves none of them, but it serves others."""
    lists, (absent, none_served) = model_lists(d), _absent(d)
    vectors = [a for a in absent if a.is_vector and OPENAI_EMBEDDING.search(a.model)]
    if lists and vectors and len(vectors) == len(lists[1]) and not none_served:
        yield from (_absent_hit(d, item, True) for item in vectors)


@rule("model-channel-missing", needs=["probe:gateway_models", "models"])
def not_served(d: Deployment) -> t.Iterator[Hit]:
    """Grave where nothing configured is served; templates list more models than most people have channels for."""
    absent, none_served = _absent(d)
    yield from (_absent_hit(d, item, none_served) for item in absent if not item.near)


# --- how they answer (only with fastgpt_probe_models)


def _calls(d: Deployment) -> dict[str, dict[str, dict[str, t.Any]]]:
    """The probe's calls by model: ``stream``, ``plain`` and ``embedding``."""
    calls: dict[str, dict[str, dict[str, t.Any]]] = {}
    for call in d.probe_list("model_calls") or []:
        kind = "embedding" if call.get("kind") == "embedding" else "stream" if call.get("stream") else "plain"
        calls.setdefault(str(call.get("model")), {})[kind] = call
    return calls


def _is_good(call: t.Mapping[str, t.Any] | None) -> bool:
    return bool(call) and (call or {}).get("status") == 200 and not (call or {}).get("empty")


def _call_hit(model: str, call: t.Mapping[str, t.Any], how: str) -> Hit:
    said = call.get("message") or call.get("error") or ("empty" if call.get("empty") else "")
    return hit(f"test call of {model}, {how}", f"status {call.get('status')} {said}"[:400].strip())


@rule("non-stream-call-fails", needs=["probe:model_calls"])
def plain_call_fails(d: Deployment) -> t.Iterator[Hit]:
    for model, call in _calls(d).items():
        if _is_good(call.get("stream")) and "plain" in call and not _is_good(call["plain"]):
            yield _call_hit(model, call["plain"], "not streaming")


@rule("stream-not-supported-by-model", needs=["probe:model_calls"])
def stream_fails(d: Deployment) -> t.Iterator[Hit]:
    for model, call in _calls(d).items():
        if _is_good(call.get("plain")) and "stream" in call and not _is_good(call["stream"]):
            yield _call_hit(model, call["stream"], "streaming")


@rule("model-response-empty", needs=["probe:model_calls"])
def both_empty(d: Deployment) -> t.Iterator[Hit]:
    for model, call in _calls(d).items():
        both = [call[kind] for kind in ("stream", "plain") if kind in call]
        if both and all(c.get("status") == 200 and c.get("empty") for c in both):
            yield _call_hit(model, both[0], "streaming and not")


@rule("embedding-api-failing", needs=["probe:model_calls"])
def embedding_fails(d: Deployment) -> t.Iterator[Hit]:
    for model, call in _calls(d).items():
        if "embedding" in call and not _is_good(call["embedding"]):
            yield _call_hit(model, call["embedding"], "embedding")


CALLED: Text = {"en": "every model answers a test call now", "zh": "所有模型的测试调用都正常"}


@refutes(
    "oneapi-user-quota",
    "oneapi-channel-type-wrong",
    "oneapi-token-model-scope",
    "oneapi-channel-disabled",
    "upstream-key-quota",
    "invalid-api-key",
    "model-channel-missing",
    "model-name-mismatch-channel",
    "aiproxy-model-config-missing",
    "channel-base-url-wrong",
    "base-url-points-to-itself",
    "local-only-no-vector-model",
    "non-stream-call-fails",
    "stream-not-supported-by-model",
    "model-response-empty",
    "upstream-error",
    "upstream-region-blocked",
    "model-tls-error",
    "model-request-timeout",
    "upstream-rate-limit",
    "embedding-api-failing",
)
def all_answer(d: Deployment) -> Text | None:
    calls = d.probe_list("model_calls")
    return CALLED if calls and all(_is_good(call) for call in calls) else None


TOOLS = {"toolChoice": "tool_choice", "functionCall": "function_call"}
"""Settings by which a model is sent tools, as FastGPT and as the evidence of its database name them."""


def tools_of(entry: t.Mapping[str, t.Any]) -> list[str]:
    """Name the settings by which a model is sent tools."""
    return [name for name, stored in TOOLS.items() if entry.get(name) or entry.get(stored)]


@refutes_line("tool-call-unsupported")
def tools_switched_off(d: Deployment, line: Hit) -> Text | None:
    """The model is set up without tools by now. Where the line names none, it counts as long as any model has them."""
    lists = model_lists(d) if d.live else None
    if not lists:
        return None
    tools = {str(entry.get("model")): bool(tools_of(entry)) for entry in lists[0]}
    named = [name for name in tools if name in line.proofs[0].excerpt]
    words = {"en": "tools are switched off for it now", "zh": "该模型目前已关闭工具调用"}
    return None if any(tools[name] for name in named or tools) else words


@refutes("app-api-key-wrong", "app-rate-limit")
def own_refusals(d: Deployment) -> Text | None:
    """In the log of a running FastGPT such lines are everyday: every visitor who is not logged in makes one."""
    words = {"en": "a refused caller is no fault of the host", "zh": "个别请求被拒绝不代表主机有故障"}
    return words if d.live else None


# --- from what people post


@rule("stream-not-supported-by-model", needs=["texts"])
def whole_reply(d: Deployment) -> t.Iterator[Hit]:
    """A server's whole reply is right by itself; it is the fault where FastGPT's answer stays empty."""
    replies = [log for log in d.logs if log.kind in ("api", "shell") and WHOLE_REPLY.search(log.text)]
    if replies and any(EMPTY_ANSWER.search(log.text) for log in d.logs):
        shown = WHOLE_REPLY.search(replies[0].text)
        yield hit(
            replies[0].source,
            shown.group(0) if shown else "",
            confidence="likely",
            expected={"en": "data: {... chat.completion.chunk ...}", "zh": "data: {... chat.completion.chunk ...}"},
        )


@rule("api-path-wrong", needs=["texts"])
def call_without_api(d: Deployment) -> t.Iterator[Hit]:
    """A call with a key of FastGPT's form to a path that is a gateway's, not FastGPT's."""
    secrets = d.evidence.get("secret_facts") or {}
    for log in d.logs:
        for call in CALL.finditer(log.text):
            around = log.text[max(call.start() - NEAR, 0) : call.end() + NEAR]
            keys = [key.group("key") for key in BEARER.finditer(around)]
            if call["path"].endswith("/api/v1/chat/completions") or not any(
                key.startswith("fastgpt-") or (secrets.get(key) or {}).get("prefix") == "fastgpt-" for key in keys
            ):
                continue
            yield hit(
                log.source,
                call.group(0),
                expected={"en": "/api/v1/chat/completions", "zh": "/api/v1/chat/completions"},
            )
            return
