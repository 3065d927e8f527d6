"""Lists of vendors: encodings, separators and headings that are met, and everything that is wrong with one at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.modalities.vendor_list import MOST_ROWS, TEMPLATE, Read, read
from orthancgen.site.problems import HIDDEN, as_text

PRESENT = {"ct1": {"aet": "CT1", "address": "192.0.2.1"}}


def of(content: str | bytes, *, update: bool = False, exact: bool = False, present: Any = PRESENT) -> Read:
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    return read(data, "list.csv", present, update=update, exact=exact)


def told(found: Read) -> list[str]:
    return [f"{problem.place} {problem.severity}: {problem.message}" for problem in found.problems]


def changes(found: Read) -> list[tuple[str, dict[str, Any]]]:
    assert told(found) == []
    return [(change.name, dict(change.fields)) for change in found.changes]


MR2 = [("mr2", {"aet": "MR2", "address": "192.0.2.2", "port": 105, "vendor": "siemens", "description": "Röntgen, 1"})]


@pytest.mark.parametrize(
    "text",
    [
        'AE Title,IP Address,DICOM port,Manufacturer,Location\nMR2,192.0.2.2,105,Siemens Healthineers,"Röntgen, 1"\n',
        "\n\nAET;IP-Adresse;Port;Hersteller;Raum\r\n;;;;\r\nMR2;192.0.2.2;105;SIEMENS;Röntgen, 1\r\n;;;;\r\n",
        "sep=;\r\nae_title;host;TCP Port;vendor;DESCRIPTION\r\nMR2;192.0.2.2;105;siemens;Röntgen, 1",
        "description\tIP\tAE-Title\tmake\tport number\nRöntgen, 1\t192.0.2.2\tMR2\tSiemens AG\t105\n",
        '"AE Title" , "IP" , "Port","Brand" ,"Comment"\r MR2 , 192.0.2.2,105,siemens,"Röntgen, 1"\r',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_as_they_are_met(text: str, encoding: str) -> None:
    assert changes(of(text.encode(encoding))) == MR2


def test_windows_1252_is_read_and_told() -> None:
    found = of("aet;ip;raum\nMR2;192.0.2.2;Röntgen\n".encode("cp1252"))
    assert told(found) == ["list.csv:2:16 warning: the file is no UTF-8: read as Windows-1252"]
    assert found.changes[0].fields["description"] == "Röntgen"


def test_words_for_values() -> None:
    text = 'name,aet,ip,tls,services\na,A,192.0.2.2,Ja,"C-ECHO, C-STORE"\n'
    text += "b,B,192.0.2.3,off,query/retrieve MWL\nc,C,192.0.2.4,-,\n"
    assert changes(of(text)) == [
        ("a", {"aet": "A", "address": "192.0.2.2", "tls": True, "may": ["echo", "store"]}),
        ("b", {"aet": "B", "address": "192.0.2.3", "tls": False, "may": ["find", "move", "find_worklist"]}),
        ("c", {"aet": "C", "address": "192.0.2.4"}),
    ]


def test_names_are_made_where_there_is_none() -> None:
    text = "name,aet,ip\n,CT 2,192.0.2.2\nRöntgen 3,X3,192.0.2.3\n,CT.2,192.0.2.4\n,ct_1,192.0.2.5\n"
    assert [name for name, _ in changes(of(text))] == ["ct-2", "Rontgen-3", "ct-2-2", "ct_1"]
    by_aet = of("aet,ip\nCT1,192.0.2.9\n", update=True)
    assert changes(by_aet) == [("ct1", {"aet": "CT1", "address": "192.0.2.9"})]
    assert changes(of("name,port\nct1,106\n", update=True)) == [("ct1", {"port": 106})]


def test_everything_that_is_wrong_is_told_at_once_with_its_place() -> None:
    text = (
        "name;AE Title;IP;Port;TLS;Services;Vendor;Serial no\r\n"
        "ct1;CT1;192.0.2.1;104;;;;s\r\n"
        "a;=CT2;192.0.2.300;1e5;maybe;stor;Agfa;s\r\n"
        "b;TOO_LONG_FOR_AN_AET;ct_2;70000;;;;s\r\n"
        "b;B;192.0.2.4;;;;;s;more\r\n"
        "c;b;;0;;;;s\r\n"
        ";;192.0.2.5;;;;;s\r\n"
    )
    found = of(text)
    assert told(found) == [
        'list.csv:1:43 warning: column "Serial no" is not read',
        "list.csv:2:1 error: ct1 is in the environment already",
        "list.csv:3:3 error: a formula, not a value",
        "list.csv:3:8 error: not an IP address: each of the four numbers is from 0 to 255",
        'list.csv:3:20 error: "1e5" is no port',
        'list.csv:3:24 error: "maybe" is neither yes nor no',
        'list.csv:3:30 error: "stor" is none of: echo, store, find, find_worklist, get, move, storage_commitment',
        'list.csv:3:35 warning: "Agfa" is no vendor with a sheet of its own: generic',
        "list.csv:4:3 error: an AE title has at most 16 characters, this one has 19",
        "list.csv:4:23 error: a host name has labels of 1 to 63 letters, digits and hyphens, joined by dots",
        "list.csv:4:28 error: 70000 is out of range: the largest value is 65534",
        "list.csv:5:1 error: b stands in line 4 already",
        "list.csv:5:21 error: a cell without a heading",
        "list.csv:6:1 error: address is missing",
        "list.csv:6:3 error: the AE title b stands in line 5 already",
        "list.csv:6:6 error: 0 is out of range: the smallest value is 1",
        "list.csv:7:1 error: neither a name nor an AE title",
    ]
    assert found.changes == ()


def test_places_behind_a_value_of_several_lines() -> None:
    found = of('aet,notes,ip\n"A","one\r\ntwo",192.0.2.300\nB,x,192.0.2.301\n')
    assert [one.partition(": ")[0] for one in told(found)] == [
        "list.csv:2:5 error", "list.csv:3:6 error", "list.csv:4:5 error",
    ]  # fmt: skip


def test_case_counts_where_the_site_says_so() -> None:
    text = "aet,ip\nCT2,192.0.2.2\nct2,192.0.2.3\n"
    assert told(of(text)) == ["list.csv:3:1 error: the AE title ct2 stands in line 2 already"]
    assert [name for name, _ in changes(of(text, exact=True))] == ["ct2", "ct2-2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "list.csv:1:1 error: the list is empty"),
        (b"\n;;\n", "list.csv:1:1 error: the list is empty"),
        (b"aet,ip\n", "list.csv:1:1 error: the list has headings and no row"),
        (b"CT1,192.0.2.1,104\n", "list.csv:1:1 error: no column for aet and address"),
        (b"aet,ip,AE Title\nA,192.0.2.2,A\n", 'list.csv:1:8 error: "AE Title" is the aet, as "aet" is'),
        (b"aet,ip\nA\x00,192.0.2.2\n", "list.csv:2:2 error: U+0000 is no character of a text file"),
        (b"aet,ip\nA,192.0.2.2\x1b[2J\n", "list.csv:2:12 error: U+001B is no character of a text file"),
        (b'aet,ip\n"A,192.0.2.2\nB,b\n', "list.csv:2:1 error: the quote is not closed"),
        (b'aet,ip\n"A"B,192.0.2.2\n', "list.csv:2:1 error: characters behind a closing quote"),
        (b'aet,ip\nA,"192.0.2.2\n3"\n', "list.csv:2:3 error: a host name has labels of 1 to 63 letters"),
        (b"PK\x03\x04xlsx", "list.csv:1:1 error: this is a workbook of a spreadsheet program, not CSV"),
        (b"x" * (4 * 1024 * 1024 + 1), "list.csv:1:1 error: the file is larger than 4 MiB"),
        ("aet,ip\nA,192.0.2.2\ud800\n".encode("utf-16-le", "surrogatepass"), "list.csv:1:2 error: U+0000"),
        ("\ufeffaet,ip\nCT\u202e1,192.0.2.2\n".encode(), "list.csv:2:1 error: an AE title has printable ASCII"),
        ("aet,ip\n１,１９２.0.2.2\n".encode(), "list.csv:2:1 error: an AE title has printable ASCII"),
    ],
)
def test_lists_that_are_none(content: bytes, message: str) -> None:
    found = of(content)
    assert any(one.startswith(message) for one in told(found)), told(found)
    assert found.changes == ()


def test_what_is_in_other_columns_is_never_shown() -> None:
    found = of("aet,ip,password\nA,192.0.2.300,hunter2\n")
    assert "hunter2" not in found.source
    assert HIDDEN * 7 in found.source
    shown = as_text(found.problems, {"list.csv": found.source}).plain
    assert "A,192.0.2.300,[hidden]" in shown
    assert "hunter2" not in as_text((broken := of('aet,password\nA,hunter2"\n"')).problems, {"": broken.source}).plain


@pytest.mark.parametrize(
    "row",
    [
        "A,192.0.2.2",
        'a"""""",192.0.2.2',
        '"' + '""' * 15 + '",x',
        "=A,=B",
        "CT1,192.0.2.1",
        ",,,,,,",
        "é" * 30 + ",",
        "A!,b",
        "A#,b",
    ],
)
def test_a_hundred_thousand_rows_end_in_seconds(row: str) -> None:
    started = time.process_time()
    found = of("aet,ip\n" + f"{row}\n" * 100_000)
    assert time.process_time() - started < 30
    assert any(problem.severity == "error" for problem in found.problems)
    assert len(found.problems) < 5 * MOST_ROWS


def test_the_template_is_a_list() -> None:
    assert changes(of(TEMPLATE, present={})) == [
        (
            "ct1",
            {
                "aet": "CT1", "address": "192.0.2.10", "port": 104, "vendor": "siemens", "tls": False,
                "may": ["echo", "store"], "description": "Example: replace this line",
            },
        )
    ]  # fmt: skip


@settings(derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=200) | st.text(st.sampled_from('a,;"\n\r\t=1.\x00é'), max_size=60).map(lambda t: t.encode()))
def test_any_bytes_are_read_or_told(content: bytes) -> None:
    for head in (b"", b"aet,ip\n"):
        found = of(head + content)
        assert found.problems or found.changes
        lines = (head + content).decode("utf-8", "replace").count("\n") + (head + content).count(b"\r") + 1
        for problem in found.problems:
            assert problem.mark is not None
            assert 1 <= problem.mark.line <= lines + 1
            assert problem.mark.end_column > problem.mark.column
