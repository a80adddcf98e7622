# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway holds now: the app's token, whose purse pays, the channels; and which complaints it has outlived."""

from __future__ import annotations

import re
import typing as t

from ..model import Deployment
from ..rule import Hit, Text, hit, refutes, refutes_line, rule
from ._peers import ANSWERS
from .models import channel_models, configured, is_embedding, served_models

Json = dict[str, t.Any]

ENABLED, BY_HAND, EXPIRED, EXHAUSTED = 1, 2, 3, 4
BY_MONITOR = 3
"""Status of a channel that the gateway itself has switched off; of a token and a user, 2 and 3 mean something else."""
PLENTY = 5_000_000
"""Units (10 USD) that no single call is estimated at. With less, only a call shows whether the purse suffices."""
NOT_HELD: Text = {"en": "the gateway holds nothing of that kind now", "zh": "网关当前的数据中已没有这种情况"}
NO_CHANNEL: Text = {
    "en": "no channel serves that model: the gateway said so",
    "zh": "没有渠道提供该模型：这是网关的回复",
}
SERVED: Text = {"en": "the same way has served a call since", "zh": "此后同一路径的调用已经成功"}
SAME_MOMENT = 3.0
"""Seconds by which two logs may tell of one call."""

OWN_REFUSAL = re.compile(r"令牌|未提供 ?api|one_api_error|(?i:invalid token|no token provided|token validation failed)")
"""Words of the gateway about the app's key; a provider's are about the channel's key."""
SPENT = re.compile(r"已用尽|exhausted")
"""One of the two refusals about a token's quota: at the door. The other comes from the estimate of a single call."""
NAMED = re.compile(r"(?:模型|[Mm]odel)[ :：]*[`'\"]?(?P<model>[A-Za-z0-9][\w./:@-]*)")
CHARGED = re.compile(
    r"record (?:consume )?log: .*?(?:userId=|UserId:)(?P<user>\d+)"
    r"(?=.*?(?:channelId=|ChannelId:|\"channel_id\":)(?P<channel>\d+))"
    r"(?=.*?(?:modelName=|ModelName:|\"model_name\":\")(?P<model>[^\s,\"]*))"
)
"""One API logs each call it has charged for; its forks and later versions in other forms."""
FAILED = re.compile(r"relay error \(channel (?:id |#)(?P<channel>\d+)")
REQUEST = re.compile(
    r"\[GIN\] \|\s*(?P<status>\d{3}) .*?\"/v1/\w[\w/]*\".*?\bchid=(?P<channel>\d+)(?:.*?\bmodel=(?P<model>\S+))?"
)
"""AI Proxy logs each request with the channel that took it."""
TURNED_AWAY = re.compile(r"\[GIN\] \|\s*404 (?![^\n]*\bchid=)[^\n]*\"/v1/\w[\w/]*\"")
"""A request for a model that AI Proxy found no channel for: no channel took it."""
ASKED = re.compile(r"\bmodel[\"']?: ?[\"'](?P<model>[^\"']+)")
"""FastGPT logs the request that failed, up to one line after the error."""


def held(d: Deployment, part: str) -> t.Any:
    """Give a part of the gateway's state; None where it could not be asked, or holds none."""
    return (d.probe("gateway_state") or {}).get(part)


def _where(d: Deployment, table: str) -> str:
    state = d.probe("gateway_state") or {}
    return f"{table} of {state.get('container')} ({state.get('read_from')})"


# --- the two purses


@rule("oneapi-user-quota", needs=["probe:gateway_state"], component="oneapi")
def user_spent(d: Deployment) -> t.Iterator[Hit]:
    user = held(d, "user") or {}
    if user.get("quota") is not None and user["quota"] <= 0:
        yield hit(_where(d, "users"), f"{user.get('name')}: quota {user['quota']}", expected=_units(), **_purse(user))


