"""Composed sheets for the writers' tests: an ordinary site, and one whose every value is as long as it may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orthancgen.sheets.connection import Connection, Issue, SiteFacts, Tls, Web
from orthancgen.sheets.sheet import Card, Command, Message, NetworkNote, Row, Sheet, SheetSet, Tested
from orthancgen.sheets.vendor import MenuPath, Source, TlsSupport, Vendor
from orthancgen.site.model import Contact

LONG_AET: Final = "ORTHANC_PROD_WWW"
"""16 characters, the widest that are."""
LONG_HOST: Final = (
    "pacs-archive-01.radiology-department.university-teaching-hospital.northern-region.health.example.org"
)
LONGEST_HOST: Final = ".".join(("m" * 63, "w" * 63, "m" * 63, "w" * 61))
"""253 characters, the most that DNS carries (RFC 1035, 2.3.4)."""
IPV6: Final = "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe"
DESCRIPTION: Final = (
    "Computed tomography in the emergency department, second floor of the east wing, room 2.114; two consoles, of "
    "which the left one sends; on call day and night; replaced in the spring of next year"
).ljust(200, "!")
HOSTILE: Final = "<script>alert('x')</script> `rm -rf ~` | {port} \\ *bold* [a](http://b.example) & \"q\" %s ${HOME}"

SOURCE: Final = Source(
    title="DICOM Conformance Statement of the Example CT", url="https://example.org/dcs", read_on="2026-11-27"
)
CONTACT: Final = Contact(name="PACS team", phone="+00 000 0000", email="pacs@example.org")


def site(*, contact: Contact | None = CONTACT, name: str = "Radiology archive") -> SiteFacts:
    """What the sheets of a site share."""
    return SiteFacts(
        environment="prod",
        kind="production",
        name=name,
        description="The archive of the radiology department",
        contact=contact,
        profile="lan",
        issue=Issue(release=12, date="2027-06-30", version="1.13.0", fingerprint="0123456789ab"),
        web=Web(
            orthanc_url="https://pacs.example.org:8042",
            local_url="https://127.0.0.1:8042",
            users=(("orthanc", "administrator"), ("viewer", "reader")),
            get_password="orthancgen secrets show prod NAME",
            https=True,
            dicomweb=True,
        ),
        connections=(),
    )


def connection(
    *,
    host: str = "pacs.example.org",
    called_aet: str = "ORTHANC",
    own_aet: str = "CT1",
    own_address: str = "192.168.10.21",
    description: str | None = "CT in room 2",
    tls: bool = False,
) -> Connection:
    """A registered modality's view."""
    return Connection(
        modality="ct1",
        description=description,
        called_aet=called_aet,
        hosts=(host, "192.0.2.10"),
        port=2762 if tls else 4242,
        way="direct",
        tls=Tls(True, "ca.pem", "ct1.crt", "ct1.key", "orthancgen certs bundle prod ct1") if tls else None,
        own_aet=own_aet,
        own_address=own_address,
        own_port=104,
        called_back_by_tls=False,
        may=("echo", "store", "find"),
        only_own_address=True,
        exact_case=True,
    )


VENDOR: Final = Vendor(
    id="example",
    name="Example",
    kind="modality",
    about="Scanners of a vendor that does not exist.",
    products_differ="Names of the menus differ between versions; look for the words DICOM or Network.",
    sources={"dcs": SOURCE},
    paths=(
        MenuPath(
            product="Example CT, from version 5",
            steps=("Options", "Local Service", "Configuration", "DICOM", "Network Nodes", "Add"),
            source="dcs",
        ),
        MenuPath(
            product="Example MR", steps=("Utilities", "Network"), source="dcs", confirmed=False, note="As service."
        ),
    ),
    tls=TlsSupport(supported="some", note="Newer versions; it is an option to buy.", source="dcs"),
)


def command(link: Connection) -> Command:
    """An echo by DCMTK."""
    argv = ("echoscu", "-v", "-aet", link.own_aet or "MY_AET", "-aec", link.called_aet, link.hosts[0], str(link.port))
    return Command(
        id="echo",
        purpose=Message("Ask the archive whether it answers (C-ECHO)."),
        language="sh",
        text=" ".join(argv),
        argv=argv,
        success=Message("`Received Echo Response (Success)`"),
        expect_exit=0,
        expect_output="Success",
        replace={},
        source="dcs",
    )


