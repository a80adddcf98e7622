#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway
short_description: See to balances, tokens and channels of One API or AI Proxy
version_added: 0.1.0
description:
  - Tops up a user or a token, switches users, tokens and channels on, lets a token or a channel serve more models, and
    adds a channel, through the gateway's own HTTP interface. What is so already stays as it is.
  - One API (and New API, which kept its interface) is changed by a user who may do so; a token only by the user it
    belongs to. AI Proxy is changed with its C(ADMIN_KEY), which is read from its container where none is given.
  - The gateway is asked from this host, at its container's own address or its published port.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  kind:
    description: Which gateway it is.
    type: str
    choices: [oneapi, aiproxy]
    required: true
  container:
    description: The gateway's container.
    type: str
  url:
    description: Its address, such as V(http://10.0.0.5:3001), where it is no container of this host.
    type: str
  credentials:
    description: How to log in. Keep secrets in a vault.
    type: dict
    default: {}
    suboptions:
      oneapi_user:
        description: Name of a user of One API, such as V(root).
        type: str
      oneapi_password:
        description: That user's password.
        type: str
      oneapi_token:
        description: That user's access token (I(system access token) on One API's page), in place of name and password.
        type: str
      aiproxy_key:
        description: AI Proxy's C(ADMIN_KEY), where its container does not have it.
        type: str
      root_password:
        description: Not used here; the same dictionary serves M(fastgpt.ops.app_model).
        type: str
  user:
    description: A user of One API whose balance pays for calls.
    type: dict
    suboptions:
      id:
        description: Its number.
        type: int
        required: true
      quota:
        description: The least it is to have. Where it has less, the difference is added. 500000 are 1 USD.
        type: int
      enabled:
        description: Switch it on.
        type: bool
        default: false
  token:
    description: A token of One API, as FastGPT uses one.
    type: dict
    suboptions:
      id:
        description: Its number.
        type: int
        required: true
      quota:
        description: The least it is to have of its own limit; one without limit has none.
        type: int
      enabled:
        description: Switch it on; one that has expired never expires then.
        type: bool
        default: false
      models:
        description: Models it has to allow, beside those it allows already; one without a list allows all.
        type: list
        elements: str
        default: []
  channels:
    description: Channels that are there.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Its number.
        type: int
        required: true
      enabled:
        description: Switch it on.
        type: bool
        default: false
      models:
        description: Models it has to serve, beside those it serves already.
        type: list
        elements: str
        default: []
      groups:
        description: Groups (AI Proxy calls them sets) it has to serve, beside those it serves already.
        type: list
        elements: str
        default: []
  add_channel:
    description: A channel to add, unless one of this name is there.
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      type:
        description: The gateway's number for the kind of provider; V(1) is OpenAI and what is compatible with it.
        type: int
        default: 1
      key:
        description: The provider's key.
        type: str
        required: true
      base_url:
        description: The provider's address. One API adds V(/v1) by itself, AI Proxy does not.
        type: str
      models:
        description: Models it serves.
        type: list
        elements: str
        required: true
      groups:
        description: Groups that may use it.
        type: list
        elements: str
        default: [default]
extends_documentation_fragment:
  - fastgpt.ops.journalled
attributes:
  check_mode:
    support: full
    description: Logs in and looks, and changes nothing.
  diff_mode:
    support: full
    description: Shows the fields that change, before and after; never a key.
notes:
  - Where the gateway keeps its channels and balances in a cache (C(MEMORY_CACHE_ENABLED), redis), calls see a change
    after C(SYNC_FREQUENCY) seconds.
  - A balance that is undone goes back by what was added, so that what was spent meanwhile stays spent.
"""

EXAMPLES = r"""
- name: Let root of One API have at least 100 USD
  fastgpt.ops.gateway:
    kind: oneapi
    container: oneapi
    credentials:
      oneapi_user: root
      oneapi_password: "{{ vault_oneapi_password }}"
    user: {id: 1, quota: 50000000}

- name: Switch a channel of AI Proxy on
  fastgpt.ops.gateway:
    kind: aiproxy
    container: aiproxy
    channels:
      - {id: 1, enabled: true}
