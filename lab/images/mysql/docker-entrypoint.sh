#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Behaves as the entrypoint of the official mysql image: on an empty data folder it makes the root
# account (MYSQL_ROOT_PASSWORD) and the database MYSQL_DATABASE, then runs the server as uid 999.
set -Eeuo pipefail

[ "${1:0:1}" = - ] && set -- mysqld "$@"
[ "$1" = mysqld ] || exec "$@"

data=/var/lib/mysql
if [ "$(id -u)" = 0 ]; then
    find "$data" \! -user mysql -exec chown mysql '{}' +
    exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
fi

# Options of MySQL that MariaDB does not know.
arguments=()
for argument; do
    case "$argument" in --default-authentication-plugin=*) ;; *) arguments+=("$argument") ;; esac
done

if [ ! -d "$data/mysql" ]; then
    if [ -z "${MYSQL_ROOT_PASSWORD:-}" ]; then
        echo >&2 '[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified'
        exit 1
    fi
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
    password="${MYSQL_ROOT_PASSWORD//\'/\'\'}"
    mysqld --bootstrap <<SQL
FLUSH PRIVILEGES;
ALTER USER root@localhost IDENTIFIED BY '$password';
CREATE USER root@'%' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS \`${MYSQL_DATABASE:-mysql}\` CHARACTER SET utf8mb4;
SQL
    echo '[Note] [Entrypoint]: MySQL init process done. Ready for start up.'
fi
unset MYSQL_ROOT_PASSWORD
exec "${arguments[@]}"
