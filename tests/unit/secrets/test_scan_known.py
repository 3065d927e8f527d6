"""Values that environments of this machine use are found in every form in which a file may hold them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from orthancgen.secrets.scan.content import Content
from orthancgen.secrets.scan.known import KnownValues, known_values
from orthancgen.secrets.scan.run import Scan, scan
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue
from tests.support.certificates import Authority

VALUE = "a\"b$c+d/e'f&9-Zq"


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "state" / "prod" / "secrets")


def known(store: SecretStore) -> KnownValues:
    return known_values(store.folder.parents[1])


def look(store: SecretStore, text: str | bytes, name: str = "notes.txt") -> Scan:
    content = text.encode() if isinstance(text, str) else text
    return scan([Content(name, name, content)], known(store))


FORMS = {
    "": VALUE,
    " (quoted for JSON)": json.dumps(VALUE).replace("$", "\\u0024"),
    " (quoted for an address)": f"https://u:{quote(VALUE, safe='')}@h/",
    " (quoted for HTML)": "a&quot;b$c+d/e&#x27;f&amp;9-Zq",
    " (quoted for a shell)": "'" + VALUE.replace("'", "'\\''") + "'",
    " (quoted for Compose)": VALUE.replace("$", "$$"),
    " (in hexadecimal digits)": VALUE.encode().hex(),
    " (in base64)": base64.b64encode(f"user:{VALUE}!".encode()).decode(),
}


@pytest.mark.parametrize("how", FORMS)
def test_every_form_is_found(store: SecretStore, how: str) -> None:
    store.write("orthanc_password", SecretValue(VALUE))
    (leak,) = look(store, f"first line\n  {FORMS[how]}\n").leaks
    assert leak.what == f"the value of the secret orthanc_password of the environment prod{how}"
    assert (leak.rule.id, leak.file, leak.line) == ("known-secret", "notes.txt", 2)
    assert VALUE not in repr(leak)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "yz", "xyz"])
def test_base64_is_found_wherever_the_value_begins(store: SecretStore, before: str, after: str) -> None:
    store.write("token", SecretValue("Zq8-kT2_wP5xVb71?>"))  # orthancgen: allow-secret made up for the test
    content = f"{before}Zq8-kT2_wP5xVb71?>{after}".encode()
    for encoded in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
        assert len(look(store, encoded).leaks) == 1


def test_no_comment_allows_it(store: SecretStore) -> None:
    store.write("token", SecretValue("Zq8kT2wP5xVb71aa"))  # orthancgen: allow-secret made up for the test
    found = look(store, "x: Zq8kT2wP5xVb71aa  # orthancgen: allow-secret it is only a test\n")
    assert [leak.rule.id for leak in found.leaks] == ["known-secret"]


def test_values_that_wait_and_keys_of_authorities_are_known_and_certificates_are_not(
    store: SecretStore, tmp_path: Path
) -> None:
    store.offer("token", SecretValue("Zq8kT2wP5xVb71aa"))  # orthancgen: allow-secret made up for the test
    pair = Authority(tmp_path / "authority").issue("orthanc")
    store.write("dicom_tls_certificate", SecretValue(pair.certificate.read_text()))
    store.authorities.mkdir(parents=True)
    (store.authorities / "dicom.pem").write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    assert known(store).values == 2
    assert look(store, pair.certificate.read_bytes()).leaks == ()
    body = pair.key.read_text().splitlines()[1:-1]
    (leak,) = look(store, "".join(body)).leaks
    assert len(look(store, "".join(body[1:])).leaks) == 1  # without the line that tells the kind of key
    assert leak.what == "the value of the secret ca/dicom of the environment prod"
    assert "the secret token" in look(store, "Zq8kT2wP5xVb71aa").leaks[0].what


def test_short_and_customary_values_are_not_looked_for(store: SecretStore) -> None:
    for name, value in (("a", "orthanc"), ("b", "1234567"), ("c", "change-me"), ("d", "")):
        store.write(name, SecretValue(value))
    assert known(store).values == 0
    assert known(store).environments == ("prod",)
    assert look(store, "orthanc 1234567").leaks == ()


def test_what_is_no_state_folder_is_passed_over(store: SecretStore, tmp_path: Path) -> None:
    root = store.folder.parents[1]
    (root / "apps").mkdir(parents=True)
    (root / "file").write_text("x")
    store.write("binary", SecretValue("x"))
    store.path("binary").write_bytes(b"\xff" * 40)
    store.path("large").write_bytes(b"x" * 100_000)
    store.path("folder").mkdir()
    assert known(store) == KnownValues()
    assert known_values(tmp_path / "nowhere") == KnownValues()


@pytest.mark.skipif(os.geteuid() != 0, reason="asks for another user")
def test_what_this_user_may_not_read_is_told(store: SecretStore, tmp_path: Path) -> None:
    store.write("token", SecretValue("Zq8kT2wP5xVb71aa"))  # orthancgen: allow-secret made up for the test
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    store.folder.chmod(0o700)
    os.seteuid(65534)
    try:
        found = known(store)
    finally:
        os.seteuid(0)
    assert found.values == 0
    assert found.unreadable == (str(store.folder),) or found.unreadable == (str(store.folder.parents[1]),)


def test_binary_files_and_utf_16_are_searched(store: SecretStore) -> None:
    store.write("token", SecretValue("Zq8kT2wP5xVb71aa"))  # orthancgen: allow-secret made up for the test
    (leak,) = look(store, b"\0\1\2\xff" + b"Zq8kT2wP5xVb71aa", "core").leaks
    assert leak.what == ("the value of the secret token of the environment prod, at byte 5 of a binary file")
    (leak,) = look(store, "x\nZq8kT2wP5xVb71aa".encode("utf-16"), "x.reg").leaks
    assert (leak.line, leak.column) == (2, 1)