"""

RETURN = r"""
objects:
  description: What was looked at, as it is afterwards, in check mode as it is now; no key is in it.
  type: list
  elements: dict
  returned: always
  sample: [{kind: user, id: 1, name: root, status: 1, quota: 50000000, group: default}]
run_id:
  description: The run under which the change is written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError
from ansible_collections.fastgpt.ops.plugins.module_utils._gateway_admin import AiProxy, OneApi, wanted
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import JOURNALLED, run_id_or_manual
from ansible_collections.fastgpt.ops.plugins.module_utils._settings import (
    CREDENTIALS,
    SettingError,
    Stock,
    apply,
    create,
    diff_of,
    titled,
)

Json = t.Dict[str, t.Any]

_NUMBER: Json = {"type": "int", "required": True}
_SWITCH: Json = {"type": "bool", "default": False}
_NAMES: Json = {"type": "list", "elements": "str", "default": []}
_CHANNEL: Json = {"id": _NUMBER, "enabled": _SWITCH, "models": _NAMES, "groups": _NAMES}
_NEW_CHANNEL: Json = {
    "name": {"type": "str", "required": True},
    "type": {"type": "int", "default": 1},
    "key": {"type": "str", "required": True, "no_log": True},
    "base_url": {"type": "str"},
    "models": {"type": "list", "elements": "str", "required": True},
    "groups": {"type": "list", "elements": "str", "default": ["default"]},
}


def wishes(params: t.Mapping[str, t.Any]) -> list[tuple[str, Json]]:
    """Give what is wished for, as (kind, wish)."""
    single = [(kind, params[kind]) for kind in ("user", "token") if params[kind]]
    return single + [("channel", wish) for wish in params["channels"]]


def work(module: AnsibleModule) -> Json:
    """Compare, change where something is to change, and give the result.

    :raises SettingError: the gateway cannot be asked, or refuses
    """
    params = module.params
    where = {name: params[name] for name in ("kind", "container", "url")}
    run = {"run_id": run_id_or_manual(params["run_id"]), "finding": params["finding"]}
    service = (AiProxy if params["kind"] == AiProxy.kind else OneApi)(where, params["credentials"] or {})
    diffs: list[Json] = []
    objects: list[Json] = []
    for kind, wish in wishes(params):
        now = service.read(kind, wish["id"])
        fields = wanted(kind, now, wish)
        if fields:
            title = titled(where, kind, wish["id"], now.get("name"))
            before = {name: now.get(name) for name in fields}
            diffs.append(diff_of(title, before, fields))
            if not module.check_mode:
                apply(service, where, kind, wish["id"], before, fields, title, run)
                now = service.read(kind, wish["id"])
        objects.append({"kind": kind, **now})
    if params["add_channel"]:
        diffs += added(module, service, where, params["add_channel"], run)
    result: Json = {"changed": bool(diffs), "objects": objects, "diff": diffs}
    return {**result, "run_id": run["run_id"]} if diffs else result


def added(module: AnsibleModule, service: Stock, where: Json, channel: Json, run: Json) -> list[Json]:
    """Add a channel where none has its name; give the diff."""
    if any(item["name"] == channel["name"] for item in service.all("channel")):
        return []
    title = titled(where, "channel", channel["name"])
    if not module.check_mode:
        create(service, where, "channel", channel, title, run)
    return [diff_of(title, {}, {name: value for name, value in channel.items() if name != "key"})]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str", "choices": ["oneapi", "aiproxy"], "required": True},
            "container": {"type": "str"},
            "url": {"type": "str"},
            "credentials": {"type": "dict", "default": {}, "options": CREDENTIALS},
            "user": {"type": "dict", "options": {"id": _NUMBER, "quota": {"type": "int"}, "enabled": _SWITCH}},
            "token": {
                "type": "dict",
                "no_log": False,
                "options": {"id": _NUMBER, "quota": {"type": "int"}, "enabled": _SWITCH, "models": _NAMES},
            },
            "channels": {"type": "list", "elements": "dict", "default": [], "options": _CHANNEL},
            "add_channel": {"type": "dict", "options": _NEW_CHANNEL},
            **JOURNALLED,
        },
        required_one_of=[("container", "url")],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except (SettingError, ComposeError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
