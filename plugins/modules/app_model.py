#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: app_model
short_description: Switch settings of a model that FastGPT keeps in its database
version_added: 0.1.0
description:
  - Gives switches of a model, such as C(toolChoice), the values they are to have, through FastGPT's own interface, as
    its page does. From 4.8.20 on FastGPT keeps its models in its database; before, they are in C(config.json)
    (M(fastgpt.ops.config_file)).
  - FastGPT is asked from this host, at its container's own address or its published port.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  container:
    description: FastGPT's container.
    type: str
  url:
    description: Its address, such as V(http://10.0.0.5:3000), where it is no container of this host.
    type: str
  model:
    description: The model, by the name it is called by.
    type: str
    required: true
  switches:
    description: Settings that are on or off, by name, such as C(toolChoice) and C(functionCall).
    type: dict
    required: true
  root_password:
    description: Password of FastGPT's user root. Keep it in a vault.
    type: str
    required: true
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Logs in and looks, and changes nothing.
  diff_mode:
    support: full
    description: Shows the switches that change, before and after.
"""

EXAMPLES = r"""
- name: Send a model no tools
  fastgpt.ops.app_model:
    container: fastgpt-app
    model: gpt-4o-mini
    switches: {toolChoice: false, functionCall: false}
    root_password: "{{ vault_root_password }}"
"""

RETURN = r"""
switches:
  description: All switches of the model, as they are afterwards, in check mode as they are now.
  type: dict
  returned: always
  sample: {isActive: true, toolChoice: false}
run_id:
  description: The run under which the change is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._app_models import FastGpt
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import JOURNALLED, run_id_or_manual
from ansible_collections.fastgpt.ops.plugins.module_utils._settings import SettingError, apply, diff_of, titled

Json = t.Dict[str, t.Any]


def work(module: AnsibleModule) -> Json:
    """Compare, change where something is to change, and give the result.

    :raises SettingError: FastGPT cannot be asked, or refuses
    """
    params, model = module.params, module.params["model"]
    where = {"kind": FastGpt.kind, "container": params["container"], "url": params["url"]}
    service = FastGpt(where, {"root_password": params["root_password"]})
    now = service.read("model", model)
    after = {name: value for name, value in params["switches"].items() if bool(now.get(name)) != value}
    result: Json = {"changed": bool(after), "switches": now}
    if after:
        title = titled(where, "model", model)
        before = {name: now.get(name) for name in after}
        run = {"run_id": run_id_or_manual(params["run_id"]), "finding": params["finding"]}
        result.update(diff=diff_of(title, before, after), run_id=run["run_id"])
        if not module.check_mode:
            apply(service, where, "model", model, before, after, title, run)
            result["switches"] = service.read("model", model)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str"},
            "url": {"type": "str"},
            "model": {"type": "str", "required": True},
            "switches": {"type": "dict", "required": True},
            "root_password": {"type": "str", "required": True, "no_log": True},
            **JOURNALLED,
        },
        required_one_of=[("container", "url")],
        supports_check_mode=True,
    )
    odd = [name for name, value in module.params["switches"].items() if not isinstance(value, bool)]
    if odd:
        module.fail_json(msg=f"switches are true or false: {', '.join(odd)}")
    try:
        module.exit_json(**work(module))
    except (SettingError, ComposeError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
