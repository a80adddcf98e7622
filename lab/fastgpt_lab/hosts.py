# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's hosts: containers with their own Docker Engine and sshd."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from . import registry
from .settings import NETWORK, PREFIX, SSH, STATE, Host, LabError
from .shell import output, run

# What an engine inside a container needs, also where --privileged is refused for want of CAP_SYS_RESOURCE.
NESTED_ENGINE = (
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--device-cgroup-rule", "a *:* rwm"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
)
KEYS_LABEL = f"{PREFIX}.keys"
CGROUPS = Path("/sys/fs/cgroup")


def running(host: Host) -> bool:
    """Whether the host runs as it would be made now: of its release's image, with this clone's keys."""
    return made(host, "{{.State.Running}}") == f"{wanted(host)} true"


def made(host: Host, more: str = "") -> str:
    """The id of the image the host was made from and the hash of its keys, and what else of it is asked for."""
    asked = f'{{{{.Image}}}} {{{{index .Config.Labels "{KEYS_LABEL}"}}}} {more}'
    return output("docker", "inspect", "--format", asked.strip(), host.container, check=False)


def wanted(host: Host) -> str:
    """What `made` must say: another image or another clone's keys would make it a host that nobody here can enter."""
    image = output("docker", "image", "inspect", "--format", "{{.Id}}", host.image)
    return f"{image} {hash_of_keys()}"


def hash_of_keys() -> str:
    """A hash of the public keys that the hosts get: the one they show, and the one they let in."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SSH.glob("*.pub")))).hexdigest()


def boot(host: Host, stand_in: bool) -> None:
    """Boot the host (again, if it was shut down) and wait until its engine answers."""
    if not running(host):
        if made(host) == wanted(host):
            run("docker", "start", host.container)
        else:
            create(host, stand_in)
        wait_for_engine(host)


def create(host: Host, stand_in: bool) -> None:
    """Make the host anew, with nothing kept of an older one."""
    remove(host)
    config = STATE / "hosts" / f"{host.name}.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    settings = {"cgroup-parent": f"/{PREFIX}/{host.name}", "shutdown-timeout": 5, **registry.engine_config(stand_in)}
    config.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    command = ["docker", "run", "--detach", "--init", "--name", host.container, "--hostname", host.name]
    command += ["--label", f"{PREFIX}=host", "--label", f"{KEYS_LABEL}={hash_of_keys()}"]
    command += ["--network", NETWORK, "--network-alias", host.name, *NESTED_ENGINE]
    command += ["--volume", f"{SSH}:/lab/ssh:ro", "--volume", f"{config}:/lab/daemon.json:ro"]
    run(*command, "--volume", f"{host.volume}:/var/lib/docker", host.image)


def wait_for_engine(host: Host, seconds: float = 60) -> None:
    """Wait until the host's engine answers. Raises LabError with its log when it does not."""
    deadline = time.monotonic() + seconds
    while run("docker", "exec", host.container, "docker", "info", check=False).returncode:
        if time.monotonic() > deadline:
            log = output("docker", "exec", host.container, "tail", "-n", "15", "/var/log/docker.log", check=False)
            raise LabError(f"{host.name}: Docker did not start within {seconds:.0f} s\n{log}")
        time.sleep(0.3)


def shut_down(host: Host) -> None:
    """Shut the host down as a machine is: containers stop in order, data stays."""
    run("docker", "stop", "--time", "30", host.container, check=False)


def remove(host: Host) -> None:
    """Remove the host with its data; nothing happens when it does not exist."""
    run("docker", "rm", "--force", "--volumes", host.container, check=False)
    run("docker", "volume", "rm", "--force", host.volume)
    for group in sorted(CGROUPS.glob(f"*/{PREFIX}/{host.name}/**/"), reverse=True):
        group.rmdir()


def address(host: Host) -> str:
    """The host's address as the outer machine reaches it."""
    return output(
        "docker",
        "inspect",
        "--format",
        f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}}',
        host.container,
    )


def existing(hosts: dict[str, Host]) -> Iterator[Host]:
    """Those of the hosts that exist as containers, running or not."""
    names = output("docker", "ps", "--all", "--filter", f"label={PREFIX}=host", "--format", "{{.Names}}").split()
    return (host for host in hosts.values() if host.container in names)


def shell(host: Host, script: str, **variables: str) -> str:
    """Run a shell script on the host as root and return what it printed. Raises LabError when it fails."""
    env = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    return output("docker", "exec", *env, host.container, "sh", "-euc", script)
