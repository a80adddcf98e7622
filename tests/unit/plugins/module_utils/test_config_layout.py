# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from the layouts of config.json before 4.6.8 to the one of now."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._config_layout import current_layout, is_strict, numbers_of
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import read

NOW = numbers_of("v4.8.11")
CAPITALS = """\
{
  "FeConfig": { "systemTitle": "ours" },
  "SystemParams": {
    "vectorMaxProcess": 7
  },
  "ChatModels": [
    {
      "model": "big", // the good one
      "name": "Big",
      "contextMaxToken": 16000,
      "defaultSystem": "be kind",
      "price": 0
    }
  ],
  "QAModel": { "model": "long", "name": "Long", "maxToken": 16000 },
  "VectorModels": [ { "model": "ada", "name": "Ada", "price": 1, "maxToken": 3000 } ],
  "CQModels": [ { "model": "big", "functionCall": true, "functionPrompt": "classify!" } ]
}
"""
LOWER = """\
{
  "systemEnv": {},
  "chatModels": [ { "model": "a" }, { "model": "b" } ],
  "qaModels": [ { "model": "b" } ],
  "cqModels": [],
  "extractModels": [ { "model": "a", "toolChoice": true } ],
  "qgModels": [ { "model": "a" } ],
  "reRankModels": []
}
"""


def converted(text: str, version: str = "4.8.11") -> dict[str, t.Any]:
    after = current_layout(text, numbers_of(version))
    assert current_layout(after, numbers_of(version)) == after
    return t.cast("dict[str, t.Any]", read(after).value)


def test_names_with_capitals_are_those_of_now() -> None:
    config = converted(CAPITALS)
    assert list(config) == ["feConfigs", "systemEnv", "llmModels", "vectorModels"]
    assert config["systemEnv"] == {"vectorMaxProcess": 7}
    assert config["vectorModels"] == [{"model": "ada", "name": "Ada", "charsPointsPrice": 1, "maxToken": 3000}]


def test_a_model_says_what_the_lists_said_of_it() -> None:
    big, long = converted(CAPITALS)["llmModels"]
    assert (big["maxContext"], big["defaultSystemChatPrompt"], big["charsPointsPrice"]) == (16000, "be kind", 0)
    assert (big["usedInClassify"], big["customCQPrompt"], big["functionCall"]) == (True, "classify!", True)
    assert (big["datasetProcess"], big["toolChoice"]) == (False, False)
    assert (long["model"], long["datasetProcess"], long["usedInClassify"], long["maxContext"]) == (
        "long",
        True,
        False,
        16000,
    )


def test_a_purpose_that_had_no_list_is_every_models() -> None:
    assert [model["usedInExtractFields"] for model in converted(CAPITALS)["llmModels"]] == [True, True]
    a, b = converted(LOWER)["llmModels"]
    assert (a["usedInExtractFields"], b["usedInExtractFields"], a["usedInClassify"]) == (True, False, False)


def test_comments_and_the_rest_of_the_text_stay() -> None:
    after = current_layout(CAPITALS, NOW)
    assert '"model": "big", // the good one\n' in after
    assert '  "systemEnv": {\n    "vectorMaxProcess": 7\n  },\n' in after
    assert "QAModel" not in after and "CQModels" not in after


def test_where_strict_json_is_read_the_result_is_strict_json() -> None:
    assert json.loads(current_layout(LOWER, numbers_of("4.6.8")))["llmModels"][1]["datasetProcess"] is True


@pytest.mark.parametrize("version", ["4.6.7", None])
def test_a_version_that_reads_old_layouts_or_is_unknown_changes_nothing(version: str | None) -> None:
    assert current_layout(LOWER, numbers_of(version) if version else None) is LOWER


def test_lists_that_stand_beside_the_new_one_go() -> None:
    text = '{\n  "llmModels": [{"model": "a"}],\n  "chatModels": [{"model": "old"}]\n}\n'
    assert converted(text) == {"llmModels": [{"model": "a"}]}


def test_the_layout_of_now_stays_as_it_is() -> None:
    text = '{"systemEnv": {}, "llmModels": [{"model": "a"}], "vectorModels": [{"price": 1}]}'
    assert current_layout(text, NOW) is text


@pytest.mark.parametrize(("version", "strict"), [("4.6.8", True), ("v4.6.9-alpha", False), ("4.10", False)])
def test_which_versions_read_strict_json(version: str, strict: bool) -> None:
    assert is_strict(numbers_of(version)) is strict
    assert is_strict(None) is False


def test_a_floating_tag_is_no_version() -> None:
    with pytest.raises(ValueError, match="'latest' is no version of FastGPT"):
        numbers_of("latest")
