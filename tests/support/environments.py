"""Environment files written inline, and what loading them says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from orthancgen.orthanc.keys import Version
from orthancgen.site.load import Loaded, load
from orthancgen.site.model import Site

MINIMAL = """\
environment: dev
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
dicom: {ae_checks: {calling_aet: anyone, anyone_may: [echo, store]}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""
"""The shortest environment without errors and warnings."""

PRODUCTION = """\
environment: prod
kind: production
orthanc: {aet: ORTHANC, version: 1.13.0}
dicom: {port: 2762, tls: {enabled: true}}
modalities: {ct1: {aet: CT1, address: 192.0.2.10, tls: true}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""
"""The shortest production environment without errors and warnings."""


def load_text(text: str | bytes, folder: Path, name: str = "dev.yaml") -> Loaded:
    """Load an environment that is written into `folder`."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return load(path)


def said(loaded: Loaded) -> list[tuple[str, str]]:
    """Key path and message of each problem."""
    return [(problem.key_path, problem.message) for problem in loaded.problems]


def holder_of(document: Any, sections: Iterable[str]) -> Any:
    """What stands at a key path; sections that are missing are made, and an item of a list is named by its number."""
    holder = document
    for section in sections:
        holder = holder[int(section)] if isinstance(holder, list) else holder.setdefault(section, {})
    return holder


def document(text: str, changes: dict[str, Any]) -> str:
    """The YAML `text` with values at key paths (``orthanc.storage.path``; None takes the key out) replaced."""
    data = yaml.safe_load(text)
    data["orthanc"]["version"] = str(data["orthanc"]["version"])
    for path, value in changes.items():
        *sections, last = path.split("/")
        holder = holder_of(data, sections)
        if value is None:
            holder.pop(last, None)
        elif isinstance(holder, list):
            holder[int(last)] = value
        else:
            holder[last] = value
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False)


def site_of(text: str, changes: dict[str, Any] | None = None) -> Site:
    """The site of an environment, types checked only: for tests of what must hold between values."""
    return Site.model_validate(yaml.safe_load(document(text, changes or {})))


NEWEST = Version.parse("1.13.0")
