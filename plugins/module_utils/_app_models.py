# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in FastGPT's database (4.8.20 and later), changed by its own interface. Private to the collection.

Its page does the same: root logs in, and a model's settings are sent, of which those that are not named stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import typing as t
import urllib.parse

from ansible_collections.fastgpt.ops.plugins.module_utils._settings import (
    Fields,
    Json,
    MissingError,
    Service,
    SettingError,
    Web,
)

PORT = 3000
_ACCOUNT = "/api/support/user/account"
_MODEL = "/api/core/ai/model"
_WELL = 200


class FastGpt(Service):
    """FastGPT as its user root sees it.

    :param where: ``container`` or ``url``
    :raises SettingError: the password is missing or wrong, or FastGPT does not answer
    """

    kind = "fastgpt"

    def __init__(self, where: t.Mapping[str, t.Any], credentials: t.Mapping[str, t.Any]):
        self._web = Web(where.get("container"), where.get("url"), PORT)
        if not credentials.get("root_password"):
            raise SettingError(
                "FastGPT lets only its user root change models: give root's password as fastgpt_root_password"
            )
        self._log_in(str(credentials["root_password"]))

    def _log_in(self, password: str) -> None:
        """Send what a browser sends: the password's SHA-256, with a code of the moment from 4.9.8 on."""
        body = {"username": "root", "password": hashlib.sha256(password.encode()).hexdigest()}
        with contextlib.suppress(MissingError):
            body["code"] = self._ask("GET", f"{_ACCOUNT}/preLogin?username=root")["code"]
        self._web.headers["token"] = self._ask("POST", f"{_ACCOUNT}/loginByPassword", body)["token"]

    def _ask(self, method: str, path: str, body: Json | None = None) -> t.Any:
        reply = self._web.call(method, path, body)
        if reply.get("code") != _WELL:
            said = reply.get("message") or reply.get("statusText") or reply.get("code")
            raise SettingError(f"{method} {path.partition('?')[0]}: {said}")
        return reply.get("data")

    def read(self, kind: str, number: t.Any) -> Fields:
        """Give the switches of a model, by name; nothing else, as a key may be among its settings."""
        found = self._ask("GET", f"{_MODEL}/detail?model={urllib.parse.quote(str(number), safe='')}")
        if not isinstance(found, dict):
            raise SettingError(f"FastGPT has no model {number}")
        return {name: value for name, value in found.items() if isinstance(value, bool)}

    def change(self, kind: str, number: t.Any, fields: Fields) -> None:
        self._ask("PUT", f"{_MODEL}/update", {"model": number, "metadata": fields})
