# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of MongoDB: key file, options of mongod, replica set, CPU, user root.

What would be done to the wrong data, or to more than one member, is left to a person, with the reason.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, as_diff, edit, fixes, project_variables
from ..model import Deployment, Json, parse_url
from ..versions import split_image
from .containers import UP_SECONDS

KEY_PATH = "/data/mongodb.key"
"""Where FastGPT's own compose file has the key in the container."""
LAST_WITHOUT_AVX = "4.4.29"
LAST_ON_OLD_ARM = "4.4.18"
_ROOT_MADE = re.compile(r"root user init: |Root user initialized")
_MAKES_KEY = re.compile(r"openssl\s+rand|>\s*\S*mongo\S*\.key")
_NOT_A_NAME = re.compile(r"[\d.]+|.*:.*|localhost")


class Mongo:
    """MongoDB's service in the compose file, and the container FastGPT uses.

    :param hosts: names by which it is to be known too
    :raises CannotFixError: FastGPT uses another MongoDB than the compose file's, or there are several members
    """

    def __init__(self, deployment: Deployment, hosts: t.Collection[str] = ()):
        self.deployment = deployment
        service = deployment.service_of("mongo")
        if service is None:
            raise CannotFixError("MongoDB is no service of the compose file", "compose 文件中没有 MongoDB 服务")
        self.service = service.name
        self.data = service
        self.container = next((c for c in deployment.of("mongo") if c.service == service.name), None)
        self.name = self.container.name if self.container else service.container_name or service.name
        self.words = f"{service.words('entrypoint')} {service.words('command')}"
        self._check_address(hosts)
        if len(deployment.of("mongo")) > 1 or ("," in self._uri_hosts()):
            raise CannotFixError(
                "there are several MongoDB servers; a set of one member is what is cured here",
                "存在多个 MongoDB 服务，这里只处理单成员副本集",
            )

    def _uri_hosts(self) -> str:
        uri = self.deployment.env_of("app").get("MONGODB_URI") or ""
        return re.split(r"[/?]", uri.partition("://")[2].rpartition("@")[2])[0]

    def _check_address(self, hosts: t.Collection[str]) -> None:
        host = self._uri_hosts().partition(":")[0]
        names = {self.service, self.name, self.data.container_name, *hosts}
        for network in self.container.networks.values() if self.container else ():
            names.update(network.get("aliases") or [])
        if host and host not in names:
            raise CannotFixError(
                f"FastGPT uses the MongoDB at {host}, which is not service {self.service} of the compose file",
                f"FastGPT 使用的 MongoDB 是 {host}，不是 compose 文件中的服务 {self.service}",
            )

    @property
    def port(self) -> int:
        """Port mongod listens on, as its command line says."""
        port = re.search(r"(?<![\w-])--port[=\s]+[\"']?(\d+)", self.words)
        return int(port[1]) if port else 27017

    @property
    def makes_its_key(self) -> bool:
        """True where the start script makes the key at every start."""
        return bool(_MAKES_KEY.search(self.words))

    @property
    def key_path(self) -> str | None:
        """Path in the container that ``--keyFile`` names."""
        option = re.search(r"--keyFile[= ]+['\"]?([^\s'\",]+)", self.words)
        return option[1] if option else None

    @property
    def uid(self) -> int:
        """Numeric user mongod runs as: that of the compose file, else of the image."""
        user = str(self.data.data.get("user") or "").partition(":")[0]
        return int(user) if user.isdigit() and user != "0" else 999

    def stored(self) -> Json:
        """Give what the server itself said of its set."""
        return self.deployment.probe("mongo") or {}

    def fix(self, diff: str = "", compose: str | None = None, changes: Json | None = None, **more: t.Any) -> Fix:
        """Put the step together.

        :param compose: path of the compose file to change
        :param more: variables of the role
        """
        app = self.deployment.app
        variables: Json = {
            "project": project_variables(self.deployment),
            "service": self.service,
            "container": self.name,
            "host": f"{self.service}:{self.port}",
            **({"app": app.name, "app_service": app.service} if app and app.service else {}),
            **({"compose_file": compose, "changes": changes} if compose else {}),
            **more,
        }
        is_new = bool(compose or more.get("keyfile"))
        return Fix("mongo_replica", variables, (self.service,) if is_new else (), UP_SECONDS if is_new else 0.0, diff)


