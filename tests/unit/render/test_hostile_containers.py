"""Any string in any text that reaches the files of containers: refused with its place, or carried exactly."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orthancgen.plan.build import plan
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from orthancgen.site.load import load
from tests.support.environments import MINIMAL, holder_of
from tests.support.hostile import CORPUS
from tests.unit.render.test_compose import TLS, words_of_haproxy
from tests.unit.render.test_hostile import HOSTILE, as_yaml

BASE: dict[str, Any] = {**yaml.safe_load(MINIMAL), **{key: value for key, value in TLS.items() if "/" not in key}}
OURS = re.compile(r"\$\{ORTHANCGEN_[A-Z_]+:-\./[a-z-]+\}")
"""The one kind of variable that a compose file of ours has."""

Arrives = Callable[[dict[str, Any], list[list[str]]], Any]
"""Finds the string in the compose file, as Compose reads it, or among the words of haproxy's configuration."""


def _volume(compose: dict[str, Any], name: str) -> Any:
    return compose["volumes"][name]["driver_opts"]["device"]


def _title(_: dict[str, Any], lines: list[list[str]]) -> str:
    [line] = [line for line in lines if line[:2] == ["acl", "title_of_us1"]]
    assert line[2:-1] == ['req.payload(26,16),ltrim(" "),rtrim(" ")', "-m", "str", "-i", "--"]
    return line[-1]


def _address(_: dict[str, Any], lines: list[list[str]]) -> str:
    [line] = [line for line in lines if line[:2] == ["acl", "address_of_us1"]]
    assert line[2] == "src"
    assert ["server", "modality", f"{line[3]}:11112"] in lines
    return line[3]


# key path in the environment, and where it arrives
FIELDS: dict[str, Arrives | None] = {
    "environment": lambda compose, _: compose["name"].removeprefix("orthancgen-"),
    "orthanc/storage/path": lambda compose, _: _volume(compose, "orthanc-storage"),
    "modalities/us1/aet": _title,
    "modalities/us1/address": _address,
    "modalities/@KEY": None,
    "images/orthanc": lambda compose, _: compose["services"]["orthanc"]["image"],
    "images/mongo": lambda compose, _: compose["services"]["database"]["image"],
    "images/gateway": lambda compose, _: compose["services"]["gateway"]["image"],
    "containers/subnet": None,
    "verification/address": None,
    "http/listen_on": lambda compose, _: compose["services"]["gateway"]["ports"][1]["host_ip"],
    "dicom/published_on": lambda compose, _: compose["services"]["orthanc"]["ports"][0]["host_ip"],
    "dicom/tls/trusted/secret": None,
    "dicom/plain/client_certificate/secret": None,
}
UNCHANGED_BUT: dict[str, Callable[[str], str]] = {
    "modalities/us1/aet": lambda text: text.strip(" "),
    "orthanc/storage/path": lambda text: text.rstrip("/") or "/",
}


def environment(field: str, text: str) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    *sections, last = field.split("/")
    holder = holder_of(data, sections)
    if last == "@KEY":
        holder[text] = {"aet": "OTHER", "address": "192.0.2.99"}
    else:
        holder[last] = text
    return data


def as_compose_reads(text: str) -> dict[str, Any]:
    """The compose file after interpolation: our variables are gone, ``$$`` is ``$``, and there is no other ``$``."""
    without = OURS.sub("", text)
    assert not without.replace("$$", "").count("$")
    read: dict[str, Any] = yaml.safe_load(without.replace("$$", "$"))
    return read


def read_back(bundle: Bundle) -> tuple[dict[str, Any], list[list[str]]]:
    compose = as_compose_reads(bundle.file("compose.yaml").content.decode())
    assert set(compose) == {"name", "services", "networks", "volumes", "secrets"}
    assert set(compose["services"]) == {"backend", "database", "database-account", "gateway", "orthanc"}
    for file in bundle.files:
        if file.path.endswith(".json"):
            json.loads(file.content)
    configuration = bundle.file("gateway/haproxy.cfg").content.decode()
    assert configuration.isascii()
    lines = [line for line in configuration.splitlines() if line and not line.lstrip().startswith("#")]
    heads = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert heads == {"global", "defaults", "frontend", "backend", "resolvers"}
    return compose, [words_of_haproxy(line.strip()) for line in lines if not line.startswith("  log-format ")]


def check(field: str, text: str, path: Path) -> bool:
    """Whether the text was carried; AssertionError where it was neither refused nor carried."""
    path.write_text(as_yaml(environment(field, text)), encoding="utf-8")
    loaded = load(path)
    if loaded.site is None:
        assert loaded.errors
        assert all(problem.mark and problem.message for problem in loaded.errors)
        return False
    read = read_back(render(plan(loaded.site, loaded.version)))
    arrives = FIELDS[field]
    if arrives is not None:
        assert arrives(*read) == UNCHANGED_BUT.get(field, str)(text)
    return True


@pytest.mark.parametrize("field", FIELDS)
def test_the_corpus_in_every_field(field: str, tmp_path: Path) -> None:
    carried = [text for text in CORPUS if check(field, text, tmp_path / "dev.yaml")]
    assert len(carried) < len(CORPUS)


def test_titles_that_mean_something_to_haproxy_are_carried(tmp_path: Path) -> None:
    carried = {text for text in CORPUS if check("modalities/us1/aet", text, tmp_path / "dev.yaml")}
    assert carried >= {
        "$HOME",
        "${HOME}",
        '"',
        "'",
        "-rf",
        "--help",
        "# x",
        "*",
        "%PATH%",
        "$(id)",
        "`id`",
        "a ; b",
        "~",
    }


@settings(max_examples=500, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(field=st.sampled_from(sorted(FIELDS)), text=HOSTILE)
def test_five_hundred_strings(tmp_path_factory: pytest.TempPathFactory, field: str, text: str) -> None:
    check(field, text, tmp_path_factory.getbasetemp() / "dev.yaml")
