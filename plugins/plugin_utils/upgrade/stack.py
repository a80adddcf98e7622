# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as a plan sees it: its services by component with image and variables, moved on hop by hop."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import yaml

from ...module_utils import _env_file
from ..compose import ComposeFile, Mount, Service
from ..model import Deployment
from ..releases import release_of_tag
from ..rules.config import parse
from ..versions import Version, split_image

DATABASES = ("mongo", "pg", "aiproxy-pg")
_TOKEN = re.compile(r"<secret:[^>]+>")
_VARIABLE_TAG = re.compile(r"(?P<name>[^$]+):\$\{?(?P<variable>[A-Za-z_]\w*)(?::?-[^}]*)?\}?")


@dataclasses.dataclass
class Part:
    """One service.

    :ivar written: its image as the file has it, variables not put in
    :ivar image: the same with variables put in
    :ivar env: its variables; a secret is a token, known on the host alone
    :ivar texts: how variables are to be written in this hop, where that is another text than the value
    :ivar own: variables that stand in the service's own block of the file, not merged in
    :ivar is_new: brought in by the plan
    """

    component: str
    service: str
    file: str
    written: str
    image: str
    env: dict[str, str]
    own: set[str]
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    is_new: bool = False


@dataclasses.dataclass
class Stack:
    """Everything a plan rests on.

    :ivar build: the number of what runs, with its fix level
    :ivar lengths: of secrets, by token
    :ivar env_files: variables of ``.env`` files, by path
    :ivar networks: those of the main service, whose members reach it
    :ivar binds: data lies in folders of the host, not in named volumes
    :ivar names: of all services there are
    :ivar standalone: MongoDB is no replica set
    :ivar has_avx: of the processor; None where it is not known
    :ivar pg_major: major version of the PostgreSQL server
    :ivar vector_version: of pgvector in FastGPT's database
    :ivar vector_stored: of pgvector's library on the server
    :ivar words: what else conditions ask for: seekdb, rerank
    :ivar settings: variables that take the place of settings in config.json, with their values
    """

    parts: dict[str, Part]
    build: Version | None
    lengths: dict[str, int] = dataclasses.field(default_factory=dict)
    env_files: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    networks: tuple[str, ...] = ()
    host_network: bool = False
    binds: bool = True
    taken_ports: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    standalone: bool = False
    has_avx: bool | None = None
    mongo_version: Version | None = None
    pg_major: str | None = None
    vector_version: Version | None = None
    vector_stored: Version | None = None
    words: frozenset[str] = frozenset()
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def has(self, component: str) -> bool:
        return component in self.parts

    def env(self, component: str, name: str) -> str | None:
        """Give a variable's value; None where it is not there or empty."""
        part = self.parts.get(component)
        return (part.env.get(name) or None) if part else None

    def length(self, value: str) -> int | None:
        """Give the length of a value; None where only the host knows it."""
        token = _TOKEN.fullmatch(value)
        if token:
            return self.lengths.get(value)
        return None if is_hidden(value) else len(value)

    def applies(self, only: str | None, start: Version) -> bool:
        """Tell whether something that is ``only`` for some deployments is for this one."""
        if only is None or only == "standalone":
            return only is None or self.standalone
        if only == "never":
            return False
        if only == "no-aiproxy":
            return self.parts["aiproxy"].is_new if self.has("aiproxy") else True
        if only == "oneapi-import":
            return self.applies("no-aiproxy", start) and bool(self.env("oneapi", "SQL_DSN"))
        if only == "external-pg":
            return bool(self.env("app", "PG_URL")) and not self.has("pg")
        if only.startswith("from-below-"):
            return start < (Version.parse(only.removeprefix("from-below-")) or start)
        return self.has(only) or only in self.words


def is_hidden(value: str) -> bool:
    """Tell whether a value, or a part of it, is known on the host alone."""
    return "<secret:" in value or "<value:" in value


def own_names(compose: ComposeFile, service: str) -> set[str]:
    """Give the variables written in the service's own ``environment``, merge keys and shared blocks not followed."""
    node = compose.node
    for key in ("services", service, "environment"):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, value) for name, value in pairs if str(name.value) == key), None)
        if found is None or found[1].start_mark.index < found[0].start_mark.index:  # an alias stands elsewhere
            return set()
        node = found[1]
    if isinstance(node, yaml.SequenceNode):
        return {str(item.value).partition("=")[0].strip() for item in node.value}
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(name.value) for name, _value in pairs if name.value != "<<"}


def written_image(compose: ComposeFile, service: Service) -> str:
    """Give the image as the file has it, variables not put in."""
    body = (compose.data.get("services") or {}).get(service.name) or {}
    return str(body.get("image") or service.image or "").strip()


def variable_of(written: str) -> tuple[str, str] | None:
    """Give name and variable of an image whose tag is a variable, such as ``ghcr.io/labring/fastgpt:${TAG}``."""
    match = _VARIABLE_TAG.fullmatch(written)
    return (match["name"], match["variable"]) if match else None


