# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the host from /proc and the file system. Private to the collection."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
import struct
import time
import typing as t

Json = t.Dict[str, t.Any]

_LISTEN = "0A"
_KERNEL_LINES = re.compile(r"oom-kill|out of memory|killed process|invalid opcode|traps:", re.IGNORECASE)
_KERNEL_LIMIT = 200


def identity() -> Json:
    """Name, kernel, architecture, system, user and address of this host."""
    return {
        "name": socket.gethostname(),
        "kernel": platform.release(),
        "arch": platform.machine(),
        "os": _os_name(),
        "user": {"name": _user_name(), "uid": os.getuid()},
        "address": _own_address(),
    }


def _own_address() -> str | None:
    """Give the address from which this host speaks to others; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # set aside for documentation: only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:  # no way out
            return None


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without an entry
        return str(os.getuid())


def _os_name() -> str | None:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as stream:
            match = re.search(r'^PRETTY_NAME="?([^"\n]*)', stream.read(), re.MULTILINE)
    except OSError:
        return None
    return match[1] if match else None


def cpu(text: str) -> Json:
    """Read /proc/cpuinfo: number of processors, flags (Features on arm64) of the first, model."""
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    model = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.*)$", text, re.MULTILINE)
    count = len(re.findall(r"^processor\s*:", text, re.MULTILINE))
    return {"count": count or None, "flags": flags[1].split() if flags else None, "model": model[1] if model else None}


def memory(text: str) -> Json:
    """Read /proc/meminfo; bytes."""
    values = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    return {
        "total": values.get("MemTotal"),
        "available": values.get("MemAvailable"),
        "swap_total": values.get("SwapTotal"),
        "swap_free": values.get("SwapFree"),
    }


def disk(path: str, use: str, mounts: str) -> Json:
    """Give size and room of the file system a path is on.

    :param use: docker, project or data
    :param mounts: the text of /proc/mounts
    :raises OSError: the path cannot be looked at
    """
    room = os.statvfs(path)
    return {
        "path": path,
        "use": use,
        "size": room.f_blocks * room.f_frsize,
        "free": room.f_bavail * room.f_frsize,
        "inodes": room.f_files,
        "inodes_free": room.f_favail,
        "fstype": fstype_of(os.path.realpath(path), mounts),
    }


def fstype_of(path: str, mounts: str) -> str | None:
    """Give the type of the file system a path is on: that of the longest mount point above it."""
    best, found = "", None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2:
            point = fields[1].replace("\\040", " ")
            if len(point) >= len(best) and (path == point or path.startswith(point.rstrip("/") + "/")):
                best, found = point, fields[2]
    return found


def listening_sockets(text: str, protocol: str) -> list[tuple[str, str, int, str]]:
    """Read /proc/net/tcp or tcp6: (protocol, address, port, socket inode) of those that listen."""
    sockets = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            address, _colon, port = fields[1].partition(":")
            sockets.append((protocol, _address(address), int(port, 16), fields[9]))
    return sockets


def _address(text: str) -> str:
    """Turn the kernel's hexadecimal address (32-bit words in host order) into the usual one."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def listeners() -> list[Json]:
    """Give who listens on which TCP port; process and pid are None where this user may not see them.

    :raises OSError: /proc/net cannot be read
    """
    sockets = []
    for protocol, path in (("tcp", "/proc/net/tcp"), ("tcp6", "/proc/net/tcp6")):
        if os.path.exists(path):
            sockets += listening_sockets(read(path), protocol)
    owners = _socket_owners({inode for _protocol, _address, _port, inode in sockets})
    result = []
    for protocol, address, port, inode in sockets:
        pid, name = owners.get(inode, (None, None))
        result.append({"protocol": protocol, "address": address, "port": port, "process": name, "pid": pid})
    return result


def addresses(text: str) -> list[str]:
    """Read /proc/net/fib_trie: the IPv4 addresses of this host."""
    return sorted(set(re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", text)))


def _socket_owners(inodes: set[str]) -> dict[str, tuple[int, str]]:
    owners: dict[str, tuple[int, str]] = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with os.scandir(f"/proc/{pid}/fd") as descriptors:
                held = {os.readlink(descriptor.path) for descriptor in descriptors}
            for link in wanted.keys() & held:
                owners[wanted[link]] = (int(pid), read(f"/proc/{pid}/comm").strip())
        except OSError:
            continue  # ended meanwhile, or another user's: its sockets keep no name
    return owners


def kernel_log() -> str:
    """Give the kernel's lines on killed processes and CPU traps, each with its time (ISO 8601, UTC).

    :raises OSError: this user may not read the kernel's log
    """
    boot = time.time() - float(read("/proc/uptime").split()[0])
    lines = []
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(descriptor, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:
                continue  # the kernel overwrote records meanwhile; the next read goes on behind them
            head, _semicolon, message = record.partition(";")
            if _KERNEL_LINES.search(message):
                when = time.gmtime(boot + int(head.split(",")[2]) / 1e6)
                lines.append(time.strftime("%Y-%m-%dT%H:%M:%SZ ", when) + message.split("\n")[0])
    finally:
        os.close(descriptor)
    return "\n".join(lines[-_KERNEL_LIMIT:])


def read(path: str) -> str:
    """Read a file of /proc.

    :raises OSError: it cannot be read
    """
    with open(path, "rb") as stream:
        return stream.read().decode("utf-8", "replace")
