#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_preflight
short_description: See whether an upgrade can be made, and pull its images
version_added: 0.1.0
description:
  - Looks, before anything is stopped, whether docker may be used, the app answers, every image can be had from its
    registry, and there is room for images and backups. Everything that is in the way is told at once.
  - With O(pull) the images are pulled, running containers untouched. A pull that breaks is tried again.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  images:
    description: References of all images of all hops.
    type: list
    elements: str
    default: []
  backup:
    description: There is to be room for two backups of the databases, of before all hops and of the hop at work.
    type: bool
    default: false
  app:
    description: The service that has to answer, with C(service), C(port) and C(path). Without it none has to.
    type: dict
  pull:
    description: Pull the images, in the place of the checks.
    type: bool
    default: false
  timeout:
    description: Seconds the pull of one image may take.
    type: float
    default: 3600
  run_id:
    description: The run whose lock is held meanwhile.
    type: str
extends_documentation_fragment:
  - fastgpt.ops.project
attributes:
  check_mode:
    support: full
    description: The checks are made as always; nothing is pulled.
  diff_mode:
    support: none
    description: Nothing is changed but the store of images.
"""

EXAMPLES = r"""
- name: See whether the upgrade can be made
  fastgpt.ops.upgrade_preflight:
    project_dir: /opt/fastgpt
    images: [ghcr.io/labring/fastgpt:v4.8.15-fix3]
    backup: true
    app:
      service: fastgpt
      port: 3000
      path: /api/common/system/getInitData
"""

RETURN = r"""
missing:
  description: The images that are not on the host yet.
  type: list
  elements: str
  returned: always
containers:
  description: The names of the project's containers, by service.
  type: dict
  returned: success
pulled:
  description: The images that were pulled.
  type: list
  elements: str
  returned: with O(pull=true)
"""

import concurrent.futures
import json
import os
import re
import shutil
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._alone import alone
from ansible_collections.fastgpt.ops.plugins.module_utils._backup import BackupError, Stack, check_space
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import (
    PROJECT,
    ComposeError,
    Project,
    has_image,
    service_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._databases import DatabaseError
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JournalError,
    run_id_or_manual,
    state_folder,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._net import http_get
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run
from ansible_collections.fastgpt.ops.plugins.module_utils._waits import trouble_with_http

Json = t.Dict[str, t.Any]

_ASK = 30.0
_TRIES = 3
_PAUSE = 5.0
_UNKNOWN_SIZE = 600 * 1024 * 1024
"""Bytes to reckon with for an image of which no other version is on the host."""
_MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "oci.image.index.v1",
    )
)
_NOT_THERE = re.compile(r"no such manifest|manifest unknown|not found|name unknown", re.IGNORECASE)


def info() -> Json:
    """Give what the engine says of itself.

    :raises ComposeError: it does not answer, or not to this user
    """
    result = run(["docker", "info", "--format", "{{json .}}"], _ASK)
    try:
        found = json.loads(result.text) if result.rc == 0 else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("ServerErrors"):
        words = result.error or "; ".join((found or {}).get("ServerErrors") or ["no answer"])
        raise ComposeError(f"docker does not answer this user: {words}")
    return found


def lacks_tag(image: str, engine: Json) -> str | None:
    """Say that a registry answers and does not have an image; None where it has it, or only a pull can tell.

    A mirror is the engine's own business, so what Docker Hub says counts only where there is none.
    """
    registry = image.partition("/")[0] if re.match(r"[^/]*[.:][^/]*/|localhost/", image) else "docker.io"
    known = (engine.get("RegistryConfig") or {}).get("IndexConfigs") or {}
    if registry == "docker.io" and (known.get("docker.io") or {}).get("Mirrors"):
        return None
    if (known.get(registry) or {}).get("Secure") is False:
        missing = _plainly_missing(registry, image)  # docker's own question goes nowhere but to TLS
    else:
        result = run(["docker", "manifest", "inspect", image], _ASK)
        missing = result.rc != 0 and bool(_NOT_THERE.search(result.error or ""))
    return f"{image} is not in its registry" if missing else None


def _plainly_missing(registry: str, image: str) -> bool:
    """Tell whether a registry without TLS, which the engine is told to trust, says that it has no such image."""
    path = image[len(registry) + 1 :]
    name, at, digest = path.partition("@")
    name, _colon, tag = (name, "", digest) if at else path.rpartition(":")
    answer = http_get(f"http://{registry}/v2/{name}/manifests/{tag}", _ASK, {"Accept": _MANIFESTS})
    return bool(answer["status"] == 404)


def room(images: t.Sequence[str]) -> int:
    """Give the bytes to reckon with for images: each as large as the largest one of that name that is here."""
    needed = 0
    for image in images:
        name = image.partition("@")[0].rpartition(":")[0]
        sizes = run(["docker", "image", "ls", "--quiet", name], _ASK).text.split()
        shown = run(["docker", "image", "inspect", "--format", "{{.Size}}", *sizes], _ASK).text.split() if sizes else []
        needed += max((int(size) for size in shown if size.isdigit()), default=_UNKNOWN_SIZE)
    return needed


def lacks_room(images: t.Sequence[str], engine: Json) -> str | None:
    """Say that the engine's store has no room for the images."""
    root = str(engine.get("DockerRootDir") or "")
    if not images or not os.path.isdir(root):
        return None
    needed, free = room(images), shutil.disk_usage(root).free
    if free >= needed:
        return None
    return f"the images need about {needed >> 20} MiB at {root} and {free >> 20} MiB are free"


