# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and pgvector: asked on the server where it can be asked, read from image names and versions elsewhere."""

from __future__ import annotations

import re
import typing as t

from ..model import Container, Deployment
from ..rule import Hit, Text, hit, refutes, rule
from ..versions import Version, split_image
from ._peers import LOOPBACK, differing_logins, peer, reach, says_later, targets

MIB = 1 << 20
LEAST_SHM = 64 * MIB
"""Docker's own default; HNSW builds of real size want more, less than that fails at once."""
ITERATIVE_SCAN = Version(0, 8)
"""pgvector that knows hnsw.iterative_scan."""
NEEDS_ITERATIVE_SCAN = Version(4, 9)
"""FastGPT that uses it in every search."""
STARTING = 60.0
"""Seconds after the start of FastGPT in which its table may still be missing."""
GOOD = r"init pg successful|Postgres vector initialization completed"


def _probe(d: Deployment) -> dict[str, t.Any]:
    return d.probe("pg") or {}


def _service(d: Deployment) -> str | None:
    container = d.one("pg")
    return (container.service or container.name) if container else None


@refutes("pgvector-extension-missing", "pg-modeldata-missing", "pg-role-privileges", "pg-init-password-missing")
def table_is_there(d: Deployment) -> Text | None:
    """Extension and table are made together."""
    if _probe(d).get("modeldata"):
        return {"en": "table modeldata is there", "zh": "modeldata 表已存在"}
    return None


@refutes("pg-auth-failed", "pg-hba-rejected", "pg-database-missing", "pg-unreachable")
def app_is_let_in(d: Deployment) -> Text | None:
    """FastGPT's own login was tried, or FastGPT says itself that it got in. Strangers' failed logins do not count."""
    tried = reach(d, "PG_URL")
    if (_probe(d).get("auth") and (tried is None or tried.get("connects"))) or (
        d.live
        and says_later(d, "app", GOOD, r"password authentication failed|pg connect error|Postgres connection failed")
    ):
        return {"en": "FastGPT's login works", "zh": "FastGPT 的账号可以登录"}
    return None


@refutes("pg-data-version-mismatch", "pg-datadir-permissions", "pg-datadir-incomplete", "pg-image-layout-changed")
def server_runs(d: Deployment) -> Text | None:
    """A server that answers did start."""
    return {"en": "PostgreSQL answers", "zh": "PostgreSQL 有应答"} if _probe(d).get("reachable") else None


@refutes("pgvector-version-mismatch")
def new_enough(d: Deployment) -> Text | None:
    """Library and extension are of 0.8 or later."""
    versions = [Version.parse(_probe(d).get(key)) for key in ("extension", "extension_available")]
    if all(v is not None and v >= ITERATIVE_SCAN for v in versions):
        return {"en": "pgvector is 0.8 or later", "zh": "pgvector 为 0.8 或更高"}
    return None


def _young(d: Deployment) -> bool:
    started = d.app.when("started_at") if d.app else None
    return started is not None and d.now is not None and d.now - started < STARTING


@rule("pgvector-extension-missing", needs=["probe:pg"], component="pg")
def no_extension(d: Deployment) -> t.Iterator[Hit]:
    """Not installed on the server, or not created in FastGPT's database."""
    probe = _probe(d)
    if not probe.get("version") or probe.get("extension"):
        return
    if not probe.get("extension_available"):
        yield hit(
            f"pg_available_extensions in {probe.get('container')}",
            f"PostgreSQL {probe['version']}: no extension vector",
            expected={"en": "vector among the available extensions", "zh": "可用扩展中有 vector"},
            service=_service(d),
        )
    elif not _young(d):
        yield hit(
            f"pg_extension in {probe.get('container')}",
            f"vector {probe['extension_available']} installed, not created",
            expected={"en": "CREATE EXTENSION vector was done", "zh": "已执行 CREATE EXTENSION vector"},
            service=_service(d),
        )


def _vector_server(d: Deployment) -> tuple[Container | None, str | None, str]:
    """Give container, image and service name of the server that PG_URL names, as far as they are known."""
    for target in targets(d.env_of("app")):
        if target.variable not in ("PG_URL", "PG_HOST"):
            continue
        if container := peer(d, target.address.host):
            return container, container.image, container.service or container.name
        for service in d.services.values():
            if target.address.host in (service.name, service.container_name):
                return None, service.image, service.name
    return None, None, ""


@rule("pgvector-extension-missing", needs=["env:app", "containers|services"])
def plain_image(d: Deployment) -> t.Iterator[Hit]:
    """The official postgres image holds no pgvector."""
    container, image, service = _vector_server(d)
    if not image or _probe(d).get("version"):
        return
    name = split_image(image)[0]
    if re.search(r"(^|/)postgres$", name):
        yield hit(
            f"docker inspect {container.name}" if container else d.facts["compose_file"],
            f"image: {image}",
            service=service,
            confidence="likely",
            expected={"en": "an image with pgvector", "zh": "带 pgvector 的镜像"},
        )


@rule("pg-modeldata-missing", needs=["probe:pg"], component="pg")
def no_table(d: Deployment) -> t.Iterator[Hit]:
    """FastGPT makes it at every start; a moment after its start it must be there."""
    probe = _probe(d)
    named = {target.variable for target in targets(d.env_of("app"))}
    if probe.get("modeldata") is False and d.app and d.app.running and not _young(d) and "PG_URL" in named:
        yield hit(
            f"to_regclass('modeldata') in {probe.get('container')}",
            f"no such table in database {probe.get('database')}",
            expected={"en": "table modeldata", "zh": "modeldata 表"},
            service=_service(d),
        )


