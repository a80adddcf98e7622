# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# What the faults share. Sourced by sh -eu on the lab host before the fault's own file, with PROJECT_DIR,
# COMPOSE (`docker compose` or `docker-compose`), STACK and FAULT (the fault's name) set.
# shellcheck shell=sh disable=SC2034

KEPT=/opt/.lab-kept/$FAULT
COMPOSE_FILE=docker-compose.yml
OVERRIDE=docker-compose.override.yml

# Service names; they are the container names too, but for g11's vector database.
case $STACK in
    g11*) APP=fastgpt-app MONGO=fastgpt-mongo PG_SERVICE=fastgpt-vector PG_CONTAINER=fastgpt-pg
        GATEWAY=fastgpt-aiproxy SANDBOX=fastgpt-code-sandbox ;;
    *) APP=fastgpt MONGO=mongo PG_SERVICE=pg PG_CONTAINER=pg GATEWAY=oneapi SANDBOX=sandbox ;;
esac

[ ! -d "$PROJECT_DIR" ] || cd "$PROJECT_DIR"

# up [ARGUMENTS]: create what differs from the compose file. Compose's own words only matter when it fails.
up() {
    # $COMPOSE may be two words
    $COMPOSE up -d "$@" >/tmp/lab-up.log 2>&1 || { tail -n 15 /tmp/lab-up.log; return 1; }
}

# fails COMMAND...: the command must fail; the fault would not be there if it worked.
fails() {
    if "$@" >/tmp/lab-fails.log 2>&1; then
        echo "worked, and was to fail: $*"
        return 1
    fi
}

# keep FILE: remember a file or folder as it is; put_back FILE: make it so again (a file keeps its inode).
keep() {
    mkdir -p "$KEPT"
    cp -a "$1" "$KEPT/"
}

put_back() {
    [ ! -d "$1" ] || rm -rf "$1"
    cp -a "$KEPT/$1" "$1"
}

# edit FILE SED-SCRIPT: change a kept file in place (same inode); fails when nothing changes.
edit() {
    keep "$1"
    sed "$2" "$KEPT/$1" >/tmp/lab-edited
    ! cmp -s /tmp/lab-edited "$1" || { echo "$1: nothing changed by $2"; return 1; }
    cat /tmp/lab-edited >"$1"
}

# set_env NAME VALUE: give the variable another value in the compose file, in list and in map form.
set_env() {
    edit "$COMPOSE_FILE" "s~^\( *- $1=\).*~\1$2~; s~^\( *$1:\) .*~\1 '$2'~"
}

# override SERVICE YAML: settings of one service in a compose override file; only that service is created anew.
override() {
    [ ! -e "$OVERRIDE" ] || { echo "another fault has its $OVERRIDE here; heal that first"; return 1; }
    printf "version: '3.3'\nservices:\n  %s:\n%s\n" "$1" "$2" >"$OVERRIDE"
    up --no-deps "$1"
}

no_override() {
    rm "$OVERRIDE"
    up
}

# wait_for SECONDS COMMAND...: until the command works.
wait_for() {
    left=$(($1 * 4))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$left" -gt 0 ] || { echo "waited in vain for: $*"; return 1; }
        left=$((left - 1))
        sleep 0.25
    done
}

# psql_do SQL: run a statement in the stack's vector database.
psql_do() {
    # the variables are the container's
    # shellcheck disable=SC2016
    docker exec "$PG_CONTAINER" sh -c 'psql -v ON_ERROR_STOP=1 -qAt -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$1"' sh "$1"
}

# mongo_do JAVASCRIPT: run a script in the stack's Mongo as its root user.
mongo_do() {
    # shellcheck disable=SC2016
    docker exec "$MONGO" sh -c 'mongo --quiet -u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" \
        --authenticationDatabase admin --eval "$1"' sh "$1"
}

# without_mongod JAVASCRIPT: stop the stack's Mongo and run a script on its data, by a single server without logins.
without_mongod() {
    docker stop "$MONGO" >/dev/null
    docker run --rm --user 999:999 --network none --volumes-from "$MONGO" --entrypoint sh \
        "$(docker inspect -f '{{.Config.Image}}' "$MONGO")" -ec '
            mongod --noauth >/tmp/mongod.log &
            tries=100
            until mongo --quiet --eval 1 >/dev/null 2>&1; do
                tries=$((tries - 1))
                [ "$tries" -gt 0 ] || { cat /tmp/mongod.log; exit 1; }
                sleep 0.5
            done
            mongo --quiet --eval "$1" >/dev/null
            kill $!
            wait $! || true' sh "$1"
}

# initiate: give the stack's Mongo, once it answers, its replica set back where it has none.
initiate() {
    wait_for 60 mongo_do 'db.adminCommand("ping")'
    mongo_do "rs.initiate({_id: 'rs0', members: [{_id: 0, host: '$MONGO:27017'}]})" >/dev/null
}

# mongo_data: the folder of this host in which the stack's Mongo keeps its data.
mongo_data() {
    docker inspect -f '{{range .Mounts}}{{if eq .Destination "/data/db"}}{{.Source}}{{end}}{{end}}' "$MONGO"
}

# empty_mongo: as before the first start: no data of Mongo, no container of FastGPT that ever worked, no trace of vectors
# that were deleted; refill_mongo: put the data back (`up` makes the containers).
empty_mongo() {
    psql_do 'vacuum full modeldata'
    data=$(mongo_data)
    docker rm -f "$APP" "$MONGO" >/dev/null
    mkdir -p "$KEPT/data"
    find "$data" -mindepth 1 -maxdepth 1 -exec mv -t "$KEPT/data" {} +
}

