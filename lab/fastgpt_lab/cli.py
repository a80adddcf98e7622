# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's command line."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import calls, faults, hosts, images, registry, ssh, stacks
from .settings import LAB, NETWORK, PREFIX, STATE, Host, LabError, load_hosts, select_hosts, use_upstream_images
from .shell import in_parallel, output, run, say, step


def build(chosen: list[Host], stand_in: bool) -> dict[str, str]:
    """Make the images the hosts need; return the stand-ins' references with a hash of what each was made from."""
    releases = sorted({host.release for host in chosen} | {"trixie"}, reverse=True)
    in_parallel(images.make_base, releases)
    in_parallel(images.make_host_image, releases)
    if not stand_in:
        return {}
    images.make_registry_image()
    wanted = images.stack_images()
    images.make_stack_images(wanted)
    return {name: images.inputs_of(made.tag) for name, made in wanted.items()}


def up(args: argparse.Namespace) -> None:
    """Boot the hosts with their stacks; what is already up stays as it is, injected faults too."""
    chosen = select_hosts(args.hosts)
    stand_in = not use_upstream_images()
    output(str(LAB / "engine"), "start")
    STATE.mkdir(exist_ok=True)
    stand_ins = build(chosen, stand_in)
    ssh.make_keys()
    if run("docker", "network", "inspect", NETWORK, check=False).returncode:
        run("docker", "network", "create", "--label", f"{PREFIX}=network", NETWORK)
    if stand_in:
        registry.start()
        registry.push(images.stack_images())
    with step(f"hosts {', '.join(host.name for host in chosen)}"):
        in_parallel(lambda host: hosts.boot(host, stand_in), chosen, len(chosen))
        in_parallel(lambda host: stacks.deploy(host, stand_ins), chosen, len(chosen))
    defined, default = load_hosts()
    addresses = {host.name: hosts.address(host) for host in hosts.existing(defined)}
    # a host that is shut down has none; an empty one would make ssh refuse the whole file
    ssh.write_access({name: address for name, address in addresses.items() if address}, default)
    inventory = (STATE / "inventory.yml").relative_to(LAB.parent)
    say(f"inventory: {inventory}; a shell: ssh -F lab/.state/ssh_config {chosen[0].name}")


def demo(args: argparse.Namespace) -> None:
    """Boot the demo's hosts, heal what they have, and inject the faults of demo.yml."""
    plan = faults.scenario()
    up(argparse.Namespace(hosts=list(plan)))
    reset(argparse.Namespace(hosts=list(plan), data=False))
    for name, fault_names in plan.items():
        inject(argparse.Namespace(host=name, faults=fault_names))


def down(_args: argparse.Namespace) -> None:
    """Shut the hosts and the registry down; `up` boots them again as they were."""
    with step("shut down"):
        in_parallel(hosts.shut_down, hosts.existing(load_hosts()[0]))
        run("docker", "stop", registry.CONTAINER, check=False)


def clean(_args: argparse.Namespace) -> None:
    """Remove the hosts, the registry, their data and images, the engine that the lab started, and the state folder."""
    if not run("docker", "info", check=False).returncode:
        with step("remove hosts, registry, network, images"):
            in_parallel(hosts.remove, hosts.existing(load_hosts()[0]))
            run("docker", "rm", "--force", "--volumes", registry.CONTAINER, check=False)
            run("docker", "volume", "rm", "--force", registry.VOLUME)
            run("docker", "network", "rm", NETWORK, check=False)
            remove_images()
            remove_cgroups()
    say(output(str(LAB / "engine"), "stop"))
    shutil.rmtree(STATE, ignore_errors=True)


def remove_images() -> None:
    """Remove the lab's images, in turns: Docker refuses one that others were built on.

    Raises LabError where some cannot be removed.
    """
    left: set[str] = set()
    while found := set(output("docker", "images", "--quiet", "--filter", f"label={PREFIX}=image").split()):
        if found == left:
            raise LabError(f"images that something else uses are left: {' '.join(sorted(found))}")
        run("docker", "rmi", "--force", *found, check=False)
        left = found


def remove_cgroups() -> None:
    """Remove the empty control groups that the hosts' engines left on this machine."""
    for group in sorted(hosts.CGROUPS.glob(f"*/{PREFIX}/**/"), reverse=True):
        group.rmdir()


