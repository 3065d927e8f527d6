"""What TLS may be spoken: facts with their source, for every program that ends TLS."""

from __future__ import annotations

from typing import Final

TLS_1_2_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
"""OpenSSL's names. RFC 9325 section 4.2: forward secrecy and authenticated encryption only."""
TLS_1_3_CIPHERS: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""RFC 8446 appendix B.4, without the two of CCM, which are for small devices."""
