# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FastGPT's config.json: mounted, a file, readable by this generation, loaded."""

from __future__ import annotations

import posixpath
import re
import typing as t

from ...module_utils._config_layout import is_strict
from ...module_utils._json5 import JsonError, read_object
from ..model import Deployment
from ..rule import Hit, Text, hit, rule
from ..versions import MODELS_IN_DATABASE, Version

TARGET = "/app/data/config.json"
NOT_READ = Version(4, 15)
"""From here settings come from the environment; of 4.15's betas the earlier ones still read the file."""
MOUNT_GONE = Version(4, 15, 0, 0, 0)
FULL_WIDTH = frozenset("，：；“”‘’｛｝［］、")
MODEL_LISTS = (
    "llmModels",
    "vectorModels",
    "reRankModels",
    "audioSpeechModels",
    "chatModels",
    "qaModels",
    "ChatModels",
    "VectorModels",
)


def reads_config(d: Deployment) -> bool:
    """Tell whether this FastGPT reads config.json at all; unknown versions are taken for ones that do."""
    return d.version is None or d.version < NOT_READ


def target_of(d: Deployment) -> str:
    """Give the path at which this FastGPT reads config.json."""
    folder = d.env_of("app").get("CONFIG_JSON_PATH")
    return posixpath.join(folder, "config.json") if folder else TARGET


def parse(text: str, version: Version | None) -> dict[str, t.Any] | JsonError:
    """Read config.json as the FastGPT of that version does: strict JSON before 4.6.9, JSON5 from then on."""
    try:
        return t.cast("dict[str, t.Any]", read_object(text, is_strict(version)).value)
    except JsonError as error:
        return error


def _text(d: Deployment) -> str | None:
    """The file's text, unless it is cut off or only a part of it was pasted."""
    found = d.config_file or {}
    text = found.get("text")
    if text is None or found.get("truncated"):
        return None
    is_part = not d.live and not re.match(r"\s*(?:\ufeff|//.*\n|/\*.*?\*/|\s)*[{<]", text, re.DOTALL)
    return None if is_part or not text.strip() else text


def _loaded(d: Deployment) -> dict[str, t.Any] | None:
    text = _text(d)
    found = parse(text, None) if text else None
    return found if isinstance(found, dict) else None


@rule("config-json-is-directory", needs=["config|probe:app_config"], component="app")
def is_directory(d: Deployment) -> t.Iterator[Hit]:
    if not reads_config(d):
        return
    outside, inside = d.config_file or {}, d.probe("app_config") or {}
    if outside.get("kind") == "directory":
        entries = outside.get("entries")
        yield hit(
            f"stat {outside['path']}",
            "directory" + ("" if entries is None else f", {entries} entries"),
            expected={"en": "a file", "zh": "应是文件"},
            service=d.facts["app_service"],
        )
    elif inside.get("kind") == "directory":
        yield hit(
            f"stat {inside.get('path')} in {d.facts['app_container']}",
            "directory",
            expected={"en": "a file", "zh": "应是文件"},
            service=d.facts["app_service"],
        )


@rule("config-json-invalid", needs=["config-text"])
def invalid(d: Deployment) -> t.Iterator[Hit]:
    text = _text(d)
    if text is None or not reads_config(d):
        return
    flaw = parse(text, d.version)
    if isinstance(flaw, JsonError):
        lines = text.split("\n")
        line = lines[flaw.line - 1][:300] if flaw.line <= len(lines) else flaw.message
        yield hit(
            f"{d.facts['config_file']}:{flaw.line}:{flaw.column}",
            line.strip() or flaw.message,
            service=d.facts["app_service"],
            parser=flaw.parser,
            error=_words(flaw, line),
            expected={"en": f"valid {flaw.parser}", "zh": f"合法的 {flaw.parser}"},
        )


def _words(flaw: JsonError, line: str) -> Text:
    """Say where and why in words; a full-width character in the line is named, parsers point at what follows it."""
    wide = "".join(sorted(set(re.sub(r'"(?:[^"\\]|\\.)*"', "", line)) & FULL_WIDTH))
    return {
        "en": f"line {flaw.line}, column {flaw.column}: {flaw.message}"
        + (f" (the line holds the full-width {wide})" if wide else "")
        + ".",
        "zh": f"第 {flaw.line} 行第 {flaw.column} 列：{flaw.message}"
        + (f"（该行有中文标点 {wide}）" if wide else "")
        + "。",
    }


@rule("config-json-version-mismatch", needs=["config-text", "version"])
def version_mismatch(d: Deployment) -> t.Iterator[Hit]:
    """The top-level keys tell the generation: 4.6.8 brought llmModels, before 4.6.6 names began with capitals."""
    config, version = _loaded(d), d.version
    if config is None or version is None or not reads_config(d):
        return
    generations = (
        ({"ChatModels", "QAModels", "FeConfig", "SystemParams"}, Version(0, 0), Version(4, 6, 6)),
        ({"chatModels", "qaModels", "cqModels"}, Version(4, 6, 6), Version(4, 6, 8)),
        ({"llmModels"}, Version(4, 6, 8), Version(99, 0)),
    )
    for keys, first, end in generations:
        found = sorted(keys & config.keys())
        if found and not first <= version < end:
            yield hit(
                d.facts["config_file"],
                f"keys: {', '.join(found)}",
                service=d.facts["app_service"],
                confidence="likely",
                expected={"en": f"the layout of FastGPT {version}", "zh": f"FastGPT {version} 的结构"},
            )
            return


