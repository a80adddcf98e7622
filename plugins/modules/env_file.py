#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: env_file
short_description: Change variables of a .env file in place
version_added: 0.1.0
description:
  - Sets variables in a file of C(NAME=VALUE) lines, such as the C(.env) beside a compose file or one that C(env_file)
    names.
  - Only the line of the variable is touched, of several the last one, which is the one that counts. Its quotes, its
    comment, C(export), line ends and a byte order mark stay as they are; the file keeps its owner and mode.
  - It does not recreate containers.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  path:
    description: The file on the managed host.
    type: path
    required: true
  variables:
    description:
      - Variables the file is to have; others stay.
      - C(<given:NAME>) in a value stands for a value of O(values), C(<secret:9f2c1a>) for the secret with that token
        (with C(:percent) before the C(>) percent-encoded, as in a URL), C(<random:64>) for that many new random
        characters, given only to a variable that has no value. The host puts the values in.
    type: dict
    default: {}
  copies:
    description:
      - Variables the file is to have with the same value as another one of it; by the new name the name of the other
        one. Both stay.
    type: dict
    default: {}
  once:
    description: Do nothing where the run has changed the file for this finding already, or has just begun to.
    type: bool
    default: false
  values:
    description: Values by name for C(<given:NAME>). They go to the host and nowhere else.
    type: dict
    default: {}
  secrets_from:
    description: Other files of the host whose secrets C(<secret:9f2c1a>) may mean.
    type: list
    elements: path
    default: []
  salt:
    description: Secret of the run from which tokens are made. Needed where O(variables) has tokens.
    type: str
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Says what would change and changes nothing.
  diff_mode:
    support: full
    description: Shows the lines; secret values are tokens.
"""

EXAMPLES = r"""
- name: Tell FastGPT the address under which others reach it
  fastgpt.ops.env_file:
    path: /opt/fastgpt/.env
    variables:
      FE_DOMAIN: https://ai.example.com

- name: Give FastGPT a key from the vault
  fastgpt.ops.env_file:
    path: /opt/fastgpt/.env
    variables:
      CHAT_API_KEY: <given:key>
    values:
      key: "{{ vault_gateway_key }}"
"""

RETURN = r"""
changed_lines:
  description: Numbers of the lines of the old file that changed, or after which lines came in.
  type: list
  elements: int
  returned: always
  sample: [12]
run_id:
  description: The run under which the change is written down; C(playbooks/rollback.yml) undoes it.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import EditError, Insert, apply_edits
from ansible_collections.fastgpt.ops.plugins.module_utils._env_file import all_edits
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JOURNALLED,
    Journal,
    has_changed,
    replace_file,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._references import Behind, tokeniser_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "variables": {"type": "dict", "default": {}},
            "copies": {"type": "dict", "default": {}},
            "once": {"type": "bool", "default": False},
            "values": {"type": "dict", "default": {}, "no_log": True},
            "secrets_from": {"type": "list", "elements": "path", "default": [], "no_log": False},
            "salt": {"type": "str", "no_log": True},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    path, params = module.params["path"], module.params
    real = os.path.realpath(path)
    if params["once"] and params["run_id"] and has_changed(Journal(), params["run_id"], params["finding"], real):
        module.exit_json(changed=False, changed_lines=[])
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            text = stream.read()
        tokeniser = tokeniser_of(module.params["salt"] or os.urandom(16).hex(), text, module.params["secrets_from"])
        known = Behind(text, tokeniser, module.params["values"])
        edits = all_edits(known.text, module.params["variables"], module.params["copies"])
        after = apply_edits(text, edits, known)
    except UnicodeDecodeError as error:
        module.fail_json(msg=f"{path} is not UTF-8: {error}")
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be read: {error.strerror or error}")
    except EditError as error:
        module.fail_json(msg=f"{path}: {error}")
    lines = sorted(edit.after if isinstance(edit, Insert) else edit.line for edit in edits)
    result: dict[str, t.Any] = {"changed": after != text, "changed_lines": lines}
    if result["changed"]:
        result["run_id"] = run_id_or_manual(module.params["run_id"])
        shown = {"before": known.text, "after": apply_edits(known.text, edits)}
        result["diff"] = {"before_header": path, "after_header": path, **shown}
        if not module.check_mode:
            data = after.encode("utf-8")
            replace_file(Journal(), result["run_id"], module.params["finding"], real, data)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
