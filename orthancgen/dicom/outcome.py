"""What came of a DICOM operation: a value for every way it can end, so that nothing on the network is an exception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset
from pynetdicom import status as pynetdicom_status


class Outcome(StrEnum):
    """How an operation ended, in the order in which an operation proceeds."""

    NAME_UNKNOWN = "host name unknown"
    CONNECTION_REFUSED = "connection refused"
    CONNECTION_TIMEOUT = "connection timed out"
    UNREACHABLE = "host unreachable"
    TLS_FAILED = "TLS failed"
    CLOSED = "connection closed"
    ASSOCIATION_REJECTED = "association rejected"
    ASSOCIATION_ABORTED = "association aborted"
    ASSOCIATION_TIMEOUT = "association timed out"
    CONTEXT_REJECTED = "presentation context rejected"
    COMMAND_TIMEOUT = "command timed out"
    FAILURE = "failure status"
    CANCELLED = "cancelled"
    WARNING = "warning status"
    SUCCESS = "success"


@dataclass(frozen=True)
class Rejection:
    """An A-ASSOCIATE-RJ (PS3.8 table 9-21).

    Attributes:
        result: 1 permanent, 2 transient.
        source: 1 service user, 2 service provider (ACSE), 3 service provider (presentation).
        reason: its meaning depends on the source.
        text: the reason in the standard's words, such as "Called AE Title Not Recognized".
    """

    result: int
    source: int
    reason: int
    text: str


@dataclass(frozen=True)
class Failure:
    """Why there is no association, or no longer one; `text` is for a reader and without patient data."""

    outcome: Outcome
    text: str
    rejection: Rejection | None = None


@dataclass(frozen=True)
class Suboperations:
    """The counts of C-STORE sub-operations in the last C-MOVE or C-GET response (PS3.7 section 9.1.4)."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warning: int = 0


@dataclass(frozen=True)
class ScuResult:
    """What came of one operation.

    Attributes:
        outcome: how it ended.
        text: the same for a reader, with host, port and AE titles; without patient data.
        status: the status of the last response (PS3.7 annex C), or None when none came.
        rejection: the peer's reason, when it rejected the association.
        datasets: the matches of a C-FIND, or what a C-GET fetched. They may hold patient data.
        suboperations: for C-MOVE and C-GET, what the peer counted.
        seconds: how long it took, connection included.
    """

    outcome: Outcome
    text: str
    status: int | None = None
    rejection: Rejection | None = None
    datasets: tuple[Dataset, ...] = ()
    suboperations: Suboperations | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the peer did what it was asked, warnings included."""
        return self.outcome in (Outcome.SUCCESS, Outcome.WARNING)


# PS3.8 table 9-21, in its own words.
_REASONS = {
    (1, 1): "No reason given",
    (1, 2): "Application Context Name Not Supported",
    (1, 3): "Calling AE Title Not Recognized",
    (1, 7): "Called AE Title Not Recognized",
    (2, 1): "No reason given",
    (2, 2): "Protocol Version Not Supported",
    (3, 1): "Temporary Congestion",
    (3, 2): "Local Limit Exceeded",
}

# PS3.8 table 9-26.
_ABORT_REASONS = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}


def rejection(result: int, source: int, reason: int) -> Rejection:
    """The rejection with its text from PS3.8 table 9-21."""
    return Rejection(result, source, reason, _REASONS.get((source, reason), f"reserved reason {reason}"))


def abort_text(source: int, reason: int) -> str:
    """An A-ABORT in words: source 0 is the peer's application, 2 its protocol layer (PS3.8 table 9-26)."""
    if source == 2:
        return f"the peer's protocol layer aborted: {_ABORT_REASONS.get(reason, f'reason {reason}')}"
    return "the peer's application aborted (as Orthanc does on a command that it does not permit)"


def status_outcome(status: int) -> Outcome:
    """The outcome that a final status means (PS3.7 annex C); a status nobody defined is a failure."""
    category = pynetdicom_status.code_to_category(status)
    by_category = {"Success": Outcome.SUCCESS, "Warning": Outcome.WARNING, "Cancel": Outcome.CANCELLED}
    return by_category.get(category, Outcome.FAILURE)


def storage_meaning(status: int) -> str:
    """What a C-STORE status means, such as ``Refused: Out of resources`` (PS3.4 annex B.2.3, PS3.7 annex C)."""
    return _meaning(status, pynetdicom_status.STORAGE_SERVICE_CLASS_STATUS)


def query_meaning(status: int) -> str:
    """What a status of C-FIND, C-MOVE or C-GET means (PS3.4 annex C.4)."""
    merged: dict[int, tuple[str, str]] = {}
    for table in (
        pynetdicom_status.QR_FIND_SERVICE_CLASS_STATUS,
        pynetdicom_status.QR_GET_SERVICE_CLASS_STATUS,
        pynetdicom_status.QR_MOVE_SERVICE_CLASS_STATUS,
    ):
        merged |= table
    return _meaning(status, merged)


def echo_meaning(status: int) -> str:
    """What a C-ECHO status means (PS3.7 section 9.1.5.1.4)."""
    return _meaning(status, pynetdicom_status.VERIFICATION_SERVICE_CLASS_STATUS)


def _meaning(status: int, table: dict[int, tuple[str, str]]) -> str:
    category, words = table.get(status) or (pynetdicom_status.code_to_category(status), "")
    return f"{category}: {words}" if words else category
