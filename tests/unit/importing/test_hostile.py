"""Whatever a configuration holds: an environment that loads, every difference with its reason, no secret shown."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.model import OrthancPart
from orthancgen.importing.report import document, every_key
from orthancgen.importing.result import import_as
from orthancgen.orthanc.keys import SUPPORTED, Version, keys_for, plugin_sections
from orthancgen.site.load import validate
from orthancgen.site.problems import Mark
from orthancgen.site.tree import Node, parse
from tests.support.hostile import CORPUS

SECRET: Final = "s3cr3t-that-nobody-may-see"


def node(value: Any) -> Node:
    mark = Mark("orthanc.json", 1, 1, 2)
    if isinstance(value, Mapping):
        return Node({key: node(one) for key, one in value.items()}, mark, mark)
    return Node([node(one) for one in value], mark, mark) if isinstance(value, list) else Node(value, mark, mark)


def part_of(values: Mapping[str, Any], version: Version = SUPPORTED[-1]) -> OrthancPart:
    return OrthancPart("orthanc.json", node(values), version)


texts = st.one_of(
    st.sampled_from([*CORPUS, "\ud800", "a\udfffb"]),
    st.text(max_size=20),
    st.sampled_from(["${X}", "/a/b", "true", "8042", ""]),
)
scalars = st.one_of(
    texts, st.booleans(), st.integers(-5, 100_000), st.integers(), st.floats(), st.none(),
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
hosts = st.one_of(texts, st.sampled_from(["192.168.1.1", "10.0.0.1", "a.example", "::1", " 10.0.0.2", "010.0.0.1"]))
aets = st.one_of(texts, st.sampled_from(["CT1", "ct1", "CT1 ", "MR1", "A" * 17]))
modality_keys = st.sampled_from([*keys_for(SUPPORTED[-1], "modality"), "AllowX", "_c"])
modalities = st.one_of(
    st.lists(scalars, max_size=5),
    st.tuples(aets, hosts, st.integers(0, 70_000)).map(list),
    st.builds(
        lambda aet, host, more: {"AET": aet, "Host": host, "Port": 104, **more},
        aets, hosts, st.dictionaries(modality_keys.filter(lambda k: k not in ("AET", "Host")), scalars, max_size=4),
    ),
)  # fmt: skip
names = st.one_of(texts, st.sampled_from(["ct1", "ct2", "orthancgen-verify", "CT 1", "x" * 80]))
known = sorted({*keys_for(SUPPORTED[0]), *keys_for(SUPPORTED[-1]), *plugin_sections()})
ordinary = st.one_of(st.booleans(), st.integers(0, 5000), texts, anything)
configurations = st.builds(
    lambda keys, entries, users, extra: {**keys, **entries, **users, **extra},
    st.dictionaries(st.sampled_from(known), ordinary, max_size=8),
    st.fixed_dictionaries({}, optional={"DicomModalities": st.dictionaries(names, modalities, max_size=4)}),
    st.fixed_dictionaries({}, optional={"RegisteredUsers": st.dictionaries(texts, scalars, max_size=3)}),
    st.dictionaries(texts, anything, max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(configurations, st.sampled_from([Version(1, 9, 7), *SUPPORTED, Version(1, 12, 11)]), st.booleans())
def test_anything_gives_an_environment(values: dict[str, Any], version: Version, ours: bool) -> None:
    if ours:
        values = {**values, "OrthancGen": {"Users": {"a": "viewer", "orthancgen-backend": "service"}}}
    result = import_as(part_of(values, version), name="x", folder="/srv")
    assert [problem.message for problem in result.problems if problem.severity == "error"] == []
    assert result.plan is not None
    assert [one for one in result.differences if not one.why] == []
    tree, problems = parse(result.text, "x.yaml")
    assert tree is not None
    assert problems == []
    assert tree.plain() == result.imported.environment
    assert validate(tree)[0] == result.plan.site
    json.dumps(document(result, name="x", file=None), allow_nan=True)
    for line in every_key(result):
        assert line.plain.isprintable()


WITH_SECRETS: Final[list[dict[str, Any]]] = [
    {"RegisteredUsers": {"a": SECRET, "b:c": SECRET}},
    {"RegisteredUsers": SECRET},
    {"RegisteredUsers": [SECRET]},
    {"OrthancPeers": {"a": ["http://x.example/", "u", SECRET], "b c": ["http://x.example/", "u", SECRET]}},
    {"OrthancPeers": {"a": {"Url": f"http://u:{SECRET}@x.example/", "Password": SECRET, "Pasword": SECRET}}},
    {"OrthancPeers": {"a": {"Url": "http://x.example/", "HttpHeaders": {"Authorization": SECRET}}}},
    {"HttpProxy": f"u:{SECRET}@proxy.example"},
    {"PostgreSQL": {"Password": SECRET, "ConnectionUri": f"postgresql://u:{SECRET}@db.example/x", "Passwords": SECRET}},
    {
        "MySQL": {"Password": SECRET},
        "Authorization": {"WebServicePassword": SECRET},
        "AwsS3Storage": {"SecretKey": SECRET},
    },
    {"DicomWeb": {"Servers": {"a": ["http://x.example/", "u", SECRET], "b": {"Password": SECRET}}}},
    {"MyPlugin": {"ApiKey": SECRET}, "Password": SECRET, "RegisteredUser": {"a": SECRET}},
    {"Pkcs11": {"Module": "/x", "Pin": SECRET}},
    {"DicomModalities": {"a": {"AET": "A", "Host": "h", "Port": 104, "Password": SECRET}}},
]


@pytest.mark.parametrize("values", WITH_SECRETS, ids=lambda values: ",".join(values))
def test_no_secret_is_shown(values: dict[str, Any]) -> None:
    for version in SUPPORTED:
        result = import_as(part_of(values, version), name="x")
        assert SECRET not in json.dumps(document(result, name="x", file=None))
        assert SECRET not in repr(result)
        assert SECRET not in "".join(line.plain for line in every_key(result))


@pytest.mark.parametrize(
    "values",
    [
        {f"Unknown{number}": number for number in range(20_000)},
        {"DicomWeb": {f"Unknown{number}": number for number in range(30_000)}},
        {"OrthancPeers": {f"p{number}": ["http://x.example/", "u", SECRET] for number in range(3_000)}},
        {"UserMetadata": {f"m{number}": 5 for number in range(5_000)}},
    ],
    ids=["keys", "section", "peers", "values"],
)
def test_many_keys_are_told_in_bounded_time(values: dict[str, Any]) -> None:
    began = time.process_time()
    result = import_as(part_of(values), name="x")
    assert SECRET not in result.text
    assert time.process_time() - began < 60  # a quadratic way takes many times as long


def test_five_thousand_modalities_take_linear_time() -> None:
    entries = {f"m{number}": ["AET", "192.168.1.1", 104] for number in range(5000)}
    result = import_as(
        part_of({"DicomModalities": entries, "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}), name="x"
    )
    assert list(result.imported.environment["modalities"]) == ["m0"]
    assert len(result.text.splitlines()) < 2500
