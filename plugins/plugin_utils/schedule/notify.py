# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell people what changed: five kinds of receivers, each in its own form, tried again where that can help.

Forms: Feishu's and DingTalk's custom bots (a card and a Markdown message, both signed where there is a secret), WeCom's
group bot (Markdown, at most 4096 bytes), Slack's incoming webhook (blocks), and plain JSON for anything else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils import urls

from .config import Target
from .news import News

Json = dict[str, t.Any]

TRIES = 4
PAUSE = 2.0
"""Seconds before the second try; they double."""
TIMEOUT = 10.0
_BUSY = {9499, 11232, 130101, 45009, -1}
"""Codes in the answers of Feishu (two), DingTalk, WeCom (two) that mean: too often or too busy, try later."""


class NotifyError(Exception):
    """A receiver did not take the message; says why, and never its address."""


class _Retry(Exception):
    """It may work in a moment."""


def payload(target: Target, news: News, now: float) -> Json:
    """Make the message for a receiver.

    :param now: seconds since the epoch, which Feishu signs
    """
    return _FORMS[target.kind](target, news, now)


def _webhook(_target: Target, news: News, _now: float) -> Json:
    return news.as_json()


def _feishu(target: Target, news: News, now: float) -> Json:
    card = {
        "config": {"wide_screen_mode": True},
        "header": {
            "title": {"tag": "plain_text", "content": news.title},
            "template": "red" if news.bad else "green",
        },
        "elements": [{"tag": "markdown", "content": news.markdown(18_000)}],
    }
    message: Json = {"msg_type": "interactive", "card": card}
    if target.secret:
        stamp = str(int(now))
        key = f"{stamp}\n{target.secret}".encode()
        message |= {"timestamp": stamp, "sign": _signature(key, b"")}
    return message


def _dingtalk(_target: Target, news: News, _now: float) -> Json:
    text = f"### {news.title}\n\n{news.markdown(18_000)}"
    return {"msgtype": "markdown", "markdown": {"title": news.title, "text": text}}


def _wecom(_target: Target, news: News, _now: float) -> Json:
    title = f"### {news.title}\n"
    return {"msgtype": "markdown", "markdown": {"content": title + news.markdown(4096 - len(title.encode()))}}


def _slack(_target: Target, news: News, _now: float) -> Json:
    def escape(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    text = escape(news.markdown(2_400)).replace("**", "*")
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": news.title[:150]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}},
    ]
    return {"text": escape(news.title), "blocks": blocks}


_FORMS: dict[str, t.Callable[[Target, News, float], Json]] = {
    "webhook": _webhook,
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
    "slack": _slack,
}


def address(target: Target, now: float) -> str:
    """Give the address a message goes to; DingTalk's signature is a part of it."""
    if target.kind != "dingtalk" or not target.secret:
        return target.url
    stamp = str(round(now * 1000))
    sign = _signature(target.secret.encode(), f"{stamp}\n{target.secret}".encode())
    join = "&" if "?" in target.url else "?"
    return f"{target.url}{join}{urllib.parse.urlencode({'timestamp': stamp, 'sign': sign})}"


def _signature(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def send(target: Target, news: News, pause: t.Callable[[float], None] = time.sleep) -> None:
    """Send the news, again and again where the receiver is not there or is busy.

    :raises NotifyError: it was not taken
    """
    wait = PAUSE
    for number in range(1, TRIES + 1):
        try:
            _post(target, news)
        except _Retry as reason:
            if number == TRIES:
                raise NotifyError(f"{target.kind}: not sent after {TRIES} tries: {reason}") from None
            pause(wait)
            wait *= 2
        else:
            return


def _post(target: Target, news: News) -> None:
    now = time.time()
    data = json.dumps(payload(target, news, now), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        with urls.open_url(
            address(target, now), data, headers, "POST", timeout=TIMEOUT, http_agent="fastgpt.ops"
        ) as answer:
            _check(target, answer.read(65536))
    except urllib.error.HTTPError as error:
        words = f"HTTP {error.code}"
        if error.code == 429 or error.code >= 500:
            raise _Retry(words) from None
        raise NotifyError(f"{target.kind}: refused with {words}") from None
    except (OSError, ValueError, urls.ConnectionError) as error:
        # an error's own words may hold the address
        reason = getattr(error, "reason", None)
        raise _Retry(type(reason if isinstance(reason, Exception) else error).__name__) from None


def _check(target: Target, body: bytes) -> None:
    """Look into the answer: all but Slack and plain webhooks say with status 200 that they refused."""
    if target.kind in ("webhook", "slack"):
        return
    try:
        answer = json.loads(body)
    except ValueError:
        raise NotifyError(f"{target.kind}: the answer is not JSON") from None
    code = answer.get("code", answer.get("errcode", answer.get("StatusCode", 0)))
    if code == 0:
        return
    words = f"code {code}: {str(answer.get('msg') or answer.get('errmsg') or '')[:200]}"
    if code in _BUSY:
        raise _Retry(words)
    raise NotifyError(f"{target.kind}: refused with {words}")
