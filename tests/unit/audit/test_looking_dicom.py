from __future__ import annotations

import pytest

from orthancgen.audit.looking_dead import dead
from orthancgen.audit.looking_dicom import crosses_foreign_lines, doors, in_entry, may, says, someone_may
from orthancgen.audit.looking_http import Reach
from tests.unit.audit.set_ups import firewall, lets_in, subject

MODALITY = {"AET": "CT1", "Host": "192.168.10.21", "Port": 104}


@pytest.mark.parametrize(
    ("settings", "compose", "wanted"),
    [
        ({"DicomServerEnabled": False}, "", []),
        ({}, "", [(4242, Reach.NETWORK)]),
        ({"DicomPort": 104}, "services: {orthanc: {image: orthanc}}", [(104, Reach.CONTAINERS)]),
        (
            {},
            'services: {orthanc: {image: orthanc, ports: ["104:4242", "127.0.0.1:105:4242"]}}',
            [(4242, Reach.CONTAINERS), (104, Reach.NETWORK), (105, Reach.THIS_HOST)],
        ),
        ({}, "services: {orthanc: {image: orthanc, network_mode: host}}", [(4242, Reach.NETWORK)]),
    ],
)
def test_the_doors_of_the_dicom_server(
    settings: dict[str, object], compose: str, wanted: list[tuple[int, Reach]]
) -> None:
    where = subject(compose, orthanc=settings)
    assert [(door.port, door.reach) for door in doors(where, where.orthancs[0])] == wanted


def test_a_right_that_is_not_written_is_there() -> None:
    assert may({}, "find")
    assert not says({}, "find")
    assert not may({"AllowFind": False}, "find")
    assert says({"AllowFind": False}, "find")
    assert not may({"AllowStorageCommitment": False, "AllowNAction": True}, "storage_commitment")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"DicomAlwaysAllowStore": True}, True),
        ({}, True),
        ({"DicomAlwaysAllowStore": False}, False),
        ({"DicomAlwaysAllowStore": False, "DicomModalities": {"ct1": MODALITY}}, True),
        ({"DicomAlwaysAllowStore": False, "DicomModalities": {"ct1": {**MODALITY, "AllowStore": False}}}, False),
        ({"DicomAlwaysAllowStore": False, "DicomModalitiesInDatabase": True}, True),
    ],
)
def test_somebody_may_store(settings: dict[str, object], wanted: bool) -> None:
    assert someone_may(subject(orthanc=settings).orthancs[0], "store") is wanted


def test_lines_of_others() -> None:
    near = {"DicomModalities": {"ct1": MODALITY}}
    far = {"DicomModalities": {"ct1": {**MODALITY, "Host": "8.8.4.4"}}}
    named = {"DicomModalities": {"ct1": {**MODALITY, "Host": "ct1.archive.example"}}}
    for settings, wanted in ((near, ""), (far, "8.8.4.4"), (named, "")):
        where = subject(orthanc=settings)
        assert wanted in crosses_foreign_lines(where, where.orthancs[0])
        assert bool(wanted) == bool(crosses_foreign_lines(where, where.orthancs[0]))


@pytest.mark.parametrize(
    ("address", "crosses"), [("0.0.0.0", False), ("192.168.10.5", False), ("8.8.4.4", True), ("", False)]
)
def test_a_port_that_is_published_on_an_address_of_the_internet(address: str, crosses: bool) -> None:
    published = f"{address}:104:4242" if address else "104:4242"
    where = subject(f'services: {{orthanc: {{image: orthanc, ports: ["{published}"]}}}}', orthanc={})
    assert bool(crosses_foreign_lines(where, where.orthancs[0])) is crosses


def test_a_firewall_that_lets_in_the_internet() -> None:
    for source, crosses in (("192.168.10.0/24", False), ("0.0.0.0/0", True), ("any", True), ("8.8.4.0/24", True)):
        where = subject(orthanc={}, firewalls=[firewall(lets_in(source, 4242))])
        assert bool(crosses_foreign_lines(where, where.orthancs[0])) is crosses


def test_dead_settings_by_kind() -> None:
    settings = {
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowStore": False,
        "DicomChekCalledAet": True,
        "DicomModalities": {
            "ct1": {**MODALITY, "Host": "ct1", "AllowEcho": False},
            "ct2": {**MODALITY, "AET": "ct1"},
            "ct3": {**MODALITY, "AET": " CT3"},
        },
    }
    orthanc = subject(orthanc=settings).orthancs[0]
    assert [one.path for one in dead(orthanc, "host")] == [("DicomModalities", "ct1", "Host")]
    assert [one.path for one in dead(orthanc, "shared")] == [("DicomModalities", "ct2", "AET")]
    assert [one.path for one in dead(orthanc, "unknown")] == [("DicomChekCalledAet",)]
    assert [one.path for one in dead(orthanc, "overruled")] == [
        ("DicomCheckModalityHost",),
        ("DicomModalities", "ct1", "AllowEcho"),
    ]
    assert [one.path for one in dead(orthanc, "other")] == [("DicomModalities", "ct3", "AET")]
    assert dead(subject(orthanc=settings, version="1.12.7").orthancs[0], "host")


def test_a_version_of_long_ago_is_judged_by_the_oldest_that_is_known() -> None:
    settings = {"DicomModalities": {"ct1": MODALITY}, "DicomCheckModalityHost": True, "DicomAlwaysAllowEcho": False}
    assert dead(subject(orthanc=settings, version="1.5.7").orthancs[0], "host") == []


def test_the_place_of_a_field_in_either_form() -> None:
    text = """{"DicomModalities": {
      "a": ["A",
        "192.168.10.21", 104],
      "b": {"AET": "B",
        "Host": "b", "Port": 104}}}"""
    orthanc = subject(orthanc=text).orthancs[0]
    assert in_entry(orthanc, "a", "Host")[1] == ("DicomModalities", "a", 1)
    assert in_entry(orthanc, "a", "Host")[0].line == 3
    assert in_entry(orthanc, "a", "UseDicomTls")[0].line == 2
    assert in_entry(orthanc, "b", "Host")[0].line == 5


def test_of_thousands_of_modalities_the_same_is_found() -> None:
    entries: dict[str, object] = {f"m{i:04}": {**MODALITY, "AET": f"A{i}"} for i in range(3000)}
    entries |= {"z1": ["a17", "192.168.10.22", 104], "z2": {**MODALITY, "Host": "z2", "AET": "Z2"}}
    entries |= {f"s{i:03}": {**MODALITY, "AET": "SAME"} for i in range(250)}
    settings = {"DicomCheckModalityHost": True, "DicomAlwaysAllowStore": False, "DicomAlwaysAllowEcho": False}
    orthanc = subject(orthanc={**settings, "DicomModalities": entries}).orthancs[0]
    assert [one.path[1] for one in dead(orthanc, "host")] == ["z2"]
    shared = dead(orthanc, "shared")
    assert {one.path[1] for one in shared} == {"z1", *(f"s{i:03}" for i in range(1, 250))}
    assert all("s000 and " in one.message for one in shared if one.path[1] != "z1")
    assert next(one.message for one in shared if one.path[1] == "z1").startswith("m0017 and z1 ")
