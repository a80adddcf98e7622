# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a deployment's compose and env files, worked out on copies: where a value comes from it is changed, and what
else that would change decides whether it may be.
"""

from __future__ import annotations

import posixpath
import typing as t

from ..module_utils import _env_file
from ..module_utils._edits import EditError, apply_edits
from ..module_utils._references import REFERENCE
from . import compose_edit, templates
from .compose import VARIABLE, ComposeFile, Port, Service, as_mapping, filled, left_side, parse_ports
from .fix import CannotFixError, compose_file_of, diff_of
from .model import Deployment, Json, merge_service

COMPOSE, ENV = "compose", "env"


class Step(t.NamedTuple):
    """One call of a module: ``compose_file`` or ``env_file``, the file, and its options."""

    kind: str
    path: str
    options: dict[str, Json]


class Difference(t.NamedTuple):
    """What an edit changes of a service: a variable, or another setting (``variable`` is None)."""

    service: str
    setting: str
    variable: str | None
    old: Json
    new: Json


Accept = t.Callable[[Difference], bool]


class Editor:
    """Works edits out, one after the other."""

    def __init__(self, deployment: Deployment):
        self._deployment = deployment
        self._compose = [compose.path for compose in deployment.compose_files]
        texts = {str(item["path"]): item.get("text") for item in deployment.files if item.get("role") == ENV}
        texts.update({compose.path: compose.text for compose in deployment.compose_files})
        self._texts = {path: text for path, text in texts.items() if text is not None}
        self._env: list[str] = [
            path for path in deployment.project.get("environment_files") or [] if path in self._texts
        ]
        self._before = dict(self._texts)
        self._steps: list[Step] = []
        self._reason = ""

    # --- what is there

    def services(self) -> dict[str, Service]:
        """Give the services as the edited files have them; ``environment`` holds what ``env_file`` brings as well."""
        return self._services(self._texts)

    def environment(self, service: str) -> dict[str, str]:
        """Give the variables a service gets from the edited files."""
        found = self.services().get(service)
        return {name: value for name, value in (found.environment if found else {}).items() if value is not None}

    def _variables(self, texts: t.Mapping[str, str]) -> dict[str, str]:
        """Give the variables that Compose fills in."""
        found: dict[str, str] = {}
        for path in self._env:
            found.update(_env_file.read(texts[path]))
        return found

    def _services(self, texts: t.Mapping[str, str]) -> dict[str, Service]:
        variables = self._variables(texts)
        merged: dict[str, dict[str, Json]] = {}
        for path in self._compose:
            for name, service in ComposeFile(path, texts[path], variables).services.items():
                merged[name] = merge_service(merged[name], service.data) if name in merged else dict(service.data)
        for name, data in merged.items():
            own = Service(name, data).environment
            own = {key: variables.get(key) if value is None else value for key, value in own.items()}
            data["environment"] = {**self._from_env_files(data, texts), **own}
        return {name: Service(name, data) for name, data in merged.items()}

    def _from_env_files(self, data: t.Mapping[str, Json], texts: t.Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in self._env_files_of(data):
            found.update(_env_file.read(texts.get(path, "")))
        return found

    def _env_files_of(self, data: t.Mapping[str, Json]) -> list[str]:
        named = data.get("env_file") or []
        items = named if isinstance(named, list) else [named]
        paths = [str(item.get("path") if isinstance(item, dict) else item) for item in items]
        directory = str(self._deployment.project.get("directory") or "")
        return [posixpath.normpath(posixpath.join(directory, path)) for path in paths]

    # --- edits

    def set(self, service: str, name: str, value: str) -> None:
        """Give a service's variable another value, where the value comes from.

        Others that use what is written there may change with it only where they have the same value and the host's
        network does not make it right for them.

        :raises CannotFixError: there is no safe way
        """
        old = self.environment(service).get(name)
        if old == value:
            return
        self._refuse_unseen(service, name, old)
        services = self.services()

        def accept(difference: Difference) -> bool:
            if difference.variable is None:
                return False
            same = (difference.old, difference.new) == (old, value)
            meant = (difference.service, difference.variable) == (service, name)
            return same and (meant or services[difference.service].network_mode != "host")

        self._first(self._ways(service, name, value), accept, f"{name} of {service}", f"{service} 的 {name}")

    def copy(self, service: str, name: str, like: str) -> None:
        """Give a service a variable with what another one has, written the same way beside it.

        :raises CannotFixError: there is no safe way
        """
        value = self.environment(service).get(like)

        def accept(difference: Difference) -> bool:
            return (difference.variable, difference.old, difference.new) == (name, None, value)

        ways: list[list[Step]] = []
        found = self._written(service, like)
        if found and found[0] in self._compose:
            ways.append([Step(COMPOSE, found[0], {"service": service, "copy_environment": {name: like}})])
        elif found:
            ways.append([Step(ENV, found[0], {"copies": {name: like}})])
        self._first(iter(ways), accept, f"{name} of {service}", f"{service} 的 {name}")

    def set_port(
        self, service: str, port: Port, host: str, target: int | None, dependent: t.Callable[[str], bool]
    ) -> None:
        """Publish a port of a service elsewhere.

        :param port: the entry meant
        :param host: the new left side
        :param target: the container port it is to lead to, where that changes too
        :param dependent: tells which variables may change with it, where they take the same value of an env file
        :raises CannotFixError: there is no safe way
        """

        def accept(difference: Difference) -> bool:
            is_port = difference.service == service and difference.setting == "ports"
            return is_port or bool(difference.variable and dependent(difference.variable))

        self._first(self._port_ways(service, port, host, target), accept, f"ports of {service}", f"{service} 的端口")

    def _port_ways(self, service: str, port: Port, host: str, target: int | None) -> t.Iterator[list[Step]]:
        variables = self._variables(self._texts)
        for path in reversed(self._compose):
            services = ComposeFile(path, self._texts[path]).data.get("services") or {}
            entries = (services.get(service) or {}).get("ports") or []
            for entry in entries:
                if parse_ports([filled(entry, variables)]) == [port]:
                    inner = [p.container_port for p in parse_ports(filled(entries, variables))]
                    several = inner.count(port.container_port) > 1
                    move: dict[str, Json] = {
                        "container_port": port.container_port,
                        **({"published": left_side(port, port.host_port)} if several else {}),
                        **({"target": target} if target else {}),
                    }
                    yield from self._ways_of_entry(path, service, entry, host, move)
                    return

    def _ways_of_entry(
        self, path: str, service: str, entry: Json, host: str, move: dict[str, Json]
    ) -> t.Iterator[list[Step]]:
        written = str(entry.get("published")) if isinstance(entry, dict) else str(entry)
        left = host
        if VARIABLE.search(written):
            variables = self._variables(self._texts)
            new = host.rpartition(":")[2] if isinstance(entry, dict) else f"{host}:{move['container_port']}"
            try:
                change = templates.change(written, variables, new)
            except templates.TooWideError as error:
                self._reason = str(error)
                return
            if change.variable:
                if self._env:
                    holder, text = self._holder(change.variable), str(change.value)
                    yield [Step(ENV, holder, {"variables": {change.variable: text}})]
                return
            left = str(change.template) if isinstance(entry, dict) else str(change.template).rpartition(":")[0]
        yield [Step(COMPOSE, path, {"service": service, "ports": [{**move, "host": left}]})]

    def change(self, service: str, accept: Accept | None = None, **options: Json) -> None:
        """Change settings of a service in the compose file that has it.

        :param accept: which differences are meant; without it those of the service
        :param options: of the module ``compose_file``
        :raises CannotFixError: it cannot be done safely
        """
        path = compose_file_of(self._deployment, service).path
        step = Step(COMPOSE, path, {"service": service, **options})
        self._first(iter([[step]]), accept or (lambda difference: difference.service == service), service, service)

    def _first(self, ways: t.Iterator[list[Step]], accept: Accept, what: str, zh: str) -> None:
        self._reason = "it is not written in a file that could be read"
        if not any(self._attempt(steps, accept) for steps in ways):
            raise CannotFixError(
                f"{what} cannot be changed safely: {self._reason}", f"无法安全地修改 {zh}：{self._reason}"
            )

    def _attempt(self, steps: t.Sequence[Step], accept: Accept) -> bool:
        texts = dict(self._texts)
        try:
            for step in steps:
                texts[step.path] = _applied(step, texts[step.path])
        except (compose_edit.RefusedError, EditError) as error:
            self._reason = str(error)
            return False
        wrong = [item for item in differences(self.services(), self._services(texts)) if not accept(item)]
        if wrong:
            where = f"{wrong[0].variable or wrong[0].setting} of {wrong[0].service}"
            self._reason = f"{where} would change as well"
            return False
        self._texts = texts
        for step in steps:
            self._note(step)
        return True

    def _note(self, step: Step) -> None:
        """Keep a step, as one with an earlier one for the same place."""
        for earlier in self._steps:
            if _place_of(earlier) == _place_of(step):
                for key, value in step.options.items():
                    earlier.options[key] = _together(earlier.options.get(key), value)
                return
        self._steps.append(step)

    # --- where a variable comes from

    def _written(self, service: str, name: str) -> tuple[str, str | None] | None:
        """Give the file that sets a service's variable, and what is written there: of several the one that counts."""
        for path in reversed(self._compose):
            services = ComposeFile(path, self._texts[path]).data.get("services") or {}
            written = as_mapping((services.get(service) or {}).get("environment"))
            if name in written:
                return path, written[name]
        data = self.services()[service].data if service in self.services() else {}
        for path in reversed(self._env_files_of(data)):
            if name in _env_file.read(self._texts.get(path, "")):
                return path, None
        return None

    def _ways(self, service: str, name: str, value: str) -> t.Iterator[list[Step]]:
        found = self._written(service, name)
        literal = value.replace("$", "$$")
        here = compose_file_of(self._deployment, service).path
        if found is None:
            yield from _in_compose(here, service, name, literal, (False, True))
        elif found[0] not in self._compose:
            yield [Step(ENV, found[0], {"variables": {name: value}})]
            yield from _in_compose(here, service, name, literal, (False,))
        elif found[1] is None and self._env:
            yield [Step(ENV, self._holder(name), {"variables": {name: value}})]
        elif found[1] is None:
            yield from _in_compose(found[0], service, name, literal, (True, False))
        else:
            yield from self._by_template(found[0], found[1], service, name, value)

    def _by_template(self, path: str, template: str, service: str, name: str, value: str) -> t.Iterator[list[Step]]:
        variables = self._variables(self._texts)
        try:
            change = templates.change(template, variables, value)
        except templates.TooWideError as error:
            self._reason = str(error)
            return
        if change.template is not None:
            yield from _in_compose(path, service, name, change.template, (True, False))
            return
        variable, text = str(change.variable), str(change.value)
        if self._env:
            yield [Step(ENV, self._holder(variable), {"variables": {variable: text}})]
        if REFERENCE.search(text) and self._env:
            own = f"{variable}_{name}"
            apart = Step(ENV, self._holder(variable), {"variables": {own: text}})
            instead = templates.without_variable(template, variables, variable, f"${{{own}}}")
            for steps in _in_compose(path, service, name, instead, (True, False), replacing=True):
                yield [apart, *steps]
        else:
            instead = templates.without_variable(template, variables, variable, text.replace("$", "$$"))
            yield from _in_compose(path, service, name, instead, (True, False), replacing=True)

    def _holder(self, variable: str) -> str:
        """Give the env file of the project that sets a variable, else the last one."""
        setting = [path for path in self._env if variable in _env_file.read(self._texts[path])]
        return (setting or self._env)[-1]

    def _refuse_unseen(self, service: str, name: str, old: str | None) -> None:
        """Refuse a value that Compose takes from elsewhere, such as the shell it is called from."""
        found = self._written(service, name)
        rendered = (self._deployment.project.get("rendered") or {}).get("services") or {}
        if not found or service not in rendered or (found[1] is not None and not VARIABLE.search(found[1])):
            return
        seen = Service(service, rendered[service]).environment.get(name)
        if (seen or "").replace("$$", "$") != (old or ""):
            raise CannotFixError(
                f"{name} of {service} comes from the environment Compose is called with, not from a file",
                f"{service} 的 {name} 来自调用 Compose 时的环境变量，不在文件里",
            )

    # --- the result

    @property
    def steps(self) -> list[Json]:
        """What the roles are to do, as data: env files first, as compose files may name what is new there."""
        ordered = sorted(self._steps, key=lambda step: step.kind != ENV)
        return [{"kind": step.kind, "path": step.path, **step.options} for step in ordered]

    @property
    def changed(self) -> list[str]:
        """The services that differ from before, in the order of the files."""
        found = {item.service for item in differences(self._services(self._before), self.services())}
        return [name for name in self.services() if name in found]

    @property
    def paths(self) -> list[str]:
        """Every compose and env file of the project that was read."""
        return list(self._texts)

    @property
    def diff(self) -> str:
        """The lines that change, secrets as tokens."""
        parts = [diff_of(path, before, self._texts[path]) for path, before in self._before.items()]
        return "\n".join(filter(None, parts))


