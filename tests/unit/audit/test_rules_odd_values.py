"""No rule ends with an error of its own, whatever stands where a setting is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthancgen.audit.run import audit, load_rules
from orthancgen.orthanc.keys import Version, keys_for, plugin_sections
from tests.support.hostile import CORPUS
from tests.unit.audit.set_ups import subject

RULES = load_rules(
    sorted(
        path.stem.replace("_", "-")
        for path in Path(load_rules.__code__.co_filename).with_name("rules").glob("[a-z]*.py")
    )
)
ODD: tuple[Any, ...] = (
    None, True, False, 0, 3, -1, 10**30, 1.5, "", "x", [], [3], [None], [[]], ["x"], {}, {"a": 3}, {"a": [1, 2, 3]},
    {"a": {}}, {"a": {"AET": 3, "Host": [], "Port": "x"}}, {"": None},
)  # fmt: skip
BASE = {
    "RemoteAccessAllowed": True,
    "SslEnabled": True,
    "DicomTlsEnabled": True,
    "LuaScripts": ["site.lua"],
    "RegisteredUsers": {"a": "b"},
}
COMPOSE = 'services: {orthanc: {image: "orthancteam/orthanc:26.8.1", ports: ["8042:8042", "104:4242"]}}'
GROUPS = 15
LUA = "function OnStoredInstance() HttpPost(GetOrthancConfiguration()['Site']) end"


@pytest.mark.parametrize("compose", ["", COMPOSE], ids=["native", "container"])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_every_key_with_an_odd_value(odd: Any, compose: str) -> None:
    names = [*keys_for(Version(1, 13, 0)), *plugin_sections(), "Site"]
    for first in range(GROUPS):  # some at a time: one may keep a rule from the others
        settings = {**BASE, **dict.fromkeys(names[first::GROUPS], odd)}
        where = subject(compose, orthanc=settings, publisher="orthancteam" if compose else None, lua=LUA)
        audit(where, RULES)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize(
    "name", ["AET", "Host", "Port", "AllowStore", "UseDicomTls", "Url", "Password", "Manufacturer"]
)
def test_every_field_of_an_entry_with_an_odd_value(name: str, odd: Any) -> None:
    entry = {"AET": "A", "Host": "192.168.10.21", "Port": 104, "Url": "http://a/", name: odd}
    where = subject(orthanc={**BASE, "DicomModalities": {"a": entry}, "OrthancPeers": {"a": entry}})
    audit(where, RULES)


@pytest.mark.parametrize("version", ["1.0.0", "1.5.7", "1.10.1", "1.12.7", "1.13.0", "mainline"])
@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "{", "", "// nothing"])
def test_what_is_no_configuration_at_all(text: str, version: str) -> None:
    audit(subject(orthanc=text, version=version), RULES)


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_hostile_texts_anywhere(text: str) -> None:
    entry = {"AET": text, "Host": text, "Port": 104, "Url": f"http://{text}/", "UseDicomTls": False}
    settings = {
        **BASE,
        "DicomModalities": {text: entry, "b": [text, text, 104]},
        "OrthancPeers": {text: [text], "c": [f"http://{text}/"], "d": entry},
        "DicomTlsCiphersAccepted": [text],
        "RegisteredUsers": {text: text},
        "PostgreSQL": {"Username": text, "Password": text},
        "LuaScripts": [text],
        "Plugins": [text],
        text: text,
    }
    found = audit(subject(orthanc=json.dumps(settings), lua=LUA), RULES).findings
    assert all(one.message.isprintable() for one in found), [
        one.message for one in found if not one.message.isprintable()
    ]
