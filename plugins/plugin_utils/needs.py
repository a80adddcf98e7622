# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which rules declare what evidence they need, and how each is looked up."""

from __future__ import annotations

import functools
import typing as t

from .components import component_of
from .model import Deployment
from .versions import MODELS_IN_DATABASE


def _containers(d: Deployment) -> bool:
    return d.evidence.get("containers") is not None


def _inspected(d: Deployment) -> bool:
    found = d.evidence.get("containers")
    return found is not None and not any(c.partial for c in d.containers)


def _hashes(d: Deployment) -> bool:
    return d.project.get("config_hashes") is not None and (
        not d.containers or any(d.made_with_this_compose(container) for container in d.containers)
    )


def _models(d: Deployment) -> bool:
    """Up to 4.8.19 models stand in config.json, later in MongoDB."""
    if d.version and d.version >= MODELS_IN_DATABASE:
        return (d.probe("mongo") or {}).get("models") is not None
    return PLAIN["config-text"][0](d)


def _component(d: Deployment, name: str) -> str | None:
    container = d.container_named(name)
    return container.component if container else component_of(None, name)


PLAIN: dict[str, tuple[t.Callable[[Deployment], bool], dict[str, str]]] = {
    "engine": (lambda d: bool(d.engine.get("state")), {"en": "an answer of the docker CLI", "zh": "docker 命令的应答"}),
    "containers": (_containers, {"en": "the list of containers (docker ps -a)", "zh": "容器列表（docker ps -a）"}),
    "container-list": (
        lambda d: _containers(d) and d.evidence.get("containers_complete") is not False,
        {"en": "the whole list of containers (docker ps -a)", "zh": "完整的容器列表（docker ps -a）"},
    ),
    "inspect": (_inspected, {"en": "container details (docker inspect)", "zh": "容器详情（docker inspect）"}),
    "compose": (
        lambda d: bool(d.compose_files),
        {"en": "the compose file", "zh": "docker-compose.yml 文件"},
    ),
    "services": (
        lambda d: bool(d.services),
        {"en": "a compose file that parses", "zh": "可解析的 docker-compose.yml 文件"},
    ),
    "files": (
        lambda d: d.evidence.get("files") is not None,
        {"en": "a look at the project's files", "zh": "对项目文件的查看"},
    ),
    "compose-version": (
        lambda d: d.evidence.get("compose") is not None,
        {"en": "the version of docker compose", "zh": "docker compose 的版本"},
    ),
    "images": (
        lambda d: d.evidence.get("images") is not None,
        {"en": "the list of images (docker image ls)", "zh": "镜像列表（docker image ls）"},
    ),
    "config-hashes": (
        _hashes,
        {
            "en": "docker compose config --hash, of the release of Compose that made the containers",
            "zh": "docker compose config --hash 的输出（须与创建容器的 Compose 版本相同）",
        },
    ),
    "config": (
        lambda d: bool(d.config_file and (d.config_file.get("kind") or d.config_file.get("text") is not None)),
        {"en": "config.json on the host", "zh": "宿主机上的 config.json"},
    ),
    "config-text": (
        lambda d: bool(d.config_file and d.config_file.get("text") is not None),
        {"en": "the content of config.json", "zh": "config.json 的内容"},
    ),
    "models": (_models, {"en": "the models FastGPT is set up with", "zh": "FastGPT 中配置的模型"}),
    "version": (lambda d: d.version is not None, {"en": "FastGPT's version", "zh": "FastGPT 的版本号"}),
    "unnamed-log": (
        lambda d: any(log.kind == "log" and log.component is None for log in d.logs),
        {"en": "a log, whosever", "zh": "任意容器的日志"},
    ),
    "texts": (lambda d: bool(d.evidence.get("texts")), {"en": "posted output of the shell", "zh": "命令行输出"}),
    "project": (
        lambda d: d.evidence.get("projects") is not None,
        {"en": "a search for deployments", "zh": "对部署目录的查找"},
    ),
}

PREFIXES: dict[str, tuple[t.Callable[[Deployment, str], bool], dict[str, str]]] = {
    "log": (lambda d, x: bool(d.log_of(x)), {"en": "the log of {}", "zh": "{} 的日志"}),
    "probe": (
        lambda d, x: d.probe(x) is not None or d.probe_list(x) is not None,
        {"en": "the live probe '{}'", "zh": "在线探测 {}"},
    ),
    "env": (lambda d, x: d.knows_env(x), {"en": "the environment of {}", "zh": "{} 的环境变量"}),
    "process_env": (
        lambda d, x: any(_component(d, name) == x for name in d.process_env),
        {"en": "'env' as printed inside {}", "zh": "{} 容器内 env 的输出"},
    ),
    "host": (lambda d, x: d.host.get(x) is not None, {"en": "the host's {}", "zh": "宿主机的 {}"}),
    "container": (lambda d, x: d.one(x) is not None, {"en": "the container of {}", "zh": "{} 的容器"}),
}


def is_met(need: str, deployment: Deployment) -> bool:
    """Tell whether evidence for a need (or one of its ``|`` alternatives) is there.

    :raises KeyError: for a word this file does not know
    """
    return any(_one(part, deployment) for part in need.split("|"))


def _one(need: str, deployment: Deployment) -> bool:
    prefix, colon, rest = need.partition(":")
    if colon:
        return PREFIXES[prefix][0](deployment, rest)
    return PLAIN[need][0](deployment)


@functools.cache
def describe(need: str) -> dict[str, str]:
    """Say in words what a need asks for."""
    parts = []
    for part in need.split("|"):
        prefix, colon, rest = part.partition(":")
        words = PREFIXES[prefix][1] if colon else PLAIN[part][1]
        parts.append({lang: text.format(rest) for lang, text in words.items()})
    return {"en": " or ".join(p["en"] for p in parts), "zh": " 或 ".join(p["zh"] for p in parts)}
