# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Local stand-in for an OpenAI-compatible model server. The model's name, or the key, may choose how it fails."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from labweb import Application, Request, Response

PORT = int(os.environ.get("PORT", "8080"))
MODELS = ("gpt-4o-mini", "text-embedding-ada-002")
DIMENSIONS = 1536


def failure(status: int, message: str, kind: str, code: str | None = None) -> Response:
    """Return an error as OpenAI words it."""
    return Response({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)


# A model of one of these names fails in that way.
FAILURES = {
    "fail-401": failure(
        401,
        "Incorrect API key provided: sk-xx. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        "invalid_api_key",
    ),
    "fail-404": failure(
        404,
        "The model `fail-404` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "fail-429": failure(
        429,
        "Rate limit reached for fail-429 in organization org-x on tokens per min (TPM): "
        "Limit 30000, Used 29000, Requested 2000.",
        "tokens",
        "rate_limit_exceeded",
    ),
    "fail-quota": failure(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "fail-context": failure(
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "fail-region": failure(
        403, "Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"
    ),
    "fail-filter": failure(
        400, "Output data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed"
    ),
    "fail-html": Response("<!DOCTYPE html><title>Not an API</title>"),
    "fail-500": failure(500, "The server had an error while processing your request", "server_error"),
}
# Keys that this server does not take, and why.
KEYS = {"sk-lab-revoked": FAILURES["fail-401"], "sk-lab-no-credit": FAILURES["fail-quota"]}
STREAM_ONLY = failure(
    400,
    "This model only support stream mode, please enable the stream parameter to access the model. ",
    "invalid_request_error",
    "invalid_parameter_error",
)


def refusal(request: Request, model: str) -> Response | None:
    """Return the reply where the key or the model is one that fails."""
    return KEYS.get(request.bearer()) or FAILURES.get(model)


def models(_request: Request) -> Response:
    """List the models."""
    names = (*MODELS, *FAILURES, "no-tools", "empty", "stream-only")
    return Response({"object": "list", "data": [{"id": name, "object": "model", "owned_by": "lab"} for name in names]})


def embeddings(request: Request) -> Response:
    """Return a vector of unit length for each text, the same for the same text."""
    body = request.json()
    model = str(body.get("model", ""))
    if refused := refusal(request, model):
        return refused
    texts = body.get("input", "")
    texts = [texts] if isinstance(texts, str) else texts
    data = [
        {"object": "embedding", "index": index, "embedding": vector_of(str(text))} for index, text in enumerate(texts)
    ]
    words = sum(len(str(text)) for text in texts)
    return Response(
        {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": words, "total_tokens": words}}
    )


def vector_of(text: str) -> list[float]:
    """Return a pseudo-random unit vector that depends on the text alone."""
    generator = random.Random(hashlib.sha256(text.encode()).digest())
    values = [generator.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = sum(value * value for value in values) ** 0.5
    return [round(value / length, 6) for value in values]


def chat(request: Request) -> Response:
    """Answer a chat by repeating the last message, whole or as a stream."""
    body = request.json()
    model = str(body.get("model", ""))
    if refused := refusal(request, model):
        return refused
    if model == "stream-only" and not body.get("stream"):
        return STREAM_ONLY
    if model == "no-tools" and body.get("tools"):
        return failure(400, "registry.ollama.ai/library/no-tools does not support tools", "api_error")
    messages = body.get("messages") or [{}]
    text = "" if model == "empty" else f"You said: {messages[-1].get('content', '')}"
    if body.get("stream"):
        return Response(stream(model, text))
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": len(text), "total_tokens": len(text) + 1}
    return Response({**_frame(model, "chat.completion"), "choices": [choice], "usage": usage})


def stream(model: str, text: str) -> Iterator[str]:
    """Yield the answer word by word as server-sent events."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word + " "} for word in text.split()]
    for delta in deltas:
        yield _event({**_frame(model, "chat.completion.chunk"), "choices": [{"index": 0, "delta": delta}]})
    yield _event(
        {**_frame(model, "chat.completion.chunk"), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    )
    yield "data: [DONE]\n\n"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _frame(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": model}


def build() -> Application:
    """Return the routes; with and without the leading /v1."""
    app = Application()
    app.route("GET", "(?:/v1)?/models")(models)
    app.route("POST", "(?:/v1)?/embeddings")(embeddings)
    app.route("POST", "(?:/v1)?/chat/completions")(chat)
    return app


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"model stand-in listening on port {PORT}", flush=True)
    build().serve(PORT)
