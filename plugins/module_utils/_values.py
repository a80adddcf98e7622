# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that only the host knows: what ``<value:NAME>`` stands for in a plan. Private to the collection."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import string
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import Project, service_of
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import Journal, write_whole
from ansible_collections.fastgpt.ops.plugins.module_utils._net import parse_addresses

Json = t.Dict[str, t.Any]

PLACE = re.compile(r"<value:([\w.-]+)>")
_ALPHABET = string.ascii_letters + string.digits
_ADDRESS = re.compile(
    r"(?P<head>[a-z][a-z0-9+.-]*://[^?#]*?/)(?P<database>[^/?#]*)(?P<tail>(?:[?#].*)?)", re.IGNORECASE
)


class ValueMissingError(Exception):
    """A value cannot be had here; the message says which and why, never what it is."""


class Values:
    """Fills ``<value:NAME>`` in texts.

    :param specs: how each value is come by, as in the plan: ``kind``, ``length``, ``service``, ``variable`` ...
    :param project: whose services' variables are meant
    :param given: values the operator gave
    :param scope: run and hop; a random value is made once for it, however often it is asked for
    """

    def __init__(self, specs: t.Mapping[str, Json], project: Project, given: t.Mapping[str, t.Any], scope: str):
        self._specs = specs
        self._project = project
        self._given = given
        self._scope = scope
        self._environments: dict[str, dict[str, str]] | None = None
        self._known: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Put the values in.

        :raises ValueMissingError: one cannot be had
        """
        return PLACE.sub(lambda match: self.get(match[1]), text)

    def get(self, name: str) -> str:
        """Give one value.

        :raises ValueMissingError: it cannot be had
        """
        if name not in self._known:
            spec = self._specs.get(name)
            makers = {"random": self._random, "variable": self._variable, "given": self._from_operator}
            if spec is None or spec.get("kind") not in makers:
                raise ValueMissingError(f"the plan does not say what <value:{name}> is")
            self._known[name] = makers[spec["kind"]](name, spec)
        return self._known[name]

    @property
    def secrets(self) -> list[str]:
        """What was filled in so far."""
        return list(self._known.values())

    def _from_operator(self, name: str, _spec: Json) -> str:
        if self._given.get(name) in (None, ""):
            raise ValueMissingError(f'{name} must be given: -e \'{{"fastgpt_upgrade_values": {{"{name}": "..."}}}}\'')
        return str(self._given[name])

    def _random(self, name: str, spec: Json) -> str:
        """Make it from this host's own key, so that a run that was killed and goes on makes the same one."""
        made, counter = "", 0
        while len(made) < spec["length"]:
            message = f"{self._scope} {name} {counter}".encode()
            digest = hmac.new(_host_key(), message, hashlib.sha256).digest()
            # 248 = 4 x 62: bytes above it would make some characters likelier than others
            made += "".join(_ALPHABET[byte % 62] for byte in digest if byte < 248)
            counter += 1
        return made[: spec["length"]]

    def _variable(self, name: str, spec: Json) -> str:
        value = self.environment(spec["service"]).get(spec["variable"], "")
        if not value:
            raise ValueMissingError(f"{spec['service']} has no variable {spec['variable']} (for <value:{name}>)")
        if spec.get("part"):
            address = next(iter(parse_addresses(value)), None)
            part = getattr(address, spec["part"], None) if address else None
            if not part:
                raise ValueMissingError(f"{spec['variable']} of {spec['service']} is an address without {spec['part']}")
            return str(part)
        return _with_database(value, spec["database"]) if spec.get("database") else value

    def environment(self, service: str) -> dict[str, str]:
        """Give the variables a service's container was made with.

        :raises ComposeError: the containers cannot be read
        """
        if self._environments is None:
            self._environments = {}
            for item in self._project.containers():
                pairs = (item.get("Config") or {}).get("Env") or []
                self._environments[service_of(item)] = dict(pair.partition("=")[::2] for pair in pairs)
        return self._environments.get(service, {})


def _with_database(address: str, database: str) -> str:
    match = _ADDRESS.fullmatch(address)
    if not match:
        raise ValueMissingError("an address that names no database cannot get another one")
    return f"{match['head']}{database}{match['tail']}"


def _host_key() -> bytes:
    """Give the key random values are made from; made once for this host, readable by its owner only."""
    journal = Journal()
    path = os.path.join(journal.folder, "key")
    if not os.path.exists(path):
        journal.make_folder()
        write_whole(path, secrets.token_bytes(32), 0o600)
    with open(path, "rb") as stream:
        return stream.read()
