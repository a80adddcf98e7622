# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of a project: which there are, who writes to them, how many rows they hold. Private to the collection.

All of it goes through ``docker exec``: it works wherever docker does, and needs no client on the host.
"""

from __future__ import annotations

import json
import re
import threading
import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils import _scripts as scripts
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo import logins_of
from ansible_collections.fastgpt.ops.plugins.module_utils._mongo_wire import Connection
from ansible_collections.fastgpt.ops.plugins.module_utils._net import ip_of, parse_addresses
from ansible_collections.fastgpt.ops.plugins.module_utils._probes import in_container, text_of
from ansible_collections.fastgpt.ops.plugins.module_utils._run import Result, run

Json = t.Dict[str, t.Any]

_ASK_TIMEOUT = 60.0
_COUNT_TIMEOUT = 3600.0
_STOP_SECONDS = 300
_POLL = 0.5


class DatabaseError(Exception):
    """A database does not do what it must; the message names it and has its own words."""


class Kind(t.NamedTuple):
    """A database program.

    :ivar image: pattern of its images
    :ivar folder: where it keeps its data in the container, unless ``variable`` says otherwise
    :ivar signal: by which it ends in order
    :ivar serve: shell command that serves a copy in FOLDER to the container itself alone, without logins where it can
    :ivar ready: shell command that succeeds when it answers
    """

    name: str
    image: re.Pattern[str]
    folder: str
    variable: str | None
    signal: str
    serve: str
    ready: str


MONGO = Kind(
    "mongo",
    re.compile(r"(^|/)(mongo|mongodb|mongodb-community-server|percona-server-mongodb)(:|@|$)"),
    "/data/db",
    None,
    "TERM",
    "exec mongod --dbpath FOLDER --bind_ip 127.0.0.1 --wiredTigerCacheSizeGB 0.25",
    # No login is needed to ask who one is; a member of a set takes writes only when it is primary.
    "$(command -v mongosh || command -v mongo) --quiet --eval "
    "'print(\"primary:\" + db.adminCommand({isMaster: 1}).ismaster)' 2>/dev/null | grep -q primary:true",
)
POSTGRES = Kind(
    "postgres",
    re.compile(r"pgvector|(^|/)postgres(ql)?(:|@|$)|postgresml|paradedb|tensorchord"),
    "/var/lib/postgresql/data",
    "PGDATA",
    "INT",
    # It refuses to run as root; every image has the user.
    "exec su -s /bin/sh postgres -c \"exec '$(command -v postgres)' -D 'FOLDER' -c listen_addresses=''\"",
    'pg_isready -q -U "${POSTGRES_USER:-postgres}"',
)
MYSQL = Kind(
    "mysql",
    re.compile(r"(^|/)(mysql|mariadb|percona)(-server)?(:|@|$)"),
    "/var/lib/mysql",
    None,
    "TERM",
    "exec mysqld --user=mysql --datadir=FOLDER --skip-networking --skip-grant-tables",
    "MYSQL_PWD=\"$MYSQL_ROOT_PASSWORD\" $(command -v mariadb || command -v mysql) -uroot -e 'select 1' >/dev/null 2>&1",
)
KINDS = (MONGO, POSTGRES, MYSQL)


class Database(t.NamedTuple):
    """A database of the project, with its container in the shape of docs/evidence.md."""

    kind: Kind
    container: Json

    @property
    def service(self) -> str:
        return str(self.container["service"])

    @property
    def folder(self) -> str:
        env = self.container.get("env") or {}
        return str((self.kind.variable and env.get(self.kind.variable)) or self.kind.folder)


def databases_of(containers: t.Sequence[Json]) -> list[Database]:
    """Give the databases among a project's containers."""
    found = []
    for container in containers:
        image = str(container.get("image") or "")
        kind = next((kind for kind in KINDS if kind.image.search(image)), None)
        if kind:
            found.append(Database(kind, container))
    return found


def writers_of(database: Database, containers: t.Sequence[Json]) -> list[Json]:
    """Give the containers that may write to a database: those with its name as a server in a variable."""
    names = {database.container["name"], database.service}
    for endpoint in (database.container.get("networks") or {}).values():
        names.update(endpoint.get("aliases") or [])
    return [item for item in containers if names & _servers_named(item)]


