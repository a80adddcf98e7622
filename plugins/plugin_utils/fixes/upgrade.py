# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small cures of versions: a tag pinned, a companion brought to its pair, a release to avoid left."""

from __future__ import annotations

from .. import releases
from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, edit, fixes, project_variables
from ..model import Deployment
from ..upgrade import pin, planner, route
from ..upgrade.images import retagged
from ..upgrade.plan import Plan
from .containers import UP_SECONDS, service_in


def _retag(deployment: Deployment, service: str, image: str) -> Fix:
    """Give one service another image."""
    compose, diff = edit(deployment, service, image=image)
    variables = {
        "project": project_variables(deployment),
        "compose_file": compose.path,
        "service": service,
        "image": image,
    }
    return Fix("upgrade", variables, (service,), UP_SECONDS, diff)


@fixes("image-tag-floating")
def pin_tag(deployment: Deployment, finding: Finding) -> Fix:
    """Name the image that runs exactly; the container is made anew from the same image."""
    service = service_in(deployment, finding)
    done, left = pin.pins(deployment)
    for item in left:
        if item.service == service:
            raise CannotFixError(item.reason["en"], item.reason["zh"])
    wanted = next((item for item in done if item.service == service), None)
    if wanted is None:
        raise CannotFixError(f"the image of {service} is pinned in its file", f"{service} 的镜像在文件中已固定")
    return _retag(deployment, service, wanted.after)


@fixes("companion-version-mismatch", "plugin-version-mismatch")
def bring_to_its_pair(deployment: Deployment, finding: Finding) -> Fix:
    """Bring fastgpt-plugin to the version that goes with FastGPT; its variables must be those of that version."""
    service = deployment.service_of("plugin")
    if (
        service is None
        or not service.image
        or finding.service not in (service.name, None, deployment.facts["app_service"])
    ):
        raise CannotFixError("only fastgpt-plugin is brought to its pair", "只自动处理 fastgpt-plugin 的版本配对")
    version = deployment.version
    tag = releases.tag_of("fastgpt-plugin", version) if version else None
    if not tag:
        raise CannotFixError("FastGPT's version is not known", "不知道 FastGPT 的版本")
    image = retagged(service.image, "fastgpt-plugin", tag)
    if image == service.image:
        raise CannotFixError(
            f"{image} is the pair of FastGPT {version} already: look at PLUGIN_BASE_URL",
            f"{image} 已是 FastGPT {version} 的配套版本：请检查 PLUGIN_BASE_URL",
        )
    return _retag(deployment, service.name, image)


@fixes("release-to-avoid")
def leave_release(deployment: Deployment, finding: Finding) -> Fix:
    """Go on to the next good release of the line, where that is a matter of the tag alone."""
    version = deployment.version
    following = route.next_target(version, version) if version else None
    if not following:
        raise CannotFixError("no later release is known", "没有更新的可用版本")
    plan = planner.plan_host(deployment, "host", planner.Wishes(following))
    if len(plan.hops) != 1 or not _is_tag_only(plan):
        raise CannotFixError(
            f"going to {following} takes more than a tag: playbooks/upgrade.yml -e fastgpt_target_version={following}",
            f"升级到 {following} 不只是换 tag：请执行 playbooks/upgrade.yml -e fastgpt_target_version={following}",
        )
    change = next((item for item in plan.hops[0].images if item.component == "app"), None)
    if change is None:
        raise CannotFixError(
            f"the file names {following} already: what is left is to make the container anew",
            f"文件中已是 {following}，只需重建容器",
        )
    return _retag(deployment, change.service, change.after)


def _is_tag_only(plan: Plan) -> bool:
    hop = plan.hops[0]
    others = hop.env or hop.services or hop.scripts or hop.database or any(task.blocking for task in hop.tasks)
    return not (plan.refusals or plan.asks or others)
