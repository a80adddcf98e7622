# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of MongoDB's wire protocol as a few questions need. Private to the collection.

The host has no driver, and the shells in the container cost a second of processor time a call. Here is OP_MSG (servers
from 3.6 on), the BSON types that replies have, and SCRAM-SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import typing as t
import unicodedata

Document = t.Dict[str, t.Any]

_OP_MSG = 2013
_LARGEST = 16 * 1024 * 1024
# A member that is not primary may answer, too: what it says is worth more than its refusal.
_ANY_MEMBER = {"$readPreference": {"mode": "primaryPreferred"}}


class WireError(OSError):
    """The server said something else than this protocol."""


class Connection:
    """One connection, straight to one server.

    :param timeout: seconds for each step
    :raises OSError: the server cannot be reached
    """

    def __init__(self, host: str, port: int, timeout: float):
        self._socket = socket.create_connection((host, port), timeout)
        self._socket.settimeout(timeout)
        self._request = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def run(self, database: str, command: Document) -> Document:
        """Send a command; give the reply, also one that refuses (``ok`` 0, ``code``, ``errmsg``).

        :raises OSError: the connection broke, or the server answered in time with nothing readable
        """
        self._request += 1
        body = struct.pack("<iB", 0, 0) + encode({**command, "$db": database, **_ANY_MEMBER})
        self._socket.sendall(struct.pack("<iiii", 16 + len(body), self._request, 0, _OP_MSG) + body)
        length, _reply, _to, kind = struct.unpack("<iiii", self._read(16))
        if kind != _OP_MSG or not 21 < length <= _LARGEST:
            raise WireError("no answer of a MongoDB server")
        reply = self._read(length - 16)
        try:
            return decode(reply[5:])
        except (struct.error, IndexError, KeyError, ValueError) as error:
            raise WireError(f"an answer that cannot be read: {error}") from error

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise WireError("the server closed the connection")
            data += part
        return bytes(data)

    def login(self, user: str, password: str, source: str) -> Document:
        """Log in with SCRAM-SHA-256.

        :param source: the database the user is stored in
        :returns: the server's last reply: ``ok`` 1, or ``code`` and ``errmsg``
        """
        scram = Scram(user, password)
        start = {
            "saslStart": 1,
            "mechanism": "SCRAM-SHA-256",
            "payload": scram.first(),
            "options": {"skipEmptyExchange": True},
        }
        reply = self.run(source, start)
        if reply.get("ok") != 1:
            return reply
        final = scram.final(reply["payload"])
        reply = self.run(source, {"saslContinue": 1, "conversationId": reply["conversationId"], "payload": final})
        if reply.get("ok") == 1 and not reply.get("done"):
            reply = self.run(source, {"saslContinue": 1, "conversationId": reply["conversationId"], "payload": b""})
        return reply


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 7677)."""

    def __init__(self, user: str, password: str, nonce: str | None = None):
        self._password = unicodedata.normalize("NFKC", password).encode()
        self._nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={self._nonce}"

    def first(self) -> bytes:
        """Give the client's first message."""
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        """Answer the server's challenge.

        :raises WireError: it is none for this conversation
        """
        said = challenge.decode("utf-8", "replace")
        fields = dict(part.partition("=")[::2] for part in said.split(","))
        if not fields.get("r", "").startswith(self._nonce) or not fields.get("i", "").isdigit():
            raise WireError("the server's challenge does not fit")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(fields.get("s", "")), int(fields["i"]))
        key = _hmac(salted, b"Client Key")
        without_proof = f"c=biws,r={fields['r']}"
        message = ",".join([self._bare, said, without_proof]).encode()
        signature = _hmac(hashlib.sha256(key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def encode(document: Document) -> bytes:
    """Write a document as BSON."""
    body = b"".join(_element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _element(name: str, value: t.Any) -> bytes:
    kind, data = _value(value)
    return bytes([kind]) + name.encode() + b"\0" + data


def _value(value: t.Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 0x08, bytes([value])
    if isinstance(value, int):
        return 0x12, struct.pack("<q", value)
    if isinstance(value, str):
        data = value.encode()
        return 0x02, struct.pack("<i", len(data) + 1) + data + b"\0"
    if isinstance(value, bytes):
        return 0x05, struct.pack("<iB", len(value), 0) + value
    if isinstance(value, dict):
        return 0x03, encode(value)
    if isinstance(value, list):
        return 0x04, encode({str(number): item for number, item in enumerate(value)})
    raise TypeError(f"no BSON for {type(value).__name__}")


def decode(data: bytes) -> Document:
    """Read a BSON document; ids, times and the like become texts or numbers.

    :raises ValueError: a type that replies do not have
    """
    return _document(data, 0)[0]


def _document(data: bytes, start: int) -> tuple[Document, int]:
    (length,) = struct.unpack_from("<i", data, start)
    position, end = start + 4, start + length - 1
    result: Document = {}
    while position < end:
        kind = data[position]
        stop = data.index(b"\0", position + 1)
        name = data[position + 1 : stop].decode("utf-8", "replace")
        result[name], position = _read_value(kind, data, stop + 1)
    return result, end + 1


_FIXED = {0x01: "<d", 0x08: "<?", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}
_RAW = {0x07: 12, 0x13: 16}


def _read_value(kind: int, data: bytes, start: int) -> tuple[t.Any, int]:
    if kind in _FIXED:
        return struct.unpack_from(_FIXED[kind], data, start)[0], start + struct.calcsize(_FIXED[kind])
    if kind in (0x03, 0x04):
        document, end = _document(data, start)
        return (document if kind == 0x03 else list(document.values())), end
    if kind in (0x02, 0x0D, 0x0E):
        (length,) = struct.unpack_from("<i", data, start)
        return data[start + 4 : start + 3 + length].decode("utf-8", "replace"), start + 4 + length
    if kind == 0x05:
        (length,) = struct.unpack_from("<i", data, start)
        return data[start + 5 : start + 5 + length], start + 5 + length
    if kind in _RAW:
        return data[start : start + _RAW[kind]].hex(), start + _RAW[kind]
    if kind in (0x06, 0x0A, 0x7F, 0xFF):
        return None, start
    raise ValueError(f"BSON type {kind:#x}")
