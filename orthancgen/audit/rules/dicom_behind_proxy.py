"""A proxy in front of DICOM, behind which all callers have one address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom_proxies import proxies_of
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import nist_pacs, orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every such proxy of an Orthanc that compares its callers' addresses.

    Of an environment of ours, the model has refused what would not work, and the gateway compares addresses itself.
    """
    if subject.plan is not None:
        return
    for orthanc in serving_dicom(subject):
        if not orthanc.flag("DicomCheckModalityHost"):
            continue
        for between in proxies_of(subject, orthanc):
            message = (
                f"{between.words} hands DICOM on to {printable(orthanc.part.name)}, which sees its address for every "
                "caller: DicomCheckModalityHost refuses all modalities, or takes all callers for one with this Host"
            )
            yield Hit(message, between.mark, between.path)


RULE: Final = Rule(
    id="dicom-behind-proxy",
    severity=Severity.HIGH,
    confidence="likely",
    title="A proxy hides who calls by DICOM",
    why="Orthanc compares the address of the connection, and DICOM has no header that tells another one: either no "
    "image arrives, or, where the proxy's address was written as a modality's Host, the check lets in everybody.",
    remedy="Let modalities call Orthanc's own port; or let the proxy keep their addresses (`proxy_bind $remote_addr "
    "transparent`), or compare them itself and ask for client certificates.",
    references=(
        orthanc_source("OrthancServer/Sources/main.cpp"),
        orthanc_book("faq/security", "Securing the DICOM server"),
        nist_pacs("PR.AC-7"),
    ),
    find=find,
)
