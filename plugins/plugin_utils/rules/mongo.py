# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MongoDB: key file, CPU, data, replica set, login.

FastGPT's start script keeps the container "running" whatever mongod died of, so the container's state proves nothing:
the probe of the server counts first, files and logs after it.
"""

from __future__ import annotations

import re
import typing as t

from ..model import Container, Deployment, parse_url
from ..rule import Hit, Text, hit, refutes, refutes_line, rule
from ..versions import Version, image_version
from ._peers import LOOPBACK, differing_logins, peer, reach

ARM_FEATURES = frozenset({"fphp", "dcpop", "sha3", "sm3", "sm4", "asimddp", "sha512", "sve"})
"""Any of them shows ARMv8.2-A; the test of the official image's entrypoint."""
CPU_FLAGS = re.compile(r"\s*(?:[Ff]lags|标记)\s*[:：]")
"""Begin of the line of lscpu or /proc/cpuinfo that names what the processor can do."""
MONGOD_UID = 999
"""User mongodb in the official images."""
REPLSET_SINCE = Version(4, 6, 8)
STARTING = 60.0
"""Seconds after the start of FastGPT in which the root user may still be missing."""


def _answers(d: Deployment) -> bool:
    probe = d.probe("mongo")
    return bool(probe and probe.get("reachable"))


def _primary(d: Deployment) -> bool:
    probe = d.probe("mongo") or {}
    return bool(probe.get("primary") or probe.get("state") == 1)


def _name(container: Container) -> str:
    return container.service or container.name


def _words(d: Deployment) -> str:
    """Command and entrypoint of mongod, as created or else as written."""
    source = d.one("mongo")
    if source is None or source.partial:
        service = d.service_of("mongo")
        return f"{service.words('entrypoint')} {service.words('command')}" if service else ""
    return f"{source.words('entrypoint')} {source.words('command')}"


def _major(container: Container) -> Version | None:
    return image_version(container.image)


@refutes(
    "mongo-no-avx",
    "mongo-arm-too-old",
    "mongo-keyfile-permissions",
    "mongo-keyfile-missing",
    "mongo-keyfile-is-directory",
    "mongo-keyfile-bad-content",
    "mongo-data-newer-than-image",
    "mongo-fcv-too-old",
    "mongo-datadir-permissions",
    "mongo-datadir-in-use",
    "mongo-datadir-unsupported-fs",
    "mongo-datadir-corrupt",
    "mongo-options-invalid",
    "mongo-initdb-variables-incomplete",
    "mongo-listen-failed",
)
def mongod_runs(d: Deployment) -> Text | None:
    """A server that answers did start."""
    return {"en": "MongoDB answers", "zh": "MongoDB 有应答"} if _answers(d) else None


@refutes(
    "mongo-replset-option-missing",
    "mongo-replset-not-initiated",
    "mongo-replset-host-mismatch",
    "mongo-no-primary",
    "mongo-replset-name-mismatch",
    "mongo-standalone-no-transactions",
    "mongo-shell-missing",
)
def is_primary(d: Deployment) -> Text | None:
    """A primary is what the replica set is for."""
    return {"en": "MongoDB is primary", "zh": "MongoDB 是主节点"} if _primary(d) else None


@refutes("mongo-replset-option-missing")
def never_was_a_member(d: Deployment) -> Text | None:
    """Without a stored set it is no option that got lost: the finding is mongo-standalone-no-transactions."""
    probe = d.probe("mongo") or {}
    if probe.get("repl_code") == 76 and probe.get("set_stored") is False:
        return {"en": "this MongoDB never was in a replica set", "zh": "这个 MongoDB 从未加入过副本集"}
    return None


@refutes("mongo-auth-failed", "mongo-init-incomplete")
def login_works(d: Deployment) -> Text | None:
    """The login of MONGODB_URI was tried on the server."""
    if (d.probe("mongo") or {}).get("auth"):
        return {"en": "the login of MONGODB_URI works", "zh": "MONGODB_URI 中的账号可以登录"}
    return None


