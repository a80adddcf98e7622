# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of config.json: there, readable by this FastGPT, mounted where it is read, read."""

from __future__ import annotations

import posixpath

from ...module_utils._config_edit import mend
from ...module_utils._config_layout import ONE_MODEL_LIST, current_layout, is_strict
from ...module_utils._json5 import JsonError, read_object
from ..compose import Mount, parse_mounts
from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, as_diff, compose_file_of, diff_of, edit, fixes, project_variables
from ..model import Deployment, Json
from ..rules.config import MOUNT_GONE, elsewhere, target_of
from ..versions import Version
from .containers import UP_SECONDS


def app_service(deployment: Deployment) -> str:
    """Give the name of FastGPT's service in the compose file."""
    name = deployment.facts["app_service"]
    if name not in deployment.services:
        raise CannotFixError("FastGPT is no service of the compose file", "compose 文件中没有 FastGPT 服务")
    return name


def config_path(deployment: Deployment) -> str:
    """Give the path of config.json on the host: the one mounted, else the one beside the compose file."""
    return str((deployment.config_file or {}).get("path") or _beside_compose(deployment))


def _beside_compose(deployment: Deployment) -> str:
    return posixpath.join(project_variables(deployment)["project_dir"], "config.json")


def role_variables(deployment: Deployment) -> Json:
    """Give the variables of the role ``config_mount`` that every cure needs."""
    service = app_service(deployment)
    app = deployment.app
    return {
        "project": project_variables(deployment),
        "service": service,
        "container": deployment.facts["app_container"],
        "path": config_path(deployment),
        "version": str(deployment.version or ""),
        "image": (app and app.image) or deployment.services[service].image or "",
    }


def config_text(deployment: Deployment) -> str:
    """Give the text of config.json, secrets as tokens."""
    found = deployment.config_file or {}
    if found.get("kind") != "file" or found.get("text") is None or found.get("truncated"):
        raise CannotFixError("config.json could not be read whole", "无法完整读取 config.json")
    return str(found["text"])


# --- there, and mounted


@fixes("config-json-is-directory", "config-mount-missing", "config-mount-wrong-path")
def mount_config(deployment: Deployment, _finding: Finding) -> Fix:
    """Have the file there and mounted where FastGPT reads it; a missing one is taken from FastGPT's own image."""
    variables = role_variables(deployment)
    service = variables["service"]
    target = target_of(deployment)
    if deployment.version and deployment.version >= MOUNT_GONE:
        return _drop_mount(deployment, variables, target)
    diffs = []
    entry = _written_mount(deployment, service, target)
    if entry and entry.target.rstrip("/") == posixpath.dirname(target):
        variables["path"] = _in_folder(deployment, entry, target)
    elif not entry or entry.target.rstrip("/") != target:
        source = entry.source if entry else _as_source(deployment, variables["path"])
        variables["volume"] = {"source": source, "target": target}
        compose, diff = edit(deployment, service, volumes=[variables["volume"]])
        variables["compose_file"] = compose.path
        diffs.append(diff)
    if created := _creation(deployment, variables):
        diffs.insert(0, created)
    return Fix("config_mount", variables, (service,), UP_SECONDS, "\n".join(diffs))


def _written_mount(deployment: Deployment, service: str, target: str) -> Mount | None:
    """Find the entry of the compose file that mounts config.json: at the right place, in its folder, or elsewhere."""
    compose = compose_file_of(deployment, service)
    mounts = parse_mounts((compose.data.get("services") or {}).get(service, {}).get("volumes"))
    by_target = {mount.target.rstrip("/"): mount for mount in mounts}
    found = by_target.get(target) or by_target.get(posixpath.dirname(target))
    if found:
        return found
    wrong = elsewhere([(mount.source or "", mount.target) for mount in mounts], target)
    return next((mount for mount in mounts if (mount.source, mount.target) == wrong), None)


def _in_folder(deployment: Deployment, entry: Mount, target: str) -> str:
    """Give the path config.json has where its whole folder is mounted; which of two is meant, a person has to say."""
    directory = project_variables(deployment)["project_dir"]
    folder = posixpath.normpath(posixpath.join(directory, entry.source or ""))
    path = posixpath.join(folder, posixpath.basename(target))
    if entry.kind != "bind":
        raise CannotFixError(
            f"{entry.target} is a volume; put config.json into it",
            f"{entry.target} 挂载的是卷，请把 config.json 放进该卷",
        )
    other = deployment.config_file
    if other and other.get("kind") == "file" and other["path"] != path:
        raise CannotFixError(
            f"{folder} is mounted as a whole and has no config.json, but {other['path']} is there: copy it to {path}",
            f"挂载的是整个目录 {folder}，其中没有 config.json，而 {other['path']} 存在：请把它复制为 {path}",
        )
    return path


