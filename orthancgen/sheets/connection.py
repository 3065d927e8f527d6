"""What one caller needs to know of a site: the values that sheets show, in no language and no vendor's words.

Built by :func:`facts` in ``build.py``; the place where it is decided which port, host and files a caller uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orthancgen.site.model import Contact

Way = Literal["direct", "plain_listener", "vpn"]
"""How a caller comes: to Orthanc itself, to the gateway's unencrypted listener, or over the VPN."""


@dataclass(frozen=True, slots=True)
class Tls:
    """DICOM over TLS for one caller.

    Attributes:
        client_certificate: whether the caller must show one.
        authority: file that the caller trusts, as `orthancgen certs bundle` names it.
        certificate, key: the caller's own files, by the same names; None where it needs none.
        get_them: the command by which the administrator makes these files; empty where the authority is the site's own.
    """

    client_certificate: bool
    authority: str
    certificate: str | None
    key: str | None
    get_them: str


@dataclass(frozen=True, slots=True)
class Connection:
    """One caller's view of the site.

    Attributes:
        modality: its name in the environment; None for a caller who is not registered yet.
        description: of the modality in the environment, or None.
        called_aet: Orthanc's AE title.
        hosts: names and addresses by which the caller reaches the site; the first is the one to type. Never empty.
        port: TCP port.
        way: how it comes.
        tls: what TLS asks of it; None for a plain connection.
        own_aet, own_address, own_port: as registered; None for a caller who is not registered yet.
        called_back_by_tls: whether Orthanc calls it by TLS.
        may: what it may do: echo, store, find, find_worklist, get, move, storage_commitment.
        only_own_address: whether it is let in from its own address alone.
        exact_case: whether upper and lower case of AE titles differ.
        open_to_anyone: whether it may call without being registered.
        transfer_syntaxes: UIDs, perhaps with wildcards, of those that alone are accepted; empty where all are.
        transcoded_to: UID of the one to which every image is converted on arrival; None where it is kept as it comes.
    """

    modality: str | None
    description: str | None
    called_aet: str
    hosts: tuple[str, ...]
    port: int
    way: Way
    tls: Tls | None
    own_aet: str | None
    own_address: str | None
    own_port: int | None
    called_back_by_tls: bool
    may: tuple[str, ...]
    only_own_address: bool
    exact_case: bool
    open_to_anyone: bool = False
    transfer_syntaxes: tuple[str, ...] = ()
    transcoded_to: str | None = None


@dataclass(frozen=True, slots=True)
class Web:
    """The web side.

    Attributes:
        orthanc_url: base URL of Orthanc's REST API; None where other hosts cannot reach it.
        local_url: the same from the host itself.
        users: logins by name with their roles; passwords are never here.
        get_password: command by which an administrator reads a password, with NAME for the secret's name.
        https: whether it is HTTPS, with the site's own authority.
        dicomweb: whether DICOMweb is served (`/dicom-web`).
        page: whether Orthanc's own web page is served.
        secrets: login -> name of the secret with its password, for `get_password`.
        authority: with HTTPS, the file with the authority to trust, as `get_authority` writes it; else None.
        get_authority: the command by which the administrator writes that file; empty where the authority is the site's
            own.
        viewer: URL of the viewer's pages; None where the site has none.
        viewer_elsewhere: whether hosts other than this one reach the viewer.
    """

    orthanc_url: str | None
    local_url: str
    users: tuple[tuple[str, str], ...]
    get_password: str
    https: bool
    dicomweb: bool
    page: bool = True
    secrets: tuple[tuple[str, str], ...] = ()
    authority: str | None = None
    get_authority: str = ""
    viewer: str | None = None
    viewer_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """Which state of the site a sheet shows.

    Attributes:
        release: number of the release that runs; None where none was deployed here.
        date: day as of which the sheet holds, as ``2027-06-30``: that of the release, else the one it was made on.
        version: of Orthanc.
        fingerprint: first 12 hex digits of the SHA-256 of the values on the sheet: same values, same fingerprint.
    """

    release: int | None
    date: str
    version: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What all sheets of a site share."""

    environment: str
    kind: str
    name: str
    description: str | None
    contact: Contact | None
    profile: Literal["lan", "wan", "cloud"]
    issue: Issue
    web: Web
    connections: tuple[Connection, ...]
    """One a modality, in the order of the environment; last the one of a caller who is not registered yet."""