@refutes("mongo-unreachable", "mongo-unreachable-wrong-host", "mongo-uri-invalid")
def app_reaches_primary(d: Deployment) -> Text | None:
    """FastGPT's container reaches a server that is primary and lets it in."""
    tried = reach(d, "MONGODB_URI")
    if tried and tried.get("connects") and _primary(d) and (d.probe("mongo") or {}).get("auth") is not False:
        return {
            "en": "FastGPT's container reaches MongoDB, which is primary",
            "zh": "FastGPT 容器能连到 MongoDB 主节点",
        }
    return None


@refutes("mongo-unreachable-wrong-host")
def its_server_is_down(d: Deployment) -> Text | None:
    """The name is right: a container that does not run has none, and one that keeps dying answers nobody."""
    address = parse_url(d.env_of("app").get("MONGODB_URI"))
    there = peer(d, address.host) if address else None
    if there and there.component == "mongo" and not there.partial and not _answers(d):
        return {
            "en": f"{there.name} is the right host, but MongoDB does not answer there",
            "zh": f"{there.name} 就是正确的主机，只是上面的 MongoDB 没有应答",
        }
    return None


@refutes("mongo-auth-failed")
def nobody_is_refused_by_a_stopped_server(d: Deployment) -> Text | None:
    """What its log says of logins is of the time before it stopped."""
    mongo = d.one("mongo")
    if d.live and mongo and mongo.status in ("exited", "dead", "created", "paused"):
        return {"en": f"{mongo.name} is not running", "zh": f"{mongo.name} 没有运行"}
    return None


@refutes("root-user-not-registered")
def root_exists(d: Deployment) -> Text | None:
    """The user is in the database."""
    if (d.probe("mongo") or {}).get("root_user"):
        return {"en": "user root is in the database", "zh": "数据库中已有 root 用户"}
    return None


# --- CPU


@rule("mongo-no-avx", needs=["containers"], component="mongo")
def died_of_illegal_instruction(d: Deployment) -> t.Iterator[Hit]:
    """132 is 128 + SIGILL."""
    for container in d.of("mongo"):
        if container.state.get("exit_code") == 132 and not container.running:
            yield hit(f"docker inspect {container.name}", "ExitCode = 132 (SIGILL)", service=_name(container))


@rule("mongo-no-avx", needs=["host:cpu", "containers"], component="mongo")
def cpu_without_avx(d: Deployment) -> t.Iterator[Hit]:
    """On x86-64 images of 5.0 and later need AVX."""
    flags, container = d.host["cpu"].get("flags") or [], d.one("mongo")
    if not container or not flags or "avx" in flags or d.host.get("arch") not in ("x86_64", "amd64") or _answers(d):
        return
    version = _major(container)
    if version is None or version >= Version(5, 0):
        yield hit(
            "/proc/cpuinfo",
            f"flags of {d.host['cpu'].get('model') or 'the CPU'}: no avx; image {container.image}",
            expected={
                "en": "avx among the flags, or an image of MongoDB 4.4",
                "zh": "flags 中有 avx，或使用 MongoDB 4.4 镜像",
            },
            service=_name(container),
        )


@refutes_line("mongo-no-avx")
def flags_matter_to_newer_images(d: Deployment, line: Hit) -> Text | None:
    """What lscpu shows tells nothing by itself: only an image of 5.0 and later that does not run needs AVX."""
    if not CPU_FLAGS.match(line.proofs[0].excerpt):
        return None
    container, service = d.one("mongo"), d.service_of("mongo")
    image = container.image if container else service.image if service else None
    version = image_version(image)
    if image and (version is None or version >= Version(5, 0)) and not (container and container.running):
        return None
    return {"en": "no MongoDB here is known to need AVX", "zh": "没有已知需要 AVX 的 MongoDB"}


