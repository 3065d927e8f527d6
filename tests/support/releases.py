"""Releases to store: bundles and drafts in few words."""

from __future__ import annotations

from dataclasses import replace

from orthancgen.release.model import Draft, Source, Who
from orthancgen.render.artifact import Bundle, File

DRAFT = Draft(
    environment="test",
    who=Who("operator", "host1"),
    source=Source("environments/test.yaml", "0" * 40, dirty=False),
    reason="a reason",
    orthancgen="1.0",
    orthanc="1.12.7",
    runtime="compose",
    digests={"orthanc": "d1", "backend": "d1"},
)


def draft(**changes: object) -> Draft:
    return replace(DRAFT, **changes)  # type: ignore[arg-type]


def bundle(**contents: str) -> Bundle:
    """Files of Orthanc, by name; a double underscore stands for a slash, a single one for the dot before the suffix."""
    return Bundle(
        tuple(
            File(name.replace("__", "/").replace("_", "."), text.encode(), 0o644, ("orthanc",))
            for name, text in contents.items()
        )
    )
