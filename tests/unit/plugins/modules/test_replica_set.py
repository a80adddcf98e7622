# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module replica_set, run as a whole against a server that answers from a script."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fastgpt.ops.plugins.module_utils import _journal
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import Asked
from ansible_collections.fastgpt.ops.plugins.modules import replica_set

Run = t.Callable[..., t.Dict[str, t.Any]]
OK: dict[str, t.Any] = {"ok": 1}
REFUSED: dict[str, t.Any] = {"ok": 0, "code": 13436, "errmsg": "node is not in primary or recovering state"}
DOWN = "down"
MEMBER = ["mongod", "--keyFile", "/data/mongodb.key", "--replSet", "rs0"]


class Server:
    """Takes the states of a script one after the other; the last one stays. Keeps what it was told to do."""

    def __init__(self, folder: pathlib.Path):
        self.states: list[t.Any] = [94]
        self.initiated: list[dict[str, t.Any]] = []
        self.refusal: dict[str, t.Any] | None = None
        self.command = MEMBER
        self.folder = folder
        self.root: list[bool] = [True]

    def talk(self, container: t.Any, _app: t.Any, logins: t.Any, commands: t.Any, _deadline: t.Any) -> t.Any:
        assert [login["user"] for login in logins] == ["root", "app"]
        answer = {"container": container["name"], "reachable": True, "message": None, "error": None}
        name, command = commands[0]
        if "replSetInitiate" in command:
            assert name == "admin"
            self.initiated.append(command["replSetInitiate"])
            if self.refusal:
                return answer, Asked([], [self.refusal])
            self.states = ["primary"]
            return answer, Asked([], [OK])
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == DOWN:
            return {**answer, "reachable": False, "message": "Connection refused"}, None
        known = self.replies(state)
        asked = [
            (verb, f"{verb} {what}") for _name, command in commands for verb, what in [next(iter(command.items()))]
        ]
        return answer, Asked([], [known.get(verb) or known.get(whole) or REFUSED for verb, whole in asked])

    def replies(self, state: t.Any) -> dict[str, dict[str, t.Any]]:
        primary = state == "primary"
        config: dict[str, t.Any] = {"_id": "rs0", "members": [{"host": "mongo:27017"}]}
        stored = [config] if primary or state == 93 else []
        status = {**OK, "myState": 1, "set": "rs0"} if primary else {"ok": 0, "code": state, "errmsg": "no"}
        root = self.root.pop(0) if len(self.root) > 1 else self.root[0]
        users = {**OK, "n": int(root)} if primary or state == 76 else REFUSED
        return {
            "isMaster": {**OK, "ismaster": primary},
            "replSetGetStatus": status,
            "replSetGetConfig": {**OK, "config": stored[0]} if stored else REFUSED,
            "buildInfo": {**OK, "version": "5.0.18"},
            "count users": users,
            "find system.replset": {**OK, "cursor": {"firstBatch": stored}},
        }

    def inspect(self, names: t.Sequence[str]) -> list[dict[str, t.Any]]:
        uri = "MONGODB_URI=mongodb://app:pw@mongo:27017/fastgpt?authSource=admin"
        own = ["MONGO_INITDB_ROOT_USERNAME=root", "MONGO_INITDB_ROOT_PASSWORD=rootpw"]
        mounts = [{"Type": "bind", "Source": str(self.folder), "Destination": "/data/db"}]
        known: dict[str, dict[str, t.Any]] = {
            "mongo": {"Name": "/mongo", "Config": {"Cmd": self.command, "Env": own}, "Mounts": mounts},
            "fastgpt": {"Name": "/fastgpt", "Config": {"Env": [uri]}},
        }
        return [known[name] for name in names if name in known]