@rule("mongo-arm-too-old", needs=["host:cpu", "containers"], component="mongo")
def arm_too_old(d: Deployment) -> t.Iterator[Hit]:
    """On ARM 5.0 and later, and 4.4.19 and later, need ARMv8.2-A."""
    flags, container = d.host["cpu"].get("flags") or [], d.one("mongo")
    if not container or not flags or ARM_FEATURES & set(flags) or d.host.get("arch") not in ("aarch64", "arm64"):
        return
    version = _major(container)
    if not _answers(d) and (version is None or version >= Version(4, 4, 19)):
        yield hit("/proc/cpuinfo", f"Features: {' '.join(flags)}; image {container.image}", service=_name(container))


# --- key file


def _key(d: Deployment) -> tuple[str, dict[str, t.Any]] | None:
    """Give where the key file that mongod reads was looked at, and what is known of it; None where it does not matter.

    A start script that makes the key itself at every start leaves the host's file without meaning.
    """
    if _answers(d) or re.search(r"openssl\s+rand|>\s*\S*mongo\S*\.key", _words(d)):
        return None
    if probe := d.probe("mongo_keyfile"):
        return f"docker exec {probe.get('container')} stat {probe.get('path')}", probe
    container = d.one("mongo")
    mount = container.mount_at(d.facts["keyfile"]) if container else None
    item = d.file(mount["source"]) if mount else d.file_of_role("keyfile")
    return (item["path"], item) if item else None


def _mongo_service(d: Deployment) -> str | None:
    container = d.one("mongo")
    return _name(container) if container else None


@rule(
    "mongo-keyfile-is-directory", needs=["probe:mongo_keyfile|inspect", "probe:mongo_keyfile|files"], component="mongo"
)
def keyfile_is_directory(d: Deployment) -> t.Iterator[Hit]:
    """Docker makes a directory of a bind source that does not exist."""
    key = _key(d)
    if key and key[1].get("kind") == "directory":
        yield hit(key[0], "a directory", expected={"en": "a file", "zh": "文件"}, service=_mongo_service(d))


@rule(
    "mongo-keyfile-permissions", needs=["probe:mongo_keyfile|inspect", "probe:mongo_keyfile|files"], component="mongo"
)
def keyfile_permissions(d: Deployment) -> t.Iterator[Hit]:
    """Mongod refuses any right of group and others; and uid 999 must be able to read it."""
    key = _key(d)
    if not key or key[1].get("kind") != "file" or not key[1].get("mode"):
        return
    mode, uid = int(key[1]["mode"], 8), key[1].get("uid")
    expected = {"en": f"mode 0400, owner {MONGOD_UID}", "zh": f"权限 0400，属主 {MONGOD_UID}"}
    excerpt = f"mode {key[1]['mode']}, owner {uid}"
    if mode & 0o077:
        yield hit(key[0], excerpt, expected=expected, service=_mongo_service(d))
    elif uid not in (None, MONGOD_UID) and not d.engine.get("rootless"):
        yield hit(key[0], excerpt, expected=expected, service=_mongo_service(d), confidence="likely")


@rule("mongo-keyfile-permissions", needs=["compose", "texts|containers"])
def died_with_a_mounted_key(d: Deployment) -> t.Iterator[Hit]:
    """A mongod that leaves with 1 and has its key from the host: mostly its mode or owner. Its log would tell."""
    if d.log_of("mongo") or d.live:
        return
    code = re.compile(r"^.*mongo\S* exited with code 1\s*$", re.MULTILINE)
    line = next((m.group(0) for log in d.logs for m in log.search(code)), None)
    dead = next((c for c in d.of("mongo") if c.state.get("exit_code") == 1), None)
    for compose in d.compose_files:
        option = re.search(r"--keyFile[=\s\"',\]\[-]+(/[^\s\"',\]]+)", compose.text)
        if option and re.search(rf":{re.escape(option[1])}\b", compose.text) and (line or dead):
            yield hit(
                d.facts["compose_file"],
                option[0],
                confidence="possible",
                keyfile=option[1],
                expected={"en": "a key file of mode 0400, owner 999", "zh": "密钥文件权限 0400、属主 999"},
            )