# --- whose data

Text = t.Dict[str, str]


def had_data(deployment: Deployment) -> Text | None:
    """Say what shows that this installation has worked before, so that an empty MongoDB is the wrong one."""
    if (deployment.probe("pg") or {}).get("vectors"):
        return {"en": "PostgreSQL holds vectors of datasets", "zh": "PostgreSQL 中已有知识库向量"}
    for log in deployment.log_of("app"):
        if next(log.search(_ROOT_MADE), None):
            return {
                "en": f"{log.source} shows an earlier start that worked",
                "zh": f"{log.source} 中有以前成功启动的记录",
            }
    return None


def refuse_wrong_volume(deployment: Deployment) -> bool:
    """Refuse what would write to data that are not FastGPT's; tell whether the volume may be empty.

    :raises CannotFixError: the volume is fresh though the installation is not
    """
    data = deployment.probe("mongo_data") or {}
    before = had_data(deployment)
    if before and not data.get("holds_app"):
        where = data.get("path") or deployment.facts["mongo_container"]
        raise CannotFixError(
            f"{where} holds nothing of FastGPT, and {before['en']}: this is not the volume that has its data. Find that"
            " one and mount it again before anything writes here",
            f"{where} 中没有 FastGPT 的数据，而{before['zh']}：挂载的不是原来的数据卷。请先找到原来的卷并重新挂载，"
            "在此之前不要写入",
        )
    return before is None


# --- key file


def key_variables(mongo: Mongo) -> tuple[Json, Json, str]:
    """Work out where the key file lies, or is to lie.

    :returns: variables of the role, changes of the compose file, diff of the file
    """
    inside = mongo.key_path or KEY_PATH
    path = _mounted_key(mongo, inside)
    changes: Json = {}
    if path is None:
        path, source = _key_to_mount(mongo)
        changes = {"volumes": [{"source": source, "target": inside}]}
    if not mongo.key_path:
        changes["mongod_options"] = {"keyFile": inside}
    facts = mongo.deployment.file(path) or {"kind": "missing"}
    if facts.get("kind") == "directory" and facts.get("entries"):
        raise CannotFixError(
            f"{path} is a directory with {facts['entries']} entries; look what they are first",
            f"{path} 是一个含有 {facts['entries']} 个条目的目录，请先确认其中的内容",
        )
    if mongo.deployment.engine.get("rootless"):
        raise CannotFixError(
            f"the engine is rootless: give {path} to the container's user with `podman unshare chown` or its kin",
            f"引擎以 rootless 方式运行：请用 `podman unshare chown` 之类的命令把 {path} 交给容器内的用户",
        )
    return {"keyfile": path, "uid": mongo.uid}, changes, _key_diff(path, facts, mongo.uid)


def _mounted_key(mongo: Mongo, inside: str) -> str | None:
    """Give the file of the host that is mounted at a path in the container."""
    mount = mongo.container.mount_at(inside) if mongo.container else None
    if mount and mount.get("type") == "bind":
        return str(mount["source"])
    source = next((m.source for m in mongo.data.mounts if m.target == inside and m.kind == "bind"), None)
    return posixpath.normpath(posixpath.join(_directory(mongo), source)) if source else None


def _key_to_mount(mongo: Mongo) -> tuple[str, str]:
    """Give a key file to mount, by its path and as the compose file has it: one that is there, else one to make."""
    there = mongo.deployment.file_of_role("keyfile")
    for mount in mongo.data.mounts:
        if (
            there
            and mount.source
            and posixpath.normpath(posixpath.join(_directory(mongo), mount.source)) == there["path"]
        ):
            return str(there["path"]), _as_written(mongo, mount.target) or mount.source
    return posixpath.join(_directory(mongo), "mongodb.key"), "./mongodb.key"


