# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for variables, networks and ports: which lines change, and which services are made anew."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils import catalogue, fix
from ansible_collections.fastgpt.ops.plugins.plugin_utils.diagnosis import Finding
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes.env import mended_proxy
from ansible_collections.fastgpt.ops.plugins.plugin_utils.fixes.ports import with_port
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.rule import hit

PATH = "/opt/fastgpt/docker-compose.yml"
COMPOSE = """\
services:
  pg:
    image: pgvector/pgvector:0.8.0-pg15
    networks: [fastgpt]
  mongo:
    image: mongo:5.0.18
    networks: [fastgpt]
    environment:
      - MONGO_INITDB_ROOT_USERNAME=root
      - MONGO_INITDB_ROOT_PASSWORD=<secret:aaaaaa>
  redis:
    image: redis:7.2-alpine
    networks: [fastgpt]
    command: redis-server --requirepass <secret:bbbbbb>
  minio:
    image: minio/minio:latest
    ports: ["9000:9000"]
    networks: [fastgpt]
  aiproxy:
    image: ghcr.io/labring/aiproxy:v0.3.5
    networks: [fastgpt]
    environment: {ADMIN_KEY: <secret:cccccc>}
  oneapi:
    image: ghcr.io/songquanpeng/one-api:v0.6.7
    ports: ["3001:3000"]
    networks: [fastgpt]
    environment:
      - INITIAL_ROOT_TOKEN=<secret:dddddd>
  fastgpt:
    image: ghcr.io/labring/fastgpt:v4.14.6
    ports:
      - 3000:3000
    networks: [fastgpt]
    environment:
      - MONGODB_URI=mongodb://root:<secret:aaaaaa>@mongo:27017/fastgpt
      - OPENAI_BASE_URL=http://oneapi:3000/v1
      - CHAT_API_KEY=<secret:eeeeee>
      - PG_URL=postgresql://u:<secret:ffffff>@pg:5432/postgres
      - FE_DOMAIN=http://localhost:3000
      - STORAGE_EXTERNAL_ENDPOINT=http://10.0.0.5:9000
networks:
  fastgpt:
"""


def deployment(compose: str = COMPOSE, **more: t.Any) -> Deployment:
    project = {"name": "fastgpt", "directory": "/opt/fastgpt", "config_files": [PATH]}
    files = [{"path": PATH, "role": "compose", "kind": "file", "text": compose}]
    containers = [
        {
            "name": name,
            "service": name,
            "image": image,
            "state": {"status": "running"},
            "networks": {"fastgpt_fastgpt": {"aliases": [name]}},
        }
        for name, image in (
            ("fastgpt", "ghcr.io/labring/fastgpt:v4.14.6"),
            ("oneapi", "ghcr.io/songquanpeng/one-api:v0.6.7"),
            ("minio", "minio/minio:latest"),
        )
    ]
    evidence = {"source": "live", "projects": [project], "files": files, "containers": containers}
    return Deployment({**evidence, **more})


def found(finding: str, service: str | None = "fastgpt", **facts: t.Any) -> Finding:
    entry = catalogue.findings()[finding]
    words = {"en": entry.id, "zh": entry.id}
    seen = hit("here", "this", service=service, **facts)
    return Finding(entry, seen, entry.severity, "certain", service, words, words, [words], [], 1)


def planned(finding: Finding, of: Deployment) -> fix.Fix:
    fix.load_fixes()
    return fix.FIXES[finding.entry.id](of, finding)


def new_lines(plan: fix.Fix) -> list[str]:
    return [line[1:].strip() for line in plan.diff.splitlines() if line[:1] == "+" and line[:3] != "+++"]


def replaced(old: str, new: str, **more: t.Any) -> Deployment:
    assert old in COMPOSE
    return deployment(COMPOSE.replace(old, new), **more)


def test_localhost_becomes_the_service_that_publishes_the_port() -> None:
    plan = planned(found("container-localhost"), replaced("http://oneapi:3000/v1", "http://localhost:3001/v1"))
    assert new_lines(plan) == ["- OPENAI_BASE_URL=http://oneapi:3000/v1"]
    assert plan.recreates == ("fastgpt",)


def test_localhost_becomes_the_host_where_a_program_of_it_listens() -> None:
    of = replaced(
        "http://oneapi:3000/v1",
        "http://127.0.0.1:11434/v1",
        host={"listeners": [{"port": 11434, "address": "0.0.0.0"}]},
    )
    assert new_lines(planned(found("container-localhost"), of)) == [
        "extra_hosts:",
        "- host.docker.internal:host-gateway",
        "- OPENAI_BASE_URL=http://host.docker.internal:11434/v1",
    ]


@pytest.mark.parametrize(
    ("listeners", "reason"),
    [([{"port": 11434, "address": "127.0.0.1"}], "listens on 127.0.0.1 only"), ([], "nothing on this host answers")],
)
def test_localhost_that_nobody_can_be_is_left_to_a_person(listeners: list[t.Any], reason: str) -> None:
    of = replaced("http://oneapi:3000/v1", "http://127.0.0.1:11434/v1", host={"listeners": listeners})
    with pytest.raises(fix.CannotFixError, match=reason):
        planned(found("container-localhost"), of)


