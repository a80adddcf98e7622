# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What mongod asks of a key file, in the order in which it asks."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

MIN_LENGTH = 6
MAX_LENGTH = 1024
_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9+/=]")


@dataclass(frozen=True)
class KeyFileError(Exception):
    """A key file mongod refuses; the fields are those of its log line."""

    code: int
    code_name: str
    message: str


class KeySizeError(Exception):
    """A key whose length is outside 6..1024 characters; mongod logs it with an id of its own."""

    def __init__(self, size: int) -> None:
        super().__init__(f"security key size {size} is out of range")
        self.size = size


def check(path: str) -> None:
    """Raise KeyFileError or KeySizeError when mongod would not take the key file ``path``."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise KeyFileError(30, "InvalidPath", f"Error reading file {path}: {_strerror(error)}") from error
    if mode & 0o077:
        raise KeyFileError(30, "InvalidPath", f"permissions on {path} are too open")
    check_content(path, _read(path))


def check_content(path: str, text: str) -> None:
    """Raise when ``text`` (the content of the key file ``path``) is not one acceptable key."""
    key = "".join(text.split())
    if not key:
        raise KeyFileError(12, "UnsupportedFormat", "Only strings and sequences are supported for YAML key files")
    if not all(_KEY_CHARACTERS.fullmatch(character) for character in key):
        raise KeyFileError(12, "UnsupportedFormat", f"invalid char in key file {path}: {text.strip()}")
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH:
        raise KeySizeError(len(key))


def _read(path: str) -> str:
    """Return the text of ``path``; a directory reads as empty, as it does for mongod's YAML reader."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except IsADirectoryError:
        return ""
    except OSError as error:
        raise KeyFileError(30, "InvalidPath", f"error opening file: {path}: bad file") from error


def _strerror(error: OSError) -> str:
    return os.strerror(error.errno or errno.EIO)
