# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Stand-in for FastGPT: reads the same environment and files, uses the same databases, logs the same lines."""
