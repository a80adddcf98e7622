# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""The lab's stand-in for ``mongod`` and its shells: SecantusDB behind mongod's start-up behaviour."""
