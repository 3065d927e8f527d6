"""How `scripts/orthanc_keys.py` reads a print, and that it refuses what does not fit together."""

from __future__ import annotations

import pytest

from scripts.orthanc_keys import (
    BuildError,
    Printed,
    check_defaults,
    check_names,
    contains,
    read_print,
    without_documents,
)

PRINT = """{
  // The name, as in "Other" : 1
  "Name" : "A // no comment, \\" quoted",

  // Set this:
  // "Folder" : "/tmp/",

  /**
     "Ciphers" : [ "a", "b" ],  // some
     "Users" : {
       // "alice" : "x"
     }
  **/
  "Outer" : {
    // "inner" : 1
    "Deep" : { "x" : [1] }
  },

  // "Threads" : 4,
  "Last" : 1.5
}
"""


def test_a_print_gives_active_keys_and_those_of_comments_at_the_top_level() -> None:
    assert read_print(PRINT) == {
        "Name": Printed('A // no comment, " quoted', commented=False),
        "Outer": Printed({"Deep": {"x": [1]}}, commented=False),
        "Last": Printed(1.5, commented=False),
        "Folder": Printed("/tmp/", commented=True),
        "Ciphers": Printed(["a", "b"], commented=True),
        "Users": Printed({}, commented=True),
        "Threads": Printed(4, commented=True),
    }


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (b"\0StorageCompression\0", "whole"),
        (b"\0NoStorageCompression\0", "beginning"),
        (b"StorageDirectory\0", "absent"),
        (b"\xb8StorageC\xc6ompressi", "beginning"),
    ],
)
def test_a_program_holds_a_name_whole_or_split(data: bytes, how: str) -> None:
    assert contains(data, "StorageCompression") == how


def test_the_configuration_that_a_program_prints_proves_nothing() -> None:
    document = b'{\n  "StorageCompression" : false,\n' + b"  // words\n" * 40 + b"}\0"
    assert contains(without_documents(b"\x01" + document), "StorageCompression") == "absent"
    assert contains(without_documents(b"\0StorageCompression\0" * 40), "StorageCompression") == "whole"


def test_a_default_may_change_only_where_the_supplement_says_so() -> None:
    defaults = {"1.10.1": True, "1.12.7": False, "1.13.0": False}
    check_defaults("core", "K", {"changes": {"1.12.2": {"default": False}}}, defaults)
    with pytest.raises(BuildError, match=r"core\.K: True in 1\.10\.1, False in 1\.12\.7"):
        check_defaults("core", "K", {}, defaults)
    with pytest.raises(BuildError, match="True in"):
        check_defaults("core", "K", {"changes": {"1.13.0": {"default": False}}}, defaults)


def test_a_key_in_no_program_is_refused() -> None:
    with pytest.raises(BuildError, match=r"the program of 1\.13\.0 does not contain it"):
        check_names("core", "Invented", {}, {"1.13.0": {"core": {"Invented": "absent"}}})


def test_a_key_in_an_older_program_is_refused() -> None:
    with pytest.raises(BuildError, match=r"the program of 1\.10\.1 contains it"):
        check_names("core", "Known", {"since": "1.12.0"}, {"1.10.1": {"core": {"Known": "whole"}}})
