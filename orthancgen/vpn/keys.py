"""WireGuard's keys: X25519, written in base64 (wg(8))."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from orthancgen.errors import InputError
from orthancgen.secrets.value import SecretValue

KEY_BYTES = 32


def public_key(name: str, private: SecretValue) -> str:
    """The public key of a private one, as `wg pubkey` prints it (RFC 7748 section 5).

    Args:
        name: of the secret, for the error.
        private: 32 bytes in base64.

    Raises:
        InputError: the secret is no such key; its value is not in the error.
    """
    try:
        raw = base64.b64decode(private.reveal(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise InputError(
            f"the secret {name} is no WireGuard key: 32 bytes in base64, as `wg genkey` prints it",
            hint=f"let it be generated: leave {name} out of `secrets:`",
        )
    public = X25519PrivateKey.from_private_bytes(raw).public_key()
    return base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode("ascii")
