# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of what a container needs: to be there, to run, to be made from the file as it is, to own its data."""

from __future__ import annotations

import typing as t

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, as_diff, edit, fixes, project_variables
from ..model import Container, Deployment, Json
from ..rules._peers import peer, targets

UP_SECONDS = 15.0
"""Seconds until a started service is ready, as a rule of thumb for plans."""
MIB = 1 << 20
SHARED_MEMORY = 512
"""MiB of /dev/shm that an index build of FastGPT's vectors gets along with."""


def service_in(deployment: Deployment, finding: Finding) -> str:
    """Give the finding's service where the compose file has it."""
    return _service(deployment, finding.service)


def _service(deployment: Deployment, name: str | None) -> str:
    if name not in deployment.services:
        raise CannotFixError(
            f"{name or 'the container'} is no service of the compose file", f"compose 文件中没有服务 {name or ''}"
        )
    return str(name)


def container_of(deployment: Deployment, component: str) -> Container:
    """Give the component's container."""
    container = deployment.one(component)
    if container is None:
        raise CannotFixError(f"there is no container of {component}", f"没有 {component} 的容器")
    return container


def app_services(deployment: Deployment) -> list[str]:
    """Give FastGPT's own service, in a list for ``restarts``; empty where it is not known."""
    service = deployment.service_of("app")
    return [service.name] if service else []


@fixes("container-not-running", "container-missing", "container-config-drift")
def bring_up(deployment: Deployment, finding: Finding) -> Fix:
    """Bring the one service up as its file has it."""
    service = service_in(deployment, finding)
    variables = {"project": project_variables(deployment), "services": [service]}
    running = any(c.running for c in deployment.containers if c.service == service)
    return Fix("containers", variables, (service,), UP_SECONDS if running else 0.0)


# --- servers that do not answer


def revive(deployment: Deployment, container: Container, restarts: t.Sequence[str]) -> Fix:
    """Start a server's container, or restart it where it runs and does not answer; then those that gave up on it."""
    service = _service(deployment, container.service)
    if container.status == "restarting":
        raise CannotFixError(
            f"{container.name} ends again and again; its log says why", f"{container.name} 反复退出，原因见其日志"
        )
    state = "restarted" if container.running else "current"
    variables = {
        "project": project_variables(deployment),
        "services": [service],
        "state": state,
        "restarts": list(restarts),
    }
    return Fix("containers", variables, (service, *restarts), UP_SECONDS)


def named_by(deployment: Deployment, component: str, variables: t.Collection[str]) -> tuple[str, Container]:
    """Give host and port that one of a component's variables names, and the project's container that means."""
    for target in targets(deployment.env_of(component)):
        if target.variable in variables:
            where = f"{target.address.host}:{target.port}"
            found = peer(deployment, target.address.host)
            if found and found in deployment.containers:
                return where, found
            raise CannotFixError(
                f"{target.variable} leads to {where}, no container of this project; see whether that server runs",
                f"{target.variable} 指向 {where}，它不是本项目的容器，请检查该服务器是否在运行",
            )
    raise CannotFixError(f"none of {', '.join(variables)} is known", f"不知道 {', '.join(variables)} 的值")


@fixes("pg-unreachable")
def revive_pg(deployment: Deployment, _finding: Finding) -> Fix:
    """Bring a PostgreSQL back that does not answer in its own container."""
    where, container = named_by(deployment, "app", ("PG_URL", "PG_HOST"))
    if container.running and (deployment.probe("pg") or {}).get("reachable") is not False:
        raise CannotFixError(
            f"PostgreSQL answers in {container.name}, but not FastGPT at {where}: check address and network of PG_URL",
            f"{container.name} 内的 PostgreSQL 有应答，但 FastGPT 连不上 {where}：请检查 PG_URL 的地址和网络",
        )
    return revive(deployment, container, [])  # FastGPT connects again by itself


@fixes("oneapi-db-not-ready")
def revive_gateway_database(deployment: Deployment, finding: Finding) -> Fix:
    """Bring One API's database up, then One API, which asks for it only when it starts."""
    _where, container = named_by(deployment, "oneapi", ("SQL_DSN",))
    return revive(deployment, container, [service_in(deployment, finding)])


# --- memory and folders


