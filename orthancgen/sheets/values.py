"""What a field of a device is filled with, for one caller of one site; placeholders where somebody chooses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.sheet import Message
from orthancgen.sheets.vendor import ValueName


@dataclass(frozen=True, slots=True)
class Filled:
    """What is filled in: a value, or words where there is none; and a note."""

    value: str | None
    words: Message | None = None
    note: Message | None = None


LABELS: Final[Mapping[ValueName, Message]] = {
    "called_aet": Message("AE title of Orthanc (called AE title)"),
    "host": Message("Host name or IP address of Orthanc"),
    "port": Message("Port of Orthanc"),
    "own_aet": Message("AE title of the device (calling AE title)"),
    "own_address": Message("IP address of the device"),
    "own_port": Message("Port on which the device listens"),
    "tls": Message("Encryption (TLS)"),
    "device_certificate": Message("Certificate of the device"),
    "device_key": Message("Private key of the device"),
    "authority": Message("Authority to trust"),
    "transfer_syntax": Message("Transfer syntax"),
    "web_url": Message("Web page"),
    "rest_url": Message("REST API"),
    "dicomweb_url": Message("DICOMweb"),
    "web_user": Message("Login"),
    "description": Message("Name or description"),
}
"""What a value is called where no vendor's word for it stands."""

REPLACE: Final[Mapping[str, Message]] = {
    "FILE.dcm": Message("a DICOM file"),
    "FOLDER": Message("a folder with DICOM files"),
    "STUDY_UID": Message("the StudyInstanceUID of a study that is there"),
    "PORT_BACK": Message("the port on which this computer is registered"),
    "YOUR_AET": Message("the AE title of the device or computer that calls"),
    "DEVICE.crt.pem": Message("the file with the certificate of the device"),
    "DEVICE.key.pem": Message("the file with the private key of the device"),
    "LOGIN": Message("a login of the site"),
}
"""Placeholder -> what a reader puts in its place."""


def filled(name: ValueName, connection: Connection, site: SiteFacts) -> Filled:
    """What stands in the field of that name."""
    if name in {"own_aet", "own_address", "own_port"}:
        return _own(name, connection)
    if name in {"tls", "device_certificate", "device_key", "authority"}:
        return _secured(name, connection)
    if name in {"web_url", "rest_url", "dicomweb_url", "web_user"}:
        return _web(name, site)
    if name == "host":
        return Filled(connection.hosts[0], note=_other_hosts(connection))
    if name == "port":
        return Filled(str(connection.port))
    if name == "called_aet":
        return Filled(connection.called_aet, note=_CASE if connection.exact_case else None)
    if name == "transfer_syntax":
        return _transfer_syntax(connection)
    return Filled(site.name)


_CASE: Final = Message("Upper and lower case count.")


def _transfer_syntax(connection: Connection) -> Filled:
    if connection.transfer_syntaxes:
        accepted = ", ".join(connection.transfer_syntaxes)
        return Filled(None, Message("The site accepts these alone: {accepted}.", {"accepted": accepted}))
    recommended = Message("Explicit VR Little Endian is recommended, with Implicit VR Little Endian besides.")
    if connection.transcoded_to is not None:
        syntax = connection.transcoded_to
        return Filled(None, recommended, Message("The site converts every image to {syntax}.", {"syntax": syntax}))
    return Filled(None, recommended, Message("Compressed images are kept as they come."))


def _other_hosts(connection: Connection) -> Message | None:
    if connection.way == "vpn":
        return Message("The address is of the VPN, which must be up.")
    others = ", ".join(connection.hosts[1:])
    return Message("The same server is also reached as {others}.", {"others": others}) if others else None


def _own(name: ValueName, connection: Connection) -> Filled:
    if connection.modality is None:
        return Filled(None, _CHOSEN[name])
    if name == "own_aet":
        return Filled(connection.own_aet, note=_CASE if connection.exact_case else None)
    if name == "own_address":
        note = Message("Calls from any other address are refused.") if connection.only_own_address else None
        return Filled(connection.own_address, note=note)
    return Filled(str(connection.own_port))


_CHOSEN: Final[Mapping[ValueName, Message]] = {
    "own_aet": Message(
        "Your choice: at most 16 characters, capitals, digits and underscores, unique in the house. "
        "Tell it to the site."
    ),
    "own_address": Message("The fixed address of the device. Tell it to the site."),
    "own_port": Message("The port on which the device listens, often 104 or 11112. Tell it to the site."),
}


