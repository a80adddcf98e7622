#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keyfile
short_description: Make a MongoDB key file that mongod accepts
version_added: 0.1.0
description:
  - Makes the key file of a replica set where it is missing, and gives it the owner and mode mongod wants. The key of a
    file that is there is never changed, unless O(replace_invalid) is set.
  - A directory in its place, made by the Docker Engine because the file was missing when the container started, is
    removed only when it is empty.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  path:
    description: The key file on the host.
    type: path
    required: true
  uid:
    description:
      - Numeric owner. The official image runs mongod as V(999).
    type: int
    default: 999
  gid:
    description: Numeric group.
    type: int
    default: 999
  replace_invalid:
    description:
      - Make a new key in the place of one that mongod refuses (empty, longer than 1024 or shorter than 6 characters, or
        with characters outside base64). Right for a set of one member only, because all members share the key.
    type: bool
    default: false
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says what would change and changes nothing.
  diff_mode:
    support: full
    description: Shows kind, mode and owner before and after, never the key.
"""

EXAMPLES = r"""
- name: Give mongo a key file it can read
  fastgpt.ops.keyfile:
    path: /opt/fastgpt/mongodb.key
"""

RETURN = r"""
kind:
  description: What was there before; V(file), V(directory) or V(missing).
  type: str
  returned: always
  sample: directory
run_id:
  description: The run under which the changes are written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import base64
import os
import secrets
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._files import file_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JOURNALLED,
    Journal,
    create_file,
    remove_empty_directory,
    replace_file,
    run_id_or_manual,
    set_attributes,
)

MODE = 0o400
_KEY_BYTES = 756
"""What MongoDB's manual takes; 1008 characters in base64, of at most 1024."""


class Wanted(t.NamedTuple):
    """What has to be done to the file, in this order."""

    remove_directory: bool
    create: bool
    replace: bool
    attributes: bool


def work_out(facts: t.Mapping[str, t.Any], owner: tuple[int, int], replace_invalid: bool) -> Wanted:
    """Compare what is there with what mongod accepts.

    :param facts: of the file, as in docs/evidence.md
    """
    kind, key = facts["kind"], facts.get("key") or {}
    invalid = kind == "file" and not (key.get("valid") and 6 <= key.get("length", 0) <= 1024)
    loose = facts["mode"] is not None and int(facts["mode"], 8) & 0o077 != 0
    foreign = (facts["uid"], facts["gid"]) != owner
    return Wanted(
        remove_directory=kind == "directory",
        create=kind in ("directory", "missing"),
        replace=invalid and replace_invalid,
        attributes=kind == "file" and (loose or foreign),
    )


def new_key() -> bytes:
    """Make a key as ``openssl rand -base64 756`` does."""
    return base64.encodebytes(secrets.token_bytes(_KEY_BYTES))


def apply(module: AnsibleModule, wanted: Wanted, run_id: str) -> None:
    """Make the changes, each written down before it is made."""
    path, uid, gid = (module.params[key] for key in ("path", "uid", "gid"))
    journal, why = Journal(), module.params["finding"]
    if wanted.remove_directory:
        remove_empty_directory(journal, run_id, why, path)
    if wanted.create:
        create_file(journal, run_id, why, path, new_key(), MODE, uid, gid)
    if wanted.replace:
        replace_file(journal, run_id, why, path, new_key())
    if wanted.attributes:
        set_attributes(journal, run_id, why, path, MODE, uid, gid)


def check_kept(module: AnsibleModule, path: str, owner: tuple[int, int]) -> None:
    """Fail where the file system does not keep modes or owners, as those of Windows, macOS and many shares."""
    facts = file_facts(path, "keyfile")
    if work_out(facts, owner, False).attributes:
        module.fail_json(
            msg=f"{path} keeps mode {facts['mode']} and owner {facts['uid']}:{facts['gid']} whatever it is given: its"
            " file system does not keep them. Let MongoDB's start script make the key inside the container, as in"
            " FastGPT's own compose file, or use a named volume"
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "uid": {"type": "int", "default": 999},
            "gid": {"type": "int", "default": 999},
            "replace_invalid": {"type": "bool", "default": False},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    path, owner = module.params["path"], (module.params["uid"], module.params["gid"])
    facts = file_facts(path, "keyfile")
    if facts["kind"] == "other" or facts["error"]:
        module.fail_json(msg=f"{path} is no key file: {facts['error'] or 'neither a file nor a directory'}")
    if facts["kind"] == "directory" and facts["entries"]:
        module.fail_json(
            msg=f"{path} is a directory with {facts['entries']} entries, not a key file; it is left as it is"
        )
    if not os.path.isdir(os.path.dirname(path)):
        module.fail_json(msg=f"{os.path.dirname(path)}, the folder of the key file, is not there")
    wanted = work_out(facts, owner, module.params["replace_invalid"])
    before = {key: facts[key] for key in ("kind", "mode", "uid", "gid")}
    after = {"kind": "file", "mode": "0400", "uid": owner[0], "gid": owner[1]} if any(wanted) else before
    result: dict[str, t.Any] = {
        "changed": any(wanted),
        "kind": facts["kind"],
        "diff": {"before": before, "after": after},
    }
    if result["changed"]:
        result["run_id"] = run_id_or_manual(module.params["run_id"])
        if not module.check_mode:
            apply(module, wanted, result["run_id"])
            check_kept(module, path, owner)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