def _as_written(mongo: Mongo, target: str) -> str | None:
    """Give the source of a mount as the compose file has it; Compose renders it as a whole path."""
    for compose in reversed(mongo.deployment.compose_files):
        service = compose.services.get(mongo.service)
        for mount in service.mounts if service else ():
            if mount.target == target:
                return mount.source
    return None


def _directory(mongo: Mongo) -> str:
    return str(mongo.deployment.project.get("directory") or ".")


def _key_diff(path: str, facts: Json, uid: int) -> str:
    owner = f" {facts['mode']} {facts['uid']}:{facts['gid']}" if facts.get("mode") else ""
    before, after = f"{facts.get('kind')}{owner}", f"file 0400 {uid}:{uid}"
    return "" if before == after else as_diff(path, before, after)


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


@fixes("mongo-keyfile-permissions", "mongo-keyfile-is-directory", "mongo-keyfile-missing", "mongo-keyfile-bad-content")
def mend_keyfile(deployment: Deployment, finding: Finding) -> Fix:
    """Give mongod a key file it accepts, on the host or in the start script that makes it."""
    mongo = Mongo(deployment)
    inside = mongo.key_path or KEY_PATH
    if mongo.makes_its_key and not _mounted_key(mongo, inside):
        compose, diff = edit(deployment, mongo.service, "entrypoint", made_keyfile=inside)
        if not diff:
            raise CannotFixError(
                f"the start script in {compose.path} makes a good key at {inside} already",
                f"{compose.path} 中的启动脚本已经在 {inside} 生成正确的密钥",
            )
        return mongo.fix(diff, compose.path, {"made_keyfile": inside})
    variables, changes, diff = key_variables(mongo)
    parts = [diff]
    if finding.entry.id == "mongo-keyfile-bad-content":
        variables["replace_invalid"] = True
        parts.append(as_diff(variables["keyfile"], "a key that mongod refuses", "a new key"))
    if not changes:
        return mongo.fix(_joined(*parts), **variables)
    compose, lines = edit(deployment, mongo.service, "command", **changes)
    return mongo.fix(_joined(*parts, lines), compose.path, changes, **variables)


# --- the replica set


@fixes("mongo-replset-option-missing", "mongo-standalone-no-transactions")
def make_member(deployment: Deployment, _finding: Finding) -> Fix:
    """Start mongod as a member of its set; a set is initiated where its data never were of one."""
    mongo = Mongo(deployment)
    new = refuse_wrong_volume(deployment)
    address = parse_url(deployment.env_of("app").get("MONGODB_URI"))
    name = mongo.stored().get("set_name") or (address and address.query.get("replicaSet")) or "rs0"
    variables: Json = {"name": name, "initiate": True, "allow_empty": new}
    changes: Json = {"mongod_options": {"replSet": name}}
    diff = ""
    if _asks_for_logins(mongo) and not mongo.key_path:
        if mongo.makes_its_key:
            changes["mongod_options"]["keyFile"] = _made_at(mongo)
        else:
            key, more, diff = key_variables(mongo)
            variables |= key
            changes = {**more, "mongod_options": {**more["mongod_options"], **changes["mongod_options"]}}
    compose, lines = edit(deployment, mongo.service, "command", **changes)
    initiation = _set_diff(mongo, name) if mongo.stored().get("set_stored") is False else ""
    return mongo.fix(_joined(diff, lines, initiation), compose.path, changes, **variables)


def _asks_for_logins(mongo: Mongo) -> bool:
    """Tell whether mongod wants logins, and so a key file as soon as it is a member of a set."""
    variables = mongo.container.env if mongo.container else mongo.data.environment
    return bool(variables.get("MONGO_INITDB_ROOT_USERNAME")) or "--auth" in mongo.words


