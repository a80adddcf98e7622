# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for people: a table for the terminal (a row a hop, of several hosts a row a host), and one HTML page."""

from __future__ import annotations

import io
import pathlib
import typing as t

import jinja2

from ..report.page import both
from ..versions import split_image

Json = dict[str, t.Any]

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_REPORT = pathlib.Path(__file__).parents[1] / "report" / "templates"

WORDS: dict[str, dict[str, str]] = {
    "title": {"en": "FastGPT upgrade plan", "zh": "FastGPT 升级计划"},
    "host": {"en": "host", "zh": "主机"},
    "now": {"en": "now", "zh": "当前"},
    "target": {"en": "target", "zh": "目标"},
    "way": {"en": "way", "zh": "路径"},
    "hop": {"en": "hop", "zh": "步骤"},
    "images": {"en": "images", "zh": "镜像"},
    "settings": {"en": "settings", "zh": "配置"},
    "calls": {"en": "calls", "zh": "脚本"},
    "by_hand": {"en": "by hand", "zh": "人工"},
    "away": {"en": "away", "zh": "停机"},
    "state": {"en": "state", "zh": "状态"},
    "ready": {"en": "ready", "zh": "可以执行"},
    "nothing": {"en": "is there already", "zh": "已是目标版本"},
    "refused": {"en": "refused", "zh": "拒绝"},
    "asks": {"en": "asks", "zh": "需要提供"},
    "next": {"en": "next legal target", "zh": "下一个可用目标"},
    "new": {"en": "new", "zh": "新增"},
    "database": {"en": "database", "zh": "数据库"},
    "why": {"en": "why", "zh": "原因"},
    "running": {"en": "What runs now", "zh": "当前运行的镜像"},
    "recreates": {"en": "new containers", "zh": "重建容器"},
    "values": {"en": "Found or made on the host", "zh": "由主机获取或生成的值"},
    "notes": {"en": "What users will notice", "zh": "用户会注意到的变化"},
    "before": {"en": "before", "zh": "升级前"},
    "after": {"en": "after", "zh": "升级后"},
    "must": {"en": "must be done before going on", "zh": "完成后才能继续"},
    "writes": {"en": "data changes: the way back needs the backup", "zh": "会改动数据：回退需要备份"},
    "unchanged": {"en": "Nothing was changed.", "zh": "没有做任何改动。"},
    "language": {"en": "Language", "zh": "语言"},
    "seconds": {"en": "~{:.0f} s", "zh": "约 {:.0f} 秒"},
    "remove": {"en": "is taken out", "zh": "删除"},
    "random": {"en": "{length} random characters", "zh": "{length} 位随机字符"},
    "variable": {"en": "{variable} of {service}", "zh": "{service} 的 {variable}"},
    "given": {"en": "given by you", "zh": "由您提供"},
}


_GIVE = '-e \'{{"fastgpt_upgrade_values": {{"{}": "..."}}}}\''


def word(key: str, lang: str) -> str:
    return WORDS[key][lang]


# --- the terminal


def table(document: Json, lang: str, width: int) -> str:
    """Draw the plan.

    :param width: cells of the terminal
    :raises ImportError: Python package rich is not there
    """
    hosts = document["hosts"]
    parts = [_fleet(hosts, lang, width)] if len(hosts) != 1 else [_host(hosts[0], lang, width)]
    for host in hosts:
        parts += _remarks(host, lang, several=len(hosts) > 1)
    return "\n".join(parts)


def _draw(headers: t.Sequence[str], rows: t.Iterable[t.Sequence[str]], width: int) -> str:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headers, box=SIMPLE, pad_edge=False, header_style="")
    for row in rows:
        drawn.add_row(*map(Text, row))
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None, highlight=False).print(drawn)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines() if line.strip())


