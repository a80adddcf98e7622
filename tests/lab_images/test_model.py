# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The stand-in model server answers as OpenAI does, and its small web layer routes."""

from __future__ import annotations

import json
import math

import pytest
from labweb import Application, Request, Response
from model import build, vector_of


def ask(path: str, body: dict[str, object], method: str = "POST", key: str = "sk-lab") -> Response:
    headers = {"authorization": f"Bearer {key}"}
    return build().handle(Request(method, path, {}, headers, json.dumps(body).encode(), "127.0.0.1"))


def test_a_text_has_one_vector_of_unit_length() -> None:
    vector = vector_of("hello")
    assert vector == vector_of("hello") != vector_of("world")
    assert len(vector) == 1536 and math.isclose(math.hypot(*vector), 1, rel_tol=1e-3)


def test_a_chat_is_answered_whole_or_as_a_stream() -> None:
    body: dict[str, object] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
    whole = ask("/v1/chat/completions", body).body
    assert whole["choices"][0]["message"]["content"] == "You said: hi"
    events = list(ask("/v1/chat/completions", {**body, "stream": True}).body)
    assert events[-1] == "data: [DONE]\n\n"
    words = [json.loads(event[6:])["choices"][0]["delta"].get("content", "") for event in events[:-1]]
    assert "".join(words).split() == ["You", "said:", "hi"]


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("fail-401", 401, "invalid_api_key"),
        ("fail-quota", 429, "insufficient_quota"),
        ("fail-404", 404, "model_not_found"),
    ],
)
def test_a_models_name_chooses_its_failure(model: str, status: int, code: str) -> None:
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        response = ask(path, {"model": model})
        assert (response.status, response.body["error"]["code"]) == (status, code)


def test_a_key_chooses_its_failure() -> None:
    refused = ask("/v1/chat/completions", {"model": "gpt-4o-mini"}, key="sk-lab-no-credit")
    assert (refused.status, refused.body["error"]["code"]) == (429, "insufficient_quota")


def test_a_model_that_only_streams() -> None:
    body: dict[str, object] = {"model": "stream-only", "messages": [{"role": "user", "content": "hi"}]}
    assert ask("/v1/chat/completions", body).status == 400
    assert ask("/v1/chat/completions", {**body, "stream": True}).status == 200


def test_an_unknown_path_and_a_wrong_method_are_404() -> None:
    assert ask("/v2/models", {}).status == 404
    assert ask("/v1/models", {}, method="DELETE").status == 404


def test_the_first_matching_route_gets_the_groups_of_its_pattern() -> None:
    app = Application()
    app.route("*", r"/(\d+)")(lambda request: Response(request.arguments[0]))
    app.route("*", r"/.*")(lambda _: Response("other"))
    request = Request("GET", "/42", {}, {}, b"not json", "127.0.0.1")
    assert app.handle(request).body == "42"
    assert request.json() == {}
