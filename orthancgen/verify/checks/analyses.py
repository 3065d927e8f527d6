"""The test study is analysed, what was made of it goes with it, and the service answers nobody but the backend."""

from __future__ import annotations

import secrets as random_source
from typing import Any, Final

import httpx

from orthancgen.site.analysis_checks import SHIPPED, providers
from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_analysis
from orthancgen.verify.context import Context, wait_for
from orthancgen.verify.result import Verdict, skipped, verdict

_SECONDS: Final = 60.0
"""How long one analysis of the test image is waited for: a second, once the service has loaded what it needs."""
_DISCLAIMER: Final = "not a diagnosis"
_ENDED: Final = frozenset({"done", "dead"})
_TOKEN_BYTES: Final = 32
_HINT: Final = "GET /api/analyses of the backend tells what stopped it; orthancgen logs"


class _Busy(Exception):  # noqa: N818  no error: others are before the test image
    """The provider is at work on other studies."""


def made(context: Context) -> Verdict:
    """Have the test study analysed by each provider that reads it, by hand as a person would."""
    stored = "; a structured report in Orthanc" if context.site.analysis.store_sr else ""
    expected = f"a result of each provider that reads the test image, with its statement{stored}"
    if (absent := no_analysis(context, expected)) is not None:
        return absent
    if not context.sample.recorded:
        return verdict(False, expected, "there is no record of the test image: see the checks before")
    answer = context.backend.get("/api/providers").raise_for_status().json()["providers"]
    known: dict[str, dict[str, Any]] = {one["id"]: one for one in answer}
    wrong, done, others = [], [], []
    for name in providers(context.site):
        about = known.get(name, {"problem": "the backend does not know it"})
        if not about.get("reachable"):
            wrong.append(f"{name}: {about['problem']}")
        elif about["card"]["modalities"] and "CT" not in about["card"]["modalities"]:
            others.append(name)
        else:
            try:
                problem = _analyse(context, name, about["card"]["statement"])
            except _Busy:
                return skipped(expected, f"{name} is at work on other studies, and did not come to the test image")
            wrong += [f"{name}: {problem}"] if problem else []
            done += [] if problem else [name]
    read = f"; answering, and for other images: {', '.join(others)}" if others else ""
    return verdict(not wrong, expected, "; ".join(wrong) or f"so by {', '.join(done)}{read}", _HINT)


def _analyse(context: Context, provider: str, statement: str) -> str | None:
    """What is wrong with its analysis of the test study; None where nothing is."""
    path = f"/api/studies/{context.sample.instance.study_instance_uid}/analyses"
    asked = context.backend.post(path, json={"provider": provider})
    if asked.status_code != httpx.codes.ACCEPTED:
        return f"the wish for it is answered with {asked.status_code}"
    seen: dict[str, Any] = {"jobs": [], "items": []}

    def ended() -> bool:
        seen.update(context.backend.get(path).raise_for_status().json())
        return _job(seen, asked.json()["id"])["state"] in _ENDED

    wait_for(ended, _SECONDS)
    job = _job(seen, asked.json()["id"])
    if job["state"] == "queued" and job["attempts"] == 0:
        raise _Busy
    if job["state"] != "done":
        return f"{job['state']} after {job['attempts']} tries: {job['last_error'] or 'no reason is told'}"
    result = next((one for one in seen["items"] if one["id"] == job["result"]), None)
    if result is None:
        return "it is done, and there is no result"
    if result["statement"] != statement or (provider in SHIPPED and _DISCLAIMER not in statement):
        return "its result does not say what it is and what it is not"
    report = result["sr_sop_instance_uid"]
    if context.site.analysis.store_sr and not (report and context.lookup(report)):
        return "its structured report is not in Orthanc"
    return None


def _job(seen: dict[str, Any], identifier: str) -> dict[str, Any]:
    missing = {"state": "gone", "attempts": 0, "last_error": None}
    return next((one for one in seen["jobs"] if one["id"] == identifier), missing)


def removed(context: Context) -> Verdict:
    """Wait until the backend has no job of the test study any more."""
    expected = "no job of the test study, once its record is gone"
    if (absent := no_analysis(context, expected)) is not None:
        return absent
    study = context.sample.instance.study_instance_uid

    def gone() -> bool:
        jobs = context.backend.get("/api/analyses").raise_for_status().json()["items"]
        return all(one["study_instance_uid"] != study for one in jobs)

    away = wait_for(gone)
    return verdict(away, expected, "gone" if away else "it is still there", "orthancgen logs of the backend")


def closed(context: Context) -> Verdict:
    """Ask the service itself, without a token and with a wrong one."""
    expected = "HTTP 401 without a token and with a wrong one"
    if (absent := no_analysis(context, expected)) is not None:
        return absent
    url = context.access.analysis_url
    if url is None:
        return skipped(expected, "the analysis is reached by the backend alone, and not from this host")
    wrong_token = {"Authorization": f"Bearer {random_source.token_urlsafe(_TOKEN_BYTES)}"}
    paths = [
        (method, f"/{name}/v1/{path}")
        for name in providers(context.site)
        for method, path in (("GET", "provider"), ("POST", "analyses"), ("POST", "reports/sr"))
    ]
    wrong = []
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        for method, path in paths:
            for words, headers in (("without a token", {}), ("with a wrong one", wrong_token)):
                answer = client.request(method, path, headers=headers, json={} if method == "POST" else None)
                if answer.status_code != httpx.codes.UNAUTHORIZED:
                    wrong.append(f"{method} {path} {words}: HTTP {answer.status_code}")
    return verdict(not wrong, expected, "; ".join(wrong) or f"so for {len(paths)} routes")


MADE: Final = Check("analysis-made", "The test study is analysed, by each provider that reads it", "positive", made)
REMOVED: Final = Check("analysis-removed", "What was asked about the test study goes with it", "positive", removed)
CLOSED: Final = Check(
    "analysis-needs-token", "The service of analysis refuses a missing or wrong token", "negative", closed
)