def _host(host: Json, lang: str, width: int) -> str:
    """Draw one host: a row a hop."""
    head = f"{host['host']}  {host['current'] or '?'} → {host['target']}  {_state(host, lang)}"
    if not host["hops"]:
        return head
    keys = ("hop", "images", "settings", "calls", "by_hand", "away")
    rows = (
        (
            hop["version"],
            "\n".join(images(hop)),
            "\n".join(settings(hop, lang)),
            "\n".join(f"{call['method']} {call['path']}" for call in hop["scripts"]),
            str(len(hop["tasks"]) or ""),
            away(hop["downtime"], lang),
        )
        for hop in host["hops"]
    )
    return f"{head}\n{_draw([word(key, lang) for key in keys], rows, width)}"


def _fleet(hosts: t.Sequence[Json], lang: str, width: int) -> str:
    """Draw several hosts: a row a host."""
    keys = ("host", "now", "target", "way", "calls", "new", "by_hand", "away", "state")
    rows = (
        (
            host["host"],
            host["current"] or "?",
            host["target"],
            " → ".join(hop["version"] for hop in host["hops"]),
            _count(host, "scripts"),
            ", ".join(service["name"] for hop in host["hops"] for service in hop["services"]),
            _count(host, "tasks"),
            away(sum(hop["downtime"] for hop in host["hops"]), lang),
            _state(host, lang),
        )
        for host in hosts
    )
    return _draw([word(key, lang) for key in keys], rows, width)


def _count(host: Json, key: str) -> str:
    return str(sum(len(hop[key]) for hop in host["hops"]) or "")


def _state(host: Json, lang: str) -> str:
    if host["refusals"]:
        return f"{word('refused', lang)}: {', '.join(refusal['code'] for refusal in host['refusals'])}"
    if host["asks"]:
        return f"{word('asks', lang)}: {', '.join(ask['name'] for ask in host['asks'])}"
    return word("ready" if host["hops"] else "nothing", lang)


def _remarks(host: Json, lang: str, several: bool) -> t.Iterator[str]:
    """Say below the table why a host is refused, what is asked, and what to mind."""
    name = f"{host['host']}: " if several else ""
    for refusal in host["refusals"]:
        following = f" ({word('next', lang)}: {refusal['next']})" if refusal["next"] else ""
        yield f"✗ {name}{refusal['text'][lang]}{following}"
    for ask in host["asks"]:
        yield f"? {name}{ask['name']}: {ask['text'][lang]}; {_GIVE.format(ask['name'])}"
    for warning in host["warnings"]:
        yield f"! {name}{warning[lang]}"
    for hop in host["hops"]:
        for task in hop["tasks"]:
            if task["blocking"]:
                yield f"! {name}{hop['version']} [{task['id']}] {task['text'][lang]}"


def images(hop: Json) -> list[str]:
    """Give a hop's images in a few words each: the service and its new tag."""
    return [f"{change['service']} {split_image(change['after'])[1]}" for change in hop["images"]]


def settings(hop: Json, lang: str) -> list[str]:
    """Give a hop's other changes in a few words each."""
    signs = {"set": "= {name}", "rename": "{old} → {name}", "remove": "- {name}"}
    lines = [f"+ {service['name']}" for service in hop["services"]]
    lines += [signs[change["action"]].format(**change) for change in hop["env"]]
    return lines + [
        f"{word('database', lang)}: {step['service']} {step['before']} → {step['after']}" for step in hop["database"]
    ]


def away(seconds: float, lang: str) -> str:
    return word("seconds", lang).format(seconds) if seconds else ""


# --- the page


def render_html(document: Json, lang: str) -> str:
    """Make upgrade-plan.html: no outside request, both languages inside, readable without scripts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_TEMPLATES, _REPORT]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["both"] = both
    environment.globals.update(say=_say, word=word, origin=_origin, state=_state)
    return environment.get_template("plan.html.j2").render(plan=document, lang=lang).lstrip()


def _say(key: str, *values: object) -> t.Any:
    return both({lang: text.format(*values) for lang, text in WORDS[key].items()})


def _origin(value: Json) -> t.Any:
    """Say in both languages how the host comes by a value."""
    return both({lang: text.format(**value) for lang, text in WORDS[value["kind"]].items()})
