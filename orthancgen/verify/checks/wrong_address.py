"""A registered AE title that calls from another address than its own is rejected."""

from __future__ import annotations

from collections import Counter

from orthancgen.dicom import scu
from orthancgen.verify.check import Check
from orthancgen.verify.checks.refusal import CALLING_AET_NOT_RECOGNIZED, rejected_as
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict


def examine(context: Context) -> Verdict:
    """C-ECHO by each registered AE title, from an address of this host that is not its own."""
    site = context.site
    expected = "the association is rejected"
    if site.dicom.ae_checks.calling_aet != "registered_from_own_address":
        return skipped(expected, f"the model does not ask for it (calling_aet: {site.dicom.ae_checks.calling_aet})")
    if not site.modalities:
        return skipped(expected, "no modality is registered")
    count = Counter(modality.aet.casefold() for modality in site.modalities.values())
    results = []
    for modality in site.modalities.values():
        possible, source = context.wrong_source(modality.address)
        if not possible:
            return verdict(False, expected, f"this host has no other address to call from than {modality.address}")
        if count[modality.aet.casefold()] == 1:
            results.append(scu.echo(context.peer(modality.aet, source)))
    return rejected_as(CALLING_AET_NOT_RECOGNIZED, results, "DicomCheckModalityHost in orthanc.json")


CHECK = Check("wrong-address-refused", "A registered AE title from another address is refused", "negative", examine)
