# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run inside containers: small scripts that only read. Private to the collection.

Each prints sections; a section begins with a line of a mark made for the call, which nothing printed can hold, and the
section's name. Only what busybox has is used; the mark is the first argument.
"""

from __future__ import annotations

from ansible_collections.fastgpt.ops.plugins.module_utils._files import HASH_LIMIT, TEXT_LIMIT

_SECTIONS = r"""
mark=$1; shift
section() { printf '\n%s%s\n' "$mark" "$1"; }
"""

APP = (
    _SECTIONS
    + r"""
config=$1; shift
section environ
if [ -r /proc/1/environ ]; then cat /proc/1/environ; fi
section env
env
section stat
stat -L -c '%F|%s|%i' "$config" 2>&1
section sha
if [ -f "$config" ] && [ "$(stat -L -c %s "$config")" -le HASH_LIMIT ]; then sha256sum "$config"; fi
section config
if [ -f "$config" ]; then head -c TEXT_LIMIT "$config"; fi
section package
for package in /app/package.json /app/projects/app/package.json; do
  if [ -r "$package" ]; then head -c 65536 "$package"; break; fi
done
section reach
if command -v nc >/dev/null 2>&1; then connect() { nc -z -w 2 "$1" "$2"; }
elif command -v bash >/dev/null 2>&1; then connect() { timeout 2 bash -c ': <"/dev/tcp/$0/$1"' "$1" "$2"; }
else connect() { echo 'neither nc nor bash in the container'; return 99; }
fi
resolve() {
  if ! command -v getent >/dev/null 2>&1; then return; fi
  if timeout 3 getent hosts "$1" >/dev/null 2>&1; then echo 1; else echo 0; fi
}
for target in "$@"; do (
  host=${target%|*} port=${target##*|}
  found=$(resolve "$host")
  # a second try tells a server that is away from a host that is busy
  for try in 1 2; do
    words=$(connect "$host" "$port" 2>&1 </dev/null)
    code=$?
    case $code in 0 | 99) break ;; esac
  done
  printf '%s|%s|%s|%s\n' "$target" "$found" "$code" "$(printf %s "$words" | tr '\n|' '  ')"
) & done
wait
""".replace("HASH_LIMIT", str(HASH_LIMIT)).replace("TEXT_LIMIT", str(TEXT_LIMIT))
)
"""Arguments: config.json's path, then ``host|port`` of each server to reach."""

STAT = (
    _SECTIONS
    + r"""
section stat
stat -L -c '%F|%s|%a|%u|%g' "$1" 2>&1
"""
)
"""Argument: a path."""

MONGO = (
    _SECTIONS
    + r"""
port=$1 script=$2
section shell
address="mongodb://127.0.0.1:$port/?directConnection=true&serverSelectionTimeoutMS=3000"
if command -v mongosh >/dev/null 2>&1; then
  echo mongosh
  mongosh "$address" --quiet --norc --eval "$script" 2>&1
elif command -v mongo >/dev/null 2>&1; then
  echo mongo
  # The legacy shell cannot read its environment: only here the logins stand in an argument list, inside the container.
  mongo "127.0.0.1:$port/admin" --quiet --norc --eval "var LOGINS = $FASTGPT_OPS_LOGINS; $script" 2>&1
else
  echo none
fi
"""
)
"""Arguments: mongod's port, the JavaScript."""

# Runs in mongosh and in the legacy shell; the first throws on a refused command, the second returns the refusal.
MONGO_JS = r"""
var logins = typeof LOGINS === 'undefined' ? JSON.parse(process.env.FASTGPT_OPS_LOGINS) : LOGINS;
function ask(question) {
  try { return db.getSiblingDB(question[0]).runCommand(question[1]); }
  catch (e) { return {ok: 0, code: e.code, errmsg: String(e.message || e)}; }
}
function login(l) {
  try {
    var reply = db.getSiblingDB(l.source).auth({user: l.user, pwd: l.password});
    return {app: l.app, ok: reply === 1 || reply.ok === 1, message: 'refused'};
  } catch (e) { return {app: l.app, ok: false, code: e.code, message: String(e.message || e)}; }
}
var tried = [];
for (var i = 0; i < logins.length; i++) {
  tried.push(login(logins[i]));
  if (tried[i].ok) break;
}
print('FASTGPT_OPS ' + JSON.stringify({logins: tried, replies: QUESTIONS.map(ask)}));
"""
"""QUESTIONS stands for (database, command) pairs as JSON; the answer is JSON after the word FASTGPT_OPS."""

PG = (
    _SECTIONS
    + r"""
database=$1 query=$2
export PGCONNECT_TIMEOUT=3 PGOPTIONS='-c statement_timeout=4000 -c default_transaction_read_only=on'
section facts
psql -X -A -t -q -w -U "${POSTGRES_USER:-postgres}" -d "$database" -c "$query" 2>&1
section login
if [ -n "$FASTGPT_OPS_USER" ]; then
  # At its own address: the loopback one is trusted in the usual images, whatever the password.
  address=$(hostname -i | cut -d' ' -f1)
  PGPASSWORD=$FASTGPT_OPS_PASSWORD psql -X -A -t -q -w -h "$address" -U "$FASTGPT_OPS_USER" -d "$database" \
    -c 'select 1' 2>&1
fi
"""
)
"""Arguments: the database's name, the query."""

PG_QUERY = """
select json_build_object(
  'version', current_setting('server_version'),
  'extension', (select extversion from pg_extension where extname = 'vector'),
  'extension_available', (select default_version from pg_available_extensions where name = 'vector'),
  'modeldata', to_regclass('modeldata') is not null,
  'vectors', pg_relation_size(to_regclass('modeldata')) > 0,
  'vector_type', (select y.typname from pg_attribute a join pg_type y on y.oid = a.atttypid
                  where a.attrelid = to_regclass('modeldata') and a.attname = 'vector'),
  'vector_size', (select a.atttypmod from pg_attribute a
                  where a.attrelid = to_regclass('modeldata') and a.attname = 'vector'),
  'superuser', (select rolsuper from pg_roles where rolname = current_user),
  'invalid_indexes', (select coalesce(json_agg(c.relname), '[]')
                      from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid))
"""

MYSQL = r"""
client=$(command -v mariadb || command -v mysql) || { echo 'no client of MySQL in the container' >&2; exit 127; }
exec "$client" --xml --protocol=tcp --host="$3" --port="$4" --connect-timeout=3 --user="$1" "$2"
"""
"""Arguments: user, database, host, port; the statements come by the standard input, the password by MYSQL_PWD."""

PSQL = r"""
export PGCONNECT_TIMEOUT=3 PGOPTIONS='-c statement_timeout=4000 -c default_transaction_read_only=on'
exec psql -X -A -t -q -w -v ON_ERROR_STOP=1 -h "$3" -p "$4" -U "$1" -d "$2"
"""
"""Arguments: user, database, host, port; the statements come by the standard input, the password by PGPASSWORD."""
