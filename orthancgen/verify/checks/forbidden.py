"""What a caller may not do is refused: each DICOM command by each caller who may not and whom this host can play."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from orthancgen.dicom import scu
from orthancgen.dicom.outcome import ScuResult
from orthancgen.dicom.peer import Peer
from orthancgen.verify.callers import callers, nowhere_aet
from orthancgen.verify.check import Check
from orthancgen.verify.checks.permitted import further_image, instance_query, study_query
from orthancgen.verify.checks.refusal import refused_command
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

_SPARE_IMAGE: Final = -2


def _worklist(context: Context, peer: Peer) -> ScuResult:
    query = study_query(context)
    del query.QueryRetrieveLevel
    return scu.find(peer, query, model=scu.WORKLIST)


_ATTEMPTS: Final[dict[str, tuple[str, Callable[[Context, Peer], ScuResult]]]] = {
    "echo": ("C-ECHO", lambda _, peer: scu.echo(peer)),
    "store": ("C-STORE", lambda context, peer: scu.store(peer, further_image(context, _SPARE_IMAGE).data)),
    "find": ("C-FIND", lambda context, peer: scu.find(peer, study_query(context))),
    "find_worklist": ("Worklist C-FIND", _worklist),
    "get": ("C-GET", lambda context, peer: scu.get(peer, instance_query(context))),
    "move": ("C-MOVE", lambda context, peer: scu.move(peer, study_query(context), nowhere_aet(context.site))),
}


def check(command: str) -> Check:
    """The check of one command."""
    title = f"{_ATTEMPTS[command][0]} is refused to those who may not"
    return Check(f"dicom-{command.replace('_', '-')}-refused", title, "negative", partial(_examine, command))


def _examine(command: str, context: Context) -> Verdict:
    title, attempt = _ATTEMPTS[command]
    expected = f"{title} is refused after association"
    everybody = callers(context.site)
    if not everybody:
        return skipped(expected, "the model lets nobody associate at all")
    if all(command in caller.may for caller in everybody):
        return skipped(expected, f"everybody whom the model lets associate may {command}")
    forbidden = [caller for caller in context.callers if command not in caller.may]
    if not forbidden:
        return skipped(expected, f"those who may not cannot be played from this host: {context.unplayable}")
    names = ", ".join(caller.aet for caller in forbidden)
    results = [attempt(context, context.peer_of(caller)) for caller in forbidden]
    wrong = [f"{c.aet}: {r.text}" for c, r in zip(forbidden, results, strict=True) if not refused_command(r)]
    seen = "; ".join(wrong) if wrong else f"refused to {names}: {', '.join(sorted({str(r.outcome) for r in results}))}"
    hint = "see DicomAlwaysAllow... and the modality's Allow... in orthanc.json; was Orthanc restarted since?"
    return verdict(not wrong, f"{expected}, to {names}", seen, hint)