def check(module: AnsibleModule, project: Project, missing: t.Sequence[str]) -> list[str]:
    """Give everything that is in the way."""
    params, engine = module.params, info()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: lacks_tag(image, engine), missing))
    found.append(lacks_room(missing, engine))
    if params["app"]:
        trouble = trouble_with_http(project, params["app"])
        found.append(
            f"{params['app']['service']} does not work, so there is nothing to go back to: {trouble}"
            if trouble
            else None
        )
    if params["backup"]:
        try:
            stack = Stack(project)
            for item in stack.databases:
                if not item.container["state"]["running"]:
                    found.append(f"{item.service} does not run, so it cannot be backed up")
            if all(item.container["state"]["running"] for item in stack.databases):
                check_space(stack, os.path.join(state_folder(), "backups"), True, 2)
        except (BackupError, DatabaseError) as error:
            found.append(str(error))
    return [trouble for trouble in found if trouble]


def pull_all(images: t.Sequence[str], timeout: float) -> None:
    """Pull images.

    :raises ComposeError: some cannot be had; all of them are named
    """
    troubles = [trouble for trouble in (pull(image, timeout) for image in images) if trouble]
    if troubles:
        raise ComposeError("; ".join(troubles))


def pull(image: str, timeout: float) -> str | None:
    """Pull an image; a broken pull is tried again, what was loaded stays. Says why it cannot be had."""
    error = ""
    for number in range(_TRIES):
        if number:
            time.sleep(_PAUSE)
        result = run(["docker", "pull", "--quiet", image], timeout)
        if result.rc == 0:
            return None
        error = str(result.error)
        if _NOT_THERE.search(error):
            break
    return f"{image} cannot be pulled: {error}"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **PROJECT,
            "images": {"type": "list", "elements": "str", "default": []},
            "backup": {"type": "bool", "default": False},
            "app": {"type": "dict"},
            "pull": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 3600},
            "run_id": {"type": "str"},
        },
        supports_check_mode=True,
    )
    project = Project.of(module.params)
    result: Json = {"changed": False}
    try:
        missing = [image for image in dict.fromkeys(module.params["images"]) if not has_image(image)]
        result["missing"] = missing
        result["containers"] = {service_of(item): str(item["Name"]).lstrip("/") for item in project.containers()}
        if not module.params["pull"]:
            trouble = check(module, project, missing)
            if trouble:
                module.fail_json(msg="; ".join(trouble) + "; nothing was changed", **result)
        elif not module.check_mode:
            with alone(run_id_or_manual(module.params["run_id"])):
                pull_all(missing, module.params["timeout"])
            result.update(changed=bool(missing), pulled=missing)
    except (ComposeError, JournalError, OSError) as error:
        module.fail_json(msg=f"{error}; nothing was changed", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