@rule("mongo-keyfile-missing", needs=["probe:mongo_keyfile|inspect", "probe:mongo_keyfile|files"], component="mongo")
def keyfile_missing(d: Deployment) -> t.Iterator[Hit]:
    """Named but not there."""
    key = _key(d)
    if key and key[1].get("kind") == "missing" and "--keyFile" in _words(d):
        yield hit(key[0], "no such file", expected={"en": "the key file", "zh": "密钥文件"}, service=_mongo_service(d))


@rule("mongo-keyfile-missing", needs=["inspect"], component="mongo")
def keyfile_not_named(d: Deployment) -> t.Iterator[Hit]:
    """The image adds --auth where a root user is set, and 5.0 and later then want a key file for a replica set."""
    container, words = d.one("mongo"), _words(d)
    version = _major(container) if container else None
    if (
        not container
        or not version
        or version < Version(5, 0)
        or _answers(d)
        or re.search(r"--config\b|(^|\s)-f\s", words)
    ):
        return
    if "--replSet" in words and "--keyFile" not in words and container.env.get("MONGO_INITDB_ROOT_USERNAME"):
        yield hit(
            f"docker inspect {container.name}",
            words.strip(),
            service=_name(container),
            confidence="likely",
            expected={"en": "--keyFile PATH beside --replSet", "zh": "--replSet 之外还有 --keyFile 路径"},
        )


@rule(
    "mongo-keyfile-bad-content", needs=["probe:mongo_keyfile|inspect", "probe:mongo_keyfile|files"], component="mongo"
)
def keyfile_bad_content(d: Deployment) -> t.Iterator[Hit]:
    """6 to 1024 characters of base64, white space left out."""
    key = _key(d)
    if not key:
        return
    mount = d.file(d.facts["keyfile_host"]) or d.file_of_role("keyfile") or {}
    facts = mount.get("key") or {}
    length = facts.get("length", 0 if key[1].get("size") == 0 else None)
    if length is not None and (not 6 <= length <= 1024 or facts.get("valid") is False):
        base64 = {"True": "yes", "False": "no"}.get(str(facts.get("valid")), "?")
        yield hit(
            mount.get("path") or key[0],
            f"{length} characters, all of them base64: {base64}",
            service=_mongo_service(d),
            expected={"en": "6 to 1024 base64 characters", "zh": "6 到 1024 个 base64 字符"},
        )


# --- data

_FCV_LINE = re.compile(
    r"^.*(?:featureCompatibilityVersion|feature compatibility version|Wrong mongod version).*$", re.MULTILINE
)
_FCV_FOUND = re.compile(r"""(?:found|version:|value)[\s:\\]*["'](\d+\.\d+)["'\\]|found (\d+\.\d+)""")
_FCV_EXPECTED = re.compile(r"expected(?P<list>[^.)\n]*(?:\.\d+[^.)\n]*)*)", re.IGNORECASE)


def _fcv_complaint(d: Deployment) -> tuple[str, str, bool | None] | None:
    """Give source, line and whether the data is newer than the program, of the last complaint in the logs."""
    for log in d.logs:
        if log.component not in ("mongo", None, "daemon"):
            continue
        for match in log.search(_FCV_LINE):
            line = match.group(0)
            if not re.search(r"UPGRADE PROBLEM|Invalid|Wrong mongod version|DOWNGRADE", line):
                continue
            found = next((v for m in _FCV_FOUND.finditer(line) for v in m.groups() if v), None)
            expected = _FCV_EXPECTED.search(line)
            allowed = re.findall(r"\d+\.\d+", expected["list"]) if expected else []
            newer = float(found) > max(map(float, allowed)) if found and allowed else None
            number, _line, _when = log.line_at(match.start())
            return f"{log.source}:{number}", line, newer
    return None


