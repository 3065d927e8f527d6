"""The section ``orthanc:`` its name, storage, limits, plugins and switches."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.fits import bounds, why_not
from orthancgen.importing.names import plain_text
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS
from orthancgen.importing.surroundings import Surroundings
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import AETitle

SAME: Final[tuple[tuple[str, KeyPath], ...]] = (
    ("StorageCompression", ("orthanc", "storage", "compress")),
    ("MaximumStorageSize", ("orthanc", "storage", "limit_megabytes")),
    ("MaximumPatientCount", ("orthanc", "storage", "limit_patients")),
    ("StoreMD5ForAttachments", ("orthanc", "storage", "keep_checksums")),
    ("LimitFindResults", ("orthanc", "limits", "find_results")),
    ("LimitFindInstances", ("orthanc", "limits", "find_instances")),
    ("MaximumRequestBodySizeMB", ("orthanc", "limits", "request_megabytes")),
    ("MaximumFileSizeInArchiveMB", ("orthanc", "limits", "archive_file_megabytes")),
    ("HttpThreadsCount", ("orthanc", "limits", "http_threads")),
    ("ConcurrentJobs", ("orthanc", "limits", "jobs")),
    ("DicomScpTimeout", ("orthanc", "limits", "association_seconds")),
    ("DicomThreadsCount", ("dicom", "threads")),
    ("DeflatedTransferSyntaxAccepted", ("dicom", "accept_deflated")),
    ("OrthancExplorerEnabled", ("orthanc", "web_page")),
    ("WebDavEnabled", ("orthanc", "web_dav")),
)
"""Keys whose value stands in the model as it is."""
_LIMITS: Final = ("MaximumStorageSize", "MaximumPatientCount")
_MODE_SINCE: Final = Version(1, 11, 3)
"""From here on `when_full: reject` is taken (orthancgen.site.checks.full_storage_can_be_refused)."""
_DICOM_WEB: Final = re.compile(r"(?:lib)?OrthancDicomWeb[^/\\]*", re.ASCII)


def import_server(draft: Draft, around: Surroundings) -> None:
    """Write the section, without its settings."""
    _identity(draft, around)
    _storage(draft, around)
    for key, to in SAME:
        if key in draft.original.known:
            _same(draft, key, to)
    _plugins(draft)


def _identity(draft: Draft, around: Surroundings) -> None:
    original = draft.original
    name = original.get("Name")
    kept = plain_text(name) if isinstance(name, str) else None
    if kept is None or kept != name:
        message = "the model takes one line of 1 to 200 visible characters"
        draft.note("Name", Outcome.CHANGED, message, to=("orthanc", "name"))
        draft.put(("orthanc", "name"), kept or "Orthanc")
    else:
        draft.carry("Name", ("orthanc", "name"), name, always=True)
    _version(draft, around)
    aet = original.get("DicomAet")
    refused = why_not(AETitle, aet)
    if refused is None and isinstance(aet, str):
        draft.carry("DicomAet", ("orthanc", "aet"), aet.strip(" "), always=True)
        if aet != aet.strip(" "):
            message = "the spaces around it are left out: callers leave them out too"
            outcome = Outcome.LOST if original.flag("DicomCheckCalledAet") else Outcome.CHANGED
            draft.note("DicomAet", outcome, message, to=("orthanc", "aet"))
        return
    fitting = "".join(c for c in str(aet) if " " <= c <= "~" and c != "\\").strip(" ")[:16].strip(" ") or "ORTHANC"
    draft.put(("orthanc", "aet"), fitting)
    draft.note("DicomAet", Outcome.LOST, f"{refused}: {fitting} is written", to=("orthanc", "aet"))


def _version(draft: Draft, around: Surroundings) -> None:
    part = draft.original.part
    if part.version < SUPPORTED[0]:
        draft.put(("orthanc", "version"), str(SUPPORTED[0]))
        message = f"Orthanc {part.version} is older than {SUPPORTED[0]}, the oldest one that orthancgen knows"
        hint = "bring it up to date first: `orthancgen upgrade` says what that changes"
        draft.note((), Outcome.LOST, message, to=("orthanc", "version"), hint=hint)
    elif part.version_known:
        draft.put(("orthanc", "version"), str(part.version))
    elif around.runtime == "compose":
        draft.put(("orthanc", "version"), str(part.version))
        message = f"no version is named: read as one of Orthanc {part.version}"
        draft.note((), Outcome.SPELLED_OUT, message, to=("orthanc", "version"), hint="say it by --orthanc VERSION")
    else:
        draft.put(("orthanc", "version"), "auto")


def _same(draft: Draft, key: str, to: KeyPath) -> None:
    value = draft.original.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        draft.carry(key, to, value)
        return
    least, most = bounds(to)
    if least <= value <= most:
        draft.carry(key, to, value)
        return
    nearest = most if value > most else draft.original.without(key)
    fitting = min(max(nearest if isinstance(nearest, int) else least, least), most)
    draft.put(to, fitting)
    draft.note(key, Outcome.LOST, f"the model takes {least} to {most} for it: {fitting} is written", to=to)


def _storage(draft: Draft, around: Surroundings) -> None:
    original = draft.original
    ours = OURS in original
    images = original.get("StorageDirectory")
    _folder(draft, around, "StorageDirectory", ("orthanc", "storage", "path"), ours=ours)
    if "IndexDirectory" in original and original.get("IndexDirectory") != images:
        _folder(draft, around, "IndexDirectory", ("orthanc", "storage", "index_path"), ours=ours)
    elif "IndexDirectory" in original:
        draft.note("IndexDirectory", Outcome.AS_DEFAULT, "the index lies where the images are", to=None)
    _when_full(draft)
    _overwriting(draft)


def _folder(draft: Draft, around: Surroundings, key: str, to: KeyPath, *, ours: bool) -> None:
    original = draft.original
    value, default = original.get(key), original.without(key)
    if ours and (around.runtime == "compose" or not str(value).startswith("/")):
        draft.note(key, Outcome.AS_DEFAULT, "the state folder of the environment")
        return
    path = str(value)
    host = around.on_host(path)
    volume = around.volume_of(path) if around.service is not None else None
    if around.service is None and path == default and not path.startswith("/"):
        message = f"it means {host or path}, beside the configuration; orthancgen keeps it in its state folder"
        hint = f"to go on with what is there: {to[-1]}: {host}" if host else None
        outcome = Outcome.CHANGED if key in original else Outcome.SPELLED_OUT
        draft.note(key, outcome, message, hint=hint)
        return
    if host is not None and volume is None:
        draft.put(to, host)
        message = "" if host == path else f"on the host it is {host}"
        draft.note(key, Outcome.CARRIED if host == path else Outcome.EXPRESSED, message, to=to)
        return
    if volume is not None:
        message = f"what is there lies in the engine's volume {volume or 'without a name'}"
    elif around.service is not None:
        message = f"what is there lies in the container itself, at {path}"
    else:
        message = f"{path} is no folder that can be named here"
    hint = f"copy it to a folder of the host, and name that as orthanc.storage.{to[-1]}"
    draft.note(key, Outcome.LOST, f"{message}; orthancgen begins an empty one", hint=hint)


def _when_full(draft: Draft) -> None:
    to: KeyPath = ("orthanc", "storage", "when_full")
    original = draft.original
    if "MaximumStorageMode" in original.known and original.version >= _MODE_SINCE:
        draft.carry("MaximumStorageMode", to, str(original.get("MaximumStorageMode")).lower())
    elif any(original.get(key) for key in _LIMITS):
        draft.put(to, "recycle")
        message = f"at the limit, Orthanc {original.version} always deletes the oldest patients"
        draft.note("MaximumStorageMode", Outcome.SPELLED_OUT, message, to=to)


def _overwriting(draft: Draft) -> None:
    to: KeyPath = ("orthanc", "storage", "same_instance_again")
    value = draft.original.get("OverwriteInstances")
    if value == "IfChanged":
        draft.put(to, "replace")
        message = "an instance that arrives again is written again, also where it is the same"
        draft.note("OverwriteInstances", Outcome.EXPRESSED, message, to=to)
    else:
        draft.carry("OverwriteInstances", to, "replace" if value in (True, "Always") else "keep_first")


def _plugins(draft: Draft) -> None:
    """`plugins:` which of the libraries orthancgen loads; what else is loaded is lost."""
    original = draft.original
    listed = original.get("Plugins")
    written = "Plugins" in original
    wanted, others, folders = False, [], []
    for path in listed if isinstance(listed, list) else []:
        name = posixpath.basename(str(path).replace("\\", "/").rstrip("/"))
        if _DICOM_WEB.fullmatch(name):
            wanted = True
        elif ".so" in name or name.lower().endswith((".dll", ".dylib")):
            others.append(name)
        else:
            folders.append(str(path))
    section: Any = original.get("DicomWeb")
    if isinstance(section, dict) and section.get("Enable", True) is not False and (folders or _by_image(draft)):
        wanted = True
    if wanted:
        draft.put(("orthanc", "plugins"), ["dicomweb"])
        outcome = Outcome.CARRIED if written else Outcome.SPELLED_OUT
        draft.note("Plugins", outcome, "DICOMweb", to=("orthanc", "plugins"))
    for name in others:
        message = f"the plugin {name}: orthancgen loads the one of DICOMweb alone"
        draft.note("Plugins", Outcome.LOST, message)
    for folder in folders if written or original.part.publisher == "jodogne" else []:
        found = "DICOMweb, which has a section here" if wanted else "none of them"
        outcome = Outcome.LOST if written else Outcome.CHANGED
        draft.note("Plugins", outcome, f"every plugin in the folder {folder} is loaded; orthancgen loads {found}")
    if written and not listed:
        draft.note("Plugins", Outcome.AS_DEFAULT)


def _by_image(draft: Draft) -> bool:
    """Whether plugins are loaded without being listed: the images of Orthanc do so."""
    return draft.original.part.publisher in ("orthancteam", "jodogne")