@rule("oneapi-token-quota", needs=["probe:gateway_state"], component="oneapi")
def token_spent(d: Deployment) -> t.Iterator[Hit]:
    token = held(d, "token") or {}
    limited = not token.get("unlimited") and token.get("remain_quota") is not None
    if token.get("status") == EXHAUSTED or (limited and token["remain_quota"] <= 0):
        shown = f"{token.get('name')}: status {token.get('status')}, remain_quota {token.get('remain_quota')}"
        yield hit(_where(d, "tokens"), shown, expected=_units(), **_token_facts(token))


def _units() -> Text:
    return {"en": "units left (500000 are 1 USD)", "zh": "应有剩余额度（500000 = 1 美元）"}


def _purse(user: Json) -> Json:
    return {"user_id": user.get("id"), "user_name": user.get("name"), "quota": user.get("quota")}


def _token_facts(token: Json) -> Json:
    return {"token_id": token.get("id"), "token_name": token.get("name")}


@refutes("oneapi-user-quota")
def user_has_plenty(d: Deployment) -> Text | None:
    quota = (held(d, "user") or {}).get("quota")
    return NOT_HELD if quota is not None and quota >= PLENTY else None


@refutes_line("oneapi-token-quota")
def token_has_plenty(d: Deployment, line: Hit) -> Text | None:
    token = held(d, "token") or {}
    plenty = token.get("unlimited") or (token.get("remain_quota") or 0) >= PLENTY
    if token and plenty and token.get("status") != EXHAUSTED:
        return NOT_HELD
    return ANSWERS if key_accepted(d) and SPENT.search(line.proofs[0].excerpt) else None


# --- the token


@rule("oneapi-token-disabled", needs=["probe:gateway_state"], component="oneapi")
def token_or_user_off(d: Deployment) -> t.Iterator[Hit]:
    token, user = held(d, "token") or {}, held(d, "user") or {}
    expires = token.get("expired_time") or -1
    if token.get("status") in (BY_HAND, EXPIRED) or (d.now and 0 < expires < d.now):
        shown = f"{token.get('name')}: status {token.get('status')}, expired_time {expires}"
        yield hit(_where(d, "tokens"), shown, expected={"en": "status 1", "zh": "应为 status 1"}, **_token_facts(token))
    if user.get("status") not in (None, ENABLED):
        shown = f"{user.get('name')}: status {user['status']}"
        yield hit(_where(d, "users"), shown, expected={"en": "status 1", "zh": "应为 status 1"}, **_purse(user))


@rule("oneapi-token-model-scope", needs=["probe:gateway_state"], component="oneapi")
def token_limited(d: Deployment) -> t.Iterator[Hit]:
    """A token may be limited on purpose: it is the fault where FastGPT is set up to use another model."""
    token = held(d, "token") or {}
    outside = [name for name in configured(d) if token.get("models") and name not in token["models"]]
    if outside:
        yield hit(
            _where(d, "tokens"),
            f"{token.get('name')}: models {', '.join(token['models'])}",
            severity=None if len(outside) == len(configured(d)) else "warning",
            expected={"en": f"also {', '.join(outside)}", "zh": f"还应包含 {', '.join(outside)}"},
            models=outside,
            **_token_facts(token),
        )


@refutes_line("oneapi-token-model-scope")
def scope_wide_enough(d: Deployment, line: Hit) -> Text | None:
    token, named = held(d, "token"), NAMED.search(line.proofs[0].excerpt)
    if token and (not token.get("models") or (named and named["model"] in token["models"])):
        return NOT_HELD
    return None


def key_accepted(d: Deployment) -> Text | None:
    """Tell whether the gateway accepts the app's key at this moment."""
    answer = d.probe("gateway_models")
    return ANSWERS if answer and answer.get("status") == 200 else None


refutes("oneapi-token-disabled", "aiproxy-key-mismatch")(key_accepted)


@refutes("oneapi-token-disabled")
def token_and_user_are_on(d: Deployment) -> Text | None:
    """A spent token is none that was switched off; one limited to other addresses may be refused, though."""
    token, user = held(d, "token") or {}, held(d, "user") or {}
    expires = token.get("expired_time") or -1
    is_off = token.get("status") not in (ENABLED, EXHAUSTED) or (d.now and 0 < expires < d.now)
    return None if is_off or user.get("status") != ENABLED or token.get("subnet") else NOT_HELD


