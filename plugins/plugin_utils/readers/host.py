# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's pasted files, made into evidence (docs/evidence.md). Pure: bytes in, evidence out."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import typing as t

from ...module_utils import _env_file
from ...module_utils._docker import container_from_inspect
from ..components import component_of
from ..compose import ComposeFile
from ..logs import parse_time
from .decode import decode
from .ps import parse_ps
from .tokens import tokenise

Json = t.Any
Files = t.Mapping[str, bytes]

COMPOSE_NAMES = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
OVERRIDE_NAMES = tuple(name.replace("compose.y", "compose.override.y") for name in COMPOSE_NAMES)
ENV_NAMES = (".env", "env")
CONFIG_NAMES = ("config.json",)
TEXT_KINDS = {"up.txt": "up", "shell.txt": "shell", "description.txt": "description"}
OTHER_NAMES = ("manifest.json", "evidence.json", "ps.txt", "inspect.json")
FOLDERS = ("logs", "env", "api")

SCHEMA_VERSION = 1
CUT_MARK = "[fastgpt.ops left out {} bytes here]"
"""Line that stands where a huge file was cut; see bundle.py."""
_CUT = re.compile(r"^\[fastgpt\.ops left out \d+ bytes here\]$", re.MULTILINE)
_NOBODY = {"", "unknown", "log", "logs", "all", "compose", "docker", "output", "console"}
_HEADING = re.compile(
    r"^(?:==> (?P<tail>[\w./-]+?)(?:\.log)? <=="
    r"|.{0,80}?[$#>] ?(?:sudo )?docker(?:[- ]compose)? logs (?:-\S+ (?:\d+\S* )?)*(?P<name>[\w.-]+).*)$",
    re.MULTILINE,
)
_STAMPED = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
_BETWEEN_OBJECTS = re.compile(r"[\s,\[\]]*")
_NEXT_OBJECT = re.compile(r"^[\[{]", re.MULTILINE)
_VARIABLE = re.compile(r"^\s*(?:- |export |declare -x )?[\"']?([A-Za-z_]\w*)[\"']?(?:=|: )(.*)$")


class HostFiles:
    """The files of one host folder by their path in it, decoded when asked for."""

    def __init__(self, files: Files):
        self._files = {posixpath.normpath(path.replace("\\", "/")): data for path, data in files.items()}
        self._by_lower = {path.lower(): path for path in sorted(self._files)}

    def path(self, *names: str) -> str | None:
        """Give the first of the names that is there (letter case does not count), as it is spelt."""
        return next((self._by_lower[name] for name in names if name in self._by_lower), None)

    def data(self, path: str) -> bytes:
        return self._files[path]

    def text(self, *names: str) -> str | None:
        """Give the text of the first of the names that is there."""
        path = self.path(*names)
        return None if path is None else decode(self._files[path]).replace("\r\n", "\n")

    def under(self, folder: str, *endings: str) -> t.Iterator[tuple[str, str, str]]:
        """Give path, name without ending, and text of a folder's files; folder ``""`` is the top."""
        for lower, path in sorted(self._by_lower.items()):
            head, name = posixpath.split(lower)
            stem, ending = posixpath.splitext(posixpath.basename(path))
            if head == folder and name and (not endings or ending.lower() in endings):
                yield path, stem, decode(self._files[path]).replace("\r\n", "\n")


def read_host(files: Files, name: str, salt: str) -> Json:
    """Make one host's evidence of its files.

    :param files: content by path in the host's folder, as contract section 4 names them
    :param name: the host's name, where manifest.json gives none
    :param salt: of the run's secret tokens
    :returns: evidence; with an evidence.json of collect.yml that very evidence and the texts a person put beside it
    """
    host = HostFiles(files)
    failures: list[dict[str, str]] = []
    manifest = _object(host, "manifest.json", failures)
    recorded = _object(host, "evidence.json", failures)
    if recorded and recorded.get("schema_version") != SCHEMA_VERSION:
        found = recorded.get("schema_version")
        failures.append(
            {"what": "read evidence.json", "error": f"schema_version {SCHEMA_VERSION} is wanted, not {found}"}
        )
        recorded = {}
    evidence = recorded or {
        "schema_version": SCHEMA_VERSION,
        "source": "bundle",
        "collected_at": _seconds(manifest.get("collected_at")),
        "host": {"name": manifest.get("host") or name},
    }
    evidence = _join(evidence, tokenise(_added_texts(host) if recorded else _pasted(host, failures), salt))
    if failures:
        evidence["failures"] = [*(evidence.get("failures") or []), *failures]
    return evidence


