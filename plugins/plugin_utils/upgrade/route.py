# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases one must stop at on the way to a target, and which targets are none. Versions only, no deployment."""

from __future__ import annotations

import re
import typing as t

from .. import releases
from ..releases import Release
from ..versions import Version
from .plan import Refusal

_EXACT = re.compile(r"v?\d+\.\d+\.\d+(\.\d+)?(-(alpha|beta|rc)\.?\d*)?", re.IGNORECASE)


def newest() -> Release:
    """Give the newest release to name as a target: no beta, none to avoid, none whose notes are still a draft."""
    good = (item for item in releases.releases() if item.version.is_final and not item.avoid)
    return [item for item in good if not item.facts.get("draft")][-1]


def stops(after: Version, last: Version) -> tuple[Release, ...]:
    """Give the releases between two that one must not jump over, in order.

    A release with ``min_from`` makes a stop of what it has to be reached from.
    """
    on_way = releases.between(after, last)
    wanted = {item.version for item in on_way if item.hard_stop and not item.avoid}
    for item in on_way:
        if item.min_from and after < item.min_from and (item.version in wanted or item.version == last):
            wanted.add(item.min_from)
    return tuple(item for item in on_way if item.version in wanted and item.version < last)


def next_target(after: Version, at_least: Version | None = None) -> str | None:
    """Name the next legal target: the next stop, or where none is left the newest release.

    :param at_least: instead, the first good release from that one on
    """
    last = newest()
    if at_least is not None:
        good = [r for r in releases.releases() if r.version >= at_least and r.version.is_final and not r.avoid]
        later = [r for r in good if r.version > after]
        return str((later[0] if later else last).version) if later or last.version > after else None
    if last.version <= after:
        return None
    ahead = stops(after, last.version)
    return str((ahead[0] if ahead else last).version)


def find_target(text: str | None, running: Version, beta: bool = False) -> Release | Refusal:
    """Read what the operator asked for.

    :param running: the release that runs now
    :param beta: a beta was asked for on purpose
    """
    wanted = str(text or "").strip()
    if not _EXACT.fullmatch(wanted):
        return _refused("floating", running, wanted or "?")
    version = Version.parse(wanted)
    found = releases.release(version) if version else None
    if version is None or found is None:
        build_of = releases.release_of_tag(f"v{version}")
        return _refused("unknown-release", running, wanted, build_of.version if build_of else version)
    if found.avoid:
        return _refused("avoid", running, wanted, version, found.avoid)
    if not version.is_final and not beta:
        return _refused("beta", running, wanted, version)
    if version < running:
        return _refused("downgrade", running, wanted)
    return found


_WORDS: dict[str, tuple[str, str]] = {
    "floating": (
        "{wanted} is no exact version; wanted is one such as {next}",
        "{wanted} 不是确切的版本号，应类似 {next}",
    ),
    "unknown-release": (
        "{wanted} is no release of FastGPT that is known here; the nearest is {next}",
        "{wanted} 不是已知的 FastGPT 版本，最接近的是 {next}",
    ),
    "avoid": ("{wanted} is a release to avoid: {why}", "不应升级到 {wanted}：{why}"),
    "beta": (
        "{wanted} is a beta; take {next}, or say -e fastgpt_allow_beta=true",
        "{wanted} 是测试版；请用 {next}，或加上 -e fastgpt_allow_beta=true",
    ),
    "downgrade": (
        "{wanted} is older than {running}, which runs: the way back is a backup. Upwards the next stop is {next}",
        "{wanted} 早于正在运行的 {running}：只能用备份恢复。向上的下一站是 {next}",
    ),
    "skips-stops": (
        "from {running} to {wanted} at one go jumps over {stops}, whose steps are a must; the next legal one is {next}",
        "从 {running} 直接到 {wanted} 会跳过 {stops}，这些版本有必须执行的步骤；下一个可用版本是 {next}",
    ),
}


def _refused(
    code: str,
    running: Version,
    wanted: str,
    at_least: Version | None = None,
    why: t.Mapping[str, str] | None = None,
    jumped: tuple[Release, ...] = (),
) -> Refusal:
    following = str(newest().version) if code == "floating" else next_target(running, at_least)
    names = ", ".join(str(item.version) for item in jumped)
    texts = {}
    for lang, words in zip(("en", "zh"), _WORDS[code]):
        reason = (why or {}).get(lang, "")
        texts[lang] = words.format(wanted=wanted, next=following or "–", running=running, why=reason, stops=names)
    return Refusal(code, texts, following)


def illegal_jump(running: Version, wanted: Version) -> Refusal | None:
    """Say why a single change of the tag from one version to another is none to make; None where it may be.

    This is for changes by hand: a plan goes through the stops.
    """
    if wanted <= running:
        return None
    jumped = stops(running, wanted)
    return _refused("skips-stops", running, str(wanted), jumped[0].version, jumped=jumped) if jumped else None
