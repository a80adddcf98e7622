# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that a service keeps in its database, changed through its own HTTP interface. Private to the collection.

A change is a few fields of one object, before and after. It is written into the journal without secrets; whoever
undoes it has to log in again, so credentials are handed in both times.
"""

from __future__ import annotations

import abc
import http.cookiejar
import json
import typing as t
import urllib.request

from ansible_collections.fastgpt.ops.plugins.module_utils._compose_cli import inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._docker import container_from_inspect
from ansible_collections.fastgpt.ops.plugins.module_utils._journal import DONE, Change, Journal, JournalError
from ansible_collections.fastgpt.ops.plugins.module_utils._net import addresses_of, http_get

Json = t.Dict[str, t.Any]
Fields = t.Dict[str, t.Any]

ACTION = "setting"
"""What the journal calls such a change."""
COUNTED_DOWN = ("quota", "remain_quota")
"""Fields that the service itself lowers as it is used: undone by what was added, not by what they were."""
_TIMEOUT = 20.0
_NOT_FOUND = 404
_TOO_MANY = 429


class SettingError(Exception):
    """The service does not let it be read or changed; says why, no secret in it."""


class MissingError(SettingError):
    """The service has no such call, or no such object."""


CREDENTIALS: Json = {
    "oneapi_user": {"type": "str"},
    "oneapi_password": {"type": "str", "no_log": True},
    "oneapi_token": {"type": "str", "no_log": True},
    "aiproxy_key": {"type": "str", "no_log": True},
    "root_password": {"type": "str", "no_log": True},
}
"""Options with which the services' administrators log in; in playbooks each is the variable ``fastgpt_`` + its name."""


class Web:
    """The HTTP interface of a service in a container, or elsewhere, as this host reaches it; keeps cookies.

    :param container: name of the container; its own addresses are tried before published ports
    :param url: the address where it is no container of this host
    :param port: the port the service listens on in its container
    :raises SettingError: there is no such container, or it does not run
    """

    def __init__(self, container: str | None, url: str | None, port: int):
        self.environment: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.said: tuple[int, Json] = (0, {})
        self._bases = [url.rstrip("/")] if url else []
        if container and not url:
            found = [container_from_inspect(item) for item in inspect([container])]
            if not found:
                raise SettingError(f"there is no container {container}")
            self.environment = found[0]["env"] or {}
            own = self.environment.get("PORT", "")
            pairs = addresses_of(found[0], int(own) if own.isdigit() else port)
            self._bases = [f"http://{host}:{number}" for host, number in pairs]
        if not self._bases:
            raise SettingError(f"{container or 'the service'} has no address: it does not run")
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make one call and give the reply's JSON object, whatever its status; ``said`` keeps both.

        :raises SettingError: nothing answers, or something else than JSON
        :raises MissingError: the service has no such call
        """
        data = None if body is None else json.dumps(body).encode()
        headers = dict(self.headers, **({"Content-Type": "application/json"} if data else {}))
        answer: Json = {}
        for base in self._bases:
            answer = http_get(base + path, _TIMEOUT, headers, data, method, self._opener)
            if answer["status"]:
                self._bases = [base]
                break
        if not answer["status"]:
            raise SettingError(f"{method} {path}: {answer['message'] or answer['error']}")
        if answer["status"] == _TOO_MANY:
            raise SettingError(f"{method} {path}: too many calls from here (429); wait a few minutes")
        try:
            reply = json.loads(answer["body"])
        except ValueError:
            reply = None
        if answer["status"] == _NOT_FOUND and not (isinstance(reply, dict) and "success" in reply):
            raise MissingError(f"{method} {path}: there is no such call (404)")
        if not isinstance(reply, dict):
            raise SettingError(f"{method} {path}: status {answer['status']} and no JSON")
        self.said = (answer["status"], reply)
        return reply


class Service(abc.ABC):
    """What a service's client offers: objects by kind and id, read as plain fields, and changed field by field."""

    kind = ""
    """Names the service in the journal."""

    @abc.abstractmethod
    def read(self, kind: str, number: t.Any) -> Fields:
        """Give an object's fields.

        :raises SettingError: it is not there, or may not be seen
        """

    @abc.abstractmethod
    def change(self, kind: str, number: t.Any, fields: Fields) -> None:
        """Give fields of an object other values.

        :raises SettingError: the service refuses
        """


