from __future__ import annotations

from typing import get_args

import pytest

from orthancgen.sheets.load import texts, vendor, vendors
from orthancgen.sheets.vendor import CommandSheet, Line
from orthancgen.site.modalities import Vendor


def _argv(command: CommandSheet, *conditions: str) -> list[str]:
    argv: list[str] = []
    for one in command.argv:
        if isinstance(one, str):
            argv.append(one)
        elif one.when in conditions:
            argv.extend(one.args)
    return argv


def _commands(name: str) -> dict[str, CommandSheet]:
    return {command.id: command for command in vendor(name).commands}


def test_every_vendor_of_a_modality_has_a_file() -> None:
    assert set(get_args(Vendor)) <= set(vendors())


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("echo", ["storescu", "-c", "{called_aet}@{host}:{port}", "-b", "{own_aet}"]),
        ("store", ["storescu", "-c", "{called_aet}@{host}:{port}", "-b", "{own_aet}", "{file}"]),
        ("send-folder", ["storescu", "-c", "{called_aet}@{host}:{port}", "-b", "{own_aet}", "{folder}"]),
    ],
)
def test_dcm4che_sends_with_storescu_to_aet_at_host_and_port(command: str, argv: list[str]) -> None:
    assert _argv(_commands("dcm4che")[command]) == argv


def test_dcm4che_has_no_programs_of_dcmtk() -> None:
    assert {command.argv[0] for command in vendor("dcm4che").commands} == {
        "storescu", "findscu", "getscu", "movescu", "storescp", "openssl", "keytool",
    }  # fmt: skip
    options = [one for command in vendor("dcm4che").commands for one in _argv(command, "tls", "client_certificate")]
    assert not {"-aet", "-aec", "+tls", "+cf"} & set(options)


@pytest.mark.parametrize("command", ["echo", "store", "send-folder", "find", "get"])
def test_dcm4che_names_its_ciphers_and_reads_the_key_stores_that_were_made(command: str) -> None:
    made = {one for name in ("key-store", "trust-store") for one in _argv(_commands("dcm4che")[name])}
    shown = _argv(_commands("dcm4che")[command], "tls", "client_certificate")
    anonymous = _argv(_commands("dcm4che")[command], "tls", "no_client_certificate")
    for argv in (shown, anonymous):
        assert "--tls" not in argv  # it stands for AES-CBC and 3DES without forward secrecy
        assert argv[argv.index("--tls-cipher") + 1] == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        assert argv[argv.index("--trust-store") + 1] in made
        assert argv[argv.index("--trust-store-type") + 1] == "PKCS12"  # JKS by default
    assert shown[shown.index("--key-store") + 1] in made
    assert "--key-store" not in anonymous


def test_dcm4che_makes_a_key_store_only_where_a_certificate_is_shown() -> None:
    assert {name: _commands("dcm4che")[name].when for name in ("key-store", "trust-store")} == {
        "key-store": "client_certificate",
        "trust-store": "tls",
    }


def test_dcm4che_listens_before_it_has_images_moved_to_itself() -> None:
    ids = [command.id for command in vendor("dcm4che").commands]
    assert ids.index("receive") < ids.index("move")
    move = _argv(_commands("dcm4che")["move"])
    assert move[move.index("--dest") + 1] == move[move.index("-b") + 1] == "{own_aet}"


@pytest.mark.parametrize(
    ("name", "product", "steps"),
    [
        ("ge", "SIGNA Profile MR, testing a destination", ("Network", "Selected remote host:", "DICOM PING")),
        ("philips", "EPIQ and Affiniti, 1.5.x", ("Network/DICOM", "DICOM Settings", "DICOM Devices")),
        ("philips", "HD9, 1.1.x", ("Setup", "DICOM", "Add", "STORAGE")),
        ("horos", "Horos", ("Preferences", "Locations")),
        ("osirix", "OsiriX", ("Preferences", "Locations")),
        ("weasis", "Weasis", ("File", "Preferences", "DICOM node list", "Add new")),
        ("slicer", "3D Slicer, sending", ("DICOM", "Send to DICOM server")),
    ],
)
def test_menus_that_a_source_names(name: str, product: str, steps: tuple[str, ...]) -> None:
    [path] = [path for path in vendor(name).paths if path.product == product]
    assert path.steps == steps
    assert path.confirmed


@pytest.mark.parametrize("name", ["canon", "fujifilm", "hologic", "microdicom", "siemens"])
def test_no_menu_is_invented_where_no_source_names_one(name: str) -> None:
    assert not vendor(name).paths
    assert vendor(name).products_differ is not None


@pytest.mark.parametrize("name", sorted(vendors()))
def test_a_menu_that_is_not_confirmed_says_why(name: str) -> None:
    assert all(path.note is not None for path in vendor(name).paths if not path.confirmed)


@pytest.mark.parametrize("name", sorted(set(get_args(Vendor)) - {"dcm4che", "dcmtk"}))
def test_the_device_is_told_whom_to_call_where_and_as_whom(name: str) -> None:
    assert {"called_aet", "host", "port", "own_aet"} <= {field.value for field in vendor(name).fields}


@pytest.mark.parametrize("name", sorted(vendors()))
def test_texts_are_whole_sentences(name: str) -> None:
    for path, text in texts(vendor(name)):
        assert path[-1] == "purpose" or text.endswith("."), path
        assert text == " ".join(text.split()), path


def test_a_retrieve_by_default_needs_no_way_back() -> None:
    retrieve = {"horos": "Retrieve", "osirix": "Retrieve method", "radiant": "Protocol", "slicer": "Protocol"}
    for name, label in retrieve.items():
        [field] = [field for field in vendor(name).fields if field.label == label]
        assert field.literal is not None
        assert field.literal.replace("-", "") == "CGET"


def test_lines_of_a_command_are_not_empty() -> None:
    for name, found in vendors().items():
        for command in found.commands:
            assert all(one.args for one in command.argv if isinstance(one, Line)), (name, command.id)
