#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: compose_file
short_description: Change settings of a compose file in place
version_added: 0.1.0
description:
  - Changes single settings of a service (image, published port, variables, networks ...) in a Docker Compose file.
  - Only the lines that must change are touched. Comments, order, quoting, anchors, merge keys, line ends and a byte
    order mark stay as they are; the file keeps its owner and mode.
  - The edited file is checked with C(docker compose config) before it replaces the old one in one step. A change that
    cannot be made safely is refused with the reason, for example where an anchor shares the value with another service.
  - It does not recreate containers.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  path:
    description: The compose file on the managed host.
    type: path
    required: true
  service:
    description: The service to change. Required by all changes but O(declare_networks).
    type: str
  image:
    description: The image reference the service is to have.
    type: str
  ports:
    description: Published ports to move, by container port. Only the left side of an entry changes.
    type: list
    elements: dict
    default: []
    suboptions:
      container_port:
        description: The port inside the container, by which the entry is found.
        type: int
        required: true
      host:
        description:
          - The new left side, V(3001) or with an address V(127.0.0.1:27017). Without one the address stays as it is.
        type: str
        required: true
      published:
        description: The left side of the entry meant, where several publish the container port.
        type: str
      target:
        description: The container port the entry is to lead to, where that is wrong as well.
        type: int
  environment:
    description:
      - Variables the service is to have; others stay. A value stands in the file as it is given, where Compose reads
        C(${KEY}) as a variable and C($$) as a dollar sign.
      - A value that a merge key brings in is overridden in the service itself, unless O(at_source) is set.
      - C(<given:NAME>) in a value stands for a value of O(values), C(<secret:9f2c1a>) for the secret with that token
        (with C(:percent) before the C(>) percent-encoded, as in a URL), C(<random:64>) for that many new random
        characters, given only to a variable that has no value. The host puts the values in.
    type: dict
    default: {}
  copy_environment:
    description:
      - Variables the service is to have with the same value, written the same way, as another one; by the new name the
        name of the other one. Both stay.
    type: dict
    default: {}
  rename_environment:
    description:
      - Variables that get a new name, by the new name the old one; the value stays as it is written. What an anchor or
        a merge key shares keeps its old name beside the new one, as others may read it.
    type: dict
    default: {}
  drop_environment:
    description: Variables the service is not to have any more. What an anchor or a merge key shares stays.
    type: list
    elements: str
    default: []
  at_source:
    description:
      - Change a value of O(environment) that an anchor or a merge key shares where it is written, for all services that
        use it.
    type: bool
    default: false
  replace_variables:
    description:
      - Write a value of O(environment) even where that takes a variable of an env file, such as C(${KEY}), out of the
        line. Without it such a change is refused.
    type: bool
    default: false
  networks:
    description:
      - Networks the service is to join; those it is in stay.
    type: list
    elements: str
    default: []
  replace_networks:
    description: Networks the service names that are to have another name there; by the old name the new one.
    type: dict
    default: {}
  extra_hosts:
    description: Host entries the service is to have, such as V(host.docker.internal:host-gateway); others stay.
    type: list
    elements: str
    default: []
  settings:
    description: Other plain settings of the service, such as V(shm_size).
    type: dict
    default: {}
  volumes:
    description:
      - Paths of the host the service is to mount. An entry with that source gets the target, else one with that target
        the source; what else it says stays. Where there is neither, one is added.
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: The path on the host, as the file is to have it, such as V(./config.json).
        type: str
        required: true
      target:
        description: The path in the container.
        type: str
        required: true
  drop_volumes:
    description:
      - Paths in the container at which the service is to mount nothing any more. What is on the host stays.
    type: list
    elements: str
    default: []
  mongod_options:
    description:
      - Options mongod is to have, without the dashes, such as V(replSet=rs0). One that is there gets the value,
        another is added where the service's command, or the script that starts it, calls mongod.
    type: dict
    default: {}
  made_keyfile:
    description:
      - Path in the container at which the service's start script is to make a key file that mongod accepts. Its lines
        that set size, mode and owner are corrected, those that are missing come in.
    type: str
  aliases:
    description: More names under which others are to reach the service, on every network it is in.
    type: list
    elements: str
    default: []
  declare_networks:
    description: Networks to declare at the top level of the file.
    type: list
    elements: str
    default: []
  external_networks:
    description: Networks to declare at the top level as there already, under just that name, and not Compose's to make.
    type: list
    elements: str
    default: []
  declare_volumes:
    description: Named volumes to declare at the top level of the file.
    type: list
    elements: str
    default: []
  add_services:
    description:
      - Services that come in, unless one of that name is there; by name the block of settings as YAML, not indented.
    type: dict
    default: {}
  plan_values:
    description:
      - How the host comes by what C(<value:NAME>) stands for in O(environment) and O(add_services), as the plan of an
        upgrade has it. Values that are C(given) are taken from O(values).
    type: dict
    default: {}
  scope:
    description: Run and hop for which random values of O(plan_values) are made.
    type: str
    default: ""
  project:
    description: The compose project whose containers have the variables that O(plan_values) names, as a plan names it.
    type: dict
  once:
    description: Do nothing where the run has changed the file for this finding already, or has just begun to.
    type: bool
    default: false
  values:
    description: Values by name for C(<given:NAME>) in O(environment). They go to the host and nowhere else.
    type: dict
    default: {}
  secrets_from:
    description: Other files of the host whose secrets C(<secret:9f2c1a>) in O(environment) may mean.
    type: list
    elements: path
    default: []
  validate:
    description: Check the edited file with C(docker compose config) before it replaces the old one.
    type: bool
    default: true
  sha256:
    description:
      - Checksum of the file the edits were made for. Set by the action plugin; where the file is another one by now,
        nothing is changed.
    type: str
  edits:
    description: Edits of lines, made by the action plugin on the controller. Without them the file is only read.
    type: list
    elements: dict
  salt:
    description:
      - Secret of the run from which tokens are made. Needed where O(environment) has tokens, else set by the action
        plugin.
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
requirements:
  - docker compose (or docker-compose 1.29) on the managed host for O(validate=true)
