"""What a script at a modality can find: causes in words, and what to do about each there and at the site.

A text may hold ``{called}``, ``{calling}``, ``{host}``, ``{port}``, ``{registered}``, ``{environment}``, ``{modality}``
and ``{contact}``, which are filled in when the script is made. What the script saw stands before them in its output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RemoteCause:
    """A cause.

    Attributes:
        id: in kebab-case, the same as the doctor's own where it has it.
        title: the cause in one sentence.
        remedies: what to do, in order.
    """

    id: str
    title: str
    remedies: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> RemoteCause:
        """With the site's values."""
        return RemoteCause(
            self.id, self.title.format_map(values), tuple(one.format_map(values) for one in self.remedies)
        )


_ASK_SITE: Final = "Send the block below to {contact}."

CAUSES: Final = (
    RemoteCause(
        "name-unknown",
        "The name {host} leads nowhere from this machine.",
        (
            "Look at the DNS server in the settings of this machine; ask the network team whether it knows {host}.",
            "Or type the site's IP address in place of the name.",
        ),
    ),
    RemoteCause(
        "host-unreachable",
        "This machine has no route to {host}.",
        (
            "Look at cable, VLAN, IP address, netmask and default gateway of this machine.",
            "Where the site is reached over a VPN: look whether it is up.",
        ),
    ),
    RemoteCause(
        "host-down",
        "Nothing at all answers at {host}: the host is off, its address is another one, or everything is filtered.",
        (
            "Ask {contact} whether the host runs and which address it has.",
            "Ask the network team whether packets from this machine to {host} are let through (VPN, routers).",
        ),
    ),
    RemoteCause(
        "port-filtered",
        "The host {host} is there, but a firewall on the way drops calls to TCP port {port}.",
        (
            "Ask the network team to let this machine reach {host}, TCP port {port}: firewalls, VPN, cloud.",
            "At the site: orthancgen firewall show {environment} lists who is let in; {registered} is registered.",
        ),
    ),
    RemoteCause(
        "port-closed",
        "The host {host} refuses calls to TCP port {port}: Orthanc does not run, listens on another port, or"
        " the firewall of that host rejects this machine.",
        (
            "At the site: orthancgen status {environment}, then orthancgen doctor {environment}.",
            "Compare the port on the sheet of this modality with {port}: orthancgen sheet {environment}.",
        ),
    ),
    RemoteCause(
        "wrong-service",
        "Another service than DICOM answers on TCP port {port} of {host}.",
        ("Use the port of the site's DICOM service; this script was made for {port}.", _ASK_SITE),
    ),
    RemoteCause(
        "plain-call-to-tls-port",
        "The site speaks TLS on TCP port {port}, and this modality calls without it.",
        (
            "Switch TLS on at the modality, with the files of: orthancgen certs bundle {environment} {modality} -o D.",
            "If the modality has no TLS: {contact} can give it the unencrypted listener (dicom.plain).",
        ),
    ),
    RemoteCause(
        "tls-call-to-plain-port",
        "The site speaks DICOM without TLS on TCP port {port}, and this modality calls by TLS.",
        ("Switch TLS off at the modality, or have the site switch it on (dicom.tls).",),
    ),
    RemoteCause(
        "client-certificate-missing",
        "The site asks the modality for a certificate, and none was shown.",
        (
            "Get the files: orthancgen certs bundle {environment} {modality} -o FOLDER; install them at the modality.",
            "Run this script again with the files of the certificate and its key (-h tells how).",
        ),
    ),
    RemoteCause(
        "client-certificate-refused",
        "The site does not accept the certificate of this modality.",
        (
            "Look at its dates and its issuer. A new one: orthancgen certs renew {environment} {modality}.",
            "Its files: orthancgen certs bundle {environment} {modality} -o FOLDER.",
        ),
    ),
    RemoteCause(
        "server-certificate-expired",
        "The site's certificate has expired.",
        ("At the site: orthancgen certs renew {environment}, then orthancgen deploy {environment}.",),
    ),
    RemoteCause(
        "server-certificate-not-yet-valid",
        "The site's certificate is not valid yet, by the clock of this machine.",
        ("Look at date, time and time zone of this machine first, then at those of the site.",),
    ),
    RemoteCause(
        "server-certificate-of-unknown-authority",
        "The site's certificate is not of the authority that this modality trusts.",
        (
            "Install the site's authority at the modality: orthancgen certs ca {environment} prints it.",
            "If it did not change: somebody else may be answering; ask {contact} before you go on.",
        ),
    ),
    RemoteCause(
        "tls-failed",
        "The TLS handshake with {host} fails.",
        ("Look whether the modality can do TLS 1.2 with the ciphers of BCP 195.", _ASK_SITE),
    ),
    RemoteCause(
        "called-aet-wrong",
        "The site does not answer to the called AE title {called}.",
        (
            "Ask {contact} for the AE title of the server, and type it in exactly.",
            "At the site: what runs may be older than the environment: orthancgen deploy {environment}.",
        ),
    ),
    RemoteCause(
        "calling-aet-unknown",
        "The site does not know this modality by the AE title {calling}.",
        (
            "Compare the modality's own AE title with {calling}, letter by letter.",
            "At the site: orthancgen modalities check {environment}; after a change, orthancgen deploy {environment}.",
            "Behind a router that changes addresses (NAT), the site sees another one than {registered}.",
            "Which one it sees: orthancgen doctor {environment} --modality {modality}.",
        ),
    ),
    RemoteCause(
        "address-not-registered",
        "The site knows {calling} at {registered}, and this machine calls from another address.",
        (
            "Give this machine the address {registered}, if it is meant to have it (DHCP may have changed it).",
            "Or register the new one: orthancgen modalities change {environment} {modality} --address ADDRESS.",
            "After that, at the site: orthancgen deploy {environment}.",
        ),
    ),
    RemoteCause(
        "site-busy",
        "The site refuses for the moment: too many calls at once.",
        ("Try again in a minute. If it stays so: orthancgen doctor {environment} at the site.",),
    ),
    RemoteCause(
        "association-refused",
        "The site refuses the association.",
        ("At the site: orthancgen doctor {environment} --modality {modality}.", _ASK_SITE),
    ),
    RemoteCause(
        "echo-not-allowed",
        "The association is accepted, but not C-ECHO.",
        ("At the site: let {modality} echo (modalities.{modality}.may), then orthancgen deploy {environment}.",),
    ),
    RemoteCause(
        "no-answer",
        "The connection opens, but nothing is answered: the service hangs, or something on the way is silent.",
        ("At the site: orthancgen doctor {environment}.", _ASK_SITE),
    ),
    RemoteCause(
        "clock-skew",
        "The clocks of this machine and of the site differ by more than five minutes.",
        (
            "Set date, time and time zone of this machine; let both follow the same time server (NTP).",
            "Images with wrong times are sorted wrongly, and certificates seem expired or not yet valid.",
        ),
    ),
)