@rule("pgvector-version-mismatch", needs=["probe:pg", "version"], component="pg")
def library_too_old(d: Deployment) -> t.Iterator[Hit]:
    """FastGPT 4.9 and later set hnsw.iterative_scan in every search; the library decides whether that is known."""
    library, version = Version.parse(_probe(d).get("extension_available")), t.cast(Version, d.version)
    if library and library < ITERATIVE_SCAN and version >= NEEDS_ITERATIVE_SCAN:
        yield hit(
            f"pg_available_extensions in {_probe(d).get('container')}",
            f"vector {library}, FastGPT {version}",
            expected={"en": "vector 0.8 or later", "zh": "vector 0.8 或更高"},
            service=_service(d),
        )


@rule("pgvector-version-mismatch", needs=["probe:pg"], component="pg")
def extension_lags(d: Deployment) -> t.Iterator[Hit]:
    """The image was changed, ALTER EXTENSION not done: works on, without what is new."""
    made, library = (Version.parse(_probe(d).get(key)) for key in ("extension", "extension_available"))
    if made and library and made < library:
        yield hit(
            f"pg_extension in {_probe(d).get('container')}",
            f"extension {made}, library {library}",
            severity="warning",
            expected={"en": f"extension {library}", "zh": f"扩展版本 {library}"},
            service=_service(d),
        )


@rule("pgvector-version-mismatch", needs=["env:app", "containers|services", "version"])
def image_too_old(d: Deployment) -> t.Iterator[Hit]:
    """The same, told by the tag of the pgvector image."""
    _container, image, service = _vector_server(d)
    version = t.cast(Version, d.version)
    if not image or _probe(d).get("version") or "pgvector" not in image or version < NEEDS_ITERATIVE_SCAN:
        return
    library = Version.parse(split_image(image)[1])
    if library and library.major == 0 and library < ITERATIVE_SCAN:
        yield hit(
            d.facts["compose_file"],
            f"image: {image}, FastGPT {version}",
            service=service,
            confidence="likely",
            expected={"en": "pgvector 0.8 or later", "zh": "pgvector 0.8 或更高"},
        )


@rule("pgvector-filter-bug", needs=["probe:pg", "version"], component="pg")
def filters_after_scan(d: Deployment) -> t.Iterator[Hit]:
    """Files or extension before 0.8; a FastGPT that needs 0.8 says so otherwise."""
    versions = [Version.parse(_probe(d).get(key)) for key in ("extension", "extension_available")]
    made = min(filter(None, versions), default=None)
    if made and made < ITERATIVE_SCAN and t.cast(Version, d.version) < NEEDS_ITERATIVE_SCAN:
        yield hit(
            f"pg_extension in {_probe(d).get('container')}",
            f"vector {made}",
            severity="info",
            confidence="possible",
            expected={"en": "vector 0.8 or later", "zh": "vector 0.8 或更高"},
            service=_service(d),
        )


@rule("pg-index-invalid", needs=["probe:pg"], component="pg")
def broken_index(d: Deployment) -> t.Iterator[Hit]:
    """pg_index.indisvalid is false after a build that broke off (or while one runs)."""
    names = _probe(d).get("invalid_indexes") or []
    if names:
        yield hit(
            f"pg_index in {_probe(d).get('container')}",
            f"not valid: {', '.join(names)}",
            detail=names[0],
            service=_service(d),
        )


@rule("pg-auth-failed", needs=["probe:pg"], component="pg")
def login_refused(d: Deployment) -> t.Iterator[Hit]:
    """FastGPT's login was tried on the server itself, over the network as FastGPT does."""
    probe, words = _probe(d), _probe(d).get("message") or ""
    if probe.get("auth") is False and not re.search(r"database \S+ does not exist|pg_hba", words):
        yield hit(f"login of PG_URL in {probe.get('container')}", words or "refused", service=_service(d))


@rule("pg-database-missing", needs=["probe:pg"], component="pg")
def no_database(d: Deployment) -> t.Iterator[Hit]:
    """The server answers, but has no database of that name."""
    probe, words = _probe(d), _probe(d).get("message") or ""
    if re.search(r"database \S+ does not exist", words):
        yield hit(f"login of PG_URL in {probe.get('container')}", words, service=_service(d))


@rule("pg-unreachable", needs=["probe:pg|probe:reach"])
def server_does_not_answer(d: Deployment) -> t.Iterator[Hit]:
    """Either the server does not answer in its own container, or FastGPT's container does not get there."""
    probe, tried = _probe(d), reach(d, "PG_URL")
    service = d.app.service if d.app else None
    if probe.get("reachable") is False:
        yield hit(f"psql in {probe.get('container')}", probe.get("message") or "no answer", service=service)
    elif tried and tried.get("connects") is False and tried["host"] not in LOOPBACK:
        yield hit(
            f"from {d.facts['app_container']}",
            f"PG_URL: {tried['host']}:{tried['port']}: {tried.get('error')}",
            service=service,
        )


@rule("pg-shared-memory", needs=["inspect"], component="pg")
def small_shm(d: Deployment) -> t.Iterator[Hit]:
    """Less than Docker gives by itself is never meant."""
    for container in d.of("pg"):
        size = container.data.get("shm_size")
        if size and size < LEAST_SHM:
            yield hit(
                f"docker inspect {container.name}",
                f"ShmSize = {size}",
                service=container.service or container.name,
                expected={"en": "at least 64 MiB", "zh": "至少 64 MiB"},
                severity="warning",
            )


@rule("pg-auth-failed", needs=["services", "env:app"], component="pg")
def login_differs(d: Deployment) -> t.Iterator[Hit]:
    """The same file gives PostgreSQL one password and FastGPT another; only where no container shows the truth."""
    yield from differing_logins(d, "pg", "PG_URL", ("POSTGRES_USER", "POSTGRES_PASSWORD"), "POSTGRES_*")
