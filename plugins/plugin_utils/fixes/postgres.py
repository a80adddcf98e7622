# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of pgvector: its files, its extension, and the table that FastGPT makes by itself once it can."""

from __future__ import annotations

import re

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, edit, fixes, project_variables
from ..model import Container, Deployment, Json
from ..rules._peers import LOOPBACK, Target, peer, targets, uses_host_network
from ..rules.postgres import ITERATIVE_SCAN, NEEDS_ITERATIVE_SCAN
from ..versions import Version, split_image
from .containers import UP_SECONDS, app_services

PGVECTOR = "0.8.0"
"""The version FastGPT's own compose files pin from 4.9 on; earlier ones of FastGPT work with it as well."""
MAJORS = range(13, 18)
"""Majors of PostgreSQL that have an image of that version."""
_OFFICIAL = re.compile(r"^((docker\.io|index\.docker\.io)/)?((library/)?postgres|pgvector/pgvector|ankane/pgvector)$")
_ALIYUN = "registry.cn-hangzhou.aliyuncs.com/fastgpt/pgvector"


def server_of(deployment: Deployment) -> Target:
    """Give the server that FastGPT's PG_URL names."""
    for target in targets(deployment.env_of("app")):
        if target.variable in ("PG_URL", "PG_HOST"):
            return target
    raise CannotFixError("PG_URL of FastGPT is not known", "不知道 FastGPT 的 PG_URL")


def is_this_host(deployment: Deployment, host: str) -> bool:
    """Tell whether FastGPT means this host by a name or address."""
    if host in LOOPBACK:
        return uses_host_network(deployment, "app")
    return host == "host.docker.internal" or host in (deployment.host.get("addresses") or [])


def container_at(deployment: Deployment, server: Target) -> Container | None:
    """Give the server's container, named by the compose network or by a port it publishes on this host."""
    named = peer(deployment, server.address.host)
    if named or not is_this_host(deployment, server.address.host):
        return named
    everything = (*deployment.containers, *deployment.other_containers)
    return next((c for c in everything if any(p.get("host_port") == server.port for p in c.ports)), None)


def refuse_lost_vectors(deployment: Deployment) -> None:
    """Refuse where MongoDB holds the texts of vectors that this PostgreSQL does not have: they are elsewhere."""
    texts = ((deployment.probe("mongo") or {}).get("datasets") or {}).get("data")
    if texts:
        raise CannotFixError(
            f"MongoDB holds {texts} entries of knowledge bases whose vectors are not in this PostgreSQL: they are in"
            " another volume or folder. Find that first (docker volume ls, the former volumes: of the service); a new"
            " empty table would hide the loss",
            f"MongoDB 中有 {texts} 条知识库数据，但它们的向量不在这个 PostgreSQL 里：向量在另一个卷或目录中。请先找到它"
            "（docker volume ls、该服务以前的 volumes:）；新建空表只会掩盖问题",
        )


def image_with_pgvector(image: str, major: int) -> str:
    """Name the image that has PostgreSQL of the data's major and a pgvector that every FastGPT gets along with.

    :raises CannotFixError: the present image is of another kind, so that something else may be in it
    """
    name, tag, _digest = split_image(image)
    if "alpine" in (tag or ""):
        raise CannotFixError(
            f"{image} is built on Alpine, which sorts text in another way than images with pgvector: dump and restore",
            f"{image} 基于 Alpine，其文本排序规则与带 pgvector 的镜像不同：需要导出再导入",
        )
    if major not in MAJORS:
        raise CannotFixError(
            f"there is no image with pgvector {PGVECTOR} for PostgreSQL {major}",
            f"没有适用于 PostgreSQL {major} 的 pgvector {PGVECTOR} 镜像",
        )
    if name == _ALIYUN and major == 15:
        return f"{_ALIYUN}:{PGVECTOR}-pg15"
    if name == _ALIYUN or _OFFICIAL.match(name):
        return f"pgvector/pgvector:{PGVECTOR}-pg{major}"
    raise CannotFixError(
        f"{image} is an image of your own; put pgvector into it, for PostgreSQL {major}",
        f"{image} 是自定义镜像，请在其中加入适用于 PostgreSQL {major} 的 pgvector",
    )


def extension_fix(deployment: Deployment, by_image: bool) -> Fix:
    """Create or update the extension where FastGPT's server runs, on new files of it where those it has do not do."""
    server = server_of(deployment)
    container = container_at(deployment, server)
    restarts = app_services(deployment)
    app = deployment.app.name if deployment.app else ""
    variables: Json = {"project": project_variables(deployment), "app": app, "restarts": restarts}
    if deployment.version and deployment.version >= NEEDS_ITERATIVE_SCAN:
        variables["version"] = str(ITERATIVE_SCAN)
    if container:
        return _in_container(deployment, container, variables, by_image)
    if not is_this_host(deployment, server.address.host):
        where = f"{server.address.host}:{server.port}"
        raise CannotFixError(
            f"PostgreSQL runs on another machine ({where}): run the role fastgpt.ops.pgvector there, with"
            f" pgvector_database={server.address.path or 'NAME'}",
            f"PostgreSQL 在另一台机器上（{where}）：请在那台机器上运行角色 fastgpt.ops.pgvector，并指定"
            f" pgvector_database={server.address.path or '库名'}",
        )
    return Fix("pgvector", {**variables, "port": server.port}, tuple(restarts), UP_SECONDS)


def _in_container(deployment: Deployment, container: Container, variables: Json, by_image: bool) -> Fix:
    version = (deployment.probe("pg") or {}).get("version")
    if not version:
        raise CannotFixError(
            f"PostgreSQL in {container.name} does not answer; its version must be known first",
            f"{container.name} 内的 PostgreSQL 没有应答，需要先知道它的版本",
        )
    restarts = variables["restarts"]
    variables = {**variables, "container": container.name}
    if not by_image:
        return Fix("pgvector", variables, tuple(restarts), UP_SECONDS)
    if container.service not in deployment.services:
        raise CannotFixError(
            f"{container.name} is no service of the compose file", f"compose 文件中没有服务 {container.name}"
        )
    service = str(container.service)
    image = image_with_pgvector(container.image, int(str(version).partition(".")[0]))
    compose, diff = edit(deployment, service, image=image)
    variables |= {"service": service, "compose_file": compose.path, "image": image, "version": PGVECTOR}
    return Fix("pgvector", variables, (service, *restarts), 2 * UP_SECONDS, diff)


@fixes("pgvector-extension-missing")
def create_extension(deployment: Deployment, _finding: Finding) -> Fix:
    """Create the extension, on an image that has its files where the present one has none."""
    refuse_lost_vectors(deployment)
    return extension_fix(deployment, by_image=not (deployment.probe("pg") or {}).get("extension_available"))


@fixes("pgvector-version-mismatch", "pgvector-filter-bug")
def update_extension(deployment: Deployment, _finding: Finding) -> Fix:
    """Bring the extension up to its files, on newer ones where those are older than 0.8."""
    library = Version.parse((deployment.probe("pg") or {}).get("extension_available"))
    return extension_fix(deployment, by_image=library is None or library < ITERATIVE_SCAN)


@fixes("pg-modeldata-missing")
def let_fastgpt_make_its_table(deployment: Deployment, _finding: Finding) -> Fix:
    """Restart FastGPT, which makes its table where extension and rights are there; never by hand."""
    refuse_lost_vectors(deployment)
    probe = deployment.probe("pg") or {}
    if not probe.get("extension"):
        return create_extension(deployment, _finding)
    return extension_fix(deployment, by_image=False)
