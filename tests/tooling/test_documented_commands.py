# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Every command of the README and of docs/ is run, in a copy of the tree, on this machine without a FastGPT.

What takes a server with a FastGPT gets as far as finding none: in the place of Docker, which may run here or not, is a
program without a container. `make` only says what it would do: what it does has tests of its own. A command that no
line of RUNNERS knows fails.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTHING_THERE = ("has no FastGPT deployment", "changed nothing on", "inventory_hostname not in fastgpt_upgrade.refused")
DOCKER = """#!/bin/sh
case "$1 $2" in
    info*) echo '{"ServerVersion": "26.1.5"}' ;;
    version*) echo '{"Client": {"Version": "26.1.5"}, "Server": {"Version": "26.1.5"}}' ;;
    "compose version") echo 2.26.1 ;;
esac
"""
SECRETS = {"FEISHU_WEBHOOK": "http://127.0.0.1:9/", "FEISHU_SECRET": "s"}


def commands() -> Iterator[str]:
    """The commands of all pages, each once, in their order."""
    seen = set()
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            for line in re.sub(r" \\\n\s*", " ", block).splitlines():
                command = re.sub(r"(^|\s+)#.*", "", line).strip()
                if command and command not in seen:
                    seen.add(command)
                    yield command


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the files that the pages tell the reader to have."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    kept = "\0".join(name for name in names if name and not name.startswith("tests/") and (ROOT / name).exists())
    packed = subprocess.run(
        ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=kept.encode(), capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=folder, input=packed.stdout, check=True)
    (folder / ".venv").symlink_to(BIN.parent)
    (folder / "no-containers").mkdir()
    (folder / "no-containers/docker").write_text(DOCKER)
    (folder / "no-containers/docker").chmod(0o755)
    (folder / "vault.yml").write_text("fastgpt_env_values: {CHAT_API_KEY: sk-example}\n")
    (folder / "ticket-4711/logs").mkdir(parents=True)
    (folder / "ticket-4711/logs/mongo.log").write_text("BSON: permissions on /data/mongodb.key are too open\n")
    return folder


def write_servers(clone: Path) -> None:
    """Let the reader's servers be this machine, and its project a folder that is not there."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    here["fastgpt_project_dir"] = str(clone / "no-fastgpt-here")
    hosts = dict.fromkeys(("web1", "web3", "db1"))
    (clone / "my-servers.yml").write_text(yaml.safe_dump({"all": {"vars": here, "hosts": hosts}}))


def run(clone: Path, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = kept | {"PATH": f"{clone}/no-containers:{BIN}:{os.environ['PATH']}", "HOME": str(clone)} | more
    return subprocess.run(words, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def as_it_is(clone: Path, words: list[str]) -> None:
    done = run(clone, words, **SECRETS)
    assert done.returncode == 0, done.stdout + done.stderr


def playbook(clone: Path, words: list[str]) -> None:
    write_servers(clone)
    for plan in (word.partition("=")[2] for word in words if word.startswith("fastgpt_plan=")):
        (clone / plan).write_bytes(max(clone.glob(f"reports/2*/{plan}")).read_bytes())
    done = run(clone, words)
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0 or any(words in output for words in NOTHING_THERE), output[-4000:]


def scheduled(clone: Path, words: list[str]) -> None:
    write_servers(clone)
    as_it_is(clone, words)


def role(clone: Path, words: list[str]) -> None:
    """The role is there, and has every variable that the command sets: on this machine it must not be run."""
    write_servers(clone)
    (name,) = [word.rpartition(".")[2] for word in words if word.startswith("name=fastgpt.ops.")]
    specification = yaml.safe_load((ROOT / f"roles/{name}/meta/argument_specs.yml").read_text("utf-8"))
    known = set(specification["argument_specs"]["main"]["options"])
    given = [words[index + 1] for index, word in enumerate(words) if word == "-e"]
    names = {name for text in given if not text.startswith("@") for name in (yaml.safe_load(text.replace("=", ": ")))}
    assert names <= known
    as_it_is(clone, [*words, "--list-hosts"])


def install(clone: Path, words: list[str]) -> None:
    (archive,) = clone.glob(words[-1])
    as_it_is(clone, [*words[:-1], str(archive), "--force", "-p", str(clone / "installed")])


def installed(clone: Path, words: list[str]) -> None:
    done = run(clone / "installed", words, ANSIBLE_COLLECTIONS_PATH=str(clone / "installed"))
    assert done.returncode == 0, done.stdout + done.stderr


RUNNERS: dict[str, Callable[[Path, list[str]], None]] = {
    r"make [\w-]+": lambda clone, words: as_it_is(clone, ["make", "-n", *words[1:]]),
    r"cp ": as_it_is,
    r"\.venv/bin/ansible-playbook ": playbook,
    r"\.venv/bin/ansible -i .* -m ansible\.builtin\.include_role ": role,
    r"bin/fastgpt-ops ": scheduled,
    r"\.venv/bin/ansible-galaxy collection build$": as_it_is,
    r"\.venv/bin/ansible-galaxy collection install ": install,
    r"\.venv/bin/pip install ": lambda clone, words: as_it_is(clone, [*words, "--dry-run", "--no-index"]),
    r"ansible-playbook fastgpt\.ops\.\w+$": installed,
}


@pytest.mark.parametrize("command", list(commands()))
def test_it_runs(command: str, clone: Path) -> None:
    (runner,) = [function for pattern, function in RUNNERS.items() if re.match(pattern, command)]
    runner(clone, shlex.split(command))


def test_commands_are_found() -> None:
    found = list(commands())
    assert "make demo" in found
    assert len(found) > 20