def _secured(name: ValueName, connection: Connection) -> Filled:
    tls = connection.tls
    if tls is None:
        return Filled(None, Message("Off") if name == "tls" else Message("None: this connection has no TLS."))
    if name == "tls":
        return Filled(None, Message("On, version 1.2 or 1.3"))
    get_them = (
        Message("The administrator makes it with: `{command}`", {"command": tls.get_them}) if tls.get_them else _ASK
    )
    if name == "authority":
        return Filled(tls.authority, note=get_them)
    if not tls.client_certificate:
        return Filled(None, Message("None: the site asks for no certificate of the device."))
    value = tls.certificate if name == "device_certificate" else tls.key
    if value is None:
        return Filled(None, Message("Comes once the device is registered."))
    secret = Message("The private key is handed over by a way of its own, and deleted once it is installed.")
    return Filled(value, note=secret if name == "device_key" else get_them)


_ASK: Final = Message("The site's own authority issues it: ask the administrator.")


def _web(name: ValueName, site: SiteFacts) -> Filled:
    web = site.web
    if name == "web_user":
        return _login(site)
    if (name == "dicomweb_url" and not web.dicomweb) or (name == "web_url" and not web.page):
        return Filled(None, Message("Not served by this site."))
    url = {"web_url": f"{rest_url(site)}/", "rest_url": rest_url(site), "dicomweb_url": f"{rest_url(site)}/dicom-web"}
    return Filled(url[name], note=only_here(site) if name == "web_url" else None)


def rest_url(site: SiteFacts) -> str:
    """Base URL of Orthanc's REST API: by which others reach it, or the host alone."""
    return site.web.orthanc_url or site.web.local_url


def only_here(site: SiteFacts) -> Message | None:
    """What to do from another computer where the web side answers the server alone; None where it answers others."""
    if site.web.orthanc_url is not None:
        return None
    return through_ssh(site.web.local_url, site)


def through_ssh(url: str, site: SiteFacts) -> Message:
    """How another computer comes to a page that answers the server alone."""
    address = url.partition("://")[2].rstrip("/")
    command = f"ssh -N -L {address.rpartition(':')[2]}:{address} {site.connections[-1].hosts[0]}"
    return Message(
        "It answers on the server itself alone. From another computer, run this first: `{command}`",
        {"command": command},
    )


def web_authority(site: SiteFacts) -> Message:
    """What the file with the authority of the site's web certificate is, and where it comes from."""
    if not site.web.get_authority:
        return Message("the authority of the site's web certificate: ask the administrator")
    return Message(
        "the site's authority; the administrator makes it with: `{command}`", {"command": site.web.get_authority}
    )


def web_user(site: SiteFacts) -> str | None:
    """The login that a sheet shows: the first that may send images, or the first of all."""
    may_send = [name for name, role in site.web.users if role != "viewer"]
    return next(iter([*may_send, *(name for name, _ in site.web.users)]), None)


def _login(site: SiteFacts) -> Filled:
    user = web_user(site)
    if user is None:
        return Filled(None, Message("Nobody may log in at this site."))
    command = get_password(user, site)
    return Filled(user, note=Message("An administrator shows its password with: `{command}`", {"command": command}))


def get_password(user: str, site: SiteFacts) -> str:
    """The command by which an administrator sees the password of a login."""
    return site.web.get_password.replace("NAME", dict(site.web.secrets).get(user, "NAME"))


def in_commands(connection: Connection, site: SiteFacts) -> Mapping[str, str]:
    """Each placeholder of a command -> what is put in; where somebody chooses, a word of `REPLACE`."""
    tls = connection.tls
    return {
        "called_aet": connection.called_aet,
        "host": connection.hosts[0],
        "port": str(connection.port),
        "own_aet": connection.own_aet or "YOUR_AET",
        "own_address": connection.own_address or "",
        "own_port": str(connection.own_port or "PORT_BACK"),
        "port_back": str(connection.own_port or "PORT_BACK"),
        "tls": "",
        "authority": tls.authority if tls else "",
        "device_certificate": (tls.certificate if tls else None) or "DEVICE.crt.pem",
        "device_key": (tls.key if tls else None) or "DEVICE.key.pem",
        "transfer_syntax": "",
        "web_url": f"{rest_url(site)}/",
        "rest_url": rest_url(site),
        "dicomweb_url": f"{rest_url(site)}/dicom-web",
        "web_user": web_user(site) or "LOGIN",
        "web_authority": site.web.authority or "",
        "description": site.name,
        "file": "FILE.dcm",
        "folder": "FOLDER",
        "study_uid": "STUDY_UID",
    }
