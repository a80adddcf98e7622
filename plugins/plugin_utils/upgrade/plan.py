# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of an upgrade as data: what the planner says and the run does. docs/upgrading.md tells what each part means.

A plan holds no secret and nothing that is not known yet. Where a text needs such a value it has ``<value:NAME>``, and
``Hop.values`` says how the host comes by it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from ..catalogue import KNOWLEDGE

Json = dict[str, t.Any]
Text = t.Mapping[str, str]
"""A text in every language: ``{en: ..., zh: ...}``."""

SCHEMA = KNOWLEDGE.parent / "schemas" / "upgrade-plan.schema.json"
SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Value:
    """How the host comes by a value that stands as ``<value:NAME>`` in texts of the hop.

    :ivar kind: ``random``: made on the host, letters and digits; ``variable``: as a service's variable has it there;
        ``given``: by the operator, in ``fastgpt_upgrade_values``
    :ivar length: of a random one
    :ivar service: whose variable it is
    :ivar variable: the variable's name
    :ivar part: only this part of an address: user, password, host or port
    :ivar database: put this database in the place of the address's own
    """

    kind: str
    length: int = 0
    service: str | None = None
    variable: str | None = None
    part: str | None = None
    database: str | None = None


@dataclasses.dataclass(frozen=True)
class ImageChange:
    """A service's image.

    :ivar before: the reference as the file has it
    :ivar after: the exact reference it gets, never a floating tag
    :ivar file: the file to edit: the compose file, or where ``variable`` is set the ``.env`` file
    :ivar variable: the variable of the ``.env`` file the tag comes from
    :ivar value: the value that variable gets
    """

    service: str
    component: str
    before: str
    after: str
    file: str
    variable: str | None = None
    value: str | None = None


@dataclasses.dataclass(frozen=True)
class EnvChange:
    """A variable of a service.

    :ivar action: ``set`` (added or given another value), ``rename`` (keeps its value), ``remove``
    :ivar value: what it is set to; may hold ``<value:NAME>``
    :ivar old: the name it has before a ``rename``
    :ivar why: what it is for
    """

    service: str
    action: str
    name: str
    file: str
    value: str | None = None
    old: str | None = None
    why: Text | None = None


@dataclasses.dataclass(frozen=True)
class ServiceChange:
    """A service that comes in.

    :ivar yaml: its block as it is to stand under ``services:``, not indented; may hold ``<value:NAME>``
    :ivar networks: networks that must be declared at the top level for it
    :ivar volumes: named volumes likewise
    """

    name: str
    component: str
    file: str
    yaml: str
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wait:
    """What must be so before the hop goes on.

    :ivar kind: ``http``: answers below 500 on ``port`` and ``path`` inside the service's container; ``healthy``: by the
        container's own health check, or running where it has none; ``queue``: no training job is left in MongoDB
    :ivar timeout: seconds
    """

    kind: str
    service: str
    timeout: int
    port: int | None = None
    path: str | None = None


@dataclasses.dataclass(frozen=True)
class ScriptCall:
    """An HTTP call of an upgrade, made once.

    :ivar id: release and path: what the journal knows it by
    :ivar service: the service that is asked, inside its network
    :ivar headers: a secret one is ``<value:NAME>``
    :ivar body: JSON body; None sends none
    :ivar rehearsal: the body that only counts and writes nothing; None where the call has no such mode
    :ivar required: ``yes`` | ``conditional`` | ``recommended`` | ``optional``
    :ivar blocking: False: FastGPT may be used while it runs
    :ivar restart: the service must restart after it
    :ivar log_done: words in the service's log that say it is done, where the answer does not
    :ivar note: what it does
    """

    id: str
    service: str
    port: int
    method: str
    path: str
    headers: t.Mapping[str, str]
    body: Json | None
    rehearsal: Json | None
    required: str
    blocking: bool
    restart: bool
    log_done: str | None
    note: Text


