"""Who calls Orthanc by another AE title is rejected, for that reason."""

from __future__ import annotations

from dataclasses import replace

from orthancgen.dicom import scu
from orthancgen.verify.callers import nowhere_aet, stranger_aet
from orthancgen.verify.check import Check
from orthancgen.verify.checks.refusal import CALLED_AET_NOT_RECOGNIZED, rejected_as
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped


def examine(context: Context) -> Verdict:
    """C-ECHO to an AE title that is not Orthanc's, by a caller that would be let in, where there is one."""
    if not context.site.dicom.ae_checks.called_aet:
        return skipped(
            "the association is rejected", "the model does not ask for it (dicom.ae_checks.called_aet: false)"
        )
    caller = context.callers[0] if context.callers else None
    peer = context.peer_of(caller) if caller else context.peer(stranger_aet(context.site))
    misnamed = replace(peer, called_aet=nowhere_aet(context.site))
    return rejected_as(CALLED_AET_NOT_RECOGNIZED, [scu.echo(misnamed)], "DicomCheckCalledAet in orthanc.json")


CHECK = Check("wrong-called-aet-refused", "A wrong called AE title is refused", "negative", examine)
