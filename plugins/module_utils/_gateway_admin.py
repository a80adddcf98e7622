# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One API and AI Proxy as their administrators change them, by their own interfaces. Private to the collection.

Balances, tokens and channels are seen as ``_gateway.py`` sees them, so that a plan made of evidence and a change made
here mean the same fields.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.fastgpt.ops.plugins.module_utils._gateway import (
    aiproxy_channel,
    channel_of,
    token_of,
    user_of,
)
from ansible_collections.fastgpt.ops.plugins.module_utils._settings import (
    Fields,
    Json,
    MissingError,
    SettingError,
    Stock,
    Web,
)

ENABLED = 1
NEVER = -1
PORT = 3000
"""The port both gateways listen on in their containers."""
_LEAST = -1
"""A balance that pays for nothing, where zero is meant: One API's interface takes zero for 'leave it as it is'."""


class OneApi(Stock):
    """One API, and New API, which kept its interface.

    :param where: ``container`` or ``url``
    :raises SettingError: credentials are missing or wrong, or it does not answer
    """

    kind = "oneapi"

    def __init__(self, where: t.Mapping[str, t.Any], credentials: t.Mapping[str, t.Any]):
        self._web = web = Web(where.get("container"), where.get("url"), PORT)
        if credentials.get("oneapi_token"):
            web.headers["Authorization"] = credentials["oneapi_token"]
            return
        login = {"username": credentials.get("oneapi_user"), "password": credentials.get("oneapi_password")}
        if not all(login.values()):
            raise SettingError(
                "One API lets nobody change it without a login: give fastgpt_oneapi_user and fastgpt_oneapi_password,"
                " or an access token as fastgpt_oneapi_token"
            )
        user = self._ask("POST", "/api/user/login", login)
        web.headers["New-Api-User"] = str((user or {}).get("id"))

    def _ask(self, method: str, path: str, body: Json | None = None) -> t.Any:
        reply = self._web.call(method, path, body)
        if not reply.get("success"):
            said = reply.get("message") or (reply.get("error") or {}).get("message")
            raise SettingError(f"{method} {path.partition('?')[0]}: {said}")
        return reply.get("data")

    def read(self, kind: str, number: t.Any) -> Fields:
        return _SHAPES[kind](self._raw(kind, number))

    def _raw(self, kind: str, number: t.Any) -> Json:
        try:
            return t.cast("Json", self._ask("GET", f"/api/{kind}/{number}"))
        except SettingError as error:
            whose = "; it belongs to another user, whose login is needed" if kind == "token" else ""
            raise SettingError(f"{error}{whose}") from error

    def all(self, kind: str) -> list[Fields]:
        found: list[Fields] = []
        for page in range(1000):
            items = self._ask("GET", f"/api/{kind}/?p={page}")
            items = items.get("items") if isinstance(items, dict) else items
            known = {item["id"] for item in found}
            more = [_SHAPES[kind](item) for item in items or [] if item["id"] not in known]
            if not more:
                break
            found += more
        return found

    def change(self, kind: str, number: t.Any, fields: Fields) -> None:
        {"user": self._change_user, "token": self._change_token, "channel": self._change_channel}[kind](number, fields)

    def _change_user(self, number: int, fields: Fields) -> None:
        raw = self._raw("user", number)
        quota, now = fields.get("quota"), raw.get("quota") or 0
        rest = {name: value for name, value in fields.items() if name != "quota"}
        if quota is not None and quota > now:
            try:
                body = {"user_id": number, "quota": quota - now, "remark": "fastgpt.ops"}
                self._ask("POST", "/api/topup", body)  # adds, so calls that are charged meanwhile are not lost
            except MissingError:
                rest["quota"] = quota
        elif quota is not None:
            rest["quota"] = quota or _LEAST
        if rest:
            self._ask("PUT", "/api/user/", {**self._raw("user", number), **rest})

    def _change_token(self, number: int, fields: Fields) -> None:
        """Write all of it, as the interface asks for; the status by a call of its own, which looks at what is there."""
        settings = {name: value for name, value in fields.items() if name != "status"}
        if settings:
            raw = self._raw("token", number)
            self._ask("PUT", "/api/token/", {**raw, **_as_token(raw, settings)})
        if "status" in fields:
            self._ask("PUT", "/api/token/?status_only=true", {"id": number, "status": fields["status"]})

    def _change_channel(self, number: int, fields: Fields) -> None:
        """Fields that are not named stay as they are; every write rebuilds what the routing reads."""
        self._ask("PUT", "/api/channel/", {"id": number, **_as_channel(fields)})

    def add(self, kind: str, fields: Fields) -> None:
        self._ask("POST", "/api/channel/", {"status": ENABLED, **_as_channel(fields)})

    def remove(self, kind: str, number: t.Any) -> None:
        self._ask("DELETE", f"/api/channel/{number}")


