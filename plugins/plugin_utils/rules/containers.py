# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the engine answer, is the deployment there, do its containers run."""

from __future__ import annotations

import typing as t

from ...module_utils._docker import YOUNG
from ..compose import Service
from ..model import Container, Deployment
from ..rule import Hit, Proof, Text, hit, rule

MANY_RESTARTS = 3
LAST_LINES = 4

_HINTS: t.Mapping[int, Text] = {
    0: {"en": "It ended without an error: its command has nothing to do.", "zh": "它正常结束：启动命令没有可做的事。"},
    125: {"en": "125: Docker itself could not start it.", "zh": "125：Docker 自身无法启动它。"},
    126: {"en": "126: its start command may not be executed.", "zh": "126：启动命令没有执行权限。"},
    127: {"en": "127: its start command was not found.", "zh": "127：找不到启动命令。"},
    132: {"en": "132: the processor lacks an instruction (AVX).", "zh": "132：CPU 缺少所需指令（AVX）。"},
    137: {"en": "137: it was killed, mostly for lack of memory.", "zh": "137：被强制终止，多半是内存不足。"},
    139: {
        "en": "139: it crashed (damaged image, memory, or an old kernel).",
        "zh": "139：程序崩溃（镜像损坏、内存故障或内核太旧）。",
    },
}


@rule("engine-unreachable", needs=["engine"])
def engine_unreachable(d: Deployment) -> t.Iterator[Hit]:
    if d.engine["state"] in ("missing", "stopped", "timeout", "error"):
        words = d.engine.get("error") or f"state: {d.engine['state']}"
        yield hit("docker info", words, expected={"en": "an answer of Docker Engine", "zh": "Docker 正常应答"})


@rule("docker-socket-permission", needs=["engine"])
def socket_permission(d: Deployment) -> t.Iterator[Hit]:
    if d.engine["state"] == "permission":
        user = (d.host.get("user") or {}).get("name")
        yield hit("docker info", d.engine.get("error") or f"permission denied for user {user}")


@rule("deployment-not-found", needs=["engine"])
def deployment_not_found(d: Deployment) -> t.Iterator[Hit]:
    if d.engine["state"] == "ok" and not d.located:
        yield hit("docker ps -a", f"{len(d.other_containers)} containers, none of FastGPT; no compose file of FastGPT")


@rule("container-missing", needs=["services", "inspect", "container-list"])
def container_missing(d: Deployment) -> t.Iterator[Hit]:
    """Services without container; a deployment that was never started is one finding, not one for each service."""
    if d.engine.get("state", "ok") != "ok":
        return
    wanted = [service for service in d.services.values() if _is_meant_to_run(service)]
    missing = [service for service in wanted if not _has_container(d, service)]
    if missing and len(missing) == len(wanted):
        names = " ".join(service.name for service in missing)
        yield hit("docker ps -a", "no container of this project", missing=names)
        return
    for service in missing:
        yield hit("docker ps -a", f"no container of service {service.name}", service=service.name, missing=service.name)


def _is_meant_to_run(service: Service) -> bool:
    deploy = service.data.get("deploy")
    replicas = (deploy if isinstance(deploy, dict) else {}).get("replicas", service.data.get("scale", 1))
    return not service.data.get("profiles") and str(replicas) != "0"


def _has_container(d: Deployment, service: Service) -> bool:
    names = {service.name, service.container_name} - {None}
    return any(names & {c.service, c.name} for c in d.containers)


@rule("container-not-running", needs=["containers"])
def container_not_running(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        if container.status in ("exited", "created", "dead", "paused") and not _ended_as_meant(d, container):
            state = container.state
            yield hit(
                _inspect(container),
                _status_line(container),
                service=container.service or container.name,
                expected={"en": "running", "zh": "running（运行中）"},
                status=container.status,
                exit_code=_or_unknown(state.get("exit_code")),
            )


def _ended_as_meant(d: Deployment, container: Container) -> bool:
    """Tell a job that is done (exit 0, not to be restarted, no part of FastGPT) from a service that stopped."""
    if container.status != "exited" or container.state.get("exit_code") != 0:
        return False
    service = d.services.get(container.service or "")
    if service and not _is_meant_to_run(service):
        return True
    never = container.data.get("restart_policy") in ("no", "", "on-failure")
    return never and container.component in (None, "opensandbox")


@rule("container-restart-loop", needs=["containers"])
def restart_loop(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        if _loops(d, container):
            state = container.state
            code = state.get("exit_code")
            status = Proof(_inspect(container), _status_line(container))
            yield Hit(
                (status, *_last_words(d, container)),
                container.service or container.name,
                {
                    "exit_code": _or_unknown(code),
                    "restart_count": _or_unknown(container.data.get("restart_count")),
                    "hint": _HINTS.get(code, "") if isinstance(code, int) else "",
                },
            )


def _loops(d: Deployment, container: Container) -> bool:
    """A container seen between two runs, or one that is up but started again and again until a moment ago."""
    if container.status == "restarting":
        return True
    started = container.when("started_at")
    if not container.running or started is None or d.now is None:
        return False
    return (container.data.get("restart_count") or 0) >= MANY_RESTARTS and d.now - started < YOUNG


def _last_words(d: Deployment, container: Container) -> t.Iterator[Proof]:
    for log in d.logs:
        lines = log.text.strip().splitlines()
        if log.kind == "log" and lines and log.service in (container.service, container.name):
            yield Proof(f"{log.source} (last lines)", "\n".join(line[:300] for line in lines[-LAST_LINES:]))
            return


@rule("container-unhealthy", needs=["containers"])
def unhealthy(d: Deployment) -> t.Iterator[Hit]:
    for container in d.containers:
        if container.running and container.state.get("health") == "unhealthy":
            said = [str(line).strip()[:300] for line in container.data.get("health_log") or [] if str(line).strip()]
            yield hit(
                _inspect(container),
                "\n".join(["Health = unhealthy", *said[-2:]]),
                service=container.service or container.name,
            )


@rule("container-config-drift", needs=["inspect", "config-hashes"])
def config_drift(d: Deployment) -> t.Iterator[Hit]:
    """Compose's own hash of a service against the container's label; releases of Compose hash differently."""
    for container in d.containers:
        label = container.labels.get("com.docker.compose.config-hash")
        now = d.project["config_hashes"].get(container.service)
        if now and label and now != label and d.made_with_this_compose(container):
            yield hit(
                _inspect(container),
                f"com.docker.compose.config-hash = {label[:12]}",
                service=container.service,
                expected={"en": f"{now[:12]} (the compose file now)", "zh": f"{now[:12]}（compose 文件现在的内容）"},
            )


def _inspect(container: Container) -> str:
    return f"docker {'ps -a' if container.partial else 'inspect'}: {container.name}"


def _status_line(container: Container) -> str:
    state = container.state
    parts = [f"status {container.status}"]
    if state.get("exit_code") is not None:
        parts.append(f"exit code {state['exit_code']}")
    if container.data.get("restart_count"):
        parts.append(f"restarted {container.data['restart_count']} times")
    if state.get("oom_killed"):
        parts.append("OOMKilled")
    if state.get("error"):
        parts.append(str(state["error"])[:300])
    return ", ".join(parts)


def _or_unknown(value: t.Any) -> str:
    return "?" if value is None else str(value)
