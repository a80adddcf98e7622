# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""One remediation of three hosts with two faults each."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .conftest import Playbook, lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ALLOW = ("-e", json.dumps({"fastgpt_allow": ["safe", "restart", "data"]}))
SEVERAL = {
    "web1": ["mongo-keyfile-permissions", "port-conflict"],
    "web2": ["pgvector-extension-missing", "database-port-exposed"],
    "web3": ["config-json-is-directory", "container-missing"],
}


@pytest.fixture
def several() -> Iterator[None]:
    """Three hosts with two faults each; as they were deployed afterwards."""
    for host, names in SEVERAL.items():
        lab("reset", host)
        lab("fault", "inject", host, *names)
    yield
    lab("reset", *SEVERAL)


@pytest.mark.usefixtures("several")
def test_several_hosts_with_several_faults_each_are_fixed_in_one_run(playbook: Playbook) -> None:
    run = playbook("remediate.yml", "--limit", ",".join(SEVERAL), *ALLOW)
    assert run.code == 0, run.output[-4000:]
    for host, names in SEVERAL.items():
        ends = {finding["id"]: finding for finding in run.host(host)["findings"]}
        for name in names:
            assert ends[name]["status"] == "fixed", (host, name, run.output[-6000:])
            assert ends[name]["proof"], (host, name)
        assert run.open_and_grave(host) == []
