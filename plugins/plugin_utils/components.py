# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a FastGPT deployment a container is: told by its image first, by its names second."""

from __future__ import annotations

import functools
import re
import typing as t

# Order matters: the first match wins. A database that belongs to a gateway is known by its name alone,
# because it runs the same image as FastGPT's own.
_BY_NAME_FIRST: tuple[tuple[str, str], ...] = (
    ("aiproxy-pg", r"ai-?proxy[-_]?(pg|postgres|db)"),
    ("opensandbox", r"open-?sandbox|volume-?manager"),
)
_BY_IMAGE: tuple[tuple[str, str], ...] = (
    ("sandbox", r"fastgpt-(code-)?sandbox"),
    ("plugin", r"fastgpt-plugin"),
    ("mcp", r"fastgpt-mcp"),
    ("opensandbox", r"opensandbox|fastgpt-agent"),
    ("app", r"(^|/)fast-?gpt(-pro)?(:|@|$)"),
    ("aiproxy", r"aiproxy"),
    ("oneapi", r"one-?api|new-?api"),
    ("mongo", r"(^|/)(mongo|mongodb|mongodb-community-server|percona-server-mongodb)(:|@|$)"),
    ("pg", r"pgvector|(^|/)postgres(ql)?(:|@|$)|postgresml|paradedb|tensorchord"),
    ("oneapi-db", r"(^|/)(mysql|mariadb|percona)(-server)?(:|@|$)"),
    ("redis", r"(^|/)(redis|valkey|keydb)(-stack.*)?(:|@|$)"),
    ("storage", r"minio|rustfs|garage|seaweedfs"),
    ("milvus", r"milvusdb/milvus|(^|/)milvus(:|@|$)"),
    ("milvus-etcd", r"etcd"),
    ("oceanbase", r"oceanbase|seekdb"),
    ("opengauss", r"opengauss"),
    ("model", r"ollama|xinference|xprobe|m3e|vllm|localai|bge-|chatglm|text-embeddings-inference|llama|lmdeploy"),
    ("proxy", r"(^|/)(nginx|caddy|traefik|openresty|haproxy)|nginx-proxy-manager"),
)
_BY_NAME: tuple[tuple[str, str], ...] = (
    ("sandbox", r"sandbox"),
    ("plugin", r"plugin"),
    ("mcp", r"mcp[-_]?server"),
    ("aiproxy", r"ai-?proxy"),
    ("oneapi", r"one-?api|new-?api"),
    ("mongo", r"mongo"),
    ("milvus-etcd", r"etcd"),
    ("storage", r"minio|(^|[-_])s3"),
    ("milvus", r"milvus"),
    ("pg", r"(^|[-_])(pg|postgres\w*|pgvector|vector-?db|vector)([-_\d]|$)"),
    ("oneapi-db", r"mysql|mariadb"),
    ("redis", r"redis"),
    ("oceanbase", r"oceanbase|seekdb|(^|[-_])ob($|[-_])"),
    ("opengauss", r"gauss"),
    ("model", r"ollama|xinference|m3e|vllm|chatglm|llama|embedding|rerank"),
    ("proxy", r"nginx|caddy|traefik|openresty|(^|[-_])proxy"),
    ("browser", r"browser|console|f12"),
    ("daemon", r"dockerd|docker-?daemon|compose"),
    ("app", r"fast-?gpt|(^|[-_])app($|[-_])"),
)


def _first(table: t.Iterable[tuple[str, str]], text: str) -> str | None:
    for component, pattern in table:
        if re.search(pattern, text, re.IGNORECASE):
            return component
    return None


@functools.lru_cache(maxsize=4096)
def component_of(image: str | None = None, *names: str | None) -> str | None:
    """Name the component a container is, or None where nothing tells.

    :param image: image reference, e.g. ``ghcr.io/labring/fastgpt:v4.8.11``
    :param names: service name, container name; the service first
    """
    known = [name for name in names if name]
    for name in known:
        if found := _first(_BY_NAME_FIRST, name):
            return found
    if image and (found := _first(_BY_IMAGE, image)):
        return found
    for name in known:
        if found := _first(_BY_NAME, name):
            return found
    return None
