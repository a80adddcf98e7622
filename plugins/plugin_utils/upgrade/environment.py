# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade writes into services' variables: the rules of the catalogue, applied to what a deployment has."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import releases
from ..releases import Release
from .plan import Ask, EnvChange, Text, Value
from .services import HOST_MADE, VALUES
from .stack import Stack, is_hidden

Json = dict[str, t.Any]

COMPONENT_OF = {
    "fastgpt": "app",
    "fastgpt-plugin": "plugin",
    "fastgpt-sandbox": "sandbox",
    "fastgpt-code-sandbox": "sandbox",
    "fastgpt-mcp-server": "mcp",
}
"""Components by the names that releases.yml gives services in lists of variables."""
PUBLIC = frozenset({"FE_DOMAIN", "STORAGE_EXTERNAL_ENDPOINT"})
"""Given values that are no secret: a plan may hold them."""
_ASKS: dict[str, Text] = {
    "FE_DOMAIN": {
        "en": "the address users open, with http:// or https:// and without a slash at the end",
        "zh": "用户访问的地址，以 http:// 或 https:// 开头，末尾不带斜杠",
    },
    "STORAGE_EXTERNAL_ENDPOINT": {
        "en": "the object storage's address for browsers and containers, e.g. http://192.168.0.2:9000; no loopback",
        "zh": "浏览器和容器都能访问的对象存储地址，例如 http://192.168.0.2:9000；不能是回环地址",
    },
}


@dataclasses.dataclass
class Changes:
    """What a hop writes, and what the host has to find for it."""

    env: list[EnvChange] = dataclasses.field(default_factory=list)
    values: dict[str, Value] = dataclasses.field(default_factory=dict)
    asks: dict[str, Ask] = dataclasses.field(default_factory=dict)


