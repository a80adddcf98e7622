# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over several controllers: the inventory cut in shards, each sent to a worker, their reports put together.

ansible-runner carries it: ``transmit`` packs a folder and says what to run, the worker's command unpacks and runs it,
``process`` takes the events and artifacts back. The collection goes along, so a worker needs Python packages only.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime
import json
import pathlib
import secrets
import shlex
import shutil
import subprocess
import tempfile
import typing as t

from .. import collection
from ..catalogue import COLLECTION
from ..report import build, merge, write
from .config import Config

if t.TYPE_CHECKING:
    from .run import Watch

Json = dict[str, t.Any]

IDENT = "shard"
REPORTS = "reports"
_SENT = ("plugins", "roles", "playbooks", "meta", "galaxy.yml", "MANIFEST.json")
_PLACE = "collections/ansible_collections/fastgpt/ops"
_WORDS = 2000
"""Bytes of a worker's own words that are kept, the last ones."""


@dataclasses.dataclass
class Shard:
    """The hosts of one worker, and what came back.

    :ivar folder: what is sent, and beside it what came back
    :ivar status: ansible-runner's word for how it ended
    :ivar said: the worker's own words where it said any
    """

    number: int
    hosts: list[str]
    command: str
    folder: pathlib.Path
    watch: Watch
    status: str = "unstarted"
    said: str = ""

    @property
    def sent(self) -> pathlib.Path:
        """The private data folder that is sent."""
        return self.folder / "sent"

    @property
    def reports(self) -> pathlib.Path:
        """Where its reports are once they are back."""
        return self.folder / "artifacts" / REPORTS


def cut(hosts: t.Sequence[str], count: int) -> list[list[str]]:
    """Deal hosts to so many workers, one after the other: neighbours, which are often alike, are spread."""
    return [list(hosts[number::count]) for number in range(min(count, len(hosts)))]


def play(config: Config, playbook: str, variables: Json, watch: Watch) -> str:
    """Run a playbook by the workers, and leave one report; give ansible-runner's word for how it ended.

    :param variables: the run's extra variables; a cap on fixes is dealt to the shards
    :param watch: gets what all of them found
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    given = {**variables, "fastgpt_run_name": run_id, "fastgpt_run_salt": secrets.token_urlsafe(30)}
    given["fastgpt_report_dir"] = f"../artifacts/{IDENT}/{REPORTS}"  # seen from the worker's project folder
    # what is sent has the run's salt, and inventories: nobody else may read it, and it goes with the run
    with tempfile.TemporaryDirectory(prefix="fastgpt-ops-") as folder:
        shards = [
            Shard(number, hosts, command, pathlib.Path(folder, str(number)), type(watch)())
            for number, (hosts, command) in enumerate(zip(cut(_hosts(config), len(config.workers)), config.workers), 1)
        ]
        with concurrent.futures.ThreadPoolExecutor(max(1, len(shards))) as pool:
            tasks = [
                pool.submit(_run, config, playbook, _share(given, shard.number, len(shards)), shard) for shard in shards
            ]
            for task in tasks:
                task.result()
        mode = "remediate" if playbook == "remediate" else "diagnose"
        watch.folder = _gather(config, shards, mode, run_id, now)
    watch.reports = 2
    for shard in shards:
        watch.locked += shard.watch.locked
        watch.failed.update(shard.watch.failed)
    return "timeout" if any(shard.status == "timeout" for shard in shards) else "successful"


def _hosts(config: Config) -> list[str]:
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    inventory = InventoryManager(DataLoader(), sources=list(config.inventory))
    return [host.name for host in inventory.get_hosts(config.limit or "all")]


def _share(variables: Json, number: int, count: int) -> Json:
    """Give a shard its part of the cap on fixes."""
    most = variables.get("fastgpt_max_steps")
    if most is None:
        return variables
    return {**variables, "fastgpt_max_steps": most // count + (number <= most % count)}


def _run(config: Config, playbook: str, variables: Json, shard: Shard) -> None:
    """Send a shard to its worker and take back what it says. Never raises: what went wrong is the shard's state."""
    try:
        _pack(config, shard)
        _exchange(config, playbook, variables, shard)
    except Exception as error:  # one worker's trouble is not the others'
        shard.status, shard.said = "error", f"{type(error).__name__}: {error}"