"""

EXAMPLES = r"""
- name: Publish FastGPT on another port of the host
  fastgpt.ops.compose_file:
    path: /opt/fastgpt/docker-compose.yml
    service: fastgpt
    ports:
      - container_port: 3000
        host: "3100"

- name: Pin the image of the sandbox
  fastgpt.ops.compose_file:
    path: /opt/fastgpt/docker-compose.yml
    service: sandbox
    image: ghcr.io/labring/fastgpt-sandbox:v4.8.11
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

import hashlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import ComposeError, Project
from ansible_collections.fastgpt.ops.plugins.module_utils._edits import EditError, apply_edits, from_dicts
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JOURNALLED,
    Journal,
    has_changed,
    replace_file,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._references import Behind, tokeniser_of
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import Tokeniser
from ansible_collections.fastgpt.ops.plugins.module_utils._values import ValueMissingError, Values

_CONFIG_TIMEOUT = 30.0


def read_bytes(module: AnsibleModule, path: str) -> bytes:
    """Read the file, or fail naming it and what it is."""
    if os.path.isdir(path):
        module.fail_json(msg=f"{path} is a directory, not a compose file")
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        return t.cast("bytes", module.fail_json(msg=f"{path} cannot be read: {error.strerror or error}"))


def behind(module: AnsibleModule, text: str) -> Behind:
    """Give the text beside what the controller sees of it."""
    params = module.params
    tokeniser = tokeniser_of(params["salt"] or "", text, params["secrets_from"])
    if not params["plan_values"]:
        return Behind(text, tokeniser, params["values"])
    values = Values(params["plan_values"], Project.of(params["project"]), params["values"], params["scope"])
    return Behind(text, tokeniser, params["values"], values.get)


