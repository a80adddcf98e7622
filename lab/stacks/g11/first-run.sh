#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Run once after the first `up`: gives AI Proxy a channel. The models behind it are the lab's stand-in, on AI Proxy's
# network.
set -eu
if ! docker pull --quiet lab/model:1 >/dev/null; then
    echo 'no stand-in for models here (upstream images): channels are left to you'
    exit 0
fi
docker rm -f lab-model >/dev/null 2>&1 || true # there is none on the first run
docker run -d --name lab-model --restart always --network fastgpt_aiproxy lab/model:1 >/dev/null

# curl of the model's container: a host need not have one.
ai_proxy() { # PATH [ARGUMENT...]
    path=$1
    shift
    docker exec lab-model curl -fsS -H 'Authorization: token' -H 'Content-Type: application/json' "$@" \
        "http://fastgpt-aiproxy:3000$path" >/dev/null
}
tries=60
until ai_proxy /api/status 2>/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'AI Proxy does not answer' >&2; exit 1; }
    sleep 1
done
ai_proxy /api/channel/ -d '{
    "type": 1, "name": "lab models", "key": "sk-lab", "base_url": "http://lab-model:8080/v1",
    "models": ["gpt-4o-mini", "text-embedding-ada-002"]
}'
