# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Print the models that FastGPT keeps in MongoDB, a line a switch; runs on a lab host. Up to 4.8.19 there are none."""

from __future__ import annotations

import json
import subprocess

APP = "fastgpt-app"
CONTAINERS = ("fastgpt-mongo", "mongo")
COMMAND = """mongo --quiet -u "$MONGO_INITDB_ROOT_USERNAME" -p "$MONGO_INITDB_ROOT_PASSWORD" \
--authenticationDatabase admin fastgpt --eval "$1" """
SCRIPT = "print(JSON.stringify(db.system_models.find().toArray()))"


def main() -> None:
    running = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], check=True, capture_output=True, text=True)
    for container in set(CONTAINERS) & set(running.stdout.split()):
        argv = ["docker", "exec", container, "sh", "-c", COMMAND, "sh", SCRIPT]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        for item in sorted(json.loads(said), key=lambda item: str(item["model"])):
            for name, value in sorted(item["metadata"].items()):
                print(f"file {APP}: model {item['model']}\t{name}: {json.dumps(value)}")


main()
