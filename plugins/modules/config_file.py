#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: config_file
short_description: Make, mend or change FastGPT's config.json in place
version_added: 0.1.0
description:
  - Looks after FastGPT's C(config.json) on the host. A file that is missing is taken from FastGPT's image, slips that
    can mean one thing only are put right, single settings are changed, or a file of one's own takes its place.
  - Comments, order and line ends stay; only what has to change does. Owner and mode stay as well.
  - Whatever is written is read first as the installed FastGPT reads it (strict JSON before 4.6.9, JSON5 from then on);
    what FastGPT would refuse is refused here, with line and column, and nothing is changed.
  - A directory of that name, made by the Docker Engine because the file was missing, is removed only when it is empty.
  - It restarts nothing; RV(ignore:loaded) tells whether that is needed.
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  path:
    description: The file on the managed host.
    type: path
    required: true
  version:
    description:
      - FastGPT's version, such as V(4.8.11). It decides how the file is read and which layout it has to have.
      - Unknown ones are taken for ones that read JSON5.
    type: str
  src:
    description:
      - A file on the controller that is to be config.json. It may be encrypted with Ansible Vault.
      - Looked for like the source of M(ansible.builtin.copy), in C(files/) first.
    type: path
  image:
    description: FastGPT's image, whose own config.json is taken where there is none on the host.
    type: str
  repair:
    description:
      - Put slips right that can mean one thing only (full-width punctuation, a comma missing between lines or one too
        many, and what only JSON5 has where strict JSON is read), and bring the model lists of FastGPT before 4.6.8 into
        the layout of now.
      - What cannot be mended gives way to the last version that was right, where a backup of this project has one.
    type: bool
    default: false
  set:
    description:
      - Settings to change, by path. V(systemEnv.vectorMaxProcess) is a setting of an object,
        V(llmModels[gpt-4o-mini].toolChoice) one of the item of a list whose C(model) is C(gpt-4o-mini).
      - A setting that is not there is added to its object; others stay.
    type: dict
    default: {}
  container:
    description: FastGPT's container, to tell whether it has read the file as it is now.
    type: str
  container_path:
    description: Where the container has the file.
    type: path
    default: /app/data/config.json
  content:
    description: Content of O(src) in base64. Set by the action plugin.
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
seealso:
  - module: fastgpt.ops.compose_file
  - module: fastgpt.ops.compose_service
"""

EXAMPLES = r"""
- name: Deploy our own config.json
  fastgpt.ops.config_file:
    path: /opt/fastgpt/config.json
    version: 4.8.11
    src: fastgpt/config.json

- name: Use more threads for vectors, and no tool calls of this model
  fastgpt.ops.config_file:
    path: /opt/fastgpt/config.json
    version: 4.8.11
    set:
      systemEnv.vectorMaxProcess: 20
      llmModels[gpt-4o-mini].toolChoice: false
"""

RETURN = r"""
kind:
  description: What was there before; V(file), V(directory) or V(missing).
  type: str
  returned: always
  sample: directory
origin:
  description: Where the content is from; V(kept), V(src), V(image), V(mended) or V(backup).
  type: str
  returned: always
  sample: image
loaded:
  description:
    - Whether the running container has read the file as it is on the host now. V(false) after a change, where the
      container holds another content, or where the file is newer than the container's start.
    - Null where O(container) does not run.
  type: bool
  returned: O(container) is given
run_id:
  description: The run under which the changes are written down.
  type: str
  returned: changed
  sample: 20260301T120000Z-4f2a
