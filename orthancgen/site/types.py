"""The types of the model: each refuses what the standard behind it refuses.

All of them are plain strings or integers after validation, so a :class:`~orthancgen.site.model.Site` stays a value.
A validator raises ``ValueError``; its text becomes the message of the problem, so it says what is wrong *and*
what is wanted.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints

_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Section(BaseModel):
    """A section of the environment file: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _describe(character: str) -> str:
    return f"U+{ord(character):04X}"


def _ae_title(value: str) -> str:
    for character in value:
        if character == "\\":
            raise ValueError("an AE title has no backslash: DICOM uses it to separate values")
        if not " " <= character <= "~":
            raise ValueError(f"an AE title has printable ASCII characters only, {_describe(character)} is not one")
    trimmed = value.strip(" ")
    if not trimmed:
        raise ValueError("an AE title has at least one character that is not a space")
    if len(trimmed) > 16:
        raise ValueError(f"an AE title has at most 16 characters, this one has {len(trimmed)}")
    return trimmed


AETitle = Annotated[
    str,
    AfterValidator(_ae_title),
    Field(
        description="AE title: 1 to 16 characters of the default repertoire, no backslash; outer spaces do not count.",
        json_schema_extra={"pattern": r"^(?=.*[!-~])[ -\[\]-~]{1,16}$"},
        examples=["ORTHANC_DEV_AE"],
    ),
]
"""DICOM value representation AE (PS3.5 section 6.2): at most 16 characters of the default character repertoire
(ISO 646), without backslash and control characters; leading and trailing spaces are not significant."""

Port = Annotated[int, Field(ge=1, le=65535, description="1 to 65535.")]
"""TCP port (RFC 6335 section 6); 0 is reserved."""

ModalityPort = Annotated[int, Field(ge=1, le=65534, description="1 to 65534.")]
"""TCP port of a modality: Orthanc refuses 65535 (``RemoteModalityParameters``, CheckPortNumber)."""


