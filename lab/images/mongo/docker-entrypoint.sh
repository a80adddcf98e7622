#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Behaves as the entrypoint of the official mongo image does: gives the data to uid 999, makes the
# root user of MONGO_INITDB_ROOT_* on an empty data folder, then starts mongod with --auth and
# --bind_ip_all.
set -Eeuo pipefail

[ "${1:0:1}" = - ] && set -- mongod "$@"

if [ "$1" = mongod ] && [ "$(id -u)" = 0 ]; then
    find /data/configdb /data/db \! -user mongodb -exec chown mongodb '{}' +
    exec setpriv --reuid mongodb --regid mongodb --init-groups "$0" "$@"
fi

[ "$1" = mongod ] || exec "$@"

if [ "$(uname -m)" = x86_64 ] && { [ "${FASTGPT_LAB_NO_AVX:-}" = 1 ] || ! grep -qm1 '^flags.* avx' /proc/cpuinfo; }; then
    {
        echo
        echo 'WARNING: MongoDB 5.0+ requires a CPU with AVX support, and your current system does not appear to have that!'
        echo '  see https://jira.mongodb.org/browse/SERVER-54407'
        echo
    } >&2
fi

if [ "${FASTGPT_LAB_OLD_ARM:-}" = 1 ]; then
    {
        echo
        echo 'WARNING: MongoDB requires ARMv8.2-A or higher, and your current system does not appear to implement any of the common features for that!'
        echo '  applies to all versions ≥5.0, any of 4.4 ≥4.4.19'
        echo
    } >&2
fi

user="${MONGO_INITDB_ROOT_USERNAME:-}"
password="${MONGO_INITDB_ROOT_PASSWORD:-}"
if { [ -n "$user" ] && [ -z "$password" ]; } || { [ -z "$user" ] && [ -n "$password" ]; }; then
    echo >&2 "error: missing 'MONGO_INITDB_ROOT_USERNAME' or 'MONGO_INITDB_ROOT_PASSWORD'"
    echo >&2 '       both must be specified for a user to be created'
    exit 1
fi

has_option() {
    local wanted="$1" argument
    shift
    for argument; do
        case "$argument" in "$wanted" | "$wanted"=*) return 0 ;; esac
    done
    return 1
}

create_root_user() {
    if ! python3 -m labmongod.first_start; then
        echo >&2
        echo >&2 'error: mongod does not appear to have stayed running -- perhaps it had an error?'
        echo >&2
        exit 1
    fi
    echo
    echo 'MongoDB init process complete; ready for start up.'
    echo
}

if [ -n "$user" ]; then
    has_option --auth "$@" || set -- "$@" --auth
    [ -e /data/db/storage.fcv ] || create_root_user
fi
has_option --bind_ip "$@" || has_option --bind_ip_all "$@" || set -- "$@" --bind_ip_all
unset "${!MONGO_INITDB_@}" user password

exec "$@"
