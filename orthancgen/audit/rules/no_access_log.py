"""Nobody can tell afterwards who looked at what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.audit.looking_http import Reach, Way, ways
from orthancgen.audit.looking_scripts import missing_scripts, scripts_of
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.looking_web_proxies import Passage, passages
from orthancgen.audit.references import hipaa, ihe_atna, nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import Directive

_FILTER: Final = "IncomingHttpRequestFilter"


def find(subject: Subject) -> Iterator[Hit]:
    """Every proxy that keeps no log of what it passes on, and every Orthanc that others reach without one in front."""
    for orthanc in serving_http(subject):
        silent = [one for passage in passages(subject, orthanc) if (one := _turned_off(passage)) is not None]
        for one in dict.fromkeys(silent):
            yield Hit("nginx keeps no log of the requests that it passes on to Orthanc", one.mark)
        found = [way for way in ways(subject, orthanc) if way.reach is Reach.NETWORK]
        proxied = any(way.kind == "proxy" for way in found)
        direct = [way for way in found if way.kind != "proxy"]
        if direct and not proxied and not _is_recorded(subject, orthanc):
            yield _unrecorded(direct[0], orthanc)


def _unrecorded(way: Way, orthanc: Orthanc) -> Hit:
    message = f"{way.words} is reached by other hosts, and Orthanc {orthanc.version} keeps no record of who reads what"
    return Hit(message, way.mark, way.path)


def _turned_off(passage: Passage) -> Directive | None:
    """The directive that turns the log off where requests are passed on; the innermost one holds."""
    for around in reversed(passage.through[:-1]):
        said = [one for one in around.block if one.name == "access_log"]
        if said:
            off = [one for one in said if one.arguments[:1] == ("off",)]
            return off[0] if off else None
    return None


def _is_recorded(subject: Subject, orthanc: Orthanc) -> bool:
    """Whether a script or the authorization plugin writes down who asks."""
    for script in scripts_of(subject, orthanc):
        if _FILTER in script.callbacks and any(call.function == "print" for call in script.calls):
            return True
    section = orthanc.values.get("Authorization")
    audits = isinstance(section, Mapping) and section.get("EnableAuditLogs") is True
    return audits or missing_scripts(subject, orthanc)


RULE: Final = Rule(
    id="no-access-log",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="No record is kept of who reads what",
    why="After a breach nobody can say whose images were read, so that all patients have to be told; and who misuses a "
    "right is never found.",
    remedy="Put a proxy in front that logs address, user, method and path of each request, and keep the log elsewhere.",
    references=(
        hipaa("(b)"),
        ihe_atna("ITI-20"),
        nist_pacs("PR.PT-1"),
        page("nginx: access_log", "https://nginx.org/en/docs/http/ngx_http_log_module.html#access_log"),
    ),
    find=find,
)
