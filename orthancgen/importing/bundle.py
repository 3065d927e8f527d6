"""A bundle that orthancgen rendered: its ``site.json`` is the environment, whole, and nothing has to be made out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orthancgen.errors import InputError
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.part import Imported, ordered
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.render.catalogue import MANIFEST
from orthancgen.render.site_json import SITE_FILE
from orthancgen.site.load import display_name
from orthancgen.site.model import Site


def read_bundle(folder: Path, version: Version | None) -> Imported | None:
    """The environment of a bundle; None where the folder is none.

    Args:
        folder: what may be a bundle.
        version: of Orthanc, where the environment says `auto`.

    Raises:
        InputError: it is a bundle, and its model is damaged or of another version of orthancgen.
    """
    file = folder / SITE_FILE
    try:
        if not ((folder / MANIFEST).is_file() and file.is_file()):
            return None
        site = Site.model_validate_json(file.read_bytes())
    except (OSError, ValueError) as error:
        why = (
            f"{len(error.errors())} of its values are not"
            if isinstance(error, ValidationError)
            else "it cannot be read"
        )
        hint = f"import {display_name(folder / 'orthanc')} instead, which says what Orthanc itself was told"
        raise InputError(f"{display_name(file)} is no model that this orthancgen takes: {why}", hint=hint) from None
    whole: dict[str, Any] = json.loads(file.read_bytes())
    note = Note((), Outcome.CARRIED, f"{SITE_FILE} of a bundle is the environment itself", to=("environment",))
    said = _said(whole, site.model_dump(mode="json", exclude_defaults=True))
    known = site.orthanc.version != "auto"
    return Imported(
        ordered(said), {}, (note,), version=Version.parse(site.orthanc.version) if known else version or SUPPORTED[-1]
    )


def _said(whole: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What the model does not take by itself, and what people look for in an environment."""
    made = dict(said)
    made["orthanc"] = {**made["orthanc"], "version": whole["orthanc"]["version"]}
    made["runtime"] = whole["runtime"]
    return made
