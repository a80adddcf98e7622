# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How config.json is laid out, by FastGPT version, and the way from older layouts. Private to the collection.

Up to 4.6.7 there was a list of models for each purpose (``chatModels``, ``qaModels`` ...), up to 4.6.5 under names that
begin with capitals. From 4.6.8 one list ``llmModels`` says of each model what it is for.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._config_edit import (
    Cut,
    add_members,
    apply_cuts,
    mend,
    remove_members,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import Member, Node, read_object

Json = t.Dict[str, t.Any]
Numbers = t.Tuple[int, ...]

READS_JSON5: Numbers = (4, 6, 9)
ONE_MODEL_LIST: Numbers = (4, 6, 8)

_RENAMED = {
    "FeConfig": "feConfigs",
    "SystemParams": "systemEnv",
    "ChatModels": "llmModels",
    "chatModels": "llmModels",
    "VectorModels": "vectorModels",
    "ReRankModels": "reRankModels",
    "AudioSpeechModels": "audioSpeechModels",
    "WhisperModel": "whisperModel",
}
_RENAMED_IN_MODEL = {
    "contextMaxToken": "maxContext",
    "maxToken": "maxContext",
    "defaultSystem": "defaultSystemChatPrompt",
    "price": "charsPointsPrice",
}
# The flag of llmModels that says what an own list once said, and where that list's prompt went.
_PURPOSES = {
    "qamodel": ("datasetProcess", None),
    "cqmodel": ("usedInClassify", "customCQPrompt"),
    "extractmodel": ("usedInExtractFields", "customExtractPrompt"),
    "qgmodel": ("usedInQueryExtension", None),
}
_NEEDED = {"maxContext": 16000, "maxResponse": 4000, "quoteMaxToken": 13000, "charsPointsPrice": 0}


def numbers_of(version: str) -> Numbers:
    """Give the numbers of a version such as v4.8.11-fix.

    :raises ValueError: it has none
    """
    match = re.match(r"v?(\d+(?:\.\d+)+)", version)
    if not match:
        raise ValueError(f"{version!r} is no version of FastGPT; wanted something like 4.8.11")
    return tuple(int(part) for part in match.group(1).split("."))


def is_strict(version: Numbers | None) -> bool:
    """Tell whether this FastGPT reads config.json as strict JSON; of an unknown version it is not assumed."""
    return version is not None and version < READS_JSON5


def current_layout(text: str, version: Numbers | None) -> str:
    """Give a config.json the layout its FastGPT reads, in place; one that has it comes back as it is.

    :raises JsonError: it is not what its parser wants
    """
    root = read_object(text, is_strict(version))
    if version is None or version < ONE_MODEL_LIST or not _old_names(root):
        return text
    purposes = {member.key: _purpose(member.key) for member in root.parts if _purpose(member.key)}
    present = {member.key for member in root.parts}
    gone = {key for key in present if key in purposes or _RENAMED.get(key) in present}
    cuts = list(remove_members(text, root, gone))
    for member in root.parts:
        if member.key in gone or member.key not in _RENAMED:
            continue
        cuts.append(_renamed(member, _RENAMED[member.key]))
        items = member.node.parts if isinstance(member.node.value, list) else (member.node,)
        if _RENAMED[member.key] == "llmModels":
            cuts += _model_list(text, items, _flags(root, purposes), set(purposes.values()))
        else:
            cuts += [cut for item in items for cut in _rename(item, {"price": "charsPointsPrice"})]
    return mend(apply_cuts(text, cuts), is_strict(version))


def _old_names(root: Node) -> bool:
    return any(member.key in _RENAMED or _purpose(member.key) for member in root.parts)


def _purpose(key: str) -> str | None:
    name = key.lower()
    return next((purpose for purpose in _PURPOSES if name in (purpose, purpose + "s")), None)


def _renamed(member: Member, key: str) -> Cut:
    return Cut(member.start, member.end, json.dumps(key))


def _rename(node: Node, names: t.Mapping[str, str]) -> list[Cut]:
    members = node.parts if isinstance(node.value, dict) else ()
    present = {member.key for member in members}
    return [
        _renamed(member, names[member.key])
        for member in members
        if member.key in names and names[member.key] not in present
    ]


def _flags(root: Node, purposes: t.Mapping[str, str | None]) -> dict[str, Json]:
    """Give by model what the old lists said of it, in the words of ``llmModels``."""
    known: dict[str, Json] = {}
    for member in root.parts:
        purpose = purposes.get(member.key)
        found = member.node.value if isinstance(member.node.value, list) else [member.node.value]
        for item in found if purpose else []:
            if not isinstance(item, dict) or "model" not in item:
                continue
            flag, prompt = _PURPOSES[str(purpose)]
            about = known.setdefault(str(item["model"]), {"_item": item})
            about[flag] = True
            if prompt:
                about[prompt] = item.get("functionPrompt") or item.get("prompt") or ""
            for key in ("toolChoice", "functionCall"):
                about[key] = bool(about.get(key) or item.get(key))
    return known


def _model_list(
    text: str, items: t.Sequence[Node], known: t.Mapping[str, Json], listed: t.Collection[str | None]
) -> list[Cut]:
    """Turn a list of chat models into ``llmModels``; models only other lists had come in at its end."""
    cuts: list[Cut] = []
    for item in items:
        if not isinstance(item.value, dict):
            continue
        names = {_RENAMED_IN_MODEL.get(key, key) for key in item.value}
        cuts += _rename(item, _RENAMED_IN_MODEL)
        about = known.get(str(item.value.get("model")), {})
        wanted = _complete(about, listed)
        lacking = {key: value for key, value in wanted.items() if key not in names}
        cuts += add_members(text, item, lacking) if lacking else []
    present = {str(item.value.get("model")) for item in items if isinstance(item.value, dict)}
    for model, about in known.items():
        if model not in present and items:
            entry = {_RENAMED_IN_MODEL.get(key, key): value for key, value in about["_item"].items()}
            entry.pop("functionPrompt", None)
            entry.pop("prompt", None)
            end = items[-1].end
            cuts.append(Cut(end, end, ", " + json.dumps({**_complete(about, listed), **entry}, ensure_ascii=False)))
    return cuts


def _complete(about: t.Mapping[str, t.Any], listed: t.Collection[str | None]) -> Json:
    """Give every setting an item of ``llmModels`` needs; a purpose that had no list is every model's."""
    flags = {flag: about.get(flag, purpose not in listed) for purpose, (flag, _prompt) in _PURPOSES.items()}
    told = {key: about.get(key, False) for key in ("toolChoice", "functionCall")}
    prompts = {prompt: about.get(prompt, "") for _flag, prompt in _PURPOSES.values() if prompt}
    common = {"censor": False, "vision": False, "usedInToolCall": True, "defaultSystemChatPrompt": ""}
    return {**_NEEDED, **common, **flags, **told, **prompts, "defaultConfig": {}}
