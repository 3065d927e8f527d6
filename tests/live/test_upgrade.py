"""What the advisor says of the installed Orthanc, against that Orthanc: each fact that was run is run again.

A behaviour that a later version has is not seen in an older one, and the advisor tells it on the way there.
"""

from __future__ import annotations

import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orthancgen.dicom.synthetic import ct_instance
from orthancgen.orthanc.detect import installed_version
from orthancgen.orthanc.keys import SUPPORTED, Version, keys_for
from orthancgen.upgrade.advise import advise
from orthancgen.upgrade.change import Change, changes
from orthancgen.upgrade.subject import Subject, of_settings
from tests.conftest import StartOrthanc
from tests.support.certificates import Authority
from tests.support.servers import OrthancServer, StartupError, require_dcmtk, require_program

pytestmark = pytest.mark.live
NEWEST = SUPPORTED[-1]


@pytest.fixture(scope="module")
def version() -> Version:
    return installed_version(require_program("Orthanc"))


def change(id_: str) -> Change:
    return next(one for one in changes() if one.id == id_)


def require_told(id_: str, settings: dict[str, Any], version: Version, **changed: Any) -> None:
    """The advisor tells an older Orthanc's owner of what the newest one does otherwise."""
    if not change(id_).holds_in(version) and change(id_).entering is not None:
        subject = Subject("x", settings, settings, **changed)
        assert id_ in {one.id for one in advise(subject, version, NEWEST).concerning}


@pytest.mark.parametrize(
    ("id_", "settings", "log"),
    [
        ("no-user-refused", {"RemoteAccessAllowed": True, "AuthenticationEnabled": True}, "no user is declared"),
        ("colon-in-user-refused", {"RegisteredUsers": {"a:b": "secret"}}, 'cannot contain ":"'),
        ("password-must-be-text", {"RegisteredUsers": {"a": 5}}, "Badly formatted list of users"),
        ("missing-plugin-refused", {"Plugins": ["/nonexistent/lib.so"]}, "Inexistent path to plugin"),
        ("own-aet-characters", {"DicomAet": "A\tB"}, "not valid for an AET"),
        ("own-aet-characters", {"DicomAet": "A\\B"}, "not valid for an AET"),
        ("own-aet-characters", {"DicomAet": "   "}, "not valid for an AET"),
        ("storage-limits-must-be-numbers", {"MaximumStorageSize": "5"}, "must be an integer"),
    ],
)
def test_what_a_newer_one_refuses_starts(
    start_orthanc: StartOrthanc, version: Version, id_: str, settings: dict[str, Any], log: str
) -> None:
    require_told(id_, settings, version)
    # Those in between start, and fail with each request that asks for the limit, as GET /system does since 1.11.3.
    fails = id_ == "storage-limits-must-be-numbers" and version >= Version.parse("1.11.3")
    if change(id_).holds_in(version) or fails:
        with pytest.raises(StartupError, match=log):
            start_orthanc(settings)
    else:
        assert start_orthanc(settings).running


@pytest.mark.parametrize("users", [{}, {"RegisteredUsers": {}}])
def test_without_a_user_there_is_one_with_a_known_password(
    start_orthanc: StartOrthanc, version: Version, users: dict[str, Any]
) -> None:
    id_ = "empty-users-mean-nobody" if users else "no-user-refused"
    settings = {"RemoteAccessAllowed": True, "AuthenticationEnabled": True, **users}
    require_told(id_, settings, version)
    if change(id_).holds_in(version) and not users:
        pytest.skip("such a version does not start, see above")
    server = start_orthanc(settings)
    answer = httpx.get(f"{server.url}/system", auth=("orthanc", "orthanc"), trust_env=False)
    assert answer.status_code == (401 if change(id_).holds_in(version) else 200)


def test_a_word_for_overwriting_stops_an_older_one(start_orthanc: StartOrthanc, version: Version) -> None:
    settings = {"OverwriteInstances": "IfChanged"}
    back = advise(of_settings("x", settings), NEWEST, SUPPORTED[0]).concerning
    assert [str(one.kind) for one in back if one.id == "key:OverwriteInstances"] == ["breaks"]
    if "string" in keys_for(version)["OverwriteInstances"].type:
        assert start_orthanc(settings).get("/system")["OverwriteInstancesMode"] == "IfChanged"
    else:
        with pytest.raises(StartupError, match="must be a Boolean"):
            start_orthanc(settings)


def tls(authority: Authority) -> dict[str, Any]:
    pair = authority.issue("server")
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pair.certificate),
        "DicomTlsPrivateKey": str(pair.key),
        "DicomTlsRemoteCertificateRequired": False,
    }