def _made_at(mongo: Mongo) -> str:
    made = re.search(r">\s*[\"']?(/\S*?\.key|/\S*key-?file\S*)", mongo.words)
    return made[1] if made else KEY_PATH


def _set_diff(mongo: Mongo, name: str) -> str:
    return as_diff(f"replica set of {mongo.name}", "never initiated", f"{name}: {mongo.service}:{mongo.port}")


@fixes("mongo-replset-not-initiated")
def initiate(deployment: Deployment, _finding: Finding) -> Fix:
    """Initiate the set, on the volume that has FastGPT's data or in a new installation."""
    mongo = Mongo(deployment)
    if mongo.data.network_mode:
        raise CannotFixError(
            f"{mongo.service} has network_mode {mongo.data.network_mode}, and so no name by which others reach it",
            f"{mongo.service} 使用 network_mode {mongo.data.network_mode}，其他容器无法用服务名访问它",
        )
    new = refuse_wrong_volume(deployment)
    option = re.search(r"--replSet[=\s]+[\"']?([\w.-]+)", mongo.words)
    name = option[1] if option else "rs0"
    return mongo.fix(_set_diff(mongo, name), name=name, initiate=True, allow_empty=new)


@fixes("mongo-replset-host-mismatch")
def give_old_name(deployment: Deployment, _finding: Finding) -> Fix:
    """Let the service be reached under the name its set has stored; the data stay as they are."""
    members = (deployment.probe("mongo") or {}).get("set_members") or []
    mongo = Mongo(deployment, [str(member).rpartition(":")[0] for member in members])
    if len(members) != 1:
        raise CannotFixError(
            f"the stored set has {len(members)} members; only a set of one is cured here",
            f"已保存的副本集有 {len(members)} 个成员，这里只处理单成员副本集",
        )
    host, _colon, port = str(members[0]).rpartition(":")
    if _NOT_A_NAME.fullmatch(host) or port != str(mongo.port):
        raise CannotFixError(
            f"the stored address {members[0]} cannot be given to a container as a name (mongod's port: {mongo.port}):"
            " rs.reconfig by hand, as the steps say",
            f"已保存的地址 {members[0]} 无法作为名称赋给容器（mongod 监听 {mongo.port}），请按步骤手工执行 rs.reconfig",
        )
    holder = _holder(deployment, host, mongo)
    if holder:
        raise CannotFixError(
            f"{holder} has the name {host}, which the set of {mongo.service} needs",
            f"{holder} 占用了 {mongo.service} 的副本集所需的名称 {host}",
        )
    compose, diff = edit(deployment, mongo.service, "networks", aliases=[host])
    return mongo.fix(diff, compose.path, {"aliases": [host]})


def _holder(deployment: Deployment, host: str, mongo: Mongo) -> str | None:
    """Name the service or running container that others reach by a name already."""
    for service in deployment.services.values():
        if service.name != mongo.service and host in (service.name, service.container_name):
            return service.name
    for container in (*deployment.containers, *deployment.other_containers):
        aliases = {alias for network in container.networks.values() for alias in (network or {}).get("aliases") or []}
        if container.running and container.name != mongo.name and host in {container.name, *aliases}:
            return container.name
    return None


# --- the processor


