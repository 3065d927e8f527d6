from __future__ import annotations

from orthancgen.foreign.jsonc import parse
from orthancgen.foreign.model import OrthancPart
from orthancgen.importing.comments import Comments, comment_lines, notes_of, own_lines, sort_comments
from orthancgen.importing.part import import_part
from orthancgen.orthanc.keys import SUPPORTED
from orthancgen.secrets.value import SecretValue


def part_of(text: str) -> OrthancPart:
    document = parse(text, "orthanc.json")
    assert document.tree is not None
    return OrthancPart("orthanc.json", document.tree, SUPPORTED[-1], documents=(document,))


def sorted_of(text: str, *secrets: str) -> Comments:
    part = part_of(text)
    made = import_part(part, name="x")
    return sort_comments(part, made.notes, {f"s{n}": SecretValue(secret) for n, secret in enumerate(secrets)})


def test_a_comment_goes_where_its_key_goes() -> None:
    found = sorted_of(
        """{
        // of the port
        "DicomPort": 11112,
        "DicomModalities": {
          "a": {"AET": "A",
            /* of the address */ "Host": "h", "Port": 104}
        },
        "StableAge": 90, // of the age
        "Unknown": 1 // of nothing
        }"""
    )
    assert [(one.lines, one.to) for one in found.carried] == [
        (("of the port",), ("dicom", "port")),
        (("of the address",), ("modalities", "a", "address")),
        (("of the age",), ("orthanc", "settings", "StableAge")),
        (("of nothing",), ()),
    ]


def test_comments_of_orthanc_itself_stay_behind() -> None:
    found = sorted_of(
        """{
        // The DICOM port
        // (ours is the registered one)
        "DicomPort": 104,
        // Enable the DICOM server. If this parameter is set to "false",
        // Orthanc acts as a pure REST server. It will not be possible to
        // receive files or to do query/retrieve through the DICOM protocol.
        "DicomServerEnabled": true
        }"""
    )
    assert [one.lines for one in found.carried] == [("(ours is the registered one)",)]
    assert found.defaults == 4
    assert [note.message for note in notes_of(found)] == ["4 comments of Orthanc's own default file: left out"]


def test_a_comment_that_may_hold_a_secret_stays_behind() -> None:
    found = sorted_of(
        """{
        // the password is on the door
        "Name": "a",
        // see http://anna:tulip@wiki.example/
        "DicomAet": "A",
        // formerly xyz-tulip-9
        "DicomPort": 104,
        "RegisteredUsers": {
          // anna has left
        }
        }""",
        "xyz-tulip-9",
    )
    assert found.carried == ()
    assert found.withheld == 4


def test_too_many_comments_are_counted() -> None:
    keys = ",\n".join(f'// comment number {number}\n"k{number}": 1' for number in range(600))
    found = sorted_of(f"{{{keys}}}")
    assert len(found.carried) == 500
    assert found.left == 100


def test_lines_lose_their_frame_and_what_yaml_cannot_carry() -> None:
    assert comment_lines("*\n * General configuration \n **") == ["", "General configuration", ""]
    assert comment_lines("// a // b") == ["a // b"]
    assert comment_lines("x\x07\ud800y\u2028z") == ["x  y z"]
    assert comment_lines("- a list\n  of two") == ["- a list", "of two"]
    document = parse("{/* ** */ // \n}", "x")
    assert [own_lines(comment) for comment in document.comments] == [() for _ in document.comments]
