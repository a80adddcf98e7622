# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which batches a fleet is changed, and when the rest is left alone. Pure but for the diagnosis of one host."""

from __future__ import annotations

import dataclasses
import typing as t

from .diagnosis import diagnose

Json = dict[str, t.Any]

FEW = 3
"""Up to so many hosts are changed at once where nothing else is said: nobody wants to wait for a canary of two."""
BATCHES: t.Final = ("10%", "50%", "100%")
BUDGET: t.Final = "10%"
_KEYS = {"canary", "batches", "budget", "settle"}


class RolloutError(Exception):
    """The settings cannot be used; says which and why."""


@dataclasses.dataclass(frozen=True)
class Rollout:
    """What is done in which order.

    :ivar batches: the hosts' names, batch by batch; the canaries are the first
    :ivar canaries: how many hosts the first batch has that must all end well; 0 = there are none
    :ivar budget: hosts of the whole run that may end badly before no other is begun
    :ivar settle: seconds to wait before a host is looked at for the verdict
    """

    batches: tuple[tuple[str, ...], ...]
    canaries: int
    budget: int
    settle: int = 0

    def stopped_by(self, troubles: t.Mapping[str, str]) -> list[str]:
        """Give the hosts for whose sake no other host may be begun; none where the rollout may go on.

        :param troubles: by host, what went wrong there
        """
        canaries = self.batches[0] if self.canaries and self.batches else ()
        if bad := [host for host in canaries if troubles.get(host)]:
            return bad
        bad = [host for batch in self.batches for host in batch if troubles.get(host)]
        return bad if len(bad) > self.budget else []


def plan(hosts: t.Sequence[str], settings: t.Mapping[str, t.Any]) -> Rollout:
    """Put hosts into batches.

    :param hosts: those that will be changed, in the inventory's order
    :param settings: ``canary`` (how many, or their names), ``batches`` (sizes as for Ansible's ``serial``: numbers or
        percentages of all hosts, the last one again and again), ``budget`` (a number or a percentage), ``settle``
    :raises RolloutError: the settings cannot be used
    """
    if unknown := sorted(set(settings) - _KEYS):
        raise RolloutError(f"fastgpt_rollout has no {', '.join(unknown)}; it knows {', '.join(sorted(_KEYS))}")
    few = len(hosts) <= FEW and not {"canary", "batches"} & set(settings)
    canaries = _canaries(hosts, settings.get("canary", 0 if few else 1))
    rest = [host for host in hosts if host not in canaries]
    sizes = settings.get("batches", ["100%"] if few else BATCHES)
    batches = [tuple(canaries), *_cut(rest, sizes if isinstance(sizes, (list, tuple)) else [sizes], len(hosts))]
    return Rollout(
        batches=tuple(batch for batch in batches if batch),
        canaries=len(canaries),
        budget=_count("budget", settings.get("budget", BUDGET), len(hosts), least=0),
        settle=_count("settle", settings.get("settle", 0), 0, least=0),
    )


def _canaries(hosts: t.Sequence[str], wanted: t.Any) -> list[str]:
    """Give the canaries: those that are named and will be changed, or so many from the front."""
    if isinstance(wanted, (list, tuple)):
        return [host for host in hosts if host in wanted]
    return list(hosts[: _count("canary", wanted, len(hosts), least=0)])


def _cut(hosts: t.Sequence[str], sizes: t.Sequence[t.Any], total: int) -> t.Iterator[tuple[str, ...]]:
    counts = [_count("batches", size, total, least=1) for size in sizes]
    if not counts:
        raise RolloutError("fastgpt_rollout.batches is empty")
    begin, number = 0, 0
    while begin < len(hosts):
        size = counts[min(number, len(counts) - 1)]
        yield tuple(hosts[begin : begin + size])
        begin, number = begin + size, number + 1


def _count(key: str, value: t.Any, total: int, least: int) -> int:
    """Read a number, or a percentage of a total: rounded down, and never less than one host."""
    text = str(value).strip()
    share = text.endswith("%")
    try:
        number = int(text.rstrip("%"))
    except ValueError:
        raise RolloutError(f"fastgpt_rollout.{key}: {value!r} is neither a number nor a percentage") from None
    if number < (1 if share else least) or (share and number > 100):
        raise RolloutError(f"fastgpt_rollout.{key}: {value!r} is out of range")
    return max(1, total * number // 100) if share else number


def trouble_of(after: t.Mapping[str, t.Any] | None, before: t.Collection[str], results: t.Sequence[Json]) -> str:
    """Say what is not well with a host that was changed; empty where all is.

    :param after: its evidence now; None where none arrived
    :param before: ids of the findings of severity error and critical it had before
    :param results: how its steps ended, each with ``finding`` and ``status``
    """
    if after is None or after.get("unreachable") or after.get("error"):
        lost = (after or {}).get("unreachable") or (after or {}).get("error") or "no evidence arrived"
        return f"cannot be looked at any more: {str(lost).strip().splitlines()[0][:200]}"
    found = diagnose(dict(after), "host")
    worse = sorted({f.entry.id for f in found.findings if f.severity in ("critical", "error")} - set(before))
    parts = [f"worse than before: {', '.join(worse)}"] if worse else []
    parts += [f"{end['finding']} {end['status']}" for end in results if end["status"] in ("failed", "rolled_back")]
    return "; ".join(parts).replace("rolled_back", "rolled back")
