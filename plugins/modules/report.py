#!/usr/bin/python
# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: this runs on the controller, in plugins/action/report.py.

from __future__ import annotations

DOCUMENTATION = r"""
---
module: report
short_description: Diagnose collected evidence and write the report
description:
  - Runs every check on the evidence of each host, ranks the findings, and writes C(report.json), C(report.html),
    C(report.md), C(junit.xml), C(report.sarif) and C(metrics.prom) into the run's folder, with a small C(digest.json)
    from which later reports tell the trend. The link C(latest) beside that folder then shows to it.
  - Prints a summary of at most ten lines a host.
  - Runs on the controller alone; no host is contacted and nothing but the report is written.
version_added: 0.1.0
author:
  - fastgpt.ops contributors (@fastgpt-ops)
options:
  run_dir:
    description:
      - Folder of this run; its name is the run's id. It is made where missing.
    type: path
    required: true
  evidence:
    description:
      - Folder with one C(HOST.json) a host, as M(fastgpt.ops.evidence) writes them.
      - Exactly one of O(evidence) and O(bundle) must be given.
    type: path
  bundle:
    description:
      - Folder of collected or pasted files, of one host or with a folder for each.
    type: path
  hosts:
    description:
      - Hosts that must appear in the report. One without evidence is reported as not reachable.
    type: list
    elements: str
    default: []
  lang:
    description:
      - Language of the texts. V(auto) takes that of the controller's locale, and Chinese where that is neither.
      - The HTML page always holds both.
    type: str
    choices: [auto, en, zh]
    default: auto
  only:
    description:
      - Finding ids to restrict the diagnosis to; all where empty.
    type: list
    elements: str
    default: []
  skip:
    description:
      - Finding ids to leave out.
    type: list
    elements: str
    default: []
  fail_on:
    description:
      - The lowest severity that makes the task fail, after the report is written.
    type: str
    choices: [critical, error, warning, never]
    default: never
  mode:
    description:
      - What the run is for; it is written into the report.
    type: str
    choices: [diagnose, remediate, upgrade, rollback]
    default: diagnose
  upgrades:
    description:
      - What became of an upgrade. C(runs) are those of M(fastgpt.ops.upgrade_plan), C(ends) what became of the hops and
        C(stops) why a host did not go on, each by host.
    type: dict
    default: {}
  before:
    description:
      - The C(report.json) of before a remediation. What is gone since is kept in the new report as fixed.
    type: path
  results:
    description:
      - How the steps of a remediation ended, a list by host, each with C(finding), C(service), C(status), C(proof) or
        C(message). Null or left out for a host that was not worked on, which keeps its entry of O(before).
    type: dict
    default: {}
  waivers:
    description:
      - Findings to live with until a date, each with C(finding), C(hosts) (a pattern, all hosts where left out),
        C(reason) and C(until). They are shown, and count neither for O(fail_on) nor for a host's health; one that is
        over counts again.
    type: list
    elements: dict
    default: []
  salt:
    description:
      - The run's random salt, from which the tokens of secrets in a bundle are made.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: The report is written in check mode too; it is all this task is for.
  diff_mode:
    support: none
    description: Nothing on a host is changed, so there is no difference to show.
seealso:
  - module: fastgpt.ops.evidence
"""

EXAMPLES = r"""
- name: Report what was collected
  fastgpt.ops.report:
    run_dir: reports/20261122T221530Z-4f2a
    evidence: reports/20261122T221530Z-4f2a/evidence
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true

- name: Diagnose what somebody pasted into a ticket, fail on anything serious
  fastgpt.ops.report:
    run_dir: reports/ticket-4711
    bundle: tickets/4711
    fail_on: error
  run_once: true
"""

RETURN = r"""
run_dir:
  description: The run's folder.
  type: str
  returned: success
  sample: /srv/ops/reports/20261122T221530Z-4f2a
files:
  description: The files written.
  type: list
  elements: str
  returned: success
  sample: [/srv/ops/reports/20261122T221530Z-4f2a/report.json]
summary:
  description: Number of hosts, of healthy and of unreachable ones, and of findings by severity.
  type: dict
  returned: success
  sample: {"hosts": 3, "hosts_healthy": 1, "hosts_unreachable": 0, "findings_by_severity": {"critical": 2}}
"""