def test_the_published_port_becomes_the_inner_one() -> None:
    of = replaced("http://oneapi:3000/v1", "http://oneapi:3001/v1")
    assert new_lines(planned(found("service-uses-host-port"), of)) == ["- OPENAI_BASE_URL=http://oneapi:3000/v1"]


def test_mongodb_is_found_by_its_service() -> None:
    plan = planned(found("mongo-unreachable-wrong-host"), replaced("@mongo:27017", "@db:27018"))
    assert new_lines(plan) == ["- MONGODB_URI=mongodb://root:<secret:aaaaaa>@mongo:27017/fastgpt"]


def test_a_password_is_encoded_by_its_token() -> None:
    of = deployment(secret_facts={"<secret:ffffff>": {"url_unsafe": "#/", "special": "#/"}})
    assert new_lines(planned(found("db-password-special-chars"), of)) == [
        "- PG_URL=postgresql://u:<secret:ffffff:percent>@pg:5432/postgres"
    ]


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("http:192.168.1.2:7890", "http://192.168.1.2:7890"),
        ("http:/192.168.1.2:7890/", "http://192.168.1.2:7890"),
        ("192.168.1.2:7890", "http://192.168.1.2:7890"),
        ('"http://http://proxy:7890"', "http://proxy:7890"),
        ("socks5:://10.0.0.1:1080,", "socks5://10.0.0.1:1080"),
        ("http：//10.0.0.1：7890", "http://10.0.0.1:7890"),
        ("undefined", None),
        ("http://", None),
    ],
)
def test_a_proxy_address_is_mended_where_it_is_clear_what_was_meant(written: str, mended: str | None) -> None:
    assert mended_proxy(written) == mended


def test_the_key_that_the_gateway_accepts_is_taken() -> None:
    accepted = {"container": "oneapi", "variable": "INITIAL_ROOT_TOKEN", "prefix": "sk-"}
    of = deployment(probes={"gateway_models": {"status": 401, "accepted": accepted}})
    plan = planned(found("invalid-api-key", None), of)
    assert new_lines(plan) == ["- CHAT_API_KEY=sk-<secret:dddddd>"]
    assert plan.recreates == ("fastgpt",)


def test_a_key_that_is_not_known_is_asked_for_and_taken_when_given() -> None:
    refused = {"gateway_models": {"status": 401, "accepted": None}}
    with pytest.raises(fix.CannotFixError, match=r"give it: -e .*CHAT_API_KEY"):
        planned(found("invalid-api-key", None), deployment(probes=refused))
    plan = planned(found("invalid-api-key", None), deployment(probes=refused, given=["CHAT_API_KEY"]))
    assert new_lines(plan) == ["- CHAT_API_KEY=<given:CHAT_API_KEY>"]


def test_a_key_the_gateway_accepts_is_not_what_is_wrong() -> None:
    of = deployment(probes={"gateway_models": {"status": 200}})
    with pytest.raises(fix.CannotFixError, match="provider's key in a channel"):
        planned(found("invalid-api-key", None), of)


def test_links_get_an_address_that_others_reach() -> None:
    plan = planned(found("frontend-url-localhost"), deployment(host={"address": "192.168.7.7"}))
    assert new_lines(plan) == ["- FE_DOMAIN=http://10.0.0.5:3000"]  # the operator's own for files goes first
    of = replaced("http://10.0.0.5:9000", "http://192.168.0.2:9000", host={"address": "192.168.7.7"})
    assert new_lines(planned(found("frontend-url-localhost"), of)) == ["- FE_DOMAIN=http://192.168.7.7:3000"]


def test_what_a_version_needs_is_taken_from_the_other_services_or_made() -> None:
    names = "REDIS_URL, AIPROXY_API_TOKEN, INVOKE_TOKEN_SECRET, AES256_SECRET_KEY"
    plan = planned(found("env-required-missing-after-upgrade", name=names), deployment())
    assert new_lines(plan) == [
        "- REDIS_URL=redis://default:<secret:bbbbbb:percent>@redis:6379",
        "- AIPROXY_API_TOKEN=<secret:cccccc>",
        "- INVOKE_TOKEN_SECRET=<random:64>",
        "- AES256_SECRET_KEY=fastgptkey",  # what stored keys are encrypted with until then
    ]


def test_new_names_come_beside_the_old_ones() -> None:
    old = "      - S3_ENDPOINT=minio\n      - S3_PORT=9000\n      - S3_ACCESS_KEY=me\n"
    of = replaced("      - FE_DOMAIN=", old + "      - FE_DOMAIN=")
    plan = planned(found("env-renamed-after-upgrade"), of)
    assert set(new_lines(plan)) == {
        "- STORAGE_S3_ENDPOINT=http://minio:9000",
        "- STORAGE_VENDOR=minio",
        "- STORAGE_REGION=us-east-1",
        "- STORAGE_S3_FORCE_PATH_STYLE=true",
        "- STORAGE_ACCESS_KEY_ID=me",
    }


