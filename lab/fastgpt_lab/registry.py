# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's registry: it answers the hosts in the place of upstream's, and as the mirror of Docker Hub."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

from .images import Build
from .settings import NETWORK, PREFIX, REGISTRY_PORT, LabError
from .shell import in_parallel, output, run, step

CONTAINER = f"{PREFIX}-registry"
VOLUME = f"{PREFIX}-registry"
MIRROR_NAME = "hub.lab"
STOOD_FOR = ("ghcr.io", "registry.cn-hangzhou.aliyuncs.com")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def repository_of(reference: str) -> str:
    """Where an image reference is kept in the registry, as `path:tag`: without the registry's name, as Docker reads it.

    >>> repository_of("mongo:5.0.18")
    'library/mongo:5.0.18'
    """
    first, slash, rest = reference.partition("/")
    if not slash:
        return f"library/{reference}"
    return rest if "." in first or ":" in first or first == "localhost" else reference


def engine_config(stand_in: bool) -> dict[str, object]:
    """The part of a host's daemon.json that makes it pull from the lab's registry."""
    if not stand_in:
        return {}
    return {"insecure-registries": list(STOOD_FOR), "registry-mirrors": [f"http://{MIRROR_NAME}"]}


def start() -> None:
    """Start the registry under the names of those it stands for, unless it runs; wait until it answers."""
    image_id = output("docker", "image", "inspect", "--format", "{{.Id}}", f"{PREFIX}/registry")
    state = output("docker", "inspect", "--format", "{{.Image}} {{.State.Running}}", CONTAINER, check=False)
    if state != f"{image_id} true":
        run("docker", "rm", "--force", CONTAINER, check=False)
        aliases = [part for name in (*STOOD_FOR, MIRROR_NAME) for part in ("--network-alias", name)]
        command = ["docker", "run", "--detach", "--name", CONTAINER, "--label", f"{PREFIX}=registry"]
        command += ["--network", NETWORK, *aliases, "--publish", f"127.0.0.1:{REGISTRY_PORT}:80"]
        run(*command, "--volume", f"{VOLUME}:/var/lib/registry", f"{PREFIX}/registry")
    deadline = time.monotonic() + 15
    while not answers():
        if time.monotonic() > deadline:
            raise LabError(f"the lab's registry does not answer on 127.0.0.1:{REGISTRY_PORT}")
        time.sleep(0.1)


def answers() -> bool:
    """Whether the registry's API answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{REGISTRY_PORT}/v2/", timeout=2):
            return True
    except OSError:
        return False


def held_image(repository: str) -> str:
    """The id of the image the registry holds under `path:tag`; empty when it holds none."""
    path, _, tag = repository.rpartition(":")
    url = f"http://127.0.0.1:{REGISTRY_PORT}/v2/{path}/manifests/{tag}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": MANIFEST}), timeout=10) as reply:
            return str(json.load(reply)["config"]["digest"])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise LabError(f"registry: {url}: {error}") from error


def push(images: dict[str, Build]) -> None:
    """Push every image under its upstream name that the registry does not hold yet."""
    ids = {
        tag: output("docker", "image", "inspect", "--format", "{{.Id}}", tag)
        for tag in {b.tag for b in images.values()}
    }
    wanted = [name for name, build in images.items() if held_image(repository_of(name)) != ids[build.tag]]
    if not wanted:
        return
    with step(f"push {len(wanted)} image names into the lab's registry"):

        def push_one(name: str) -> None:
            target = f"127.0.0.1:{REGISTRY_PORT}/{repository_of(name)}"
            run("docker", "tag", images[name].tag, target)
            run("docker", "push", "--quiet", target)
            run("docker", "rmi", target, check=False)  # two at once may both take a name away

        # the first of each build brings the layers; pushing them twice at once would send them twice
        firsts = list({images[name].tag: name for name in reversed(wanted)}.values())
        for name in firsts:
            push_one(name)
        in_parallel(push_one, [name for name in wanted if name not in firsts])
