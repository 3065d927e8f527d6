"""The section ``http:`` port, address and TLS of Orthanc's REST API."""

from __future__ import annotations

import ipaddress
from typing import Final

from orthancgen.foreign.model import PublishedPort
from orthancgen.importing.draft import Draft
from orthancgen.importing.fits import why_not
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS
from orthancgen.importing.surroundings import Surroundings
from orthancgen.render.tls import TLS_1_2_CIPHERS
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import IPAddress

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  what is written for "every address of the host"
HERE: Final = "127.0.0.1"
_LISTEN_ON: Final[KeyPath] = ("http", "listen_on")
_TLS_NAMES: Final = {4: "1.2", 5: "1.3"}
_SSL_KEYS: Final = ("SslCertificate", "SslMinimumProtocolVersion", "SslCiphersAccepted")


def import_http(draft: Draft, around: Surroundings) -> None:
    """Write the section."""
    original = draft.original
    if not original.flag("HttpServerEnabled"):
        message = "the model always has Orthanc's REST API: it is for this host alone now"
        draft.note("HttpServerEnabled", Outcome.LOST, message)
        draft.put(("http", "port"), original.get("HttpPort"))
        draft.put(_LISTEN_ON, HERE)
    else:
        if "HttpServerEnabled" in original:
            draft.note("HttpServerEnabled", Outcome.AS_DEFAULT)
        if around.service is None:
            draft.carry("HttpPort", ("http", "port"), original.get("HttpPort"), always=True)
            _listen_on(draft)
        else:
            _published(draft, around)
    _tls(draft, around)


def _listen_on(draft: Draft) -> None:
    """RemoteAccessAllowed and HttpBindAddresses are one thing in the model."""
    original = draft.original
    bound = original.get("HttpBindAddresses") if "HttpBindAddresses" in original.known else None
    addresses = [str(one) for one in bound] if isinstance(bound, list) else []
    remote = original.flag("RemoteAccessAllowed")
    chosen, lost = _address(addresses, remote=remote)
    draft.put(_LISTEN_ON, chosen)
    if "RemoteAccessAllowed" in original:
        draft.note("RemoteAccessAllowed", Outcome.EXPRESSED, to=_LISTEN_ON)
    if bound is not None and "HttpBindAddresses" in original:
        message = f"the model has one address: {chosen} is written" if lost else ""
        draft.note("HttpBindAddresses", Outcome.LOST if lost else Outcome.CARRIED, message, to=_LISTEN_ON)


def _address(addresses: list[str], *, remote: bool) -> tuple[str, bool]:
    """The address of the model for those that Orthanc listens on, and whether that is less than what was meant."""
    good = [one for one in addresses if why_not(IPAddress, one) is None]
    if not remote or (good and all(ipaddress.ip_address(one).is_loopback for one in good)):
        return HERE, bool(addresses) and HERE not in addresses and EVERYWHERE not in addresses
    if not addresses:
        return EVERYWHERE, False
    reached = [one for one in good if not ipaddress.ip_address(one).is_loopback]
    return (reached or [HERE])[0], len(addresses) > 1 or not reached


