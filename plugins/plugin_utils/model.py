# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as rules see it: typed, read-only views of one host's evidence. No I/O."""

from __future__ import annotations

import functools
import json
import posixpath
import re
import typing as t
import urllib.parse

from ..module_utils import _env_file
from .components import component_of
from .compose import ComposeFile, Service, as_mapping
from .logs import Log, parse_time, split_prefixes
from .versions import Version, image_version

Json = t.Any


def _release(version: Json) -> str | None:
    """Give upstream's part of a version; distributions add theirs: ``2.26.1-4``, ``2.20.2+ds1-0ubuntu1``."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", str(version or ""))
    return match and match.group(1)


class Container:
    """One container; ``partial`` ones come from a ``docker ps`` table and know little."""

    def __init__(self, data: dict[str, Json]):
        self.data = data
        self.name: str = (data.get("name") or "").lstrip("/")
        self.service: str | None = data.get("service")
        self.image: str = data.get("image") or ""
        self.partial: bool = bool(data.get("partial"))
        self.component = component_of(self.image, self.service, self.name)

    def __repr__(self) -> str:
        return f"Container({self.name!r}, {self.component})"

    @property
    def state(self) -> dict[str, Json]:
        return self.data.get("state") or {}

    @property
    def status(self) -> str:
        """created, running, restarting, exited, paused, dead or removing; empty where unknown."""
        return str(self.state.get("status") or "")

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def env(self) -> dict[str, str]:
        """Variables as created; those the process really has are in ``Deployment.process_env``."""
        return self.data.get("env") or {}

    @property
    def labels(self) -> dict[str, str]:
        return self.data.get("labels") or {}

    @property
    def mounts(self) -> list[dict[str, Json]]:
        return self.data.get("mounts") or []

    @property
    def networks(self) -> dict[str, Json]:
        return self.data.get("networks") or {}

    @property
    def ports(self) -> list[dict[str, Json]]:
        return self.data.get("ports") or []

    def when(self, key: str) -> float | None:
        """Give a time of the state (``started_at``, ``finished_at``) in seconds since the epoch."""
        value = self.state.get(key)
        return parse_time(value) if isinstance(value, str) else value

    def words(self, key: str) -> str:
        """Command or entrypoint as one text."""
        value = self.data.get(key)
        return " ".join(str(item) for item in value) if isinstance(value, list) else str(value or "")

    def mount_at(self, destination: str) -> dict[str, Json] | None:
        """Give the mount at exactly that path in the container."""
        wanted = destination.rstrip("/")
        return next((m for m in self.mounts if str(m.get("destination", "")).rstrip("/") == wanted), None)


class Deployment:
    """Everything known of one host, for one FastGPT project on it."""

    def __init__(self, evidence: dict[str, Json]):
        self.evidence = evidence
        self.live: bool = evidence.get("source") == "live"

    # --- the host and the engine

    @property
    def host(self) -> dict[str, Json]:
        return self.evidence.get("host") or {}

    @property
    def name(self) -> str:
        return str(self.host.get("name") or "host")

    @property
    def engine(self) -> dict[str, Json]:
        return self.evidence.get("engine") or {}

    @property
    def now(self) -> float | None:
        """The host's clock when the evidence was read, seconds since the epoch."""
        return self.evidence.get("collected_at")

    @property
    def project(self) -> dict[str, Json]:
        projects = self.evidence.get("projects") or []
        return projects[0] if projects else {}

    # --- containers

    @functools.cached_property
    def containers(self) -> tuple[Container, ...]:
        """The project's containers."""
        return tuple(Container(item) for item in self.evidence.get("containers") or [])

    def made_with_this_compose(self, container: Container) -> bool:
        """Tell whether the release of Compose that made the container is the one installed, packaging aside."""
        compose = self.evidence.get("compose") or {}
        installed = _release(compose.get("v2") or compose.get("v1"))
        return installed is not None and installed == _release(container.labels.get("com.docker.compose.version"))

    @functools.cached_property
    def other_containers(self) -> tuple[Container, ...]:
        """Containers outside the project."""
        return tuple(Container(item) for item in self.evidence.get("other_containers") or [])

    def of(self, component: str) -> list[Container]:
        """Give the project's containers of a component."""
        return [c for c in self.containers if c.component == component]

    def one(self, component: str) -> Container | None:
        """Give the component's container: a running one before others."""
        found = sorted(self.of(component), key=lambda c: not c.running)
        return found[0] if found else None

    @property
    def app(self) -> Container | None:
        """FastGPT's own container."""
        return self.one("app")

    def container_named(self, name: str | None) -> Container | None:
        """Find a container by its name, service or (for pasted evidence) one inside the other."""
        if not name:
            return None
        for container in self.containers:
            if name in (container.name, container.service):
                return container
        return None

    def component_named(self, name: str | None) -> str | None:
        """Tell which component a container or service is, by its name where nothing else is known of it."""
        container, service = self.container_named(name), self.services.get(name or "")
        if container:
            return container.component
        return self.component_of_service(service) if service else component_of(None, name)

    # --- files

    @property
    def files(self) -> list[dict[str, Json]]:
        return self.evidence.get("files") or []

    def file(self, path: str | None) -> dict[str, Json] | None:
        """Give what is known of a file by its path."""
        return next((f for f in self.files if f.get("path") == path), None) if path else None

    def file_of_role(self, role: str) -> dict[str, Json] | None:
        """Give the first file of a role (compose, env, config, keyfile)."""
        return next((f for f in self.files if f.get("role") == role), None)

    @functools.cached_property
    def env_file(self) -> dict[str, str]:
        """Variables of the project's ``.env`` files."""
        result: dict[str, str] = {}
        for item in self.files:
            if item.get("role") == "env" and item.get("text"):
                result.update(_env_file.read(item["text"]))
        return result

    @functools.cached_property
    def compose_files(self) -> tuple[ComposeFile, ...]:
        """The project's compose files in the order Compose reads them."""
        return tuple(
            ComposeFile(item["path"], item["text"], self.env_file)
            for item in self.files
            if item.get("role") == "compose" and item.get("text") is not None and not item.get("truncated")
        )

    @functools.cached_property
    def services(self) -> dict[str, Service]:
        """Services by name: as Compose renders them, else as the files have them (a later file's keys win)."""
        rendered = (self.project.get("rendered") or {}).get("services")
        if isinstance(rendered, dict):
            return {name: Service(name, body) for name, body in rendered.items() if isinstance(body, dict)}
        merged: dict[str, dict[str, Json]] = {}
        for compose in self.compose_files:
            for name, service in compose.services.items():
                merged[name] = merge_service(merged[name], service.data) if name in merged else dict(service.data)
        return {name: Service(name, body) for name, body in merged.items()}

    def component_of_service(self, service: Service) -> str | None:
        return component_of(service.image, service.name, service.container_name)

    def service_of(self, component: str) -> Service | None:
        """Give the first service of a component."""
        return next((s for s in self.services.values() if self.component_of_service(s) == component), None)

    def written(self, *path: str | int) -> tuple[ComposeFile, int] | None:
        """Find where a setting stands: the file (the last one that has it) and its line."""
        for compose in reversed(self.compose_files):
            if line := compose.line(*path):
                return compose, line
        return None

    @property
    def config_file(self) -> dict[str, Json] | None:
        """FastGPT's config.json on the host."""
        return self.file_of_role("config")

    # --- environment

    @property
    def process_env(self) -> dict[str, dict[str, str]]:
        """Variables as running processes see them, by container name."""
        return self.evidence.get("process_env") or {}

    def env_of(self, component: str) -> dict[str, str]:
        """Variables of a component, the truest source first: the process, the container, the compose file."""
        for name, variables in self.process_env.items():
            container = self.container_named(name)
            if (container.component if container else component_of(None, name)) == component:
                return variables
        container = self.one(component)
        if container and container.env:
            return container.env
        service = self.service_of(component)
        if service:
            return {key: value for key, value in service.environment.items() if value is not None}
        return {}

    def knows_env(self, component: str) -> bool:
        """Tell whether the component's variables were seen anywhere."""
        return bool(self.env_of(component)) or self.service_of(component) is not None

    @property
    def given(self) -> frozenset[str]:
        """Names of the variables for which the operator gives values; the values themselves are not known here."""
        return frozenset(self.evidence.get("given") or ())

    # --- texts

    @functools.cached_property
    def logs(self) -> tuple[Log, ...]:
        """Container logs, and posted texts after them."""
        logs = [
            log for item in self.evidence.get("logs") or [] if item.get("text") for log in self._container_logs(item)
        ]
        for item in self.evidence.get("texts") or []:
            if item.get("text"):
                component = component_of(None, item.get("container")) if item.get("container") else None
                kind = str(item.get("kind") or "shell")
                logs.append(
                    Log(str(item.get("name")), item["text"], "daemon" if kind == "up" else component, None, kind)
                )
        return (*logs, *self._engine_words(), *self._gateway_words())

    def _gateway_words(self) -> t.Iterator[Log]:
        """What the gateway and the models answered to the probes' calls, as replies to search."""
        asked = [("GET /models", self.probe("gateway_models") or {})]
        asked += [(f"test call of {call.get('model')}", call) for call in self.probe_list("model_calls") or []]
        for source, answer in asked:
            if message := answer.get("message"):
                yield Log(source, str(message), "oneapi", None, "api")

    def _engine_words(self) -> t.Iterator[Log]:
        """What docker itself says of the host, the compose file and each container, as texts to search."""
        for source, text in (
            ("docker info", self.engine.get("error")),
            ("docker compose config", self.project.get("rendered_error")),
        ):
            if text:
                yield Log(source, str(text), "daemon", None, "state")
        for container in self.containers:
            if error := container.state.get("error"):
                yield Log(
                    f"docker inspect {container.name}: State.Error", str(error), "daemon", container.service, "state"
                )
            if checks := container.data.get("health_log"):
                yield Log(
                    f"health check of {container.name}",
                    "\n".join(checks),
                    container.component,
                    container.service,
                    "state",
                )

    def _container_logs(self, item: dict[str, Json]) -> t.Iterator[Log]:
        name = item.get("container")
        parts = {name: item["text"]} if item.get("timestamps") else split_prefixes(item["text"])
        for prefix, text in parts.items():
            who = prefix or name
            container = self.container_named(who)
            component = container.component if container else component_of(None, who)
            log = Log(f"docker logs {who}", text, component, (container and container.service) or who)
            log.collected_at = self.now
            if container:
                log.running = container.running
                log.current_since = self._run_since(container)
            yield log

    def _run_since(self, container: Container) -> float | None:
        """Begin of the run whose lines count; one in a restart loop may have said nothing since its last start."""
        started = container.when("started_at")
        if started is None or self.now is None:
            return started
        waiting = container.status != "running" or self.now - started < 60
        looping = container.status == "restarting" or (waiting and container.data.get("restart_count"))
        return min(started, self.now - 600) if looping else started

    def log_of(self, component: str) -> list[Log]:
        """Give the logs of a component's containers."""
        return [log for log in self.logs if log.component == component and log.kind == "log"]

    # --- probes and versions

    def probe(self, name: str) -> dict[str, Json] | None:
        """Give a probe's result where it was asked and answered."""
        result = (self.evidence.get("probes") or {}).get(name)
        return result if isinstance(result, dict) and not result.get("error") else None

    def probe_list(self, name: str) -> list[dict[str, Json]] | None:
        """Give the entries of a probe that asks several things (``reach``, ``http`` ...); None = not asked."""
        result = (self.evidence.get("probes") or {}).get(name)
        return result if isinstance(result, list) else None

    @functools.cached_property
    def version(self) -> Version | None:
        """FastGPT's version: asked inside the container, else the tag of the container's image, else the file's."""
        asked = Version.parse((self.probe("app_version") or {}).get("version"))
        service = self.service_of("app")
        return (
            asked
            or image_version(self.app.image if self.app else None)
            or image_version(service.image if service else None)
        )

    # --- what is known at all

    @property
    def located(self) -> bool:
        """True where a FastGPT deployment (containers or compose file) was found."""
        return bool(self.evidence.get("projects") or self.containers or self.services)

    def has_component(self, component: str) -> bool | None:
        """Tell whether the deployment has a component; None where nothing lists its parts."""
        if self.one(component) or self.service_of(component):
            return True
        listed = self.services or (self.live and self.evidence.get("containers") is not None and self.located)
        return False if listed else None

    @functools.cached_property
    def facts(self) -> dict[str, str]:
        """Names for texts: this host's real containers, files and commands, with usual ones where unknown."""
        facts = {"host": self.name, "version": str(self.version) if self.version else "?"}
        for component in (
            "app",
            "mongo",
            "pg",
            "oneapi",
            "oneapi-db",
            "aiproxy",
            "aiproxy-pg",
            "redis",
            "plugin",
            "sandbox",
            "storage",
            "milvus",
        ):
            container, service = self.one(component), self.service_of(component)
            key = component.replace("-", "_")
            usual = {
                "app": "fastgpt",
                "oneapi-db": "mysql",
                "storage": "fastgpt-minio",
                "aiproxy-pg": "aiproxy_pg",
                "milvus": "milvusStandalone",
            }.get(component, component)
            service_name = (container and container.service) or (service and service.name) or usual
            facts[f"{key}_service"] = service_name
            facts[f"{key}_container"] = (
                (container and container.name) or (service and service.container_name) or service_name
            )
        gateway = "aiproxy" if self.has_component("aiproxy") else "oneapi"
        facts |= {f"gateway_{part}": facts[f"{gateway}_{part}"] for part in ("service", "container")}
        v2 = (self.evidence.get("compose") or {}).get("v2", True)
        facts["compose"] = "docker compose" if v2 else "docker-compose"
        config_files = self.project.get("config_files") or []
        facts["compose_file"] = config_files[-1] if config_files else "docker-compose.yml"
        directory = self.project.get("directory") or "."
        facts["project_dir"] = "/path/to/fastgpt" if directory == "." else directory
        default_config = posixpath.join(directory, "config.json")
        facts["config_file"] = (self.config_file or {}).get("path") or default_config
        facts["keyfile"], facts["keyfile_host"] = self._mongo_keyfile()
        facts["mongo_shell"] = self._mongo_shell()
        facts["mongo_user"] = self._database_user("mongo", "MONGO_INITDB_ROOT_USERNAME", "MONGODB_URI")
        facts["pg_user"] = self._database_user("pg", "POSTGRES_USER", "PG_URL")
        return facts

    def _database_user(self, component: str, made: str, used: str) -> str:
        """Give the user FastGPT logs in as, else the one the database was made with."""
        address = parse_url(self.env_of("app").get(used))
        return (address and address.user) or self.env_of(component).get(made) or "USER"

    def _mongo_shell(self) -> str:
        """Name the shell of MongoDB's image: images of 6.0 and later hold mongosh alone."""
        container, service = self.one("mongo"), self.service_of("mongo")
        version = image_version(container.image if container else service.image if service else None)
        asked = (self.probe("mongo") or {}).get("shell")
        return str(asked or ("mongosh" if version and version.major >= 6 else "mongo"))

    def _mongo_keyfile(self) -> tuple[str, str]:
        """Give the path of MongoDB's key file in the container and on the host; the usual ones where unknown."""
        container, service = self.one("mongo"), self.service_of("mongo")
        parts = [item.words(key) for item in (container, service) if item for key in ("command", "entrypoint")]
        match = re.search(r"--keyFile[= ]+['\"]?([^\s'\",]+)", " ".join(parts))
        inside = match.group(1) if match else "/data/mongodb.key"
        mounted = container.mount_at(inside) if container else None
        source = mounted and mounted.get("source")
        if not source and service:
            source = next((m.source for m in service.mounts if m.target == inside), None)
        return inside, source or "./mongodb.key"

    def summary(self) -> dict[str, str | None]:
        """The report's ``deployment`` object."""
        compose = self.evidence.get("compose") or {}
        return {
            "project": self.project.get("name"),
            "directory": self.project.get("directory"),
            "fastgpt_version": str(self.version) if self.version else None,
            "engine": self.engine.get("server_version") or self.engine.get("client_version"),
            "compose": compose.get("v2") or compose.get("v1"),
        }