@rule("mongo-fcv-too-old", needs=["log:mongo|unnamed-log|texts|containers"])
def data_too_old(d: Deployment) -> t.Iterator[Hit]:
    """Code 62 and the complaint about featureCompatibilityVersion, unless it names a newer one."""
    if _answers(d):
        return
    complaint = _fcv_complaint(d)
    if complaint and complaint[2] is not True:
        confidence = "certain" if complaint[2] is False else "likely"
        yield hit(complaint[0], complaint[1][:400], service=_mongo_service(d), confidence=confidence)
    elif not complaint:
        for container in d.of("mongo"):
            if container.state.get("exit_code") == 62 and not container.running:
                yield hit(
                    f"docker ps {container.name}",
                    f"{container.image}: Exited (62)",
                    service=_name(container),
                    confidence="likely",
                )


@rule("mongo-data-newer-than-image", needs=["log:mongo|unnamed-log|texts"])
def data_newer(d: Deployment) -> t.Iterator[Hit]:
    """The complaint names a version above those the program knows."""
    complaint = _fcv_complaint(d)
    if complaint and complaint[2] and not _answers(d):
        yield hit(complaint[0], complaint[1][:400], service=_mongo_service(d))


# --- replica set


def _status(d: Deployment) -> tuple[str, dict[str, t.Any]]:
    probe = d.probe("mongo") or {}
    return f"replSetGetStatus in {probe.get('container') or d.facts['mongo_container']}", probe


def _other_name(d: Deployment) -> tuple[str, str] | None:
    """Give the set's stored name and that of the option where they differ."""
    stored, option = (d.probe("mongo") or {}).get("set_name"), re.search(r"--replSet[=\s]+[\"']?([\w.-]+)", _words(d))
    return (str(stored), option[1]) if stored and option and stored != option[1] else None


def _refusal(d: Deployment, code: int) -> t.Iterator[Hit]:
    source, probe = _status(d)
    if probe.get("repl_code") == code:
        words = probe.get("repl_message") or ""
        yield hit(
            source,
            f"code {code} {words}".strip(),
            service=_mongo_service(d),
            expected={"en": "ok: 1, myState: 1 (PRIMARY)", "zh": "ok: 1，myState: 1（PRIMARY）"},
        )


@rule("mongo-replset-option-missing", needs=["probe:mongo"], component="mongo")
def no_replset(d: Deployment) -> t.Iterator[Hit]:
    """Code 76: NoReplicationEnabled, on data of a replica set or unknown ones."""
    if not never_was_a_member(d):
        yield from _refusal(d, 76)


@rule("mongo-standalone-no-transactions", needs=["probe:mongo"], component="mongo")
def single_server(d: Deployment) -> t.Iterator[Hit]:
    """Code 76, and its data hold no replica set: it was made as a single server."""
    if never_was_a_member(d):
        yield from _refusal(d, 76)


@rule("mongo-replset-option-missing", needs=["inspect|services", "version"], component="mongo")
def no_replset_written(d: Deployment) -> t.Iterator[Hit]:
    """Neither command nor entrypoint nor a config file asks for a replica set."""
    words, version = _words(d), d.version
    if (
        d.probe("mongo")
        or not version
        or version < REPLSET_SINCE
        or re.search(r"--replSet|--config\b|(^|\s)-f\s", words)
    ):
        return
    container, service = d.one("mongo"), d.service_of("mongo")
    variables = (container.env if container else {}) or (service.environment if service else {})
    if any("REPLICA" in name for name in variables):  # Bitnami's image is told by variables
        return
    where = f"docker inspect {container.name}" if container and not container.partial else d.facts["compose_file"]
    yield hit(
        where,
        f"command: {words.strip() or '(none)'}",
        confidence="likely",
        service=_mongo_service(d) or (service.name if service else None),
        expected={"en": "--replSet rs0", "zh": "--replSet rs0"},
    )


