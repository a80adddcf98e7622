# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab: containers that are real Docker hosts, reached over real SSH, with a FastGPT-shaped stack on each."""
