# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""FastGPT's vector table in PostgreSQL; errors in the words of the npm package pg."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import psycopg2

DIMENSIONS = 1536

# One query, as FastGPT sends it: either the extension and the table are there afterwards, or neither.
_SCHEMA = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS modeldata (
    id BIGSERIAL PRIMARY KEY,
    vector VECTOR({DIMENSIONS}) NOT NULL,
    team_id VARCHAR(50) NOT NULL,
    dataset_id VARCHAR(50) NOT NULL,
    collection_id VARCHAR(50) NOT NULL,
    createtime TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS vector_index ON modeldata
    USING hnsw (vector vector_ip_ops) WITH (m = 32, ef_construction = 128);
"""


class VectorError(Exception):
    """PostgreSQL or the way to it failed."""


class Vectors:
    """The database in PG_URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def connect(self) -> None:
        """Raise VectorError when the server cannot be used at all."""
        self._run("SELECT 1")

    def create_schema(self) -> None:
        """Make the extension, the table and its index; raise VectorError."""
        self._run(_SCHEMA)

    def search(self, vector: Sequence[float], limit: int = 5) -> list[tuple[object, ...]]:
        """Return the nearest rows; raise VectorError."""
        padded = [*vector[:DIMENSIONS], *[0.0] * (DIMENSIONS - len(vector))]
        return self._run(
            "SELECT id, collection_id, vector <#> %s::vector FROM modeldata ORDER BY 3 LIMIT %s", (str(padded), limit)
        )

    def spoil(self) -> None:
        """Leave the rows as a migration that died half-way would; raise VectorError."""
        self._run("UPDATE modeldata SET collection_id = 'half-way' WHERE id % 2 = 0")

    def _run(self, statement: str, arguments: tuple[object, ...] | None = None) -> list[tuple[object, ...]]:
        try:
            connection = psycopg2.connect(self._url, connect_timeout=5)
        except psycopg2.OperationalError as error:
            raise VectorError(self._connect_failure(str(error))) from error
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, arguments)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            raise VectorError(f"error: {error.diag.message_primary or error}") from error
        finally:
            connection.close()

    def _connect_failure(self, text: str) -> str:
        url = urlsplit(self._url)
        host, port = url.hostname or "localhost", url.port or 5432
        if "could not translate host name" in text:
            return f"Error: getaddrinfo ENOTFOUND {host}"
        if "refused" in text:
            return f"Error: connect ECONNREFUSED {_address(host)}:{port}"
        for line in text.splitlines():
            if "FATAL:" in line:
                return "error: " + line.split("FATAL:", 1)[1].strip()
        return "Error: timeout expired"


def _address(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host
