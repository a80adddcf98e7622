# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A CPU without AVX, for a lab whose CPU has it."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Mapping

_ILLEGAL = {"x86_64": b"\x0f\x0b", "aarch64": b"\x00\x00\x00\x00"}


def must_die(version: tuple[int, ...], environment: Mapping[str, str]) -> bool:
    """Return whether MongoDB programs of ``version`` cannot run: 5.0+ needs AVX and the lab says there is none."""
    return version >= (5, 0) and environment.get("FASTGPT_LAB_NO_AVX") == "1"


def die_without_avx(version: tuple[int, ...]) -> None:
    """Execute an illegal instruction where MongoDB would.

    A signal sent by kill() would not do: the kernel drops it for a container's first process.
    """
    if not must_die(version, os.environ):
        return
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_ILLEGAL[platform.machine()])
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
