# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that a release needs and a deployment lacks: named, placed and written so that they fit what is there."""

from __future__ import annotations

import functools
import re
import typing as t

import yaml

from .. import releases
from ..versions import Version
from .images import COMPONENTS, beside
from .plan import ServiceChange, Value
from .services import TEMPLATES, VALUES, Json
from .stack import Part, Stack

_REACH = 200
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def bring_in(stack: Stack, components: t.Sequence[str], version: Version) -> dict[str, Value]:
    """Add new services to the stack, with the environment their templates give them.

    :returns: the values the host has to make for them
    """
    for component in components:
        stack.parts[component] = _part(stack, component, version)
    values: dict[str, Value] = {}
    for component in components:
        part, template = stack.parts[component], TEMPLATES[component]
        body = _filled(stack, template["body"])
        part.env = dict(body.get("environment") or {})
        values |= {name: VALUES[name] for name in re.findall(r"<value:([^>]+)>", str(body))}
    return values


def _part(stack: Stack, component: str, version: Version) -> Part:
    template, main = TEMPLATES[component], stack.parts["app"]
    name = next(n for n in (template["name"], f"fastgpt-{component}", f"fastgpt-{component}-2") if n not in stack.names)
    stack.names |= {name}
    image = next(name for name in COMPONENTS[component] if was_there(name, version))
    tag = releases.tag_of(image, version) or ""
    mongo = stack.parts.get("mongo")
    reference = beside(main.image, image, tag, mongo.image if mongo else None)
    return Part(component, name, main.file, reference, reference, {}, set(), is_new=True)


@functools.cache
def was_there(image: str, version: Version) -> bool:
    """Tell whether an image was named by that release; a component's oldest image counts in any case."""
    if any(names[-1] == image for names in COMPONENTS.values()):
        return True
    return any(image in item.tags for item in releases.up_to(version) if item.version.is_final)


def service_change(stack: Stack, component: str) -> ServiceChange:
    """Write a new service down, with the environment it has come to have."""
    part, template = stack.parts[component], TEMPLATES[component]
    body: Json = {"image": part.image, **_filled(stack, template["body"])}
    if stack.networks:
        body["networks"] = list(stack.networks)
    if part.env:
        body["environment"] = {name: part.texts.get(name, value) for name, value in part.env.items()}
    volumes: tuple[str, ...] = ()
    if "data" in template:
        source = f"./{template['data']}" if stack.binds else _volume(stack, template["data"])
        volumes = () if stack.binds else (source,)
        body["volumes"] = [f"{source}:{template['target']}"]
    if "publish" in template:
        body["ports"] = [f"{published(stack, template['publish'])}:{template['publish']}"]
    order = ("image", "restart", "command", "ports", "networks", "environment", "volumes", "healthcheck")
    text = yaml.dump({key: body[key] for key in order if key in body}, Dumper=_DUMPER, sort_keys=False, width=1000)
    return ServiceChange(part.service, component, part.file, text, volumes=volumes)


def _volume(stack: Stack, data: str) -> str:
    name = data.replace("/", "-").replace("_", "-")
    return name if name.startswith("fastgpt") else f"fastgpt-{name}"


def published(stack: Stack, port: int) -> int:
    """Give the port of the host on which a new service is published: the same, else a free one near it."""
    near: list[int] = [port, port + 100, *range(port + 1, port + _REACH)]
    return next(number for number in near if number not in stack.taken_ports)


def _filled(stack: Stack, value: t.Any) -> t.Any:
    """Put names of services in the place of ``{component}``."""
    if isinstance(value, dict):
        return {key: _filled(stack, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(stack, item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\{([a-z-]+)\}", lambda match: stack.parts[match[1]].service, value)
