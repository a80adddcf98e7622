# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of pasted files become tokens before any rule sees them, as the collector does on a host."""

from __future__ import annotations

import typing as t

from ...module_utils._secrets import Tokeniser

Json = t.Any
_SETTINGS = ("compose", "env")


def tokenise(evidence: dict[str, Json], salt: str) -> dict[str, Json]:
    """Give evidence with its secrets replaced; each one is replaced wherever it stands, whichever file told of it.

    :param salt: of the run, the same for all hosts
    :returns: the evidence with ``secret_facts`` and ``known_defaults``: what rules may know of a secret unseen
    """
    containers = [*(evidence.get("containers") or []), *(evidence.get("other_containers") or [])]
    names = {part for item in containers for part in (item["name"], item.get("service") or "")}
    tokeniser = Tokeniser(salt, names - {""})
    for variables in (evidence.get("process_env") or {}).values():
        tokeniser.learn_env(variables)
    for item in containers:
        tokeniser.learn_env(item.get("env") or {})
    for item in evidence.get("files") or []:
        tokeniser.learn_text(item["text"], lines=item["role"] in _SETTINGS)
    for text in _texts(evidence):
        tokeniser.learn_text(text["text"], lines=text.get("kind") == "env")
    defaults = {token: "template default" for token, facts in tokeniser.facts.items() if facts.get("default")}
    return {**_replace(evidence, tokeniser), "secret_facts": tokeniser.facts, "known_defaults": defaults}


def _texts(evidence: dict[str, Json]) -> list[dict[str, Json]]:
    return [*(evidence.get("logs") or []), *(evidence.get("texts") or [])]


def _replace(evidence: dict[str, Json], tokeniser: Tokeniser) -> dict[str, Json]:
    result = dict(evidence)
    for key in ("containers", "other_containers"):
        if key in evidence:
            result[key] = [_container(item, tokeniser) for item in evidence[key]]
    for key in ("logs", "texts"):
        if key in evidence:
            result[key] = [
                {**item, "text": tokeniser.text(item["text"], lines=item.get("kind") == "env")}
                for item in evidence[key]
            ]
    if "files" in evidence:
        result["files"] = [
            {**item, "text": tokeniser.text(item["text"], lines=item["role"] in _SETTINGS)}
            for item in evidence["files"]
        ]
    if "process_env" in evidence:
        result["process_env"] = {name: tokeniser.env(values) for name, values in evidence["process_env"].items()}
    return result


def _container(item: dict[str, Json], tokeniser: Tokeniser) -> dict[str, Json]:
    result = dict(item)
    if "env" in item:
        result["env"] = tokeniser.env(item["env"])
    for key in ("entrypoint", "command"):
        if key in item:
            result[key] = tokeniser.argv(item[key])
    for key in ("labels", "health_log", "state"):
        if key in item:
            result[key] = tokeniser.tree(item[key])
    return result