def parse_ip(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address literal in its canonical writing.

    Raises:
        ValueError: not an address, or written otherwise than RFC 5952 (IPv6) and dotted decimal (IPv4) ask for.
    """
    if not value.isascii() or "%" in value:
        raise ValueError("an address has ASCII characters only and no zone id (%eth0)")
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(_why_no_address(value)) from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise ValueError(f"an IPv4 address in IPv6 clothes: write {address.ipv4_mapped}")
    if str(address) != value:
        raise ValueError(f"not in canonical form: write {address}")
    return address


def _why_no_address(value: str) -> str:
    if re.fullmatch(r"[0-9]{1,20}(?:\.[0-9]{1,20}){3}", value, flags=re.ASCII):
        parts = [int(part) for part in value.split(".")]
        if max(parts) > 255:
            return "not an IP address: each of the four numbers is from 0 to 255"
        return (
            f"a leading zero makes a number octal to some programs: write {'.'.join(map(str, parts))} if that is meant"
        )
    return "not an IP address: an IPv4 address has four numbers from 0 to 255, an IPv6 address up to eight groups"


def _ip(value: str) -> str:
    return str(parse_ip(value))


IPAddress = Annotated[
    str, AfterValidator(_ip), Field(description="IPv4 or IPv6 address, canonical.", examples=["127.0.0.1"])
]
"""RFC 5952 for IPv6; dotted decimal without leading zeros for IPv4 (RFC 6943 section 3.1.1)."""


def _cidr(value: str) -> str:
    address, slash, prefix = value.partition("/")
    if not slash:
        parsed = parse_ip(value)
        raise ValueError(f"a network needs its prefix length: write {parsed}/{parsed.max_prefixlen}")
    host = parse_ip(address)
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", prefix) or int(prefix) > host.max_prefixlen:
        raise ValueError(f"the prefix length is a number from 0 to {host.max_prefixlen}")
    network = ipaddress.ip_network(value, strict=False)
    if str(network) != value:
        raise ValueError(
            f"bits are set behind the prefix: write {network}, or {host}/{host.max_prefixlen} for one host"
        )
    return value


Cidr = Annotated[
    str,
    AfterValidator(_cidr),
    Field(description="Network in CIDR notation, canonical, without host bits.", examples=["192.168.10.0/24"]),
]
"""RFC 4632 section 3.1 and RFC 4291 section 2.3, canonical writing only: other writings are read differently by
different firewalls."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def _host(value: str) -> str:
    try:
        return str(parse_ip(value))
    except ValueError as error:
        looks_like_address = bool(re.fullmatch(r"[0-9.]+|.*[:%\[\]/].*|0[xX][0-9a-fA-F.xX]+", value, flags=re.DOTALL))
        if looks_like_address:
            raise ValueError(str(error)) from None
    labels = value.split(".")
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("a host name has labels of 1 to 63 letters, digits and hyphens, joined by dots")
    if labels[-1].isdigit():
        raise ValueError("the last label of a host name is not a number: this is neither a name nor an address")
    return value


Host = Annotated[
    str,
    AfterValidator(_host),
    Field(description="IP address (canonical) or host name.", examples=["192.168.10.21", "ct1.radiology.example"]),
]
"""Host name of RFC 1123 section 2.1, or an address literal."""


def split_host_port(value: str) -> tuple[str, int]:
    """Host and port of a validated :data:`HostAndPort`; an IPv6 address without its brackets."""
    host, _, port = value.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _host_and_port(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise ValueError("write host and port, such as mongo1.example:27017; a port is from 1 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    host = _host(host[1:-1] if bracketed else host)
    if bracketed != (":" in host):
        raise ValueError("an IPv6 address, and nothing else, stands in brackets: [2001:db8::1]:27017")
    return value


HostAndPort = Annotated[
    str,
    AfterValidator(_host_and_port),
    Field(description="Host and port.", examples=["mongo1.example:27017"]),
]
"""host:port as in a URL (RFC 3986 section 3.2), an IPv6 address in brackets."""


@lru_cache(maxsize=4096)
def is_ip(value: str) -> bool:
    """Whether a validated :data:`Host` is an address literal, which Orthanc can compare with a caller's address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_loopback(value: str) -> bool:
    """Whether a validated :data:`IPAddress` is of the loopback range."""
    return ipaddress.ip_address(value).is_loopback


def _http_url(value: str) -> str:
    if not value.isascii() or any(character <= " " or character in '\\"<>^`{|}' for character in value):
        raise ValueError("a URL has no spaces, control characters, backslashes, quotes or braces; percent-encode them")
    parts = urlsplit(value)
    if not value.startswith(("http://", "https://")):
        raise ValueError("the URL starts with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user name or password in a URL: credentials are secrets")
    if parts.fragment or "#" in value:
        raise ValueError("no fragment (#...) in this URL")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port of the URL is a number from 1 to 65535") from None
    if port == 0:
        raise ValueError("the port of the URL is a number from 1 to 65535")
    host = parts.hostname or ""
    if not host:
        raise ValueError("the URL names no host")
    _host(host)
    if is_ip(host) and ipaddress.ip_address(host).is_link_local:
        raise ValueError("a link-local address is no webhook receiver: clouds serve their credentials there")
    return value


HttpUrl = Annotated[
    str,
    AfterValidator(_http_url),
    Field(
        description="http or https URL without credentials and fragment.",
        examples=["https://backend.example:8001/api/orthanc/webhook"],
    ),
]
"""RFC 3986, http and https only, without userinfo (RFC 9110 section 4.2.4)."""


def _plain_text(value: str) -> str:
    if not value.strip():
        raise ValueError("the text is empty")
    for character in value:
        if unicodedata.category(character) in _CONTROL_CATEGORIES:
            raise ValueError(f"the text has an invisible or control character, {_describe(character)}")
    return value


PlainText = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(_plain_text),
    Field(description="One line of text without control or invisible characters."),
]
"""One line that people read; invisible and text-direction characters (Unicode TR36) are refused."""


def _named(pattern: str, sentence: str, **extra: Any) -> Any:
    expression = re.compile(pattern)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise ValueError(sentence)
        return value

    return Annotated[
        str,
        AfterValidator(check),
        Field(
            description=sentence[0].upper() + sentence[1:] + ".", json_schema_extra={"pattern": f"^{pattern}$"}, **extra
        ),
    ]


EnvironmentName = _named(
    r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?",
    "an environment's name has 1 to 32 lower-case letters, digits and hyphens, and starts with a letter",
    examples=["dev"],
)
ModalityName = _named(
    r"[A-Za-z0-9_-]{1,64}",
    "a modality's name has letters, digits, hyphens and underscores only (Orthanc refuses others)",
)
"""Orthanc refuses other symbolic names at start (``OrthancConfiguration``, ``CheckSymbolicName``)."""
RuleId = _named(
    r"[a-z][a-z0-9-]{0,63}",
    "the id of an audit rule has lower-case letters, digits and hyphens (orthancgen audit --list-rules)",
    examples=["no-backup"],
)
UserName = _named(
    r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?",
    "a user's name has 1 to 64 letters, digits, dots, hyphens, underscores and @, and no colon (RFC 7617)",
)
"""RFC 7617 section 2: the user-id of Basic authentication has no colon."""
ProviderName = _named(
    r"[a-z][a-z0-9_]{0,31}",
    "a provider's name has 1 to 32 lower-case letters, digits and underscores, and starts with a letter",
    examples=["image_quality"],
)
"""The identifier of stack/analysis/openapi.yaml: it is a part of the provider's URL."""
SecretName = _named(
    r"[a-z][a-z0-9_]{0,62}",
    "a secret's name has lower-case letters, digits and underscores, and starts with a letter",
    examples=["orthanc_password"],
)
DatabaseName = _named(
    r"[a-z][a-z0-9_]{0,37}",
    "a database's name has 1 to 38 lower-case letters, digits and underscores, and starts with a letter",
)
"""MongoDB's restrictions on database names, narrowed: no dots, spaces, ``$`` or upper case."""
ReplicaSetName = _named(
    r"[A-Za-z][A-Za-z0-9_-]{0,63}",
    "a replica set's name has 1 to 64 letters, digits, underscores and hyphens, and starts with a letter",
    examples=["rs0"],
)
EnvironmentVariable = _named(
    r"[A-Z_][A-Z0-9_]{0,127}", "an environment variable has upper-case letters, digits and underscores"
)

WireGuardKey = _named(
    r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",
    "a WireGuard key is 32 bytes in base64: 44 characters, the last one =",
)
"""wg(8): a key is 32 bytes in base64; the last digit carries four bits, so only 16 of the 64 are possible."""


def _date(value: str) -> str:
    try:
        written = datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        written = ""
    if written != value:
        raise ValueError('a date is a day of the calendar, as "2027-06-30"')
    return value


DateText = Annotated[
    str,
    AfterValidator(_date),
    Field(
        description="Day of the calendar, quoted.",
        json_schema_extra={"pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"},
        examples=["2027-06-30"],
    ),
]
"""Calendar date of ISO 8601-1, extended format (RFC 3339 ``full-date``)."""


def _absolute_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("the path is absolute: it starts with /")
    if any(part in {".", ".."} for part in value.split("/")):
        raise ValueError("the path has no . or .. in it")
    if "${" in value or any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in value):
        raise ValueError("the path has no control characters and no ${")
    return value.rstrip("/") or "/"


AbsolutePath = Annotated[
    str,
    StringConstraints(max_length=1024),
    AfterValidator(_absolute_path),
    Field(description="Absolute path, without . and .. parts.", examples=["/var/lib/orthanc"]),
]

_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?::[0-9]{1,5}(?=/))?(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def _image(value: str) -> str:
    if len(value) > 512 or not _IMAGE.fullmatch(value):
        raise ValueError("an image reference is name:tag, with @sha256:... to pin its digest")
    return value


def image_tag(value: str) -> str | None:
    """The tag of a validated :data:`ImageReference`, or None where it has none."""
    matched = _IMAGE.fullmatch(value)
    return matched["tag"] if matched else None


def image_digest(value: str) -> str | None:
    """The digest of a validated :data:`ImageReference`, or None where it has none."""
    matched = _IMAGE.fullmatch(value)
    return matched["digest"] if matched else None


ImageReference = Annotated[
    str,
    AfterValidator(_image),
    Field(description="Container image: name:tag, optionally @sha256:digest.", examples=["mongo:8.0.24"]),
]
"""Reference grammar of the OCI distribution specification."""


class SecretRef(Section):
    """A reference to a secret, never its value. Formatting it is an error, so it cannot slip into a file or a log."""

    secret: SecretName  # type: ignore[valid-type]
    """Name of the secret; `secrets:` says where its value comes from."""

    def __str__(self) -> str:
        raise TypeError("a secret reference cannot be formatted")

    def __format__(self, spec: str) -> str:
        raise TypeError("a secret reference cannot be formatted")

    def __repr__(self) -> str:
        return "SecretRef([reference])"


def reference(name: str) -> SecretRef:
    """A reference to the secret of that name."""
    return SecretRef(secret=name)


T = TypeVar("T")
Items = Annotated[tuple[T, ...], Strict(strict=False)]
"""A list in the file, a tuple in the model."""
