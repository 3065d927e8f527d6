"""A folder of secrets that others may enter or change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import for_secrets
from orthancgen.audit.references import hipaa, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every folder with a file that is there for secrets, and nothing else, whose mode is wider than 0700."""
    seen = set()
    for one in for_secrets(subject):
        folder = one.file.replace("\\", "/").rpartition("/")[0]
        if one.folder_mode is None or not one.folder_mode & 0o077 or not _is_of_secrets(folder) or folder in seen:
            continue
        seen.add(folder)
        what = f"the folder {printable(folder)} has the mode {one.folder_mode & 0o777:04o}"
        if one.folder_mode & 0o022:
            yield Hit(f"{what}: others put their own files in place of the secrets", file=one.file)
        else:
            severity = Severity.MEDIUM if one.folder_mode & 0o007 else Severity.LOW
            message = f"{what}: others see what is in it, and read what is readable"
            yield Hit(message, file=one.file, severity=severity)


def _is_of_secrets(folder: str) -> bool:
    name = folder.rpartition("/")[2].lower()
    return any(word in name for word in ("secret", "credential", "private", "key"))


RULE: Final = Rule(
    id="secret-folder-open",
    severity=Severity.HIGH,
    confidence="certain",
    title="A folder of secrets is open to others",
    why="The next file that is put there with the usual mode is readable by everybody; who may write in it exchanges a "
    "key or a list of users without reading any.",
    remedy="Write `chmod 700` for the folder.",
    references=(orthanc_book("faq/security"), hipaa("(a)(1)")),
    find=find,
)
