# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: from what runs on a host and the catalogue of releases to the hops of an upgrade."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import releases
from ..model import Deployment
from ..releases import Release
from ..versions import Version, image_version, split_image
from . import route, words
from .bring_in import bring_in, published, service_change, was_there
from .databases import SECONDS as DATABASE_SECONDS
from .databases import mongo_hops, mongo_target, vector_change
from .environment import Writer
from .images import COMPONENTS, is_newer, retagged
from .plan import (
    Ask,
    DatabaseStep,
    Hop,
    ImageChange,
    Plan,
    Refusal,
    Running,
    ScriptCall,
    Task,
    Text,
    Value,
    Wait,
)
from .stack import Stack, stack_of, variable_of

APP_SECONDS = 20.0
"""Seconds until FastGPT answers in a new container, as a rule of thumb for plans."""
SCRIPT_SECONDS = 30.0
"""Seconds a call takes on little data; on much it may be hours, which no plan can know."""
READY_PATH = "/api/common/system/getInitData"
PORT = 3000
READY_TIMEOUT = 600
ORDER = ("mongo", "pg", "redis", "storage", "aiproxy-pg", "aiproxy", "sandbox", "plugin", "mcp", "app")
"""The order in which services get their new containers."""
STRICT_FROM = Version(4, 14, 8)
"""From about here FastGPT refuses keys of fewer than 6 characters at the start."""
COMPANIONS = ("plugin", "sandbox", "mcp", "aiproxy")
"""Services that go with the main one: on the way to what upstream's notes ask for, at the target to what fits it."""
_ROOT_KEY = {"service": "app", "name": "ROOT_KEY", "value": "<value:root-key>"}
"""Without it no call is answered."""


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the operator asks for.

    :ivar target: an exact release
    :ivar current: the release that runs, where it cannot be read
    :ivar beta: a beta is wanted
    :ivar given: values for asks, by name
    """

    target: str
    current: str | None = None
    beta: bool = False
    given: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


def plan_host(deployment: Deployment, host: str, wishes: Wishes) -> Plan:
    """Plan the upgrade of one host."""
    stack = stack_of(deployment, Version.parse(wishes.current))
    plan = Plan(
        host,
        wishes.target,
        str(stack.build) if stack.build else None,
        _project(deployment),
        {component: part.service for component, part in stack.parts.items()},
        running=tuple(_running(deployment)),
    )
    if refusal := words.refusal_of(deployment, stack):
        return dataclasses.replace(plan, refusals=(refusal,))
    return plan_stack(plan, stack, wishes)


def _project(deployment: Deployment) -> dict[str, t.Any]:
    """Say how Compose is called there; empty where that is not known."""
    project = deployment.project
    if not project.get("directory"):
        return {}
    return {
        "project_dir": project["directory"],
        "project": project.get("name"),
        "files": project.get("config_files") or [],
        "env_files": project.get("environment_files") or [],
    }


def plan_stack(plan: Plan, stack: Stack, wishes: Wishes) -> Plan:
    """Plan from what is known of the stack alone."""
    build = t.cast("Version", stack.build)
    current = releases.release_of_tag(f"v{build}")
    if current is None:
        return dataclasses.replace(plan, refusals=(words.unknown_running(build),))
    target = route.find_target(wishes.target, current.version, wishes.beta)
    if isinstance(target, Refusal):
        return dataclasses.replace(plan, refusals=(target,))
    return _Planner(stack, current, target, wishes).fill(plan)


class _Planner:
    """Makes the hops, one after the other, on a stack that moves with them."""

    def __init__(self, stack: Stack, current: Release, target: Release, wishes: Wishes):
        self.stack = stack
        self.start = t.cast("Version", stack.build)
        self.current = current
        self.target = target
        self.writer = Writer(stack, wishes.given)
        self.called: set[tuple[str, str]] = set()
        self.asks: dict[str, Ask] = {}
        self.refusals: list[Refusal] = []
        self.warnings: list[Text] = []

    def fill(self, plan: Plan) -> Plan:
        way = [*route.stops(self.current.version, self.target.version), self.target]
        if self.target.version == self.current.version and not self._is_newer_build():
            way = []
        hops: list[Hop] = []
        before = self.current.version
        for release in way:
            hops += mongo_hops(self.stack, before, release.version)
            hops.append(self._hop(release, releases.between(before, release.version) or (release,)))
            before = release.version
        return dataclasses.replace(
            plan,
            hops=() if self.refusals else tuple(hops),
            refusals=tuple(self.refusals),
            asks=tuple(self.asks.values()),
            warnings=tuple(self.warnings),
        )

    def _is_newer_build(self) -> bool:
        part = self.stack.parts["app"]
        return split_image(part.image)[1] != self.target.tag and self.target.build >= self.start

    # --- one hop

    def _hop(self, release: Release, passed: t.Sequence[Release]) -> Hop:
        if not release.tag_is_told:
            self.warnings.append(words.tag_by_number(release))
        fresh = [component for component in releases.needs(release.version) if not self.stack.has(component)]
        values = bring_in(self.stack, fresh, release.version)
        if "storage" in fresh:
            self.warnings.append(words.storage_port(published(self.stack, 9000)))
        calls = self._due(passed)
        changes = self.writer.hop(passed, fresh, [_ROOT_KEY] if calls else [])
        self.asks |= changes.asks
        services = tuple(service_change(self.stack, component) for component in fresh)
        images, database = self._images(release, passed)
        scripts = tuple(self._call(item, script) for item, script in calls)
        values |= changes.values | self._call_values(scripts)
        changed = {change.component for change in images}
        changed |= {c for c, part in self.stack.parts.items() if any(e.service == part.service for e in changes.env)}
        recreated = [c for c in ORDER if c in changed | set(fresh)]
        hop = Hop(
            str(release.version),
            self._why(release, scripts),
            images=images,
            env=tuple(changes.env),
            services=services,
            values=values,
            recreates=tuple(self.stack.parts[c].service for c in recreated),
            waits_before=self._waits_before(release),
            database=database,
            waits=tuple(self._wait(c) for c in recreated),
            scripts=scripts,
            tasks=tuple(self._tasks(passed)),
            notes=tuple(self._notes(passed)),
            changes_data=bool(scripts or database or any(item.facts.get("automatic") for item in passed)),
            downtime=self._downtime(recreated, scripts),
        )
        self.writer.settle()
        for component in fresh:
            self.stack.parts[component].is_new = False
        return hop

    def _why(self, release: Release, scripts: t.Sequence[ScriptCall]) -> Text:
        if release.version == self.target.version:
            return {"en": "the target", "zh": "目标版本"}
        if scripts:
            return {
                "en": f"a stop: {len(scripts)} call(s) to make before going on",
                "zh": f"必经版本：有 {len(scripts)} 个脚本要执行",
            }
        return {"en": "a stop: its data changes must be done before going on", "zh": "必经版本：必须先完成它的数据变更"}

    # --- images

    def _images(
        self, release: Release, passed: t.Sequence[Release]
    ) -> tuple[tuple[ImageChange, ...], tuple[DatabaseStep, ...]]:
        changes: list[ImageChange] = []
        steps: list[DatabaseStep] = []
        for component in ORDER:
            part = self.stack.parts.get(component)
            if part is None or part.is_new:
                continue
            wanted = self._wanted(component, release, passed)
            if component == "pg":
                wanted, step = vector_change(self.stack, release.version)
                steps += [step] if step else []
            if wanted and (change := self._image_change(component, wanted)):
                changes.append(change)
        return tuple(changes), tuple(steps)

    def _wanted(self, component: str, release: Release, passed: t.Sequence[Release]) -> str | None:
        """Give the reference a component is to have after the hop; None where it may stay."""
        part = self.stack.parts[component]
        if component == "app":
            return retagged(part.image, "fastgpt", release.tag)
        if component == "mongo":
            return mongo_target(self.stack, release.version)
        if component not in COMPANIONS:
            return None
        names = [name for name in COMPONENTS[component] if was_there(name, release.version)]
        name = names[0]
        asked = any(name in (item.facts.get("images") or {}) for item in passed)
        tag = releases.tag_of(name, release.version)
        if tag is None or not (asked or self._misfit(component, release) or release is self.target):
            return None
        running = split_image(part.image)[1]
        return retagged(part.image, name, tag) if self._misfit(component, release) or is_newer(tag, running) else None

    def _misfit(self, component: str, release: Release) -> bool:
        """Tell whether a plugin service is no pair with the main service of a release."""
        fits = releases.plugin_range(release.version) if component == "plugin" else None
        running = image_version(self.stack.parts[component].image)
        return fits is not None and (running is None or not fits[0] <= running < fits[1])

    def _image_change(self, component: str, wanted: str) -> ImageChange | None:
        part = self.stack.parts[component]
        if wanted == part.image:
            return None
        before, after = part.written, wanted
        file, variable, value = part.file, None, None
        if "$" in part.written:
            found = variable_of(part.written)
            path = next((p for p, known in self.stack.env_files.items() if found and found[1] in known), None)
            if not found or not path or split_image(wanted)[0] != found[0]:
                self.refusals.append(words.image_from_variable(part.service, part.written))
                return None
            file, variable, value = path, found[1], split_image(wanted)[1]
        else:
            part.written = wanted
        part.image = wanted
        return ImageChange(part.service, component, before, after, file, variable, value)

    # --- the rest

    def _due(self, passed: t.Sequence[Release]) -> list[tuple[Release, t.Mapping[str, t.Any]]]:
        """Give the calls to make in a hop, in order; one that was made on the way is not made again."""
        calls = []
        for item in passed:
            for script in item.facts.get("init_scripts") or []:
                key = (script.get("target", "app"), script["path"])
                if key not in self.called and self._is_due(script):
                    self.called.add(key)
                    calls.append((item, script))
        return calls

    def _is_due(self, script: t.Mapping[str, t.Any]) -> bool:
        if script.get("edition") or script.get("required") == "optional":
            return False
        return self.stack.applies(script.get("only"), self.start)

    def _call(self, release: Release, script: t.Mapping[str, t.Any]) -> ScriptCall:
        part = self.stack.parts[script.get("target", "app")]
        root_key = "<value:root-key>" if "ROOT_KEY" in self.stack.parts["app"].texts else "<value:app-root-key>"
        known = {
            "rootkey": root_key,
            "Content-Type": "application/json",
            "Authorization": "Bearer <value:aiproxy-token>",
        }
        return ScriptCall(
            f"{release.version} {script['path']}",
            part.service,
            PORT,
            script.get("method", "POST"),
            script["path"],
            {name: known[name] for name in script.get("headers", ["rootkey", "Content-Type"])},
            script.get("body"),
            script.get("rehearsal"),
            script.get("required", "yes"),
            script.get("blocking", True),
            bool(script.get("restart")),
            script.get("log_done"),
            script["note"],
        )

    def _call_values(self, scripts: t.Sequence[ScriptCall]) -> dict[str, Value]:
        """Tell how the host comes by what the calls need."""
        texts = str([(call.headers, call.body) for call in scripts])
        found = {}
        for key, component, variable in (("app-root-key", "app", "ROOT_KEY"), ("oneapi-dsn", "oneapi", "SQL_DSN")):
            if f"<value:{key}>" in texts:
                found[key] = Value("variable", service=self.stack.parts[component].service, variable=variable)
        return found

    def _waits_before(self, release: Release) -> tuple[Wait, ...]:
        if not release.facts.get("drain_queue"):
            return ()
        return (Wait("queue", self.stack.parts["mongo"].service, 3600),) if self.stack.has("mongo") else ()

    def _wait(self, component: str) -> Wait:
        service = self.stack.parts[component].service
        if component == "app":
            return Wait("http", service, READY_TIMEOUT, PORT, READY_PATH)
        if component == "plugin":
            return Wait("http", service, READY_TIMEOUT, PORT, "/health")
        return Wait("healthy", service, READY_TIMEOUT)

    def _tasks(self, passed: t.Sequence[Release]) -> t.Iterator[Task]:
        for release in passed:
            for number, task in enumerate(release.facts.get("tasks") or [], 1):
                if self.stack.applies(task.get("only"), self.start):
                    yield Task(f"{release.version}-{number}", task["when"], task["blocking"], task["text"])
            if release.version == STRICT_FROM and self._short_key():
                yield Task(f"{release.version}-aes", "before", True, words.SHORT_AES)

    def _short_key(self) -> bool:
        length = self.stack.length(self.stack.env("app", "AES256_SECRET_KEY") or releases.OLD_AES_KEY)
        return length is not None and length < 6

    def _notes(self, passed: t.Sequence[Release]) -> t.Iterator[Text]:
        for release in passed:
            yield from release.facts.get("changes") or []
            if release.facts.get("automatic"):
                yield release.facts["automatic"]

    def _downtime(self, recreated: t.Sequence[str], scripts: t.Sequence[ScriptCall]) -> float:
        databases = sum(DATABASE_SECONDS for component in recreated if component in ("mongo", "pg"))
        restarts = sum(APP_SECONDS for call in scripts if call.restart)
        blocking = sum(SCRIPT_SECONDS for call in scripts if call.blocking)
        return (APP_SECONDS if recreated else 0.0) + databases + restarts + blocking


def _running(deployment: Deployment) -> t.Iterator[Running]:
    digests = {image.get("id"): image.get("digests") or [] for image in deployment.evidence.get("images") or []}
    for container in deployment.containers:
        if container.component and container.service:
            name = split_image(container.image)[0]
            known = digests.get(container.data.get("image_id")) or []
            digest = next((d.partition("@")[2] for d in known if d.partition("@")[0] == name), None)
            yield Running(container.service, container.component, container.image, digest)
