"""The documents that rules appeal to: each with its title, its version and where it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a document: `standard` names the document, `section` the place in it."""

    standard: str
    section: str
    url: str

    @property
    def title(self) -> str:
        """Document and place in one line."""
        return f"{self.standard}, {self.section}" if self.section else self.standard


def orthanc_book(page: str, section: str = "") -> Reference:
    """A page of the Orthanc Book, such as ``faq/security``."""
    return Reference("Orthanc Book", section or page, f"https://orthanc.uclouvain.be/book/{page}.html")


def orthanc_source(file: str, version: str = "1.13.0") -> Reference:
    """A file of Orthanc's source at a version."""
    url = f"https://orthanc.uclouvain.be/hg/orthanc/file/Orthanc-{version}/{file}"
    return Reference(f"Orthanc {version} source", file, url)


def dicom(part: int, section: str) -> Reference:
    """A section of the DICOM standard: ``dicom(15, "B.12")``."""
    url = f"https://dicom.nema.org/medical/dicom/current/output/chtml/part{part:02}/PS3.{part}.html"
    return Reference(f"DICOM PS3.{part}", section, url)


def ihe_atna(transaction: str) -> Reference:
    """A transaction of the IHE profile Audit Trail and Node Authentication: ``ITI-19``, ``ITI-20``."""
    url = f"https://profiles.ihe.net/ITI/TF/Volume2/{transaction}.html"
    return Reference("IHE ITI TF ATNA", transaction, url)


def hipaa(paragraph: str) -> Reference:
    """A paragraph of the HIPAA security rule's technical safeguards: ``(a)(1)``."""
    return Reference("HIPAA 45 CFR 164.312", paragraph, "https://www.ecfr.gov/current/title-45/section-164.312")


def cis_docker(number: str) -> Reference:
    """A recommendation of the CIS Docker Benchmark 1.6.0; other versions number them otherwise."""
    return Reference("CIS Docker Benchmark 1.6.0", number, "https://www.cisecurity.org/benchmark/docker")


def owasp_docker(rule: str) -> Reference:
    """A rule of the OWASP Docker Security Cheat Sheet: ``5a``."""
    url = "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html"
    return Reference("OWASP Docker Security Cheat Sheet", f"rule #{rule}", url)


def nist_pacs(subcategory: str) -> Reference:
    """A subcategory of the Cybersecurity Framework 1.1 as NIST SP 1800-24 maps it to PACS: ``PR.AC-5``."""
    return Reference(
        "NIST SP 1800-24",
        subcategory,
        "https://www.nccoe.nist.gov/healthcare/securing-picture-archiving-and-communication-system",
    )


def mongodb(item: str) -> Reference:
    """An item of MongoDB's security checklist."""
    return Reference(
        "MongoDB Security Checklist", item, "https://www.mongodb.com/docs/manual/administration/security-checklist/"
    )


def rfc(number: int, section: str = "") -> Reference:
    """A section of an RFC."""
    return Reference(f"RFC {number}", section, f"https://www.rfc-editor.org/rfc/rfc{number}")


def cve(number: str) -> Reference:
    """A vulnerability: ``CVE-2023-33466``."""
    return Reference(number, "", f"https://nvd.nist.gov/vuln/detail/{number}")


def page(title: str, url: str) -> Reference:
    """Any other page."""
    return Reference(title, "", url)
