# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The example for Semaphore UI is run for real, against a stand-in for Semaphore's API."""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.cli.playbook import PlaybookCLI

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://git.example.com/ops/fastgpt.ops.git"
TOKEN = secrets.token_hex(16)
SECRET = secrets.token_hex(32)
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----\n"

Json = dict[str, Any]
TYPES: dict[str, dict[str, type]] = {
    "projects": {"name": str},
    "keys": {"name": str, "project_id": int, "type": str, "ssh": dict},
    "repositories": {"name": str, "project_id": int, "git_url": str, "git_branch": str, "ssh_key_id": int},
    "inventory": {"name": str, "project_id": int, "type": str, "inventory": str, "ssh_key_id": int},
    "environment": {"name": str, "project_id": int, "json": str, "env": str},
    "templates": {
        "name": str,
        "project_id": int,
        "app": str,
        "type": str,
        "playbook": str,
        "repository_id": int,
        "inventory_id": int,
        "environment_id": int,
        "arguments": str,
        "allow_override_args_in_task": bool,
    },
    "schedules": {"name": str, "project_id": int, "template_id": int, "cron_format": str, "active": bool},
}
"""What a body may have, and as what: a number in quotes is refused."""
NEEDED = {
    "projects": {"name"},
    "keys": {"name", "project_id", "type"},
    "repositories": {"name", "project_id", "git_url", "git_branch", "ssh_key_id"},
    "inventory": {"project_id", "type"},
    "environment": {"name", "project_id", "json"},
    "templates": {"name", "playbook", "app", "inventory_id", "repository_id"},
    "schedules": {"template_id", "cron_format"},
}
REFERENCES = {
    "ssh_key_id": "keys",
    "repository_id": "repositories",
    "inventory_id": "inventory",
    "environment_id": "environment",
    "template_id": "templates",
}
TEMPLATES: dict[str, tuple[bool, Json]] = {
    "FastGPT diagnose": (False, {"fastgpt_fail_on": "error"}),
    "FastGPT plan": (True, {}),
    "FastGPT remediate": (False, {"fastgpt_allow": ["safe", "restart"], "fastgpt_rollout": {"canary": 1, "budget": 1}}),
}
"""The templates, whether each is a dry run, and its variables."""
SCHEDULES = {
    "FastGPT hourly": ("FastGPT diagnose", "17 * * * *"),
    "FastGPT nightly": ("FastGPT remediate", "30 2 * * *"),
}


