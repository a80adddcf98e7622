# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments to plan for, shaped as the generations of upstream's file: services, names, variables, forms."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import Tokeniser
from ansible_collections.fastgpt.ops.plugins.plugin_utils.model import Deployment
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import plan as form
from ansible_collections.fastgpt.ops.plugins.plugin_utils.upgrade import planner

LAB = pathlib.Path(__file__).parents[5] / "lab" / "stacks"
PATH = "/opt/fastgpt/docker-compose.yml"

PG = """\
  pg:
    image: {pg}
    container_name: pg
    networks: [fastgpt]
    environment: [POSTGRES_USER=username, POSTGRES_PASSWORD=password, POSTGRES_DB=postgres]
    volumes: ['./pg/data:/var/lib/postgresql/data']
"""
MONGO = """\
  mongo:
    image: {mongo}
    container_name: mongo
    networks: [fastgpt]
    command: mongod --keyFile /data/mongodb.key --replSet rs0
    environment: [MONGO_INITDB_ROOT_USERNAME=myusername, MONGO_INITDB_ROOT_PASSWORD=mypassword]
    volumes: ['./mongo/data:/data/db']
"""
STANDALONE = MONGO.replace("    command: mongod --keyFile /data/mongodb.key --replSet rs0\n", "")
SANDBOX = """\
  sandbox:
    image: {sandbox}
    container_name: sandbox
    networks: [fastgpt]
"""
ONEAPI = """\
  mysql:
    image: mysql:8.0.36
    networks: [fastgpt]
    environment: {MYSQL_ROOT_PASSWORD: oneapimmysql, MYSQL_DATABASE: oneapi}
    volumes: ['./mysql:/var/lib/mysql']
  oneapi:
    image: ghcr.io/songquanpeng/one-api:v0.6.7
    networks: [fastgpt]
    environment: ['SQL_DSN=root:oneapimmysql@tcp(mysql:3306)/oneapi', SESSION_SECRET=oneapikey]
"""
AIPROXY = """\
  aiproxy:
    image: {aiproxy}
    networks: [fastgpt]
    environment: [ADMIN_KEY=aiproxy, 'SQL_DSN=postgres://postgres:aiproxy@aiproxy_pg:5432/aiproxy']
  aiproxy_pg:
    image: pgvector/pgvector:0.8.0-pg15
    networks: [fastgpt]
    environment: {{POSTGRES_USER: postgres, POSTGRES_DB: aiproxy, POSTGRES_PASSWORD: aiproxy}}
    volumes: ['./aiproxy_pg:/var/lib/postgresql/data']
"""
REDIS = """\
  redis:
    image: redis:7.2-alpine
    networks: [fastgpt]
    command: redis-server --requirepass mypassword
    volumes: ['./redis/data:/data']
"""
MINIO = """\
  fastgpt-minio:
    image: minio/minio:RELEASE.2025-09-07T16-13-09Z
    networks: [fastgpt]
    ports: ['9000:9000']
    environment: [MINIO_ROOT_USER=minioadmin, MINIO_ROOT_PASSWORD=minio-Admin1]
    volumes: ['./fastgpt-minio:/data']
"""
PLUGIN = """\
  fastgpt-plugin:
    image: {plugin}
    networks: [fastgpt]
    environment:
"""
APP = """\
  fastgpt:
    image: {app}
    container_name: fastgpt
    ports: ['3000:3000']
    networks: [fastgpt]
    environment:
      - DEFAULT_ROOT_PSW=1234
      - TOKEN_KEY=any
      - ROOT_KEY=root_key
      - FILE_TOKEN_KEY=filetoken
      - MONGODB_URI=mongodb://myusername:mypassword@mongo:27017/fastgpt?authSource=admin
      - PG_URL=postgresql://username:password@pg:5432/postgres
"""
S3 = (
    ("S3_EXTERNAL_BASE_URL", "http://192.168.0.2:9000"),
    ("S3_ENDPOINT", "fastgpt-minio"),
    ("S3_PORT", "9000"),
    ("S3_USE_SSL", "false"),
    ("S3_ACCESS_KEY", "minioadmin"),
    ("S3_SECRET_KEY", "minio-Admin1"),
    ("S3_PUBLIC_BUCKET", "fastgpt-public"),
    ("S3_PRIVATE_BUCKET", "fastgpt-private"),
)
MINIO_ENV = (
    ("AUTH_TOKEN", "plugin-token-1"),
    ("MINIO_CUSTOM_ENDPOINT", "http://192.168.0.2:9000/fastgpt-plugins"),
    ("MINIO_ENDPOINT", "fastgpt-minio"),
    ("MINIO_PORT", "9000"),
    ("MINIO_USE_SSL", "false"),
    ("MINIO_ACCESS_KEY", "minioadmin"),
    ("MINIO_SECRET_KEY", "minio-Admin1"),
    ("MINIO_BUCKET", "fastgpt-plugins"),
)
TEMPLATES = {
    "app": "ghcr.io/labring/fastgpt:{}",
    "sandbox": "ghcr.io/labring/fastgpt-sandbox:{}",
    "plugin": "ghcr.io/labring/fastgpt-plugin:{}",
    "aiproxy": "ghcr.io/labring/aiproxy:{}",
    "pg": "{}",
    "mongo": "mongo:{}",
}


