# Copyright: (c) 2026, fastgpt.ops contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret values become tokens (``<secret:9f2c1a>``) before they leave the host. Private to the collection.

Two nets: fields, URLs, headers and command options that hold secrets by their form; and every value once met that way,
wherever else it stands. Equal values of one run (one salt) have equal tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import typing as t
import urllib.parse

TOKEN = re.compile(r"<secret:[0-9a-f]{6}>")

# Passwords and keys as upstream's templates ship them: everybody knows them, rules must be able to say so.
TEMPLATE_DEFAULTS = frozenset(
    "username password myusername mypassword 1234 123456 12345678 sk-fastgpt sk-xxx sk-xxxx sk-xxxxx sk-xxxxxx any "
    "fastgpt_root_key filetoken fastgptsecret fastgpt-secret fastgpt_secret fastgptkey fastgpt aiproxy oneapimmysql "
    "root_key oneapikey minioadmin token default root postgres admin wsj123 tenantpassword seekdbpassword "
    "FastGPT@123 none vector fastgpt-plugin-token your_secret_key codesandbox sandbox milvus Milvus".split()
)
# Words too common to be replaced wherever they stand: logs would lose what they say. In their own field they are.
_COMMON = frozenset(
    "username password myusername default fastgpt aiproxy postgres minioadmin token vector milvus sandbox codesandbox "
    "mongodb mongo redis mysql oneapi localhost database production development container string undefined required "
    "enabled disabled secret invalid expected missing object number boolean".split()
)
_SHORTEST_REPLACED = 6

