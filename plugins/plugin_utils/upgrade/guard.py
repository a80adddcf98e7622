# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard against orphaned data: a changed compose file must not start a database on another volume or folder."""

from __future__ import annotations

import posixpath
import typing as t

from ..components import component_of
from ..compose import ComposeFile, Service
from ..model import Deployment
from ..releases import release_of_tag
from ..versions import Version, split_image
from . import route
from .plan import Refusal

DATA_TARGETS = {
    "mongo": ("/data/db",),
    "pg": ("/var/lib/postgresql/data", "/var/lib/postgresql"),
    "aiproxy-pg": ("/var/lib/postgresql/data", "/var/lib/postgresql"),
    "redis": ("/data",),
    "storage": ("/data",),
    "oneapi-db": ("/var/lib/mysql",),
    "oneapi": ("/data",),
    "milvus": ("/var/lib/milvus",),
    "milvus-etcd": ("/etcd",),
    "oceanbase": ("/root/ob", "/root/.obd/cluster", "/var/lib/oceanbase"),
    "opengauss": ("/var/lib/opengauss",),
}
"""Where components keep their data inside the container."""


class Orphan(t.NamedTuple):
    """Data that would be left behind: the service's new name, the place of the data now, and where it would start."""

    service: str
    component: str
    now: str
    then: str

    @property
    def text(self) -> dict[str, str]:
        """Say it in every language."""
        return {
            "en": f"{self.service} would start on {self.then}, but its data is in {self.now}",
            "zh": f"{self.service} 将使用 {self.then} 启动，但它的数据在 {self.now}",
        }


class Place(t.NamedTuple):
    """A service that keeps data: ``source`` is a folder or the name of a volume; empty for an anonymous volume."""

    service: str
    component: str
    source: str


def of_containers(deployment: Deployment) -> list[Place]:
    """Give where the data of running and stopped containers is: the truth, whatever the file says."""
    places = []
    for container in deployment.containers:
        for mount in container.mounts:
            if _holds_data(container.component, str(mount.get("destination") or "")):
                source = str(mount.get("name") or mount.get("source") or "")
                places.append(Place(container.service or container.name, str(container.component), source))
    return places


def of_file(compose: ComposeFile, project: str | None, folder: str) -> list[Place]:
    """Give where a compose file puts the data of its services.

    :param project: its name, which stands before the names of volumes
    :param folder: the one that relative paths are of
    """
    volumes = compose.data.get("volumes")
    declared = volumes if isinstance(volumes, dict) else {}
    places = []
    for service in compose.services.values():
        component = component_of(service.image, service.name, service.container_name)
        for source in _sources(service, component, declared, project, folder):
            places.append(Place(service.name, str(component), source))
    return places


def _sources(
    service: Service, component: str | None, declared: t.Mapping[str, t.Any], project: str | None, folder: str
) -> t.Iterator[str]:
    targets = DATA_TARGETS.get(component or "", ())
    mounts = [mount for mount in service.mounts if _holds_data(component, mount.target)]
    for mount in mounts:
        if mount.source is None:
            yield ""
        elif mount.kind == "bind":
            yield posixpath.normpath(posixpath.join(folder, mount.source))
        else:
            body = declared.get(mount.source)
            named = body.get("name") if isinstance(body, dict) else None
            outside = isinstance(body, dict) and body.get("external")
            yield str(named or (mount.source if outside or not project else f"{project}_{mount.source}"))
    if targets and not mounts:
        yield ""


def _holds_data(component: str | None, target: str) -> bool:
    return target.rstrip("/") in DATA_TARGETS.get(component or "", ())


def orphans(before: t.Sequence[Place], after: t.Sequence[Place]) -> list[Orphan]:
    """Give the data that a change leaves behind.

    A service is held against its own place before, or where it has a new name against those of its component that no
    service has any more. A component that comes in has no data, and one that goes starts on nothing.
    """
    kept = {place.service for place in after}
    found = []
    for place in after:
        own = [known for known in before if known.service == place.service and known.component == place.component]
        gone = [k for k in before if k.component == place.component and k.service not in kept]
        known = {item.source for item in own or gone if item.source}
        if known and place.source not in known:
            found.append(
                Orphan(place.service, place.component, ", ".join(sorted(known)), place.source or "an empty volume")
            )
    return found


def refusal(before: ComposeFile, after: ComposeFile, folder: str) -> str | None:
    """Say why a change of a compose file must not be made: it leaves data behind, or jumps over a required stop."""
    lost = [orphan.text["en"] for orphan in change_orphans(before, after, None, folder)]
    return "; ".join(lost + [jump.text["en"] for jump in _jumps(before, after)]) or None


def _jumps(before: ComposeFile, after: ComposeFile) -> t.Iterator[Refusal]:
    for name, service in after.services.items():
        was = before.services.get(name)
        old, new = _release(was.image if was else None), _release(service.image)
        if old and new and component_of(service.image, name) == "app" and (jump := route.illegal_jump(old, new)):
            yield jump


def _release(image: str | None) -> Version | None:
    """Give the release an image of the main service is of: v4.8.19-beta is 4.8.19 itself."""
    found = release_of_tag(split_image(image)[1] or "") if image else None
    return found.version if found else None


def change_orphans(before: ComposeFile, after: ComposeFile, project: str | None, folder: str) -> list[Orphan]:
    """Hold a changed compose file against the one it replaces."""
    return orphans(of_file(before, project, folder), of_file(after, project, folder))
