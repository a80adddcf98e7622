# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""What changed between FastGPT releases, as far as an operator can see it."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

Version = tuple[int, ...]


class LogStyle(enum.Enum):
    """The three line formats of FastGPT's console log."""

    BRACKET = "4.6.5"
    CHALK = "4.8.3"
    LOGTAPE = "4.14.7"


def parse_version(text: str) -> Version:
    """Return the numbers of a tag such as v4.8.23-fix or 4.14.10.2."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text)
    if match is None:
        raise ValueError(f"not a version: {text!r}")
    return tuple(int(part) for part in match.group(1).split("."))


@dataclass(frozen=True)
class Generation:
    """Behaviour of one FastGPT version."""

    version: Version

    @property
    def log_style(self) -> LogStyle:
        if self.version >= (4, 14, 7):
            return LogStyle.LOGTAPE
        return LogStyle.CHALK if self.version >= (4, 8, 3) else LogStyle.BRACKET

    @property
    def starts_on_request(self) -> bool:
        """Databases and config.json wait for the first web request."""
        return self.version < (4, 8, 14)

    @property
    def reads_config_file(self) -> bool:
        return self.version < (4, 15)

    @property
    def config_is_json5(self) -> bool:
        return self.version >= (4, 6, 9)

    @property
    def start_error(self) -> str:
        """The text that frames a failed start."""
        if self.version < (4, 8, 7):
            return "Load init config error"
        if self.version < (4, 8, 14):
            return "init error"
        return "Init system error" if self.version < (4, 14, 7) else "System initialization failed"

    @property
    def needs_redis(self) -> bool:
        return self.version >= (4, 9, 4)

    @property
    def needs_plugin(self) -> bool:
        return self.version >= (4, 14, 5)

    @property
    def needs_object_storage(self) -> bool:
        return self.version >= (4, 14, 5)

    @property
    def retries_mongo_for_ever(self) -> bool:
        return self.version >= (4, 13, 2)

    @property
    def tells_version_to_anyone(self) -> bool:
        return self.version < (4, 9)

    @property
    def tells_unregistered_user(self) -> bool:
        return self.version < (4, 8, 18)

    @property
    def needs_login_code(self) -> bool:
        return self.version >= (4, 9, 8)

    @property
    def models_in_database(self) -> bool:
        """The model lists of config.json are ignored; models are set up on the page."""
        return self.version >= (4, 8, 20)

    @property
    def warns_of_empty_answers(self) -> bool:
        return self.version >= (4, 8, 13)

    @property
    def logs_requests(self) -> bool:
        """Every request is logged when it comes and when it ends."""
        return self.version >= (4, 14, 7)

    @property
    def wrong_key_status(self) -> int:
        """HTTP status of a refused root key; the code in the body is 403 in all."""
        if self.version < (4, 8):
            return 200
        return 500 if self.version < (4, 15) else 403

    @property
    def required_variables(self) -> dict[str, int]:
        """Variables the start checks, with their least length."""
        if self.version < (4, 14, 7):
            return {}
        required = {"MONGODB_URI": 1, "ROOT_KEY": 1, "FILE_TOKEN_KEY": 1}
        if self.version >= (4, 15):
            required.update(INVOKE_TOKEN_SECRET=32, AES256_SECRET_KEY=6, FILE_TOKEN_KEY=6)
        if self.version >= (4, 16):
            required["FE_DOMAIN"] = 1
        return required
