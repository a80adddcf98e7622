# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A CPU without AVX, or an ARM one before ARMv8.2-A, for a lab whose CPU is neither."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Mapping

_ILLEGAL = {"x86_64": b"\x0f\x0b", "aarch64": b"\x00\x00\x00\x00"}


def must_die(version: tuple[int, ...], environment: Mapping[str, str]) -> bool:
    """Return whether MongoDB programs of ``version`` cannot run on the CPU that the lab says this is."""
    no_avx, old_arm = (environment.get(f"FASTGPT_LAB_{name}") == "1" for name in ("NO_AVX", "OLD_ARM"))
    return (no_avx and version >= (5, 0)) or (old_arm and version >= (4, 4, 19))


def die_of_cpu(version: tuple[int, ...]) -> None:
    """Execute an illegal instruction where MongoDB would.

    A signal sent by kill() would not do: the kernel drops it for a container's first process.
    """
    if not must_die(version, os.environ):
        return
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_ILLEGAL[platform.machine()])
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
