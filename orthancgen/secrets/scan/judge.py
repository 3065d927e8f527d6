"""Whether a text that stands where a secret may stand is one: a reference, a placeholder, a known default, or a value.

The limits on Shannon's entropy follow detect-secrets (3.0 bits a character for hexadecimal digits); for texts that a
name announces as secret they are lower than for any quoted text: 3.2 for base64, and for what people think up 2.5 with
two kinds of characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import Enum
from typing import Final

from orthancgen.secrets.store import KNOWN_DEFAULTS

SHORTEST: Final = 4
_SHORTEST_GENERIC: Final = 8
_SHORTEST_RANDOM: Final = 16


class Verdict(Enum):
    """What a text is."""

    HARMLESS = "harmless"
    DEFAULT = "default"
    SECRET = "secret"  # noqa: S105


_REFERENCE: Final = re.compile(
    r"""
      \$[A-Za-z_]\w*(?:[.:/]\w+)* | \$[{(].* | \$[\d@*\#?!]  # $VAR, $env:VAR, ${VAR:?why}, $(command), $1
    | [@%!&*]?\{.*  | .*\}\}.* | .*\$[{(].*             # {secret: x}, {{ jinja }}, text with ${...} in it
    | %\w+%.* | %[sdr] | <.*> | \[.*                    # %VAR%, <placeholder>, [list]
    | (?:env|file|vault|sops|ssm|op|secret|secretref|awskms|gcp|azurekeyvault|valueFrom)[:/].*
    | ENC\[.* | !.* | &\w+ | @\w+@?             # sops, YAML tags, anchors and aliases, autoconf
    | arn:.* | \w+://[^:@/\s]*(?::\d+)?(?:/[^@]*)?      # an address without a login
    | [A-Za-z_][\w.]*\(.* | [A-Za-z_][\w.]*\[.*         # a call, an index
    | [|>][+-]?                                         # a block scalar of YAML begins
    | \*.*                                              # a pattern of a shell, a masked value
    | \\?["'`]*                                         # nothing
    """,
    flags=re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"example|placeholder|redacted|hidden|masked|dummy|fake|sample|insert|replace|your[-_ ]|todo|fixme|xxx|\*\*\*"
    r"|\.\.\.|…|not[-_ ]?(?:a|the)[-_ ]|secret[-_ ]?(?:here|value|name)|my[-_ ]?(?:password|secret|token)",
    flags=re.IGNORECASE,
)
_WORDS: Final = frozenset(
    {
        *("string", "text", "bytes", "number", "integer", "boolean", "bool", "object", "array", "char", "varchar"),
        *("null", "none", "undefined", "true", "false", "required", "optional", "prompt", "auto", "automatic"),
        *("generated", "generate", "random", "inherit", "internal", "external", "default", "file", "environment"),
        *("vault", "user", "username", "bearer", "basic", "oauth", "oauth2", "oidc", "saml", "ldap", "hash", "hashed"),
        *("bcrypt", "argon2", "scrypt", "sha256", "sha512", "plain", "encrypted", "clear", "self", "always", "never"),
        *("unset", "empty", "disabled", "enabled", "unknown", "keyring", "keychain", "interactive", "stdin"),
    }
)
"""What stands behind such a name in schemas, types and policies."""
_DEFAULTS: Final = frozenset(re.sub(r"[-_ ]", "", known.casefold()) for known in KNOWN_DEFAULTS) | {
    "changeit", "changemenow", "passw0rd", "p@ssw0rd", "password1", "password123", "admin123", "qwerty", "orthanctest",
    "alicepassword", "secretpassword", "guest", "postgres", "mysql", "minioadmin", "rootpassword", "toor",
    "welcome", "welcome1",
}  # fmt: skip
"""Passwords that attackers try first, and those of samples; compared without case, hyphens and underscores."""
_PATH: Final = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.@ +-]+(?:[/\\]+[\w.@ +-]+)*[/\\]?")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAME_OF_ONE: Final = re.compile(
    r"[A-Z_][A-Z0-9_]*_(?:PASSWORD|SECRET|TOKEN|KEY)|[A-Za-z_]\w*(?:\.\w+)*\.(?:\w*[Pp]assword|\w*[Ss]ecret|\w*[Tt]oken)"
)
"""What names a password in its turn: a variable, or a key path of Orthanc such as ``PostgreSQL.Password``."""
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_LETTER_BY_DIGIT: Final = re.compile(r"[A-Za-z][0-9]|[0-9][A-Za-z]")


def entropy(text: str) -> float:
    """Shannon's entropy of the characters, in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def judge(text: str, *, quoted: bool, strong: bool) -> Verdict:
    """What a text is that stands behind a name such as ``password``.

    Args:
        text: without its quotes, 512 characters at most.
        quoted: whether it stood in quotes; without them it may be an expression, or prose.
        strong: whether only a password can stand there, so that any text counts that is no reference.
    """
    value = text.strip()
    if len(value) < SHORTEST or _is_reference(value, quoted=quoted) or _PLACEHOLDER.search(value):
        return Verdict.HARMLESS
    plain = re.sub(r"[-_ ]", "", value.casefold())
    if plain in _DEFAULTS:
        return Verdict.DEFAULT
    if len(set(value)) <= 2 or value.casefold() in _WORDS or value.count(" ") > (3 if quoted else 1):
        return Verdict.HARMLESS
    return Verdict.SECRET if strong or is_random(value) else Verdict.HARMLESS


def is_random(value: str) -> bool:
    """Whether a text has the entropy of a generated value or of a password, rather than that of a word or a name."""
    bits = entropy(value)
    if len(value) >= _SHORTEST_RANDOM and _HEX.fullmatch(value):
        return bits >= 3.0
    if len(value) >= _SHORTEST_RANDOM and _BASE64.fullmatch(value) and bits >= 3.2:
        return _kinds(value) >= 3 or len(_LETTER_BY_DIGIT.findall(value)) >= 4
    return len(value) >= _SHORTEST_GENERIC and bits >= 2.5 and _kinds(value) >= 3 and " " not in value


def _kinds(value: str) -> int:
    """How many of these it has: small letters, capitals, digits, and characters that join no words."""
    tests = (str.islower, str.isupper, str.isdigit, lambda c: not (c.isalnum() or c in "-_./: "))
    return sum(any(test(character) for character in value) for test in tests)


def _is_reference(value: str, *, quoted: bool) -> bool:
    if _REFERENCE.fullmatch(value):
        return True
    if _PATH.fullmatch(value) and not (len(value) >= 20 and _kinds(value) >= 3 and value.count("/") < 3):
        return True
    if _NAME_OF_ONE.fullmatch(value):
        return True
    return not quoted and _DOTTED.fullmatch(value) is not None and not is_random(value)
