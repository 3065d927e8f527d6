"""What the technician ticks on a sheet: generic checks, from what the caller may do. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.sheet import Message
from orthancgen.sheets.vendor import Vendor


def ticks(vendor: Vendor, connection: Connection, site: SiteFacts) -> tuple[Message, ...]:
    """The checks of one sheet, in the order in which they are done."""
    if vendor.kind == "web":
        return tuple(_web(site))
    return (*_registered(connection), *_entered(connection), *_tried(connection), *_done(vendor, site))


def _registered(connection: Connection) -> Iterator[Message]:
    if connection.modality is not None:
        return
    yield Message("AE title, address and port of the device are told to the site.")
    if not connection.open_to_anyone:
        yield Message("The site says that the device is registered. Before that, every call is refused.")


def _entered(connection: Connection) -> Iterator[Message]:
    yield Message(
        "Called AE title {aet}, host {host} and port {port} are entered as they stand here.",
        {"aet": connection.called_aet, "host": connection.hosts[0], "port": str(connection.port)},
    )
    if connection.own_aet is not None:
        yield Message("The device calls itself {aet}.", {"aet": connection.own_aet})
    if connection.own_address is not None and connection.only_own_address:
        yield Message("The address of the device is {address}, and fixed.", {"address": connection.own_address})
    if connection.tls is not None:
        yield Message("TLS is on. The certificates are installed, and the files are deleted from stick and disk.")
        yield Message("The authority's fingerprint was compared by telephone.")
    yield Message("The clock of the device is set by a time server.")


def _tried(connection: Connection) -> Iterator[Message]:
    if "echo" in connection.may:
        yield Message("The connection test (C-ECHO) of the device succeeds.")
    if "store" in connection.may:
        yield Message("A test image was sent, is seen at the site with the right patient name, and was deleted again.")
    if "find" in connection.may:
        yield Message("A search (C-FIND) at the device finds a study that is there.")
    if "find_worklist" in connection.may:
        yield Message("The worklist of the device shows the patients of the day.")
    if "move" in connection.may and connection.own_port is not None:
        yield Message(
            "A study was fetched (C-MOVE). The site reaches {address}, port {port}.",
            {"address": str(connection.own_address), "port": str(connection.own_port)},
        )
    elif "move" in connection.may or "get" in connection.may:
        yield Message("A study was fetched to the device and opens there.")
    if "storage_commitment" in connection.may:
        yield Message("Storage commitment is confirmed: the device marks the test study as archived.")


def _done(vendor: Vendor, site: SiteFacts) -> Iterator[Message]:
    if vendor.kind not in {"modality", "workstation"}:
        return
    yield Message("The device was restarted, and the connection test still succeeds.")
    yield Message(
        "The fingerprint of this sheet, {fingerprint}, is in the device's log book.",
        {"fingerprint": site.issue.fingerprint},
    )


def _web(site: SiteFacts) -> Iterator[Message]:
    yield Message("The web page opens, and the login works.")
    if site.web.https:
        yield Message("The browser trusts the site's authority and shows no warning.")
    yield Message("The password is in a password store, on no paper and in no script.")