@pytest.fixture
def server(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    data = tmp_path / "data"
    data.mkdir()
    found = Server(data)
    monkeypatch.setattr(replica_set, "talk", found.talk)
    monkeypatch.setattr(replica_set, "inspect", found.inspect)
    monkeypatch.setattr(replica_set, "_PAUSE", 0.0)
    monkeypatch.setattr(_journal, "state_folder", lambda: str(tmp_path / "state"))
    return found


@pytest.fixture
def holding(server: Server) -> Server:
    """The server on a volume that has FastGPT's data."""
    (server.folder / "WiredTiger").write_text("")
    (server.folder / "_mdb_catalog.wt").write_bytes(b"\0fastgpt.users\0")
    return server


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def start(**params: t.Any) -> dict[str, t.Any]:
        wanted = {"container": "mongo", "app": "fastgpt", "host": "mongo:27017", "wait_timeout": 0.2, **params}
        with patch_module_args(wanted), pytest.raises(SystemExit):
            replica_set.main()
        return t.cast("dict[str, t.Any]", json.loads(capsys.readouterr().out))

    return start


def test_a_member_without_a_set_is_initiated_once(holding: Server, run: Run) -> None:
    result = run(initiate=True)
    assert (result["changed"], result["primary"], result["members"]) == (True, True, ["mongo:27017"])
    assert holding.initiated == [{"_id": "rs0", "members": [{"_id": 0, "host": "mongo:27017"}]}]
    assert run(initiate=True)["changed"] is False
    assert len(holding.initiated) == 1


def test_the_initiation_is_written_down_with_the_reason_why_it_stays(holding: Server, run: Run) -> None:
    run_id = run(initiate=True)["run_id"]
    (change,) = _journal.Journal().changes(run_id)
    assert (change.action, change.target, change.status) == ("statement", "mongo", "done")
    assert "stays" in change.undo["reason"] and "副本集" in change.undo["reason"]


def test_check_mode_predicts_and_does_nothing(holding: Server, run: Run) -> None:
    result = run(initiate=True, _ansible_check_mode=True)
    assert result["changed"] is True
    assert result["diff"]["after"] == {"set": "rs0", "members": ["mongo:27017"]}
    assert holding.initiated == []


@pytest.mark.parametrize("state", [76, DOWN], ids=["a single server", "not started yet"])
def test_check_mode_foresees_a_set_that_comes_with_the_next_start(server: Server, run: Run, state: t.Any) -> None:
    server.states = [state]
    assert run(initiate=True, allow_empty=True, _ansible_check_mode=True)["changed"] is True
    (server.folder / "WiredTiger").write_text("")
    foreseen = run(initiate=True, allow_empty=True, _ansible_check_mode=True)["changed"]
    assert foreseen is (state == 76)


def test_an_empty_volume_is_refused_unless_the_installation_is_new(server: Server, run: Run) -> None:
    result = run(initiate=True)
    assert result["failed"] is True
    assert "holds nothing of FastGPT's database" in result["msg"]
    assert server.initiated == []
    assert run(initiate=True, allow_empty=True)["changed"] is True


def test_it_only_looks_unless_told_to_initiate(holding: Server, run: Run) -> None:
    result = run()
    assert (result["changed"], result["code"], result["primary"]) == (False, 94, False)
    assert holding.initiated == []


def test_the_first_start_and_the_start_of_a_member_are_waited_for(holding: Server, run: Run) -> None:
    holding.states = [DOWN, 76, "primary"]
    assert run(initiate=True, wait_timeout=5)["primary"] is True
    assert holding.initiated == []


def test_a_start_script_that_initiates_is_left_to_it(holding: Server, run: Run) -> None:
    holding.command = ["bash", "-c", "mongod --replSet rs0 & mongo --eval 'rs.initiate({})'"]
    holding.states = [94, 94, "primary"]
    assert run(initiate=True, wait_timeout=5)["changed"] is False


def test_a_member_of_another_name_is_left_as_it_is(holding: Server, run: Run) -> None:
    holding.states = [93]
    result = run(initiate=True)
    assert (result["changed"], result["code"], result["members"]) == (False, 93, ["mongo:27017"])


def test_one_that_somebody_else_initiated_meanwhile_is_fine(holding: Server, run: Run) -> None:
    holding.refusal = {"ok": 0, "code": 23, "errmsg": "already initialized"}
    holding.states = [94, "primary"]
    assert run(initiate=True)["primary"] is True


def test_a_refusal_is_told_and_nothing_remains_to_undo(holding: Server, run: Run) -> None:
    holding.refusal = {"ok": 0, "code": 13, "errmsg": "not authorized on admin"}
    result = run(initiate=True)
    assert result["msg"] == "replSetInitiate: not authorized on admin"
    assert [change.status for change in _journal.Journal().changes()] == ["undone"]


def test_a_server_that_does_not_answer_is_a_failure(server: Server, run: Run) -> None:
    server.states = [DOWN]
    assert run()["msg"] == "mongod in mongo does not answer: Connection refused"


def test_the_user_root_is_waited_for(holding: Server, run: Run) -> None:
    holding.states, holding.root = ["primary"], [False, False, True]
    assert run(expect_root=True, wait_timeout=5)["root_user"] is True
    holding.root = [False]
    assert "docker logs fastgpt" in run(expect_root=True)["msg"]


def test_an_address_that_means_the_container_itself_is_refused(server: Server, run: Run) -> None:
    assert "mongo:27017" in run(initiate=True, host="localhost:27017")["msg"]


def test_a_container_that_is_not_there_is_named(server: Server, run: Run) -> None:
    assert run(container="mongodb")["msg"] == "there is no container mongodb"


def test_no_password_is_in_the_result(holding: Server, run: Run) -> None:
    assert "pw" not in json.dumps(run(initiate=True)).replace("rootpw", "pw")
