"""``import_part``: one Orthanc's configuration -> an environment as a mapping, with what became of each key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orthancgen.foreign.model import ComposeFile, OrthancPart
from orthancgen.importing.comments import Carried, notes_of, sort_comments
from orthancgen.importing.containers import import_runtime
from orthancgen.importing.dicom import import_dicom
from orthancgen.importing.draft import Draft
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.original import Original
from orthancgen.importing.ours import import_services
from orthancgen.importing.server import import_server
from orthancgen.importing.settings import import_settings
from orthancgen.importing.surroundings import Surroundings
from orthancgen.importing.users import import_users
from orthancgen.importing.web import import_http
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.secrets.value import SecretValue
from orthancgen.site.explain import fields_at
from orthancgen.site.model import Kind, Site
from orthancgen.site.problems import KeyPath


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Attributes:
        environment: as our files are written, in their order; it validates.
        secrets: values by the name that the environment refers to.
        notes: what became of each key, in the order of the files.
        comments: comments that go along.
        left_out: what cannot stand in the environment as it is, by its key path there: written as comments.
        version: the version of Orthanc that the environment is checked against.
    """

    environment: Mapping[str, Any]
    secrets: Mapping[str, SecretValue]
    notes: tuple[Note, ...]
    comments: tuple[Carried, ...] = ()
    left_out: Mapping[KeyPath, Any] = field(default_factory=dict)
    version: Version = SUPPORTED[-1]

    @property
    def complete(self) -> bool:
        """Whether everything was carried over."""
        return not any(note.counts for note in self.notes)


def import_part(
    part: OrthancPart, *, name: str, kind: Kind = "development", compose: ComposeFile | None = None, folder: str = ""
) -> Imported:
    """Make an environment of a configuration.

    Args:
        part: what was read.
        name: the environment's name.
        kind: its kind. What it refuses is told by validating the result.
        compose: the compose file that the part is a service of.
        folder: absolute folder of the configuration or of the compose file, from which relative paths count.
    """
    original = Original(part)
    draft = Draft(original)
    service = compose.services.get(part.service) if compose is not None else None
    around = Surroundings(folder, compose, service)
    target = max(part.version, SUPPORTED[0])
    draft.put(("environment",), name)
    draft.put(("kind",), kind)
    import_server(draft, around)
    import_http(draft, around)
    import_dicom(draft, around)
    import_users(draft)
    _ports_differ(draft)
    import_services(draft)
    import_runtime(draft, around)
    _scripts(draft)
    import_settings(draft, around, target)
    comments = sort_comments(part, draft.notes, draft.secrets)
    notes = (*draft.notes, *notes_of(comments))
    environment = ordered(draft.environment)
    return Imported(environment, draft.secrets, _in_order(notes), comments.carried, draft.left_out, target)


def _ports_differ(draft: Draft) -> None:
    """Two listeners on one port: Orthanc does not start."""
    port = draft.environment["http"]["port"]
    if port == draft.environment["dicom"]["port"]:
        other = 8042 if port != 8042 else 8043
        draft.put(("http", "port"), other)
        message = f"port {port} is that of DICOM too: {other} is written"
        draft.note("HttpPort", Outcome.LOST, message, to=("http", "port"))


def _scripts(draft: Draft) -> None:
    """`LuaScripts`: orthancgen has one script of its own, which decides who may do what."""
    original = draft.original
    listed = original.get("LuaScripts")
    names = [str(one) for one in listed] if isinstance(listed, list) else []
    if names and all(one.rpartition("/")[2] == "orthancgen.lua" for one in names):
        draft.note("LuaScripts", Outcome.AS_DEFAULT, "the script of orthancgen itself")
    elif names:
        message = f"{', '.join(names[:5])}: orthancgen runs a Lua script of its own, and cannot run others"
        hint = "what they do goes to the backend (webhook: {url: ...}), or stays with an Orthanc of its own"
        draft.note("LuaScripts", Outcome.LOST, message, hint=hint)
    elif "LuaScripts" in original:
        draft.note("LuaScripts", Outcome.AS_DEFAULT)


def ordered(value: Mapping[str, Any], path: KeyPath = ()) -> dict[str, Any]:
    """The sections and their keys in the order of the model, which is that of our files; names as they come."""
    fields = fields_at(Site, path)
    keys = [key for key in fields or value if key in value]
    return {
        key: ordered(value[key], (*path, key)) if isinstance(value[key], dict) and fields else value[key]
        for key in keys
    }


def _in_order(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """In the order of the files; what is not written there comes last."""
    unique = dict.fromkeys(notes)
    return tuple(
        sorted(
            unique,
            key=lambda note: (
                note.mark is None,
                (note.mark.file, note.mark.line, note.mark.column) if note.mark else ("", 0, 0),
            ),
        )
    )
