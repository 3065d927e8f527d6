"""Whom Orthanc lets in after an import: nobody more than before, and where it is said so, exactly as before."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import pytest

from orthancgen.foreign.model import OrthancPart
from orthancgen.importing.result import import_as
from orthancgen.orthanc.access import decide
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.render.orthanc_json import configuration as rendered
from orthancgen.site.problems import Mark
from orthancgen.site.tree import Node
from tests.support.admission import Credentials, calls, configuration, make_credentials

COUNT: Final = 150
_IRRELEVANT: Final = ("DicomServerEnabled", "DicomModalitiesInDatabase")


def node(value: Any) -> Node:
    mark = Mark("orthanc.json", 1, 1, 2)
    if isinstance(value, Mapping):
        return Node({key: node(one) for key, one in value.items()}, mark, mark)
    return Node([node(one) for one in value], mark, mark) if isinstance(value, list) else Node(value, mark, mark)


def part_of(values: Mapping[str, Any], version: Version) -> OrthancPart:
    return OrthancPart("orthanc.json", node(values), version)


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("credentials"))


def unspaced(values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without spaces around AE titles and addresses, with which Orthanc knows nobody."""

    def entry(one: Any) -> Any:
        if isinstance(one, list):
            return [item.strip() if isinstance(item, str) else item for item in one]
        return {key: item.strip() if isinstance(item, str) else item for key, item in one.items()}

    aet = {"DicomAet": values["DicomAet"].strip()} if "DicomAet" in values else {}
    return {**values, **aet, "DicomModalities": {name: entry(one) for name, one in values["DicomModalities"].items()}}


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_nobody_may_more_than_before(version: Version, credentials: Credentials) -> None:
    random = Random(f"import {version}")
    equal = narrower = 0
    for _ in range(COUNT):
        values = configuration(random, credentials)
        result = import_as(part_of(values, version), name="x")
        assert result.plan is not None, result.problems
        assert [one for one in result.differences if not one.why] == []
        ours, theirs = rendered(result.plan), unspaced(values)
        for call in calls(random, values, 21):
            before, after = decide(theirs, version, call), decide(ours, version, call)
            assert before.allowed or not after.allowed, (values, call, before, after)
            equal += before.allowed == after.allowed
            narrower += before.allowed and not after.allowed
            if before.allowed and not after.allowed:
                assert not result.complete, (values, call, before, after)
    assert equal > 10 * narrower > 0
