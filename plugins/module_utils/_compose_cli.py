# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Compose, plugin or old program, called for one project just as its operator called it. Private."""

from __future__ import annotations

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
        """Give the image each service of the project is to run, by service.

        :raises ComposeError: the files do not parse
        """
        out = self.must("config", timeout=ASK_TIMEOUT).text
        return _images(out)

    def containers(self) -> list[Json]:
        """Give ``docker inspect`` of the project's containers, running or not."""
        names = self.must("ps", "-aq" if self.program != ["docker-compose"] else "-q", timeout=ASK_TIMEOUT).text.split()
        return inspect(names)


def _images(rendered: str) -> dict[str, str]:
    """Read services and images off rendered YAML: what Compose prints is always indented by two."""
    images: dict[str, str] = {}
    section = service = ""
    for line in filter(str.strip, rendered.splitlines()):
        indent = len(line) - len(line.lstrip(" "))
        key, _colon, value = line.strip().partition(":")
        if indent == 0:
            section = key
        elif section == "services" and indent == 2:
            service = key.strip("'\"")
        elif section == "services" and indent == 4 and key == "image":
            images[service] = value.strip().strip("'\"")
    return images


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
