"""What a bundle that orthancgen rendered says of its own section; and what holds where there is no such section."""

from __future__ import annotations

import re
from typing import Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.fits import default, why_not
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS, at
from orthancgen.plan.build import ANALYSIS_ACCOUNT, BACKEND_ACCOUNT, VIEWER_ACCOUNT
from orthancgen.site.types import HttpUrl

_OWN_WEBHOOK: Final = re.compile(r"http://(?:127\.0\.0\.1|backend):([0-9]{1,5})/api/orthanc/webhook", re.ASCII)


def import_services(draft: Draft) -> None:
    """Write ``webhook:`` and ``backend:``: as a bundle has them; off for every other configuration."""
    values = draft.original.values
    if OURS not in draft.original:
        draft.put(("webhook", "enabled"), False)
        draft.put(("backend", "enabled"), False)
        return
    backend = at(values, (OURS, "Users", BACKEND_ACCOUNT)) is not None
    url = at(values, (OURS, "Webhook", "Url"))
    draft.note(OURS, Outcome.EXPRESSED, "the section of orthancgen itself", to=("webhook",))
    if not backend:
        draft.put(("backend", "enabled"), False)
    if backend and at(values, (OURS, "Users", VIEWER_ACCOUNT)) is not None:
        draft.put(("viewer", "enabled"), True)
    if backend and at(values, (OURS, "Users", ANALYSIS_ACCOUNT)) is not None:
        draft.put(("analysis", "enabled"), True)
        why = (
            "which providers analyse what arrives, and the models of the site, do not stand in Orthanc's configuration"
        )
        draft.note(OURS, Outcome.LOST, why, to=("analysis",))
    if not isinstance(url, str):
        draft.put(("webhook", "enabled"), False)
        return
    own = _OWN_WEBHOOK.fullmatch(url)
    if own is not None and backend:
        draft.put(("backend", "port"), int(own[1]))
    elif why_not(HttpUrl, url) is None:
        draft.put(("webhook", "url"), url)
    for key, to in (("TimeoutSeconds", "timeout_seconds"), ("AtMostEverySeconds", "at_most_every_seconds")):
        seconds = at(values, (OURS, "Webhook", key))
        if isinstance(seconds, int) and seconds != default(("webhook", to)):
            draft.put(("webhook", to), seconds)
