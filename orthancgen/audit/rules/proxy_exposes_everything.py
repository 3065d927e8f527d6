"""A proxy that passes on what nobody outside needs, and what takes over the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, ways
from orthancgen.audit.looking_logins import authorization_plugin
from orthancgen.audit.looking_nginx import is_limited, location_of, refuses
from orthancgen.audit.looking_scripts import missing_scripts, scripts_of
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.looking_web_proxies import Passage, passages
from orthancgen.audit.references import cve, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject

_FILTER: Final = "IncomingHttpRequestFilter"


def find(subject: Subject) -> Iterator[Hit]:
    """Every server of nginx that other hosts reach and that passes on such a path of Orthanc's."""
    for orthanc in serving_http(subject):
        dangers = list(_dangers(subject, orthanc))
        far = {way.mark for way in ways(subject, orthanc) if way.kind == "proxy" and way.reach is Reach.NETWORK}
        seen = set()
        for passage in passages(subject, orthanc):
            mark = passage.server.mark
            if mark in seen or not any(listen.directive.mark in far for listen in passage.listens):
                continue
            seen.add(mark)
            for path, severity, what in dangers:
                if _passes_on(passage, path):
                    yield Hit(f"nginx passes on {path}, by which {what}", passage.through[-1].mark, severity=severity)


def _dangers(subject: Subject, orthanc: Orthanc) -> Iterator[tuple[str, Severity | None, str]]:
    """Paths, how bad it is that they are reached, and what for."""
    if orthanc.flag("ExecuteLuaEnabled"):
        yield "/tools/execute-script", Severity.HIGH, "a user runs any program on the server"
    if orthanc.flag("RestApiWriteToFileSystemEnabled") or not orthanc.knows("RestApiWriteToFileSystemEnabled"):
        yield "/instances/0/export", Severity.HIGH, "a user overwrites files of the server"
    if not orthanc.authentication:
        return  # where nobody is asked who he is, that is the fault
    filtered = authorization_plugin(orthanc) or missing_scripts(subject, orthanc) or orthanc.get("PythonScript")
    if not filtered and not any(_FILTER in script.callbacks for script in scripts_of(subject, orthanc)):
        yield "/tools/shutdown", None, "each user may stop Orthanc"


def _passes_on(passage: Passage, path: str) -> bool:
    around = passage.through[: passage.through.index(passage.server) + 1]
    if is_limited(around):
        return False
    location = location_of(passage.server, path)
    if location is passage.server or refuses(location):
        return False
    return any(one.name in {"proxy_pass", "grpc_pass"} for one in location.block)


RULE: Final = Rule(
    id="proxy-exposes-everything",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="A proxy passes on Orthanc's paths for administrators",
    why="Orthanc's REST API stops the server, changes modalities and peers, runs Lua and writes files where that is "
    "on; one stolen password of a reader is enough.",
    remedy="Pass on what users need alone (`/dicom-web/`, `/ui/`), or refuse the rest: "
    "`location /tools/ { return 403; }`.",
    references=(orthanc_book("faq/security"), cve("CVE-2023-33466"), nist_pacs("PR.PT-3")),
    find=find,
)
