"""``orthanc.settings:`` every other key that Orthanc knows, without secrets; and the keys that it does not know."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.names import has_variable
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS, at
from orthancgen.importing.setting_paths import absolute
from orthancgen.importing.setting_secrets import without_secrets
from orthancgen.importing.surroundings import Surroundings
from orthancgen.importing.unknown import outcome_of
from orthancgen.orthanc.keys import Version, check_settings, plugin_sections
from orthancgen.render.orthanc_json import SECRET_KEYS
from orthancgen.render.tls import TLS_1_2_CIPHERS
from orthancgen.site.problems import KeyPath
from orthancgen.site.settings import OWNED
from orthancgen.site.tree import MAXIMUM_DEPTH

_DEEPEST: Final = MAXIMUM_DEPTH - 4
_LARGEST: Final = 10**18
_WE_WRITE: Final[Mapping[str, object]] = {
    "DicomTlsMinimumProtocolVersion": 4,
    "DicomTlsCiphersAccepted": list(TLS_1_2_CIPHERS),
}
"""What orthancgen writes itself for a key that settings may replace."""
_TIMES: Final = 8
_MOST_UNKNOWN: Final = 500
"""Unknown keys of the top level that are compared with those that there are."""
_MOST_VALUES: Final = 20_000
"""Values inside of one setting; a site has thousands of peers at most."""


def import_settings(draft: Draft, around: Surroundings, target: Version) -> None:
    """Write the settings.

    Args:
        draft: what is written into.
        around: where Orthanc runs.
        target: the version that the environment will name, against which its settings are checked.
    """
    original, unknown = draft.original, 0
    names = [*original.values, *(key for key in original.part.image_defaults if key not in original.values)]
    for name in names:
        if name in OWNED or name in SECRET_KEYS:
            if name in original.values and name not in original.known and name not in (OURS, *SECRET_KEYS):
                _unknown(draft, name, closely=True)
            continue
        if name in original.known or name in plugin_sections():
            _setting(draft, around, name, target)
        elif name in original:
            unknown += 1
            _unknown(draft, name, closely=unknown <= _MOST_UNKNOWN)


def _unknown(draft: Draft, name: str, *, closely: bool) -> None:
    """Say what a key is that Orthanc does not read; ``closely``, also which one it is like."""
    value = draft.original.values[name]
    checked = check_settings({name: value}, draft.original.version) if closely else ()
    problems = [problem for problem in checked if problem.path == (name,)]
    message, hint = (problems[0].message, problems[0].hint) if problems else ("Orthanc does not read it", None)
    outcome = outcome_of(name, value, message, hint, top=True)
    if outcome is Outcome.THIRD_PARTY:
        message, hint = "no plugin that is known reads this section", "orthancgen cannot give it to Orthanc"
    draft.note(name, outcome, message, hint=hint)


def _setting(draft: Draft, around: Surroundings, name: str, target: Version) -> None:
    original = draft.original
    if too_large(original.get(name)):
        draft.note(name, Outcome.LOST, f"it has more than {_MOST_VALUES} values")
        return
    value = copy.deepcopy(original.get(name))
    if name in plugin_sections() and name not in original:
        _plugin(draft, name, value)
        return
    if name in original.known and _same_without(draft, name, value):
        if name in original:
            draft.note(name, Outcome.AS_DEFAULT)
        return
    value = absolute(draft, around, name, value)
    if value is None:
        return
    value = without_secrets(draft, name, value)
    value = _writable(draft, name, value)
    value = _checked(draft, name, value, target)
    if value is _GONE:
        return
    if value == (original.known[name].default if name in original.known else {}):
        draft.note(name, Outcome.AS_DEFAULT)
        return
    draft.put(("orthanc", "settings", name), value)
    to: KeyPath = ("orthanc", "settings", name)
    draft.note(name, Outcome.SETTING if name in original else Outcome.SPELLED_OUT, to=to)
    if name in plugin_sections():
        _plugin(draft, name, value)


def _same_without(draft: Draft, name: str, value: object) -> bool:
    """Whether a setting says what holds without it, in the environment."""
    original = draft.original
    if name in _WE_WRITE:
        written = original.flag("DicomTlsEnabled")
        return value == _WE_WRITE[name] if written else value == original.known[name].default
    if name == "HttpTimeout" and OURS in original:
        webhook = at(original.values, (OURS, "Webhook", "TimeoutSeconds"))
        if webhook is not None and value == webhook:
            return True
    return bool(value == original.known[name].default) and type(value) is type(original.known[name].default)


def too_large(value: object) -> bool:
    """Whether a setting has more values inside of it than any site needs."""
    return _count(value) > _MOST_VALUES


def _count(value: object) -> int:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inner))


# --- what cannot stand in an environment


class _Gone:
    """Nothing is left of a value."""


_GONE: Final = _Gone()


def _writable(draft: Draft, name: str, value: Any) -> Any:
    """The value without what YAML, or the environment's reader, cannot carry."""
    for path, why in list(unwritable(value, (name,))):
        draft.note(path, Outcome.LOST, why)
        value = _without(value, path[1:])
    return value


