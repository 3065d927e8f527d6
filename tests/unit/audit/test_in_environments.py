"""Remedies for environments: in the words of the model, which has each key that they name and takes each value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import orthancgen
from orthancgen.audit.environment import SAID_BY
from orthancgen.audit.in_environments import IN_ENVIRONMENTS
from orthancgen.audit.run import load_rules
from orthancgen.site.explain import section_of
from orthancgen.site.model import Site
from orthancgen.site.types import Section
from tests.support.environments import MINIMAL, load_text
from tests.unit.test_documented_commands import faults

OPEN: dict[str, Any] = {
    "orthanc": {
        "aet": "OPEN",
        "version": "1.12.7",
        "plugins": ["dicomweb"],
        "web_page": True,
        "web_dav": True,
        "storage": {"limit_megabytes": 1000, "when_full": "recycle", "keep_checksums": False},
        "limits": {"find_results": 0, "find_instances": 0},
    },
    "dicom": {
        "tls": {"enabled": True, "client_certificates": "not_asked"},
        "ae_checks": {"called_aet": False, "calling_aet": "anyone", "anyone_may": ["echo", "store", "find"]},
    },
    "modalities": {"a1": {"aet": "A1", "address": "10.0.0.1", "may": ["echo", "store", "find"]}},
    "http": {"listen_on": "0.0.0.0"},
    "images": {"orthanc": "orthancteam/orthanc:latest", "mongo": "mongo:8.0.24"},
    "runtime": "compose",
}
"""As open as an environment can be."""


def keys_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, held in value.items():
            yield from keys_of(held, (*path, name))
    else:
        yield path, value


def named(text: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys that a remedy names, with the value that it wants."""
    for span in re.findall(r"`([^`]+)`", text):
        if span.startswith("orthancgen "):
            assert [*faults(span.removeprefix("orthancgen "))] == []
        elif re.search(r":(\s|$)", span) and not span.startswith("tls: true"):  # which is a modality's
            yield from keys_of(yaml.safe_load(span))
        elif re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", span):
            yield tuple(span.split(".")), None


@pytest.mark.parametrize("rule", IN_ENVIRONMENTS)
def test_each_is_of_a_rule_and_names_keys_that_there_are(rule: str) -> None:
    assert rule in {one.id for one in load_rules()}
    for path, _ in named(IN_ENVIRONMENTS[rule]):
        model: Any = Site
        for part in path:
            assert issubclass(model, Section)
            assert part in model.model_fields, path
            model = section_of(model.model_fields[part].annotation)


@pytest.mark.parametrize("rule", IN_ENVIRONMENTS)
def test_each_value_that_it_wants_is_taken(rule: str, tmp_path: Path) -> None:
    for path, value in named(IN_ENVIRONMENTS[rule]):
        if value is None:
            continue
        said = yaml.safe_load(MINIMAL)
        said["orthanc"]["plugins"] = ["dicomweb"]
        held = said
        for part in path[:-1]:
            held = held.setdefault(part, {})
        held[path[-1]] = value
        loaded = load_text(yaml.safe_dump(said), tmp_path)
        assert not [one for one in loaded.errors if one.path == path], loaded.errors


@pytest.mark.parametrize("runtime", ["compose", "native"])
def test_no_remedy_of_an_environment_speaks_of_keys_that_the_model_decides(runtime: str, tmp_path: Path) -> None:
    changes = {**OPEN, "runtime": runtime}
    if runtime == "native":
        del changes["images"]
        changes["dicom"] = {**OPEN["dicom"], "tls": {"enabled": False}}
    path = tmp_path / "open.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(MINIMAL) | changes))
    found = orthancgen.audit(path).findings
    assert len({one.rule.id for one in found}) > 10
    for one in found:
        # Keys that are words of their own too are left out.
        assert not [key for key in {*SAID_BY} - {"Name", "Plugins"} if re.search(rf"\b{key}\b", one.hint)], (
            one.rule.id,
            one.hint,
        )
