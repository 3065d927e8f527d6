"""Who may log in to the pages: names, roles and hashes of passwords, for the backend. The passwords stay with Orthanc.

A hash is scrypt's (RFC 7914), written as the PHC string format has it:
https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from typing import Final

from orthancgen.plan.model import Plan
from orthancgen.render.quoting import json_document
from orthancgen.secrets.value import SecretValue

# 32 MiB and some 80 ms a login: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
_LN: Final = 15
_R: Final = 8
_P: Final = 3
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


def people_document(plan: Plan, secrets: Mapping[str, SecretValue]) -> bytes:
    """The file's bytes; the same secrets give the same bytes, so that a deploy changes nothing where nothing changed.

    A salt must differ from person to person and from site to site, and need not be random: it follows from a secret
    that every site has of its own.

    Raises:
        KeyError: a secret has no value.
    """
    key = secrets[plan.site.backend.operator_token.secret].reveal().encode()
    people = [
        {"name": name, "role": user.role, "password": _hash(secrets[user.password.secret], _salt(key, name))}
        for name, user in plan.site.users.items()
    ]
    return json_document({"people": people}).encode("ascii")


def _salt(key: bytes, name: str) -> bytes:
    return hmac.new(key, f"salt of {name}".encode(), hashlib.sha256).digest()[:_SALT_BYTES]


def _hash(password: SecretValue, salt: bytes) -> str:
    # NFC: the same password typed on another keyboard may come as other code points (RFC 8265 section 4).
    typed = unicodedata.normalize("NFC", password.reveal()).encode()
    memory = 128 * 2**_LN * _R * 2
    digest = hashlib.scrypt(typed, salt=salt, n=2**_LN, r=_R, p=_P, maxmem=memory, dklen=_HASH_BYTES)
    return f"$scrypt$ln={_LN},r={_R},p={_P}${_base64(salt)}${_base64(digest)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")