@refutes_line("invalid-api-key")
def own_key_accepted(d: Deployment, line: Hit) -> Text | None:
    return key_accepted(d) if OWN_REFUSAL.search(line.proofs[0].excerpt) else None


# --- channels


@rule("oneapi-channel-disabled", needs=["probe:gateway_state"], component="oneapi")
def switched_off_by_itself(d: Deployment) -> t.Iterator[Hit]:
    """Grave where a model that FastGPT uses is left without a channel; others may have been given up long ago."""
    served = channel_models(d)
    for channel in held(d, "channels") or []:
        alone = [name for name in channel["models"] if name not in served]
        if channel["status"] == BY_MONITOR and any(name in alone for name in configured(d)):
            models = ", ".join(channel["models"])[:300]
            yield hit(
                _where(d, "channels"),
                f"#{channel['id']} {channel['name']}: status {channel['status']}, models {models}",
                expected={"en": "status 1", "zh": "应为 status 1"},
                channel=channel["id"],
            )


@refutes("oneapi-channel-disabled")
def none_switched_off(d: Deployment) -> Text | None:
    channels = held(d, "channels")
    is_off = any(channel["status"] != ENABLED for channel in channels or [])
    return NOT_HELD if channels is not None and not is_off else None


@refutes_line("model-channel-missing", "local-only-no-vector-model", "embedding-api-failing")
def model_served_now(d: Deployment, line: Hit) -> Text | None:
    named = NAMED.search(line.proofs[0].excerpt)
    is_listed = named and named["model"] in (served_models(d) or channel_models(d))
    return NOT_HELD if named and is_listed and not (held(d, "banned") or {}).get(named["model"]) else None


@refutes_line("model-name-mismatch-channel")
def refused_by_the_gateway(d: Deployment, line: Hit) -> Text | None:
    """A model that FastGPT is set up to use and no channel serves is refused by the gateway, in a server's words."""
    named = NAMED.search(line.proofs[0].excerpt)
    if named and held(d, "channels") and named["model"] in configured(d) and named["model"] not in channel_models(d):
        return NO_CHANNEL
    return None


@refutes_line("model-name-mismatch-channel")
def turned_away_at_the_door(d: Deployment, line: Hit) -> Text | None:
    """AI Proxy has the words of a model server for a model without a channel: then no channel took the call."""
    is_at_door = any(
        when is not None and line.when is not None and abs(when - line.when) <= SAME_MOMENT
        for log in d.log_of("aiproxy")
        for when in (log.line_at(match.start())[2] for match in log.search(TURNED_AWAY))
    )
    return NO_CHANNEL if is_at_door and not _failed_by(d, line) else None


@refutes_line("model-channel-missing")
def none_left_out(d: Deployment, line: Hit) -> Text | None:
    """A line that names no model tells of an overload: it stands as long as a channel is off or banned."""
    is_named = NAMED.search(line.proofs[0].excerpt)
    return none_switched_off(d) if not is_named and not held(d, "banned") else None


@rule("aiproxy-model-config-missing", needs=["probe:gateway_state", "probe:gateway_models"], component="aiproxy")
def enabled_but_not_listed(d: Deployment) -> t.Iterator[Hit]:
    """AI Proxy lists a channel's model only where it has settings for it (unless told to do without)."""
    listed = (d.probe("gateway_models") or {}).get("models")
    unlisted = [name for name in channel_models(d) if listed is not None and name not in listed]
    if unlisted:
        yield hit(
            _where(d, "channels"),
            f"served by a channel, not listed: {', '.join(unlisted)}"[:400],
            severity=None if any(name in unlisted for name in configured(d)) else "warning",
            expected={"en": "a model config for each of them", "zh": "每个模型都应有模型配置"},
        )


# --- calls that were served since


