"""Any string in any text of the model: refused with its place and reason, or carried exactly into every file."""

from __future__ import annotations

import configparser
import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orthancgen.errors import RenderError
from orthancgen.firewall.catalogue import DIALECTS, lacking
from orthancgen.plan.build import plan
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from orthancgen.site.load import load
from orthancgen.site.problems import as_github, as_json, as_text
from tests.support.environments import MINIMAL, holder_of
from tests.support.hostile import CORPUS
from tests.support.proof import ProofFigures
from tests.support.rules import rules_say_the_policy

CT: dict[str, Any] = {"aet": "CT1", "address": "192.0.2.10"}

Where = tuple[str, tuple[str | int, ...]] | None
Field = tuple[str, Where]

ORTHANC = "orthanc/orthanc.json"
BACKEND = "backend/backend.json"
# key path in the environment (/ between the parts; @KEY puts the string in place of a key), and where it arrives
FIELDS: list[Field] = [
    ("environment", (BACKEND, ("environment", "name"))),
    ("description", None),
    ("contact/name", None),
    ("contact/phone", None),
    ("contact/email", None),
    ("orthanc/name", (ORTHANC, ("Name",))),
    ("orthanc/aet", (ORTHANC, ("DicomAet",))),
    ("orthanc/version", None),
    ("orthanc/storage/path", (ORTHANC, ("StorageDirectory",))),
    ("orthanc/storage/index_path", (ORTHANC, ("IndexDirectory",))),
    ("orthanc/settings/DefaultEncoding", (ORTHANC, ("DefaultEncoding",))),
    ("orthanc/settings/HttpProxy", (ORTHANC, ("HttpProxy",))),
    ("orthanc/settings/Locale", (ORTHANC, ("Locale",))),
    ("orthanc/settings/Dictionary/0014,1020/0", None),
    ("orthanc/settings/@KEY", None),
    ("modalities/@KEY", None),
    ("modalities/ct1/aet", (ORTHANC, ("DicomModalities", "ct1", "AET"))),
    ("modalities/ct1/address", (ORTHANC, ("DicomModalities", "ct1", "Host"))),
    ("modalities/ct1/description", None),
    ("modalities/ct1/may/0", None),
    ("modalities/ct1/vendor", None),
    ("http/listen_on", (ORTHANC, ("HttpBindAddresses", 0))),
    ("dicom/published_on", None),
    ("users/@KEY", None),
    ("users/admin/role", None),
    ("users/admin/password/secret", None),
    ("webhook/url", (ORTHANC, ("OrthancGen", "Webhook", "Url"))),
    ("backend/listen_on", (BACKEND, ("listen", "host"))),
    ("backend/database/name", (BACKEND, ("database", "name"))),
    ("analysis/on_arrival/0", None),
    ("network/allowed_sources/0", None),
    ("network/managed_from/0", None),
    ("network/seen_address", None),
    ("network/callers_arrive", None),
    ("network/management_ports/0", None),
    ("network/firewall/0", None),
    ("network/vpn/network", None),
    ("network/vpn/endpoint", None),
    ("network/vpn/allowed_sources/0", None),
    ("network/vpn/private_key/secret", None),
    ("network/vpn/peers/@KEY", None),
    ("network/vpn/peers/ct1/public_key", None),
    ("images/orthanc", None),
    ("images/mongo", None),
    ("secrets/@KEY", None),
    ("secrets/admin_password/file", None),
    ("secrets/admin_password/env", None),
    ("waivers/0/rule", None),
    ("waivers/0/reason", None),
    ("waivers/0/owner", None),
    ("waivers/0/until", None),
    ("@KEY", None),
]
UNCHANGED_BUT: dict[str, Any] = {
    "orthanc/aet": lambda text: text.strip(" "),
    "modalities/ct1/aet": lambda text: text.strip(" "),
    "orthanc/storage/path": lambda text: text.rstrip("/") or "/",
    "orthanc/storage/index_path": lambda text: text.rstrip("/") or "/",
}
"""Where a part that does not count is left out."""


BASE: dict[str, Any] = {
    **yaml.safe_load(MINIMAL),
    "modalities": {"ct1": {**CT, "may": ["echo", "store"]}},
    "waivers": [{"rule": "x", "reason": "known", "owner": "team", "until": "2027-06-30"}],
    "contact": {"name": "team"},
    "analysis": {"on_arrival": ["x"]},
    "secrets": {"admin_password": {}},
    "network": {
        "allowed_sources": ["192.0.2.0/24"],
        "managed_from": ["192.0.2.0/24"],
        "firewall": [name for name in DIALECTS if name != "wireguard"],
        "vpn": {"network": "10.8.0.0/24", "endpoint": "vpn.hospital.example", "peers": {}},
    },
}
# Let in by every rule of HTTP too.
BASE["http"] = {"listen_on": "0.0.0.0"}
BASE["backend"] = {"listen_on": "0.0.0.0"}
BASE["orthanc"]["settings"] = {"Dictionary": {"0014,1020": ["DA", "Date", 1, 1]}}


