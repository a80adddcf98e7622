# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL told by a superuser, and the package for each system."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils import _postgres as pg

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n'
UBUNTU = "ID=ubuntu\nID_LIKE=debian\n"
MINT = 'ID=linuxmint\nID_LIKE="ubuntu debian"\n'
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n'
ALPINE = "ID=alpine\n"
SUSE = 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n'


@pytest.mark.parametrize(
    ("os_release", "share", "package"),
    [
        (DEBIAN, "/usr/share/postgresql/15", "postgresql-15-pgvector"),
        (UBUNTU, "/usr/share/postgresql/15", "postgresql-15-pgvector"),
        (MINT, "/usr/share/postgresql/15", "postgresql-15-pgvector"),
        (ROCKY, "/usr/pgsql-15/share", "pgvector_15"),
        (ROCKY, "/usr/share/pgsql", "pgvector"),
        (ALPINE, "/usr/share/postgresql15", "postgresql-pgvector"),
        (SUSE, "/usr/share/postgresql15", None),
        ("", "/usr/share", None),
    ],
)
def test_each_system_has_its_package(os_release: str, share: str, package: str | None) -> None:
    assert pg.package_of(pg.os_names(os_release), 15, share) == package


def test_the_version_that_apt_could_install() -> None:
    assert pg.candidate_of("postgresql-17-pgvector:\n  Installed: (none)\n  Candidate: 0.8.0-1\n") == "0.8.0"
    assert pg.candidate_of("postgresql-15-pgvector:\n  Installed: (none)\n  Candidate: (none)\n") is None
    assert pg.candidate_of("") is None


def test_versions_are_compared_by_number() -> None:
    assert pg.version_of(None) < pg.version_of("0.8") < pg.version_of("0.8.0") < pg.version_of("0.10.1")


PSQL = """
for last; do :; done
while [ "$1" != -U ]; do shift; done
case "$2 $last" in
  "owner select rolsuper"*) echo f ;;
  "postgres select rolsuper"*) echo t ;;
  *) echo "$2 runs: $last with $PGPASSWORD" ;;
esac
"""


def test_a_superuser_is_looked_for_in_the_container(inside: t.Callable[..., pathlib.Path], monkeypatch: t.Any) -> None:
    inside(psql=PSQL)
    monkeypatch.setenv("POSTGRES_USER", "owner")
    monkeypatch.setenv("POSTGRES_PASSWORD", "pw of the container")
    server = pg.Server("a database", "pg")
    assert server.tell("select 1") == "postgres runs: select 1 with pw of the container"
    assert "pw of the container" not in " ".join(server.command("select 1"))


def test_without_a_superuser_the_reason_is_told(inside: t.Callable[..., pathlib.Path], monkeypatch: t.Any) -> None:
    inside(psql=PSQL.replace("echo t", "echo f"))
    monkeypatch.setenv("POSTGRES_USER", "owner")
    with pytest.raises(pg.PostgresError, match="neither owner nor postgres is a superuser of database d"):
        pg.Server("d", "pg").tell("select 1")


def test_a_server_of_the_host_is_told_by_its_own_user(tmp_path: pathlib.Path, monkeypatch: t.Any) -> None:
    (tmp_path / "su").write_text('#!/bin/sh\necho "$1 $2 $3"; shift 4; exec sh -c "$1"\n')
    (tmp_path / "psql").write_text('#!/bin/sh\nfor word; do printf "[%s]" "$word"; done\n')
    for program in ("su", "psql"):
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    said = pg.Server("o'db", port=5433).tell("select 'x'")
    assert said.startswith("postgres -s /bin/sh\n")
    assert said.endswith("[-p][5433][-d][o'db][-c][select 'x']")
