# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures inside the model gateway: balances, tokens and channels, through its own interface."""

from __future__ import annotations

import typing as t

from ...module_utils._gateway_admin import wanted
from ...module_utils._settings import lines_of, titled
from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, fixes
from ..model import Deployment, Json
from ..rules.gateway_state import BY_MONITOR, ENABLED, NAMED, PLENTY, held
from ..rules.models import channel_models, configured

TOP_UP = 50_000_000
"""Units (100 USD) that a purse is filled to: ten times what no single call is estimated at."""
CACHES = ("MEMORY_CACHE_ENABLED", "REDIS_CONN_STRING")
CACHED = {
    "en": "the gateway keeps such values in a cache: calls see the change after SYNC_FREQUENCY seconds (default 600)",
    "zh": "网关会缓存这些数据：SYNC_FREQUENCY 秒（默认 600）之后调用才会看到变化",
}
OFF_AGAIN = {
    "en": "the gateway had switched the channel off because of an error; where the reason stays, it does so again",
    "zh": "该渠道是网关因报错自动禁用的；若原因仍在，还会再次被禁用",
}


class Change:
    """What the role is to do in the gateway, collected object by object, and the diff of it."""

    def __init__(self, d: Deployment):
        state = (d.evidence.get("probes") or {}).get("gateway_state") or {}
        if state.get("error") or not state.get("container"):
            reason = state.get("error") or "no answer"
            raise CannotFixError(
                f"the gateway's state is not known here ({reason}); the steps of the finding say what to do by hand",
                f"无法得知网关的状态（{reason}）；请按该问题的步骤手工处理",
            )
        self.kind: str = state["kind"]
        self._d = d
        self._where = {"kind": self.kind, "container": state["container"]}
        self._variables: Json = {"kind": self.kind, "container": state["container"]}
        self._diffs: list[str] = []
        self._ask_for_login()

    def _ask_for_login(self) -> None:
        given = self._d.given
        if self.kind == "oneapi" and "oneapi_token" not in given and not {"oneapi_user", "oneapi_password"} <= given:
            raise CannotFixError(
                "One API has to be changed by its administrator: give fastgpt_oneapi_user and fastgpt_oneapi_password,"
                " or fastgpt_oneapi_token (from a vault, or FASTGPT_ONEAPI_... in the environment), and it is done for"
                " you",
                "修改 One API 需要管理员登录：请提供 fastgpt_oneapi_user 和 fastgpt_oneapi_password，或者"
                " fastgpt_oneapi_token（放在 vault 中，或用环境变量 FASTGPT_ONEAPI_...），即可自动处理",
            )

    def wish(self, kind: str, now: Json | None, **wish: t.Any) -> None:
        """Wish something of an object; what is true already is no change."""
        if not now:
            raise CannotFixError(
                f"FastGPT's {kind} is not known in the gateway", f"在网关中找不到 FastGPT 使用的 {_ZH.get(kind, kind)}"
            )
        fields = wanted(kind, now, wish, self._d.now)
        if not fields:
            return
        whole = {"id": now["id"], **wish}
        if kind == "channel":
            self._variables.setdefault("channels", []).append(whole)
        else:
            self._variables[kind] = whole
        title = titled(self._where, kind, now["id"], now.get("name"))
        before = {name: now.get(name) for name in fields}
        self._diffs.append(setting_diff(title, lines_of(before), lines_of(fields)))

    def add_channel(self, models: t.Sequence[str]) -> None:
        """Have the channel added that the operator gives."""
        self._variables["add_channel"] = True
        title = titled(self._where, "channel", "<given:fastgpt_channel>")
        self._diffs.append(setting_diff(title, "", lines_of({"models": models})))

    def fix(self, *notes: t.Mapping[str, str]) -> Fix:
        """Give the fix.

        :raises CannotFixError: there is nothing to change
        """
        if not self._diffs:
            raise CannotFixError(
                "the gateway's own state shows nothing to change: what the line tells of is elsewhere, or over",
                "网关当前的状态没有需要修改的地方：日志所说的问题在别处，或已经过去",
            )
        cached = any(self._d.env_of(self.kind).get(name) for name in CACHES)
        return Fix(
            "oneapi", self._variables, diff="\n".join(self._diffs), notes=(*notes, *((CACHED,) if cached else ()))
        )


