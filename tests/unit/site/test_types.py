"""Each type of the model against what reads a value differently than it looks (one line a trap)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from orthancgen.site import types
from orthancgen.site.model import Waiver

LONG_LABEL = "a" * 63
PORT: Any = types.Port

ACCEPTED: list[tuple[Any, Any]] = [
    (types.AETitle, "CT1"),
    (types.AETitle, "A" * 16),
    (types.AETitle, "ct-1_x.y z"),
    (types.AETitle, "$HOME"),
    (PORT, 1),
    (PORT, 65535),
    (types.ModalityPort, 65534),
    (types.IPAddress, "127.0.0.1"),
    (types.IPAddress, "0.0.0.0"),
    (types.IPAddress, "::"),
    (types.IPAddress, "2001:db8::1"),
    (types.Cidr, "10.0.0.0/8"),
    (types.Cidr, "0.0.0.0/0"),
    (types.Cidr, "192.0.2.1/32"),
    (types.Cidr, "2001:db8::/32"),
    (types.Cidr, "::/0"),
    (types.Host, "localhost"),
    (types.Host, "ct1.radiology.example"),
    (types.Host, "192.0.2.10"),
    (types.Host, "2001:db8::a"),
    (types.Host, "xn--mnchen-3ya.example"),
    (types.Host, f"{LONG_LABEL}.example"),
    (types.Host, ".".join([LONG_LABEL] * 3 + ["a" * 61])),
    (types.HttpUrl, "http://127.0.0.1:8001/api"),
    (types.HttpUrl, "https://backend.example/a?q=a&b"),
    (types.HttpUrl, "http://[::1]:8001/"),
    (types.HttpUrl, "https://backend.example/$HOME"),
    (types.PlainText, "Röntgen 東京 ${HOME} \"'\\ <script>"),
    (types.PlainText, "a" * 200),
    (types.EnvironmentName, "dev"),
    (types.EnvironmentName, "a" * 32),
    (types.ModalityName, "CT_1-x"),
    (types.UserName, "admin@site.example"),
    (types.SecretName, "orthanc_password"),
    (types.DatabaseName, "orthancgen"),
    (types.EnvironmentVariable, "ORTHANC_PASSWORD"),
    (types.AbsolutePath, "/var/lib/orthanc"),
    (types.AbsolutePath, "/srv/bilder ö/$HOME/'\""),
    (types.AbsolutePath, "/..."),
    (types.ImageReference, "mongo:8.0.17"),
    (types.ImageReference, "registry.example:5000/team/orthanc:26.8.1"),
    (types.ImageReference, "mongo@sha256:" + "0" * 64),
    (types.ImageReference, "mongo:8@sha256:" + "0" * 64),
]

REFUSED: list[tuple[Any, Any, str]] = [
    (types.AETitle, "", "not a space"),
    (types.AETitle, "   ", "not a space"),
    (types.AETitle, "A" * 17, "at most 16"),
    (types.AETitle, "CT\\1", "backslash"),
    (types.AETitle, "CT1\n", r"U\+000A"),
    (types.AETitle, "CT1\r\nX: y", r"U\+000D"),
    (types.AETitle, "CT\t1", r"U\+0009"),
    (types.AETitle, "CT\0", r"U\+0000"),
    (types.AETitle, "CT\u202eTXT", r"U\+202E"),
    (types.AETitle, "ＣＴ１", r"U\+FF23"),
    (types.AETitle, "CT²", r"U\+00B2"),
    (types.AETitle, "É" * 9, r"U\+00C9"),
    (types.AETitle, "\ufeffCT", r"U\+FEFF"),
    (types.AETitle, "\ud800", r"U\+D800"),
    (types.AETitle, 104, "string"),
    (PORT, 0, "greater"),
    (PORT, -1, "greater"),
    (PORT, 65536, "less"),
    (PORT, "104", "integer"),
    (PORT, 104.0, "integer"),
    (PORT, True, "integer"),
    (PORT, None, "integer"),
    (types.ModalityPort, 65535, "less"),
    (types.IPAddress, "010.0.0.1", "a leading zero"),
    (types.IPAddress, "10.1", "not an IP"),
    (types.IPAddress, "0x0a.0.0.1", "not an IP"),
    (types.IPAddress, "167772161", "not an IP"),
    (types.IPAddress, "256.1.1.1", "not an IP"),
    (types.IPAddress, "１０.0.0.1", "ASCII"),
    (types.IPAddress, "1.2.3.4\n", "not an IP"),
    (types.IPAddress, " 1.2.3.4", "not an IP"),
    (types.IPAddress, "fe80::1%eth0", "zone id"),
    (types.IPAddress, 'fe80::1%"; flush ruleset #', "zone id"),
    (types.IPAddress, "::1%\n-A INPUT -j ACCEPT", "zone id"),
    (types.IPAddress, "::ffff:10.0.0.1", "write 10.0.0.1"),
    (types.IPAddress, "[::1]", "not an IP"),
    (types.IPAddress, "2001:DB8::1", "write 2001:db8::1"),
    (types.IPAddress, "2001:0db8:0:0:0:0:0:1", "write 2001:db8::1"),
    (types.IPAddress, "localhost", "not an IP"),
    (types.IPAddress, True, "string"),
    (types.IPAddress, 167772161, "string"),
    (types.Cidr, "192.0.2.1", "write 192.0.2.1/32"),
    (types.Cidr, "2001:db8::1", "write 2001:db8::1/128"),
    (types.Cidr, "10.0.0.5/8", "write 10.0.0.0/8"),
    (types.Cidr, "10.0.0.0/255.0.0.0", "0 to 32"),
    (types.Cidr, "10.0.0.0/0.255.255.255", "0 to 32"),
    (types.Cidr, "1.2.3.4/33", "0 to 32"),
    (types.Cidr, "::/129", "0 to 128"),
    (types.Cidr, "10.0.0.0/08", "0 to 32"),
    (types.Cidr, "10.0.0.0/8\n", "0 to 32"),
    (types.Cidr, "10.0.0.0/８", "0 to 32"),
    (types.Cidr, "10.0.0.0/", "0 to 32"),
    (types.Cidr, "010.0.0.0/8", "a leading zero"),
    (types.Cidr, "10/8", "not an IP"),
    (types.Cidr, "fe80::%eth0/64", "zone id"),
    (types.Cidr, "::ffff:10.0.0.0/104", "write 10.0.0.0"),
    (types.Cidr, "any", "not an IP"),
    (types.Cidr, True, "string"),
    (types.Cidr, 0, "string"),
    (types.Host, "", "labels"),
    (types.Host, "a..b", "labels"),
    (types.Host, "-a.com", "labels"),
    (types.Host, "a-.com", "labels"),
    (types.Host, "a_b", "labels"),
    (types.Host, "a b", "labels"),
    (types.Host, "a.example.", "labels"),
    (types.Host, "host\n", "labels"),
    (types.Host, "hôte", "labels"),
    (types.Host, "a;id", "labels"),
    (types.Host, "$(id)", "labels"),
    (types.Host, "a" * 64, "labels"),
    (types.Host, ".".join([LONG_LABEL] * 4), "labels"),
    (types.Host, "1.2.3.4/33", "not an IP"),
    (types.Host, "10.1", "not an IP"),
    (types.Host, "010.0.0.1", "a leading zero"),
    (types.Host, "0x0a.0.0.1", "not an IP"),
    (types.Host, "167772161", "not an IP"),
    (types.Host, "ct1.168", "not a number"),
    (types.Host, "host:104", "not an IP"),
    (types.Host, "[::1]", "not an IP"),
    (types.Host, "fe80::1%eth0", "zone id"),
    (types.Host, "::ffff:10.0.0.1", "write 10.0.0.1"),
    (types.HttpUrl, "http://u:p@h/", "user name"),
    (types.HttpUrl, "http://u@h/", "user name"),
    (types.HttpUrl, "http://h\\@evil.example/", "backslash"),
    (types.HttpUrl, "http://a\n.b/", "control"),
    (types.HttpUrl, "http://a\t.b/", "control"),
    (types.HttpUrl, "http://a b/", "spaces"),
    (types.HttpUrl, "//h", "http://"),
    (types.HttpUrl, "javascript:alert(1)", "http://"),
    (types.HttpUrl, "file:///etc/passwd", "http://"),
    (types.HttpUrl, "HTTP://h/", "http://"),
    (types.HttpUrl, "http:h", "http://"),
    (types.HttpUrl, "http:///path", "no host"),
    (types.HttpUrl, "http://169.254.169.254/", "link-local"),
    (types.HttpUrl, "http://[fe80::1]/", "link-local"),
    (types.HttpUrl, "http://2852039166/", "not an IP"),
    (types.HttpUrl, "http://0xa9fea9fe/", "not an IP"),
    (types.HttpUrl, "http://[::ffff:169.254.169.254]/", "write 169.254"),
    (types.HttpUrl, "http://[::1/", "IPv6"),
    (types.HttpUrl, "http://[::1]:0/", "port"),
    (types.HttpUrl, "http://h:99999/", "port"),
    (types.HttpUrl, "http://h:-1/", "port"),
    (types.HttpUrl, "http://h:1_0/", "port"),
    (types.HttpUrl, "http://h/${X}", "braces"),
    (types.HttpUrl, "https://h/#f", "fragment"),
    (types.HttpUrl, "https://h/#", "fragment"),
    (types.HttpUrl, "http://hôte/", "percent-encode"),
    (types.HttpUrl, "http://a..b/", "labels"),
    (types.HttpUrl, 'http://h/"><img src=x>', "quotes"),
    (types.PlainText, "", "empty"),
    (types.PlainText, " ", "empty"),
    (types.PlainText, "\t", "empty"),
    (types.PlainText, "a\nb", r"U\+000A"),
    (types.PlainText, "a\0b", r"U\+0000"),
    (types.PlainText, "a\x1b[31m", r"U\+001B"),
    (types.PlainText, "a\u202eb", r"U\+202E"),
    (types.PlainText, "a\u2028b", r"U\+2028"),
    (types.PlainText, "\ufeffa", r"U\+FEFF"),
    (types.PlainText, "a" * 201, "at most 200"),
    (types.PlainText, "\ud800", "string"),
    (types.PlainText, True, "string"),
    (types.EnvironmentName, "", "1 to 32"),
    (types.EnvironmentName, "Dev", "lower-case"),
    (types.EnvironmentName, "dev\n", "lower-case"),
    (types.EnvironmentName, "../x", "lower-case"),
    (types.EnvironmentName, "-rf", "lower-case"),
    (types.EnvironmentName, "dev-", "lower-case"),
    (types.EnvironmentName, "a" * 33, "1 to 32"),
    (types.EnvironmentName, "dév", "lower-case"),
    (types.ModalityName, "", "letters"),
    (types.ModalityName, "ct.1", "letters"),
    (types.ModalityName, "ct1\n", "letters"),
    (types.ModalityName, "CT²", "letters"),
    (types.ModalityName, "１２", "letters"),
    (types.ModalityName, "a/b", "letters"),
    (types.UserName, "user:pw", "no colon"),
    (types.UserName, "a b", "no colon"),
    (types.UserName, "-a", "letters"),
    (types.UserName, "a" * 65, "1 to 64"),
    (types.SecretName, "Hunter2!", "lower-case"),
    (types.SecretName, "../etc/passwd", "lower-case"),
    (types.SecretName, "1a", "letter"),
    (types.DatabaseName, "a.b", "lower-case"),
    (types.DatabaseName, "$where", "lower-case"),
    (types.DatabaseName, "a\0", "lower-case"),
    (types.EnvironmentVariable, "path", "upper-case"),
    (types.EnvironmentVariable, "A=B", "upper-case"),
    (types.AbsolutePath, "", "absolute"),
    (types.AbsolutePath, "../../x", "absolute"),
    (types.AbsolutePath, "~/x", "absolute"),
    (types.AbsolutePath, "C:\\x", "absolute"),
    (types.AbsolutePath, "\\\\unc", "absolute"),
    (types.AbsolutePath, "/a/../b", r"no \. or \.\."),
    (types.AbsolutePath, "/a/.", r"no \. or \.\."),
    (types.AbsolutePath, "/a\nb", "control"),
    (types.AbsolutePath, "/a\0b", "control"),
    (types.AbsolutePath, "/a/${HOME}", r"\$\{"),
    (types.AbsolutePath, "/" + "a" * 1024, "1024"),
    (types.ImageReference, "", "name:tag"),
    (types.ImageReference, "Mongo:8", "name:tag"),
    (types.ImageReference, "mongo:", "name:tag"),
    (types.ImageReference, "mongo:8 --privileged", "name:tag"),
    (types.ImageReference, "mongo:8\n", "name:tag"),
    (types.ImageReference, "a..b:1", "name:tag"),
    (types.ImageReference, "-rf:1", "name:tag"),
    (types.ImageReference, "mongo:${TAG}", "name:tag"),
    (types.ImageReference, "mongo@sha256:00", "name:tag"),
    (types.ImageReference, "http://registry.example/mongo:8", "name:tag"),
    (types.ImageReference, "mongo:" + "8" * 129, "name:tag"),
    (types.ImageReference, "a/" * 300 + "b:1", "name:tag"),
]


@pytest.mark.parametrize(("kind", "value"), ACCEPTED)
def test_accepted_and_unchanged(kind: Any, value: Any) -> None:
    assert TypeAdapter(kind).validate_python(value, strict=True) == value


@pytest.mark.parametrize(("kind", "value", "reason"), REFUSED)
def test_refused_with_a_reason(kind: Any, value: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(kind).validate_python(value, strict=True)


def test_outer_spaces_of_an_ae_title_do_not_count() -> None:
    assert TypeAdapter(types.AETitle).validate_python("  CT1 " + " " * 20) == "CT1"


def test_a_path_loses_its_last_slash() -> None:
    assert TypeAdapter(types.AbsolutePath).validate_python("/srv/orthanc//") == "/srv/orthanc"
    assert TypeAdapter(types.AbsolutePath).validate_python("/") == "/"


def test_an_image_tells_its_tag_and_digest() -> None:
    digest = "sha256:" + "a" * 64
    assert types.image_tag(f"registry.example:5000/x@{digest}") is None
    assert types.image_digest(f"registry.example:5000/x:1@{digest}") == digest
    assert types.image_tag("registry.example:5000/x:1.2") == "1.2"


@pytest.mark.parametrize("form", ["{}", "{!s}", "{0:>10}"])
def test_a_secret_reference_cannot_be_formatted(form: str) -> None:
    reference = types.SecretRef(secret="orthanc_password")
    with pytest.raises(TypeError, match="cannot be formatted"):
        form.format(reference)
    with pytest.raises(TypeError, match="cannot be formatted"):
        "%s" % reference  # noqa: UP031
    assert "orthanc_password" not in repr(reference)


@pytest.mark.parametrize("until", ["2027-6-30", "2027-13-01", "2027-06-32", "2027-06-30\n", "tomorrow", "2027-02-31"])
def test_the_end_of_a_waiver_is_a_date(until: str) -> None:
    with pytest.raises(ValidationError):
        Waiver(rule="x", reason="known", owner="PACS team", until=until)
    assert Waiver(rule="x", reason="known", owner="PACS team", until="2027-06-30").until == "2027-06-30"
