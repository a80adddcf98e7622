# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's models: which are set up, how they are called, and what is logged when a call fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import URLError

import labweb

from fastgpt_standin.startup import FastGPT

SLOW_MILLISECONDS = 300
Entry = dict[str, Any]


class ModelError(Exception):
    """The model endpoint did not give what was asked for; the text is what FastGPT tells its caller."""


class Models:
    """The models of one running application."""

    def __init__(self, fastgpt: FastGPT) -> None:
        self._fastgpt = fastgpt
        self._generation = fastgpt.generation

    def entries(self, kind: str) -> list[Entry]:
        """Give the models of a kind (llm, embedding) that are switched on; raise MongoError."""
        if self._generation.models_in_database:
            stored = self._fastgpt.mongo.models()
            return [{"model": name, **entry} for name, entry in stored.items() if _is_active(entry, kind)]
        listed: list[Entry] = self._fastgpt.config.get({"llm": "llmModels", "embedding": "vectorModels"}[kind], [])
        return listed

    def _entry(self, kind: str, name: str) -> Entry:
        """Give the settings of a model; those of the first one where no name is given."""
        entries = self.entries(kind)
        return next((entry for entry in entries if name in ("", entry.get("model"))), {"model": name})

    # calls --------------------------------------------------------------------------------------

    def embed(self, text: str, name: str = "") -> list[float]:
        """Make a text's vector; raise ModelError."""
        entry = self._entry("embedding", name)
        try:
            answer, _ = self._ask("/embeddings", {"model": entry["model"], "input": [text]})
            return [float(number) for number in json.loads(answer)["data"][0]["embedding"]]
        except ModelError as error:
            if self._generation.logs_requests:
                details = {"model": entry["model"], "inputLengths": [len(text)], "error": str(error)}
                self._fastgpt.log.error("Embedding request failed", details, "ai:embedding")
            else:
                self._fastgpt.log.error("Embedding Error", {"message": str(error)})
            raise
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ModelError("Embedding API is not responding") from error

    def chat(self, asked: Mapping[str, Any]) -> tuple[str, str]:
        """Answer a chat; give the model's own answer and its content type; raise ModelError.

        Tools go along only with a model that is set up for them; others are asked in words.
        """
        entry = self._entry("llm", str(asked.get("model", "")))
        body: dict[str, Any] = {"model": entry["model"], "messages": asked.get("messages", [])}
        body["stream"] = bool(asked.get("stream"))
        if asked.get("tools") and (entry.get("toolChoice") or entry.get("functionCall")):
            body.update(tools=asked["tools"], tool_choice="auto")
        try:
            answer, kind = self._ask("/chat/completions", body)
        except ModelError as error:
            self._fastgpt.log.error("LLM response error", {"message": str(error)}, "ai:llm")
            self._fastgpt.log.warn("LLM response error", {"requestBody": body}, "ai:llm")
            raise
        if re.search(r'"content"\s*:\s*"(?!")|"tool_calls"', answer):
            return answer, kind
        if not self._generation.warns_of_empty_answers:
            raise ModelError("core.chat.Chat API is error or undefined")
        self._fastgpt.log.warn("LLM response empty", {"requestBody": body}, "ai:llm")
        raise ModelError("chat:LLM_model_response_empty")

    def _ask(self, path: str, body: dict[str, Any]) -> tuple[str, str]:
        base, key = model_endpoint(self._fastgpt.environment, self._generation.version)
        try:
            status, answer, headers = labweb.call(
                "POST", base + path, body=body, headers={"Authorization": f"Bearer {key}"}, timeout=60
            )
        except (URLError, OSError, ValueError) as error:
            raise ModelError("Connection error.") from error
        text = answer.decode("utf-8", "replace")
        if status != 200:
            raise ModelError(_message(status, text))
        return text, str(headers.get("Content-Type", "application/json"))

    def note_search(self, began: float) -> None:
        """Log a search of vectors that took long, as generations before LogTape do.

        :param began: time.monotonic() at its start
        """
        milliseconds = round((time.monotonic() - began) * 1000)
        if milliseconds > SLOW_MILLISECONDS and not self._generation.logs_requests:
            self._fastgpt.log.warn(f"pg query time: {milliseconds}ms, sql: SELECT id, collection_id FROM modeldata")


def _is_active(entry: Entry, kind: str) -> bool:
    return bool(entry.get("isActive")) and entry.get("type") == kind


def _message(status: int, text: str) -> str:
    """Word a failed call as the OpenAI package for Node does."""
    try:
        return f"{status} {json.loads(text)['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{status} {text[:300]}" if text else f"{status} status code (no body)"


def model_endpoint(environment: Mapping[str, str], version: tuple[int, ...]) -> tuple[str, str]:
    """Return base URL and key of the models; which variables count depends on the version."""
    proxy, base = environment.get("AIPROXY_API_ENDPOINT"), environment.get("OPENAI_BASE_URL", "")
    token, key = environment.get("AIPROXY_API_TOKEN"), environment.get("CHAT_API_KEY", "")
    if version < (4, 8, 23):
        return base, key
    if version < (4, 15):
        return f"{proxy}/v1" if proxy else base, token or key
    return (f"{proxy}/v1", token or "") if proxy else (base, key)