@fixes("pg-shared-memory")
def widen_shared_memory(deployment: Deployment, _finding: Finding) -> Fix:
    """Give PostgreSQL's container a larger /dev/shm: half a GiB, or twice what it has where that was not enough."""
    container = container_of(deployment, "pg")
    service = _service(deployment, container.service)
    now = (container.data.get("shm_size") or 0) // MIB
    settings = {"shm_size": f"{SHARED_MEMORY if now < SHARED_MEMORY else 2 * now}mb"}
    compose, diff = edit(deployment, service, settings=settings)
    restarts = app_services(deployment)  # it builds its index only when it starts
    variables = {
        "project": project_variables(deployment),
        "services": [service],
        "edits": [{"path": compose.path, "service": service, "settings": settings}],
        "restarts": restarts,
    }
    return Fix("containers", variables, (service, *restarts), UP_SECONDS, diff)


def mounted_at(container: Container, path: str) -> Json:
    """Give the mount that holds a path of the container."""
    above = [
        mount
        for mount in container.mounts
        if f"{path.rstrip('/')}/".startswith(str(mount.get("destination", "")).rstrip("/") + "/")
    ]
    if not above:
        raise CannotFixError(
            f"{path} of {container.name} is in its image, not in a folder of this host",
            f"{container.name} 的 {path} 位于镜像内，不是宿主机上的目录",
        )
    return max(above, key=lambda mount: len(str(mount["destination"])))


def own_folder(
    deployment: Deployment,
    container: Container,
    path: str,
    user: str,
    mode: str | None = None,
    restarts: t.Sequence[str] = (),
) -> Fix:
    """Give the folder of this host that a container has mounted at a path to the user its server runs as.

    :param user: the user's name or number in the image; one that the container was told to run as comes before it
    :param mode: of the folder itself, e.g. ``0700``
    :param restarts: services to restart afterwards
    """
    mount = mounted_at(container, path)
    source = str(mount.get("source"))
    facts = deployment.file(source) or {}
    if deployment.engine.get("rootless") or deployment.engine.get("podman"):
        raise CannotFixError(
            "users have other numbers under a rootless engine (use podman unshare chown)",
            "rootless 模式下用户编号不同（请使用 podman unshare chown）",
        )
    if mount.get("type") != "bind" or facts.get("kind") != "directory":
        raise CannotFixError(
            f"{mount.get('destination')} of {container.name} is no folder of this host, but {mount.get('type')}"
            f" {mount.get('name') or source}",
            f"{container.name} 的 {mount.get('destination')} 不是宿主机目录，而是 {mount.get('type')} "
            f"{mount.get('name') or source}",
        )
    if not mount.get("rw", True):
        raise CannotFixError(
            f"{source} is mounted read-only into {container.name}", f"{source} 以只读方式挂载到 {container.name}"
        )
    service = _service(deployment, container.service)
    before = f"{facts.get('mode')} {facts.get('uid')}:{facts.get('gid')}"
    after = f"{mode or facts.get('mode')} {container.data.get('user') or user} of {container.image}"
    variables = {
        "project": project_variables(deployment),
        "services": [service],
        "folders": [{"path": source, "container": container.name, "user": user, "mode": mode}],
        "restarts": list(restarts),
    }
    return Fix("containers", variables, (service, *restarts), UP_SECONDS, as_diff(source, before, after))


@fixes("pg-datadir-permissions")
def own_pg_folder(deployment: Deployment, finding: Finding) -> Fix:
    """Give PostgreSQL, FastGPT's or AI Proxy's, its data folder, closed to others as it demands."""
    aiproxy = finding.component == "aiproxy-pg"
    container = container_of(deployment, "aiproxy-pg" if aiproxy else "pg")
    path = container.env.get("PGDATA") or "/var/lib/postgresql/data"
    return own_folder(deployment, container, path, "postgres", "0700", () if aiproxy else app_services(deployment))


@fixes("container-fs-permission")
def own_mounted_folder(deployment: Deployment, finding: Finding) -> Fix:
    """Give the folder that the process may not use to the user it runs as."""
    container = deployment.container_named(finding.service)
    path = finding.hit.facts.get("path")
    if container is None:
        raise CannotFixError("the container is not known", "不知道是哪个容器")
    if not isinstance(path, str) or not path.startswith("/"):
        folders = [m for m in container.mounts if (deployment.file(m.get("source")) or {}).get("kind") == "directory"]
        if len(folders) != 1:
            raise CannotFixError("the message names no folder", "报错没有指明目录")
        path = str(folders[0]["destination"])
    user = container.data.get("user") or ("redis" if container.component == "redis" else None)
    if not user:  # it runs as root, or its start script hands on to somebody
        raise CannotFixError(
            f"it is not known as which user {container.name} runs", f"不知道 {container.name} 以哪个用户运行"
        )
    return own_folder(deployment, container, path, user)
