"""Whether a refusal is one for the right reason: an association's rejection, or a command's abort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orthancgen.dicom.outcome import Outcome, ScuResult, rejection
from orthancgen.verify.result import Verdict, verdict

PERMANENT: Final = 1
SERVICE_USER: Final = 1
CALLING_AET_NOT_RECOGNIZED: Final = 3
CALLED_AET_NOT_RECOGNIZED: Final = 7


def rejected_as(reason: int, results: Sequence[ScuResult], setting: str) -> Verdict:
    """Whether each association was rejected for that reason (PS3.8 table 9-21, source: service user).

    Args:
        reason: `CALLING_AET_NOT_RECOGNIZED` or `CALLED_AET_NOT_RECOGNIZED`.
        results: what came of the attempts, at least one.
        setting: what decides it in Orthanc, for the hint.
    """
    right = rejection(PERMANENT, SERVICE_USER, reason)
    wrong = [result.text for result in results if result.rejection != right]
    seen = (
        "; ".join(wrong)
        if wrong
        else f"rejected: {right.text}" + (f", {len(results)} times" if len(results) > 1 else "")
    )
    return verdict(
        not wrong, f"association rejected: {right.text}", seen, f"see {setting}; was Orthanc restarted since?"
    )


def refused_command(result: ScuResult) -> bool:
    """Whether an admitted caller's command was refused: Orthanc aborts on a command that it does not permit.

    It answers a command that it permits with a status, whatever came of it, and it rejects the presentation context of
    a service that it does not offer at all, such as worklists without their plugin.
    """
    return result.outcome in (Outcome.ASSOCIATION_ABORTED, Outcome.CONTEXT_REJECTED)