def environment(field: str, text: str) -> dict[str, Any]:
    """A valid environment with the text in one place."""
    data = copy.deepcopy(BASE)
    if field.startswith("network/vpn"):
        data["network"]["firewall"].append("wireguard")
        data["modalities"]["ct1"]["address"] = "10.8.0.2"
    else:
        del data["network"]["vpn"]
    if not field.startswith("secrets/"):
        del data["secrets"]
    *sections, last = field.split("/")
    holder = holder_of(data, sections)
    if isinstance(holder, list):
        holder[int(last)] = text
    elif last == "@KEY":
        like = next((value for value in holder.values() if sections), 1)
        holder[text] = like
    else:
        holder[last] = text
    return data


def as_yaml(data: dict[str, Any]) -> str:
    """Double-quoted YAML, in which every character arrives that YAML can write."""
    text = json.dumps(data, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def check(field: Field, text: str, path: Path) -> bool:
    """Whether the text was carried; AssertionError where it was neither refused nor carried."""
    name, arrives = field
    path.write_text(as_yaml(environment(name, text)), encoding="utf-8")
    loaded = load(path)
    for shown in (as_text(loaded.problems, loaded.sources).plain, as_github(loaded.problems)):
        assert all(line.isprintable() for line in shown.split("\n")), shown
    json.loads(as_json(loaded.problems))
    if loaded.site is None:
        assert loaded.errors
        assert all(problem.mark and problem.message for problem in loaded.errors)
        return False
    built = plan(loaded.site, loaded.version)
    lost = list(lacking(built))
    if lost:  # told by `validate` at the firewall's place
        assert all(f"{one.what} {one.why} {one.hint}".isprintable() for _, one in lost)
        with pytest.raises(RenderError):
            render(built)
        return False
    bundle = render(built)
    read_back(bundle)
    rules_say_the_policy(built)
    if arrives is not None:
        file, keys = arrives
        value: Any = json.loads(bundle.file(file).content)
        for key in keys:
            value = value[key]
        assert value == UNCHANGED_BUT.get(name, str)(text)
    return True


def read_back(bundle: Bundle) -> None:
    for file in bundle.files:
        if file.path.endswith(".json"):
            assert isinstance(json.loads(file.content), dict)
        if file.path.endswith(".json") and not file.path.startswith("firewall/"):
            # Orthanc and the orthancteam image replace ${...} in the text of the file
            assert b"$" not in file.content
            assert file.content.isascii()
    name = json.loads(bundle.file(BACKEND).content)["environment"]["name"]
    assert identifier(bundle.file("supervisord.conf").content) == f"orthancgen-{name}"


@cache
def identifier(conf: bytes) -> str:
    """What supervisor would read, by the rules of its parser (RawConfigParser with ``;`` after a space as comment)."""
    parser = configparser.RawConfigParser(strict=True, inline_comment_prefixes=(" ;", "\t;"))
    parser.read_string(conf.decode())
    programs = {section for section in parser.sections() if section.startswith("program:")}
    assert programs == {"program:database", "program:orthanc", "program:backend"}
    return parser["supervisord"]["identifier"]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field[0])
def test_the_corpus_in_every_field(field: Field, tmp_path: Path) -> None:
    carried = [text for text in CORPUS if check(field, text, tmp_path / "dev.yaml")]
    assert len(carried) < len(CORPUS) or field[0].startswith("orthanc/settings/")


def test_texts_for_people_are_carried(tmp_path: Path) -> None:
    carried = {text for text in CORPUS if check(("orthanc/name", (ORTHANC, ("Name",))), text, tmp_path / "dev.yaml")}
    for text in (
        "${HOME}",
        "$$$$",
        '"..os.execute("id").."',
        "]==]",
        "\U0001f9b4",
        "e\u0301",
        "%(here)s",
        "trailing\\",
        " both ",
    ):
        assert text in carried
    for text in ("", "CT1\n", "\x1b[31m", "CT\u202eTXT", "\x85", "\u200b"):
        assert text not in carried


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("${}\\\"'%;#:\n\r\t\0 \u202e\ufeffaA1.-_/@[]<>|&`~é²１"), max_size=20),
    st.sampled_from(CORPUS).flatmap(lambda text: st.text(max_size=5).map(lambda more: text + more)),
    st.from_regex(r"[A-Za-z0-9_.:/@-]{1,20}", fullmatch=True),
)


def _any_field(tmp_path_factory: pytest.TempPathFactory, field: Field, text: str) -> None:
    check(field, text, tmp_path_factory.getbasetemp() / "dev.yaml")


@settings(max_examples=2000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(field=st.sampled_from(FIELDS), text=HOSTILE)
def test_two_thousand_strings(tmp_path_factory: pytest.TempPathFactory, field: Field, text: str) -> None:
    _any_field(tmp_path_factory, field, text)


@pytest.mark.proof
def test_ten_thousand_strings(tmp_path_factory: pytest.TempPathFactory, proof_figures: ProofFigures) -> None:
    count = 0

    @settings(
        max_examples=10_000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(field=st.sampled_from(FIELDS), text=HOSTILE)
    def each(field: Field, text: str) -> None:
        nonlocal count
        count += 1
        _any_field(tmp_path_factory, field, text)

    each()
    result = "each refused with a place and a reason, or carried exactly through every rendered file"
    proof_figures("generated hostile strings in the text fields of the model", count, result)