def _as_source(deployment: Deployment, path: str) -> str:
    """Give a path as the compose file is to have it: relative where it lies in the project's folder."""
    directory = project_variables(deployment)["project_dir"]
    inside = posixpath.relpath(path, directory)
    return path if inside.startswith("..") else f"./{inside}"


def _creation(deployment: Deployment, variables: Json) -> str | None:
    """Tell as a diff that the file is made from the image; None where it is there."""
    path = variables["path"]
    now = deployment.file(path) or {"kind": "missing"}
    if now["kind"] == "file":
        return None
    if now.get("entries"):
        raise CannotFixError(
            f"{path} is a directory with {now['entries']} entries; look what they are first",
            f"{path} 是一个含有 {now['entries']} 个条目的目录，请先确认其中的内容",
        )
    image = variables["image"]
    if not image:
        raise CannotFixError(
            f"{path} is missing and the image it could be taken from is not known",
            f"{path} 不存在，也不知道可以从哪个镜像取得",
        )
    return as_diff(path, now["kind"], f"file 0644: {target_of(deployment)} of {image}")


def _drop_mount(deployment: Deployment, variables: Json, target: str) -> Fix:
    """Stop mounting what this FastGPT reads no more; the file stays where it is."""
    compose, diff = edit(deployment, variables["service"], drop_volumes=[target])
    if not diff:
        raise CannotFixError(
            f"FastGPT {deployment.version} reads no config.json, and {compose.path} mounts none",
            f"FastGPT {deployment.version} 不读取 config.json，{compose.path} 也没有挂载它",
        )
    variables.update(drop=True, volume={"target": target}, compose_file=compose.path)
    return Fix("config_mount", variables, (variables["service"],), UP_SECONDS, diff)


# --- readable


@fixes("config-json-invalid", "config-json-version-mismatch")
def mend_config(deployment: Deployment, finding: Finding) -> Fix:
    """Put right what can mean one thing only; else go back to the last version that was right."""
    variables = {**role_variables(deployment), "repair": True}
    text = config_text(deployment)
    version = deployment.version
    strict = is_strict(version)
    try:
        after = current_layout(mend(text, strict), version)
    except JsonError as error:
        after = _last_good(deployment, strict, error)
    if after == text:
        raise _no_way(deployment, finding, version)
    path = variables["path"]
    return Fix("config_mount", variables, (variables["service"],), UP_SECONDS, diff_of(path, text, after))


def _last_good(deployment: Deployment, strict: bool, error: JsonError) -> str:
    """Give the newest backup of this project that FastGPT can read."""
    backup = (deployment.config_file or {}).get("backup") or {}
    try:
        read_object(str(backup["text"]), strict)
    except (KeyError, JsonError):
        raise CannotFixError(
            f"{error}: what was meant cannot be told for sure, and no backup is known; mend it by hand, or put the one"
            " you had before in its place",
            f"{error}：无法确定此处的本意，也没有已知的备份；请手工修改，或换回之前可用的 config.json",
        ) from error
    return str(backup["text"])


def _no_way(deployment: Deployment, finding: Finding, version: Version | None) -> CannotFixError:
    if finding.entry.id == "config-json-version-mismatch" and version and version < ONE_MODEL_LIST:
        return CannotFixError(
            f"config.json is of a newer FastGPT than {deployment.version}; take the one of that version's image",
            f"config.json 属于比 {deployment.version} 更新的版本，请改用该版本镜像自带的 config.json",
        )
    return CannotFixError(
        "config.json on the host is fine; the log tells of another one",
        "宿主机上的 config.json 没有问题，日志里说的是另一个文件",
    )


# --- read


@fixes("config-change-needs-restart")
def read_config_again(deployment: Deployment, _finding: Finding) -> Fix:
    """Restart FastGPT: that looks the path up again, so a file that an editor put in its place is seen too."""
    variables = role_variables(deployment)
    return Fix("config_mount", variables, (variables["service"],), UP_SECONDS)