def _servers_named(container: Json) -> set[str]:
    values = (container.get("env") or {}).values()
    return {address.host for value in values for address in parse_addresses(value or "")}


# --- questions


def count_rows(database: Database, app: Json | None, container: str | None = None) -> dict[str, int]:
    """Count the rows of every table or collection; each is read through, or its main index.

    :param app: the app's container, for its login
    :param container: another container that serves a copy of the database, without logins
    :raises DatabaseError: it does not answer
    """
    return _COUNTERS[database.kind.name](database, app, container)


def _count_mongo(database: Database, app: Json | None, container: str | None) -> dict[str, int]:
    logins = [] if container else logins_of(app, database.container)[0]
    address = None if container else ip_of(database.container, app)
    if address:
        try:
            return _count_by_wire(address, logins)
        except OSError:
            pass  # the host does not reach containers: the shell does
    script = scripts.MONGO_JS.replace("QUESTIONS", "[]") + _COUNT_JS
    environment = {"FASTGPT_OPS_LOGINS": json.dumps(logins)}
    name = container or database.container["id"]
    sections, result = in_container(name, scripts.MONGO, ["27017", script], _COUNT_TIMEOUT, environment)
    said = text_of(sections.get("shell"))
    _head, marker, tail = said.rpartition("FASTGPT_OPS ")
    counts = _object(tail) if marker else None
    if counts is None or "logins" in counts:
        raise DatabaseError(f"{database.service} does not tell its collections: {said.strip()[-300:] or result.error}")
    return counts


# A hint keeps mongod from answering with the number it remembers.
_LIST: Json = {"listCollections": 1, "nameOnly": True, "cursor": {"batchSize": 100000}}
_HINT = {"_id": 1}
_COUNT_JS = r"""
var counts = {};
db.getSiblingDB('admin').runCommand({listDatabases: 1, nameOnly: true}).databases.forEach(function (item) {
  if (item.name === 'local' || item.name === 'config') return;
  var one = db.getSiblingDB(item.name);
  one.runCommand(LIST).cursor.firstBatch.forEach(function (collection) {
    if (collection.type === 'view' || collection.name.indexOf('system.') === 0) return;
    counts[item.name + '.' + collection.name] = one.runCommand({count: collection.name, hint: HINT}).n;
  });
});
print('FASTGPT_OPS ' + JSON.stringify(counts));
""".replace("LIST", json.dumps(_LIST)).replace("HINT", json.dumps(_HINT))


