# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find FastGPT deployments: by labels and images, else by compose files on disk. Private to the collection."""

from __future__ import annotations

import glob
import itertools
import os
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._env_file import read as parse_env
from ansible_collections.fastgpt.ops.plugins.module_utils._files import read_text

Json = t.Dict[str, t.Any]

_LABEL = "com.docker.compose.project"
_APP_IMAGE = re.compile(r"(^|/)(fastgpt|fast-gpt|fastgpt-pro)(@|:|$)")
_FAMILY_IMAGE = re.compile(r"(^|/)(fastgpt|fast-gpt)[\w.-]*(@|:|$)|/fastgpt/")
_IMAGE_LINE = re.compile(r"^[ \t]*(?:-[ \t]+)?image:[ \t]*[\"']?(?P<image>[^\s\"'#]+)", re.MULTILINE)
_COMPOSE_NAMES = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
_OVERRIDE_NAMES = (
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
    "compose.override.yml",
    "compose.override.yaml",
)
# Where self-hosters put the folder; one level is opened below those that hold many projects.
_PLACES = (
    ".",
    "/opt/fastgpt",
    "/root/fastgpt",
    "/home/*/fastgpt",
    "/srv/fastgpt",
    "/data/fastgpt",
    "/opt/*",
    "/root",
    "/root/*",
    "/home/*",
    "/home/*/*",
    "/srv/*",
    "/data/*",
    "/opt/*/*",
    "/data",
    "/srv",
    "/app",
    "/www/*",
    "/mnt/*",
    "/volume1/docker/*",
    "/opt/1panel/apps/*/*",
)
_PLACES_LIMIT = 2000
# A service of one of these names or variables is FastGPT itself even where its image was given another name.
_APP_VARIABLES = frozenset(
    (
        "MONGODB_URI",
        "DEFAULT_ROOT_PSW",
        "DB_MAX_LINK",
        "FILE_TOKEN_KEY",
        "OPENAI_BASE_URL",
        "CHAT_API_KEY",
        "AIPROXY_API_ENDPOINT",
        "PG_URL",
    )
)


def is_app(container: Json) -> bool:
    """Tell whether a container is FastGPT itself: by its image, else by its variables or its config mount."""
    if _APP_IMAGE.search(container.get("image") or ""):
        return True
    variables = container.get("env") or {}
    if "MONGODB_URI" in variables and len(_APP_VARIABLES & set(variables)) >= 4:
        return True
    return any(mount.get("destination") == "/app/data/config.json" for mount in container.get("mounts") or [])


def is_family(container: Json) -> bool:
    """Tell whether a container is FastGPT or one of its companions (sandbox, plugin, mcp server)."""
    return is_app(container) or bool(_FAMILY_IMAGE.search(container.get("image") or ""))


def find_projects(
    containers: t.Sequence[Json], project_dir: str | None = None, project: str | None = None
) -> list[Json]:
    """Find the deployments of this host, the one to diagnose first.

    :param containers: all of the host, running or not
    :param project_dir: the folder of the one meant
    :param project: the compose project's name of the one meant
    """
    found = _from_containers(containers)
    if project_dir:
        meant = [
            item
            for item in found
            if item["directory"] and os.path.realpath(item["directory"]) == os.path.realpath(project_dir)
        ]
        on_disk = _from_folder(os.path.abspath(project_dir), "disk", any_image=True)
        found = meant or ([on_disk] if on_disk else [])
    elif not found:
        found = _from_disk()
    if project:
        found = [item for item in found if item["name"] == project]
    return found


def _from_containers(containers: t.Sequence[Json]) -> list[Json]:
    grouped: dict[str | None, list[Json]] = {}
    for container in containers:
        grouped.setdefault(container.get("project"), []).append(container)
    found: list[Json] = []
    for name, members in grouped.items():
        if name is None:
            members = [container for container in members if is_app(container)]
            if members:
                found.append(
                    {"name": None, "directory": None, "config_files": [], "environment_files": [], "found_by": "image"}
                )
            continue
        candidate = _from_labels(name, members)
        if any(is_family(container) for container in members) or any(
            _names_app(path) for path in candidate["config_files"]
        ):
            found.append(candidate)

    def order(item: Json) -> tuple[bool, bool, str]:
        apps = [c for c in grouped[item["name"]] if is_app(c)]
        return (not any((c.get("state") or {}).get("running") for c in apps), not apps, item["name"] or "")

    return sorted(found, key=order)


