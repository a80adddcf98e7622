# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to MongoDB: by the wire protocol, else by the shell in its container. Private to the collection."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils import _scripts as scripts
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo_wire import Connection
from ansible_collections.fastgpt.ops.plugins.module_utils._net import ip_of, parse_addresses
from ansible_collections.fastgpt.ops.plugins.module_utils._probes import (
    EXEC_LIMIT,
    in_container,
    kind_of_words,
    text_of,
)

if t.TYPE_CHECKING:
    from ansible_collections.fastgpt.ops.plugins.module_utils._run import Deadline

Json = t.Dict[str, t.Any]

_STEP_LIMIT = 5.0
_MODEL_KEYS = ("type", "isActive", "toolChoice", "functionCall", "requestUrl")
_MOST_MODELS = 500
_NO_CONNECTION = re.compile(
    r"ECONNREFUSED|couldn't connect|Connection refused|ServerSelection|connection attempt failed", re.IGNORECASE
)


class Asked(t.NamedTuple):
    """What a server answered: to each login, and to each of ``questions``."""

    logins: list[Json]
    replies: list[Json]


def questions(database: str) -> list[tuple[str, Json]]:
    """Give (database, command) of all that is asked; none of them changes anything.

    :param database: the app's own
    """
    waiting: Json = {
        "find": "dataset_trainings",
        "filter": {"errorMsg": {"$exists": True}},
        "projection": {"errorMsg": 1},
    }
    return [
        ("admin", {"isMaster": 1}),
        ("admin", {"replSetGetStatus": 1}),
        ("admin", {"replSetGetConfig": 1}),
        ("admin", {"buildInfo": 1}),
        ("admin", {"getParameter": 1, "featureCompatibilityVersion": 1}),
        (database, {"count": "users", "query": {"username": "root"}}),
        (database, {"distinct": "datasets", "key": "vectorModel"}),
        (database, {"count": "dataset_datas"}),
        (database, {"count": "dataset.datas"}),  # its name before 4.8
        (database, {"count": "dataset_trainings"}),
        (database, {"count": "dataset_trainings", "query": {"retryCount": {"$lte": 0}}}),
        (database, {**waiting, "limit": 3}),
        (
            database,
            {
                "find": "system_models",
                "projection": {"model": 1, **{f"metadata.{key}": 1 for key in _MODEL_KEYS}},
                "batchSize": _MOST_MODELS,
                "limit": _MOST_MODELS,
                "singleBatch": True,
            },
        ),
        ("local", {"find": "system.replset", "limit": 1}),
    ]


def logins_of(app: Json | None, container: Json) -> tuple[list[Json], str]:
    """Give the logins to try, the app's own first, and the name of the app's database."""
    logins, database = [], "fastgpt"
    env = (app or {}).get("env") or {}
    for address in parse_addresses(env.get("MONGODB_URI") or "")[:1]:
        database = address.database or env.get("MONGODB_NAME") or "test"
        if address.user:
            source = address.options.get("authSource") or address.database or "admin"
            logins.append({"user": address.user, "password": address.password, "source": source, "app": True})
    own = container.get("env") or {}
    user, password = own.get("MONGO_INITDB_ROOT_USERNAME"), own.get("MONGO_INITDB_ROOT_PASSWORD")
    if user and password:
        logins.append({"user": user, "password": password, "source": "admin", "app": False})
    return logins, database


def port_of(words: str) -> int:
    """Give the port that mongod's command line names, else the usual one."""
    port = re.search(r"(?<![\w-])--port[=\s]+[\"']?(\d+)", words)
    return int(port[1]) if port else 27017


def words_of(container: Json) -> str:
    """Give entrypoint and command as one text."""
    return " ".join([*(container.get("entrypoint") or []), *(container.get("command") or [])])


def ask_mongo(container: Json, app: Json | None, deadline: Deadline) -> Json:
    """Ask MongoDB for its replica set, version and root user, and how its key file looks where it runs.

    :returns: ``mongo`` and ``mongo_keyfile`` of the probes
    """
    logins, database = logins_of(app, container)
    answer, asked = talk(container, app, logins, questions(database), deadline)
    answers = {"mongo": dict(answer, **(facts_of(asked) if asked else {}))}
    key = re.search(r"--keyFile[=\s]+[\"']?([^\s\"']+)", words_of(container))
    if key:
        answers["mongo_keyfile"] = _keyfile(container, key[1], deadline)
    return answers


def talk(
    container: Json, app: Json | None, logins: list[Json], commands: list[tuple[str, Json]], deadline: Deadline
) -> tuple[Json, Asked | None]:
    """Put (database, command) pairs to the server of a container, after the first login that works.

    :param app: the container whose network is taken before others
    :returns: container, shell, reachable, message and error as in the evidence; and the answers where there are any
    """
    answer: Json = {"container": container["name"], "shell": None, "reachable": None, "message": None, "error": None}
    ip, port = ip_of(container, app), port_of(words_of(container))
    try:
        if not ip:
            raise OSError("the container has no address")
        return dict(answer, reachable=True), _by_wire(ip, port, logins, commands, deadline.left(_STEP_LIMIT))
    except ConnectionRefusedError as error:
        return dict(answer, reachable=False, message=error.strerror), None
    except OSError:
        # The host does not reach containers (rootless, Docker Desktop), or the server wants something else than this
        # little client can: the shell in the container is slower and knows everything.
        more, asked = _by_shell(container, port, logins, commands, deadline)
        return dict(answer, **more), asked


