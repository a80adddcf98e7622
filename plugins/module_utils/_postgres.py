# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL asked and told by a superuser where it runs: in a container, or on the host. Private to the collection.

The superuser's password, where one is needed at all, is the container's own and stays in it.
"""

from __future__ import annotations

import json
import re
import shlex
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

Json = t.Dict[str, t.Any]

_TIMEOUT = 60.0
_POLL = 1.0

_AS_SUPERUSER = """
database=$1 sql=$2
export PGPASSWORD="$POSTGRES_PASSWORD" PGCONNECT_TIMEOUT=5
tell() { psql -X -A -t -q -w -v ON_ERROR_STOP=1 -U "$1" -d "$database" -c "$2"; }
for user in "$POSTGRES_USER" postgres; do
  [ -n "$user" ] || continue
  if [ "$(tell "$user" 'select rolsuper from pg_roles where rolname = current_user')" = t ]; then
    tell "$user" "$sql"
    exit
  fi
done
echo "neither ${POSTGRES_USER:-postgres} nor postgres is a superuser of database $database here" >&2
exit 1
"""
"""Run by the container's shell; arguments: database, statement."""

_FACTS = """
select json_build_object(
  'major', current_setting('server_version_num')::int / 10000,
  'installed', (select extversion from pg_extension where extname = 'vector'),
  'available', (select default_version from pg_available_extensions where name = 'vector'),
  'modeldata', to_regclass('modeldata') is not null,
  'share', (select setting from pg_config where name = 'SHAREDIR'))
"""


class PostgresError(Exception):
    """PostgreSQL could not be asked or refused; the message holds its own words."""


class Facts(t.NamedTuple):
    """What a database says of itself.

    :ivar major: the server's major version, that of its data
    :ivar installed: version of the extension ``vector`` in the database; None where it was not created
    :ivar available: version that the server's files of the extension have; None where it has none
    :ivar modeldata: whether FastGPT's table is there
    :ivar share: the server's folder of shared files
    """

    major: int
    installed: str | None
    available: str | None
    modeldata: bool
    share: str


class Server:
    """A database of a server.

    :param container: name of the server's container; None: the server runs on this host
    :param port: the port of a server on this host, by which its socket is found
    :param os_user: the user of this host whom such a server trusts as its superuser
    """

    def __init__(self, database: str, container: str | None = None, port: int = 5432, os_user: str = "postgres"):
        self.database = database
        self.container = container
        self.port = port
        self.os_user = os_user

    @property
    def name(self) -> str:
        """How the journal calls it."""
        return self.container or f"PostgreSQL on port {self.port}"

    def command(self, sql: str) -> list[str]:
        """Give the command that runs statements, in one transaction, on this host."""
        if self.container:
            return ["docker", "exec", self.container, "sh", "-c", _AS_SUPERUSER, "sh", self.database, sql]
        words = ["psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-p", str(self.port)]
        words += ["-d", self.database, "-c", sql]
        return ["su", self.os_user, "-s", "/bin/sh", "-c", " ".join(shlex.quote(word) for word in words)]

    def tell(self, sql: str) -> str:
        """Run statements as a superuser and give what was printed.

        :raises PostgresError: refused, or not reached
        """
        result = run(self.command(sql), _TIMEOUT)
        if result.rc != 0:
            raise PostgresError(f"{self.name}: {result.error}")
        return result.text.strip()

    def facts(self, patience: float = 0) -> Facts:
        """Ask what is there, for a while again where the server does not answer yet.

        :param patience: seconds
        :raises PostgresError: no answer in time
        """
        end = time.monotonic() + patience
        while True:
            try:
                return Facts(**json.loads(self.tell(_FACTS)))
            except PostgresError:
                if time.monotonic() >= end:
                    raise
                time.sleep(_POLL)


def version_of(text: str | None) -> tuple[int, ...]:
    """Turn ``0.8.0`` into numbers that can be compared; nothing is older than everything."""
    return tuple(int(number) for number in re.findall(r"\d+", text or ""))


# --- packages of a server on the host


def os_names(os_release: str) -> list[str]:
    """Give the names of a system and of those it is like, the own one first, from the text of /etc/os-release."""
    found = dict(re.findall(r"^(ID|ID_LIKE)=\"?([^\"\n]*)", os_release, re.MULTILINE))
    return [found.get("ID", ""), *found.get("ID_LIKE", "").split()]


def package_of(names: t.Sequence[str], major: int, share: str) -> str | None:
    """Name the package that brings the extension's files for a server; None where it is not known.

    :param names: of the system, from ``os_names``
    :param share: the server's folder of shared files, which tells PostgreSQL's own packages from the distribution's
    """
    if "debian" in names or "ubuntu" in names:
        return f"postgresql-{major}-pgvector"
    if any(name in names for name in ("rhel", "centos", "fedora")):
        return f"pgvector_{major}" if f"pgsql-{major}" in share else "pgvector"
    return "postgresql-pgvector" if "alpine" in names else None


def candidate_of(policy: str) -> str | None:
    """Give the version of a package that could be installed, from what ``apt-cache policy`` printed."""
    match = re.search(r"^\s*Candidate: (?:\d+:)?(\d[\d.]*)", policy, re.MULTILINE)
    return match[1] if match else None