def _pack(config: Config, shard: Shard) -> None:
    """Fill the folder that is sent: the collection, its settings, the inventory, the list of hosts."""
    project, inventory = shard.sent / "project", shard.sent / "inventory"
    for name in _SENT:
        source, target = COLLECTION / name, project / _PLACE / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, target)
    if (COLLECTION / "ansible.cfg").is_file():
        shutil.copy2(COLLECTION / "ansible.cfg", project)
    (project / "hosts").write_text("\n".join(shard.hosts) + "\n", encoding="utf-8")
    inventory.mkdir()
    for item in map(pathlib.Path, config.inventory):
        near = [item] if item.is_file() else list(item.iterdir())
        if item.is_file():
            near += [path for name in ("group_vars", "host_vars") if (path := item.with_name(name)).is_dir()]
        for path in near:
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, inventory / path.name)
    if config.vault_password_file:
        (shard.sent / "env").mkdir()
        shutil.copy2(config.vault_password_file, shard.sent / "env/vault-password")


def _exchange(config: Config, playbook: str, variables: Json, shard: Shard) -> None:
    """Let ansible-runner transmit to the worker and process what comes back."""
    import ansible_runner

    words = ["--forks", str(config.forks)] if config.forks else []
    words += ["--vault-password-file", "../env/vault-password"] if config.vault_password_file else []
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            shlex.split(shard.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as worker:
            to_worker, from_worker = t.cast("t.IO[bytes]", worker.stdin), t.cast("t.IO[bytes]", worker.stdout)
            with contextlib.suppress(BrokenPipeError), to_worker:
                ansible_runner.run(
                    streamer="transmit",
                    _output=to_worker,
                    private_data_dir=str(shard.sent),
                    ident=IDENT,
                    playbook=f"fastgpt.ops.{playbook}",
                    limit="@hosts",
                    extravars=variables,
                    envvars={"ANSIBLE_COLLECTIONS_PATH": "collections", "ANSIBLE_NOCOLOR": "1"},
                    cmdline=shlex.join(words) or None,
                    settings={"job_timeout": config.run_timeout, "idle_timeout": config.idle_timeout},
                )
            done = ansible_runner.run(
                streamer="process",
                _input=from_worker,
                private_data_dir=str(shard.folder / "back"),
                artifact_dir=str(shard.folder / "artifacts"),
                event_handler=shard.watch,
                quiet=True,
            )
        said.seek(0)
        shard.said = said.read()[-_WORDS:].decode("utf-8", "replace").strip()
    shard.status = str(done.status)


def _gather(config: Config, shards: t.Sequence[Shard], mode: str, run_id: str, now: datetime.datetime) -> pathlib.Path:
    """Write the one report of all shards; give its folder. The shards' plans and evidence go beside it."""
    folder = config.report_dir / run_id
    found: list[Json] = []
    missing: dict[str, str] = {}
    for shard in shards:
        path = shard.reports / run_id / "report.json"
        if path.is_file() and shard.watch.reports >= (2 if mode == "remediate" else 1):
            found.append(json.loads(path.read_text(encoding="utf-8")))
            shutil.copytree(path.parent, folder / f"shard-{shard.number}")
        else:
            words = f"worker {shard.number} gave no report ({shard.status})" + (f": {shard.said}" if shard.said else "")
            missing |= dict.fromkeys(shard.hosts, words)
            shard.watch.failed[f"worker {shard.number}"] = words
    lang = found[0]["lang"] if found else ("en" if config.lang == "en" else "zh")
    run = build.Run(run_id, collection.version(), now, lang, mode)
    write.write_report(merge.merge(run, found, missing, folder), folder)
    write.point_latest(folder)
    return folder