_SHAPES: dict[str, t.Callable[[Json], Fields]] = {"user": user_of, "token": token_of, "channel": channel_of}


def _as_token(raw: Json, fields: Fields) -> Json:
    """Spell a token's fields as the interface does; New API keeps its models elsewhere."""
    body: Json = {name: fields[name] for name in ("remain_quota", "expired_time") if name in fields}
    if "models" in fields:
        models = ",".join(fields["models"] or [])
        if "model_limits" in raw:
            body.update(model_limits=models, model_limits_enabled=bool(models))
        else:
            body["models"] = models
    return body


def _as_channel(fields: Fields) -> Json:
    body = {name: fields[name] for name in ("status", "name", "type", "key", "base_url") if fields.get(name)}
    if fields.get("models"):
        body["models"] = ",".join(fields["models"])
    if fields.get("groups"):
        body["group"] = ",".join(fields["groups"])
    return body


class AiProxy(Stock):
    """AI Proxy, by its administrator's key; that of its own container where none is given.

    :param where: ``container`` or ``url``
    :raises SettingError: no key is known
    """

    kind = "aiproxy"

    def __init__(self, where: t.Mapping[str, t.Any], credentials: t.Mapping[str, t.Any]):
        self._web = web = Web(where.get("container"), where.get("url"), PORT)
        key = credentials.get("aiproxy_key") or web.environment.get("ADMIN_KEY")
        if not key:
            raise SettingError(
                "AI Proxy's key is not known: its container has no ADMIN_KEY; give it as fastgpt_aiproxy_key"
            )
        web.headers["Authorization"] = key

    def _ask(self, method: str, path: str, body: Json | None = None) -> t.Any:
        reply = self._web.call(method, path, body)
        if not reply.get("success"):
            raise SettingError(f"{method} {path}: {reply.get('message')}")
        return reply.get("data")

    def _raw(self, kind: str, number: t.Any) -> Json:
        if kind != "channel":
            raise SettingError(f"AI Proxy has no {kind} that FastGPT uses")
        found = [item for item in self._ask("GET", "/api/channels/all") or [] if item.get("id") == number]
        if not found:
            raise SettingError(f"AI Proxy has no channel {number}")
        return t.cast("Json", found[0])

    def read(self, kind: str, number: t.Any) -> Fields:
        return aiproxy_channel(self._raw(kind, number))

    def all(self, kind: str) -> list[Fields]:
        return [aiproxy_channel(item) for item in self._ask("GET", "/api/channels/all") or []]

    def change(self, kind: str, number: t.Any, fields: Fields) -> None:
        """The status has a call of its own; any other change writes the whole channel, key and all."""
        settings = _as_aiproxy_channel(fields)
        if settings:
            self._ask("PUT", f"/api/channel/{number}", {**self._raw(kind, number), **settings})
        if "status" in fields:
            self._ask("POST", f"/api/channel/{number}/status", {"status": fields["status"]})

    def add(self, kind: str, fields: Fields) -> None:
        self._ask("POST", "/api/channel/", {"status": ENABLED, **_as_aiproxy_channel(fields)})

    def remove(self, kind: str, number: t.Any) -> None:
        self._ask("DELETE", f"/api/channel/{number}")


def _as_aiproxy_channel(fields: Fields) -> Json:
    body = {name: fields[name] for name in ("name", "type", "key", "base_url", "models") if fields.get(name)}
    if fields.get("groups"):
        body["sets"] = fields["groups"]
    return body


# --- what an object is to be


def wanted(kind: str, now: Fields, wish: t.Mapping[str, t.Any], at: float | None = None) -> Fields:
    """Give the fields of an object that have to change for a wish to be true; empty where it is true already.

    :param kind: user, token or channel
    :param wish: ``quota`` (at least), ``enabled``, ``models`` and ``groups`` (at least these)
    :param at: the time at which it is to be true, in epoch seconds
    """
    fields: Fields = {}
    purse = {"user": "quota", "token": "remain_quota"}.get(kind)
    if purse and wish.get("quota") and not now.get("unlimited") and (now.get(purse) or 0) < wish["quota"]:
        fields[purse] = wish["quota"]
    if wish.get("enabled"):
        if now.get("status") != ENABLED:
            fields["status"] = ENABLED
        if 0 < (now.get("expired_time") or NEVER) < (at or time.time()):
            fields["expired_time"] = NEVER
    for name in ("models", "groups"):
        missing = [item for item in wish.get(name) or [] if item not in (now.get(name) or [])]
        if missing and (now.get(name) or kind == "channel"):  # a token without a list may use every model
            fields[name] = [*(now.get(name) or []), *missing]
    return fields