@rule("mongo-replset-not-initiated", needs=["probe:mongo"], component="mongo")
def not_initiated(d: Deployment) -> t.Iterator[Hit]:
    """Code 94: NotYetInitialized."""
    yield from _refusal(d, 94)


@rule("mongo-replset-host-mismatch", needs=["probe:mongo"], component="mongo")
def not_a_member(d: Deployment) -> t.Iterator[Hit]:
    """Code 93: InvalidReplicaSetConfig."""
    members = (d.probe("mongo") or {}).get("set_members") or []
    if _other_name(d):
        return
    for item in _refusal(d, 93):
        yield hit(
            item.proofs[0].source,
            f"{item.proofs[0].excerpt}; members: {', '.join(members) or '?'}",
            service=item.service,
            expected=item.proofs[0].expected,
        )


@rule("mongo-replset-name-mismatch", needs=["probe:mongo", "inspect"], component="mongo")
def other_set_name(d: Deployment) -> t.Iterator[Hit]:
    """The stored name differs from the option's."""
    names = _other_name(d)
    if names and not _primary(d):
        yield hit("replSetGetConfig", f"stored: {names[0]}, --replSet {names[1]}", service=_mongo_service(d))


@rule("mongo-no-primary", needs=["probe:mongo"], component="mongo")
def no_primary(d: Deployment) -> t.Iterator[Hit]:
    """The set works but this member is no primary and sees none."""
    source, probe = _status(d)
    if probe.get("repl_ok") == 1 and probe.get("state") not in (1, 2, None):
        yield hit(source, f"myState = {probe['state']}", service=_mongo_service(d))


@rule("mongo-shell-missing", needs=["inspect|services"], component="mongo")
def start_script_without_shell(d: Deployment) -> t.Iterator[Hit]:
    """The legacy shell is gone from images of 6.0 and later; FastGPT's start script calls it."""
    container, service = d.one("mongo"), d.service_of("mongo")
    version = image_version(container.image if container else service.image if service else None)
    call = re.search(r"(?<![\w./-])mongo\s+(?:-u|-p|--\w|mongodb://|127\.|localhost)[^\n]{0,40}", _words(d))
    if call and version and version >= Version(6, 0) and not _primary(d):
        yield hit(
            f"entrypoint of {_mongo_service(d) or d.facts['mongo_service']}",
            re.sub(r"(-[up]) ?\S+", r"\1 ***", call[0]),
            service=_mongo_service(d),
            confidence="likely",
            expected={"en": "mongosh, or an image below 6.0", "zh": "mongosh，或 6.0 以下的镜像"},
        )


# --- login, reach, root user


@rule("mongo-auth-failed", needs=["probe:mongo"], component="mongo")
def login_refused(d: Deployment) -> t.Iterator[Hit]:
    """The login of MONGODB_URI was tried on the server itself."""
    probe = d.probe("mongo") or {}
    if probe.get("auth") is False:
        yield hit(
            f"login of MONGODB_URI in {probe.get('container')}",
            probe.get("message") or "refused",
            service=_mongo_service(d),
        )


@rule("mongo-unreachable", needs=["probe:mongo|probe:reach"])
def server_does_not_answer(d: Deployment) -> t.Iterator[Hit]:
    """Either the server does not answer in its own container, or FastGPT's container does not get there."""
    probe, tried = d.probe("mongo") or {}, reach(d, "MONGODB_URI")
    service = d.app.service if d.app else None
    if probe.get("reachable") is False:
        yield hit(
            f"mongo shell in {probe.get('container')}",
            probe.get("message") or "no answer on 127.0.0.1:27017",
            service=service,
        )
    elif tried and tried.get("connects") is False:
        yield hit(
            f"from {d.facts['app_container']}",
            f"{tried['host']}:{tried['port']}: {tried.get('error')}",
            service=service,
        )