def store(link: Connection) -> Command:
    """A store by DCMTK, with a placeholder."""
    text = f"storescu -v -aet {link.own_aet} -aec {link.called_aet} {link.hosts[0]} {link.port} \\\n  FILE.dcm"
    return replace(
        command(link),
        id="store",
        purpose=Message("Send one image (C-STORE)."),
        text=text,
        argv=tuple(text.replace("\\\n", "").split()),
        replace={"FILE.dcm": Message("a DICOM file")},
        note=Message("The image is there to stay: delete it afterwards."),
    )


def sheet(link: Connection | None = None, facts: SiteFacts | None = None, *, value: str | None = None) -> Sheet:
    """A sheet with something in every section; `value` replaces one of its values."""
    link, facts = link or connection(), facts or site()
    tls = "on" if link.tls else "off"
    return Sheet(
        id=link.modality or "vendor-example",
        site=facts,
        connection=link,
        vendor=VENDOR,
        title=Message("{vendor}: {name}", {"vendor": VENDOR.name, "name": link.modality or ""}),
        paths=VENDOR.paths,
        rows=(
            Row("AE Title", value or link.called_aet, note=Message("In capitals."), source="dcs"),
            Row("Host / IP", link.hosts[0], source="dcs"),
            Row("Port", str(link.port), source="dcs"),
            Row("Local AE Title", link.own_aet, source="dcs"),
            Row("Secure", None, Message(tls), source="dcs"),
            Row("Comment", link.description or "-"),
        ),
        tests=(
            Tested(
                Message('Press "Verify".'),
                Message('"Node is reachable".'),
                (Message('"Association rejected": the AE title is not the registered one.'),),
                "dcs",
            ),
        ),
        commands=(command(link), store(link)),
        send_back=(
            Row(Message("Its AE title"), link.own_aet),
            Row(Message("Its address"), link.own_address),
            Row(Message("Its port"), str(link.own_port)),
        ),
        checks=(Message("The echo succeeded."), Message("A test image arrived."), Message("The clock is right.")),
        network=(
            NetworkNote(
                Message("Firewall"),
                Message(
                    "TCP from `{address}` to port {port}.", {"address": link.own_address or "", "port": str(link.port)}
                ),
                (f"nft list ruleset | grep {link.port}", "orthancgen firewall apply prod"),
            ),
        ),
        quirks=(
            (Message("After a change the device must be restarted."), "dcs"),
            (Message("It takes a minute."), None),
        ),
        sources={"dcs": SOURCE},
        qr=f"AET={link.called_aet}\nHOST={link.hosts[0]}\nPORT={link.port}\nTLS={tls}\nOWN_AET={link.own_aet}",
    )


def card(link: Connection | None = None, facts: SiteFacts | None = None) -> Card:
    """The card of the same site."""
    link, facts = link or connection(), facts or site()
    return Card(
        site=facts,
        rows=(
            Row(Message("AE title"), link.called_aet),
            Row(Message("Host"), link.hosts[0]),
            Row(Message("Port"), str(link.port)),
            Row(Message("TLS"), None, Message("on") if link.tls else Message("off")),
        ),
        tests=(command(link), store(link)),
        contact=(
            Message("{name}", {"name": facts.contact.name if facts.contact else "-"}),
            Message("Telephone: {phone}", {"phone": "+00 000 0000"}),
        ),
        qr=f"AET={link.called_aet}\nHOST={link.hosts[0]}\nPORT={link.port}",
    )


def sheet_set(link: Connection | None = None, facts: SiteFacts | None = None) -> SheetSet:
    """Two sheets, the card and a network note."""
    link, facts = link or connection(), facts or site()
    first = sheet(link, facts)
    second = replace(first, id="mr1", title=Message("{vendor}: {name}", {"vendor": "Example", "name": "mr1"}))
    return SheetSet(facts, (first, second), card(link, facts), first.network)


def extreme(*, host: str = LONG_HOST) -> Connection:
    """Every value as long as it may be."""
    return connection(
        host=host, called_aet=LONG_AET, own_aet="MMMMMMMMMMMMMMMM", own_address=IPV6, description=DESCRIPTION, tls=True
    )
