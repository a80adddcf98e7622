# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Every section of FastGPT's FAQ is answered, and has a fault in the lab, on each stack that can have the trouble."""

from __future__ import annotations

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue
from fastgpt_lab import faults

STACKS = ("g06", "g11")
# One API's purse and models in config.json are of the older stack, settings that config.json lost of the newer one
ONLY = {"2.2": ("g06",), "2.7": ("g06",), "3.2": ("g11",)}


def test_findings_name_sections_of_the_table() -> None:
    named = {entry.faq for entry in catalogue.findings().values() if entry.faq}
    assert named == set(catalogue.faq())


@pytest.mark.parametrize("section", catalogue.faq())
def test_a_section_has_a_fault(section: str) -> None:
    its = [fault for fault in faults.load_all() if catalogue.findings()[fault.finding].faq == section]
    for stack in ONLY.get(section, STACKS):
        assert any(fault.stack == "any" or stack in fault.stack for fault in its), stack
