"""What a caller may do, it can do: each DICOM command by each caller who may and whom this host can play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset

from orthancgen.dicom import scu
from orthancgen.dicom.outcome import Outcome, ScuResult
from orthancgen.dicom.synthetic import SyntheticInstance, expected_pixels
from orthancgen.verify.callers import Caller, callers, nowhere_aet
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

_NO_IMAGE: Final = "there is no test image to ask for: see the checks before"
_HINT: Final = "compare modalities: and dicom.ae_checks with Orthanc's log; was it restarted since they changed?"

Attempt = Callable[[Context, Caller, int], str | None]
"""Tries a command as a caller, the number-th of them; returns what is wrong, or None."""


def _echo(context: Context, caller: Caller, number: int) -> str | None:
    del number
    return _wrong(scu.echo(context.peer_of(caller)))


def _store(context: Context, caller: Caller, number: int) -> str | None:
    """The first stores the image that the other checks look for; those after it, further ones of the same series."""
    first = context.sample.sent_by is None
    instance = context.sample.instance if first else further_image(context, number)
    wrong = _wrong(scu.store(context.peer_of(caller), instance.data))
    if wrong is None and first:
        context.sample.sent_by = caller
    return wrong


def _find(context: Context, caller: Caller, number: int) -> str | None:
    del number
    result = scu.find(context.peer_of(caller), study_query(context))
    matches = [str(match.get("StudyInstanceUID", "")) for match in result.datasets]
    if result.outcome is Outcome.SUCCESS and matches != [context.sample.instance.study_instance_uid]:
        return f"{len(matches)} matches for the study of the test image, not 1"
    return _wrong(result)


def _get(context: Context, caller: Caller, number: int) -> str | None:
    del number
    result = scu.get(context.peer_of(caller), instance_query(context))
    if result.outcome is not Outcome.SUCCESS:
        return _wrong(result)
    if [str(it.SOPInstanceUID) for it in result.datasets] != [context.sample.instance.sop_instance_uid]:
        return f"{len(result.datasets)} images came, not the one that was asked for"
    return None if result.datasets[0].PixelData == sample_pixels(context) else "its pixels are others than those stored"


def _move(context: Context, caller: Caller, number: int) -> str | None:
    """To a destination that Orthanc cannot know: that it answers so shows that the command was admitted."""
    del number
    result = scu.move(context.peer_of(caller), study_query(context), nowhere_aet(context.site))
    if result.outcome is Outcome.FAILURE and result.status is not None:
        return None
    return result.text


_ATTEMPTS: Final[dict[str, tuple[str, str, Attempt]]] = {
    "echo": ("C-ECHO", "answers with success", _echo),
    "store": ("C-STORE", "stores the image of a test patient", _store),
    "find": ("C-FIND", "finds the study of the test image", _find),
    "get": ("C-GET", "brings the test image back with equal pixels", _get),
    "move": ("C-MOVE", "is admitted, and an unknown destination reported", _move),
}


def check(command: str) -> Check:
    """The check of one command."""
    title, effect, _ = _ATTEMPTS[command]
    return Check(f"dicom-{command}", f"{title} {effect}", "positive", partial(_examine, command))


def _examine(command: str, context: Context) -> Verdict:
    title, effect, attempt = _ATTEMPTS[command]
    if not any(command in caller.may for caller in callers(context.site)):
        return skipped(f"{title} {effect}", f"the model lets nobody {command}")
    permitted = [caller for caller in context.callers if command in caller.may]
    expected = f"{title} of {_names(permitted)} to {context.site.orthanc.aet} {effect}"
    if not permitted:
        return skipped(f"{title} {effect}", f"not from this host: {context.unplayable}")
    if command in ("find", "get", "move") and context.sample.orthanc_id is None:
        return verdict(False, expected, _NO_IMAGE)
    wrong = [w for number, caller in enumerate(permitted) if (w := attempt(context, caller, number)) is not None]
    return verdict(not wrong, expected, "; ".join(wrong) or f"so for {_names(permitted)}", _HINT)


def _names(chosen: Sequence[Caller]) -> str:
    return ", ".join(c.aet + (f" from {c.source_address}" if c.source_address else "") for c in chosen)


def _wrong(result: ScuResult) -> str | None:
    return None if result.outcome is Outcome.SUCCESS else result.text


def further_image(context: Context, number: int) -> SyntheticInstance:
    """An image of the test patient that is not the sample; the same number gives the same one."""
    return context.instances[1 + number % (len(context.instances) - 1)]


def study_query(context: Context) -> Dataset:
    """The keys that find the study of the sample, and no other."""
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = context.sample.instance.study_instance_uid
    return query


def instance_query(context: Context) -> Dataset:
    """The keys that name the sample."""
    query = study_query(context)
    query.QueryRetrieveLevel = "IMAGE"
    query.SeriesInstanceUID = context.sample.instance.series_instance_uid
    query.SOPInstanceUID = context.sample.instance.sop_instance_uid
    return query


def sample_pixels(context: Context) -> bytes:
    """The pixel data of the sample, by the rule that made them."""
    from io import BytesIO

    instance = context.sample.instance
    header = dcmread(BytesIO(instance.data), stop_before_pixels=True)
    return expected_pixels(header.Rows, header.Columns, instance.index)