def _pasted(host: HostFiles, failures: list[dict[str, str]]) -> dict[str, Json]:
    """Read every file; a kind of evidence that no file gives stays absent: it was not looked at."""
    evidence = {
        **_deployment(host),
        "logs": _logs(host),
        "texts": _texts(host),
        "process_env": {stem: read_env(text) for _path, stem, text in host.under("env", ".env", ".txt")},
    }
    found = {key: value for key, value in evidence.items() if value}
    return {**found, **_containers(host, found, failures)}


def _added_texts(host: HostFiles) -> dict[str, Json]:
    """Read what collect.yml never writes; all else of its bundle says again what evidence.json says."""
    added = [text for text in _texts(host) if text["kind"] in ("up", "description", "api")]
    return {"texts": added} if added else {}


def _join(evidence: dict[str, Json], more: dict[str, Json]) -> dict[str, Json]:
    """Put more evidence to some: lists and mappings that both have are joined."""
    joined = dict(evidence)
    for key, value in more.items():
        before = joined.get(key)
        if before and isinstance(value, list):
            joined[key] = [*before, *value]
        elif before and isinstance(value, dict):
            joined[key] = {**before, **value}
        else:
            joined[key] = value
    return joined


def _object(host: HostFiles, name: str, failures: list[dict[str, str]]) -> dict[str, Json]:
    """Read a file that holds one JSON object; a damaged one is a failure of its own, the other files still count."""
    text = host.text(name)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        failures.append({"what": f"read {name}", "error": str(error)})
        return {}
    if not isinstance(value, dict):
        failures.append({"what": f"read {name}", "error": f"a JSON object was expected, not {type(value).__name__}"})
        return {}
    return value


def _seconds(value: Json) -> float | None:
    return float(value) if isinstance(value, (int, float)) else parse_time(value if isinstance(value, str) else None)


# --- compose, env and config files


def _file(host: HostFiles, path: str, role: str) -> dict[str, Json]:
    data, text = host.data(path), host.text(path.lower()) or ""
    return {
        "path": path,
        "role": role,
        "kind": "file",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "text": text,
        "truncated": bool(_CUT.search(text)),
        "error": None,
    }


def _deployment(host: HostFiles) -> dict[str, Json]:
    """Files and project; without a compose file no project is claimed."""
    compose = [path for path in (host.path(*COMPOSE_NAMES), host.path(*OVERRIDE_NAMES)) if path]
    env, config = host.path(*ENV_NAMES), host.path(*CONFIG_NAMES)
    files = [_file(host, path, "compose") for path in compose]
    files += [_file(host, path, role) for path, role in ((env, "env"), (config, "config")) if path]
    if not compose:
        return {"files": files}
    named = re.search(r"^name:\s*['\"]?([\w.-]+)", files[0]["text"], re.MULTILINE)
    project = {
        "name": named.group(1) if named else None,
        "directory": ".",
        "config_files": compose,
        "environment_files": [env] if env else [],
        "found_by": "bundle",
    }
    return {"files": files, "projects": [project]}


# --- containers


def _containers(host: HostFiles, evidence: Json, failures: list[dict[str, str]]) -> dict[str, Json]:
    """Give the containers: from inspect.json, those it lacks from ``docker ps`` tables; foreign ones apart."""
    listed, inspected = host.text("ps.txt"), host.text("inspect.json")
    objects, error = split_objects(inspected or "[]")
    if error:
        failures.append({"what": "read inspect.json", "error": error})
    containers, networks = parse_inspect(objects)
    found = {item["name"]: item for item in containers}
    for text in (listed, host.text("shell.txt"), host.text("description.txt")):
        for container in parse_ps(text or ""):
            found.setdefault(container["name"], container)
    if not found and listed is None and inspected is None:
        return {}
    ours, others = split_project(list(found.values()), evidence)
    result = {"containers": ours, "other_containers": others, "containers_complete": listed is not None}
    return {**result, "networks": networks} if networks else result