def check_config(module: AnsibleModule, data: bytes) -> None:
    """Let Compose itself read the edited text, in the folder of the file; fail with its words where it refuses."""
    path = module.params["path"]
    folder = os.path.dirname(path)
    try:
        before = Project(folder, files=[path]).call("config", "-q", timeout=_CONFIG_TIMEOUT)
        after = Project(folder, files=["-"]).call("config", "-q", timeout=_CONFIG_TIMEOUT, stdin=data)
    except ComposeError as error:
        module.fail_json(msg=f"{path} cannot be checked: {error}")
    if after.rc != 0 and before.rc == 0:
        words = Tokeniser(module.params["salt"] or "").text(after.error or "")
        module.fail_json(msg=f"the edited {path} would be refused by compose: {words}")


def edited(module: AnsibleModule, data: bytes) -> str:
    """Give the file's new text; without edits answer the action plugin's first question: the text, secrets as tokens.

    :raises EditError: the edits do not fit, or what a token stands for is not known
    """
    text, sha256 = data.decode("utf-8"), hashlib.sha256(data).hexdigest()
    known = behind(module, text)
    if module.params["edits"] is None:
        module.exit_json(changed=False, text=known.text, sha256=sha256)
    if sha256 != module.params["sha256"]:
        raise EditError("it was changed by somebody else meanwhile; nothing was done")
    return apply_edits(text, from_dicts(module.params["edits"]), known)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "service": {"type": "str"},
            "image": {"type": "str"},
            "ports": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "container_port": {"type": "int", "required": True},
                    "host": {"type": "str", "required": True},
                    "published": {"type": "str"},
                    "target": {"type": "int"},
                },
            },
            "environment": {"type": "dict", "default": {}},
            "copy_environment": {"type": "dict", "default": {}},
            "rename_environment": {"type": "dict", "default": {}},
            "drop_environment": {"type": "list", "elements": "str", "default": []},
            "at_source": {"type": "bool", "default": False},
            "replace_variables": {"type": "bool", "default": False},
            "networks": {"type": "list", "elements": "str", "default": []},
            "replace_networks": {"type": "dict", "default": {}},
            "extra_hosts": {"type": "list", "elements": "str", "default": []},
            "settings": {"type": "dict", "default": {}},
            "volumes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "source": {"type": "str", "required": True},
                    "target": {"type": "str", "required": True},
                },
            },
            "drop_volumes": {"type": "list", "elements": "str", "default": []},
            "mongod_options": {"type": "dict", "default": {}},
            "made_keyfile": {"type": "str", "no_log": False},
            "aliases": {"type": "list", "elements": "str", "default": []},
            "declare_networks": {"type": "list", "elements": "str", "default": []},
            "external_networks": {"type": "list", "elements": "str", "default": []},
            "declare_volumes": {"type": "list", "elements": "str", "default": []},
            "add_services": {"type": "dict", "default": {}},
            "plan_values": {"type": "dict", "default": {}},
            "scope": {"type": "str", "default": ""},
            "project": {"type": "dict"},
            "once": {"type": "bool", "default": False},
            "values": {"type": "dict", "default": {}, "no_log": True},
            "secrets_from": {"type": "list", "elements": "path", "default": [], "no_log": False},
            "validate": {"type": "bool", "default": True},
            "sha256": {"type": "str"},
            "edits": {"type": "list", "elements": "dict"},
            "salt": {"type": "str", "no_log": True},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    params = module.params
    path = os.path.realpath(params["path"])
    if params["once"] and params["run_id"] and has_changed(Journal(), params["run_id"], params["finding"], path):
        module.exit_json(changed=False)
    data = read_bytes(module, params["path"])
    try:
        after = edited(module, data).encode("utf-8")
    except (EditError, UnicodeDecodeError, ValueMissingError, ComposeError) as error:
        module.fail_json(msg=f"{module.params['path']}: {error}")
    result: dict[str, t.Any] = {"changed": after != data}
    if result["changed"]:
        if module.params["validate"]:
            check_config(module, after)
        result["run_id"] = run_id_or_manual(module.params["run_id"])
        if not module.check_mode:
            replace_file(Journal(), result["run_id"], module.params["finding"], path, after)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
