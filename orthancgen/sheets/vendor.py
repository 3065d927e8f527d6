"""What a vendor's data file holds: menus, fields, tests and quirks, each with its source; `vendors/*.yaml` are data.

A text that people read (`note`, `text`, `success`, ...) is English and the key of its translations in the catalogues.
A label or a step of a menu is the vendor's own word, quoted, and is never translated.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orthancgen.site.dicom import Command as Permission
from orthancgen.site.types import DateText, Items, Section

VendorKind = Literal["modality", "workstation", "program", "toolkit", "web"]
"""modality: a scanner; workstation: a vendor's station or archive; program: a viewer; toolkit: commands; web: REST."""

ValueName = Literal[
    "called_aet",  # Orthanc's AE title
    "host",  # name or address of this site
    "port",  # its DICOM port, for this caller
    "own_aet", "own_address", "own_port",  # of the device itself: what the site has registered
    "tls",  # on or off
    "device_certificate", "device_key", "authority",  # files of `orthancgen certs bundle`
    "transfer_syntax",  # what to offer: a recommendation, in words
    "web_url", "rest_url", "dicomweb_url",  # base URLs
    "web_user",  # a login; its password is never on a sheet
    "description",  # a free name for the entry, such as the site's own
]  # fmt: skip
"""What a field of a device is filled with; `sheets/connection.py` has the values."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=600)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=120)]
SourceId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class Source(Section):
    """Where a fact was read."""

    title: Text
    """Title of the document or page, with its number and edition."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    """Where it is published."""
    read_on: DateText
    """When it was read."""


class MenuPath(Section):
    """How the place is reached where a DICOM destination is entered, on one product or family."""

    product: Label
    """Product or family, with versions where they matter."""
    steps: Items[Label]
    """What is clicked, in order, in the words of the English menus."""
    source: SourceId
    confirmed: bool = True
    """Whether the source says exactly this; False where it names the place only roughly, which the sheet says."""
    note: Text | None = None


class FieldRow(Section):
    """A field of the device's dialogue, and what to type in."""

    label: Label
    """The vendor's word for it."""
    value: ValueName | None = None
    """What is filled in; None where `literal` is."""
    literal: Label | None = None
    """A fixed entry, such as an option to choose."""
    when: Literal["always", "tls", "plain"] = "always"
    """Whether it applies with TLS, without it, or always."""
    source: SourceId
    note: Text | None = None


class Test(Section):
    """How the device itself tests the connection, and what it then shows."""

    __test__ = False

    what: Literal["echo", "store", "find", "move", "worklist"]
    action: Text
    """What to do, with the vendor's labels in double quotes."""
    success: Text
    failure: Items[Text] = ()
    """What is shown when it fails, each with what it means."""
    source: SourceId


class Quirk(Section):
    """Something about this vendor that people stumble on."""

    text: Text
    source: SourceId


class TlsSupport(Section):
    """Whether the devices can do DICOM over TLS."""

    supported: Literal["yes", "some", "no", "unknown"]
    note: Text
    """On which products, how it is bought or switched on, which files it takes."""
    source: SourceId


class Line(Section):
    """A part of a command that stands only under a condition."""

    when: Literal["tls", "plain", "client_certificate", "no_client_certificate", "https"]
    """`client_certificate` and `no_client_certificate` are both within TLS; `https` is about the web side."""
    args: Items[str]


class CommandSheet(Section):
    """A command to copy: one call of a program.

    Arguments may hold `{value_name}`, and `{file}` for a DICOM file, `{folder}` for a folder of them, `{study_uid}` for
    a StudyInstanceUID to look for, `{port_back}` for the port on which the caller listens for a C-MOVE's images,
    `{web_authority}` for the file with the authority of the site's web certificate. So may `expect_output`.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    purpose: Text
    needs: Permission | Literal["web", "dicomweb"] = "echo"
    """What the site must permit the caller for it to work; the sheet leaves out what it does not."""
    when: Literal["always", "tls", "client_certificate", "plain"] = "always"
    """Whether it works by TLS alone, is for callers that show a certificate, or cannot do TLS."""
    argv: Items[str | Line]
    success: Text
    """What is seen when it worked, in words; `expect` holds what can be compared."""
    expect_exit: int = 0
    expect_output: Annotated[str, StringConstraints(max_length=200)] | None = None
    """Text that stands in its output when it worked."""
    source: SourceId
    note: Text | None = None


class ScriptSheet(Section):
    """A script to copy: `templates/sheets/scripts/ID.j2`, filled with the site's values."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    purpose: Text
    language: Literal["sh", "powershell", "python"]
    needs: Permission | Literal["web"] = "web"
    success: Text
    expect_output: Annotated[str, StringConstraints(max_length=200)] | None = None
    source: SourceId


class Vendor(Section):
    """One vendor, program or toolkit."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    name: Label
    """As it calls itself."""
    kind: VendorKind
    about: Text
    """Which products this is, in a sentence."""
    products_differ: Text | None = None
    """Where menus differ between models and versions, and what to do then."""
    sources: dict[SourceId, Source]
    paths: Items[MenuPath] = ()
    fields: Items[FieldRow] = ()
    """In the order in which the device asks for them."""
    tests: Items[Test] = ()
    send_back: Items[ValueName] = ("own_aet", "own_address", "own_port")
    """What the device's engineer must tell the site."""
    tls: TlsSupport | None = None
    quirks: Items[Quirk] = ()
    commands: Items[CommandSheet] = ()
    scripts: Items[ScriptSheet] = ()
    aet_longest: int = Field(default=16, ge=1, le=16)
    """Longest AE title that its dialogue takes."""