@fixes("mongo-no-avx", "mongo-arm-too-old")
def take_older_image(deployment: Deployment, finding: Finding) -> Fix:
    """Take the last MongoDB that runs on this CPU, where no other release has written data yet."""
    mongo = Mongo(deployment)
    data = deployment.probe("mongo_data") or {}
    old_arm = finding.entry.id == "mongo-arm-too-old" or deployment.host.get("arch") in ("aarch64", "arm64")
    version = LAST_ON_OLD_ARM if old_arm else LAST_WITHOUT_AVX
    if data.get("made") is not False and not _same_release(data.get("written_by"), version):
        where = data.get("path") or deployment.facts["mongo_container"]
        en, zh = ("holds data", "已有数据") if data.get("made") else ("cannot be looked at", "无法查看")
        raise CannotFixError(
            f"{where} {en}, and an older MongoDB could not open what 5.0 has written: show the CPU's AVX to the virtual"
            " machine (CPU type host), or move the data by dump and restore, as the steps say",
            f"{where} {zh}，而旧版 MongoDB 打不开 5.0 写入的数据：请让虚拟机暴露 AVX（CPU 类型 host），"
            "或按步骤导出再导入数据",
        )
    new = refuse_wrong_volume(deployment)
    name, _tag, _digest = split_image(mongo.data.image or "")
    if name.rpartition("/")[2] != "mongo":
        raise CannotFixError(
            f"{mongo.data.image} is not the official image, whose older tags are known",
            f"{mongo.data.image} 不是官方镜像，无法确定可用的旧版本标签",
        )
    image = f"{name}:{version}"
    compose, diff = edit(deployment, mongo.service, "image", image=image)
    return mongo.fix(diff, compose.path, {"image": image}, initiate="--replSet" in mongo.words, allow_empty=new)


def _same_release(written_by: str | None, version: str) -> bool:
    """Tell whether data were last written by the release of this version: 4.4.18 opens what 4.4.29 has written."""
    return (written_by or "").split(".")[:2] == version.split(".")[:2]


# --- the data folder


@fixes("mongo-datadir-permissions")
def hand_over_data(deployment: Deployment, _finding: Finding) -> Fix:
    """Give the data folder, with mongod stopped, to the user it runs as; never rights to everybody."""
    mongo = Mongo(deployment)
    data = deployment.probe("mongo_data") or {}
    if data.get("kind") != "directory" or data.get("type") != "bind":
        raise CannotFixError(
            f"the data of {mongo.name} are in no folder of this host that could be looked at",
            f"{mongo.name} 的数据不在可查看的宿主机目录中",
        )
    folder: Json = {"path": data["path"], "container": mongo.name, "user": "mongodb"}
    mode = int(data["mode"], 8)
    if mode & 0o700 != 0o700:
        folder["mode"] = f"{mode | 0o700:04o}"
    before = f"directory {data['mode']} {data['uid']}:{data['gid']}"
    after = f"directory {folder.get('mode', data['mode'])} {mongo.uid}:{mongo.uid}, and all that is in it"
    variables = {"project": project_variables(deployment), "services": [mongo.service], "folders": [folder]}
    return Fix("containers", variables, (mongo.service,), UP_SECONDS, as_diff(data["path"], before, after))


# --- the user root


@fixes("root-user-not-registered")
def let_app_make_root(deployment: Deployment, _finding: Finding) -> Fix:
    """Restart FastGPT, which makes its user root at every start; by then the set has to work."""
    mongo = Mongo(deployment)
    stored = mongo.stored()
    if not stored.get("primary"):
        raise CannotFixError("MongoDB is not primary; that comes first", "MongoDB 还不是主节点，需先解决")
    datasets = stored.get("datasets") or {}
    knows = datasets.get("vector_models") or datasets.get("data")
    if (deployment.probe("pg") or {}).get("vectors") and not knows:
        raise CannotFixError(
            "PostgreSQL holds vectors of datasets that this MongoDB does not know: it is not the one that has FastGPT's"
            " data. Find its volume before anything writes here",
            "PostgreSQL 中有知识库向量，而这个 MongoDB 里没有任何知识库：它不是原来的数据库。请先找到原来的数据卷",
        )
    diff = as_diff(f"users in {mongo.name}", "no user root", "user root, which FastGPT makes at its start")
    step = mongo.fix(diff)
    app = step.variables.get("app_service")
    if not app:
        raise CannotFixError("FastGPT's service is not known", "不知道 FastGPT 对应的服务")
    return Fix(step.role, step.variables, (app,), UP_SECONDS, step.diff)
