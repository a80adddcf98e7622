# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Print what the gateway's database holds of users, tokens and channels, a line a setting; runs on a lab host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

TABLES = {
    "user": ("users", "username", ("quota", "status")),
    "token": ("tokens", "name", ("remain_quota", "status", "expired_time", "models")),
    "channel": ("channels", "name", ("status", "models", "groups")),
}
CLIENTS = {
    "oneapi": ("mysql", 'mysql -N -r -u root -p"$MYSQL_ROOT_PASSWORD" oneapi -e "$1"'),
    "fastgpt-aiproxy": ("fastgpt-aiproxy-pg", 'psql -qAt -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "$1"'),
}


def client(container: str, command: str) -> Callable[[str], list[dict[str, Any]]]:
    """A function that runs a query, which gives one JSON object a row, in the database's container."""

    def rows(query: str) -> list[dict[str, Any]]:
        argv = ["docker", "exec", container, "sh", "-c", command, "sh", query]
        lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
        return [json.loads(line) for line in lines if line]

    return rows


def shown(name: str, value: Any) -> str:
    """A value as a plan writes it."""
    if name in ("models", "groups"):
        names = json.loads(value) if str(value).startswith("[") else str(value or "").split(",")
        return ", ".join(filter(None, names)) or "-"
    return str(value)


def oneapi(rows: Callable[[str], list[dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What One API has in MySQL."""
    for kind, (table, title, names) in TABLES.items():
        columns = ", ".join(f"'{name}', `{'group' if name == 'groups' else name}`" for name in names)
        query = f"SELECT JSON_OBJECT('id', id, 'title', `{title}`, {columns}) FROM {table}"  # noqa: S608 - from above
        for row in rows(query):
            yield kind, row


def aiproxy(rows: Callable[[str], list[dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What AI Proxy has in PostgreSQL."""
    for row in rows(
        "SELECT row_to_json(c) FROM (SELECT id, name AS title, status, models FROM channels ORDER BY id) c"
    ):
        yield "channel", row


def main() -> None:
    running = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True)
    for gateway, read in (("oneapi", oneapi), ("fastgpt-aiproxy", aiproxy)):
        if gateway in running.stdout.split():
            for kind, row in read(client(*CLIENTS[gateway])):
                for name in sorted(row.keys() - {"id", "title"}):
                    print(f"file {gateway}: {kind} {row['id']} ({row['title']})\t{name}: {shown(name, row[name])}")


main()
