"""What the rendered configuration says otherwise than the original: every key, defaults included, none in silence."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.foreign.model import ComposeFile, OrthancPart
from orthancgen.importing.dicom import rules_of
from orthancgen.importing.modalities import FORMER_MANUFACTURERS, long_form, translate
from orthancgen.importing.original import OURS, Original
from orthancgen.importing.reasons import reason
from orthancgen.importing.setting_secrets import is_secret, long_forms
from orthancgen.importing.surroundings import Surroundings
from orthancgen.orthanc.keys import Version, keys_for, plugin_sections
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import VERIFIER, configuration
from orthancgen.site.masking import mask_logins
from orthancgen.site.problems import HIDDEN, KeyPath

_APART: Final = frozenset({"DicomModalities", "RegisteredUsers", OURS, "OrthancGenSecrets"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that holds another value than before.

    Attributes:
        path: the key in orthanc.json.
        original: what held; None for nothing. No secret: a row of `HIDDEN` stands for one.
        ours: what holds now.
        why: why that is so; "" where nobody knows, which is to be looked at.
    """

    path: KeyPath
    original: object
    ours: object
    why: str


def differences(part: OrthancPart, plan: Plan, compose: ComposeFile | None = None) -> tuple[Difference, ...]:
    """Compare the configuration that is imported with the one that is rendered, key by key.

    Args:
        part: what was read.
        plan: that of the imported environment.
        compose: the compose file that the part is a service of.
    """
    original = Original(part)
    service = compose.services.get(part.service) if compose is not None else None
    around = Surroundings("", compose, service)
    ours = configuration(plan)
    found = [*_settings(original, ours, plan), *_modalities(original, around, ours, plan), *_users(original, plan)]
    return tuple(sorted(found, key=lambda one: tuple(map(str, one.path))))


def _settings(original: Original, ours: Mapping[str, Any], plan: Plan) -> Iterator[Difference]:
    known = keys_for(plan.version)
    names = dict.fromkeys((*original.known, *known, *original.values, *original.part.image_defaults, *ours))
    for name in names:
        if name in _APART or not (name in original.known or name in known or name in plugin_sections()):
            continue
        mine = ours[name] if name in ours else known[name].default if name in known else None
        theirs = original.get(name) if name in original.known else original.values.get(name)
        if name == "IndexDirectory":
            theirs = theirs if "IndexDirectory" in original else original.get("StorageDirectory")
        yield from _compare((name,), _same_form(name, theirs), _same_form(name, mine), plan, original)


def _compare(path: KeyPath, theirs: Any, mine: Any, plan: Plan, original: Original) -> Iterator[Difference]:
    if theirs == mine and type(theirs) is type(mine):
        return
    if isinstance(theirs, Mapping) and isinstance(mine, Mapping):
        for key in dict.fromkeys((*theirs, *mine)):
            yield from _compare((*path, key), theirs.get(key), mine.get(key), plan, original)
        return
    hide = any(isinstance(part, str) and is_secret(part) for part in path)
    shown = [HIDDEN if hide and value not in (None, "") else _masked(value) for value in (theirs, mine)]
    yield Difference(path, shown[0], shown[1], reason(path, theirs, mine, plan, original))


def _masked(value: Any) -> Any:
    """The value with nothing of a secret inside of it."""
    if isinstance(value, str):
        return re.sub(f"{HIDDEN}+", "[hidden]", mask_logins(value))
    if isinstance(value, Mapping):
        return {key: "[hidden]" if is_secret(str(key)) else _masked(one) for key, one in value.items()}
    return [_masked(one) for one in value] if isinstance(value, list) else value


def _same_form(name: str, value: Any) -> Any:
    """One form for what Orthanc takes for the same."""
    if name == "OverwriteInstances":
        return {False: "Never", True: "Always"}.get(value, value) if isinstance(value, bool) else value
    if name in plugin_sections() and value == {}:
        return None
    if name == "HttpBindAddresses" and value is None:
        return []
    if name in ("OrthancPeers", "DicomWeb") and isinstance(value, Mapping):
        return long_forms(name, {key: dict(one) if isinstance(one, Mapping) else one for key, one in value.items()})
    return value


# --- modalities


def _modalities(original: Original, around: Surroundings, ours: Mapping[str, Any], plan: Plan) -> Iterator[Difference]:
    rendered = dict(ours["DicomModalities"])
    rendered.pop(VERIFIER, None)
    entries = translate(original, rules_of(original, around))
    written = original.values.get("DicomModalities")
    by_name = written if isinstance(written, Mapping) else {}
    in_database = original.flag("DicomModalitiesInDatabase")
    for entry in entries:
        path: KeyPath = ("DicomModalities", entry.name)
        theirs = _normal(by_name[entry.name], original.version)
        mine = None if in_database else rendered.pop(entry.to, None)
        if entry.name == VERIFIER and OURS in original:
            continue
        if mine is None:
            why = "they were not read: DicomModalitiesInDatabase is true" if in_database else entry.left_out
            yield Difference(path, _shown(theirs), None, why)
            continue
        if entry.to != entry.name:
            yield Difference(path, entry.name, entry.to, "the model, or Orthanc, refuses the name")
        ours_normal = _normal(mine, plan.version) or {}
        for key in dict.fromkeys((*(theirs or {}), *ours_normal)):
            before, now = (theirs or {}).get(key), ours_normal.get(key)
            if before != now:
                yield Difference((*path, key), before, now, reason((*path, key), before, now, plan, original))
    for name in rendered:
        yield Difference(("DicomModalities", name), None, name, "")


def _shown(entry: Mapping[str, Any] | None) -> object:
    return None if entry is None else {key: entry.get(key) for key in ("AET", "Host", "Port")}


def _normal(entry: object, version: Version) -> dict[str, Any] | None:
    """An entry in its long form with every default of the version, and one key for each thing."""
    values = long_form(entry)
    if values is None:
        return None
    known = keys_for(version, "modality")
    made = {key: values.get(key, one.default) for key, one in known.items()}
    if "AllowStorageCommitment" in values:
        made["AllowNAction"] = made["AllowEventReport"] = values["AllowStorageCommitment"]
    made.pop("AllowStorageCommitment", None)
    made["LocalAet"] = made.get("LocalAet") or ""
    made["RetrieveMethod"] = made.get("RetrieveMethod") or "SystemDefault"
    made["Manufacturer"] = FORMER_MANUFACTURERS.get(str(made["Manufacturer"]), made["Manufacturer"])
    port = made.get("Port")
    made["Port"] = int(port) if isinstance(port, str) and port.isascii() and port.isdigit() else port
    made["Host"] = _host(made.get("Host"))
    return made


def _host(host: object) -> object:
    try:
        return str(ipaddress.ip_address(str(host))) if ":" in str(host) else host
    except ValueError:
        return host


# --- users


def _users(original: Original, plan: Plan) -> Iterator[Difference]:
    written = original.values.get("RegisteredUsers")
    before = set(written) if isinstance(written, Mapping) else set()
    now = {account.user for account in plan.accounts}
    for name in sorted(before - now, key=str):
        why = "the name is one that browsers and the model refuse: it was changed"
        yield Difference(("RegisteredUsers", name), HIDDEN, None, why)
    for name in sorted(now - before):
        if OURS in original:
            continue  # of a bundle: the passwords lie elsewhere
        why = "somebody must be able to log in: orthancgen always asks for it"
        if before:
            why = "a user whose name was changed, or an administrator where there was none"
        yield Difference(("RegisteredUsers", name), None, HIDDEN, why)