def unwritable(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Each part of a value that YAML, or the environment's reader, cannot carry: its path, and why.

    Of a list the last ones come first, so that taking out one does not move the others.
    """
    if len(path) > _DEEPEST:
        yield path, f"it lies deeper than the {MAXIMUM_DEPTH} levels of an environment"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not key.isprintable() and _has_surrogate(key):
                yield (*path, key), "its name has half of a surrogate pair, which is no character"
            else:
                yield from unwritable(item, (*path, key))
    elif isinstance(value, list):
        for index in reversed(range(len(value))):
            yield from unwritable(value[index], (*path, index))
    elif isinstance(value, str):
        if _has_surrogate(value):
            yield path, "it has half of a surrogate pair, which is no character"
        elif has_variable(value):
            yield path, "it is an environment variable which is not known here"
    elif value is None:
        yield path, "it is null, which says nothing"
    elif isinstance(value, int | float) and not _plain_number(value):
        yield path, "it is a number that not every reader takes for the same"


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _plain_number(value: float) -> bool:
    if isinstance(value, float):
        return value == value and abs(value) < 1e15 and "e" not in repr(value)
    return abs(value) < _LARGEST


def _checked(draft: Draft, name: str, value: Any, target: Version) -> Any:
    """The value without what the version that will run does not know or cannot read."""
    for _ in range(_TIMES):
        if value is _GONE:
            return _GONE
        problems = check_settings({name: value}, target)
        if not problems:
            return value
        for path in sorted({problem.path for problem in problems}, key=_last_first, reverse=True):
            problem = next(one for one in problems if one.path == path)
            draft.note(path, _kind(path, value, problem.message, problem.hint), problem.message, hint=problem.hint)
            value = _without(value, path[1:])
    draft.note(name, Outcome.LOST, "too much of it is wrong")
    return _GONE


def _last_first(path: KeyPath) -> tuple[int, tuple[tuple[int, str], ...]]:
    return len(path), tuple((part, "") if isinstance(part, int) else (0, part) for part in path)


def _kind(path: KeyPath, value: Any, message: str, hint: str | None) -> Outcome:
    if " is no key of " in message or " is not in Orthanc " in message or "exists in no version" in message:
        return outcome_of(str(path[-1]), at(value, path[1:]), message, hint, top=len(path) == 1)
    return Outcome.LOST


def _without(value: Any, path: KeyPath) -> Any:
    """The value without what stands at a path of it; nothing where the path is empty or leads to nothing."""
    if not path or value is _GONE:
        return _GONE
    holder = at(value, path[:-1])
    last = path[-1]
    there = last in holder if isinstance(holder, dict) else isinstance(holder, list) and int(last) < len(holder)
    if there:
        del holder[last]
    return value


def _plugin(draft: Draft, name: str, value: object) -> None:
    """Say that a section serves a plugin which orthancgen does not load."""
    if name == "DicomWeb":
        if draft.environment.get("orthanc", {}).get("plugins"):
            return
        draft.note(name, Outcome.WITHOUT_EFFECT, "its plugin is not loaded")
    elif isinstance(value, Mapping) and (value.get("Enable") is False or value.get("Enabled") is False):
        draft.note(name, Outcome.WITHOUT_EFFECT, "it switches its plugin off")
    elif draft.original.part.publisher is None and not draft.original.get("Plugins"):
        draft.note(name, Outcome.WITHOUT_EFFECT, "no plugin is loaded")
    elif name not in draft.original and name in _OF_EVERY_IMAGE:
        draft.note(name, Outcome.CHANGED, "the image always loads its plugin; orthancgen loads that of DICOMweb alone")
    else:
        why = "orthancgen loads the plugin of DICOMweb alone: the one of this section is missing"
        hint = _WITHOUT_PLUGIN.get(name)
        draft.note(name, Outcome.LOST, why, hint=hint)


_OF_EVERY_IMAGE: Final = frozenset({"Gdcm"})
_WITHOUT_PLUGIN: Final[Mapping[str, str]] = dict.fromkeys(
    ("PostgreSQL", "MySQL", "Odbc"), "index and images that are in its database are not seen: bring them over first"
) | dict.fromkeys(
    ("AwsS3Storage", "AzureBlobStorage", "GoogleCloudStorage", "AdvancedStorage"),
    "images that it keeps elsewhere are not seen: bring them over first",
)