def test_an_older_one_needs_trusted_certificates(start_orthanc: StartOrthanc, version: Version, tmp_path: Path) -> None:
    settings = tls(Authority(tmp_path / "authority"))
    told = {one.id for one in advise(of_settings("x", settings), NEWEST, SUPPORTED[0]).concerning}
    assert "trusted-may-be-left-out" in told
    if change("trusted-may-be-left-out").holds_in(version):
        assert start_orthanc(settings).running
    else:
        with pytest.raises(StartupError, match="Cannot read file with trusted certificates"):
            start_orthanc(settings)


@pytest.mark.parametrize("who", ["nobody", "known", "foreign"])
def test_a_certificate_that_is_not_required_is_looked_at_by_an_older_one(
    start_orthanc: StartOrthanc, version: Version, tmp_path: Path, who: str
) -> None:
    own, other = Authority(tmp_path / "own"), Authority(tmp_path / "other", "another authority")
    settings = tls(own) | {"DicomTlsTrustedCertificates": str(own.certificate)}
    require_told("certificates-not-asked", settings, version)
    server = start_orthanc(settings)
    pair = (other if who == "foreign" else own).issue("caller")
    shown = ["+tla"] if who == "nobody" else ["+tls", str(pair.key), str(pair.certificate)]
    command = [require_dcmtk("echoscu"), "-to", "10", *shown, "+cf", str(own.certificate), "127.0.0.1"]
    done = subprocess.run([*command, str(server.dicom_port)], capture_output=True, timeout=240, check=False)
    refused = who == "foreign" and not change("certificates-not-asked").holds_in(version)
    assert (done.returncode != 0) is refused, done.stderr


def store(server: OrthancServer, name: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/instances", content=ct_instance(name, datetime(2026, 1, 1, tzinfo=UTC)).data)


def test_limits_of_queries(start_orthanc: StartOrthanc, version: Version) -> None:
    peer = {"DicomModalities": {"me": ["ME", "127.0.0.1", 4321]}}
    server = start_orthanc({"LimitFindResults": 1, "DicomAlwaysAllowFind": True, **peer})
    for name in ("a", "b", "c"):
        store(server, name).raise_for_status()
    command = [require_dcmtk("findscu"), "-aet", "ME", "-aec", server.aet, "-S", "-k", "QueryRetrieveLevel=STUDY"]
    command += ["-k", "StudyInstanceUID=", "127.0.0.1", str(server.dicom_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    answers = (done.stdout + done.stderr).count("Find Response")
    assert answers == (3 if change("find-limits-not-applied").holds_in(version) else 1)


def test_what_holds_where_nothing_is_set(start_orthanc: StartOrthanc, version: Version) -> None:
    require_told("name-by-default", {}, version)
    server = start_orthanc({"Name": ""})
    server.stop()
    del server.configuration["Name"]
    server.start()
    assert server.get("/system")["Name"] == ("MyOrthanc" if change("name-by-default").holds_in(version) else "")
    answer = httpx.get(f"{server.url}/system", headers={"Accept-Encoding": "gzip"}, trust_env=False)
    compressed = keys_for(version)["HttpCompressionEnabled"].default
    assert ("gzip" in answer.headers.get("content-encoding", "")) is compressed


@pytest.mark.parametrize(
    ("id_", "function"),
    [("lua-timeout", "SetHttpTimeout"), ("lua-stable-status", "SetStableStatus"), ("lua-key-value", "StoreKeyValue")],
)
def test_functions_of_lua(
    start_orthanc: StartOrthanc, version: Version, tmp_path: Path, id_: str, function: str
) -> None:
    require_told(id_, {}, version, lua=frozenset({function}))
    script = tmp_path / "asks.lua"
    script.write_text(f'print("{function} is a " .. type({function}))\n')
    log = start_orthanc({"LuaScripts": [str(script)]}).log()
    assert f"{function} is a {'function' if change(id_).holds_in(version) else 'nil'}" in log


def test_an_older_one_cannot_store_in_the_index_of_a_newer_one(orthanc: OrthancServer, version: Version) -> None:
    """The two columns are those that 1.12.8 adds (InstallRevisionAndCustomData.sql); seen with 1.13.0 itself."""
    told = {one.id for one in advise(of_settings("x", {}), NEWEST, version).concerning}
    if version >= change("sqlite-columns-added").since:
        pytest.skip(f"{version} adds the columns itself")
    store(orthanc, "before").raise_for_status()
    orthanc.stop()
    with sqlite3.connect(orthanc.folder / "storage" / "index") as index:
        for column in ("revision INTEGER", "customData BLOB"):
            index.execute(f"ALTER TABLE AttachedFiles ADD COLUMN {column}")
    index.close()
    orthanc.start()
    (kept,) = orthanc.get("/instances")
    assert orthanc.get_bytes(f"/instances/{kept}/file").startswith(b"\0" * 128 + b"DICM")
    stored = store(orthanc, "after")
    refused = "sqlite-columns-added" in told
    assert (stored.json().get("Status") != "Success") is refused
    assert ("has 10 columns but 8 values were supplied" in orthanc.log()) is refused
    assert refused is (version < Version.parse("1.11.3"))