def test_a_moved_port_takes_the_links_to_it_along() -> None:
    plan = planned(found("port-conflict", "minio", port=9000), deployment())
    assert new_lines(plan) == ['ports: ["9100:9000"]', "- STORAGE_EXTERNAL_ENDPOINT=http://10.0.0.5:9100"]
    assert plan.recreates == ("minio", "fastgpt")


def test_of_two_entries_for_one_container_port_the_taken_one_moves() -> None:
    of = replaced('ports: ["9000:9000"]', 'ports: ["127.0.0.1:9005:9000", "127.0.0.1:9000:9000"]')
    plan = planned(found("port-conflict", "minio", port=9000), of)
    assert new_lines(plan)[0] == 'ports: ["127.0.0.1:9005:9000", "127.0.0.1:9100:9000"]'


def test_a_port_that_docker_has_kept_after_a_crash_is_freed_and_not_moved() -> None:
    with pytest.raises(fix.CannotFixError, match="restarting Docker frees it"):
        planned(found("port-conflict", "minio", port=9000, left_over=True), deployment())


@pytest.mark.parametrize("service", ["oneapi", None])  # Docker's words tell the port alone
def test_a_port_windows_keeps_moves_far_away(service: str | None) -> None:
    assert new_lines(planned(found("port-windows-reserved", service, port=3001), deployment())) == [
        'ports: ["13001:3000"]'
    ]


def test_a_reversed_mapping_is_turned_round_unless_links_name_the_present_port() -> None:
    finding = found("port-mapping-reversed", "fastgpt", host_port=3000)
    unlinked = COMPOSE.replace("3000:3000\n", "3000:8080\n").replace("FE_DOMAIN=http://localhost:3000", "FE_DOMAIN=")
    assert new_lines(planned(finding, deployment(unlinked))) == ["- 8080:3000"]
    linked = replaced("3000:3000\n", "3000:8080\n")
    assert new_lines(planned(finding, linked)) == ["- 3000:3000"]
    both_changed = found("port-mapping-reversed", "fastgpt", host_port=7031, right_port=3000)
    assert new_lines(planned(both_changed, replaced("3000:3000\n", "7031:7031\n"))) == ["- 7031:3000"]


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("http://10.0.0.5:3000", "http://10.0.0.5:3100"),
        ("http://a.example:3000/x,https://b.example:30001", "http://a.example:3100/x,https://b.example:30001"),
        ("http://fastgpt:3000", "http://fastgpt:3000"),
        ("http://[fd00::1]:3000", "http://[fd00::1]:3100"),
    ],
)
def test_only_that_port_of_outside_addresses_changes(value: str, after: str) -> None:
    assert with_port(value, 3000, 3100, {"fastgpt"}) == after


def test_an_implied_port_is_written_out() -> None:
    assert with_port("http://10.0.0.5", 80, 8180, ()) == "http://10.0.0.5:8180"


def test_a_model_outside_of_the_project_is_joined_by_its_network() -> None:
    stranger = {"name": "ollama", "image": "ollama/ollama", "networks": {"models": {}}, "state": {"status": "running"}}
    plan = planned(found("not-in-same-network", peer="ollama"), deployment(other_containers=[stranger]))
    assert new_lines(plan) == ["networks: [fastgpt, models]", "models: {external: true}"]
    alone = {**stranger, "networks": {"bridge": {}}}
    with pytest.raises(fix.CannotFixError, match="default network"):
        planned(found("not-in-same-network", peer="ollama"), deployment(other_containers=[alone]))


def test_services_apart_in_the_file_are_joined_there() -> None:
    text = COMPOSE.replace("0-pg15\n    networks: [fastgpt]", "0-pg15\n    networks: [data]") + "  data:\n"
    plan = planned(found("not-in-same-network", peer="pg"), deployment(text))
    assert new_lines(plan) == ["networks: [fastgpt, data]"]
    assert plan.recreates == ("fastgpt",)


def test_a_container_that_left_its_network_is_made_anew() -> None:
    of = deployment()
    of.evidence["containers"][1]["networks"] = {"other": {}}
    plan = planned(found("not-in-same-network", peer="oneapi"), of)
    assert (plan.recreates, plan.variables["state"], plan.diff) == (("oneapi",), "recreated", "")


def test_the_host_gets_an_entry() -> None:
    plan = planned(found("host-docker-internal-unresolved"), deployment())
    assert new_lines(plan) == ["extra_hosts:", "- host.docker.internal:host-gateway"]


def test_a_network_that_one_service_misspells_is_corrected_and_others_are_declared() -> None:
    wrong = COMPOSE.replace("0-pg15\n    networks: [fastgpt]", "0-pg15\n    networks: [fastgpt_net]")
    finding = found("compose-undefined-network", None, service_name="pg", network="fastgpt_net")
    assert new_lines(planned(finding, deployment(wrong))) == ["networks: [fastgpt]"]
    gone = COMPOSE.replace("networks:\n  fastgpt:\n", "")
    finding = found("compose-undefined-network", None, service_name="pg", network="fastgpt")
    assert new_lines(planned(finding, deployment(gone))) == ["networks:", "fastgpt: {}"]
