# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Compose prints, as calls of it are read."""

from __future__ import annotations

from ansible_collections.fastgpt.ops.plugins.module_utils import _compose_cli as cli

RENDERED = """\
name: fastgpt
services:
  fastgpt-mongo:
    entrypoint:
      - bash
      - -c
      - |
        # a key

        until mongo; do
          sleep 2
        done
    image: mongo:5.0.32
  fastgpt-vector:
    image: "pgvector/pgvector:0.8.0-pg15"
  built: {}
networks:
  data:
    image: none
"""


def test_images_are_read_past_blank_lines_of_a_script() -> None:
    assert cli._images(RENDERED) == {
        "fastgpt-mongo": "mongo:5.0.32",
        "fastgpt-vector": "pgvector/pgvector:0.8.0-pg15",
    }