def setting_diff(title: str, before: str, after: str) -> str:
    """Say in the manner of a diff which fields of an object change."""
    lines = [f"--- {title}", f"+++ {title}"]
    return "\n".join(lines + [f"-{line}" for line in before.splitlines()] + [f"+{line}" for line in after.splitlines()])


_ZH = {"user": "用户", "token": "令牌", "channel": "渠道"}


# --- purses


@fixes("oneapi-user-quota")
def top_up_user(d: Deployment, _finding: Finding) -> Fix:
    """Fill the balance of the user that FastGPT's token belongs to."""
    change = Change(d)
    user = held(d, "user")
    if user and (user.get("quota") or 0) >= PLENTY:
        raise CannotFixError(
            f"{user.get('name')} has {user['quota']} units; the call was estimated at more (lower max_tokens), or the"
            " gateway's cache is old",
            f"{user.get('name')} 还有 {user['quota']} 额度；可能单次预估费用过高（请调低 max_tokens），或缓存未刷新",
        )
    change.wish("user", user, quota=TOP_UP)
    return change.fix()


@fixes("oneapi-token-quota")
def top_up_token(d: Deployment, _finding: Finding) -> Fix:
    """Raise the limit of FastGPT's token, and switch on what the gateway has switched off because of it."""
    change = Change(d)
    change.wish("token", held(d, "token"), quota=TOP_UP, enabled=True)
    return change.fix()


# --- the token


@fixes("oneapi-token-disabled")
def switch_on(d: Deployment, _finding: Finding) -> Fix:
    """Switch FastGPT's token on, renew one that has expired, and switch its user on."""
    change = Change(d)
    token, user = held(d, "token"), held(d, "user")
    if token and token.get("subnet") and token.get("status") == ENABLED:
        raise CannotFixError(
            f"the token is limited to {token['subnet']}; add FastGPT's network there by hand",
            f"该令牌限定了网段 {token['subnet']}，请手工加入 FastGPT 所在网段",
        )
    change.wish("token", token, enabled=True)
    if user and user.get("status") != ENABLED:
        change.wish("user", user, enabled=True)
    return change.fix()


@fixes("oneapi-token-model-scope")
def widen_scope(d: Deployment, finding: Finding) -> Fix:
    """Let FastGPT's token use the models FastGPT is set up to use, and the one that was refused."""
    change = Change(d)
    token = held(d, "token") or {}
    wanted_models = dict.fromkeys((*configured(d), *_named(d, finding)))
    change.wish("token", token, models=[name for name in wanted_models if name not in (token.get("models") or [])])
    return change.fix()


def _named(d: Deployment, finding: Finding) -> list[str]:
    """Name the models that the log lines of a finding tell of."""
    logs = tuple(log.source for log in d.logs)
    found = (NAMED.search(proof.excerpt) for proof in finding.hit.proofs if proof.source.startswith(logs))
    return [match["model"] for match in found if match]


# --- channels


@fixes("model-channel-missing", "oneapi-channel-disabled")
def open_channel(d: Deployment, finding: Finding) -> Fix:
    """Switch channels on that serve what is missing, or open them to FastGPT's group; else add the one given."""
    change = Change(d)
    served, group = channel_models(d), (held(d, "user") or {}).get("group")
    missing = [name for name in dict.fromkeys((*configured(d), *_named(d, finding))) if name not in served]
    channels = [c for c in held(d, "channels") or [] if any(name in missing for name in c["models"])]
    by_monitor = change.kind == "oneapi" and any(channel["status"] == BY_MONITOR for channel in channels)
    for channel in channels:
        change.wish("channel", channel, enabled=True, groups=[group] if group else [])
    if not channels and missing:
        if "channel" not in d.given:
            raise CannotFixError(
                f"no channel of the gateway names {', '.join(missing)}; give one as fastgpt_channel (name, type, key,"
                " base_url, models) and it is added, or take these models out of FastGPT",
                f"网关中没有包含 {', '.join(missing)} 的渠道；请用 fastgpt_channel（name、type、key、base_url、models）"
                "提供一个，即可自动添加；或者从 FastGPT 中去掉这些模型",
            )
        change.add_channel(missing)
    return change.fix(*((OFF_AGAIN,) if by_monitor else ()))