def _by_wire(host: str, port: int, logins: list[Json], commands: list[tuple[str, Json]], timeout: float) -> Asked:
    tried = []
    with Connection(host, port, timeout) as connection:
        for login in logins:
            reply = connection.login(login["user"], login["password"], login["source"])
            tried.append(
                {
                    "app": login["app"],
                    "ok": reply.get("ok") == 1,
                    "code": reply.get("code"),
                    "message": reply.get("errmsg"),
                }
            )
            if tried[-1]["ok"]:
                break
        return Asked(tried, [connection.run(name, command) for name, command in commands])


def _by_shell(
    container: Json, port: int, logins: list[Json], commands: list[tuple[str, Json]], deadline: Deadline
) -> tuple[Json, Asked | None]:
    script = scripts.MONGO_JS.replace("QUESTIONS", json.dumps(commands))
    sections, result = in_container(
        container["id"],
        scripts.MONGO,
        [str(port), script],
        deadline.left(EXEC_LIMIT),
        {"FASTGPT_OPS_LOGINS": json.dumps(logins)},
    )
    shell, _newline, said = text_of(sections.get("shell")).partition("\n")
    if shell.strip() not in ("mongo", "mongosh"):
        return {"error": result.error or "neither mongosh nor mongo in the container"}, None
    _head, marker, tail = said.rpartition("FASTGPT_OPS ")
    if marker:
        asked = json.loads(tail.partition("\n")[0])
        return {"shell": shell.strip(), "reachable": True}, Asked(asked["logins"], asked["replies"])
    words = said.strip()[-1000:]
    if _NO_CONNECTION.search(words):
        return {"shell": shell.strip(), "reachable": False, "message": words}, None
    return {"shell": shell.strip(), "error": words or result.error or "no answer"}, None


def facts_of(asked: Asked) -> Json:
    """Say what the answers mean, in the shape of docs/evidence.md."""
    hello, status, config, build, fcv, root, datasets = asked.replies[:7]
    data, old_data, waiting, given_up, errors, models, stored = asked.replies[7:]
    app = next((login for login in asked.logins if login["app"]), None)
    refused = app if app and not app["ok"] else {}
    kept = (stored.get("cursor") or {}).get("firstBatch") or []
    known = config.get("config") or (kept[0] if kept else {})
    members = known.get("members")
    return {
        "auth": app["ok"] if app else None,
        "auth_code": refused.get("code"),
        "message": refused.get("message"),
        "repl_ok": int(_good(status)),
        "repl_code": None if _good(status) else status.get("code"),
        "repl_message": None if _good(status) else status.get("errmsg"),
        "state": status.get("myState"),
        "primary": bool(hello.get("ismaster") or hello.get("isWritablePrimary")),
        "set_name": status.get("set") or known.get("_id") or hello.get("setName"),
        "set_members": [member.get("host") for member in members] if members else hello.get("hosts"),
        "set_stored": bool(kept) if _good(stored) else None,
        "version": build.get("version"),
        "fcv": (fcv.get("featureCompatibilityVersion") or {}).get("version"),
        "root_user": root.get("n", 0) > 0 if _good(root) else None,
        "root_message": None if _good(root) else root.get("errmsg"),
        "datasets": {"vector_models": datasets.get("values"), "data": data.get("n", 0) + old_data.get("n", 0)}
        if _good(datasets)
        else None,
        "training": _training(waiting, given_up, errors) if _good(waiting) else None,
        "models": [_model(item) for item in _batch(models)] if _good(models) else None,
    }


def _good(reply: Json) -> bool:
    return reply.get("ok") == 1


def _training(waiting: Json, given_up: Json, errors: Json) -> Json:
    return {
        "waiting": waiting.get("n"),
        "given_up": given_up.get("n"),
        "errors": [str(item.get("errorMsg"))[:500] for item in _batch(errors)],
    }


def _batch(reply: Json) -> list[Json]:
    return (reply.get("cursor") or {}).get("firstBatch") or []


def _model(item: Json) -> Json:
    settings = item.get("metadata") or {}
    return {
        "model": item.get("model"),
        "type": settings.get("type"),
        "active": bool(settings.get("isActive")),
        "tool_choice": bool(settings.get("toolChoice")),
        "function_call": bool(settings.get("functionCall")),
        "own_address": bool(settings.get("requestUrl")),
    }


def _keyfile(container: Json, path: str, deadline: Deadline) -> Json:
    sections, result = in_container(container["id"], scripts.STAT, [path], deadline.left(EXEC_LIMIT))
    answer: Json = dict.fromkeys(("kind", "mode", "uid", "gid", "size", "error"))
    answer.update(container=container["name"], path=path)
    said = text_of(sections.get("stat")).strip()
    fields = said.split("|")
    if len(fields) == 5:
        answer.update(kind=kind_of_words(fields[0]), size=int(fields[1]), mode=fields[2].zfill(4))
        answer.update(uid=int(fields[3]), gid=int(fields[4]))
    elif "No such file" in said:
        answer["kind"] = "missing"
    else:
        answer["error"] = said or result.error or "no answer"
    return answer