@rule("mongo-unreachable-wrong-host", needs=["probe:reach"])
def wrong_address(d: Deployment) -> t.Iterator[Hit]:
    """The name is nobody's, or the port is not the one the server listens on."""
    tried = reach(d, "MONGODB_URI")
    if not tried or tried.get("connects") is not False or tried["host"] in LOOPBACK:
        return
    there = peer(d, tried["host"])
    unknown_name = there is None and tried.get("resolves") is False
    wrong_port = (
        there is not None and there.running and tried.get("resolves") and tried["port"] != 27017 and _answers(d)
    )
    right = f"{d.facts['mongo_service']}:27017"
    if unknown_name or wrong_port or (there is None and tried.get("resolves")):
        yield hit(
            f"from {d.facts['app_container']}",
            f"MONGODB_URI: {tried['host']}:{tried['port']}: {tried.get('error')}",
            service=d.app.service if d.app else None,
            mongo_address=f"{tried['host']}:{tried['port']}",
            expected={"en": right, "zh": right},
        )


_WAITING = re.compile(r"Waiting for MongoDB to start\.\.\.")


@rule("mongo-unreachable", needs=["log:mongo"], component="mongo")
def start_script_waits(d: Deployment) -> t.Iterator[Hit]:
    """FastGPT's start script asks every two seconds; a good start takes a few rounds."""
    if d.probe("mongo"):
        return
    for log in d.log_of("mongo"):
        count = sum(1 for _match in log.search(_WAITING))
        if count > 20 and not re.search(r"Transition to primary complete|MongoDB started", log.text):
            yield hit(
                log.source,
                f"Waiting for MongoDB to start... ({count}x)",
                confidence="likely",
                service=d.app.service if d.app else None,
            )


@rule("root-user-not-registered", needs=["probe:mongo"])
def no_root(d: Deployment) -> t.Iterator[Hit]:
    """FastGPT makes the user at every start; a moment after its start it must be there."""
    probe, started = d.probe("mongo") or {}, d.app.when("started_at") if d.app else None
    young = started is not None and d.now is not None and d.now - started < STARTING
    if probe.get("root_user") is False and d.app and not young:
        yield hit(
            f"users in MongoDB ({probe.get('container')})",
            "no user root",
            service=d.app.service,
            expected={"en": "one user named root", "zh": "有一个名为 root 的用户"},
        )


# --- from the compose file alone, where no container shows the truth


@rule("mongo-keyfile-missing", needs=["services"], component="mongo")
def keyfile_not_mounted(d: Deployment) -> t.Iterator[Hit]:
    """The command names a key file that no volume brings and no start script makes."""
    service = d.service_of("mongo")
    if not service or d.one("mongo") or service.data.get("build"):
        return
    named = re.search(r"--keyFile[=\s]+([^\s\"']+)", service.words("command"))
    if not named or named[1] in service.words("entrypoint"):
        return
    if not any(named[1] == m.target or named[1].startswith(m.target.rstrip("/") + "/") for m in service.mounts):
        yield hit(
            d.facts["compose_file"],
            f"--keyFile {named[1]}; volumes: {', '.join(m.target for m in service.mounts) or 'none'}",
            service=service.name,
            confidence="likely",
            expected={"en": f"a volume for {named[1]}", "zh": f"应挂载 {named[1]}"},
        )


@rule("mongo-auth-failed", needs=["services", "env:app"], component="mongo")
def login_differs(d: Deployment) -> t.Iterator[Hit]:
    """The same file gives MongoDB one root login and FastGPT another; later changes inside MongoDB are not seen."""
    yield from differing_logins(
        d, "mongo", "MONGODB_URI", ("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD"), "MONGO_INITDB_ROOT_*"
    )
