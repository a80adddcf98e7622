# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for config.json: what is planned, with which lines, and what is left to a person."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fix import CannotFixError, Fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes import config
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

TARGET = "/app/data/config.json"
GOOD = '{\n  "systemEnv": {},\n  "llmModels": []\n}\n'
PUZZLE = '{\n  "systemEnv": {"a": "b"c"}\n}\n'


def compose(volume: str | None) -> str:
    lines = ["services:", "  fastgpt:", "    image: ghcr.io/labring/fastgpt:v4.8.11"]
    return "\n".join([*lines, *(["    volumes:", f"      - {volume}"] if volume else [])]) + "\n"


def deployment(volume: str | None = f"./config.json:{TARGET}", version: str = "v4.8.11", **file: t.Any) -> Deployment:
    """Give a host with FastGPT and a config.json of these facts; ``kind=None`` leaves it out of the evidence."""
    image = f"ghcr.io/labring/fastgpt:{version}"
    config_file = {"path": "/opt/fastgpt/config.json", "role": "config", "kind": "file", "text": GOOD, **file}
    return Deployment(
        {
            "source": "live",
            "projects": [
                {"name": "fastgpt", "directory": "/opt/fastgpt", "config_files": ["/opt/fastgpt/docker-compose.yml"]}
            ],
            "files": [
                {"path": "/opt/fastgpt/docker-compose.yml", "role": "compose", "kind": "file", "text": compose(volume)},
                *([config_file] if config_file["kind"] else []),
            ],
            "containers": [{"name": "fastgpt", "service": "fastgpt", "image": image, "state": {"status": "running"}}],
        }
    )


def found(finding: str) -> Finding:
    entry = catalogue.findings()[finding]
    words = {"en": entry.id, "zh": entry.id}
    seen = hit("here", "this", service="fastgpt")
    return Finding(entry, seen, entry.severity, "certain", "fastgpt", words, words, [words], [], 1)


def mount(of: Deployment) -> Fix:
    return config.mount_config(of, found("config-mount-missing"))


def mend(of: Deployment, finding: str = "config-json-invalid") -> Fix:
    return config.mend_config(of, found(finding))


def changed_lines(fix: Fix) -> list[str]:
    return [line for line in fix.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_a_mount_that_is_missing_is_added() -> None:
    fix = mount(deployment(None))
    assert changed_lines(fix) == ["+    volumes:", f"+      - ./config.json:{TARGET}"]
    assert fix.variables["volume"] == {"source": "./config.json", "target": TARGET}
    assert (fix.role, fix.recreates) == ("config_mount", ("fastgpt",))


def test_a_mount_that_ends_elsewhere_is_put_right() -> None:
    fix = mount(deployment("/data/config.prod.json:/app/config.json:ro"))
    assert changed_lines(fix) == [
        "-      - /data/config.prod.json:/app/config.json:ro",
        f"+      - /data/config.prod.json:{TARGET}:ro",
    ]


def test_a_file_that_lies_elsewhere_is_mounted_by_its_whole_path() -> None:
    assert mount(deployment(None, path="/data/config.json")).variables["volume"]["source"] == "/data/config.json"


@pytest.mark.parametrize("kind", ["directory", "missing", None])
def test_a_file_that_is_not_there_comes_from_the_image(kind: str | None) -> None:
    fix = mount(deployment(kind=kind, text=None, entries=0))
    assert changed_lines(fix) == [
        f"-{kind or 'missing'}",
        f"+file 0644: {TARGET} of ghcr.io/labring/fastgpt:v4.8.11",
    ]
    assert "compose_file" not in fix.variables


def test_a_mount_made_since_the_container_needs_no_edit() -> None:
    fix = mount(deployment())
    assert (fix.diff, fix.variables.get("compose_file")) == ("", None)


def test_a_folder_that_is_mounted_gets_the_file() -> None:
    fix = mount(deployment("./data:/app/data", kind=None))
    assert fix.variables["path"] == "/opt/fastgpt/data/config.json"
    assert "+++ /opt/fastgpt/data/config.json" in fix.diff


def test_from_4_15_the_mount_is_dropped() -> None:
    fix = mount(deployment(version="v4.15.0", kind="directory", text=None, entries=0))
    assert changed_lines(fix) == ["-    volumes:", f"-      - ./config.json:{TARGET}"]
    assert fix.variables["drop"] is True


@pytest.mark.parametrize(
    ("of", "words"),
    [
        pytest.param(deployment(kind="directory", entries=2), "with 2 entries", id="a directory that is in use"),
        pytest.param(deployment("./data:/app/data"), "copy it to /opt/fastgpt/data", id="two places it could be"),
        pytest.param(deployment("settings:/app/data", kind=None), "is a volume", id="a volume"),
        pytest.param(deployment(None, version="v4.15.0"), "reads no config.json", id="not read and not mounted"),
    ],
)
def test_what_a_person_has_to_decide_is_left(of: Deployment, words: str) -> None:
    with pytest.raises(CannotFixError, match=words) as refused:
        mount(of)
    assert set(refused.value.reason) == {"en", "zh"}


def test_a_slip_is_mended() -> None:
    fix = mend(deployment(text=GOOD.replace("{},", "{}，")))
    assert changed_lines(fix) == ['-  "systemEnv": {}，', '+  "systemEnv": {},']
    assert fix.variables["repair"] is True


def test_comments_go_where_strict_json_is_read() -> None:
    of = deployment(text="// ours\n" + GOOD, version="v4.6.8")
    assert changed_lines(mend(of)) == ["-// ours"]


def test_models_of_an_old_layout_move_to_the_new_one() -> None:
    of = deployment(text='{\n  "chatModels": [\n    {"model": "a", "name": "A"}\n  ]\n}\n')
    lines = changed_lines(mend(of, "config-json-version-mismatch"))
    assert lines[:2] == ['-  "chatModels": [', '-    {"model": "a", "name": "A"}']
    assert lines[2] == '+  "llmModels": [' and '"datasetProcess": true' in lines[3]


def test_a_puzzle_gives_way_to_the_last_version_that_was_right() -> None:
    fix = mend(deployment(text=PUZZLE, backup={"path": "/b", "text": GOOD}))
    assert '+  "systemEnv": {},' in changed_lines(fix)


@pytest.mark.parametrize(
    ("of", "finding", "words"),
    [
        pytest.param(deployment(text=PUZZLE), "config-json-invalid", "invalid character 'c' at 2:25", id="no backup"),
        pytest.param(
            deployment(text=PUZZLE, backup={"text": "// c\n{}"}, version="v4.6.8"),
            "config-json-invalid",
            "no backup is known",
            id="a backup this version cannot read",
        ),
        pytest.param(deployment(text="<html>"), "config-json-invalid", "a web page", id="a web page"),
        pytest.param(deployment(truncated=True), "config-json-invalid", "could not be read whole", id="too long"),
        pytest.param(deployment(), "config-json-invalid", "on the host is fine", id="another file is meant"),
        pytest.param(
            deployment(version="v4.6.6"),
            "config-json-version-mismatch",
            "a newer FastGPT than 4.6.6",
            id="newer layout",
        ),
    ],
)
def test_what_cannot_be_mended_says_why(of: Deployment, finding: str, words: str) -> None:
    with pytest.raises(CannotFixError, match=words):
        mend(of, finding)


def test_an_edited_file_is_read_again() -> None:
    fix = config.read_config_again(deployment(), found("config-change-needs-restart"))
    assert (fix.diff, fix.recreates, fix.variables["container"]) == ("", ("fastgpt",), "fastgpt")
