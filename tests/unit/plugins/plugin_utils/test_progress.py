# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is, in a line."""

from __future__ import annotations

from ansible_collections.fastgpt.ops.plugins.plugin_utils.progress import Progress, fit


def test_of_hosts_that_go_together_the_task_is_counted() -> None:
    told = Progress("en")
    told.play("Diagnose", 3, alone=False)
    told.task("Read the evidence")
    for second, host in enumerate(("web1", "web2", "web3")):
        told.begin(host, "Read the evidence", float(second))
    told.end("web2")
    line = "Read the evidence: 1 of 3 hosts done; waiting for web1 (40 s), web3 (38 s)"
    assert told.line(40.0, 2.0) == line
    told.task("Report")
    assert told.line(41.0, 2.0) == ""


def test_of_hosts_that_go_alone_the_play_is_counted_and_each_ones_task_is_named() -> None:
    told = Progress("en")
    told.play("Apply the plan", 3, alone=True)
    told.begin("web1", "Bring it up", 0.0)
    told.begin("web2", "Bring it up", 0.0)
    told.end("web2")
    told.task("Prove it")
    told.begin("web2", "Prove it", 5.0)
    line = "Apply the plan: 0 of 3 hosts done; waiting for web1 (Bring it up, 9 s), web2 (Prove it, 4 s)"
    assert told.line(9.0, 2.0) == line
    told.end("web1")
    assert told.line(9.0, 2.0) == "Apply the plan: 1 of 3 hosts done; waiting for web2 (Prove it, 4 s)"


def test_of_a_task_of_several_steps_those_made_are_counted_and_the_last_is_named() -> None:
    told = Progress("en")
    told.play("Upgrade", 1, alone=True)
    told.begin("web1", "Pull", 0.0)
    moved = told.state()
    told.step("web1", "redis:7.2")
    told.step("web1", "mongo:5.0.32")
    assert told.state() != moved
    assert told.line(9.0, 2.0) == "Upgrade: 0 of 1 hosts done; waiting for web1 (Pull, 2 done, mongo:5.0.32 last, 9 s)"
    told.begin("web1", "Edit the files", 10.0)
    assert told.line(12.0, 2.0) == "Upgrade: 0 of 1 hosts done; waiting for web1 (Edit the files, 2 s)"


def test_what_is_over_quickly_is_not_worth_a_line() -> None:
    told = Progress("en")
    told.play("Diagnose", 1, alone=False)
    told.begin("web1", "Report", 10.0)
    assert told.line(11.0, 2.0) == ""
    assert told.line(12.0, 2.0) != ""


def test_of_many_hosts_the_slowest_are_named_and_the_others_counted() -> None:
    told = Progress("zh")
    told.play("Diagnose", 50, alone=False)
    told.task("Read")
    for number in range(50):
        told.begin(f"web{number}", "Read", float(number))
    for number in range(1, 45):
        told.end(f"web{number}")
    expected = "Read：50 台主机已完成 44 台；正在等待 web0（60 秒）, web45（15 秒）, web46（14 秒）, 另外 3 台"
    assert told.line(60.0, 2.0) == expected


def test_a_line_fits_the_terminal() -> None:
    assert fit("waiting", 7) == "waiting"
    assert fit("waiting", 6) == "waiti…"
    assert fit("正在等待", 5) == "正…"
    assert fit("a\033[31mb\n", 20) == "a[31mb"


def test_whether_anything_moved_can_be_told() -> None:
    told = Progress("en")
    told.play("Diagnose", 2, alone=False)
    told.begin("web1", "Read", 0.0)
    before = told.state()
    assert told.state() == before
    told.end("web1")
    assert told.state() != before
