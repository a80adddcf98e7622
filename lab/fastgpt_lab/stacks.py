# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Putting a stack's files on a lab host and bringing it up with that host's own Compose."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import yaml

from . import hosts
from .images import digest_of, folder_digest
from .settings import PROJECT_DIR, STACKS, Host, LabError
from .shell import run, step

MODES = "files.yml"
FIRST_RUN = "first-run.sh"
NOT_DEPLOYED = ("README.md", MODES, FIRST_RUN)
MARKER = "/opt/.lab-deployed"
# FastGPT reads config.json when it starts, not again.
RESTART_APP = "docker ps --quiet --filter publish=3000 | xargs -r docker restart"
APP_URL = "http://127.0.0.1:3000/api/common/system/getInitData"

# Restores the kind of each file too: a fault may have put a folder in its place.
MAKE_ROOM = """
mkdir -p "$PROJECT_DIR"; cd "$PROJECT_DIR"
for path in $FILES; do [ ! -d "$path" ] || rm -rf "$path"; done
"""
# Compose prints much on success; its last lines matter when it fails.
COMPOSE_QUIETLY = """
cd "$PROJECT_DIR"
$COMPOSE $ARGUMENTS >/tmp/lab-compose.log 2>&1 || { tail -n 15 /tmp/lab-compose.log; exit 1; }
"""
DELETE_ALL = """
docker ps --all --quiet | xargs -r docker rm --force --volumes
docker volume ls --quiet | xargs -r docker volume rm
docker network prune --force
awk -v below="$PROJECT_DIR/" 'index($2, below) == 1 { print $2 }' /proc/mounts | xargs -r umount
rm -rf "$PROJECT_DIR" /opt/.lab-faults /opt/.lab-kept
"""
IS_READY = f"""exec python3 -c 'import urllib.request as r; r.urlopen("{APP_URL}", timeout=2)' 2>/dev/null"""


def files_of(stack: Path) -> dict[str, Path]:
    """The files of a stack that go onto a host, by their path in the project folder."""
    paths = {str(path.relative_to(stack)): path for path in sorted(stack.rglob("*")) if path.is_file()}
    return {name: path for name, path in paths.items() if name not in NOT_DEPLOYED}


def archive(stack: Path) -> bytes:
    """The stack's files as a tar archive: root's and of mode 0644, but for what the stack's files.yml says.

    files.yml is a list of `{path, mode: "0400", owner: "999:999"}`.
    """
    modes = stack / MODES
    special = {entry["path"]: entry for entry in yaml.safe_load(modes.read_text("utf-8"))} if modes.exists() else {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in files_of(stack).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = path.stat().st_size, int(path.stat().st_mtime)
            info.mode = int(special.get(name, {}).get("mode", "0644"), 8)
            info.uid, info.gid = map(int, special.get(name, {}).get("owner", "0:0").split(":"))
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    return buffer.getvalue()


def stack_folder(host: Host) -> Path:
    """The folder of the host's stack. Raises LabError when there is none."""
    folder = STACKS / host.stack
    if not (folder / "docker-compose.yml").exists():
        raise LabError(f"{host.name}: no stack {host.stack} in {STACKS}")
    return folder


def put_files(host: Host) -> None:
    """Put the stack's pristine files into the project folder; other files there stay."""
    stack = stack_folder(host)
    hosts.shell(host, MAKE_ROOM, PROJECT_DIR=PROJECT_DIR, FILES=" ".join(files_of(stack)))
    run("docker", "exec", "--interactive", host.container, "tar", "-x", "-C", PROJECT_DIR, stdin=archive(stack))


def compose(host: Host, arguments: str) -> None:
    """Run the host's own Compose in the project folder. Raises LabError with the end of what it said."""
    hosts.shell(host, COMPOSE_QUIETLY, PROJECT_DIR=PROJECT_DIR, COMPOSE=host.compose, ARGUMENTS=arguments)


def bring_up(host: Host) -> None:
    """Put the pristine files in place, let Compose create what differs, and wait until the app answers."""
    config_was = checksum_of_config(host)
    put_files(host)
    compose(host, "up -d --remove-orphans")
    if config_was not in ("", checksum_of_config(host)):
        hosts.shell(host, RESTART_APP)
    first_run(host)
    wait_until_ready(host)


def checksum_of_config(host: Host) -> str:
    """Give the checksum of FastGPT's config.json, empty where there is none."""
    return hosts.shell(host, f"[ ! -f {PROJECT_DIR}/config.json ] || sha256sum <{PROJECT_DIR}/config.json")


def first_run(host: Host) -> None:
    """What an operator does by hand after the first start: the stack's first-run.sh, once for each life of its data."""
    script = stack_folder(host) / FIRST_RUN
    done = f"{PROJECT_DIR}/.lab-first-run"
    if script.exists() and hosts.shell(host, f"ls {done} 2>/dev/null || echo none") == "none":
        hosts.shell(host, script.read_text(encoding="utf-8"), PROJECT_DIR=PROJECT_DIR)
        hosts.shell(host, f"touch {done}")


def deployment_of(stack: Path, stand_ins: dict[str, str]) -> str:
    """A hash of the stack's files and of those stand-ins (image references to hashes) that they name."""
    text = "".join(path.read_text("utf-8") for path in sorted(stack.iterdir()))
    used = sorted(f"{name} {inputs}" for name, inputs in stand_ins.items() if name in text)
    return digest_of([folder_digest(stack).encode(), *map(str.encode, used)])


def deploy(host: Host, stand_ins: dict[str, str]) -> None:
    """Deploy the stack anew, its data gone, unless the host has these files and images already."""
    wanted = deployment_of(stack_folder(host), stand_ins)
    if hosts.shell(host, f"cat {MARKER} 2>/dev/null || echo none") == wanted:
        return
    with step(f"{host.name}: deploy stack {host.stack} with {host.compose}"):
        hosts.shell(host, f"rm -f {MARKER}")
        delete(host)
        put_files(host)
        compose(host, "pull --quiet")
        bring_up(host)
        hosts.shell(host, f"echo '{wanted}' > {MARKER}")


def delete(host: Host) -> None:
    """Remove every container, volume and network and the project folder from the host; images stay."""
    hosts.shell(host, DELETE_ALL, PROJECT_DIR=PROJECT_DIR)


def wait_until_ready(host: Host, seconds: float = 90) -> None:
    """Wait until the app answers on its published port. Raises LabError with the state of the containers."""
    deadline = time.monotonic() + seconds
    while run("docker", "exec", host.container, "sh", "-c", IS_READY, check=False).returncode:
        if time.monotonic() > deadline:
            table = hosts.shell(host, "docker ps --all --format '{{.Names}}: {{.Status}}'")
            raise LabError(f"{host.name}: FastGPT does not answer after {seconds:.0f} s\n{table}")
        time.sleep(0.5)
