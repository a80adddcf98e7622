# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of what a container needs: to be there, to run, to be made from the file as it is."""

from __future__ import annotations

from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, fixes, project_variables
from ..model import Deployment

UP_SECONDS = 15.0
"""Seconds until a started service is ready, as a rule of thumb for plans."""


def service_in(deployment: Deployment, finding: Finding) -> str:
    """Give the finding's service where the compose file has it."""
    if finding.service not in deployment.services:
        raise CannotFixError(
            f"{finding.service or 'the container'} is no service of the compose file",
            f"compose 文件中没有服务 {finding.service or ''}",
        )
    return str(finding.service)


@fixes("container-not-running", "container-missing", "container-config-drift")
def bring_up(deployment: Deployment, finding: Finding) -> Fix:
    """Bring the one service up as its file has it."""
    service = service_in(deployment, finding)
    variables = {"project": project_variables(deployment), "services": [service]}
    running = any(c.running for c in deployment.containers if c.service == service)
    return Fix("containers", variables, (service,), UP_SECONDS if running else 0.0)
