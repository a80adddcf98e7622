# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny paid calls of the configured models, made only when asked for. Private to the collection."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._net import http_get
from ansible_collections.fastgpt.ops.plugins.module_utils._probes import from_host, gateway_of

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]

_LIMIT = 20.0
_MOST_MODELS = 8
_LIST = re.compile(r"[\"']?(?P<name>llmModels|chatModels|ChatModels|vectorModels|VectorModels)[\"']?\s*:\s*\[")
_MODEL = re.compile(r"[\"']?model[\"']?\s*:\s*[\"']([^\"']+)[\"']")
_EMBEDDING = re.compile(r"embed|bge|m3e|gte-", re.IGNORECASE)


def configured_models(text: str) -> dict[str, list[str]]:
    """Give the model names of a config.json (JSON5 too, so by pattern): ``chat`` and ``embedding``."""
    found: dict[str, list[str]] = {"chat": [], "embedding": []}
    for match in _LIST.finditer(text):
        kind = "embedding" if match["name"].lower().startswith("vector") else "chat"
        found[kind] += _MODEL.findall(text[match.end() : _end_of_list(text, match.end())])
    return found


def _end_of_list(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[position], 0)
        if not depth:
            return position
    return len(text)


def call_models(
    app: Json, containers: t.Sequence[Json], config: str, listed: list[str] | None, deadline: Deadline
) -> list[Json]:
    """Make one streaming and one plain chat call a chat model, one call an embedding model, through the app's gateway.

    :param config: config.json's text; where it names no model, those the gateway lists are called
    :returns: ``model_calls`` of the probes
    """
    base, key = gateway_of(app.get("env") or {})
    url = from_host(base, app, containers) if base else None
    if not url:
        return []
    models = configured_models(config)
    if not any(models.values()):
        names = listed or []
        models = {
            "embedding": [n for n in names if _EMBEDDING.search(n)],
            "chat": [n for n in names if not _EMBEDDING.search(n)],
        }
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    calls = []
    for model in models["chat"][:_MOST_MODELS]:
        for stream in (True, False):
            body = {"model": model, "stream": stream, "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]}
            calls.append(
                _call(
                    f"{url}/chat/completions",
                    headers,
                    body,
                    {"model": model, "kind": "chat", "stream": stream},
                    deadline,
                )
            )
    for model in models["embedding"][:_MOST_MODELS]:
        body = {"model": model, "input": "hi"}
        calls.append(
            _call(f"{url}/embeddings", headers, body, {"model": model, "kind": "embedding", "stream": False}, deadline)
        )
    return calls


def _call(url: str, headers: t.Mapping[str, str], body: Json, about: Json, deadline: Deadline) -> Json:
    answer = http_get(url, deadline.left(_LIMIT), headers, json.dumps(body).encode())
    said = answer["body"] or ""
    return dict(
        about,
        status=answer["status"],
        error=answer["error"],
        seconds=answer["seconds"],
        empty=_is_empty(about, said),
        message=None if answer["status"] == 200 else answer["message"] or said[:1024],
    )


def _is_empty(about: Json, said: str) -> bool:
    """Tell whether an answer has no content: no text in any chunk, or no vector."""
    if about["kind"] == "embedding":
        return '"embedding"' not in said
    return not re.search(r'"content"\s*:\s*"(?!")', said)
