# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's own logic, without an engine; and one live look at the running lab."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.fastgpt.ops.plugins.plugin_utils.catalogue import findings
from fastgpt_lab import faults, images, registry, ssh, stacks
from fastgpt_lab.cli import parser
from fastgpt_lab.settings import FAULTS, Host, LabError, load_hosts, select_hosts, use_upstream_images

WEB = Host("web1", "trixie", "g06")


@pytest.mark.parametrize(
    ("reference", "kept"),
    [
        ("mongo:5.0.18", "library/mongo:5.0.18"),
        ("pgvector/pgvector:0.7.0-pg15", "pgvector/pgvector:0.7.0-pg15"),
        ("ghcr.io/labring/fastgpt:v4.8.11", "labring/fastgpt:v4.8.11"),
        ("registry.cn-hangzhou.aliyuncs.com/fastgpt/mongo:5.0.18", "fastgpt/mongo:5.0.18"),
        ("localhost/a:1", "a:1"),
        ("localhost:5000/a/b:1", "a/b:1"),
    ],
)
def test_repository_is_the_reference_without_its_registry(reference: str, kept: str) -> None:
    assert registry.repository_of(reference) == kept


def test_hosts_file_defines_what_it_boots() -> None:
    hosts, default = load_hosts()
    assert default == ["web1", "web2", "web3"]
    assert {hosts[name].compose for name in default} == {"docker compose", "docker-compose"}


def test_hosts_file_with_an_undefined_default_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("default: [gone]\nhosts: {web1: {release: trixie, stack: g06}}\n")
    with pytest.raises(LabError, match="gone"):
        load_hosts(path)


def test_unknown_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("default: []\nhosts: {web1: {release: woody, stack: g06}}\n")
    with pytest.raises(LabError, match="woody"):
        load_hosts(path)


def test_unknown_host_is_refused() -> None:
    with pytest.raises(LabError, match="web99"):
        select_hosts(["web1", "web99"])


def test_image_source_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not use_upstream_images()
    monkeypatch.setenv("FASTGPT_LAB_IMAGES", "upstream")
    assert use_upstream_images()
    assert registry.engine_config(stand_in=False) == {}
    monkeypatch.setenv("FASTGPT_LAB_IMAGES", "upstraem")
    with pytest.raises(LabError, match="upstraem"):
        use_upstream_images()


def test_folder_digest_sees_content_mode_and_name(tmp_path: Path) -> None:
    file = tmp_path / "entry"
    file.write_text("one")
    digests = [images.folder_digest(tmp_path)]
    file.write_text("two")
    digests.append(images.folder_digest(tmp_path))
    file.chmod(0o755)
    digests.append(images.folder_digest(tmp_path))
    file.rename(tmp_path / "start")
    digests.append(images.folder_digest(tmp_path))
    assert len(set(digests)) == 4


def test_folder_digest_leaves_caches_out(tmp_path: Path) -> None:
    before = images.folder_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert images.folder_digest(tmp_path) == before


def dockerfile(folder: Path, name: str, parent: str) -> images.Build:
    (folder / name).mkdir()
    (folder / name / "Dockerfile").write_text(f"FROM {parent}\n")
    return images.Build(f"fastgpt-lab/{name}", folder / name)


def test_build_order_puts_parents_first(tmp_path: Path) -> None:
    dockerfile(tmp_path, "python", "fastgpt-lab/base:trixie")
    app = dockerfile(tmp_path, "app", "fastgpt-lab/python:1")
    mongo = dockerfile(tmp_path, "mongo", "fastgpt-lab/base:trixie")
    waves = images.build_order([app, mongo], tmp_path)
    assert [sorted(build.tag for build in wave) for wave in waves] == [
        ["fastgpt-lab/mongo", "fastgpt-lab/python:1"],
        ["fastgpt-lab/app"],
    ]


def test_images_that_start_from_each_other_are_refused(tmp_path: Path) -> None:
    egg = dockerfile(tmp_path, "egg", "fastgpt-lab/hen")
    dockerfile(tmp_path, "hen", "fastgpt-lab/egg")
    with pytest.raises(LabError, match="egg"):
        images.build_order([egg], tmp_path)