class Semaphore:
    """A stand-in for Semaphore's API: keeps what is posted, and refuses what the original refuses.

    It is stricter about a field that it does not know, which the original passes over. What the example does not read
    is left out of the answers.
    """

    def __init__(self, silent: set[str]) -> None:
        self.silent = silent
        """The kinds whose making is answered without a body: Semaphore 2.10 does so, a newer one never."""
        self.things: dict[str, list[Json]] = {kind: [] for kind in TYPES}
        self.posted: list[str] = []

    def add(self, kind: str, body: Json) -> Json:
        thing = {"id": 10 * (1 + sum(map(len, self.things.values()))), **body}
        self.things[kind].append(thing)
        return thing

    def named(self, kind: str, name: str) -> Json:
        (thing,) = (thing for thing in self.things[kind] if thing["name"] == name)
        return thing

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """The status and the body of the answer to a request."""
        if token != f"Bearer {TOKEN}":
            return 401, None
        found = re.fullmatch(r"/api/(?:(projects)|project/(\d+)/(\w+))", path)
        kind = found and (found[1] or found[3])
        if not found or kind not in TYPES or method not in ("GET", "POST"):
            return 404, None
        project = int(found[2] or 0)
        if project and project not in {thing["id"] for thing in self.things["projects"]}:
            return 404, None
        if method == "GET":
            listed = [thing for thing in self.things[kind] if thing.get("project_id", 0) == project]
            return 200, [self.shown(thing) for thing in sorted(listed, key=lambda thing: str(thing["name"]))]
        self.posted.append(kind)
        if refused := self.refuse(kind, project, body):
            return refused, {"error": "refused"}
        made = self.add(kind, body)
        if kind == "projects":  # it begins with these two
            self.add("keys", {"name": "None", "type": "none", "project_id": made["id"]})
            self.add("environment", {"name": "Empty", "json": "{}", "project_id": made["id"]})
        return (204, None) if kind in self.silent else (201, self.shown(made))

    def refuse(self, kind: str, project: int, body: Any) -> int:
        """The status with which a body is refused, 0 if it is not."""
        if not isinstance(body, dict) or set(body) - set(TYPES[kind]):
            return 400
        if any(type(value) is not TYPES[kind][name] for name, value in body.items()):
            return 400
        if any(not body.get(name) for name in NEEDED[kind]) or body.get("project_id", project) != project:
            return 400
        for name, of in REFERENCES.items():
            if name in body and body[name] not in {thing["id"] for thing in self.things[of]}:
                return 404 if of == "keys" else 400
        texts = [body[name] for name in ("json", "env", "arguments") if name in body]
        if any(not is_json(text) for text in texts):
            return 400
        refused = {
            "keys": body.get("type") not in ("ssh", "none", "login_password", "string")
            or (body["type"] == "ssh" and not body.get("ssh", {}).get("private_key")),
            "inventory": body.get("type") not in ("static", "static-yaml", "file"),
            "templates": body.get("app") not in ("ansible", "terraform", "tofu", "bash", "powershell", "python"),
            "schedules": not re.fullmatch(r"[\d*/,-]+( [\d*/,-]+){4}", body.get("cron_format", "")),
        }
        return 400 if refused.get(kind) else 0

    @staticmethod
    def shown(thing: Json) -> Json:
        """A thing as it is shown: no secret comes back."""
        return {**thing, "ssh": {"login": "", "private_key": ""}} if "ssh" in thing else thing


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@contextmanager
def served(semaphore: Semaphore) -> Iterator[str]:
    """Serve a stand-in; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            read = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(read) if read else None
            status, reply = semaphore.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = b"" if reply is None else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = handle_any  # noqa: N815 - names of the library

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def run(url: str, key: Path, token: str = TOKEN) -> tuple[int, str]:
    """Run the example as its first lines say; gives the exit code and all that was printed."""
    values = {
        "SEMAPHORE_URL": url,
        "SEMAPHORE_TOKEN": token,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "no_proxy": "*",
    }
    playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "docs/examples/semaphore.yml", "-vvv"]
    done = subprocess.run(
        [*playbook, "-e", f"repository={REPOSITORY}", "-e", f"ssh_key_file={key}"],
        cwd=ROOT,
        env=os.environ | values,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert token not in done.stdout
    assert SECRET not in done.stdout
    return done.returncode, done.stdout


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY, "utf-8")
    return path


def test_the_example_makes_everything_once(key: Path) -> None:
    semaphore = Semaphore(silent={"keys", "repositories", "environment"})
    with served(semaphore) as url:
        code, printed = run(url, key)
        assert code == 0, printed
        assert all(f"(item={name})" in printed for name in (*TEMPLATES, *SCHEDULES))
        made = sorted(semaphore.posted)
        code, printed = run(url, key)
    assert code == 0, printed
    assert "changed=0 " in printed
    kinds = ["projects", "keys", "keys", "repositories", "inventory", "environment"]
    assert sorted(semaphore.posted) == made == sorted([*kinds, *["templates"] * 3, *["schedules"] * 2])
    check_wiring(semaphore)


def test_a_newer_semaphore_answers_with_what_it_made(key: Path) -> None:
    semaphore = Semaphore(silent=set())
    with served(semaphore) as url:
        code, printed = run(url, key)
    assert code == 0, printed
    check_wiring(semaphore)


def check_wiring(semaphore: Semaphore) -> None:
    """Each thing refers to the others that are meant."""
    ssh, none = semaphore.named("keys", "fastgpt-ssh"), semaphore.named("keys", "fastgpt-repository")
    assert (ssh["type"], ssh["ssh"], none["type"]) == ("ssh", {"private_key": KEY}, "none")
    repository = semaphore.named("repositories", "fastgpt-ops")
    assert (repository["git_url"], repository["ssh_key_id"]) == (REPOSITORY, none["id"])
    inventory = semaphore.named("inventory", "my-servers")
    assert (inventory["type"], inventory["inventory"], inventory["ssh_key_id"]) == ("file", "my-servers.yml", ssh["id"])
    environment = semaphore.named("environment", "fastgpt")
    assert json.loads(environment["json"]) == {"fastgpt_report_dir": "/var/lib/fastgpt-ops/reports"}
    documented = (ROOT / "README.md").read_text("utf-8")
    assert {thing["name"] for thing in semaphore.things["templates"]} == set(TEMPLATES)
    for name, (check, variables) in TEMPLATES.items():
        template = semaphore.named("templates", name)
        assert (ROOT / template["playbook"]).exists()
        assert template["repository_id"] == repository["id"]
        assert (template["inventory_id"], template["environment_id"]) == (inventory["id"], environment["id"])
        program = PlaybookCLI(["ansible-playbook"])
        program.init_parser()
        options = program.parser.parse_args([*json.loads(template["arguments"]), template["playbook"]])
        assert (options.check, options.diff, json.loads(options.extra_vars[0])) == (check, True, variables)
        assert all(f"`{variable}`" in documented for variable in {**variables, **json.loads(environment["json"])})
    assert {thing["name"] for thing in semaphore.things["schedules"]} == set(SCHEDULES)
    for name, (run_by_it, cron) in SCHEDULES.items():
        schedule = semaphore.named("schedules", name)
        assert schedule["template_id"] == semaphore.named("templates", run_by_it)["id"]
        assert (schedule["cron_format"], schedule["active"]) == (cron, True)


def test_a_wrong_token_ends_the_run(key: Path) -> None:
    semaphore = Semaphore(silent=set())
    with served(semaphore) as url:
        code, printed = run(url, key, secrets.token_hex(16))
    assert code == 2, printed
    assert "HTTP Error 401" in printed
    assert semaphore.posted == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("keys", {"name": "k", "type": "none"}, 400),
        ("keys", {"name": "k", "type": "none", "project_id": "10"}, 400),
        ("keys", {"name": "k", "type": "ssh", "project_id": 10, "ssh": {"private_key": ""}}, 400),
        ("repositories", {"name": "r", "project_id": 10, "git_url": "https://x", "ssh_key_id": 20}, 400),
        (
            "repositories",
            {"name": "r", "project_id": 10, "git_url": "https://x", "git_branch": "m", "ssh_key_id": 7},
            404,
        ),
        ("inventory", {"name": "i", "project_id": 10, "inventory": "my-servers.yml"}, 400),
        ("environment", {"name": "e", "project_id": 10, "json": "a: 1"}, 400),
        ("templates", {"name": "t", "app": "ansible", "playbook": "diagnose.yml", "repository_id": 20}, 400),
        ("schedules", {"name": "s", "template_id": 10, "cron_format": "17 * * * *"}, 400),
    ],
)
def test_the_stand_in_refuses_what_semaphore_refuses(kind: str, body: Json, status: int) -> None:
    semaphore = Semaphore(silent=set())
    token = f"Bearer {TOKEN}"
    assert semaphore.answer("POST", "/api/projects", token, {"name": "p"}) == (201, {"id": 10, "name": "p"})
    assert semaphore.answer("POST", f"/api/project/10/{kind}", token, body)[0] == status
    assert semaphore.answer("POST", f"/api/project/10/{kind}", "", body)[0] == 401