def stack_of(deployment: Deployment, current: Version | None = None) -> Stack:
    """Read a deployment.

    :param current: what runs, where the operator says it
    """
    parts: dict[str, Part] = {}
    for compose in deployment.compose_files:
        for found in compose.services.values():
            component = deployment.component_of_service(found)
            if component and component not in parts and found.image:
                parts[component] = _part(deployment, compose, found, component)
    service = deployment.services.get(parts["app"].service) if "app" in parts else None
    mongo = deployment.probe("mongo") or {}
    pg = deployment.probe("pg") or {}
    flags = (deployment.host.get("cpu") or {}).get("flags")
    return Stack(
        parts,
        current or running_build(deployment),
        lengths={token: facts["length"] for token, facts in _secret_facts(deployment).items() if "length" in facts},
        env_files=_env_files(deployment),
        networks=tuple(name for name in service.networks if name != "default") if service else (),
        host_network=bool(service and service.network_mode == "host"),
        binds=any(m.kind == "bind" for name in DATABASES if name in parts for m in _mounts(deployment, parts[name])),
        taken_ports=frozenset(_taken(deployment)),
        names=frozenset(deployment.services),
        standalone=_standalone(deployment, mongo),
        has_avx=("avx" in flags) if flags is not None else None,
        mongo_version=Version.parse(mongo.get("version")) or _tag_version(parts.get("mongo")),
        pg_major=str(pg["version"]).partition(".")[0] if pg.get("version") else None,
        vector_version=Version.parse(pg.get("extension")),
        vector_stored=Version.parse(pg.get("extension_available")),
        settings=config_settings(deployment),
        words=frozenset(w for s in deployment.services.values() for w in ("seekdb", "rerank") if w in (s.image or "")),
    )


def _part(deployment: Deployment, compose: ComposeFile, service: Service, component: str) -> Part:
    seen = deployment.services.get(service.name, service)
    env = {name: value for name, value in seen.environment.items() if value is not None}
    return Part(
        component,
        service.name,
        compose.path,
        written_image(compose, service),
        service.image or "",
        env,
        own_names(compose, service.name),
    )


def _mounts(deployment: Deployment, part: Part) -> list[Mount]:
    return deployment.services[part.service].mounts if part.service in deployment.services else []


def _secret_facts(deployment: Deployment) -> t.Mapping[str, t.Mapping[str, t.Any]]:
    return deployment.evidence.get("secret_facts") or {}


def _env_files(deployment: Deployment) -> dict[str, dict[str, str]]:
    return {f["path"]: _env_file.read(f["text"]) for f in deployment.files if f.get("role") == "env" and f.get("text")}


def _taken(deployment: Deployment) -> t.Iterator[int]:
    for item in deployment.host.get("listeners") or []:
        yield int(item["port"])
    for service in deployment.services.values():
        yield from (port.host_port for port in service.ports if port.host_port)


def _standalone(deployment: Deployment, probe: t.Mapping[str, t.Any]) -> bool:
    """Tell whether MongoDB is known to be no replica set."""
    if probe.get("set_name"):
        return False
    service = deployment.service_of("mongo")
    return service is not None and "--replSet" not in f"{service.words('command')} {service.words('entrypoint')}"


def _tag_version(part: Part | None) -> Version | None:
    return Version.parse(split_image(part.image)[1]) if part else None


_SETTINGS = {
    "VECTOR_MAX_PROCESS": ("vectorMaxProcess",),
    "QA_MAX_PROCESS": ("qaMaxProcess",),
    "VLM_MAX_PROCESS": ("vlmMaxProcess",),
    "DATASET_PARSE_MAX_PROCESS": ("datasetParseMaxProcess",),
    "HNSW_EF_SEARCH": ("hnswEfSearch", "pgHNSWEfSearch"),
    "HNSW_MAX_SCAN_TUPLES": ("hnswMaxScanTuples",),
}
"""Variables of 4.15 and the settings of ``systemEnv`` whose place they take."""
_PARSER_SETTINGS = {
    "CUSTOM_PDF_PARSE_URL": "url",
    "CUSTOM_PDF_PARSE_KEY": "key",
    "DOC2X_KEY": "doc2xKey",
    "TEXTIN_APP_ID": "textinAppId",
    "TEXTIN_SECRET_CODE": "textinSecretCode",
}
"""The same of ``systemEnv.customPdfParse``."""


def config_settings(deployment: Deployment) -> dict[str, str]:
    """Give the variables that take the place of what config.json sets; a secret's value is its token."""
    found = deployment.config_file or {}
    data = parse(found["text"], None) if found.get("text") and not found.get("truncated") else None
    system = data.get("systemEnv") if isinstance(data, dict) else None
    if not isinstance(system, dict):
        return {}
    values = {name: next((system[k] for k in keys if system.get(k)), None) for name, keys in _SETTINGS.items()}
    parser = system.get("customPdfParse")
    if isinstance(parser, dict):
        values |= {name: parser.get(key) for name, key in _PARSER_SETTINGS.items()}
    features = data.get("feConfigs") if isinstance(data, dict) else None
    proxy = features.get("mcpServerProxyEndpoint") if isinstance(features, dict) else None
    values["SSE_MCP_SERVER_PROXY_ENDPOINT"] = proxy
    return {name: str(value) for name, value in values.items() if value}


def running_build(deployment: Deployment) -> Version | None:
    """Give the number of what runs: the tag of the container's image where it fits what is inside, else what is inside.

    The tag tells the fix level, which package.json does not have. None where the two contradict each other, and where
    neither is known.
    """
    image = deployment.app.image if deployment.app else (getattr(deployment.service_of("app"), "image", None) or "")
    tag = split_image(image)[1] if image else None
    by_tag = release_of_tag(tag) if tag else None
    number = Version.parse(tag) if by_tag else None
    inside = Version.parse((deployment.probe("app_version") or {}).get("version"))
    if inside and not re.match(r"v?\d+\.\d+\.\d+", tag or ""):
        return inside  # v4.14 is whatever was newest when it was pulled
    if inside is None or number is None:
        return inside or (max(number, by_tag.version) if number and by_tag else None)
    if by_tag and inside[:3] not in (number[:3], by_tag.version[:3]):
        return None
    return max(number, by_tag.version) if by_tag else inside
