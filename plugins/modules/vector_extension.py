#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vector_extension
short_description: Create or update the extension vector in FastGPT's database
version_added: 0.1.0
description:
  - Creates pgvector's extension in a database, or brings it up to the version of the server's files, as a superuser of
    that server. The server runs in a container or on the host itself.
  - FastGPT makes its own table when it starts; this module never makes, changes or fills one.
  - An extension that was created here is dropped again by C(playbooks/rollback.yml), never with what depends on it.
    Only FastGPT's table C(modeldata) goes with it, and only while that is empty. An update has no way back.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  container:
    description: The server's container. Without it the server is one of this host.
    type: str
  app:
    description: FastGPT's container, whose C(PG_URL) names the database.
    type: str
  database:
    description: The database, where O(app) is not given or another one is meant.
    type: str
  port:
    description: Port of a server on this host.
    type: int
    default: 5432
  os_user:
    description: The user of this host whom such a server trusts as its superuser.
    type: str
    default: postgres
  version:
    description:
      - The oldest version of the server's files that will do. With older ones the module fails.
      - Check mode takes it for the version an image or package will bring that is put in place before this.
    type: str
  wait:
    description: Seconds to wait until the server answers.
    type: float
    default: 60
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says which version the extension would have, and changes nothing.
  diff_mode:
    support: full
    description: Shows the extension's version before and after.
requirements:
  - C(psql) where the server is
"""

EXAMPLES = r"""
- name: Create or update the extension in FastGPT's database
  fastgpt.ops.vector_extension:
    container: pg
    app: fastgpt

- name: Do so on a server of this host
  fastgpt.ops.vector_extension:
    database: postgres
    port: 5433
    version: "0.8"
"""

RETURN = r"""
installed:
  description: Version of the extension in the database; none where there is no extension.
  type: str
  returned: always
  sample: 0.8.0
available:
  description: Version that the server's files have; none where it has no such files.
  type: str
  returned: always
  sample: 0.8.0
major:
  description: The server's major version.
  type: int
  returned: always
  sample: 15
modeldata:
  description: Whether FastGPT's table is there.
  type: bool
  returned: always
package:
  description: The package that brings the files for a server of this host; none where it is not known.
  type: str
  returned: without O(container)
  sample: postgresql-15-pgvector
candidate:
  description: The version of that package that could be installed, on Debian and its relatives.
  type: str
  returned: without O(container)
  sample: 0.8.0
run_id:
  description: The run under which the change is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError, inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._files import read_text
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    DONE,
    JOURNALLED,
    Journal,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._net import parse_addresses
