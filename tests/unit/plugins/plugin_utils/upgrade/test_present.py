# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as people see it: the terminal's table and the page."""

from __future__ import annotations

import re

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import planner, present
from rich.cells import cell_len

from tests.unit.plugins.plugin_utils.upgrade import stacks

G06 = (stacks.LAB / "g06" / "docker-compose.yml").read_text(encoding="utf-8")
G11 = (stacks.LAB / "g11" / "docker-compose.yml").read_text(encoding="utf-8")


def document(*wanted: tuple[str, str, str]) -> form.Json:
    plans = [planner.plan_host(stacks.deployment(text), host, planner.Wishes(target)) for host, text, target in wanted]
    return form.assemble("20260301T120000Z-4f2a", plans)


ONE = document(("web1", G06, "4.9.14"))
MANY = document(
    ("web1", G06, "4.9.14"),
    ("web2", G11, "4.15.4"),
    ("web3", G11, "4.9.14"),
    ("web4", G06.replace("v4.8.11", "v4.9.14"), "4.9.14"),
)


def test_of_one_host_every_hop_has_a_row() -> None:
    shown = present.table(ONE, "en", 140)
    assert shown.splitlines()[0] == "web1  4.8.11 → 4.9.14  ready"
    for version in ("4.8.15", "4.8.20", "4.9.1", "4.9.14"):
        assert re.search(rf"^ ?{re.escape(version)} ", shown, re.MULTILINE)
    assert "POST /api/admin/initv4820" in shown
    assert "+ redis" in shown
    assert "= REDIS_URL" in shown


@pytest.mark.parametrize(("lang", "refused"), [("en", "refused: downgrade"), ("zh", "拒绝: downgrade")])
def test_of_several_hosts_each_has_a_row(lang: str, refused: str) -> None:
    shown = present.table(MANY, lang, 160)
    rows = [line for line in shown.splitlines() if re.match(r" ?web\d ", line)]
    assert [row.split()[0] for row in rows] == ["web1", "web2", "web3", "web4"]
    assert refused in rows[2]
    assert "FE_DOMAIN" in rows[1]
    assert re.search(r"^✗ web3: .*4\.15\.0", shown, re.MULTILINE), "the next legal target"


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_fits_the_terminal(width: int) -> None:
    drawn = present.table(MANY, "zh", width).splitlines()
    table = [line for line in drawn if not line.startswith(("✗", "?", "!"))]
    assert max(map(cell_len, table)) <= width


def test_the_page_has_everything_in_both_languages_and_asks_for_nothing() -> None:
    page = present.render_html(MANY, "zh")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    for text in ("FastGPT upgrade plan", "FastGPT 升级计划", "/api/admin/initv4820", "redis-server --requirepass"):
        assert text in page
    assert "&lt;value:redis-password&gt;" in page
    assert "32 random characters" in page
    assert "<secret:" not in page


def test_what_a_host_is_called_cannot_become_markup() -> None:
    page = present.render_html(document(("<b>web1</b>", G06, "latest")), "en")
    assert "<b>web1" not in page
    assert "&lt;b&gt;web1" in page