def split_objects(text: str) -> tuple[list[Json], str | None]:
    """Read the JSON objects of a list that may be cut at its end; several lists after one another count as one.

    :returns: the whole objects, and why reading ended early or None
    """
    decoder, position = json.JSONDecoder(), 0
    objects: list[Json] = []
    while (position := _BETWEEN_OBJECTS.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        if text[position] != "{":
            following = _NEXT_OBJECT.search(text, position)
            if not following:
                return objects, None if objects else "no JSON in it"
            position = following.start()  # after a shell prompt or message between two lists
            continue
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError as error:
            return objects, f"{len(objects)} whole objects, then: {error}"
        objects.append(value)
    return objects, None


def parse_inspect(objects: list[Json]) -> tuple[list[Json], list[Json]]:
    """Read ``docker inspect`` objects: containers and networks; other kinds are passed over."""
    wanted = [item for item in objects if isinstance(item.get("Config"), dict) and isinstance(item.get("State"), dict)]
    networks = [
        {
            "name": item.get("Name"),
            "driver": item.get("Driver"),
            "containers": [part.get("Name") for part in (item.get("Containers") or {}).values()],
        }
        for item in objects
        if "IPAM" in item
    ]
    return [container_from_inspect(item) for item in wanted], networks


def split_project(containers: list[Json], evidence: Json) -> tuple[list[Json], list[Json]]:
    """Tell the FastGPT project's containers from others on the host.

    By the compose project where labels name it; else by the compose file's services; else by what the parts of
    FastGPT look like. A container of another compose project is never taken for ours.
    """
    projects = {item.get("project") for item in containers if _component(item) == "app"} - {None}
    services = _service_names(evidence)
    ours: list[Json] = []
    others: list[Json] = []
    for item in containers:
        if item.get("project") and projects:
            is_ours = item["project"] in projects
        elif service := _service_of(item["name"], services):
            item.setdefault("service", service)
            is_ours = True
        else:
            is_ours = _component(item) not in (None, "proxy", "model", "browser", "daemon")
        (ours if is_ours else others).append(item)
    return ours, others


def _service_of(name: str, services: dict[str, str]) -> str | None:
    """Find the service of a container: named so in the file, or ``PROJECT-SERVICE-1`` as Compose names it."""
    if name in services:
        return services[name]
    bare = re.sub(r"[-_]\d+$", "", name)
    found = [service for known, service in services.items() if bare.endswith((f"-{known}", f"_{known}"))]
    return max(found, key=len, default=services.get(bare))


def _component(item: Json) -> str | None:
    return component_of(item.get("image"), item.get("service"), item.get("name"))


def _service_names(evidence: Json) -> dict[str, str]:
    """Give the compose files' services, by their own and by their containers' names."""
    variables: dict[str, str] = {}
    for item in evidence.get("files") or []:
        if item["role"] == "env":
            variables.update(_env_file.read(item["text"]))
    names: dict[str, str] = {}
    for item in evidence.get("files") or []:
        if item["role"] == "compose":
            for service in ComposeFile(item["path"], item["text"], variables).services.values():
                names |= {service.name: service.name, service.container_name or service.name: service.name}
    return names


# --- logs, texts, environments


def _logs(host: HostFiles) -> list[Json]:
    logs = []
    taken = set()
    sources = [*host.under("logs"), *host.under("", ".log")]
    for path, stem, text in sources:
        if path in taken:
            continue
        taken.add(path)
        for container, part in split_headings(_unwrap_json_lines(text), None if stem.lower() in _NOBODY else stem):
            lines = part.lstrip().splitlines()[:20]
            logs.append(
                {
                    "container": container,
                    "timestamps": bool(lines) and all(_STAMPED.match(line) for line in lines if line.strip()),
                    "text": part,
                    "truncated": bool(_CUT.search(part)),
                    "error": None,
                }
            )
    return logs


def split_headings(text: str, container: str | None) -> list[tuple[str | None, str]]:
    """Cut a text that holds several logs at ``==> NAME <==`` and at prompts such as ``# docker logs NAME``."""
    parts: list[tuple[str | None, str]] = []
    who, start = container, 0
    for match in _HEADING.finditer(text):
        parts.append((who, text[start : match.start()]))
        named = match["name"] or posixpath.basename(match["tail"])
        who, start = named or container, match.end() + 1
    parts.append((who, text[start:]))
    return [(name, part) for name, part in parts if part.strip()]


def _unwrap_json_lines(text: str) -> str:
    """Make plain lines of docker's own json-file log (``{"log": ..., "time": ...}`` a line)."""
    if not text.lstrip().startswith('{"log":'):
        return text
    lines = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            lines.append(f"{entry['time']} {entry['log'].rstrip()}")
        except (ValueError, KeyError, TypeError, AttributeError):
            lines.append(line)  # a cut line stays as it is
    return "\n".join(lines)


def _texts(host: HostFiles) -> list[Json]:
    texts = [
        {"name": name, "kind": kind, "container": None, "text": text}
        for name, kind in TEXT_KINDS.items()
        if (text := host.text(name))
    ]
    for path, stem, text in host.under("api"):
        container = re.sub(r"^\d+[-_.]", "", stem)
        texts.append({"name": path, "kind": "api", "container": _somebody(container), "text": text})
    for path, stem, text in host.under("env", ".env", ".txt"):
        texts.append({"name": path, "kind": "env", "container": _somebody(stem), "text": text})
    return texts


def _somebody(name: str) -> str | None:
    return None if name.lower() in _NOBODY else name


def read_env(text: str) -> dict[str, str]:
    """Read what ``env`` printed, or variables as people paste them (``- KEY=value``, ``KEY: value``)."""
    found = {}
    for line in text.splitlines():
        if match := _VARIABLE.match(line):
            value = match[2].strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[match[1]] = value[1:-1] if quoted else value
    return found
