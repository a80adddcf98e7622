#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Run once after the first `up`: gives AI Proxy a channel, and switches its models on in FastGPT, as root does on the
# page. The models behind the channel are the lab's stand-in, on AI Proxy's network.
set -eu
if ! docker pull --quiet lab/model:1 >/dev/null; then
    echo 'no stand-in for models here (upstream images): channels are left to you'
    exit 0
fi
docker rm -f lab-model >/dev/null 2>&1 || true # there is none on the first run
docker run -d --name lab-model --restart always --network fastgpt_aiproxy lab/model:1 >/dev/null

# curl of the model's container: a host need not have one.
curl() {
    docker exec lab-model curl -fsS -m 60 -H 'Content-Type: application/json' "$@"
}
ai_proxy() { # PATH [ARGUMENT...]
    path=$1
    shift
    curl -H 'Authorization: token' "$@" "http://fastgpt-aiproxy:3000$path"
}
api=http://fastgpt-app:3000/api
tries=90
until ai_proxy /api/status >/dev/null 2>&1 && curl "$api/common/system/getInitData" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'AI Proxy or FastGPT does not answer' >&2; exit 1; }
    sleep 1
done
# the data may be older than this container
ai_proxy /api/channels/all | grep -q lab-model || ai_proxy /api/channel/ -d '{
    "type": 1, "name": "lab models", "key": "sk-lab", "base_url": "http://lab-model:8080/v1",
    "models": ["gpt-4o-mini", "text-embedding-ada-002"]
}' >/dev/null

# the variable is the container's
# shellcheck disable=SC2016
password=$(docker exec fastgpt-app sh -c 'printf %s "$DEFAULT_ROOT_PSW"' | sha256sum | cut -d' ' -f1)
code=$(curl "$api/support/user/account/preLogin?username=root" | sed 's/.*"code":"\(\w*\)".*/\1/')
token=$(curl -d "{\"username\": \"root\", \"password\": \"$password\", \"code\": \"$code\"}" \
    "$api/support/user/account/loginByPassword" | sed 's/.*"token":"\(\w*\)".*/\1/')
for model in '"gpt-4o-mini", "metadata": {"type": "llm", "toolChoice": true,' \
    '"text-embedding-ada-002", "metadata": {"type": "embedding",'; do
    curl -X PUT -H "token: $token" -d "{\"model\": $model \"isActive\": true}}" "$api/core/ai/model/update" >/dev/null
done
