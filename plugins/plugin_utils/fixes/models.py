# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cures of how models are set up in FastGPT: in config.json, from 4.8.20 on in its database."""

from __future__ import annotations

from ...module_utils._config_edit import ConfigEditError, set_values
from ...module_utils._config_layout import is_strict
from ...module_utils._json5 import JsonError
from ...module_utils._settings import lines_of, titled
from ..diagnosis import Finding
from ..fix import CannotFixError, Fix, diff_of, fixes
from ..model import Deployment, Json
from ..rules.models import CHAT_LISTS, model_lists, tools_of
from ..versions import MODELS_IN_DATABASE
from .config import config_text, role_variables
from .containers import UP_SECONDS
from .gateway import setting_diff


@fixes("tool-call-unsupported")
def send_no_tools(d: Deployment, finding: Finding) -> Fix:
    """Set the model up without tools; FastGPT asks it in words then."""
    name, entry = _model_with_tools(d, finding)
    switches = dict.fromkeys(tools_of(entry), False)
    if d.version and d.version >= MODELS_IN_DATABASE:
        return _in_database(d, name, switches)
    return _in_file(d, name, switches)


@fixes("page-crash-model-config")
def let_one_process_data(d: Deployment, _finding: Finding) -> Fix:
    """Mark the first model of config.json for processing data, where all are marked not to."""
    lists = model_lists(d)
    marked = [entry for entry in lists[0] if "datasetProcess" in entry] if lists else []
    if not marked or any(entry["datasetProcess"] for entry in marked):
        raise CannotFixError(
            "no model of config.json is marked not to process data; see which models FastGPT has",
            "config.json 中没有被标记为不处理知识库数据的模型；请检查 FastGPT 配置了哪些模型",
        )
    return _in_file(d, str(marked[0]["model"]), {"datasetProcess": True})


def _model_with_tools(d: Deployment, finding: Finding) -> tuple[str, Json]:
    """Give the model the finding's lines name, else the only one that is sent tools."""
    lists = model_lists(d)
    if not lists:
        raise CannotFixError("which models are set up is not known", "不知道配置了哪些模型")
    entries = {str(entry.get("model")): entry for entry in lists[0] if tools_of(entry)}
    told = " ".join(proof.excerpt for proof in finding.hit.proofs)
    named = [name for name in entries if name in told] or list(entries)
    if len(named) == 1:
        return named[0], entries[named[0]]
    if named:
        raise CannotFixError(
            f"it cannot be told which model it is ({', '.join(named)}); say so to the role model_config by hand",
            f"无法确定是哪个模型（{'、'.join(named)}）；请手工运行角色 model_config 并指定模型",
        )
    raise CannotFixError("no model is set up with tools by now", "目前没有模型开启工具调用")


def _in_file(d: Deployment, name: str, switches: dict[str, bool]) -> Fix:
    """Edit config.json, and restart FastGPT, which reads it when it starts."""
    text, variables = config_text(d), role_variables(d)
    for key in CHAT_LISTS:
        values = {f"{key}[{name}].{switch}": value for switch, value in switches.items()}
        try:
            after = set_values(text, values, is_strict(d.version))
        except (ConfigEditError, JsonError):
            continue
        variables["settings"] = values
        return Fix(
            "model_config", variables, (variables["service"],), UP_SECONDS, diff_of(variables["path"], text, after)
        )
    raise CannotFixError(f"config.json has no model {name}", f"config.json 中没有模型 {name}")


def _in_database(d: Deployment, name: str, switches: dict[str, bool]) -> Fix:
    """Change the model as root does on FastGPT's page; that is stored data, and nothing restarts."""
    if "root_password" not in d.given:
        raise CannotFixError(
            "only FastGPT's user root may change models: give fastgpt_root_password (from a vault, or"
            " FASTGPT_ROOT_PASSWORD in the environment), and it is done for you",
            "只有 FastGPT 的 root 用户可以修改模型：请提供 fastgpt_root_password（放在 vault 中，或用环境变量"
            " FASTGPT_ROOT_PASSWORD），即可自动处理",
        )
    where = {"kind": "fastgpt", "container": d.facts["app_container"]}
    before = lines_of(dict.fromkeys(switches, True))
    variables = {"container": where["container"], "model": name, "switches": switches}
    return Fix(
        "model_config",
        variables,
        diff=setting_diff(titled(where, "model", name), before, lines_of(switches)),
        risk="data",
    )