class Call(t.NamedTuple):
    """A call as the gateway's log has it; ``user`` and ``model`` as far as they are told."""

    when: float
    channel: str
    served: bool
    user: str | None
    model: str | None


def calls(d: Deployment) -> list[Call]:
    """Give the calls that reached a channel in the gateway's present run, oldest first; none without times."""
    found = []
    for log in (*d.log_of("oneapi"), *d.log_of("aiproxy")):
        for pattern in (CHARGED, FAILED, REQUEST):
            for match in log.search(pattern):
                when = log.line_at(match.start())[2]
                if when is not None:
                    found.append(_call(when, match.groupdict()))
    return sorted(found, key=lambda call: call.when)


def _call(when: float, said: dict[str, str | None]) -> Call:
    served = said["status"] == "200" if "status" in said else "user" in said
    return Call(when, str(said["channel"]), served, said.get("user"), said.get("model"))


@refutes_line("oneapi-user-quota", "oneapi-token-quota")
def charged_since(d: Deployment, line: Hit) -> Text | None:
    """A call charged to the same user after the complaint shows that the purse is filled again."""
    user = (held(d, "user") or {}).get("id")
    is_paid = any(
        call.served and call.user in (None, str(user or call.user)) and line.when and call.when > line.when
        for call in calls(d)
    )
    return SERVED if is_paid else None


@refutes_line("upstream-key-quota", "invalid-api-key", "upstream-region-blocked", "model-tls-error", "upstream-error")
def channel_served_since(d: Deployment, line: Hit) -> Text | None:
    return SERVED if _served_since(d, line) else None


@refutes_line("model-channel-missing", "local-only-no-vector-model")
def model_served_since(d: Deployment, line: Hit) -> Text | None:
    """Whatever has become of the model's channel now, what the line tells of was over when the model served a call."""
    named = NAMED.search(line.proofs[0].excerpt)
    later = [call for call in calls(d) if call.served and _is_after(call, line)]
    is_over = named and any(call.model in _names_of(d, call.channel, named["model"]) for call in later)
    return SERVED if is_over else None


@refutes_line("embedding-api-failing")
def embedding_served_since(d: Deployment, line: Hit) -> Text | None:
    """A call that had not come as far as a channel is made good by the next one of an embedding model."""
    later = _served_since(d, line) if _failed_by(d, line) else [c for c in calls(d) if c.served and _is_after(c, line)]
    return SERVED if any(is_embedding(d, call.model or "") for call in later) else None


def _failed_by(d: Deployment, line: Hit) -> list[Call]:
    """Give the calls that a channel had failed by the time the line was written."""
    return [c for c in calls(d) if line.when and not c.served and c.when <= line.when + SAME_MOMENT]


def _is_after(call: Call, line: Hit) -> bool:
    return line.when is not None and call.when > line.when


def _served_since(d: Deployment, line: Hit) -> list[Call]:
    """Give the calls that the channel, which failed when the line was written, has served after it.

    Where FastGPT says which model it had asked for, only calls of that model count.
    """
    failed = _failed_by(d, line)
    if not failed or line.when is None:
        return []
    model = _asked_at(d, line.when)
    return [
        call
        for call in calls(d)
        if call.served
        and call.when > failed[-1].when
        and call.channel == failed[-1].channel
        and (not model or call.model in _names_of(d, call.channel, model))
    ]


def _asked_at(d: Deployment, when: float) -> str | None:
    """Tell which model FastGPT had asked for when a complaint was written."""
    for log in d.log_of("app"):
        for match in log.search(ASKED):
            said = log.line_at(match.start())[2]
            if said is not None and abs(said - when) <= SAME_MOMENT:
                return match["model"]
    return None


def _names_of(d: Deployment, channel: str, model: str) -> set[str]:
    """Give the names a model has on either side of a channel, which may redirect it."""
    redirected = (c["mapping"].get(model) for c in held(d, "channels") or [] if str(c["id"]) == channel)
    return {model, *filter(None, redirected)}