class Writer:
    """Applies the rules of releases to a stack, whose variables move on with every hop.

    :param given: values of the operator, by name
    """

    def __init__(self, stack: Stack, given: t.Mapping[str, str]):
        self.stack = stack
        self.given = given
        self.changes = Changes()
        self.fresh: frozenset[str] = frozenset()
        self.origins: dict[tuple[str, str], str] = {}
        """By component and new name: the name a renamed variable had when the hop began."""
        self.reasons: dict[tuple[str, str], Text] = {}

    def hop(self, passed: t.Sequence[Release], fresh: t.Iterable[str], more: t.Sequence[Json] = ()) -> Changes:
        """Write what the releases passed in one hop ask for.

        :param fresh: components that come in with this hop: theirs is the whole environment of that release
        :param more: rules beside those of the releases
        """
        self.changes, self.fresh = Changes(), frozenset(fresh)
        self.origins, self.reasons = {}, {}
        before = {component: dict(part.env) for component, part in self.stack.parts.items()}
        there = set(self.stack.parts) - self.fresh
        versions = {release.version for release in passed}
        for release in releases.up_to(passed[-1].version) if fresh else passed:
            if release.version in versions:
                self._release(release, set(self.stack.parts))
            elif release.version.is_final:
                self._release(release, set(self.fresh))
        for rule in more:
            self._set(rule)
        for component in sorted(there):
            self._compare(component, before[component])
        return self.changes

    def settle(self) -> None:
        """Forget, after a hop, how values came about: from then on they are in the variables."""
        for part in self.stack.parts.values():
            part.texts.clear()
            for name, value in part.env.items():
                if "<value:" in value:
                    made = re.fullmatch(r"<value:([^>]+)>", value)
                    how = self.changes.values.get(made[1]) if made else None
                    token = f"<secret:{part.component}-{name}>"
                    if how and how.kind == "random":
                        self.stack.lengths[token] = how.length
                    part.env[name] = token

    def _compare(self, component: str, before: t.Mapping[str, str]) -> None:
        """Note down how a service's variables differ from those it had when the hop began."""
        part = self.stack.parts[component]
        renamed = {self.origins.get((component, name)) for name in part.env}
        for name, value in part.env.items():
            if before.get(name) == value:
                continue
            old = self.origins.get((component, name))
            why = self.reasons.get((component, name))
            if old and before.get(old) == value and not before.get(name):
                self.changes.env.append(EnvChange(part.service, "rename", name, part.file, old=old, why=why))
            else:
                text = part.texts.get(name, value)
                self.changes.env.append(EnvChange(part.service, "set", name, part.file, text, why=why))
        for name in before.keys() - part.env.keys():
            if name in part.own and name not in renamed:
                self.changes.env.append(EnvChange(part.service, "remove", name, part.file))
        part.own |= part.env.keys() - before.keys()
        self.changes.env.sort(key=lambda change: (change.service, change.action, change.name))

    # --- one release

    def _release(self, release: Release, components: t.Collection[str]) -> None:
        facts = release.facts
        rules = [rule for rule in facts.get("env_set") or [] if rule["service"] in components]
        computed = {(rule["service"], rule["name"]) for rule in rules if rule.get("value") in _COMPUTED}
        for entry, new in (facts.get("env_renamed") or {}).items():
            component, old = self._variable(entry)
            if component in components and (component, new) not in computed:
                self._rename(component, old, new)
        for rule in rules:
            if rule["service"] in self.stack.parts:
                self._set(rule)
        for entry in facts.get("env_removed") or []:
            component, name = self._variable(entry)
            if component in components:
                self._remove(component, name)
        if release.version == CONFIG_JSON_ENDS and "app" in components:
            for name, value in self.stack.settings.items():
                self._take_over(name, value)

    def _variable(self, entry: str) -> tuple[str, str]:
        service, name = releases.service_and_name(entry)
        return COMPONENT_OF.get(service, service), name

    def _rename(self, component: str, old: str, new: str) -> None:
        part = self.stack.parts[component]
        value = self.stack.env(component, old)
        if value is None or self.stack.env(component, new):
            return
        del part.env[old]
        part.env[new] = value
        if old in part.texts:
            part.texts[new] = part.texts.pop(old)
        self.origins[component, new] = self.origins.get((component, old), old)

    def _remove(self, component: str, name: str) -> None:
        """Drop a variable that is no longer read; one that got a new name in a later release gets it now."""
        part = self.stack.parts[component]
        now = releases.renamed(releases.releases()[-1].version, _SERVICE_OF.get(component, ""))
        for known in [known for known in part.env if known == name or _in_family(known, name)]:
            if known in now:
                self._rename(component, known, now[known])
            part.env.pop(known, None)

    # --- rules

    def _set(self, rule: Json) -> None:
        component, name = rule["service"], rule["name"]
        if not self.stack.applies(rule.get("only"), self.stack.build or _NONE):
            return
        now = self.stack.env(component, name)
        if "map" in rule:
            if now in rule["map"]:
                self._write(rule, rule["map"][now], rule["map"][now])
            return
        if now is None and rule.get("optional"):
            return
        if now is not None and not self._too_short(rule, now) and not self._same_database(rule, now):
            return
        self._write(rule, *self._value(rule))

    def _too_short(self, rule: Json, now: str) -> bool:
        length = self.stack.length(now)
        return "min_length" in rule and length is not None and length < rule["min_length"]

    def _same_database(self, rule: Json, now: str) -> bool:
        """Tell whether an address names the same database as the one it must differ from."""
        if "database" not in rule:
            return False
        component, name = rule["same_as"].split(": ")
        other = self.stack.env(component, name)
        return other is not None and _database(now) == _database(other)

    def _value(self, rule: Json) -> tuple[str, str]:
        """Find the value and how to write it: as another variable's, else as the rule says, else the operator's."""
        if "same_as" in rule:
            component, name = rule["same_as"].split(": ")
            if found := self._copied(component, name, rule.get("database")):
                return found
        if "value" in rule and (text := self._filled(rule)) is not None:
            return text, text
        given = rule.get("given", True)
        text = self._given(rule["name"] if given is True else given) + str(rule.get("suffix", ""))
        return text, text

    def _copied(self, component: str, name: str, database: str | None) -> tuple[str, str] | None:
        value = self.stack.env(component, name)
        if value is None:
            return None
        part = self.stack.parts[component]
        text = part.texts.get(name, value)
        if not database and ("<value:" in text or not is_hidden(text)):
            return value, text
        name = self.origins.get((component, name), name)
        key = f"{component}-{name.lower().replace('_', '-')}" + (f"-{database}" if database else "")
        self.changes.values[key] = Value("variable", service=part.service, variable=name, database=database)
        return _with_database(value, database), f"<value:{key}>"

    def _filled(self, rule: Json) -> str | None:
        """Fill a rule's value in; None where it needs a component that is not there or a value only a new one has."""
        text: str = rule["value"]
        if text in _COMPUTED:
            return self._s3_endpoint(rule["service"]) if text == "{s3_endpoint}" else self._s3_external(rule["service"])
        for made in re.findall(r"<value:([^>]+)>", text):
            if made in HOST_MADE and HOST_MADE[made] not in self.fresh:
                return None
            self.changes.values[made] = VALUES[made]
        for component in re.findall(r"\{([^}]+)\}", text):
            if not self.stack.has(component):
                return None
            text = text.replace(f"{{{component}}}", self.stack.parts[component].service)
        return text

    def _s3_endpoint(self, component: str) -> str | None:
        """Put S3_ENDPOINT, S3_PORT and S3_USE_SSL together as one address; MinIO's own where there are none."""
        host = self.stack.env(component, "S3_ENDPOINT")
        if host is None:
            return f"http://{self.stack.parts['storage'].service}:9000" if self.stack.has("storage") else None
        scheme = "https" if self.stack.env(component, "S3_USE_SSL") == "true" else "http"
        port = self.stack.env(component, "S3_PORT")
        usual = {"http": "80", "https": "443"}[scheme]
        return f"{scheme}://{host}" + (f":{port}" if port and port != usual else "")

    def _s3_external(self, component: str) -> str | None:
        """Give the address of MINIO_CUSTOM_ENDPOINT without the bucket that stands behind it."""
        address = re.match(r"(https?://[^/]+)", self.stack.env(component, "MINIO_CUSTOM_ENDPOINT") or "")
        return address[1] if address else None

    def _given(self, name: str) -> str:
        if name in self.given and name in PUBLIC:
            return self.given[name].rstrip("/")
        if name not in self.given:
            usual: Text = {"en": f"the value of {name}", "zh": f"{name} 的值"}
            self.changes.asks[name] = Ask(name, _ASKS.get(name, usual))
        self.changes.values[name] = Value("given")
        return f"<value:{name}>"

    def _take_over(self, name: str, value: str) -> None:
        if not self.stack.env("app", name):
            text = self._given(name) if is_hidden(value) else value
            why = {"en": "stood in config.json, which is no longer read", "zh": "原来写在 config.json 中，现已不再读取"}
            self._write({"service": "app", "name": name, "why": why}, text, text)

    def _write(self, rule: Json, value: str, text: str) -> None:
        component, name = rule["service"], rule["name"]
        part = self.stack.parts[component]
        part.env[name] = value
        part.texts[name] = text
        if "why" in rule:
            self.reasons[component, name] = rule["why"]


def _in_family(name: str, family: str) -> bool:
    return family.endswith("*") and name.startswith(family[:-1])


def _with_database(address: str, database: str | None) -> str:
    """Name another database in an address."""
    return re.sub(r"(@[^/?]+)/[^?]*", rf"\1/{database}", address) if database else address


def _database(address: str) -> str:
    return address.rpartition("@")[2].partition("/")[2].partition("?")[0]


_COMPUTED = ("{s3_endpoint}", "{s3_external}")
"""Values that are put together from several old variables."""
_SERVICE_OF = {"app": "fastgpt", "plugin": "fastgpt-plugin"}
_NONE = t.cast("releases.Version", releases.Version.parse("0.0.0"))
CONFIG_JSON_ENDS = t.cast("releases.Version", releases.Version.parse("4.15.0"))
"""From here on config.json is not read at all."""