def _count_by_wire(host: str, logins: t.Sequence[Json]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with Connection(host, 27017, _COUNT_TIMEOUT) as connection:
        for login in logins:
            if connection.login(login["user"], login["password"], login["source"]).get("ok") == 1:
                break
        listed = connection.run("admin", {"listDatabases": 1, "nameOnly": True})
        if listed.get("ok") != 1:
            raise DatabaseError(f"MongoDB does not tell its databases: {listed.get('errmsg')}")
        for name in (item["name"] for item in listed["databases"] if item["name"] not in ("local", "config")):
            for item in connection.run(name, _LIST)["cursor"]["firstBatch"]:
                if item.get("type") != "view" and not item["name"].startswith("system."):
                    reply = connection.run(name, {"count": item["name"], "hint": _HINT})
                    counts[f"{name}.{item['name']}"] = int(reply["n"])
    return counts


# One statement for all tables: the counts come by way of the one function that runs a text as a query.
_COUNT_SQL = """
select json_object_agg(format('%s.%s.%s', current_database(), n.nspname, c.relname), (xpath('/row/c/text()',
  query_to_xml(format('select count(*) as c from %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
_PSQL = 'psql -X -A -t -q -w -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "$1" -c "$2"'


def psql(container: str, database: str, query: str, timeout: float = _COUNT_TIMEOUT) -> str:
    """Ask PostgreSQL as its superuser, over its socket.

    :raises DatabaseError: it refuses
    """
    result = run(["docker", "exec", container, "sh", "-c", _PSQL, "sh", database, query], timeout)
    if result.rc != 0:
        raise DatabaseError(f"{container}: {result.error}")
    return result.text


def _count_postgres(database: Database, _app: Json | None, container: str | None) -> dict[str, int]:
    name = container or database.container["id"]
    listed = psql(name, "template1", "select datname from pg_database where datallowconn and datname !~ '^template'")
    counts: dict[str, int] = {}
    for one in listed.split():
        counts.update(_object(psql(name, one, _COUNT_SQL)) or {})
    return counts


_COUNT_MYSQL = r"""
MYSQL_PWD=$MYSQL_ROOT_PASSWORD; export MYSQL_PWD
client="$(command -v mariadb || command -v mysql) -uroot -N -B"
tables="select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'
        and table_schema not in ('mysql', 'sys', 'information_schema', 'performance_schema')"
$client -e "$tables" | while read -r schema table; do
  printf '%s.%s %s\n' "$schema" "$table" "$($client -e "select count(*) from \`$schema\`.\`$table\`")"
done
"""


def _count_mysql(database: Database, _app: Json | None, container: str | None) -> dict[str, int]:
    name = container or database.container["id"]
    result = run(["docker", "exec", name, "sh", "-ec", _COUNT_MYSQL], _COUNT_TIMEOUT)
    if result.rc != 0:
        raise DatabaseError(f"{database.service} does not tell its tables: {result.error}")
    return {table: int(number) for table, number in (line.rsplit(" ", 1) for line in result.text.splitlines())}


_COUNTERS: dict[str, t.Callable[..., dict[str, int]]] = {
    "mongo": _count_mongo,
    "postgres": _count_postgres,
    "mysql": _count_mysql,
}


def _object(text: str) -> dict[str, t.Any] | None:
    try:
        value = json.loads(text.strip().partition("\n")[0] or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


# --- life


def stop(database: Database) -> None:
    """Stop a database in order.

    Docker tells process 1 once, and kills it after a while. One that has only just started may not listen yet; under
    FastGPT's usual wrapper of mongod it is a shell that never does. So process 1 is told again while docker waits, and
    what runs under that shell as well.

    :raises DatabaseError: it does not stop
    """
    name = str(database.container["name"])
    results: list[Result] = []

    def ask_docker() -> None:
        results.append(run(["docker", "stop", "-t", str(_STOP_SECONDS), name], _STOP_SECONDS + 30.0))

    waiting = threading.Thread(target=ask_docker, daemon=True)
    waiting.start()
    waiting.join(1.0)
    while waiting.is_alive():
        if database.kind is MONGO:
            run(["docker", "exec", "--user", "0", name, "sh", "-c", "kill -TERM -1"], 20.0)
        run(["docker", "kill", "--signal", database.kind.signal, name], 20.0)
        waiting.join(5.0)
    waiting.join()
    if results[0].rc != 0:
        raise DatabaseError(f"{name} does not stop: {results[0].error}")


def start(container: str) -> None:
    """Start a container as it is.

    :raises DatabaseError: it does not start
    """
    result = run(["docker", "start", container], 120.0)
    if result.rc != 0:
        raise DatabaseError(f"{container} does not start: {result.error}")


def wait_ready(kind: Kind, container: str, seconds: float, address: str | None = None) -> None:
    """Wait until a database answers; a MongoDB until it takes writes.

    :param address: at which the host may reach it, which is quicker than to ask inside
    :raises DatabaseError: it does not within the time
    """
    end = time.monotonic() + seconds
    while not _is_ready(kind, container, address):
        if time.monotonic() > end:
            raise DatabaseError(f"{container} does not answer after {seconds:.0f} s")
        time.sleep(_POLL)


def _is_ready(kind: Kind, container: str, address: str | None) -> bool:
    if kind is MONGO and address:
        try:
            with Connection(address, 27017, 5.0) as connection:
                return bool(connection.run("admin", {"isMaster": 1}).get("ismaster"))
        except ConnectionRefusedError:
            return False
        except OSError:
            pass  # the host does not reach containers
    return run(["docker", "exec", container, "sh", "-c", kind.ready], _ASK_TIMEOUT).rc == 0
