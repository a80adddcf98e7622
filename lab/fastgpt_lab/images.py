# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Images made on this machine: base systems from Debian's archive, lab hosts, the registry and the stack's images.

Each image carries a label with a hash of what it was made from and is only made again when that changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from .settings import IMAGES, LAB, MIRROR, PREFIX, LabError
from .shell import in_parallel, output, run, step

INPUTS_LABEL = f"{PREFIX}.inputs"
OWN_IMAGE = re.compile(rf"^FROM\s+({PREFIX}/([\w.-]+)\S*)", re.MULTILINE)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
BASE_PACKAGES = "python3,ca-certificates"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


@dataclass(frozen=True)
class Build:
    """A Dockerfile's folder with its build arguments, and the tag it gets."""

    tag: str
    folder: Path
    args: tuple[tuple[str, str], ...] = ()


def digest_of(parts: Iterable[bytes]) -> str:
    """A short hash over the parts and where each ends."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()[:16]


def folder_digest(folder: Path) -> str:
    """A hash of every file's path, mode and content below the folder, caches of Python left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return digest_of(
        part
        for path in files
        for part in (str(path.relative_to(folder)).encode(), oct(path.stat().st_mode).encode(), path.read_bytes())
    )


def inputs_of(tag: str) -> str:
    """The hash an existing image was made from; empty when there is no such image."""
    return output(
        "docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{INPUTS_LABEL}"}}}}', tag, check=False
    )


def make_base(release: str) -> None:
    """Make the base image of a Debian release with mmdebstrap, from the archive alone.

    The certificates this machine trusts go in, so that downloads in later builds work behind a TLS proxy too.
    """
    tag = f"{PREFIX}/base:{release}"
    certificates = CA_BUNDLE.read_bytes() if CA_BUNDLE.exists() else b""
    inputs = digest_of(
        [release.encode(), MIRROR.encode(), BASE_PACKAGES.encode(), certificates, *map(str.encode, LEFT_OUT)]
    )
    if inputs_of(tag) == inputs:
        return
    with step(f"base image {tag} (mmdebstrap)"):
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={BASE_PACKAGES}"]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
        command += [f"--customize-hook=upload {CA_BUNDLE} {CA_BUNDLE}"] if certificates else []
        archive = run(*command, release, "-", *([MIRROR] if MIRROR else [])).stdout
        labels = ("--change", f"LABEL {PREFIX}=image {INPUTS_LABEL}={inputs}", "--change", 'CMD ["/bin/sh"]')
        run("docker", "import", *labels, "-", tag, stdin=archive)


def parents_of(folder: Path) -> list[tuple[str, str]]:
    """The lab's own images that the folder's Dockerfile starts from: the whole reference, and the name in it."""
    return OWN_IMAGE.findall((folder / "Dockerfile").read_text(encoding="utf-8"))


def make_image(build: Build) -> None:
    """Build an image unless it is there, made from the same files, arguments and parents."""
    arguments = dict(build.args)
    parents = [arguments["BASE"]] if "BASE" in arguments else [reference for reference, _ in parents_of(build.folder)]
    texts = [folder_digest(build.folder), json.dumps(build.args), *map(inputs_of, parents)]
    inputs = digest_of(map(str.encode, texts))
    if inputs_of(build.tag) == inputs:
        return
    with step(f"image {build.tag}"):
        command = ["docker", "build", "--quiet", "--network", "host", "--tag", build.tag]
        command += ["--label", f"{INPUTS_LABEL}={inputs}"]
        for name, value in build.args:
            command += ["--build-arg", f"{name}={value}"]
        for name in PROXY_VARIABLES:
            command += ["--build-arg", name] if name in os.environ else []
        run(*command, str(build.folder))


def make_host_image(release: str) -> None:
    """Make the image of a lab host of that Debian release, its base image included."""
    make_base(release)
    make_image(Build(f"{PREFIX}/host:{release}", LAB / "host", (("BASE", f"{PREFIX}/base:{release}"),)))


def make_registry_image() -> None:
    """Make the image of the lab's registry; needs the trixie base image."""
    make_image(Build(f"{PREFIX}/registry", LAB / "registry", (("BASE", f"{PREFIX}/base:trixie"),)))


def stack_images(path: Path = IMAGES / "images.yml") -> dict[str, Build]:
    """Upstream's image references, each with the stand-in's build, as images.yml lists them.

    Its entries of the lab's own names are layers of others: build_order finds them by what the others start from.
    """
    images = {}
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        if entry["name"].startswith(f"{PREFIX}/"):
            continue
        args = tuple(sorted((name, str(value)) for name, value in (entry.get("args") or {}).items()))
        suffix = f":{digest_of([json.dumps(args).encode()])}" if args else ""
        images[entry["name"]] = Build(f"{PREFIX}/{entry['build']}{suffix}", path.parent / entry["build"], args)
    return images


def build_order(builds: Iterable[Build], folder: Path = IMAGES) -> list[list[Build]]:
    """The builds and the lab images they start from, in waves: each wave only needs those before it.

    Raises LabError when images start from each other.
    """
    needs: dict[Build, list[Build]] = {}
    todo = list(dict.fromkeys(builds))
    while todo:
        build = todo.pop()
        if build not in needs:
            own = [parent for parent in parents_of(build.folder) if (folder / parent[1] / "Dockerfile").exists()]
            needs[build] = [Build(reference, folder / name) for reference, name in own]
            todo += needs[build]
    waves: list[list[Build]] = []
    done: set[Build] = set()
    while len(done) < len(needs):
        wave = [build for build in needs if build not in done and done.issuperset(needs[build])]
        if not wave:
            raise LabError(f"images start from each other: {', '.join(b.tag for b in needs if b not in done)}")
        waves.append(wave)
        done.update(wave)
    return waves


def make_stack_images(images: dict[str, Build]) -> None:
    """Build every image of the stacks; needs the trixie base image.

    Images of one folder are built one after the other: they share layers through the builder's cache.
    """
    for wave in build_order(images.values()):
        folders = sorted({build.folder for build in wave})

        def make_folder(folder: Path, wave: list[Build] = wave) -> None:
            for build in wave:
                if build.folder == folder:
                    make_image(build)

        in_parallel(make_folder, folders)