def status(_args: argparse.Namespace) -> None:
    """Print each existing host with its release, stack, address, injected faults and containers."""
    for host in hosts.existing(load_hosts()[0]):
        if not hosts.running(host):
            print(f"{host.name}: shut down")
            continue
        found = ", ".join(faults.injected(host)) or "none"
        print(f"{host.name}: {host.release}, stack {host.stack}, {hosts.address(host)}, faults: {found}")
        print(
            output(
                "docker",
                "exec",
                host.container,
                "timeout",
                "5",
                "docker",
                "ps",
                "--all",
                "--format",
                "  {{.Names}}: {{.Status}}",
                check=False,
            )
        )


def list_hosts(_args: argparse.Namespace) -> None:
    """Print the defined hosts."""
    defined, default = load_hosts()
    for host in defined.values():
        note = ", booted by default" if host.name in default else ""
        print(f"{host.name}: {host.release} ({host.compose}), stack {host.stack}{note}")


def list_faults(_args: argparse.Namespace) -> None:
    """Print the faults with the finding each must lead to."""
    for fault in faults.load_all():
        print(f"{fault.name} [{fault.stack}] -> {fault.finding}: {fault.summary}")


def list_fitting(args: argparse.Namespace) -> None:
    """Print the hosts that exist and that a fault fits."""
    for host in hosts.existing(load_hosts()[0]):
        if faults.load(args.fault).fits(host):
            print(host.name)


def inject(args: argparse.Namespace) -> None:
    """Inject faults into one host."""
    (host,) = select_hosts([args.host])
    for fault in map(faults.load, args.faults):
        with step(f"{host.name}: inject {fault.name}"):
            faults.inject(host, fault)


def heal(args: argparse.Namespace) -> None:
    """Heal faults of one host."""
    (host,) = select_hosts([args.host])
    for fault in map(faults.load, args.faults):
        with step(f"{host.name}: heal {fault.name}"):
            faults.heal(host, fault)


def reset(args: argparse.Namespace) -> None:
    """Heal every injected fault, put the pristine files back, recreate what differs (--data: all, from nothing)."""

    def reset_one(host: Host) -> None:
        healed = faults.heal_all(host)
        if args.data:
            stacks.delete(host)
        if healed or args.data:
            with step(f"{host.name}: reset"):
                stacks.bring_up(host)

    in_parallel(reset_one, select_hosts(args.hosts))


def list_dangerous(args: argparse.Namespace) -> None:
    """Print the docker calls made on hosts over SSH that remove data; fails where there are some."""
    found = [
        f"{host.name}: {call}"
        for host in select_hosts(args.hosts)
        for call in calls.made_on(host)
        if calls.is_dangerous(call)
    ]
    if found:
        raise LabError("\n".join(["calls that remove data:", *found]))


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="lab.py", description="The lab: real Docker hosts with a FastGPT-shaped stack each."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    fault = commands.add_parser("fault", help="inject or heal faults by name").add_subparsers(
        required=True, metavar="ACTION"
    )

    def command(name: str, function: Callable[[argparse.Namespace], None], group: Any = commands) -> Any:
        summary = (function.__doc__ or "").split("\n", maxsplit=1)[0]
        added = group.add_parser(name, help=summary, description=summary)
        # what works on one running host may be done on several at once; the rest is alone
        shared = function in (inject, heal, reset, status, list_hosts, list_faults, list_fitting, list_dangerous)
        added.set_defaults(function=function, lock=fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        return added

    names = {"type": lambda text: text.split(","), "help": "names, comma-separated (default: as hosts.yml says)"}
    command("up", up).add_argument("--hosts", **names)
    command("demo", demo)
    command("down", down)
    command("clean", clean)
    command("status", status)
    command("hosts", list_hosts)
    command("dangerous", list_dangerous).add_argument("hosts", nargs="+", metavar="HOST")
    one = command("reset", reset)
    one.add_argument("hosts", nargs="+", metavar="HOST")
    one.add_argument("--data", action="store_true", help="delete the stack's data too")
    command("list", list_faults, fault)
    command("hosts", list_fitting, fault).add_argument("fault", metavar="FAULT")
    for name, function in (("inject", inject), ("heal", heal)):
        action = command(name, function, fault)
        action.add_argument("host", metavar="HOST")
        action.add_argument("faults", nargs="+", metavar="FAULT")
    return top


@contextmanager
def locked(kind: int) -> Iterator[None]:
    """Hold this checkout's lab lock: no command builds or boots what another is just building, booting or breaking."""
    with open(LAB / "hosts.yml", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another lab command to end …")
            fcntl.flock(lock, kind)
        yield


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with a message when the lab could not do it."""
    args = parser().parse_args(argv)
    try:
        with locked(args.lock):
            args.function(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0
