#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Run once after the first `up`: initiates the replica set, as upstream's instructions have the operator type it,
# and gives OneAPI a channel. The models behind the channel are the lab's stand-in, on the stack's network.
set -eu
# The variables are the container's. While the data folder is made, a Mongo without a replica set answers first.
# shellcheck disable=SC2016
docker exec mongo sh -c '
    for _ in $(seq 100); do
        mongo --quiet -u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" --authenticationDatabase admin --eval "
            rs.initiate({_id: \"rs0\", members: [{_id: 0, host: \"mongo:27017\"}]});
            if (rs.status().ok !== 1) { quit(1); }" >/tmp/first-run.log 2>&1 && exit 0
        sleep 0.5
    done
    cat /tmp/first-run.log
    exit 1'

if ! docker pull --quiet lab/model:1 >/dev/null; then
    echo 'no stand-in for models here (upstream images): channels are left to you'
    exit 0
fi
docker rm -f lab-model >/dev/null 2>&1 || true # there is none on the first run
docker run -d --name lab-model --restart always --network fastgpt_fastgpt lab/model:1 >/dev/null

# curl of the model's container: a host need not have one.
one_api() { # PATH [ARGUMENT...]
    path=$1
    shift
    docker exec lab-model curl -fsS -b /tmp/session -c /tmp/session -H 'Content-Type: application/json' "$@" \
        "http://oneapi:3000$path"
}
tries=60
until one_api /api/status >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'OneAPI does not answer' >&2; exit 1; }
    sleep 1
done
one_api /api/user/login -d '{"username": "root", "password": "123456"}' >/dev/null
# the data may be older than this container
one_api /api/channel/ | grep -q lab-model || one_api /api/channel/ -d '{
    "type": 1, "name": "lab models", "key": "sk-lab", "base_url": "http://lab-model:8080", "group": "default",
    "models": "gpt-4o-mini,text-embedding-ada-002"
}' >/dev/null
