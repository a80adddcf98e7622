# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of MongoDB's key file."""

from __future__ import annotations

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, fixes, project_variables
from ..model import Deployment, Json
from .containers import UP_SECONDS


def keyfile_of(deployment: Deployment) -> Json:
    """Give the key file on the host; one that is made inside the container is none of it."""
    found = deployment.file_of_role("keyfile")
    if not found:
        raise CannotFixError(
            "the key file is not a file of this host (it is made inside the container, or in a volume)",
            "密钥文件不在宿主机上（在容器内生成，或位于卷中）",
        )
    return found


@fixes("mongo-keyfile-permissions", "mongo-keyfile-is-directory", "mongo-keyfile-missing")
def mend_keyfile(deployment: Deployment, _finding: Finding) -> Fix:
    """Give the key file the owner and mode mongod wants, or make it where an empty directory or nothing is."""
    key = keyfile_of(deployment)
    if key.get("kind") == "directory" and key.get("entries"):
        raise CannotFixError(
            f"{key['path']} is a directory with {key['entries']} entries; look what they are first",
            f"{key['path']} 是一个含有 {key['entries']} 个条目的目录，请先确认其中的内容",
        )
    mongo = deployment.one("mongo")
    if not mongo or not mongo.service:
        raise CannotFixError("mongo's service is not known", "不知道 mongo 对应的服务")
    before = f"{key.get('kind')} {key.get('mode')} {key.get('uid')}:{key.get('gid')}"
    diff = f"--- {key['path']}\n+++ {key['path']}\n-{before}\n+file 0400 999:999"
    variables = {"project": project_variables(deployment), "service": mongo.service, "keyfile": key["path"]}
    return Fix("mongo_replica", variables, (mongo.service,), UP_SECONDS, diff)