def test_one_build_serves_many_names(tmp_path: Path) -> None:
    entries: list[dict[str, object]] = [
        {"name": "mongo:5.0.18", "build": "mongo", "args": {"VERSION": "5.0.18"}},
        {"name": "example.org/mongo:5.0.18", "build": "mongo", "args": {"VERSION": "5.0.18"}},
        {"name": "mongo:4.4.29", "build": "mongo", "args": {"VERSION": "4.4.29"}},
        {"name": "redis:7", "build": "redis"},
    ]
    layer = {"name": "fastgpt-lab/python:1", "build": "python"}
    (tmp_path / "images.yml").write_text(yaml.safe_dump([layer, *entries]))
    builds = images.stack_images(tmp_path / "images.yml")
    assert list(builds) == [entry["name"] for entry in entries]
    assert len(set(builds.values())) == 3
    assert builds["redis:7"].tag == "fastgpt-lab/redis"


def test_archive_sets_modes_and_leaves_notes_out(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "mongodb.key", "README.md", "first-run.sh"):
        (tmp_path / name).write_text(name)
    (tmp_path / "docker-compose.yml").chmod(0o600)
    (tmp_path / "files.yml").write_text("- {path: mongodb.key, mode: '0400', owner: '999:999'}\n")
    with tarfile.open(fileobj=io.BytesIO(stacks.archive(tmp_path))) as tar:
        found = {info.name: (oct(info.mode), info.uid, info.gid) for info in tar}
    assert found == {"docker-compose.yml": ("0o644", 0, 0), "mongodb.key": ("0o400", 999, 999)}


def test_deployment_changes_with_its_files_and_its_own_images_only(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {a: {image: mongo:5}}")
    before = stacks.deployment_of(tmp_path, {"mongo:5": "1", "redis:7": "1"})
    assert stacks.deployment_of(tmp_path, {"mongo:5": "1", "redis:7": "2"}) == before
    assert stacks.deployment_of(tmp_path, {"mongo:5": "2", "redis:7": "1"}) != before
    (tmp_path / "config.json").write_text("{}")
    assert stacks.deployment_of(tmp_path, {"mongo:5": "1", "redis:7": "1"}) != before


def test_inventory_is_strict_about_host_keys() -> None:
    lab = ssh.inventory({"web1": "192.0.2.1"})["lab"]
    assert lab["hosts"] == {"web1": {"ansible_host": "192.0.2.1"}}
    assert "StrictHostKeyChecking=yes" in lab["vars"]["ansible_ssh_common_args"]
    assert "HostName 192.0.2.1" in ssh.ssh_config({"web1": "192.0.2.1"})


@pytest.mark.parametrize("fault", faults.load_all(), ids=lambda fault: fault.name)
def test_fault_is_valid_shell_for_a_known_stack(fault: faults.Fault) -> None:
    script = (FAULTS / faults.COMMON).read_text() + fault.script
    check = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert check.returncode == 0, check.stderr
    assert set(fault.stack.split("|")) <= {"any", "g06", "g11"}
    assert fault.finding not in fault.follows


@pytest.mark.parametrize("fault", faults.load_all(), ids=lambda fault: fault.name)
def test_fault_names_findings_of_the_catalogue(fault: faults.Fault) -> None:
    assert {fault.finding, *fault.follows} <= set(findings())


def test_fault_without_a_way_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "half").write_text("# finding: a\n# stack: any\n# summary: b\n\nbreak_it() {\n    true\n}\n")
    with pytest.raises(LabError, match="heal_it"):
        faults.load("half", tmp_path)


def test_fault_fits_by_stack() -> None:
    fault = faults.Fault("name", "finding", "g06|g09", "summary", "")
    assert fault.fits(WEB)
    assert not fault.fits(Host("web3", "trixie", "g11"))


def test_demo_has_six_faults_that_fit_on_two_hosts_and_a_healthy_one() -> None:
    hosts, _ = load_hosts()
    plan = faults.scenario()
    for name, names in plan.items():
        assert all(faults.load(fault).fits(hosts[name]) for fault in names)
    assert len({fault for names in plan.values() for fault in names}) >= 6
    assert sorted(map(bool, plan.values())) == [False, True, True]


def test_command_line_knows_its_commands() -> None:
    args = parser().parse_args(["fault", "inject", "web1", "disk-full", "oom"])
    assert (args.host, args.faults) == ("web1", ["disk-full", "oom"])
    assert parser().parse_args(["up", "--hosts", "web1,web4"]).hosts == ["web1", "web4"]
