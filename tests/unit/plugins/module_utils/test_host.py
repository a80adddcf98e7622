# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
from __future__ import annotations

import os
import socket
import sys

from ansible_collections.fastgpt.ops.plugins.module_utils import _host

X86 = (
    "processor\t: 0\nmodel name\t: Some CPU @ 2GHz\nflags\t\t: fpu sse avx\n\nprocessor\t: 1\nflags\t\t: fpu sse avx\n"
)
ARM = "processor\t: 0\nFeatures\t: fp asimd aes\nCPU part\t: 0xd08\n\nModel\t\t: A small board\n"
TCP = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1F91 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n"
)


def test_cpu_of_both_architectures() -> None:
    assert _host.cpu(X86) == {"count": 2, "flags": ["fpu", "sse", "avx"], "model": "Some CPU @ 2GHz"}
    assert _host.cpu(ARM) == {"count": 1, "flags": ["fp", "asimd", "aes"], "model": "A small board"}


def test_an_unknown_processor_has_no_flags_rather_than_none_of_them() -> None:
    assert _host.cpu("vendor: x\n") == {"count": None, "flags": None, "model": None}


def test_memory_in_bytes() -> None:
    text = "MemTotal:  1024 kB\nMemAvailable: 512 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
    assert _host.memory(text) == {"total": 1048576, "available": 524288, "swap_total": 0, "swap_free": 0}


def test_only_listening_sockets_are_read() -> None:
    address = "127.0.0.1" if sys.byteorder == "little" else "1.0.0.127"
    assert _host.listening_sockets(TCP, "tcp") == [("tcp", address, 8080, "4711")]


def test_a_listener_of_this_process_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [item for item in _host.listeners() if item["port"] == port]
    assert [(item["address"], item["pid"]) for item in found] == [("127.0.0.1", os.getpid())]


def test_the_longest_mount_point_above_a_path_counts() -> None:
    mounts = "/dev/a / ext4 rw 0 0\n/dev/b /var/lib/docker xfs rw 0 0\n/dev/c /var/lib/dock btrfs rw 0 0\n"
    assert _host.fstype_of("/var/lib/docker/volumes", mounts) == "xfs"
    assert _host.fstype_of("/var/lib", mounts) == "ext4"


def test_room_of_a_file_system() -> None:
    disk = _host.disk("/", "docker", "/dev/a / ext4 rw 0 0\n")
    assert disk["size"] >= disk["free"] >= 0
    assert (disk["use"], disk["fstype"]) == ("docker", "ext4")


def test_the_addresses_of_this_host() -> None:
    text = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.0
        /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 192.168.0.2
        /32 host LOCAL
     |-- 192.168.0.255
        /32 link BROADCAST
Local:
     |-- 192.168.0.2
        /32 host LOCAL
"""
    assert _host.addresses(text) == ["127.0.0.1", "192.168.0.2"]