"""

import base64
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastgpt.ops.plugins.module_utils import _docker as docker
from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import has_image, inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._config_edit import ConfigEditError, mend, set_values
from ansible_collections.fastgpt.ops.plugins.module_utils._config_layout import current_layout, is_strict, numbers_of
from ansible_collections.fastgpt.ops.plugins.module_utils._files import file_facts
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import (
    JOURNALLED,
    Journal,
    RefusedError,
    create_file,
    remove_empty_directory,
    replace_file,
    run_id_or_manual,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._json5 import JsonError, read_object
from ansible_collections.fastgpt.ops.plugins.module_utils._run import MEBIBYTE, run
from ansible_collections.fastgpt.ops.plugins.module_utils._secrets import Tokeniser

MODE = 0o644
_PULL_TIMEOUT = 1800.0
_ASK_TIMEOUT = 60.0
_CLOCK_SLACK = 2.0
"""Seconds by which a file may be newer than the start of a container that has read it."""


class Wish(t.NamedTuple):
    """The content the file is to have, and where it is from."""

    text: str
    origin: str


class ConfigFile:
    """The file as it is, and as it is wanted."""

    def __init__(self, module: AnsibleModule):
        self.params = module.params
        self.check_mode = module.check_mode
        self.path = os.path.realpath(self.params["path"])
        self.version = numbers_of(self.params["version"]) if self.params["version"] else None
        self.strict = is_strict(self.version)
        self.facts = file_facts(self.path, "config")
        self.data = self._read() if self.facts["kind"] == "file" else None

    def _read(self) -> bytes:
        with open(self.path, "rb") as stream:
            return stream.read()

    def refuse_what_is_no_file(self) -> None:
        """Stop where something is in the way that is not ours to remove."""
        if self.facts["error"] or self.facts["kind"] == "other":
            raise RefusedError(f"{self.path}: {self.facts['error'] or 'neither a file nor a directory'}")
        if self.facts["entries"]:
            raise RefusedError(
                f"{self.path} is a directory with {self.facts['entries']} entries; look what they are first"
            )
        if not os.path.isdir(os.path.dirname(self.path)):
            raise RefusedError(f"{os.path.dirname(self.path)}, the folder of config.json, is not there")

    # --- what is wanted

    def wish(self) -> Wish:
        """Work the wanted content out and read it as FastGPT would.

        :raises RefusedError: FastGPT would refuse it
        """
        wish = self._base()
        try:
            if self.params["repair"]:
                wish = self._repaired(wish)
            text = set_values(wish.text, self.params["set"], self.strict)
            read_object(text, self.strict)
        except JsonError as error:
            raise RefusedError(f"{self._name_of(wish)} is not what FastGPT can read: {error}") from error
        except ConfigEditError as error:
            raise RefusedError(f"{self._name_of(wish)}: {error}") from error
        return Wish(text, wish.origin)

    def _name_of(self, wish: Wish) -> str:
        names = {"src": self.params["src"], "image": f"config.json of {self.params['image']}"}
        return str(names.get(wish.origin, self.path))

    def _base(self) -> Wish:
        if self.params["content"]:
            return Wish(_decoded(base64.b64decode(self.params["content"]), self.params["src"]), "src")
        if self.data is not None:
            return Wish(_decoded(self.data, self.path), "kept")
        if not self.params["image"]:
            raise RefusedError(f"{self.path} is missing, and neither a source nor FastGPT's image is named")
        return Wish(self._of_image(), "image")

    def _of_image(self) -> str:
        """Give the config.json of FastGPT's image, which is pulled where it is not on the host."""
        image, path = self.params["image"], self.params["container_path"]
        if not has_image(image):
            if self.check_mode:
                raise RefusedError(f"image {image} is not on this host yet, so its config.json cannot be shown")
            pulled = run(["docker", "pull", "-q", image], _PULL_TIMEOUT)
            if pulled.rc != 0:
                raise RefusedError(f"docker pull {image}: {pulled.error}")
        command = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "cat", image, path]
        result = run(command, _ASK_TIMEOUT)
        if result.rc != 0 or not result.out.strip():
            raise RefusedError(f"image {image} brings no {path}: {result.error or 'it is empty'}")
        return _decoded(result.out, f"config.json of {image}")

    def _repaired(self, wish: Wish) -> Wish:
        try:
            text = current_layout(mend(wish.text, self.strict), self.version)
        except JsonError:
            backup = self._last_good()
            if backup is None:
                raise
            return Wish(backup, "backup")
        return wish if text == wish.text else Wish(text, "mended")

    def _last_good(self) -> str | None:
        for backup in Journal().backups_of(self.path):
            try:
                with open(backup, encoding="utf-8", newline="") as stream:
                    text = stream.read()
                read_object(text, self.strict)
            except (OSError, ValueError):
                continue  # gone, or no better than what is there
            return current_layout(text, self.version)
        return None

    # --- making it so

    def apply(self, text: str, run_id: str) -> None:
        """Write the content, journalled and backed up."""
        journal, why, data = Journal(), self.params["finding"], text.encode("utf-8")
        if self.facts["kind"] == "directory":
            remove_empty_directory(journal, run_id, why, self.path)
        if self.data is None:
            folder = os.stat(os.path.dirname(self.path))
            create_file(journal, run_id, why, self.path, data, MODE, folder.st_uid, folder.st_gid)
        else:
            replace_file(journal, run_id, why, self.path, data)

    def loaded(self, changed: bool) -> bool | None:
        """Tell whether the container has read the file as it is now; None where it does not run."""
        found = [docker.container_from_inspect(item) for item in inspect([self.params["container"]])]
        if not found or found[0]["state"].get("status") != "running":
            return None
        inside = run(
            ["docker", "exec", self.params["container"], "cat", self.params["container_path"]],
            _ASK_TIMEOUT,
            limit=16 * MEBIBYTE,
        )
        if changed or inside.rc != 0 or inside.out != self.data:
            return False
        started = found[0]["state"].get("started_at")
        return not (started and self.facts["mtime"] > started + _CLOCK_SLACK)


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"{what} is not UTF-8: {error}") from error


def shown(before: bytes | None, after: str, path: str) -> dict[str, str]:
    """Give the diff, secrets as tokens."""
    tokeniser = Tokeniser(os.urandom(16).hex())
    texts = [(before or b"").decode("utf-8", "replace"), after]
    for text in texts:
        tokeniser.learn_text(text, lines=True)
    old, new = (tokeniser.text(text, lines=True) for text in texts)
    return {"before_header": path, "after_header": path, "before": old, "after": new}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "version": {"type": "str"},
            "src": {"type": "path"},
            "image": {"type": "str"},
            "repair": {"type": "bool", "default": False},
            "set": {"type": "dict", "default": {}},
            "container": {"type": "str"},
            "container_path": {"type": "path", "default": "/app/data/config.json"},
            "content": {"type": "str", "no_log": True},
            **JOURNALLED,
        },
        supports_check_mode=True,
    )
    try:
        config = ConfigFile(module)
        config.refuse_what_is_no_file()
        wish = config.wish()
    except (RefusedError, ValueError) as error:
        module.fail_json(msg=str(error))
    changed = config.data != wish.text.encode("utf-8")
    result: dict[str, t.Any] = {"changed": changed, "kind": config.facts["kind"], "origin": wish.origin}
    if module.params["container"]:
        result["loaded"] = config.loaded(changed)
    if changed:
        result["diff"] = shown(config.data, wish.text, config.path)
        result["run_id"] = run_id_or_manual(module.params["run_id"])
        if not module.check_mode:
            config.apply(wish.text, result["run_id"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
