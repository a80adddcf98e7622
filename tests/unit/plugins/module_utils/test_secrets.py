# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse

import pytest
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import TOKEN, Tokeniser, is_secret_name

SECRET = "Zq7vPlanted9x"


def tokeniser() -> Tokeniser:
    return Tokeniser("salt of the test")


@pytest.mark.parametrize(
    "line",
    [
        "MONGO_INITDB_ROOT_PASSWORD={}",
        "      - MONGO_INITDB_ROOT_PASSWORD={}",
        "      # - CHAT_API_KEY={}",
        "  DEFAULT_ROOT_PSW: {}",
        "  DEFAULT_ROOT_PSW: '{}' # change it",
        "export AIPROXY_API_TOKEN={}",
        "MAILE_CODE={}",
        '"password": "{}",',
        '{{"a":1,"requestAuth":"{}","b":2}}',
        "{{ username: 'root', password: '{}' }}",
        r"{{\"password\":\"{}\"}}",
        "root user init: {{ username: 'root', password: '{}' }}",
        "mongodb://myusername:{}@mongo:27017/fastgpt?authSource=admin",
        "failed to connect to redis://:{}@redis:6379/0, retrying",
        "SQL_DSN=root:{}@tcp(mysql:3306)/oneapi",
        "dsn: host=pg user=x password={} dbname=y",
        "Authorization: Bearer {}",
        "authorization: {}",
        "'Authorization': 'Basic {}'",
        "GET /v1/models?key={}&x=1",
        "rootkey: {}",
        "Incorrect API key provided: sk-{}. You can find your API key at",
        "invalid char in key file /data/mongodb.key: {}",
        "line 19: 581 Illegal instruction mongo -u myusername -p {} --authenticationDatabase admin",
        'test: ["CMD", "mongo", "-u", "u", "-p", "{}", "--eval", "1"]',
        "command: redis-server --requirepass {}",
        "redis-cli -a {} ping",
        "mysql -uroot -p{} oneapi",
        "-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----",
        "token = eyJhbGciOiJI{0}.eyJzdWIiOiIx{0}.sig{0}",
    ],
)
def test_a_secret_is_known_by_its_form(line: str) -> None:
    told = tokeniser().text(line.format(SECRET), lines=True)
    assert SECRET not in told
    assert TOKEN.search(told)


