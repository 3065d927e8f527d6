from __future__ import annotations

import pytest

from orthancgen.audit.looking_tls import weak, weakness
from orthancgen.render.tls import TLS_1_2_CIPHERS, TLS_1_3_CIPHERS


@pytest.mark.parametrize("cipher", [*TLS_1_2_CIPHERS, *TLS_1_3_CIPHERS])
def test_what_we_render_ourselves_is_good(cipher: str) -> None:
    assert weakness(cipher) == ""


@pytest.mark.parametrize(
    ("cipher", "why"),
    [
        ("ECDHE-RSA-CHACHA20-POLY1305", ""),
        ("DHE-RSA-AES256-GCM-SHA384", ""),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ""),
        ("ECDHE+AESGCM", ""),
        ("!aNULL", ""),
        ("@STRENGTH", ""),
        ("", ""),
        ("AES256-GCM-SHA384", "forward secrecy"),
        ("AES128-SHA", "forward secrecy"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "forward secrecy"),
        ("ECDHE-RSA-AES128-SHA256", "CBC"),
        ("dhe-rsa-aes128-sha", "CBC"),
        ("DES-CBC3-SHA", "broken"),
        ("ECDHE-RSA-RC4-SHA", "broken"),
        ("ECDHE-RSA-NULL-SHA", "broken"),
        ("ADH-AES128-GCM-SHA256", "broken"),
        ("EXP-RC4-MD5", "broken"),
        ("HIGH", "group"),
        ("ALL", "group"),
    ],
)
def test_why_a_cipher_is_weak(cipher: str, why: str) -> None:
    assert why in weakness(cipher)
    assert bool(why) == bool(weakness(cipher))


def test_a_list_in_one_text() -> None:
    assert weak(["HIGH:!aNULL:!MD5", "ECDHE-RSA-AES128-GCM-SHA256"]) == (("HIGH", weakness("HIGH")),)
