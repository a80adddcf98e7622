# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Compose, plugin or old program, called for one project just as its operator called it. Private."""

from __future__ import annotations

import dataclasses
import json
import os
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result, run

Json = t.Dict[str, t.Any]

PROJECT: Json = {
    "project_dir": {"type": "path", "required": True},
    "project": {"type": "str"},
    "files": {"type": "list", "elements": "path", "default": []},
    "env_files": {"type": "list", "elements": "path", "default": []},
}
"""Options of modules that work on a compose project; documented in the fragment ``project``."""

ASK_TIMEOUT = 30.0
_POLL = 0.5


class ComposeError(Exception):
    """Compose or docker did not do what was asked; the message holds its own words."""


@dataclasses.dataclass
class Facts:
    """What is read of a service as Compose renders it."""

    image: str = ""
    depends_on: set[str] = dataclasses.field(default_factory=set)


class Project:
    """One compose project: its folder, name and files as the containers' labels have them.

    :param directory: the project's folder
    :param name: the project's name; None where Compose is to work it out
    :param files: compose files, in order; empty where Compose is to find them
    :param env_files: files given with ``--env-file``
    """

    def __init__(
        self, directory: str, name: str | None = None, files: t.Sequence[str] = (), env_files: t.Sequence[str] = ()
    ):
        self.directory = directory
        self.name = name
        self.files = list(files)
        self.env_files = [path for path in env_files if path != os.path.join(directory, ".env")]
        self._program: list[str] | None = None

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Project:
        """Give the project that a module's parameters (``PROJECT``) or a plan name."""
        return cls(
            params["project_dir"], params.get("project"), params.get("files") or (), params.get("env_files") or ()
        )

    @property
    def program(self) -> list[str]:
        """The compose command of this host: the plugin where there is one.

        :raises ComposeError: there is neither
        """
        if self._program is None:
            for candidate in (["docker", "compose"], ["docker-compose"]):
                if run([*candidate, "version"], ASK_TIMEOUT).rc == 0:
                    self._program = candidate
                    break
            else:
                raise ComposeError("neither 'docker compose' nor 'docker-compose' runs on this host")
        return self._program

    def call(self, *arguments: str, timeout: float, stdin: bytes | None = None) -> Result:
        """Run a compose command on the project; it never asks back."""
        command = [*self.program, "--project-directory", self.directory]
        command += ["-p", self.name] if self.name else []
        for path in self.files:
            command += ["-f", path]
        for path in self.env_files:
            command += ["--env-file", path]
        return run([*command, *arguments], timeout, stdin=stdin)

    def must(self, *arguments: str, timeout: float) -> Result:
        """Run a compose command that has to succeed.

        :raises ComposeError: it did not
        """
        result = self.call(*arguments, timeout=timeout)
        if result.rc != 0:
            raise ComposeError(f"{' '.join([*self.program, *arguments])}: {result.error}")
        return result

    def images(self) -> dict[str, str]:
        """Give the image each service of the project is to run, by service; empty where it is built.

        :raises ComposeError: the files do not parse
        """
        return {service: facts.image for service, facts in self._rendered().items()}

    def _rendered(self) -> dict[str, Facts]:
        return _facts(self.must("config", timeout=ASK_TIMEOUT).text)

    def hashes(self) -> dict[str, str]:
        """Give Compose's hash of each service as the files have it; a container's label has that of when it was made.

        :raises ComposeError: the files do not parse
        """
        out = self.must("config", "--hash", "*", timeout=ASK_TIMEOUT).text
        return dict(line.split()[:2] for line in out.splitlines() if len(line.split()) == 2)

    def up(self, services: t.Sequence[str], *flags: str, timeout: float, start: bool = True) -> None:
        """Bring services up, and no other; without ``start`` their containers are only as the file has them.

        Without ``--no-deps`` Compose starts what they depend on, and makes anew what differs from its file. With it
        some releases (2.26 is one) hash a service as if it had no dependencies, and make it anew at the next ``up``.
        So it is given only where a dependency is not as its file says. Compose 1 forces dependencies too: always.

        :raises ComposeError: it did not work
        """
        alone = self.program == ["docker-compose"] or not self._rest_on_good_ground(services)
        how = ["-d" if start else "--no-start", *(["--no-deps"] if alone else [])]
        self.must("up", *how, *flags, *services, timeout=timeout)

    def _rest_on_good_ground(self, services: t.Sequence[str]) -> bool:
        """Tell whether all that services depend on runs as its file says."""
        rendered, hashes = self._rendered(), self.hashes()
        needed: set[str] = set()
        todo = list(services)
        while todo:
            new = rendered.get(todo.pop(), Facts()).depends_on - needed
            needed |= new
            todo += new
        others = needed - set(services)
        good = {service_of(item) for item in self.containers() if others and runs_as_its_file_says(item, hashes)}
        return others <= good

    def containers(self) -> list[Json]:
        """Give ``docker inspect`` of the project's containers, running or not."""
        names = self.must("ps", "-aq" if self.program != ["docker-compose"] else "-q", timeout=ASK_TIMEOUT).text.split()
        return inspect(names)

    def made_for(self, service: str) -> list[str]:
        """Give the ids of the containers made for a service, also for one that the files do not have any more."""
        project = f"project={self.name}" if self.name else f"project.working_dir={self.directory}"
        labels = (f"label=com.docker.compose.{project}", f"label=com.docker.compose.service={service}")
        filters = [part for label in labels for part in ("--filter", label)]
        return run(["docker", "ps", "-aq", "--no-trunc", *filters], ASK_TIMEOUT).text.split()