def merge_service(base: dict[str, Json], over: t.Mapping[str, Json]) -> dict[str, Json]:
    """Merge a service of a later file over an earlier one, as Compose does for the keys rules read."""
    result = dict(base)
    for key, value in over.items():
        if key in ("environment", "labels"):
            result[key] = {**as_mapping(base.get(key)), **as_mapping(value)}
        elif key in ("ports", "volumes", "extra_hosts") and isinstance(value, list) and isinstance(base.get(key), list):
            result[key] = base[key] + [item for item in value if item not in base[key]]
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            result[key] = {**base[key], **value}
        else:
            result[key] = value
    return result


class Address(t.NamedTuple):
    """Where a connection string leads."""

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    path: str
    query: dict[str, str]


def parse_url(text: str | None) -> Address | None:
    """Read a URL, a Mongo or PostgreSQL URI or a Go DSN (``user:pass@tcp(host:port)/db``); None where it is none.

    Split at the last ``@``, as WHATWG URL parsers do, so an unescaped one in the password does no harm.
    """
    text = (text or "").strip().strip("'\"")
    if "@tcp(" in text and "://" not in text:
        head, _at, tail = text.partition("@tcp(")
        where, _paren, path = tail.partition(")")
        text = f"mysql://{head}@{where}{path}"
    scheme, separator, rest = text.partition("://")
    if not separator or not rest:
        return None
    cut = min(
        (rest.find(c) for c in "/?#" if rest.find(c, rest.rfind("@") + 1) >= 0 and rest.find(c) > rest.rfind("@")),
        default=len(rest),
    )
    authority, tail = rest[:cut], rest[cut:]
    login, _at, where = authority.rpartition("@")
    where = where.split(",")[0]
    host, _colon, port = where.rpartition(":") if ":" in where and not where.endswith("]") else (where, "", "")
    user, _c, password = login.partition(":")
    path, _q, query = tail.partition("?")
    return Address(
        scheme.lower(),
        user or None,
        password or None,
        host.strip("[]"),
        int(port) if port.isdigit() else None,
        path.lstrip("/"),
        dict(urllib.parse.parse_qsl(query)),
    )


def as_json(text: str | None) -> Json:
    """Parse strict JSON, or give None."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
