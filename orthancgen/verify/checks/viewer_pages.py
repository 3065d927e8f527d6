"""The viewer shows the test study and its image to somebody who logs in, and to nobody else."""

from __future__ import annotations

from typing import Final

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

_ABSENT: Final = "the model has no viewer (viewer.enabled: false)"


def shown(context: Context) -> Verdict:
    """Log in as a person of the model, and look at the test study as its pages do."""
    expected = "after a login: HTTP 200 for the study's record and for its image"
    if not context.site.viewer.enabled:
        return skipped(expected, _ABSENT)
    sample = context.sample
    if not sample.recorded:
        return verdict(False, expected, "there is no record of the test image: see the checks before")
    user, password = context.access.orthanc_login
    login = context.viewer.post("/api/session", json={"user": user, "password": password})
    if login.status_code != httpx.codes.CREATED:
        return verdict(False, expected, f"the login as {user} is answered with {login.status_code}", "orthancgen logs")
    try:
        seen = {what: context.viewer.get(path) for what, path in _paths(context).items()}
        wrong = [f"{what}: HTTP {answer.status_code}" for what, answer in seen.items() if answer.status_code != 200]
        picture = seen["image"].headers.get("content-type", "")
        if not wrong and not picture.startswith("image/"):
            wrong = [f"image: {picture or 'no type'}"]
        return verdict(not wrong, expected, "; ".join(wrong) or "shown, as a picture", "orthancgen logs")
    finally:
        context.viewer.delete("/api/session", headers={"x-csrf-token": str(login.json()["csrf"])})


def closed(context: Context) -> Verdict:
    """The same without a login, and with a wrong password."""
    expected = "without a login, and with a wrong password: HTTP 401"
    if not context.site.viewer.enabled:
        return skipped(expected, _ABSENT)
    wrong = []
    for what, path in _paths(context).items():
        answer = context.viewer_anonymous.get(path)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            wrong.append(f"{what}: HTTP {answer.status_code}")
    # A name that nobody has: a person of the site must not have to wait because of this proof.
    login = context.viewer_anonymous.post("/api/session", json={"user": "orthancgen-verify", "password": "wrong"})
    if login.status_code != httpx.codes.UNAUTHORIZED:
        wrong.append(f"login: HTTP {login.status_code}")
    return verdict(not wrong, expected, "; ".join(wrong) or "so for record, image and login")


def _paths(context: Context) -> dict[str, str]:
    instance = context.sample.instance
    study = instance.study_instance_uid
    image = f"studies/{study}/series/{instance.series_instance_uid}/instances/{instance.sop_instance_uid}"
    return {"study": f"/api/studies/{study}", "image": f"/dicom-web/{image}/rendered"}


SHOWN: Final = Check("viewer-shows", "The viewer shows the test study and its image after a login", "positive", shown)
CLOSED: Final = Check("viewer-closed", "The viewer shows nothing without a login", "negative", closed)