def _facts(rendered: str) -> dict[str, Facts]:
    """Read services off rendered YAML: what Compose prints is always indented by two, and 1.x lists dependencies."""
    services: dict[str, Facts] = {}
    section = service = part = ""
    for line in filter(str.strip, rendered.splitlines()):
        indent = len(line) - len(line.lstrip(" "))
        key, _colon, value = line.strip().partition(":")
        if indent == 0:
            section = key
        elif section == "services" and indent == 2:
            service = key.strip("'\"")
            services[service] = Facts()
        elif section == "services" and indent == 4 and not key.startswith("- "):
            part = key
            if key == "image":
                services[service].image = value.strip().strip("'\"")
        elif section == "services" and part == "depends_on" and (indent == 6 or key.startswith("- ")):
            services[service].depends_on.add(key.lstrip("- ").strip("'\""))
    return services


def runs_as_its_file_says(container: Json | None, hashes: t.Mapping[str, str]) -> bool:
    """Tell whether a container works, and was made from what its file says now.

    :param container: as ``docker inspect`` gives it; None where there is none
    :param hashes: of ``Project.hashes``; a service without one is taken for unchanged
    """
    state = (container or {}).get("State") or {}
    if container is None or not state.get("Running") or state.get("Paused"):
        return False
    labels = (container.get("Config") or {}).get("Labels") or {}
    wanted = hashes.get(service_of(container))
    return wanted is None or labels.get("com.docker.compose.config-hash") == wanted


def inspect(names: t.Sequence[str]) -> list[Json]:
    """Give what docker knows of containers; those that are gone are left out."""
    if not names:
        return []
    result = run(["docker", "inspect", "--type", "container", *names], ASK_TIMEOUT, limit=16 * 1024 * 1024)
    try:
        found = json.loads(result.text or "[]")
    except ValueError as error:
        raise ComposeError(f"docker inspect: {result.error or error}") from error
    return [item for item in found if isinstance(item, dict)]


def has_image(reference: str) -> bool:
    """Tell whether an image is on the host."""
    return run(["docker", "image", "inspect", "--format", "{{.Id}}", reference], ASK_TIMEOUT).rc == 0


def service_of(container: Json) -> str:
    """Give the service a container was made for."""
    return str(((container.get("Config") or {}).get("Labels") or {}).get("com.docker.compose.service", ""))


def wait_ready(read: t.Callable[[], list[Json]], seconds: float, settle: float = 3.0) -> list[str]:
    """Wait until containers run, are healthy where they have a check, and have not restarted for a while.

    :param read: gives their ``docker inspect``
    :param settle: seconds a container without a health check has to stay up
    :returns: names of those that are not ready in time, with their state
    """
    end = time.monotonic() + seconds
    since: dict[str, tuple[str, float]] = {}
    while True:
        now = time.monotonic()
        late = []
        for container in read():
            name, state = str(container.get("Name", "")).lstrip("/"), container.get("State") or {}
            started = str(state.get("StartedAt"))
            if since.get(name, ("", 0.0))[0] != started:
                since[name] = (started, now)
            health = (state.get("Health") or {}).get("Status")
            settled = health == "healthy" or (not health and now - since[name][1] >= settle)
            if not (state.get("Running") and not state.get("Restarting") and settled):
                late.append(f"{name} is {health or state.get('Status')}")
        if not late or now >= end:
            return late
        time.sleep(_POLL)
