# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback in a real run: a row at the bottom of a terminal, plain lines elsewhere."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
BIN = pathlib.Path(sys.executable).parent
ROWS, COLUMNS = 24, 100


@pytest.fixture
def command(tmp_path: pathlib.Path) -> list[str]:
    """A play of two hosts, of which one takes its time."""
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"name": "Sleep", "ansible.builtin.command": "sleep {{ nap }}", "changed_when": False},
        ],
    }
    hosts = {
        name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "nap": nap}
        for name, nap in {"quick": 0, "slow": 5}.items()
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    arguments = ["-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml"), "-e", "fastgpt_lang=en"]
    return [str(BIN / "ansible-playbook"), *arguments]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PATH": f"{BIN}:{os.environ['PATH']}"} | more


def in_a_terminal(command: list[str], **more: str) -> str:
    """Run the command with a terminal of its own; give all it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(TERM="xterm", **more), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 65536):
                written += block
        except OSError:
            pass  # the other side is closed
        assert process.wait() == 0, written.decode(errors="replace")
    os.close(ours)
    return written.decode(errors="replace")


def test_a_terminal_gets_a_row_at_its_bottom_and_has_it_back_at_the_end(command: list[str]) -> None:
    written = in_a_terminal(command)
    rows = re.findall(rf"\x1b7\x1b\[{ROWS};1H\x1b\[2K([^\x1b]*)\x1b8", written)
    assert any(re.fullmatch(r"Sleep: 1 of 2 hosts done; waiting for slow \(\d+ s\)", row) for row in rows), rows
    assert written.count(f"\x1b[1;{ROWS - 1}r") == written.count(f"\x1b[1;{ROWS}r") == 1


def test_elsewhere_plain_lines_say_the_same(command: list[str]) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(FASTGPT_PROGRESS_INTERVAL="1"),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if "waiting for slow" in line]
    assert lines
    assert "\x1b" not in done.stdout
    assert re.fullmatch(r"Sleep: 1 of 2 hosts done; waiting for slow \(\d+ s\)", lines[-1])


def test_what_ansible_runner_records_has_no_row(command: list[str], tmp_path: pathlib.Path) -> None:
    import ansible_runner.display_callback.callback as recorder

    (tmp_path / "job_events").mkdir()
    settings = {
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_CALLBACK_PLUGINS": str(pathlib.Path(recorder.__file__).parent),
        "AWX_ISOLATED_DATA_DIR": str(tmp_path),
    }
    assert f"\x1b[{ROWS};1H" not in in_a_terminal(command, **settings)