def _in_compose(
    path: str, service: str, name: str, value: str, at_source: t.Sequence[bool], replacing: bool = False
) -> t.Iterator[list[Step]]:
    for choice in at_source:
        options = {"service": service, "environment": {name: value}, "at_source": choice}
        yield [Step(COMPOSE, path, {**options, "replace_variables": True} if replacing else options)]


def _applied(step: Step, text: str) -> str:
    if step.kind == COMPOSE:
        return compose_edit.edited(ComposeFile(step.path, text), step.options)
    variables, copies = step.options.get("variables", {}), step.options.get("copies", {})
    return apply_edits(text, _env_file.all_edits(text, variables, copies))


def _place_of(step: Step) -> tuple[Json, ...]:
    return step.kind, step.path, step.options.get("service"), step.options.get("at_source")


def _together(one: Json, other: Json) -> Json:
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **other}
    if isinstance(one, list) and isinstance(other, list):
        return one + [item for item in other if item not in one]
    return other


def differences(before: t.Mapping[str, Service], after: t.Mapping[str, Service]) -> list[Difference]:
    """Give what differs between services, variable by variable and setting by setting."""
    found: list[Difference] = []
    for service in dict.fromkeys([*before, *after]):
        old = before[service].data if service in before else {}
        new = after[service].data if service in after else {}
        for key in dict.fromkeys([*old, *new]):
            one, other = old.get(key), new.get(key)
            if one == other:
                continue
            if key != "environment":
                found.append(Difference(service, key, None, one, other))
                continue
            one, other = one or {}, other or {}
            found += [
                Difference(service, key, name, one.get(name), other.get(name))
                for name in dict.fromkeys([*one, *other])
                if one.get(name) != other.get(name)
            ]
    return found
