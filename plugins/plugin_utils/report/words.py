# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's own words in both languages; what is said about a finding stands in the catalogue."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "title": {"en": "FastGPT diagnosis", "zh": "FastGPT 诊断报告"},
    "skip": {"en": "Skip to the hosts", "zh": "跳到主机列表"},
    "language": {"en": "Language", "zh": "语言"},
    "filters": {"en": "Filters", "zh": "筛选"},
    "summary": {"en": "Summary", "zh": "概览"},
    "hosts": {"en": "Hosts", "zh": "主机"},
    "healthy_hosts": {"en": "Without faults", "zh": "无故障"},
    "broken_hosts": {"en": "With faults", "zh": "有故障"},
    "unreachable_hosts": {"en": "Unreachable", "zh": "无法连接"},
    "search": {"en": "Search host, finding or text", "zh": "搜索主机、问题或文字"},
    "nothing_matches": {"en": "No host matches the filters.", "zh": "没有符合筛选条件的主机。"},
    "critical": {"en": "critical", "zh": "严重"},
    "error": {"en": "error", "zh": "错误"},
    "warning": {"en": "warning", "zh": "警告"},
    "info": {"en": "note", "zh": "提示"},
    "healthy": {"en": "healthy", "zh": "正常"},
    "unreachable": {"en": "unreachable", "zh": "无法连接"},
    "unseen": {"en": "not enough evidence", "zh": "证据不足"},
    "certain": {"en": "certain", "zh": "确定"},
    "likely": {"en": "likely", "zh": "很可能"},
    "possible": {"en": "possible", "zh": "可能"},
    "fix_first": {"en": "Fix this first", "zh": "先处理这一项"},
    "also": {"en": "Then this", "zh": "然后处理"},
    "proof": {"en": "Proof", "zh": "证据"},
    "expected": {"en": "Expected", "zh": "应为"},
    "next_steps": {"en": "What to do", "zh": "处理步骤"},
    "next": {"en": "next", "zh": "下一步"},
    "explains": {"en": "explains", "zh": "由此引起"},
    "more": {"en": "and {} more", "zh": "另有 {} 项"},
    "consequences": {"en": "This also causes", "zh": "由此引起的问题"},
    "checks": {"en": "All checks", "zh": "全部检查项"},
    "status": {"en": "Result", "zh": "结果"},
    "reason": {"en": "Why", "zh": "原因"},
    "check": {"en": "Checks", "zh": "检查项"},
    "found": {"en": "found", "zh": "发现问题"},
    "ok": {"en": "ok", "zh": "通过"},
    "unknown": {"en": "unknown", "zh": "未知"},
    "not_applicable": {"en": "not applicable", "zh": "不适用"},
    "count_ok": {"en": "{} ok", "zh": "{} 项通过"},
    "count_unknown": {"en": "{} unknown", "zh": "{} 项未知"},
    "count_findings": {"en": "findings: {}", "zh": "{} 个问题"},
    "no_fault": {"en": "No fault found.", "zh": "未发现问题。"},
    "not_looked": {
        "en": "Checks that could not look, as their evidence is missing: {}.",
        "zh": "有 {} 项检查缺少证据，无法判断。",
    },
    "automatic": {"en": "remediate.yml can do this", "zh": "remediate.yml 可自动修复"},
    "manual": {"en": "advice: nothing is changed for you", "zh": "仅建议，不会自动修改"},
    "risk": {"en": "risk", "zh": "风险"},
    "risk_none": {"en": "none", "zh": "无"},
    "risk_safe": {"en": "safe", "zh": "安全"},
    "risk_restart": {"en": "restart", "zh": "重启服务"},
    "risk_data": {"en": "data", "zh": "涉及数据"},
    "state_open": {"en": "open", "zh": "待处理"},
    "state_fixed": {"en": "fixed", "zh": "已修复"},
    "state_not_allowed": {"en": "not allowed", "zh": "未获允许"},
    "state_failed": {"en": "fix failed", "zh": "修复失败"},
    "state_rolled_back": {"en": "rolled back", "zh": "已回滚"},
    "state_advice": {"en": "advice", "zh": "建议"},
    "copy": {"en": "Copy", "zh": "复制"},
    "copied": {"en": "Copied", "zh": "已复制"},
    "service": {"en": "service", "zh": "服务"},
    "unreachable_help": {
        "en": "Nothing was diagnosed on this host. Check the connection: `ansible {} -m ping`",
        "zh": "未能诊断此主机。请检查连接：`ansible {} -m ping`",
    },
    "run": {"en": "run", "zh": "运行"},
    "read_only": {
        "en": "This diagnosis only reads; nothing on the hosts was changed.",
        "zh": "诊断为只读操作，未修改主机上的任何内容。",
    },
    "report": {"en": "Report", "zh": "报告"},
    "healthy_list": {"en": "{} healthy", "zh": "{} 台正常"},
}


def word(key: str, lang: str, *values: object) -> str:
    """Give a word or sentence in a language, its ``{}`` filled."""
    return WORDS[key][lang].format(*values)