def listed(pairs: t.Iterable[tuple[str, str]]) -> str:
    """Write variables as a list of ``environment``."""
    return "".join(f"      - {name}={value}\n" for name, value in pairs)


def stack(*parts: str, env: t.Iterable[tuple[str, str]] = (), **tags: str) -> str:
    """Put a compose file together: the main service first, its variables, then the other services."""
    images = {name: TEMPLATES[name].format(tag) for name, tag in tags.items()}
    rest = "".join(part.format(**images) if "{" in part and part is not ONEAPI else part for part in parts)
    return "services:\n" + APP.format(**images) + listed(env) + rest + "networks:\n  fastgpt:\n"


def deployment(text: str, **more: t.Any) -> Deployment:
    """Make the model of a host with that compose file, secrets replaced as a collector does."""
    tokeniser = Tokeniser("salt")
    tokeniser.learn_text(text, lines=True)
    return Deployment(
        {
            "source": "live",
            "host": {"cpu": {"count": 2, "flags": ["avx"]}, "listeners": []},
            "projects": [{"name": "fastgpt", "directory": "/opt/fastgpt", "config_files": [PATH]}],
            "files": [{"path": PATH, "role": "compose", "kind": "file", "text": tokeniser.text(text, lines=True)}],
            "secret_facts": tokeniser.facts,
            **more,
        }
    )


def planned(text: str, target: str, more: dict[str, t.Any] | None = None, **wishes: t.Any) -> form.Plan:
    """Plan for a host with that compose file; the plan fits its schema."""
    plan = planner.plan_host(deployment(text, **(more or {})), "web1", planner.Wishes(target, **wishes))
    form.validate(form.assemble("20260301T120000Z-4f2a", [plan]))
    return plan


def versions(plan: form.Plan) -> list[str]:
    return [hop.version for hop in plan.hops]


def paths(plan: form.Plan) -> list[str]:
    """Give the calls of a plan in order."""
    return [call.path.rpartition("/")[2] for hop in plan.hops for call in hop.scripts]


def images(hop: form.Hop) -> dict[str, str]:
    """Give what each service's image becomes, by its last part."""
    return {change.service: change.after for change in hop.images}


def env(hop: form.Hop, service: str) -> dict[str, str]:
    """Give a hop's changes of a service's variables in one word each."""
    words = {"set": "= {0.value}", "rename": "<- {0.old}", "remove": "-"}
    return {change.name: words[change.action].format(change) for change in hop.env if change.service == service}
