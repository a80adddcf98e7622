# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner says beside the catalogue: why nothing can be planned, and what to mind."""

from __future__ import annotations

from ..model import Deployment
from ..releases import Release
from ..versions import Version
from . import route
from .plan import Refusal, Text
from .stack import Stack


def refusal_of(deployment: Deployment, stack: Stack) -> Refusal | None:
    """Say why no upgrade of this host can be planned at all."""
    if "app" not in stack.parts:
        return Refusal("no-deployment", _NO_DEPLOYMENT)
    if stack.env("app", "PRO_URL") or any("fastgpt-pro" in (s.image or "") for s in deployment.services.values()):
        return Refusal("commercial", _COMMERCIAL)
    if stack.host_network:
        return Refusal("host-network", _HOST_NETWORK)
    if stack.build is None:
        image = deployment.app.image if deployment.app else stack.parts["app"].image
        inside = (deployment.probe("app_version") or {}).get("version") or "?"
        return Refusal("version-unknown", {lang: text.format(image, inside) for lang, text in _UNCLEAR.items()})
    return None


_NO_DEPLOYMENT: Text = {
    "en": "no compose file with FastGPT's own service could be read here",
    "zh": "此主机上没有可读取的、包含 FastGPT 服务的 compose 文件",
}
_COMMERCIAL: Text = {
    "en": "this is the commercial edition (fastgpt-pro, PRO_URL): its own scripts and images are not planned here",
    "zh": "这是商业版（fastgpt-pro、PRO_URL）：此处不规划其专有的脚本和镜像",
}
_HOST_NETWORK: Text = {
    "en": "FastGPT runs on the host's network: give it a network of its own first, which new services can share",
    "zh": "FastGPT 使用主机网络：请先改为独立网络，新增的服务需要与它互通",
}
_UNCLEAR: Text = {
    "en": "what runs is not clear (image {}, inside {}): say -e fastgpt_current_version=X.Y.Z",
    "zh": "无法确定正在运行的版本（镜像 {}，容器内 {}）：请用 -e fastgpt_current_version=X.Y.Z 指定",
}
SHORT_AES: Text = {
    "en": "AES256_SECRET_KEY has fewer than 6 characters: FastGPT will not start with it, and a new one cannot read "
    "what the old one encrypted. Set a longer one, and enter the keys of tools and models again afterwards.",
    "zh": "AES256_SECRET_KEY 少于 6 个字符：FastGPT 无法启动，而新密钥读不了旧密钥加密的内容。"
    "请设置更长的密钥，之后重新填写工具和模型的密钥。",
}


def unknown_running(build: Version) -> Refusal:
    following = route.next_target(build)
    return Refusal(
        "unknown-running",
        {
            "en": f"FastGPT {build} runs, which is no release that is known here",
            "zh": f"正在运行的 FastGPT {build} 不是已知的版本",
        },
        following,
    )


def tag_by_number(release: Release) -> Text:
    return {
        "en": f"upstream's notes name no tag for {release.version}; {release.tag} is made from the number, and the "
        "registry is asked for it before anything changes",
        "zh": f"官方说明没有写 {release.version} 的 tag；{release.tag} 由版本号推出，变更前会先向镜像仓库确认",
    }


def storage_port(port: int) -> Text:
    return {
        "en": f"the new object storage is published on port {port}: STORAGE_EXTERNAL_ENDPOINT must lead there",
        "zh": f"新增的对象存储发布在端口 {port}：STORAGE_EXTERNAL_ENDPOINT 必须指向它",
    }


def image_from_variable(service: str, image: str) -> Refusal:
    return Refusal(
        "image-from-variable",
        {
            "en": f"the image of {service} ({image}) comes from a variable that no .env file has: write it there",
            "zh": f"{service} 的镜像（{image}）来自不在 .env 文件中的变量：请直接写明镜像",
        },
    )
