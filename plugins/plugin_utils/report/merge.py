# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of the reports of several controllers, each about hosts of its own."""

from __future__ import annotations

import pathlib
import typing as t

from .. import diagnosis
from . import build, fleet, history

Json = dict[str, t.Any]


def merge(run: build.Run, reports: t.Sequence[Json], missing: t.Mapping[str, str], folder: pathlib.Path) -> Json:
    """Put the hosts of several reports together, as if one run had made them.

    :param missing: hosts no report tells of, with the reason: they are reported as not reached
    :param folder: the run's folder; its neighbours are the earlier runs
    """
    hosts = [host for report in reports for host in report["hosts"]]
    known = {host["host"] for host in hosts}
    hosts += [
        build.host_entry(diagnosis.unreachable(host, why), run.lang)
        for host, why in missing.items()
        if host not in known
    ]
    return fleet.view(build.assemble(run, hosts), history.earlier(folder))
