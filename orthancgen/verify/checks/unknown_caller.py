"""A caller that nobody registered is rejected at association, for that reason."""

from __future__ import annotations

from orthancgen.dicom import scu
from orthancgen.verify.callers import stranger_aet, strangers_may
from orthancgen.verify.check import Check
from orthancgen.verify.checks.refusal import CALLING_AET_NOT_RECOGNIZED, rejected_as
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped


def examine(context: Context) -> Verdict:
    """C-ECHO by an AE title that is in no list."""
    site = context.site
    if may := strangers_may(site):
        commands = ", ".join(sorted(may))
        return skipped(
            "the association is rejected", f"anyone may {commands}; what else a stranger asks for is proven apart"
        )
    return rejected_as(
        CALLING_AET_NOT_RECOGNIZED,
        [scu.echo(context.peer(stranger_aet(site)))],
        "DicomAlwaysAllow... in orthanc.json: one that is true lets every AE title associate",
    )


CHECK = Check("unknown-caller-refused", "An unknown calling AE title is refused", "negative", examine)