@dataclasses.dataclass(frozen=True)
class DatabaseStep:
    """A step on a database, beside its image.

    :ivar kind: ``mongo-fcv`` (featureCompatibilityVersion to ``after``), ``pgvector-extension`` (ALTER EXTENSION ...
        UPDATE to ``after``)
    """

    kind: str
    service: str
    before: str | None
    after: str


@dataclasses.dataclass(frozen=True)
class Task:
    """What only a person can do.

    :ivar when: ``before`` the hop's containers change, or ``after`` they are ready
    :ivar blocking: the run must not pass it until the operator says that it is done (``fastgpt_upgrade_done``)
    """

    id: str
    when: str
    blocking: bool
    text: Text


@dataclasses.dataclass(frozen=True)
class Hop:
    """One stop of the way. Its parts are done in this order: tasks before, waits before, files (images, variables,
    services), recreation, database steps, waits, scripts, tasks after.

    :ivar why: ``target`` or why one must stop here
    :ivar values: what ``<value:NAME>`` stands for in this hop
    :ivar recreates: services that get a new container, new ones too, in the order to bring them up
    :ivar waits_before: with the old containers still there
    :ivar changes_data: scripts, migrations at the start or database steps write data: the way back needs the backup
    :ivar downtime: seconds FastGPT is away, estimated
    """

    version: str
    why: Text
    images: tuple[ImageChange, ...] = ()
    env: tuple[EnvChange, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    values: t.Mapping[str, Value] = dataclasses.field(default_factory=dict)
    recreates: tuple[str, ...] = ()
    waits_before: tuple[Wait, ...] = ()
    database: tuple[DatabaseStep, ...] = ()
    waits: tuple[Wait, ...] = ()
    scripts: tuple[ScriptCall, ...] = ()
    tasks: tuple[Task, ...] = ()
    notes: tuple[Text, ...] = ()
    changes_data: bool = False
    downtime: float = 0.0


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why nothing is done.

    :ivar code: e.g. ``downgrade``, ``avoid``, ``unknown-release``, ``floating``
    :ivar next: the next legal target, where there is one
    """

    code: str
    text: Text
    next: str | None = None


@dataclasses.dataclass(frozen=True)
class Ask:
    """A value the operator has to give before the run: ``fastgpt_upgrade_values: {NAME: ...}``."""

    name: str
    text: Text


@dataclasses.dataclass(frozen=True)
class Running:
    """What a service runs now: the reference in its container, and the digest of the image behind it."""

    service: str
    component: str
    image: str
    digest: str | None


@dataclasses.dataclass(frozen=True)
class Plan:
    """The way of one host.

    :ivar project: how Compose is called there: ``project_dir``, ``project``, ``files``, ``env_files``
    :ivar current: the release that runs; None where it is not known
    :ivar running: every service as it runs now
    :ivar services: names of this deployment's services by component (``app``, ``mongo``, ``pg`` ...)
    """

    host: str
    target: str
    current: str | None
    project: Json
    services: t.Mapping[str, str]
    running: tuple[Running, ...] = ()
    hops: tuple[Hop, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    asks: tuple[Ask, ...] = ()
    warnings: tuple[Text, ...] = ()

    @property
    def downtime(self) -> float:
        """Seconds FastGPT is away on the whole way, estimated."""
        return sum(hop.downtime for hop in self.hops)


def as_json(plan: Plan) -> Json:
    """Write a plan as plain data."""
    return t.cast("Json", json.loads(json.dumps(dataclasses.asdict(plan))))


def assemble(run_id: str, plans: t.Sequence[Plan | Json]) -> Json:
    """Put the hosts' plans together under an id and a digest of all that will be done: ``upgrade-plan.json``."""
    hosts = [as_json(plan) if isinstance(plan, Plan) else plan for plan in plans]
    digest = hashlib.sha256(json.dumps(hosts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return {
        "schema_version": SCHEMA_VERSION,
        "id": f"upgrade-{run_id}",
        "run_id": run_id,
        "digest": digest,
        "hosts": hosts,
    }


def validate(document: Json) -> None:
    """Hold a document against the schema.

    :raises jsonschema.ValidationError: where it does not fit
    :raises ImportError: Python package jsonschema is not there
    """
    import jsonschema

    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