refill_mongo() {
    data=$(mongo_data)
    docker rm -f "$MONGO" >/dev/null
    find "$data" -mindepth 1 -delete
    find "$KEPT/data" -mindepth 1 -maxdepth 1 -exec mv -t "$data" {} +
}

# mortal SERVICE STOP-SIGNAL YAML: give a database's container a start script that outlives the server in it.
mortal() {
    script='docker-entrypoint.sh "$$@" & trap "kill -'$2' $$!; wait $$!; exit" INT TERM; wait $$!; while :; do sleep 1; done'
    override "$1" "    entrypoint: [bash, -c, '$script', bash]
$3"
}

# old_vector: PostgreSQL with pgvector 0.7.4 instead, its data and their rows kept; new_vector: as it was.
old_vector() {
    # the first of the file's pgvector images is that of the vectors
    edit "$COMPOSE_FILE" '0,/image: pgvector\/pgvector:/s~image: pgvector/pgvector:[^ ]*~image: pgvector/pgvector:0.7.4-pg17~'
    up --no-deps "$PG_SERVICE"
    wait_for 30 psql_do 'select 1'
    psql_do "alter extension vector update to '0.7.4'"
    psql_do "insert into modeldata (vector, team_id, dataset_id, collection_id)
        select array_fill(n::real, array[1536])::vector, 'lab', 'lab', 'lab' from generate_series(1, 20) n"
    docker restart "$APP" >/dev/null
}

new_vector() {
    put_back "$COMPOSE_FILE"
    up --no-deps "$PG_SERVICE"
    wait_for 30 psql_do 'select 1'
    psql_do "alter extension vector update; delete from modeldata where team_id = 'lab'"
    psql_do 'vacuum full modeldata' # else they leave a trace, which stands for data that was there
    docker restart "$APP" >/dev/null
}

# from_model CURL-ARGUMENT...: curl in the container of the models, which is on the gateway's network.
from_model() {
    docker exec lab-model curl -sS -m 60 -H 'Content-Type: application/json' "$@"
}

# gateway METHOD PATH [JSON]: the gateway's own interface, as its administrator; One API tells a failure in the reply.
gateway() {
    case $STACK in
        g11*) from_model -f -X "$1" -H 'Authorization: token' ${3:+-d "$3"} "http://$GATEWAY:3000$2" ;;
        *)
            from_model -f -c /tmp/session -o /dev/null -d '{"username": "root", "password": "123456"}' \
                "http://$GATEWAY:3000/api/user/login"
            from_model -f -X "$1" -b /tmp/session ${3:+-d "$3"} "http://$GATEWAY:3000$2" ;;
    esac >/tmp/lab-gateway.log
    ! grep -q '"success":false' /tmp/lab-gateway.log || { cat /tmp/lab-gateway.log; return 1; }
}

# channel JSON-FIELDS: change the lab's channel, as deployed but for these fields; channel by itself: as deployed.
channel() {
    base='"type": 1, "name": "lab models", "key": "sk-lab"'
    case $STACK in
        g11*) gateway PUT /api/channel/1 "{$base, \"base_url\": \"http://lab-model:8080/v1\", \"models\": [\"gpt-4o-mini\",
            \"text-embedding-ada-002\"]${1:+, $1}}" ;;
        *) gateway PUT /api/channel/ "{\"id\": 1, $base, \"models\": \"gpt-4o-mini,text-embedding-ada-002\",
            \"model_mapping\": \"{}\"${1:+, $1}}" ;;
    esac
}

# redirect MODEL OTHER: the channel asks the server for another model than it is asked for.
redirect() {
    case $STACK in
        g11*) channel "\"model_mapping\": {\"$1\": \"$2\"}" ;;
        *) channel "\"model_mapping\": \"{\\\"$1\\\": \\\"$2\\\"}\"" ;;
    esac
}

# chat [JSON-FIELDS]: what a user's chat, and search: what a user's search in a knowledge base makes FastGPT do.
chat() {
    from_model -f -o /dev/null -d "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]${1:+, $1}}" \
        "http://$APP:3000/api/v1/chat/completions"
}

search() {
    from_model -f -o /dev/null -d '{"text": "hi"}' "http://$APP:3000/api/core/dataset/searchTest"
}

# set_model MODEL JSON-FIELDS: change a model's settings as root does on FastGPT's page; from 4.8.20 on.
set_model() {
    api="http://$APP:3000/api"
    password=$(docker exec "$APP" sh -c 'printf %s "$DEFAULT_ROOT_PSW"' | sha256sum | cut -d' ' -f1)
    code=$(from_model -f "$api/support/user/account/preLogin?username=root" | sed 's/.*"code":"\(\w*\)".*/\1/')
    token=$(from_model -f -d "{\"username\": \"root\", \"password\": \"$password\", \"code\": \"$code\"}" \
        "$api/support/user/account/loginByPassword" | sed 's/.*"token":"\(\w*\)".*/\1/')
    from_model -f -o /dev/null -X PUT -H "token: $token" -d "{\"model\": \"$1\", \"metadata\": {$2}}" \
        "$api/core/ai/model/update"
}

# app_started: wait until FastGPT, which makes user and tables that are missing when it starts, is through with it.
app_started() {
    wait_for 60 sh -c "docker logs --since $(docker inspect -f '{{.State.StartedAt}}' "$APP") $APP 2>&1 |
        grep -qE 'init pg successful|vector initialization completed'"
}

# restart_until CONTAINER SECONDS PATTERN: restart a container and wait until it says so in its new run; its log keeps
# the former runs.
restart_until() {
    since=$(date +%s)
    docker restart "$1" >/dev/null
    wait_for "$2" sh -c "docker logs --since $since $1 2>&1 | grep -q '$3'"
}
