#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: data_folder
short_description: Give a data folder to the user its server runs as
version_added: 0.1.0
description:
  - Changes the owner of everything in a folder that a container keeps its data in, and the folder's own mode. Contents
    and the modes of files in it stay as they are; symbolic links are not followed; nothing is ever removed.
  - It refuses while a running container has the folder mounted, because a server must not run while its files change
    hands, and refuses folders of the system.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  path:
    description: The folder on the host.
    type: path
    required: true
  container:
    description:
      - The container, stopped, that keeps its data there. Its image says which numbers the user has, for example V(999)
        for C(postgres) in Debian images and V(70) in Alpine ones.
    type: str
    required: true
  user:
    description:
      - Name or number of the user in the container that is to own the folder. A user that the container itself was
        told to run as (C(user) in the compose file) comes before it.
    type: str
    required: true
  mode:
    description: Mode of the folder itself, such as V("0700"). It stays where it is not given.
    type: str
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says how many files would change hands, and changes none.
  diff_mode:
    support: full
    description: Shows owner and mode of the folder, and how many files in it are of others, before and after.
"""

EXAMPLES = r"""
- name: Let PostgreSQL have its data folder
  fastgpt.ops.data_folder:
    path: /opt/fastgpt/pg/data
    container: pg
    user: postgres
    mode: "0700"

- name: Let mongod have its data folder
  fastgpt.ops.data_folder:
    path: /opt/fastgpt/mongo/data
    container: mongo
    user: mongodb
"""

RETURN = r"""
owner:
  description: Numbers of the user and group that own the folder now.
  type: str
  returned: always
  sample: "999:999"
files:
  description: How many files and folders changed hands.
  type: int
  returned: always
  sample: 1204
run_id:
  description: The run under which the changes are written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import io
import os
import tarfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError, inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._files import file_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JOURNALLED,
    Journal,
    JournalError,
    Lock,
    RefusedError,
    run_id_or_manual,
    set_attributes,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._owners import foreign, hand_over
from ansible_collections.fastgpt.ops.plugins.module_utils._run import run

Json = t.Dict[str, t.Any]

_TIMEOUT = 30.0
_SYSTEM = frozenset(
    "/bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var "
    "/usr/local /var/lib /var/lib/docker /var/lib/docker/volumes".split()
)


def check_folder(path: str) -> None:
    """Refuse what is no data folder.

    :raises RefusedError: it is missing, no folder, or one of the system's
    """
    real = os.path.realpath(path)
    kind = file_facts(real, "bind")["kind"]
    if kind != "directory":
        raise RefusedError(f"{path} is {'missing' if kind == 'missing' else 'no folder'}; a data folder is wanted")
    if real == "/" or real in _SYSTEM:
        raise RefusedError(f"{path} is a folder of the system, not the data folder of a container")


def users_of(container: str) -> dict[str, tuple[int, int]]:
    """Give the users a container's image knows, with their numbers; read off the container, running or not.

    :raises RefusedError: the container has no readable /etc/passwd
    """
    result = run(["docker", "cp", "-L", f"{container}:/etc/passwd", "-"], _TIMEOUT)
    try:
        with tarfile.open(fileobj=io.BytesIO(result.out)) as archive:
            member = archive.extractfile(archive.next() or "passwd")
            text = member.read().decode("utf-8", "replace") if member else ""
    except (tarfile.TarError, KeyError) as error:
        raise RefusedError(f"the users of container {container} cannot be read: {result.error or error}") from error
    rows = (line.split(":") for line in text.splitlines())
    return {row[0]: (int(row[2]), int(row[3])) for row in rows if len(row) > 3 and (row[2] + row[3]).isdigit()}


def owner_of(words: str, users: t.Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Turn ``postgres``, ``999`` or ``999:999`` into numbers.

    :raises RefusedError: the container has no user of that name
    """
    user, _colon, group = words.partition(":")
    by_number = {str(uid): (uid, gid) for uid, gid in users.values()}
    known = users.get(user) or by_number.get(user)
    if not known and not user.isdigit():
        raise RefusedError(f"the container has no user {user}; it has {', '.join(users)}")
    uid, gid = known or (int(user), int(user))
    return uid, int(group) if group.isdigit() else gid


def running_on(path: str) -> list[str]:
    """Name the running containers that have the folder, or something in it, mounted."""
    real = os.path.realpath(path)
    names = []
    for item in inspect(run(["docker", "ps", "-q", "--no-trunc"], _TIMEOUT).text.split()):
        sources = [os.path.realpath(str(mount.get("Source") or "/")) for mount in item.get("Mounts") or []]
        if any(source == real or source.startswith(real + "/") for source in sources):
            names.append(str(item.get("Name", "")).lstrip("/"))
    return names


def wanted_owner(container: str, user: str) -> tuple[int, int]:
    """Give the numbers of the user the folder is for.

    :raises RefusedError: there is no such container or user, or it is root, whom no owner keeps out
    """
    found = inspect([container])
    if not found:
        raise RefusedError(f"there is no container {container}")
    told = str((found[0].get("Config") or {}).get("User") or "")
    as_root = told.partition(":")[0] in ("", "0", "root")  # then the image's start script goes on as its own user
    uid, gid = owner_of(user if as_root else told, users_of(container))
    if uid == 0:
        raise RefusedError(f"{container} runs as root, whom no owner keeps out: the cause is another one")
    return uid, gid


def work(module: AnsibleModule) -> Json:
    """Compare, change where something is to change, and give the result.

    :raises RefusedError, JournalError, ComposeError, OSError: it cannot be done
    """
    path, mode = module.params["path"], module.params["mode"]
    check_folder(path)
    uid, gid = wanted_owner(module.params["container"], module.params["user"])
    items = foreign(path, uid, gid)
    facts = file_facts(path, "bind")
    wanted_mode = mode or facts["mode"]
    before = {"owner": f"{facts['uid']}:{facts['gid']}", "mode": facts["mode"], "files of others": len(items)}
    after = {"owner": f"{uid}:{gid}", "mode": wanted_mode, "files of others": 0}
    result: Json = {
        "changed": before != after,
        "owner": f"{uid}:{gid}",
        "files": len(items),
        "diff": {"before_header": path, "after_header": path, "before": before, "after": after},
    }
    if not result["changed"]:
        return result
    result["run_id"] = run_id_or_manual(module.params["run_id"])
    if module.check_mode:
        return result
    names = running_on(path)
    if names:
        raise RefusedError(f"{path} is in use by {', '.join(names)}; stop it first")
    journal, why = Journal(), module.params["finding"]
    if items:
        with Lock().kept(result["run_id"]):
            hand_over(journal, result["run_id"], why, path, items, uid, gid, module.params["container"])
    if wanted_mode != facts["mode"]:
        set_attributes(journal, result["run_id"], why, path, int(wanted_mode, 8), uid, gid)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "container": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "mode": {"type": "str"},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except (RefusedError, JournalError, ComposeError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
