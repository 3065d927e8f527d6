"""What `check_settings` says of settings, and what the table knows of versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthancgen.orthanc.keys import MAINLINE, SUPPORTED, Problem, Version, check_settings, keys_for

OLD, MIDDLE, NEW = SUPPORTED


def the_problem(settings: Mapping[str, object], version: Version = MIDDLE) -> Problem:
    problems = check_settings(settings, version)
    assert len(problems) == 1, problems
    return problems[0]


class TestVersion:
    def test_versions_are_ordered_by_number_and_mainline_is_newest(self) -> None:
        texts = ["1.9.7", "1.10.1", "1.12.2", "1.12.10", "1.13.0", "mainline"]
        versions = [Version.parse(text) for text in texts]
        assert sorted([versions[3], versions[5], versions[0], versions[4], versions[2], versions[1]]) == versions
        assert [str(version) for version in versions] == texts
        assert versions[-1] == MAINLINE

    def test_a_missing_patch_is_zero(self) -> None:
        assert str(Version.parse(" 1.12 ")) == "1.12.0"

    @pytest.mark.parametrize(
        "text", ["", "1", "1.2.3.4", "v1.2.3", "1.2.x", "latest", "1.12.7+dfsg", "1.-2", "99999.1", "١.٢"]
    )
    def test_anything_else_is_no_version(self, text: str) -> None:
        with pytest.raises(ValueError, match="no version"):
            Version.parse(text)


class TestUnknownKeys:
    @pytest.mark.parametrize("version", [*SUPPORTED, MAINLINE, Version(1, 11, 2)])
    def test_the_key_that_guides_recommend_and_no_orthanc_has(self, version: Version) -> None:
        problem = the_problem({"DicomCheckCallingAet": True}, version)
        assert problem.path == ("DicomCheckCallingAet",)
        assert "exists in no version of Orthanc and does nothing" in problem.message
        assert "dicom: {ae_checks: {calling_aet: registered}}" in (problem.hint or "")

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("WebdavEnabled", "WebDavEnabled"),
            ("dicomaet", "DicomAet"),
            ("StorageDirectroy", "StorageDirectory"),
            ("dicomWeb", "DicomWeb"),
            ("Postgresql", "PostgreSQL"),
        ],
    )
    def test_a_misspelling_is_named(self, written: str, meant: str) -> None:
        problem = the_problem({written: None})
        assert problem.message == f"{written} is no key of Orthanc 1.12.7"
        assert (problem.hint or "").startswith(f"did you mean {meant}?")
        assert ("upper from lower" in (problem.hint or "")) == (written.lower() == meant.lower())

    def test_a_misspelt_key_of_a_newer_version_says_so(self) -> None:
        problem = the_problem({"MaximumRequestBodySizeMb": 1})
        assert "did you mean MaximumRequestBodySizeMB (new in 1.12.11)?" in (problem.hint or "")

    def test_a_key_in_the_wrong_place_is_sent_home(self) -> None:
        assert the_problem({"AllowEcho": True}).hint == "AllowEcho belongs into an entry of DicomModalities"
        assert (
            the_problem({"DicomWeb": {"HttpTimeout": 1}}).hint == "HttpTimeout is a key of the top level: move it there"
        )

    def test_nothing_like_it_is_said_plainly(self) -> None:
        problem = the_problem({"Frobnicate": 1})
        assert problem.hint == "Orthanc ignores an unknown key without a word: remove it"

    @pytest.mark.parametrize("name", ["_comment", "//", "# x", "$schema"])
    def test_remarks_belong_into_yaml(self, name: str) -> None:
        assert the_problem({name: "why"}).hint == "write remarks as YAML comments, after #"

    def test_own_sections_are_let_through_at_the_top_alone(self) -> None:
        assert check_settings({"OrthancGen": {"any": 1}}, NEW, own_sections={"OrthancGen"}) == ()
        assert len(check_settings({"Warnings": {"OrthancGen": True}}, NEW, own_sections={"OrthancGen"})) == 1

    def test_a_plugin_is_known_by_name_even_where_its_keys_are_not(self) -> None:
        assert check_settings({"MySQL": {"Anything": [1]}, "PythonScript": "x.py"}, NEW) == ()
        assert "must be an object" in the_problem({"MySQL": True}).message

    def test_a_plugin_that_comes_with_a_later_orthanc(self) -> None:
        assert "new in 1.11.0" in the_problem({"Housekeeper": {}}, OLD).message
        assert check_settings({"Housekeeper": {"Enable": True}}, MIDDLE) == ()


class TestVersions:
    @pytest.mark.parametrize(
        ("key", "value", "since"),
        [
            ("MaximumStorageMode", "Reject", "1.11.2"),
            ("DicomTlsCiphersAccepted", ["ECDHE-RSA-AES256-GCM-SHA384"], "1.12.4"),
            ("DicomTlsMinimumProtocolVersion", 0, "1.12.4"),
            ("ReadOnly", False, "1.12.5"),
            ("AcceptedSopClasses", ["1.2.840.*"], "1.12.6"),
            ("RejectSopClasses", ["1.2"], "1.12.6"),
            ("RejectedSopClasses", ["1.2"], "1.12.8"),
            ("HttpBindAddresses", ["127.0.0.1"], "1.12.10"),
            ("MaximumRequestBodySizeMB", 8192, "1.12.11"),
            ("TranscoderThreadsCount", 4, "1.13.0"),
        ],
    )
    def test_a_key_begins_with_its_version(self, key: str, value: object, since: str) -> None:
        first = Version.parse(since)
        before = Version(first.major, first.minor, first.patch - 1) if first.patch else Version(1, 12, 11)
        assert check_settings({key: value}, first) == ()
        assert the_problem({key: value}, before).message == f"{key} is not in Orthanc {before}: it is new in {since}"

    def test_a_key_ends_with_its_version(self) -> None:
        assert "1.10.0 was the last version" in the_problem({"LimitJobs": 1}, OLD).message

    def test_the_remedy_names_what_the_old_version_has(self) -> None:
        assert "RejectSopClasses" in (the_problem({"RejectedSopClasses": []}, MIDDLE).hint or "")
        assert "RemoteAccessAllowed" in (the_problem({"HttpBindAddresses": []}, MIDDLE).hint or "")

    def test_overwrite_instances_is_a_boolean_before_1_13_and_a_text_since(self) -> None:
        assert check_settings({"OverwriteInstances": True}, MIDDLE) == ()
        assert check_settings({"OverwriteInstances": True}, NEW) == ()
        assert check_settings({"OverwriteInstances": "IfChanged"}, NEW) == ()
        assert "must be true or false" in the_problem({"OverwriteInstances": "Always"}, MIDDLE).message
        assert "did you mean Always?" in (the_problem({"OverwriteInstances": "always"}, NEW).hint or "")
        assert (
            the_problem({"OverwriteInstances": 1}, NEW).message
            == "OverwriteInstances must be a text or true or false, not 1"
        )

    def test_defaults_and_values_change_with_the_version(self) -> None:
        compression = [
            keys_for(Version.parse(v))["HttpCompressionEnabled"].default for v in ("1.10.1", "1.12.1", "1.12.2")
        ]
        assert compression == [True, True, False]
        assert check_settings({"DeidentifyLogsDicomVersion": "2023b"}, Version.parse("1.12.1")) == ()
        assert "cannot be" in the_problem({"DeidentifyLogsDicomVersion": "2023b"}, OLD).message


class TestTypes:
    @pytest.mark.parametrize(
        ("key", "value", "hint"),
        [
            ("SslEnabled", "true", "write true, without quotes"),
            ("SslEnabled", "No", "write false, without quotes"),
            ("SslEnabled", 1, "Orthanc refuses to start"),
            ("StableAge", "60", "write 60, without quotes"),
            ("StableAge", True, "Orthanc refuses to start"),
            ("StableAge", 60.0, "Orthanc refuses to start"),
            ("StableAge", None, "give it a value or remove it"),
            ("DicomAet", 42, "put it into quotes"),
            ("LuaScripts", "a.lua", "put it into a list"),
            ("UserMetadata", [1], "Orthanc refuses to start"),
        ],
    )
    def test_a_wrong_type_is_named_with_a_remedy(self, key: str, value: object, hint: str) -> None:
        problem = the_problem({key: value})
        assert problem.path == (key,)
        assert problem.message.startswith(f"{key} must be ")
        assert hint in (problem.hint or "")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("MaximumPduLength", 4095),
            ("MaximumPduLength", 131073),
            ("DicomLossyTranscodingQuality", 0),
            ("DicomPort", 0),
            ("DicomPort", 65536),
            ("MaximumStorageSize", -1),
            ("StableAge", 2**31),
            ("HttpThreadsCount", 0),
        ],
    )
    def test_a_number_out_of_range(self, key: str, value: int) -> None:
        problem = the_problem({key: value})
        assert problem.message == f"{key} cannot be {value}"
        assert (problem.hint or "").startswith("allowed: ")

    @pytest.mark.parametrize(
        ("key", "value"), [("MaximumPduLength", 4096), ("MaximumPduLength", 131072), ("DicomPort", 65535)]
    )
    def test_both_ends_of_a_range_are_allowed(self, key: str, value: int) -> None:
        assert check_settings({key: value}, MIDDLE) == ()

    def test_items_have_their_own_place(self) -> None:
        assert the_problem({"LuaScripts": ["a.lua", 7]}).path == ("LuaScripts", 1)
        assert the_problem({"UserMetadata": {"Ours": 1000}}).path == ("UserMetadata", "Ours")
        assert the_problem({"ExtraMainDicomTags": {"Study": ["StudyDate", 1]}}).path == (
            "ExtraMainDicomTags",
            "Study",
            1,
        )
        assert the_problem({"Warnings": {"W003_DecoderFailure": "x"}}).path == ("Warnings", "W003_DecoderFailure")

    def test_letter_case_matters_only_where_orthanc_minds_it(self) -> None:
        assert check_settings({"DefaultEncoding": "utf8"}, MIDDLE) == ()
        assert "did you mean Never?" in (the_problem({"StorageAccessOnFind": "never"}).hint or "")

    @pytest.mark.parametrize(
        "settings",
        [
            {"RegisteredUsers": {"alice": 87654321}},
            {"RegisteredUsers": "87654321"},
            {"HttpProxy": 87654321},
            {"PostgreSQL": {"Password": 87654321}},
            {"OrthancPeers": {"a": ["http://a/", "alice", 87654321]}},
            {"OrthancPeers": {"a": {"Url": "http://a/", "HttpHeaders": {"Authorization": 87654321}}}},
            {"Pasword": "87654321"},
        ],
    )
    def test_what_may_be_a_password_is_never_shown(self, settings: Mapping[str, object]) -> None:
        problem = the_problem(settings)
        assert "87654321" not in problem.message + (problem.hint or "")

    def test_hostile_text_stays_on_its_line(self) -> None:
        hostile = "a\n\x1b[2J\u202e\x9b" + "x" * 500
        settings = {
            hostile: 1,
            "DicomAet": [],
            "StorageAccessOnFind": hostile,
            "DicomModalities": {hostile: []},
            "_" + hostile: 1,
        }
        problems = check_settings(settings, MIDDLE)
        assert len(problems) == 6
        for problem in problems:
            shown = problem.message + (problem.hint or "")
            assert shown.isprintable()
            assert len(shown) < 200


class TestPeers:
    def test_both_forms_of_a_modality_are_good(self) -> None:
        modalities = {
            "ct1": ["CT1", "192.168.10.21", 104],
            "ct-2": ["CT2", "192.168.10.22", "104", "GE"],
            "ct_3": {"AET": "CT3", "Host": "192.168.10.23", "Port": 104, "AllowStorageCommitment": False, "Timeout": 0},
        }
        assert check_settings({"DicomModalities": modalities}, OLD) == ()

    @pytest.mark.parametrize(
        ("entry", "path", "words"),
        [
            (["CT1", "192.168.10.21", 65535], (2,), "cannot be 65535"),
            (["CT1", "192.168.10.21", "http"], (2,), 'cannot be the text "http"'),
            (["CT1", "192.168.10.21"], (), "3 or 4 items, not 2"),
            (["CT1", 5, 104], (1,), "Host must be a text"),
            (["CT1", "192.168.10.21", 104, "SiemensSyngoCT"], (3,), "Manufacturer cannot be"),
            ({"AET": "CT1", "Port": 104}, (), "Host is missing"),
            ({"AET": "CT1", "Host": "x", "Port": 104, "AllowEcho": "true"}, ("AllowEcho",), "must be true or false"),
            (
                {"AET": "CT1", "Host": "x", "Port": 104, "AllowMoves": True},
                ("AllowMoves",),
                "no key of Orthanc's modality",
            ),
            ("CT1", (), "must be an object or a list"),
        ],
    )
    def test_what_is_wrong_with_a_modality_has_its_place(self, entry: Any, path: tuple[Any, ...], words: str) -> None:
        problem = the_problem({"DicomModalities": {"ct1": entry}})
        assert problem.path == ("DicomModalities", "ct1", *path)
        assert words in problem.message

    def test_a_manufacturer_of_1_13(self) -> None:
        assert check_settings({"DicomModalities": {"a": ["A", "10.0.0.1", 104, "SiemensSyngoCT"]}}, NEW) == ()

    @pytest.mark.parametrize("section", ["DicomModalities", "OrthancPeers"])
    @pytest.mark.parametrize("name", ["a b", "a.b", "ä", ""])
    def test_names_that_orthanc_refuses(self, section: str, name: str) -> None:
        entry: list[object] = ["A", "10.0.0.1", 104] if section == "DicomModalities" else ["http://a/"]
        assert "Orthanc refuses the name" in the_problem({section: {name: entry}}).message

    def test_a_peer_takes_properties_of_plugins_but_no_misspelling(self) -> None:
        good = {"Url": "http://a/", "RemoteSelf": "here", "Anything": 1}
        assert check_settings({"OrthancPeers": {"a": good}}, OLD) == ()
        assert "did you mean Username?" in (
            the_problem({"OrthancPeers": {"a": {"Url": "http://a/", "UserName": "x"}}}).hint or ""
        )
        assert the_problem({"OrthancPeers": {"a": {"Url": "http://a/", "Foo": [1]}}}).path == (
            "OrthancPeers",
            "a",
            "Foo",
        )
        assert "1 or 3 items" in the_problem({"OrthancPeers": {"a": ["http://a/", "alice"]}}).message

    def test_a_dicomweb_server_is_named_freely(self) -> None:
        assert check_settings({"DicomWeb": {"Servers": {"a b": ["http://a/"]}}}, OLD) == ()


class TestAltogether:
    def test_every_problem_at_once_in_the_order_of_the_settings(self) -> None:
        settings = {"Z": 1, "StableAge": "x", "DicomWeb": {"Roots": "/", "Ssl": 0}, "ReadOnly": True, "A": 1}
        paths = [problem.path for problem in check_settings(settings, OLD)]
        assert paths == [("Z",), ("StableAge",), ("DicomWeb", "Roots"), ("DicomWeb", "Ssl"), ("ReadOnly",), ("A",)]

    def test_no_settings_have_no_problems(self) -> None:
        assert check_settings({}, NEW) == ()

    def test_a_section_can_be_checked_alone(self) -> None:
        assert check_settings({"AET": "A", "Host": "h", "Port": 1}, NEW, section="modality") == ()
        with pytest.raises(KeyError):
            check_settings({}, NEW, section="nowhere")

    @given(
        st.dictionaries(
            st.one_of(st.sampled_from([*keys_for(NEW), "PostgreSQL", "Worklists", "DicomWeb"]), st.text(max_size=20)),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
                lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
                max_leaves=8,
            ),
            max_size=5,
        ),
        st.sampled_from(SUPPORTED),
    )
    def test_no_json_makes_it_fail_and_each_problem_points_into_the_settings(
        self, settings: dict[str, Any], version: Version
    ) -> None:
        for problem in check_settings(settings, version):
            value: Any = settings
            for step in problem.path:
                value = value[step]
            assert problem.message
            assert "\n" not in json.dumps(problem.message)