from ansible_collections.fastgpt.ops.plugins.module_utils._postgres import (
    Facts,
    PostgresError,
    Server,
    candidate_of,
    os_names,
    package_of,
    version_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

Json = t.Dict[str, t.Any]

_TIMEOUT = 30.0
CREATE = "CREATE EXTENSION vector"
UPDATE = "ALTER EXTENSION vector UPDATE"
DROP = """
SET lock_timeout = '20s';
DO $$ BEGIN
  IF to_regclass('modeldata') IS NOT NULL THEN
    LOCK TABLE modeldata IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM modeldata) THEN
      RAISE EXCEPTION 'table modeldata holds rows by now: the extension stays';
    END IF;
    DROP TABLE modeldata;
  END IF;
  DROP EXTENSION IF EXISTS vector;
END $$;
"""
"""Takes the creation back, and with it the table that FastGPT made since where nothing is in it."""
NO_WAY_BACK = "an update of the extension vector has no way back; older files of pgvector go on working with it"


def database_of(params: t.Mapping[str, t.Any]) -> str:
    """Give the database's name: as told, as FastGPT's container has it, or as the server's container made it.

    :raises PostgresError: nothing names it
    """
    if params["database"]:
        return str(params["database"])
    app = _environment(params["app"])
    for address in parse_addresses(app.get("PG_URL", ""))[:1]:
        if address.database:
            return address.database
    own = _environment(params["container"])
    found = app.get("PG_DB_NAME") or own.get("POSTGRES_DB") or own.get("POSTGRES_USER")
    if not found:
        raise PostgresError("which database? neither 'database' nor an 'app' with PG_URL was given")
    return found


def _environment(container: str | None) -> dict[str, str]:
    if not container:
        return {}
    found = inspect([container])
    if not found:
        raise PostgresError(f"there is no container {container}")
    return t.cast("dict[str, str]", container_from_inspect(found[0])["env"])


def package_facts(facts: Facts) -> Json:
    """Name the package that brings the files to a server of this host, and what of it could be installed."""
    try:
        names = os_names(read_text("/etc/os-release"))
    except OSError:
        names = []
    package = package_of(names, facts.major, facts.share)
    policy = (
        run(["apt-cache", "policy", package], _TIMEOUT).text if package and package.startswith("postgresql-") else ""
    )
    return {"package": package, "candidate": candidate_of(policy)}


def target_of(facts: Facts, coming: str | None) -> str | None:
    """Give the version the extension is to have; it never goes back.

    :param coming: what check mode expects of files that are not there yet
    """
    available = facts.available
    if coming and (available is None or version_of(available) < version_of(coming)):
        available = coming
    newest = facts.installed and version_of(facts.installed) >= version_of(available)
    return facts.installed if newest else available


def apply(module: AnsibleModule, server: Server, facts: Facts, target: str, run_id: str) -> None:
    """Create or update, written down before; what a superuser says in between is in one transaction."""
    created = facts.installed is None
    undo: Json = {"argv": server.command(DROP)} if created else {"reason": NO_WAY_BACK}
    journal = Journal()
    before = None if created else f"vector {facts.installed}"
    change = journal.plan(
        run_id, module.params["finding"], "statement", server.name, before, f"vector {target}", undo=undo
    )
    server.tell(CREATE if created else UPDATE)
    journal.mark(change, DONE)


def work(module: AnsibleModule) -> Json:
    """Compare, change where something is to change, and give the result.

    :raises PostgresError: the server does not answer, refuses, or lacks the files
    """
    params = module.params
    server = Server(database_of(params), params["container"], params["port"], params["os_user"])
    facts = server.facts(params["wait"])
    result: Json = facts._asdict()
    if not params["container"]:
        result.update(package_facts(facts))
    coming = result.get("candidate") or params["version"] or "as packaged"
    target = target_of(facts, coming if module.check_mode else None)
    too_old = version_of(facts.available) < version_of(params["version"])
    if not module.check_mode and (facts.available is None or too_old):
        has = f"only the files of vector {facts.available}" if facts.available else "no files of the extension vector"
        wanted = f" {params['version']} or later" if params["version"] else ""
        raise PostgresError(f"PostgreSQL {facts.major} ({server.name}) has {has}; pgvector{wanted} is wanted")
    result["changed"] = target != facts.installed
    result["diff"] = {
        "before": f"vector {facts.installed or 'not created'}\n",
        "after": f"vector {target or 'not created'}\n",
        "before_header": f"database {server.database} of {server.name}",
        "after_header": f"database {server.database} of {server.name}",
    }
    if result["changed"]:
        result["run_id"] = run_id_or_manual(params["run_id"])
        if not module.check_mode:
            apply(module, server, facts, str(target), result["run_id"])
            result.update(server.facts()._asdict())
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str"},
            "app": {"type": "str"},
            "database": {"type": "str"},
            "port": {"type": "int", "default": 5432},
            "os_user": {"type": "str", "default": "postgres"},
            "version": {"type": "str"},
            "wait": {"type": "float", "default": 60},
            **JOURNALLED,
        },
        required_one_of=[("container", "app", "database")],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except (PostgresError, ComposeError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