@rule("config-json-unknown-model-fields", needs=["config-text", "version"])
def unread_models(d: Deployment) -> t.Iterator[Hit]:
    config = _loaded(d)
    if config is None or d.version is None or not MODELS_IN_DATABASE <= d.version < NOT_READ:
        return
    found = [key for key in MODEL_LISTS if config.get(key)]
    if found:
        yield hit(
            d.facts["config_file"],
            f"keys: {', '.join(found)}",
            keys=", ".join(found),
            service=d.facts["app_service"],
            expected={"en": "feConfigs and systemEnv only", "zh": "只需 feConfigs 和 systemEnv"},
        )


@rule("config-json-not-read", needs=["services|inspect", "version"], component="app")
def not_read(d: Deployment) -> t.Iterator[Hit]:
    if not reads_config(d) and (found := next((m for m in _mounts(d) if m[1].rstrip("/") == TARGET), None)):
        yield hit(_mounts_source(d), f"{found[0]}:{found[1]}", service=d.facts["app_service"])


def _mounts(d: Deployment) -> list[tuple[str, str]]:
    """Source and destination of the app's mounts: of the container, else of the compose file."""
    if d.app and not d.app.partial:
        return [(str(m.get("source") or m.get("name") or ""), str(m.get("destination") or "")) for m in d.app.mounts]
    service = d.service_of("app")
    return [(m.source or "", m.target) for m in service.mounts] if service else []


def _mounts_source(d: Deployment) -> str:
    return f"docker inspect {d.app.name}: Mounts" if d.app and not d.app.partial else d.facts["compose_file"]


def _expects_mount(d: Deployment) -> bool:
    """Mounting it is usual from 4.2 to 4.14; without a version only a file on the host tells that it is meant."""
    if d.version is None:
        return bool(d.config_file)
    return Version(4, 2) <= d.version < MOUNT_GONE


@rule("config-mount-missing", needs=["services|inspect", "container:app|env:app"], component="app")
def mount_missing(d: Deployment) -> t.Iterator[Hit]:
    if not _expects_mount(d) or _inline_config(d):
        return
    mounts, target = _mounts(d), target_of(d)
    known = {target, posixpath.dirname(target)}
    if known.isdisjoint(end.rstrip("/") for _source, end in mounts) and not elsewhere(mounts, target):
        shown = ", ".join(end for _source, end in mounts) or "no mounts"
        yield hit(
            _mounts_source(d),
            shown,
            service=d.facts["app_service"],
            # what people paste of a compose file is often a part of it
            confidence="certain" if d.live or d.app else "possible",
            expected={"en": f"a mount at {target}", "zh": f"应挂载到 {target}"},
        )


def elsewhere(mounts: t.Sequence[tuple[str, str]], target: str) -> tuple[str, str] | None:
    """Find a mount of a config.json that ends where FastGPT does not look."""
    for source, end in mounts:
        name = posixpath.basename(source.replace("\\", "/").rstrip("/"))
        if re.fullmatch(r"config.*\.json", name) and end.rstrip("/") != target:
            return source, end
    return None


def _inline_config(d: Deployment) -> bool:
    service = d.service_of("app")
    return bool(service and (service.data.get("configs") or service.data.get("build")))


@rule("config-mount-wrong-path", needs=["services|inspect"], component="app")
def mount_wrong_path(d: Deployment) -> t.Iterator[Hit]:
    if not reads_config(d) or "CONFIG_JSON_PATH" in d.env_of("app"):
        return
    mounts = _mounts(d)
    wrong = elsewhere(mounts, TARGET)
    if wrong and not any(target.rstrip("/") == TARGET for _source, target in mounts):
        yield hit(
            _mounts_source(d),
            f"{wrong[0]}:{wrong[1]}",
            service=d.facts["app_service"],
            mount=f"{wrong[0]} → {wrong[1]}",
            expected={"en": TARGET, "zh": TARGET},
        )
    inside = d.probe("app_config") or {}
    folder = next((source for source, target in mounts if target.rstrip("/") == "/app/data"), None)
    if folder and inside.get("kind") == "missing":
        yield hit(
            _mounts_source(d),
            f"{folder}:/app/data",
            service=d.facts["app_service"],
            mount=f"{folder} → /app/data",
            expected={"en": "config.json in that folder", "zh": "该目录里应有 config.json"},
        )


@rule("config-change-needs-restart", needs=["config", "container:app"], component="app")
def change_needs_restart(d: Deployment) -> t.Iterator[Hit]:
    """Another content inside than outside (an editor made a new file), or the same one edited after the start."""
    app, outside = d.app, d.config_file or {}
    if app is None or not app.running or not reads_config(d) or outside.get("kind") != "file":
        return
    if app.mount_at(TARGET) is None:
        return
    inside = d.probe("app_config") or {}
    path, service = outside["path"], app.service
    if inside.get("sha256") and outside.get("sha256") and inside["sha256"] != outside["sha256"]:
        yield hit(
            f"sha256 of {path} and of {inside.get('path', TARGET)} in {app.name}",
            f"{outside['sha256'][:12]} on the host, {inside['sha256'][:12]} in the container",
            service=service,
            expected={"en": "equal content", "zh": "内容应一致"},
        )
        return
    started, changed = app.when("started_at"), outside.get("mtime")
    if started and changed and changed > started + 2:
        yield hit(
            f"stat {path}",
            f"edited {round(changed - started)} s after {app.name} started",
            service=service,
            expected={"en": "an edit before the start", "zh": "应早于容器启动时间"},
        )