@pytest.mark.parametrize(
    "line",
    [
        "password authentication failed for user \"username\"",
        '"maxToken": 16000,',
        "quoteMaxToken: 120000",
        "prompt_tokens: 12, completion_tokens: 30",
        "mongod --keyFile /data/mongodb.key --replSet rs0",
        "permissions on /data/mongodb.key are too open",
        "error reading file: /data/mongodb.key: yaml-cpp: error at line 1",
        "      - ./mongodb.key:/data/mongodb.key",
        "      - mongo-key:/data/key",
        "E11000 duplicate key error collection: fastgpt.users index: username_1 dup key: { username: \"root\" }",
        "CHAT_API_KEY=${CHAT_API_KEY}",
        "POSTGRES_PASSWORD_FILE=/run/secrets/pg",
        "http://oneapi:3000/v1/@x",
        "INVOKE_TOKEN_SECRET: Required",
        '"secret": null',
        "no access token provided",
        "NODE_AUTH_TOKEN=",
        "MAX_TOKENS=4096",
        "mkdir -p /data/db",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_stays(line: str) -> None:
    assert tokeniser().text(line, lines=True) == line


def test_equal_values_have_equal_tokens_and_the_salt_counts() -> None:
    one, other = tokeniser(), Tokeniser("another")
    assert one.token("a") == one.token("a") != one.token("b")
    assert one.token("a") != other.token("a")


def test_the_password_in_a_url_has_the_token_of_the_plain_one() -> None:
    tokens = tokeniser()
    url = tokens.text("mongodb://u:" + urllib.parse.quote("p@ss/w0rd#1", safe="") + "@mongo:27017/fastgpt")
    assert url == f"mongodb://u:{tokens.token('p@ss/w0rd#1')}@mongo:27017/fastgpt"
    assert tokens.facts[tokens.token("p@ss/w0rd#1")] == {"length": 11, "special": "#/@", "percent_encoded": True}


@pytest.mark.parametrize("password", ["p@ssw0rd1", "pa/ss1234", "pa#ss1234", "pa?ss1234", "a:b:c1234", "x@y/z#1234"])
def test_unescaped_characters_in_a_url_are_covered_and_told(password: str) -> None:
    tokens = tokeniser()
    told = tokens.text(f"PG_URL=postgresql://username:{password}@pg:5432/postgres")
    assert told == f"PG_URL=postgresql://username:{tokens.token(password)}@pg:5432/postgres"
    assert set(tokens.facts[tokens.token(password)]["url_unsafe"]) <= set(password)


@pytest.mark.parametrize(
    "encode",
    [
        lambda value: value,
        lambda value: urllib.parse.quote(value, safe=""),
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: json.dumps(value)[1:-1],
    ],
    ids=["plain", "percent", "base64", "json"],
)
def test_a_learned_secret_is_found_wherever_it_stands(encode: object) -> None:
    tokens = tokeniser()
    secret = 'odd"one/with=chars'
    token = tokens.learn(secret)
    written = encode(secret)  # type: ignore[operator]
    assert tokens.text(f"something {written} else") == f"something {token} else"


def test_template_words_stay_readable_outside_their_own_field() -> None:
    tokens = tokeniser()
    assert tokens.env({"POSTGRES_PASSWORD": "password"})["POSTGRES_PASSWORD"] == tokens.token("password")
    assert tokens.text("password authentication failed") == "password authentication failed"
    assert tokens.facts[tokens.token("password")]["default"]


def test_short_secrets_are_replaced_in_their_own_field_only() -> None:
    tokens = tokeniser()
    assert TOKEN.fullmatch(tokens.env({"DEFAULT_ROOT_PSW": "1234"})["DEFAULT_ROOT_PSW"] or "")
    assert tokens.text("port 12345") == "port 12345"


def test_names_of_this_host_stay_readable() -> None:
    tokens = Tokeniser("s", names=["myproject"])
    tokens.learn("myproject")
    assert tokens.text("network myproject_default") == "network myproject_default"


def test_quotes_and_blanks_around_a_value_are_told() -> None:
    tokens = tokeniser()
    told = tokens.env({"CHAT_API_KEY": '"sk-Quoted12345"', "ROOT_KEY": " blank12345"})
    facts = {name: tokens.facts[TOKEN.search(value or "")[0]] for name, value in told.items()}  # type: ignore[index]
    assert facts["CHAT_API_KEY"]["quoted"]
    assert facts["CHAT_API_KEY"]["prefix"] == "sk-"
    assert facts["ROOT_KEY"]["blanks"]


def test_words_after_a_password_option() -> None:
    told = tokeniser().argv(["redis-server", "--requirepass", SECRET, "--appendonly", "yes"])
    assert told[2] != SECRET
    assert told[3:] == ["--appendonly", "yes"]


def test_a_tree_is_told_by_its_names_and_keeps_its_shape() -> None:
    tokens = tokeniser()
    tree = {
        "services": {
            "pg": {"environment": {"POSTGRES_PASSWORD": SECRET, "POSTGRES_DB": "x"}, "ports": [{"target": 5432}]}
        }
    }
    told = tokens.tree(tree)["services"]["pg"]
    assert told == {
        "environment": {"POSTGRES_PASSWORD": tokens.token(SECRET), "POSTGRES_DB": "x"},
        "ports": [{"target": 5432}],
    }


def test_what_was_learned_late_is_replaced_in_what_came_before() -> None:
    tokens = tokeniser()
    before = tokens.text(f"the word {SECRET} says nothing here")
    tokens.learn_env({"SOME_TOKEN": SECRET})
    assert tokens.known({"log": [before]}) == {"log": [f"the word {tokens.token(SECRET)} says nothing here"]}


def test_a_generated_value_under_an_unknown_name_is_a_secret() -> None:
    told = tokeniser().env({"SOMETHING": "aB3dE5fG7hI9jK1lM3nO5p", "LOG_LEVEL": "info"})
    assert TOKEN.fullmatch(told["SOMETHING"] or "")
    assert told["LOG_LEVEL"] == "info"


def test_tokens_are_never_tokenised_again() -> None:
    tokens = tokeniser()
    once = tokens.text(f"MY_SECRET={SECRET}\nurl: redis://:{SECRET}@h:1", lines=True)
    assert tokens.text(once, lines=True) == once
    assert Tokeniser("other salt").text(once, lines=True) == once


@pytest.mark.parametrize("seed", range(40))
def test_a_planted_secret_is_nowhere(seed: int) -> None:
    """Whatever characters it has: known from one variable, it is gone from every text, in every usual writing."""
    chance = random.Random(seed)  # noqa: S311 - a test that can be run again
    letters = string.ascii_letters + string.digits + "!#$%&*+,-./:;=?@^_|~"
    secret = "".join(chance.choice(string.ascii_letters) for _ in range(2)) + "".join(
        chance.choice(letters) for _ in range(chance.randint(6, 30))
    )
    tokens = tokeniser()
    tokens.learn_env({chance.choice(["ROOT_KEY", "S3_SECRET", "DB_PASSWORD", "PLUGIN_TOKEN"]): secret})
    text = "\n".join(
        [
            f"- KEY={secret}",
            f"x {secret} y",
            json.dumps({"z": secret}),
            f"mongodb://u:{urllib.parse.quote(secret, safe='')}@h:1/d",
            base64.b64encode(secret.encode()).decode(),
        ]
    )
    told = tokens.text(text, lines=True)
    for form in (secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")):
        assert form not in told


@pytest.mark.parametrize(
    ("name", "number", "secret"),
    [
        ("TOKEN_KEY", True, True),
        ("ROOT_KEY", False, True),
        ("OPENAIKEY", False, True),
        ("DEFAULT_ROOT_PSW", True, True),
        ("maxToken", True, False),
        ("defaultToken", True, False),
        ("tokenWorkers", True, False),
        ("SMTP_PASS", False, True),
        ("COMPASS", False, True),
        ("keyFile", False, False),
        ("LOG_LEVEL", False, False),
        ("AWS_ACCESS_KEY_ID", False, True),
        ("PATH", False, False),
    ],
)
def test_names_of_secrets(name: str, number: bool, secret: bool) -> None:
    assert is_secret_name(name, number) is secret