class Stock(Service):
    """A service in which objects are also made and removed."""

    @abc.abstractmethod
    def add(self, kind: str, fields: Fields) -> None:
        """Make an object."""

    @abc.abstractmethod
    def remove(self, kind: str, number: t.Any) -> None:
        """Remove an object."""

    @abc.abstractmethod
    def all(self, kind: str) -> list[Fields]:
        """Give all objects of a kind."""


def lines_of(fields: Fields) -> str:
    """Write fields as text, a line each, for a diff."""
    return "".join(f"{name}: {_shown(value)}\n" for name, value in sorted(fields.items()))


def _shown(value: t.Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return str(value)


def diff_of(title: str, before: Fields, after: Fields) -> Json:
    """Give a module's diff of one object."""
    return {
        "before": lines_of(before),
        "after": lines_of(after),
        "before_header": title,
        "after_header": title,
    }


def titled(where: Json, kind: str, number: t.Any, name: str | None = None) -> str:
    """Name an object: service, kind, number, and its own name where it has another."""
    owner = where.get("container") or where.get("url") or where.get("kind")
    extra = f" ({name})" if name and name != number else ""
    return f"{owner}: {kind} {number}{extra}"


def apply(
    service: Service, where: Json, kind: str, number: t.Any, before: Fields, after: Fields, title: str, run: Json
) -> None:
    """Change an object, written down before.

    :param run: ``run_id`` and ``finding``
    """
    journal = Journal()
    undo = {"where": where, "object": kind, "number": number, "before": before, "after": after}
    change = journal.plan(run["run_id"], run["finding"], ACTION, title, lines_of(before), lines_of(after), undo=undo)
    service.change(kind, number, after)
    journal.mark(change, DONE)


def create(service: Stock, where: Json, kind: str, fields: Fields, title: str, run: Json) -> None:
    """Make an object, written down before; it is found again by its name among those that were not there."""
    journal = Journal()
    there = [item["id"] for item in service.all(kind)]
    undo = {"where": where, "object": kind, "added": fields["name"], "there": there}
    change = journal.plan(run["run_id"], run["finding"], ACTION, title, None, fields["name"], undo=undo)
    service.add(kind, fields)
    journal.mark(change, DONE)


def undo_setting(change: Change, service: Service) -> None:
    """Undo a change: fields that are as it left them get their former values; a made object is removed.

    :raises JournalError: somebody changed them since, or the service refuses
    """
    undo = change.undo
    try:
        if "added" in undo:
            service = t.cast(Stock, service)  # in no other can anything be added
            for item in service.all(undo["object"]):
                if item["id"] not in undo["there"] and item["name"] == undo["added"]:
                    service.remove(undo["object"], item["id"])
            return
        now = service.read(undo["object"], undo["number"])
        back = {
            name: former
            for name, value in undo["before"].items()
            if (former := _former(change, name, value, now.get(name))) != now.get(name)
        }
        if back:
            service.change(undo["object"], undo["number"], back)
    except SettingError as error:
        raise JournalError(f"{change.target}: {error}") from error


def _former(change: Change, name: str, before: t.Any, now: t.Any) -> t.Any:
    """Give the value a field had before the change; that of now where the change was never made."""
    after = change.undo["after"][name]
    if name in COUNTED_DOWN and isinstance(now, int) and isinstance(before, int):
        return now if now <= before else now - (after - before)
    if now in (before, after):
        return before
    raise JournalError(
        f"{change.target}: {name} was changed by somebody since run {change.run_id}; it is left as it is"
    )
