"""The way of a poke, from Orthanc's Lua script to the backend."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe import backend, configuration, services
from orthancgen.doctor.observe.answers import object_of
from orthancgen.doctor.observe.configuration import Altered
from orthancgen.runtimes.native.account import SECRET_FILE

ROUTE: Final = "/api/orthanc/webhook"
_SECONDS: Final = 6.0
_PATIENCE: Final = timedelta(seconds=20)
_LONGEST_REST: Final = timedelta(seconds=130)
"""After failures the script rests up to two minutes: images that arrive meanwhile poke nobody."""
_CHANGES: Final = 100
_CALLBACK: Final = re.compile(r"^[ \t]*function[ \t]+OnStoredInstance\b", re.MULTILINE)

Fault = Literal["disabled", "no token", "no callback", "refused", "not acknowledged", "no answer", "silent"]


@dataclass(frozen=True, slots=True)
class Broken:
    """Why no poke arrives: the fault, what was seen, and where."""

    fault: Fault
    seen: str
    where: str


def broken(case: Case) -> Broken | None:
    """What is wrong with the way of a poke; None where a poke as Orthanc's own arrives."""
    return case.once("webhook", lambda: _broken(case))


def applies(case: Case) -> bool:
    """Whether Orthanc is to poke the backend of this environment."""
    site = case.site
    return site.webhook.enabled and site.backend.enabled and site.webhook.url is None


def claims(case: Case, one: Altered) -> bool:
    """Whether a file that was changed by hand is why no poke arrives: it is told as that."""
    if not applies(case) or one.how != "changed":
        return False
    found = broken(case)
    files = {
        "disabled": configuration.ORTHANC_FILE, "no token": SECRET_FILE, "refused": SECRET_FILE,
        "no callback": configuration.LUA_FILE, "no answer": configuration.ORTHANC_FILE,
        "not acknowledged": configuration.ORTHANC_FILE, "silent": "",
    }  # fmt: skip
    return found is not None and files[found.fault] == one.path


def _broken(case: Case) -> Broken | None:
    if case.site.runtime == "native":
        url, token, fault = _settings_on_disk(case)
        if fault is not None:
            return fault
    else:
        url, token = f"{case.access.backend_url}{ROUTE}" if case.access else None, _stored_token(case)
    if url is None or token is None or backend.alive(case).status is None:
        return None
    return _try(case, url, token) or _silent(case)


def _settings_on_disk(case: Case) -> tuple[str | None, str | None, Broken | None]:
    """URL and token as Orthanc reads them at its start."""
    folder = case.runtime.state.config
    settings = _document(case, configuration.ORTHANC_FILE).get(configuration_section())
    section = settings.get("Webhook") if isinstance(settings, dict) else None
    secrets = _document(case, SECRET_FILE).get("OrthancGenSecrets")
    token = secrets.get("WebhookToken") if isinstance(secrets, dict) else None
    script = configuration.on_disk(case, configuration.LUA_FILE)
    if not isinstance(section, dict) or not isinstance(section.get("Url"), str):
        seen = "OrthancGen.Webhook is not there: Orthanc's script pokes nobody"
        return None, None, Broken("disabled", seen, str(folder / configuration.ORTHANC_FILE))
    if not isinstance(token, str):
        seen = "OrthancGenSecrets.WebhookToken is not there: Orthanc's script pokes nobody"
        return None, None, Broken("no token", seen, str(folder / SECRET_FILE))
    if script is not None and not _CALLBACK.search(script.decode("utf-8", "replace")):
        seen = "the script does not define OnStoredInstance: nothing is called when an image arrives"
        return None, None, Broken("no callback", seen, str(folder / configuration.LUA_FILE))
    return str(section["Url"]), token, None


def configuration_section() -> str:
    """The section of orthanc.json that the script reads."""
    from orthancgen.render.orthanc_json import CUSTOM_SECTION

    return CUSTOM_SECTION


def _document(case: Case, path: str) -> dict[str, Any]:
    try:
        document = json.loads(configuration.on_disk(case, path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _stored_token(case: Case) -> str | None:
    value = case.access.secrets.get(case.site.webhook.token.secret) if case.access else None
    return value.reveal() if value else None


def _try(case: Case, url: str, token: str) -> Broken | None:
    """Call as Orthanc's script does, with a body that is no poke: none is counted, and the token is judged first."""
    where = f"POST {ROUTE} of the backend, with Orthanc's token"
    try:
        with httpx.Client(
            timeout=_SECONDS, trust_env=False, verify=case.access.http_verify if case.access else True
        ) as client:
            answer = client.post(url, json={}, headers={"Authorization": f"Bearer {token}"})
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Broken("no answer", f"no answer: {type(error).__name__}", where)
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return Broken("refused", f"HTTP {answer.status_code}: the backend knows another token than Orthanc", where)
    if answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.ACCEPTED}:
        return None
    return Broken("not acknowledged", f"HTTP {answer.status_code}: it is not the webhook that answers there", where)


def _silent(case: Case) -> Broken | None:
    """Images arrived since the backend started, some time ago, and not one poke: the running script pokes nobody."""
    counted = backend.metrics(case)
    started = counted.get("process_start_time_seconds")
    pokes = counted.get("orthancgen_backend_webhook_pokes_total")
    if started is None or pokes is None or pokes > 0:
        return None
    refused = backend.answered(case, ROUTE, 401)
    latest = last_stored(case)
    now = datetime.now(UTC)
    begun = datetime.fromtimestamp(started, UTC)
    orthanc = services.status(case, "orthanc")
    since = max(begun, now - timedelta(seconds=orthanc.uptime_seconds)) if orthanc else begun
    if (
        latest is None
        or latest < since + (timedelta(seconds=3) if refused else _LONGEST_REST)
        or now - latest < _PATIENCE
    ):
        return None
    seen = (
        f"an image arrived at {latest:%Y-%m-%d %H:%M:%S} UTC, "
        f"and the backend, which runs since {begun:%H:%M:%S}, was not poked once"
    )
    return Broken("silent", seen + (f"; it refused {refused} pokes" if refused else ""), "GET /metrics of the backend")


def last_stored(case: Case) -> datetime | None:
    """When the last image arrived, of the last changes of Orthanc."""
    last = _changes(case, "/changes?last")
    if not last:
        return None
    for change in reversed(
        _changes(case, f"/changes?since={max(0, int(last[-1]['Seq']) - _CHANGES)}&limit={_CHANGES}")
    ):
        if change.get("ChangeType") == "NewInstance":
            try:
                return datetime.strptime(str(change["Date"]), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            except (KeyError, ValueError):
                return None
    return None


def waits(case: Case, cursor: int | None) -> float | None:
    """For how many seconds the first change behind the backend's cursor waits; None where there is none."""
    if cursor is None:
        return None
    waiting = _changes(case, f"/changes?since={cursor}&limit=1")
    try:
        made = datetime.strptime(str(waiting[0]["Date"]), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except (IndexError, KeyError, ValueError):
        return None
    return max(0.0, (datetime.now(UTC) - made).total_seconds())


def _changes(case: Case, path: str) -> list[dict[str, Any]]:
    document = object_of(case.orthanc(path))
    changes = document.get("Changes") if isinstance(document, dict) else None
    return [one for one in changes if isinstance(one, dict)] if isinstance(changes, list) else []
