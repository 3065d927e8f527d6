"""What `orthancgen import` reads is what `orthancgen render` writes: the two are each other's inverse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from orthancgen.errors import InputError
from orthancgen.foreign.configuration import read_part
from orthancgen.importing.bundle import read_bundle
from orthancgen.importing.difference import differences
from orthancgen.importing.notes import Outcome
from orthancgen.importing.part import Imported, import_part
from orthancgen.importing.text import yaml_text
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.backend import Analysis
from orthancgen.site.load import load, validate
from orthancgen.site.model import Site
from orthancgen.site.tree import parse

GOLDEN: Final = Path(__file__).parents[2] / "golden"
ALL: Final = [path.stem for path in sorted(GOLDEN.glob("*.yaml"))]
NATIVE: Final = [name for name in ALL if load(GOLDEN / f"{name}.yaml").require().runtime == "native"]

NOT_IN_ORTHANC_JSON: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(
        {"kind", "contact", "description", "network", "verification", "certificates", "backup", "secrets", "images"}
    ),
    "orthanc": frozenset({"version"}),
    "backend": frozenset({"delivery", "database", "listen_on"}),
    "viewer": frozenset({"port"}),
    "analysis": frozenset(Analysis.model_fields) - {"enabled"},
    "modalities": frozenset({"vendor", "description"}),
}
"""What of a site stands in other files of its bundle, or in none."""


def said(site: Site) -> dict[str, Any]:
    """The site as far as its orthanc.json says it."""
    values: dict[str, Any] = site.model_dump(mode="json")
    for section, keys in NOT_IN_ORTHANC_JSON.items():
        holders = values["modalities"].values() if section == "modalities" else [values[section] if section else values]
        for holder in holders:
            for key in keys:
                holder.pop(key)
    return values


def site_of(imported: Imported) -> Site:
    tree, problems = parse(yaml_text(imported, heading="a test"), "test.yaml")
    assert tree is not None
    assert problems == []
    site, _, found = validate(tree)
    assert [problem.message for problem in found if problem.severity == "error"] == []
    assert site is not None
    return site


@pytest.mark.parametrize("name", NATIVE)
def test_the_orthanc_json_of_a_native_bundle_gives_its_site_again(name: str) -> None:
    wanted, version = load(GOLDEN / f"{name}.yaml").require(), Version.parse(name.rpartition("-")[2])
    file = GOLDEN / name / "orthanc" / "orthanc.json"
    part = read_part([file], version=version, publisher=None, name=name)
    imported = import_part(part, name=wanted.environment)
    site = site_of(imported)
    assert said(site) == said(wanted)
    assert configuration(plan(site, version)) == json.loads(file.read_text())
    assert differences(part, plan(site, version)) == ()
    told = [note.to for note in imported.notes if note.counts or note.outcome is Outcome.SPELLED_OUT]
    assert told == ([("analysis",)] if wanted.analysis.enabled else [])


@pytest.mark.parametrize("name", [name for name in ALL if name not in NATIVE])
def test_the_orthanc_json_of_containers_says_what_it_says(name: str) -> None:
    wanted, version = load(GOLDEN / f"{name}.yaml").require(), Version.parse(name.rpartition("-")[2])
    part = read_part([GOLDEN / name / "orthanc" / "orthanc.json"], version=version, publisher=None, name=name)
    site, whole = said(site_of(import_part(part, name=wanted.environment))), said(wanted)
    by_the_gateway = {name for name, modality in whole["modalities"].items() if not modality["tls"]}
    for modality in by_the_gateway:  # Orthanc knows the gateway's address alone
        site["modalities"].pop(modality)
        whole["modalities"].pop(modality)
    for section in ("dicom", "http", "orthanc", "backend", "webhook"):
        for one in (site, whole):
            for key in ("plain", "tls", "listen_on", "storage", "settings"):  # StableAge is as without it
                one[section].pop(key, None)
    for key in ("environment", "orthanc", "dicom", "modalities", "http", "users", "webhook", "backend"):
        assert site[key] == whole[key]


@pytest.mark.parametrize("name", ALL)
def test_a_bundle_gives_its_site_again(name: str) -> None:
    wanted = load(GOLDEN / f"{name}.yaml")
    imported = read_bundle(GOLDEN / name, None)
    assert imported is not None
    assert site_of(imported) == wanted.require()
    assert imported.secrets == {}
    assert imported.complete


def test_what_is_no_bundle(tmp_path: Path) -> None:
    assert read_bundle(tmp_path, None) is None
    assert read_bundle(tmp_path / "gone", None) is None
    (tmp_path / "MANIFEST.json").write_text("{}")
    (tmp_path / "site.json").write_text('{"environment": 1}')
    with pytest.raises(InputError, match=r"site\.json is no model that this orthancgen takes"):
        read_bundle(tmp_path, None)
    (tmp_path / "site.json").write_bytes(b"\xff")
    with pytest.raises(InputError):
        read_bundle(tmp_path, None)
