#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""Start the lab's command line: `.venv/bin/python lab/lab.py --help`."""

from __future__ import annotations

import sys

from fastgpt_lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