def _published(draft: Draft, around: Surroundings) -> None:
    """In a container: the port and the address that are published, where Orthanc answers other hosts at all."""
    original = draft.original
    inner = original.get("HttpPort")
    ports = around.published(inner)
    port, address = _of_host(ports, inner)
    draft.put(("http", "port"), port)
    if "HttpPort" in original or port != inner:
        message = "" if port == inner else f"published as {port}, which is the port inside as well now"
        outcome = Outcome.CARRIED if port == inner else Outcome.EXPRESSED
        draft.note("HttpPort", outcome, message, to=("http", "port"))
    if not ports:
        draft.put(_LISTEN_ON, HERE)
        message = "the port is not published: orthancgen publishes it for this host alone"
        draft.note("RemoteAccessAllowed", Outcome.EXPRESSED, message, to=_LISTEN_ON)
    elif not original.flag("RemoteAccessAllowed"):
        draft.put(_LISTEN_ON, HERE)
        message = "Orthanc answers nobody outside of its container: orthancgen publishes its port for this host alone"
        draft.note("RemoteAccessAllowed", Outcome.EXPRESSED, message, to=_LISTEN_ON)
    else:
        draft.put(_LISTEN_ON, address or EVERYWHERE)
        draft.note("RemoteAccessAllowed", Outcome.EXPRESSED, "as its port is published", to=_LISTEN_ON)
        if len(ports) > 1:
            message = f"the port is published more than once: {address or EVERYWHERE} port {port} is written"
            draft.note("HttpPort", Outcome.LOST, message, to=("http", "port"))
    if original.get("HttpBindAddresses"):
        draft.note("HttpBindAddresses", Outcome.WITHOUT_EFFECT, "in a container, the published address counts")


def _of_host(ports: tuple[PublishedPort, ...], inner: int) -> tuple[int, str | None]:
    if not ports:
        return inner, None
    address = ports[0].host_address
    return ports[0].host_port or inner, address if address and why_not(IPAddress, address) is None else None


def _tls(draft: Draft, around: Surroundings) -> None:
    original = draft.original
    if not original.flag("SslEnabled"):
        draft.all_without_effect(_SSL_KEYS, "SslEnabled is false")
        if "SslEnabled" in original:
            draft.note("SslEnabled", Outcome.AS_DEFAULT)
        return
    draft.put(("http", "tls", "enabled"), True)
    draft.note("SslEnabled", Outcome.CARRIED, to=("http", "tls", "enabled"))
    certificate_of(draft, around, "SslCertificate", "http_tls_certificate")
    if around.runtime == "compose" and "http_tls_certificate" in draft.environment.get("secrets", {}):
        message = "the gateway that ends HTTPS is known by the authority that signed the certificate"
        hint = "secrets: {http_tls_authority: {file: /...}}"
        draft.note("SslCertificate", Outcome.LOST, message, to=("http", "tls", "authority"), hint=hint)
    if "SslMinimumProtocolVersion" in original.known:
        _oldest_tls(draft)
    if "SslCiphersAccepted" in original:
        listed = original.get("SslCiphersAccepted")
        if listed == list(TLS_1_2_CIPHERS):
            draft.note("SslCiphersAccepted", Outcome.AS_DEFAULT)
        else:
            draft.note("SslCiphersAccepted", Outcome.LOST, "orthancgen has a list of its own (RFC 9325)")


def _oldest_tls(draft: Draft) -> None:
    to: KeyPath = ("http", "tls", "minimum_version")
    value = draft.original.get("SslMinimumProtocolVersion")
    if value in _TLS_NAMES:
        draft.carry("SslMinimumProtocolVersion", to, _TLS_NAMES[value])
    else:
        message = "nothing older than TLS 1.2 is accepted any more (RFC 8996)"
        draft.note("SslMinimumProtocolVersion", Outcome.LOST, message, to=to)


def certificate_of(draft: Draft, around: Surroundings, key: str, secret: str) -> None:
    """Say where the file of a certificate, key or authority lies, which a key names."""
    path = draft.original.get(key)
    if OURS in draft.original and str(path).endswith(f"/{secret}"):
        draft.note(key, Outcome.AS_DEFAULT, f"the secret {secret}")
        return
    host = around.on_host(path) if isinstance(path, str) and path else None
    if host is not None:
        draft.source(secret, file=host)
        draft.note(key, Outcome.EXPRESSED, "" if host == path else f"on the host: {host}", to=("secrets", secret))
    else:
        message = "no file is named" if not path else "where its file lies on this host is not known"
        hint = f"secrets: {{{secret}: {{file: /...}}}}; without it, orthancgen makes one of its own"
        draft.note(key, Outcome.LOST, message, to=("secrets", secret), hint=hint)
