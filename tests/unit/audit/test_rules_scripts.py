from __future__ import annotations

from typing import Any

import pytest

from tests.unit.audit.set_ups import found, severities, subject

LOADED: dict[str, Any] = {"LuaScripts": ["site.lua"]}
POST = "function OnStoredInstance(id, tags) pcall(HttpPost, %s, '{}', {Authorization = 'x'}) end"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("'https://receiver.example/x'", 0),
        ("'http://receiver.example/x'", 1),
        ("'http://127.0.0.1:8001/x'", 0),
        ("'http://[::1]:8001/x'", 0),
        ("'http://localhost/x'", 0),
        ("'http://host.docker.internal/x'", 0),
        ("'http://192.168.10.9/x'", 1),
        ("'https://a:b@receiver.example/x'", 1),
        ("'http://169.254.169.254/x'", 1),
        ("'http://receiver.example/' .. id", 1),
        ("settings['Url']", 0),
    ],
)
def test_webhook_in_the_clear(url: str, wanted: int) -> None:
    where = subject(orthanc=LOADED, lua=POST % url)
    hits = found("webhook-in-the-clear", where)
    assert len(hits) == wanted
    assert all("a:b" not in message for _, message in hits)


def test_a_container_beside_orthanc_is_on_the_same_host() -> None:
    compose = """
        services:
          orthanc: {image: orthanc, networks: [inner]}
          backend: {image: backend, networks: [%s]}
    """
    for network, wanted in (("inner", 0), ("other", 1)):
        where = subject(compose % network, orthanc=LOADED, lua=POST % "'http://backend:8001/x'")
        assert len(found("webhook-in-the-clear", where)) == wanted


@pytest.mark.parametrize(
    ("lua", "wanted"),
    [
        ("function OnStoredInstance(id) HttpPost('https://a/', id) end", 1),
        ("function OnStoredInstance(id) HttpPost('https://a/', id, {['X-Api-Key'] = key}) end", 0),
        ("function OnStoredInstance(id) HttpPost('https://a/?token=' .. t, id) end", 0),
        ("SetHttpCredentials('a', p) function OnStoredInstance(id) HttpPost('https://a/', id) end", 0),
        ("function OnStoredInstance(id) HttpPost('https://a/', id) end -- token", 1),
        ("function Helper(id) HttpPost('https://a/', id) end", 0),
        ("function OnStoredInstance(id) HttpGet('https://a/') end", 0),
    ],
)
def test_webhook_without_secret(lua: str, wanted: int) -> None:
    assert len(found("webhook-without-secret", subject(orthanc=LOADED, lua=lua))) == wanted


@pytest.mark.parametrize(
    ("version", "settings", "head", "wanted"),
    [
        ("1.13.0", {}, "", ["medium"]),
        ("1.13.0", {"HttpTimeout": 5}, "", []),
        ("1.13.0", {"HttpTimeout": 0}, "", ["medium"]),
        ("1.13.0", {}, "SetHttpTimeout(2)", []),
        ("1.13.0", {}, "SetHttpTimeout(6)", ["medium"]),
        ("1.13.0", {}, "SetHttpTimeout(0)", ["medium"]),
        ("1.13.0", {}, "SetHttpTimeout(seconds)", []),
        ("1.11.0", {}, "SetHttpTimeout(2)", ["medium"]),
        ("1.11.0", {"HttpTimeout": 3}, "SetHttpTimeout(2)", []),
    ],
)
def test_webhook_blocks_orthanc(version: str, settings: dict[str, Any], head: str, wanted: list[str]) -> None:
    lua = f"{head}\n{POST % repr('http://127.0.0.1/')}"
    where = subject(orthanc={**LOADED, **settings}, lua=lua, version=version)
    assert severities("webhook-blocks-orthanc", where) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("id", 0),
        ("tags.PatientName", 1),
        ("tags['PatientID']", 1),
        ("DumpJson(tags)", 1),
        ("DumpJson({id = id})", 0),
        ("RestApiGet('/instances/' .. id .. '/simplified-tags')", 1),
        ("id --[[ PatientName ]]", 0),
    ],
)
def test_webhook_carries_patient_data(body: str, wanted: int) -> None:
    lua = f"function OnStoredInstance(id, tags) HttpPost('https://a/', {body}) end"
    assert len(found("webhook-carries-patient-data", subject(orthanc=LOADED, lua=lua))) == wanted
    quiet = f"function OnStoredInstance(id, tags) print({body}) end"
    assert found("webhook-carries-patient-data", subject(orthanc=LOADED, lua=quiet)) == []


@pytest.mark.parametrize(
    ("lua", "wanted"),
    [
        ("os.execute('date')", ["medium"]),
        ("os.execute('route ' .. id)", ["critical"]),
        ("io.popen(command)", ["critical"]),
        ("load(text)()", ["high"]),
        ("dofile('/etc/orthanc/more.lua')", ["low"]),
        ("os.time() io.open('x')", []),
        ("local s = 'os.execute(x)'", []),
    ],
)
def test_script_executes_programs(lua: str, wanted: list[str]) -> None:
    assert severities("script-executes-programs", subject(orthanc=LOADED, lua=lua)) == wanted
    assert severities("script-executes-programs", subject(lua=lua)) == wanted


def test_webhook_events_lost() -> None:
    lua = POST % "'http://127.0.0.1/'"
    assert severities("webhook-events-lost", subject(orthanc=LOADED, lua=lua)) == ["medium"]
    for text in ("GET /changes?since=3", "CHANGES_POLL: 5", "ORTHANC_CHANGES_EVERY: 5", "reconcile: 15m"):
        assert severities("webhook-events-lost", subject(orthanc=LOADED, lua=lua, raw={"a.yml": text})) == []
    for text in ("exchanges-rate", "changes nothing"):
        where = subject(orthanc=LOADED, lua=lua, raw={"a.yml": text})
        assert severities("webhook-events-lost", where) == ["medium"]
