# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole evidence of one host, as docs/evidence.md has it, in waves of parallel calls. Private to the collection."""

from __future__ import annotations

import functools
import os
import re
import shutil
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils import _docker as docker
from ansible_collections.fastgpt.ops.plugins.module_utils import _files as files
from ansible_collections.fastgpt.ops.plugins.module_utils import _host as host
from ansible_collections.fastgpt.ops.plugins.module_utils import _log_file as log_file
from ansible_collections.fastgpt.ops.plugins.module_utils import _probes as probes
from ansible_collections.fastgpt.ops.plugins.module_utils._discover import (
    binds_named,
    env_files_named,
    find_projects,
    is_app,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._gateway import ask_state
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import read_object
from ansible_collections.fastgpt.ops.plugins.module_utils._models import call_models
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import ask_mongo
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo_data import data_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._net import Address, parse_addresses, peer_of
from ansible_collections.fastgpt.ops.plugins.module_utils._run import MEBIBYTE, Deadline, Failures, Result, gather, run
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import Tokeniser

Json = t.Dict[str, t.Any]
Calls = t.Dict[str, t.Callable[[], t.Any]]

SCHEMA_VERSION = 1
TOOL_VERSION = "0.1.0"

_DOCKER_LIMIT = 10.0
_JSON = "{{json .}}"
_LOGS = ["docker", "logs", "--timestamps"]
_RUN_HEAD_SECONDS = 120
_RUN_HEAD_LINES = 300
_MONGO_IMAGE = re.compile(r"(^|/)mongo(db)?(@|:|$|/)|mongodb-community")
_PG_IMAGE = re.compile(r"(^|/)(pgvector|postgres\w*|pg)(@|:|$|/)")
_REDIS_IMAGE = re.compile(r"(^|/)(redis|valkey)(@|:|$|/)")


class Options(t.NamedTuple):
    """What the module was asked for; see its documentation."""

    project_dir: str | None = None
    project: str | None = None
    timeout: float = 60
    log_lines: int = 1000
    log_bytes: int = MEBIBYTE
    salt: str = ""
    probes: bool = True
    probe_models: bool = False


def collect(options: Options) -> Json:
    """Read one host. Whatever fails is listed in ``failures`` and loses nothing else; no secret is in what is given."""
    return _Collector(options).collect()


class _Collector:
    def __init__(self, options: Options):
        self.options = options
        self.deadline = Deadline(options.timeout)
        self.failures = Failures()
        self.evidence: Json = {"schema_version": SCHEMA_VERSION, "source": "live", "tool_version": TOOL_VERSION}
        self.everything: list[Json] = []
        self.containers: list[Json] = []
        self.project: Json | None = None
        self.compose = ["docker", "compose"]  # the plugin by itself where we know it: that saves two processes a call

    def collect(self) -> Json:
        began = time.time()
        self.evidence["collected_at"] = began
        self._first_wave()
        self._find()
        self._third_wave()
        self.evidence["failures"] = self.failures.list()
        evidence = tokenise(self.evidence, Tokeniser(self.options.salt or os.urandom(16).hex()))
        evidence["duration"] = round(time.time() - began, 3)
        return evidence

    def _gather(self, calls: Calls) -> Json:
        return gather(calls, self.deadline, self.failures)

    def _run(self, command: list[str], limit: int = 32 * MEBIBYTE, merge: bool = False) -> Result:
        return run(command, self.deadline.left(_DOCKER_LIMIT), limit, merge=merge)

    def _docker(self, *arguments: str) -> Result:
        return self._run(["docker", *arguments])

    # --- first wave: host, engine, lists

    def _first_wave(self) -> None:
        calls: Calls = {
            "docker info": lambda: self._docker("info", "--format", _JSON),
            "docker ps": lambda: self._docker("ps", "--all", "--no-trunc", "--format", _JSON),
            "docker network ls": lambda: self._docker("network", "ls", "--format", _JSON),
            "host": host.identity,
            "/proc/cpuinfo": lambda: host.cpu(host.read("/proc/cpuinfo")),
            "/proc/meminfo": lambda: host.memory(host.read("/proc/meminfo")),
            "addresses": lambda: host.addresses(host.read("/proc/net/fib_trie")),
            "listeners": host.listeners,
            "kernel log": host.kernel_log,
        }
        found = self._gather(calls)
        late = Result(None, b"", b"", "timed out")
        self._take_versions(found.get("docker info", late))
        self.evidence["host"] = dict(
            found.get("host") or {},
            cpu=found.get("/proc/cpuinfo"),
            memory=found.get("/proc/meminfo"),
            addresses=found.get("addresses"),
            listeners=found.get("listeners"),
            kernel_log=found.get("kernel log"),
            disks=None,
        )
        if self.evidence["engine"]["state"] == "ok":
            self._read_lists(found.get("docker ps", late), found.get("docker network ls", late))

    def _take_versions(self, told: Result) -> None:
        """Take the versions of Docker and Compose; what ``docker info`` does not tell is asked for."""
        info = docker.load_object(told.text)
        calls: Calls = {}
        if told.rc is not None and not docker.versions_in(info):
            calls["docker version"] = lambda: self._docker("version", "--format", _JSON)
        plugin = docker.compose_plugin(info)
        if plugin:
            self.compose = [plugin["Path"]]
        else:
            calls["docker compose version"] = lambda: self._docker("compose", "version", "--short")
        found = self._gather(calls)
        self.evidence["engine"] = docker.classify_engine(found.get("docker version"), told)
        v2 = plugin["Version"] if plugin else _text_of(found.get("docker compose version"))
        self.evidence["compose"] = {"v2": _version(v2), "v1": None}

    def _read_lists(self, ps: Result, networks: Result) -> None:
        if ps.rc != 0:
            self.failures.add("docker ps", ps.error)
            return
        listed = docker.load_lines(ps.text)
        self.everything = self._inspect(listed)
        if networks.rc == 0:
            self.evidence["networks"] = docker.networks_of(docker.load_lines(networks.text), self.everything)
        else:
            self.failures.add("docker network ls", networks.error)

    def _inspect(self, listed: list[Json]) -> list[Json]:
        """Inspect all containers at once; where that cannot be read, what the list says must do."""
        ids = [str(item["ID"]) for item in listed if item.get("ID")]
        if not ids:
            return []
        result = self._docker("inspect", "--type", "container", *ids)
        try:
            found = docker.load_array(result.text)  # one container that went away meanwhile loses no other
            return [docker.container_from_inspect(item) for item in found]
        except (ValueError, TypeError, AttributeError) as error:
            self.failures.add("docker inspect", result.error or f"cannot be read: {error}")
            return [docker.container_from_ps(item) for item in listed]

    # --- the deployment

    def _find(self) -> None:
        options = self.options
        projects = find_projects(self.everything, options.project_dir, options.project)
        self.evidence["projects"] = projects
        self.project = projects[0] if projects else None
        if self.evidence["engine"]["state"] != "ok" or (not self.everything and self._failed("docker ps")):
            return
        self.containers = [item for item in self.everything if self._belongs(item)]
        mine = {item["id"] for item in self.containers}
        self.evidence["containers"] = self.containers
        self.evidence["other_containers"] = [self._trimmed(item) for item in self.everything if item["id"] not in mine]

    def _failed(self, what: str) -> bool:
        return any(item["what"] == what for item in self.failures.list())

    def _belongs(self, container: Json) -> bool:
        if not self.project:
            return False
        if self.project["name"] is not None:
            return bool(container.get("project") == self.project["name"])
        return container.get("project") is None and (
            is_app(container) or self._shares_network(container, filter(is_app, self.everything))
        )

    @staticmethod
    def _shares_network(container: Json, others: t.Iterable[Json]) -> bool:
        mine = set(container.get("networks") or {}) - {"bridge", "host", "none"}
        return any(not mine.isdisjoint(other.get("networks") or {}) for other in others)

    def _trimmed(self, container: Json) -> Json:
        """Give a container outside the project: whole where it shares a network with it, else what shows its ports."""
        if self._shares_network(container, self.containers):
            return container
        kept = (
            "id",
            "name",
            "service",
            "project",
            "image",
            "state",
            "ports",
            "networks",
            "network_mode",
            "created_at",
            "partial",
        )
        return {key: container[key] for key in kept if key in container}

    @functools.cached_property
    def app(self) -> Json | None:
        apps = sorted((c for c in self.containers if is_app(c)), key=lambda c: not _running(c))
        return apps[0] if apps else None

    # --- third wave: everything about the deployment

    def _third_wave(self) -> None:
        calls: Calls = {}
        if (standalone := shutil.which("docker-compose")) and os.path.realpath(standalone) != self.compose[0]:
            calls["docker-compose version"] = lambda: _version(self._run(["docker-compose", "version", "--short"]).text)
        if not self.project:
            self._take_standalone(self._gather(calls))
            self.evidence["host"]["disks"] = self._disks([])
            return
        if self.options.probes and self.containers:
            calls.update(self._probe_calls())  # first: the slowest of all is MongoDB's shell
        calls.update(self._compose_calls())
        calls["files"] = self._files
        if self.evidence.get("containers") is not None:
            calls.update(self._log_calls())
            calls.update(self._object_calls())
        found = self._gather(calls)
        self._take_standalone(found)
        self.evidence["files"] = found.get("files")
        self.evidence["host"]["disks"] = self._disks(found.get("files") or [])
        self.project.update(found.get("docker compose config") or {})
        self.project["config_hashes"] = found.get("docker compose config --hash")
        if self.evidence.get("containers") is not None:
            self.evidence["logs"] = [found[name] for name in calls if name.startswith("docker logs ") and name in found]
            for key in ("volumes", "images"):
                self.evidence[key] = found.get(f"docker {key}")
        if self.options.probes and self.containers:
            self._take_probes(found)

    def _take_standalone(self, found: Json) -> None:
        """Take the version of ``docker-compose``: Compose v1's name, which many systems give to v2."""
        version, compose = found.get("docker-compose version"), self.evidence["compose"]
        if version and version.startswith("1."):
            compose["v1"] = version
        elif version and not compose["v2"]:
            compose.update(v2=version, standalone=True)

    def _object_calls(self) -> Calls:
        names = sorted(
            {m["name"] for c in self.containers for m in c.get("mounts") or [] if m["type"] == "volume" and m["name"]}
        )
        images = sorted({c["image_id"] for c in self.containers if c.get("image_id")})
        return {
            "docker volumes": lambda: self._objects("volume", names, docker.volume_from_inspect),
            "docker images": lambda: self._objects("image", images, docker.image_from_inspect),
        }

    def _objects(self, kind: str, names: list[str], shape: t.Callable[[Json], Json]) -> list[Json]:
        if not names:
            return []
        result = self._docker(kind, "inspect", *names)
        try:
            return [shape(item) for item in docker.load_array(result.text)]
        except ValueError as error:
            raise RuntimeError(result.error or f"cannot be read: {error}") from error

    # --- compose

    def _compose_calls(self) -> Calls:
        project = t.cast(Json, self.project)
        if not project["config_files"] or not project["name"]:
            return {}
        if self.evidence["compose"]["v2"]:
            base = self._compose_command(self.compose)
            return {
                "docker compose config": lambda: self._rendered([*base, "config", "--format", "json"]),
                "docker compose config --hash": lambda: self._hashes([*base, "config", "--hash", "*"]),
            }
        if shutil.which("docker-compose"):
            base = self._compose_command(["docker-compose"])
            # Compose v1 prints no JSON, and one call costs a second: its hashes tell as well whether the files parse.
            return {"docker compose config --hash": lambda: self._hashes([*base, "config", "--hash", "*"], errors=True)}
        return {}

    def _compose_command(self, program: list[str]) -> list[str]:
        project = t.cast(Json, self.project)
        command = [*program, "--project-name", project["name"]]
        if project["directory"]:
            command += ["--project-directory", project["directory"]]
        for path in project["config_files"]:
            command += ["--file", path]
        default = os.path.join(project["directory"] or "", ".env")
        for path in project["environment_files"]:
            if path != default:
                command += ["--env-file", path]
        return command

    def _rendered(self, command: list[str]) -> Json:
        result = self._run(command)
        words = result.err.decode("utf-8", "replace").strip()[-4000:]
        rendered = docker.load_object(result.text) if result.rc == 0 else {}
        return {
            "rendered": rendered or None,
            "rendered_error": None if rendered else result.error or words or "nothing was printed",
            "rendered_warnings": words if rendered and words else None,
        }

    def _hashes(self, command: list[str], errors: bool = False) -> dict[str, str] | None:
        result = self._run(command)
        if result.rc != 0:
            if errors:
                t.cast(Json, self.project).update(rendered=None, rendered_error=result.error)
            return None
        return dict(line.split()[:2] for line in result.text.splitlines() if len(line.split()) == 2)

    # --- files

    def _files(self) -> list[Json]:
        project = t.cast(Json, self.project)
        directory = project["directory"] or ""
        wanted: dict[str, str] = {}
        for path in project["config_files"]:
            wanted[path] = "compose"
        for path in project["environment_files"]:
            wanted.setdefault(path, "env")
        for path, role in self._named_by_containers() + self._named_by_compose(directory):
            if wanted.get(path, "bind") == "bind":
                wanted[path] = role
        config = os.path.join(directory, "config.json")
        if directory and "config" not in wanted.values() and os.path.lexists(config):
            wanted[config] = "config"
        found = [
            files.file_facts(path, role, with_text=role in ("compose", "env", "config"))
            for path, role in wanted.items()
        ]
        for item in found:
            if item["error"]:
                self.failures.add(f"read {item['path']}", item["error"])
            if item["role"] == "config" and not _readable(item["text"]):
                item["backup"] = _last_good(item["path"])
        return found

    def _named_by_containers(self) -> list[tuple[str, str]]:
        config = probes.config_path((self.app or {}).get("env") or {})
        return [
            (mount["source"], _role_of(mount["destination"], config))
            for container in self.containers
            for mount in container.get("mounts") or []
            if mount["type"] == "bind" and mount["source"]
        ]

    def _named_by_compose(self, directory: str) -> list[tuple[str, str]]:
        named = []
        for path in t.cast(Json, self.project)["config_files"]:
            try:
                text = files.read_text(path)
            except OSError:
                continue  # file_facts says so
            named += [
                (source, _role_of(target, "/app/data/config.json")) for source, target in binds_named(text, directory)
            ]
            named += [(env, "env") for env in env_files_named(text, directory)]
        return named

    def _disks(self, found: list[Json]) -> list[Json]:
        """Give the file systems of docker's folder, the project and its data folders, each once."""
        wanted = [
            (self.evidence["engine"]["root_dir"] or _usual_root(), "docker"),
            ((self.project or {}).get("directory"), "project"),
        ]
        wanted += [(item["path"], "data") for item in found if item["role"] == "bind" and item["kind"] == "directory"]
        disks, seen = [], set()
        mounts = host.read("/proc/mounts") if os.path.exists("/proc/mounts") else ""
        for path, use in wanted:
            if not path:
                continue
            try:
                device = os.stat(path).st_dev
                if device not in seen:
                    disks.append(host.disk(path, use, mounts))
                    seen.add(device)
            except OSError as error:
                self.failures.add(f"disk of {path}", error.strerror)
        return disks

    # --- logs

    def _log_calls(self) -> Calls:
        names = [c for c in self.containers if not c.get("partial") or c.get("id")]
        return {f"docker logs {c['name']}": functools.partial(self._log, c) for c in names}

    def _log(self, container: Json) -> Json:
        tail, error = self._tail(container)
        started = (container.get("state") or {}).get("started_at")
        head = self._head_of_run(container["id"], started, tail.text) if tail and tail.truncated and started else ""
        if error:
            self.failures.add(f"docker logs {container['name']}", error)
        return {
            "container": container["name"],
            "timestamps": True,
            "text": head + tail.text if tail else None,
            "truncated": bool(tail and tail.truncated),
            "error": error,
        }

    def _tail(self, container: Json) -> tuple[log_file.Tail | None, str | None]:
        """Read the end of a log, from its file where that can be; the error where it cannot be read as a whole."""
        lines, limit = self.options.log_lines, self.options.log_bytes
        try:
            tail = log_file.tail(container["log_file"], lines, limit) if container.get("log_file") else None
        except OSError:
            tail = None  # not ours to read, or on another machine: the engine can
        if tail:
            return tail, None
        result = self._run([*_LOGS, "--tail", str(lines), container["id"]], limit, merge=True)
        text = result.text.partition("\n")[2] if result.truncated else result.text
        truncated = result.truncated or result.text.count("\n") >= lines
        return log_file.Tail(text, truncated) if result.rc == 0 or text else None, result.error

    def _head_of_run(self, ident: str, started: float, tail: str) -> str:
        """Give the first lines of the current run that a long log's tail lacks: start-up failures stand there."""
        window = ["--since", f"{started:.3f}", "--until", f"{started + _RUN_HEAD_SECONDS:.3f}"]
        result = self._run([*_LOGS, *window, ident], self.options.log_bytes, merge=True)
        first = tail.partition(" ")[0]
        lines = [line for line in result.text.splitlines() if line.partition(" ")[0] < first]
        return "".join(f"{line}\n" for line in lines[:_RUN_HEAD_LINES])

    # --- probes

    def _probe_calls(self) -> Calls:
        app, deadline = self.app, self.deadline
        env = (app or {}).get("env") or {}
        calls: Calls = {}
        mongo = self._service("MONGODB_URI", _MONGO_IMAGE)
        if mongo and _running(mongo):
            calls["mongo"] = lambda: ask_mongo(mongo, app, deadline)
        if mongo:
            calls["mongo_data"] = lambda: data_facts(mongo, app)
        pg = self._service("PG_URL", _PG_IMAGE)
        if pg and _running(pg):
            calls["pg"] = lambda: probes.ask_pg(pg, app, deadline)
        if app and _running(app):
            calls["inside the app"] = lambda: probes.inside_app(app, deadline)
            calls["app_http"] = lambda: probes.ask_app(app, deadline)
            base, _key = probes.gateway_of(env)
            if base:
                calls["gateway"] = lambda: probes.ask_gateway(app, self.everything, deadline)
                calls["gateway_models"] = lambda: probes.ask_gateway_models(app, self.everything, deadline)
                calls["gateway_state"] = lambda: ask_state(app, self.everything, deadline)
            pages = probes.health_urls(app)
            calls["http"] = lambda: probes.ask_health(pages, app, self.everything, deadline)
        redis = self._service("REDIS_URL", _REDIS_IMAGE)
        if redis and _running(redis):
            address = next(iter(parse_addresses(env.get("REDIS_URL") or "")), None)
            calls["redis"] = lambda: probes.ask_redis_of(redis, app, address, deadline)
        return calls

    def _service(self, variable: str, image: re.Pattern[str]) -> Json | None:
        """Give the container that a variable of the app names, else the only one with such an image, running first."""
        app = self.app or {}
        for address in parse_addresses((app.get("env") or {}).get(variable) or ""):
            peer = peer_of(address.host, app, self.everything) or self._published_at(address)
            if peer:
                return peer
            if "." in address.host and address.host not in ("127.0.0.1", "0.0.0.0"):
                return None  # a server outside of these containers: what one of them says is not about it
        same = [c for c in self.containers if image.search(c.get("image") or "") and "aiproxy" not in c["name"]]
        same = [c for c in same if _running(c)] or same
        return same[0] if len(same) == 1 else None

    def _published_at(self, address: Address) -> Json | None:
        """Give the container that an address of this host leads to by a published port."""
        own = {"host.docker.internal", *(self.evidence["host"].get("addresses") or [])}
        for container in self.everything if address.host in own else []:
            if any(port["host_port"] == address.port for port in container.get("ports") or []):
                return container
        return None

    def _take_probes(self, found: Json) -> None:
        asked = ("app_http", "gateway", "gateway_models", "gateway_state", "http", "mongo_data", "pg", "redis")
        results: Json = {key: found[key] for key in asked if key in found}
        results.update(found.get("mongo") or {})
        inside = found.get("inside the app")
        if inside:
            results.update({key: inside[key] for key in ("app_config", "app_version", "reach")})
            if inside["process_env"]:
                self.evidence["process_env"] = {inside["container"]: inside["process_env"]}
            if inside["error"]:
                self.failures.add("inside the app", inside["error"])
        if self.options.probe_models and self.app and _running(self.app):
            text = next((f["text"] for f in self.evidence["files"] or [] if f["role"] == "config" and f["text"]), "")
            listed = (results.get("gateway_models") or {}).get("models")
            results["model_calls"] = call_models(self.app, self.everything, text, listed, self.deadline)
        self.evidence["probes"] = results


def _readable(text: str | None) -> bool:
    try:
        return bool(read_object(text or ""))
    except ValueError:
        return False


def _last_good(path: str) -> Json | None:
    """Give the newest backup of a config.json that can be read, of those this project made of it."""
    for backup in Journal().backups_of(os.path.realpath(path)):
        facts = files.file_facts(backup, "config", with_text=True)
        if _readable(facts["text"]) and not facts["truncated"]:
            return {key: facts[key] for key in ("path", "mtime", "sha256", "text")}
    return None


def _usual_root() -> str | None:
    """Give docker's usual folder, for when the engine does not answer: a full disk may be why."""
    return "/var/lib/docker" if os.path.isdir("/var/lib/docker") else None


def _running(container: Json) -> bool:
    state = container.get("state") or {}
    return bool(state.get("running")) and not state.get("restarting") and state.get("status") in (None, "running")


def _text_of(result: Result | None) -> str:
    return result.text if result and result.rc == 0 else ""


def _version(text: str) -> str | None:
    match = re.search(r"\d+\.\d+(\.\d+)?[\w.+-]*", text)
    return match[0] if match else None


def _role_of(destination: str, config: str) -> str:
    if destination == config or destination.endswith("/config.json"):
        return "config"
    return "keyfile" if re.search(r"key-?file$|\.key$", destination, re.IGNORECASE) else "bind"


def tokenise(evidence: Json, tokeniser: Tokeniser) -> Json:
    """Give the evidence with all secrets replaced, and what rules may know of them (``secret_facts``)."""
    containers = (evidence.get("containers") or []) + (evidence.get("other_containers") or [])
    for item in containers:
        tokeniser.add_names(
            [
                item.get("name") or "",
                item.get("service") or "",
                item.get("project") or "",
                *(item.get("networks") or {}),
            ]
        )
    tokeniser.add_names([str((evidence.get("host") or {}).get("name") or "")])
    for item in containers:
        tokeniser.learn_env(item.get("env") or {})
    result = {
        key: tokeniser.tree(value) for key, value in evidence.items() if key not in ("files", "process_env", "probes")
    }
    result["process_env"] = {
        name: tokeniser.env(env) for name, env in (evidence.get("process_env") or {}).items()
    } or None
    result["files"] = _file_texts(evidence.get("files"), tokeniser)
    result["probes"] = {
        name: _probe(value, tokeniser) for name, value in (evidence.get("probes") or {}).items()
    } or None
    # What was met late (in a log, in a file) may stand in what was read before.
    result = tokeniser.known({key: value for key, value in result.items() if value is not None})
    result["secret_facts"] = tokeniser.facts
    result["known_defaults"] = {
        token: "template default" for token, facts in tokeniser.facts.items() if facts.get("default")
    }
    return t.cast(Json, result)


def _file_texts(found: list[Json] | None, tokeniser: Tokeniser) -> list[Json] | None:
    if found is None:
        return None
    return [_file_text(item, tokeniser) for item in found]


def _file_text(item: Json, tokeniser: Tokeniser) -> Json:
    given = dict(item, text=tokeniser.text(item["text"], lines=True)) if item.get("text") else item
    return dict(given, backup=_file_text(item["backup"], tokeniser)) if item.get("backup") else given


def _probe(value: t.Any, tokeniser: Tokeniser) -> t.Any:
    if isinstance(value, dict) and value.get("text"):
        return dict(tokeniser.tree({**value, "text": None}), text=tokeniser.text(value["text"], lines=True))
    return tokeniser.tree(value)


def summary_of(evidence: Json) -> Json:
    """Say in a few words what an evidence holds."""
    return {
        "engine": (evidence.get("engine") or {}).get("state"),
        "projects": [item.get("name") for item in evidence.get("projects") or []],
        "containers": len(evidence.get("containers") or []),
        "failures": len(evidence.get("failures") or []),
        "duration": evidence.get("duration"),
    }
