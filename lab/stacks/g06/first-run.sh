#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# What an operator does by hand after the first `up` of this generation: initiate the replica set, and give
# OneAPI a channel. The models behind the channel are the lab's stand-in, on the stack's network.
set -eu
mongo() {
    docker exec mongo mongo --quiet -u myusername -p mypassword --authenticationDatabase admin --eval "$1"
}
retry() { # COMMAND...: up to a minute
    tries=60
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "gave up: $*" >&2; exit 1; }
        sleep 1
    done
}

# The second start of the first boot is the one that knows --replSet: until then the answer is 76, then 94.
retry mongo 'if (rs.status().code !== 94 && rs.status().ok !== 1) quit(1)'
mongo 'rs.status().ok || rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] })' >/dev/null

docker rm -f lab-model >/dev/null 2>&1 || true # there is none on the first run
docker run -d --name lab-model --restart always --network fastgpt_fastgpt lab/model:1 >/dev/null

one_api=http://127.0.0.1:3001
session=$(mktemp)
retry curl -fsS "$one_api/api/status"
curl -fsS -c "$session" -H 'Content-Type: application/json' \
    -d '{"username": "root", "password": "123456"}' "$one_api/api/user/login" >/dev/null
curl -fsS -b "$session" -H 'Content-Type: application/json' -d '{
    "type": 1, "name": "lab models", "key": "sk-lab", "base_url": "http://lab-model:8080", "group": "default",
    "models": "gpt-4o-mini,text-embedding-ada-002"
}' "$one_api/api/channel/" >/dev/null
rm -f "$session"