# MinIO's root user is what its clients call an access key: equal values must have equal tokens.
_WORD = (
    r"passw|passphrase|psw|pwd|(?<!<)secret|token|credential|authorization|requestauth|_auth|license|maile_code|cookie"
    r"|key|pass(?![a-z])|minio_root_user"
)
_SECRET_WORD = re.compile(_WORD, re.IGNORECASE)
_PASSWORD_WORD = re.compile(r"passw|passphrase|psw|pwd|secret|pass$", re.IGNORECASE)
# Names that only look like secrets: limits and counters, paths, kinds, database and JSON vocabulary.
_HARMLESS_NAME = re.compile(
    r"(max|min|limit|count|num|total|used?|expire\w*|ttl|worker|length|size|price|prompt|completion|cached|context|quote)"
    r"[_-]?tokens?$|tokens|tokeniz|tiktoken|token_?(expire|limit|worker|type|count|usage)|(^|[_.-])keys$"
    r"|key_?(file|path|pattern|space|name|word|board|value|type|code|len|s_)|(?<!access)(?<!access_)key_?id"
    r"|^(i18n|primary|foreign|dup|index|sort|partition|cache|lock|group|object|routing|public|dedup\w*|idempot\w*|shard)"
    r"[_-]?key$|secret_?name|^(is|has|use|enable|show|need)[_A-Z]|passthrough|password_?(encryption|file)|monkey|hotkey",
    re.IGNORECASE,
)
_HARMLESS_VALUE = re.compile(
    r"\$\{?\w+|\$\$\w+|true|false|null|none|nil|undefined|yes|no|on|off|\*+|<secret:[0-9a-f]{6}>|\[redacted\]"
    r"|string|required|invalid|expected|must|is|not|missing|authentication|failed|or|and|the|for|cannot|empty|wrong|error"
    r"|bearer|basic"
    r"|/(?:etc|run|data|app|var|opt|root|home|mnt|srv|usr|tmp|bitnami|certs?)/[\w./-]+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _option(head: str) -> re.Pattern[str]:
    """Make the pattern of a command line's option whose value is secret; a path or another option is none."""
    return re.compile(rf"(?P<head>{head})(?P<secret>[^\s'\",\]/-][^\s'\",\]]*)")


# Every repetition is bounded: a log of one endless line must not cost the square of its length.
_URL = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@'\"<>]{0,256}:)(?P<secret>(?:(?!://)[^\s'\"<>]){1,512})(?=@)",
    re.IGNORECASE,
)
_DSN = re.compile(r"(?P<head>\b[\w.-]{1,64}:)(?P<secret>[^\s'\"]{1,512})(?=@(?:tcp|unix)\()")
# Each with a word that a text must have, in lower case, before the costlier pattern is tried.
_FORMS = (
    ("bearer ", re.compile(r"(?P<head>\bbearer\s+)(?P<secret>[A-Za-z0-9._~+/=-]{6,})", re.IGNORECASE)),
    ("basic ", re.compile(r"(?P<head>\bbasic\s+)(?P<secret>[A-Za-z0-9._~+/=-]{6,})", re.IGNORECASE)),
    ("fastgpt-", re.compile(r"(?P<head>)(?P<secret>(?<![\w-])fastgpt-[A-Za-z0-9]{24,})")),
    ("sk-", re.compile(r"(?P<head>)(?P<secret>(?<![\w-])(?:g)?sk-[A-Za-z0-9_*-]*[A-Za-z0-9])")),
    ("eyj", re.compile(r"(?P<head>)(?P<secret>\beyJ[\w-]{8,2048}\.[\w-]{8,4096}\.[\w-]*)")),
    ("akia", re.compile(r"(?P<head>)(?P<secret>\bAKIA[A-Z0-9]{16})")),
    ("aiza", re.compile(r"(?P<head>)(?P<secret>\bAIza[\w-]{30,})")),
    ("ltai", re.compile(r"(?P<head>)(?P<secret>\bLTAI[A-Za-z0-9]{12,})")),
    (
        "private key-",
        re.compile(r"(?P<head>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>.+?)(?=-----END|\Z)", re.DOTALL),
    ),
    # mongod prints the whole key; JSON log lines close it with a quote.
    ("in key file", re.compile(r"(?P<head>invalid char in key file [^\s:]+: )(?P<secret>[^\"\n]+)")),
    # Options of command lines: the mongo wrapper's job lines, health checks, redis and mysql commands.
    ("mongo", _option(r"\bmongo\w*\b[^\n]{0,500}?[\s'\"](?:-p|--password)['\"]?[\s=,]*['\"]?")),
    ("mysql", _option(r"\bmysql\w*\b[^\n]{0,500}?[\s'\"](?:-p|--password=)")),
    ("mariadb", _option(r"\bmariadb\w*\b[^\n]{0,500}?[\s'\"](?:-p|--password=)")),
    ("redis", _option(r"\bredis\S*\b[^\n]{0,500}?[\s'\"]-a['\"]?[\s,]+['\"]?")),
    ("--", _option(r"--(?:requirepass|masterauth|password|token|api-key|secret)['\"]?[\s=,]+['\"]?")),
)
_FIELD = re.compile(
    rf"(?P<word>{_WORD})(?P<rest>[\w-]{{0,64}})(?P<sep>\\?[\"']?\]?[ \t]*(?:=>|[:=])[ \t]*)"
    r"(?P<value>\\\"(?:[^\"\\]|\\\\.)*\\\"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`"
    r"|[^\s,;&|(){}\[\]\"'<>]+)",
    re.IGNORECASE,
)
# One setting a line, the rest of which is its value: env files, compose files, ini files; commented-out ones too.
_LINE = re.compile(
    r"^(?P<head>[ \t]*(?:#[ \t]*)*(?:-[ \t]+)?[\"']?(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]{0,128})[\"']?"
    r"[ \t]*[:=][ \t]*)"
    r"(?P<value>\S[^\r\n]*?)(?P<tail>,?[ \t]*\r?)$",
    re.MULTILINE,
)
_NAME_BEFORE = re.compile(r"[A-Za-z_][\w-]*\Z")
_OPTION = re.compile(r"-p|-a|--(?:requirepass|masterauth|password|pass|token|api-key|secret)")
_URL_SPECIAL = frozenset("@/:?#[]% ")


def is_secret_name(name: str, number: bool = False) -> bool:
    """Tell whether a variable or field of that name holds a secret.

    :param number: its value is a bare number, which is a limit or a count unless the name speaks of a password or is
        an environment variable that ends in KEY or TOKEN
    """
    if not _SECRET_WORD.search(name) or _HARMLESS_NAME.search(name):
        return False
    return not number or bool(_PASSWORD_WORD.search(name)) or bool(re.search(r"(KEY|TOKEN)$", name))


def looks_random(value: str) -> bool:
    """Tell whether a word looks made by a generator: long, letters of both cases and digits mixed."""
    return (
        20 <= len(value) <= 512
        and re.fullmatch(r"[A-Za-z0-9_+/=-]+", value) is not None
        and all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        and len(set(value)) >= 12
    )