def _from_labels(name: str, members: t.Sequence[Json]) -> Json:
    """Take folder and files from the labels of the newest container: older ones may be of a moved folder."""
    newest = max(members, key=lambda container: container.get("created_at") or 0)
    labels = newest.get("labels") or {}
    directory = labels.get(f"{_LABEL}.working_dir") or None
    files = _split_paths(labels.get(f"{_LABEL}.config_files"), directory)
    environment = _split_paths(labels.get(f"{_LABEL}.environment_file"), directory)
    if directory and not environment:
        environment = [os.path.join(directory, ".env")] if os.path.exists(os.path.join(directory, ".env")) else []
    return {
        "name": name,
        "directory": directory,
        "config_files": files,
        "environment_files": environment,
        "found_by": "labels",
    }


def _split_paths(value: str | None, directory: str | None) -> list[str]:
    # Compose v1 writes them as given on its command line, relative to the folder.
    return [os.path.join(directory or "", path.strip()) for path in (value or "").split(",") if path.strip()]


def _names_app(path: str) -> bool:
    """Tell whether a compose file names a FastGPT image; a file that cannot be read names none."""
    try:
        text = read_text(path)
    except OSError:
        return False
    return any(_FAMILY_IMAGE.search(match["image"]) for match in _IMAGE_LINE.finditer(text))


def _from_disk() -> list[Json]:
    seen, found = set(), []
    folders = itertools.chain.from_iterable(sorted(glob.glob(place)) for place in _PLACES)
    for folder in itertools.islice(folders, _PLACES_LIMIT):
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            project = _from_folder(real, "disk")
            if project:
                found.append(project)
    return found


def _from_folder(folder: str, found_by: str, any_image: bool = False) -> Json | None:
    """Give the project of a folder, None where it has no compose file (that names FastGPT, unless ``any_image``)."""
    files = [os.path.join(folder, name) for name in _COMPOSE_NAMES if os.path.isfile(os.path.join(folder, name))][:1]
    if not files or not (any_image or _names_app(files[0])):
        return None
    files += [os.path.join(folder, name) for name in _OVERRIDE_NAMES if os.path.isfile(os.path.join(folder, name))][:1]
    env = os.path.join(folder, ".env")
    environment = [env] if os.path.isfile(env) else []
    return {
        "name": _project_name(folder, files, environment),
        "directory": folder,
        "config_files": files,
        "environment_files": environment,
        "found_by": found_by,
    }


def _project_name(folder: str, files: t.Sequence[str], environment: t.Sequence[str]) -> str:
    """Name a project as Compose would: COMPOSE_PROJECT_NAME, the file's own ``name:``, the folder."""
    name = ""
    try:
        for path in environment:
            name = parse_env(read_text(path)).get("COMPOSE_PROJECT_NAME", "")
        match = re.search(r"^name:[ \t]*[\"']?([\w.-]+)", read_text(files[0]), re.MULTILINE)
        name = name or (match[1] if match else "")
    except OSError:
        pass  # unreadable: the folder's name it is; the file itself is reported with its error
    return re.sub(r"[^a-z0-9_-]", "", (name or os.path.basename(folder)).lower())


_ENV_FILE = re.compile(
    r"^(?P<indent>[ \t]*)env_file:[ \t]*(?P<inline>[^\n#]*)(?P<items>(?:\n(?P=indent)[ \t]*-[^\n]*)*)", re.MULTILINE
)
_BIND = re.compile(
    r"^[ \t]*-[ \t]+[\"']?(?P<source>\.{1,2}/[^:\"'\s]*|~/[^:\"'\s]*|/[^:\"'\s]+):(?P<target>/[^:\"'\s]+)", re.MULTILINE
)


def env_files_named(text: str, directory: str) -> list[str]:
    """Give the paths of ``env_file:`` entries of a compose file; ones with variables in them are left out."""
    paths = []
    for match in _ENV_FILE.finditer(text):
        for item in [match["inline"].strip(" []\"'")] + [line.strip(" \t-\"'") for line in match["items"].split("\n")]:
            for path in item.split(","):
                path = re.sub(r"^path:\s*", "", path.strip(" \"'"))
                if path and "$" not in path:
                    paths.append(os.path.normpath(os.path.join(directory, path)))
    return paths


def binds_named(text: str, directory: str) -> list[tuple[str, str]]:
    """Give (source on the host, path in the container) of short ``volumes:`` entries; the file need not parse."""
    return [
        (os.path.normpath(os.path.join(directory, os.path.expanduser(match["source"]))), match["target"])
        for match in _BIND.finditer(text)
    ]