class Tokeniser:
    """Replaces secrets by tokens and remembers every secret met.

    :param salt: of this run, never written anywhere; without it a short secret could be found by trying
    :param names: words that are names here (containers, services, hosts): never replaced outside their own field
    """

    def __init__(self, salt: str, names: t.Iterable[str] = ()):
        self._salt = salt.encode()
        self._names = {name.lower() for name in names}
        self._known: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._ordered: list[tuple[str, str]] | None = None
        self.facts: dict[str, dict[str, t.Any]] = {}

    # --- learning

    def token(self, value: str) -> str:
        """Give a value's token, and remember what rules need of it (``facts``)."""
        digest = hmac.new(self._salt, value.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:6]
        token = f"<secret:{digest}>"
        if token not in self.facts:
            self.facts[token] = _facts_of(value)
            self._values[token] = value
        return token

    def value_of(self, token: str) -> str | None:
        """Give the value behind a token, on the host alone; None where it was not met."""
        return self._values.get(token)

    def add_names(self, names: t.Iterable[str]) -> None:
        """Tell names of this host that must stay readable even if a password is spelled the same."""
        self._names.update(name.lower() for name in names if name)

    def learn(self, value: str) -> str:
        """Remember a secret, so that it is replaced wherever it stands, also encoded; give its token."""
        value = value.strip()
        if TOKEN.fullmatch(value):
            return value
        token = self.token(value)
        if len(value) >= _SHORTEST_REPLACED and value not in self._known and self._replaceable(value):
            for form in _encodings(value):
                self._known.setdefault(form, token)
            self._ordered = None
        return token

    def _replaceable(self, value: str) -> bool:
        lowered = value.lower()
        return (
            lowered not in _COMMON and value not in _COMMON and lowered not in self._names and not TOKEN.search(value)
        )

    def learn_env(self, variables: t.Mapping[str, str | None]) -> None:
        """Remember the secrets of environment variables, parts of URLs among them."""
        for name, value in variables.items():
            if value:
                self.value(name, value)

    def learn_text(self, text: str, lines: bool = False) -> None:
        """Remember the secrets that a text shows by its form."""
        self._forms(text, lines)

    # --- replacing

    def env(self, variables: t.Mapping[str, str | None]) -> dict[str, str | None]:
        """Give environment variables with their secrets tokenised; names and plain values stay."""
        return {name: self.value(name, value) if value else value for name, value in variables.items()}

    def value(self, name: str, value: str) -> str:
        """Give one variable's or field's value tokenised: whole where the name says so, else by its form."""
        bare = value.strip().strip("\"'")
        if not bare or _HARMLESS_VALUE.fullmatch(bare):
            return value
        if _URL.search(value) or _DSN.search(value):
            return self.text(value)
        is_secret = is_secret_name(name, bool(_NUMBER.fullmatch(bare)))
        if (is_secret and not re.match(r"[a-z]+://", bare)) or looks_random(bare):
            token = self.learn(bare)
            if bare != value:
                self._note_wrapping(token, value)
            return value.replace(bare, token, 1)
        return self.text(value)

    def _note_wrapping(self, token: str, value: str) -> None:
        """Remember that a value was written with quotes or blanks around it, which then belong to it."""
        if value != value.strip():
            self.facts[token]["blanks"] = True
        if value.strip()[0] in "\"'":
            self.facts[token]["quoted"] = True

    def argv(self, words: t.Sequence[str]) -> list[str]:
        """Give a command's words tokenised, the value after a password option too."""
        result: list[str] = []
        before = ""
        for word in words:
            option = _OPTION.fullmatch(before) and not word.startswith("-") and not word.startswith("/")
            result.append(self.learn(word) if option and word else self.text(word))
            before = word
        return result

    def text(self, text: str, lines: bool = False) -> str:
        """Give a text with its secrets tokenised.

        :param lines: it has one setting a line (compose, env and config files), so a value is the rest of its line
        """
        return self._known_values(self._forms(self._known_values(text), lines))

    def _known_values(self, text: str) -> str:
        if self._ordered is None:
            self._ordered = sorted(self._known.items(), key=lambda item: -len(item[0]))
        for value, token in self._ordered:
            if value in text:
                text = text.replace(value, token)
        return text

    def _forms(self, text: str, lines: bool) -> str:
        if "://" in text:
            text = _URL.sub(self._url, text)
        if "@tcp(" in text or "@unix(" in text:
            text = _DSN.sub(self._whole, text)
        lowered = text.lower()
        for word, form in _FORMS:
            if word in lowered:
                text = form.sub(self._whole, text)
        if lines:
            text = _LINE.sub(self._line, text)
        return _FIELD.sub(self._field, text)

    def _whole(self, match: re.Match[str]) -> str:
        if _HARMLESS_VALUE.fullmatch(match["secret"]):
            return match[0]
        return match["head"] + self.learn(match["secret"])

    def _url(self, match: re.Match[str]) -> str:
        raw = match["secret"]
        if _HARMLESS_VALUE.fullmatch(raw) or (match["head"].startswith("http") and re.match(r"\d+/", raw)):
            return match[0]
        plain = urllib.parse.unquote(raw)
        token = self.learn(plain)
        # The token is that of the plain password (it must equal the database's own); how it was written is a fact.
        unsafe = sorted(_URL_SPECIAL.intersection(re.sub(r"%[0-9A-Fa-f]{2}", "", raw)))
        if unsafe:
            self.facts[token]["url_unsafe"] = "".join(unsafe)
        if raw != plain:
            self.facts[token]["percent_encoded"] = True
            if len(raw) >= _SHORTEST_REPLACED and raw not in self._known:
                self._known[raw] = token
                self._ordered = None
        return match["head"] + token

    def _line(self, match: re.Match[str]) -> str:
        value = match["value"]
        bare = value
        if bare[0] in "\"'" and bare.rfind(bare[0]) > 0:
            bare = bare[1 : bare.rfind(bare[0])]
        elif match["head"].rstrip(": \t")[-1:] in "\"'":
            bare = re.split(r"[,\s]", bare, maxsplit=1)[0]  # JSON: a number or a bare word, more may follow it
        else:
            bare = re.split(r"\s+#", bare, maxsplit=1)[0]
        bare = bare.strip()
        if not bare or bare[0] in "{[&*|>$" or _HARMLESS_VALUE.fullmatch(bare) or TOKEN.search(bare) or "://" in bare:
            return match[0]
        if not is_secret_name(match["name"], bool(_NUMBER.fullmatch(bare))) or (
            match["head"].endswith(":") and bare[0] == "/"
        ):
            return match[0]  # the last is `volume:/path`
        return match["head"] + value.replace(bare, self.learn(bare), 1) + match["tail"]

    def _field(self, match: re.Match[str]) -> str:
        before = _NAME_BEFORE.search(match.string, max(0, match.start() - 64), match.start())
        name = (before[0] if before else "") + match["word"] + match["rest"]
        value = match["value"]
        bare = _unescaped(value)
        if not bare or _HARMLESS_VALUE.fullmatch(bare) or TOKEN.search(bare) or bare[0] in "$&*{[":
            return match[0]
        if not is_secret_name(name, bool(_NUMBER.fullmatch(value))) or "://" in bare:
            return match[0]
        start = match.start() - len(before[0] if before else "")
        if start and match.string[start - 1] in "./" and ":" in match["sep"] and not _PASSWORD_WORD.search(name):
            return match[0]  # a file's name and what is wrong with it: `/data/mongodb.key: bad file`
        return match[0][: match.start("value") - match.start()] + value.replace(bare, self.learn(bare), 1)

    def tree(self, value: t.Any, name: str = "") -> t.Any:
        """Give structured data with every string in it tokenised, fields by their names; keys stay."""
        if isinstance(value, dict):
            if name in ("env", "environment") and all(item is None or isinstance(item, str) for item in value.values()):
                return self.env(value)
            return {key: self.tree(item, str(key)) for key, item in value.items()}
        if isinstance(value, list):
            if value and all(isinstance(item, str) for item in value):
                return self.argv(value)
            return [self.tree(item) for item in value]
        if isinstance(value, str) and value:
            return self.value(name, value) if is_secret_name(name) else self.text(value)
        return value

    def known(self, value: t.Any) -> t.Any:
        """Give structured data with the secrets met so far replaced in every string: the last pass over everything."""
        if isinstance(value, dict):
            return {key: self.known(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.known(item) for item in value]
        return self._known_values(value) if isinstance(value, str) else value


def _facts_of(value: str) -> dict[str, t.Any]:
    """Tell of a secret what a rule may need and what does not give it away."""
    facts: dict[str, t.Any] = {"length": len(value)}
    if value in TEMPLATE_DEFAULTS or re.fullmatch(r"sk-[xX*]+", value):
        facts["default"] = True
    prefix = re.match(r"(sk-|fastgpt-|Bearer )", value)
    if prefix:
        facts["prefix"] = prefix[0]
    special = sorted(set(re.sub(r"[A-Za-z0-9]", "", value)))
    if special and not value.isascii():
        facts["not_ascii"] = True
    elif special:
        facts["special"] = "".join(special)
    return facts


def _unescaped(value: str) -> str:
    """Take the quotes off a field's value."""
    return value.strip("\\\"'`")


def _encodings(value: str) -> list[str]:
    """Give the ways a value is written elsewhere: plain, percent-, base64- and JSON-encoded."""
    data = value.encode("utf-8", "surrogateescape")
    forms = [
        value,
        urllib.parse.quote(data, safe=""),
        urllib.parse.quote_plus(data),
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
    ]
    return [form for form in dict.fromkeys(forms) if len(form) >= _SHORTEST_REPLACED]
