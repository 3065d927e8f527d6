from __future__ import annotations

from orthancgen.audit.looking_scripts import (
    called_urls,
    each_script,
    missing_scripts,
    own_sections,
    reads_section,
    said,
    scripts_of,
    webhooks,
)
from orthancgen.foreign.lua import MAXIMUM_CHARACTERS
from tests.unit.audit.set_ups import subject

LUA = """
    local url = GetOrthancConfiguration()['Site']['Url'] -- GetOrthancConfiguration()['Other']
    function OnStoredInstance(id, tags, metadata, origin)
      HttpPost(url, DumpJson(tags))
      HttpGet('http://127.0.0.1/x')
    end
"""


def test_what_a_script_says_outside_of_its_comments() -> None:
    words = said("local a = 'b' -- c\n DumpJson(tags, true) DumpJson('x')", "a.lua")
    assert "c" not in words.names
    assert words.texts == ("b", "x")
    assert words.dumped == ("tags",)
    assert said("x " * MAXIMUM_CHARACTERS, "long.lua").names == ()


def test_the_scripts_that_an_orthanc_loads() -> None:
    where = subject(orthanc={"LuaScripts": ["/etc/orthanc/site.lua"]}, lua=LUA)
    orthanc = where.orthancs[0]
    assert [one.file for one in scripts_of(where, orthanc)] == ["site.lua"]
    assert not missing_scripts(where, orthanc)
    other = subject(orthanc={"LuaScripts": ["C:\\lua\\site.lua", "more.lua"]}, lua=LUA)
    assert [one.file for one in scripts_of(other, other.orthancs[0])] == ["site.lua"]
    assert missing_scripts(other, other.orthancs[0])
    for odd in ("site.lua", 3, [3], None):
        none = subject(orthanc={"LuaScripts": odd}, lua=LUA)
        assert scripts_of(none, none.orthancs[0]) == ()
        assert [(one is not None, script.file) for one, script in each_script(none)] == [(True, "site.lua")]


def test_own_sections_are_those_that_a_script_reads() -> None:
    where = subject(orthanc={"Site": {}, "Other": {}, "DicomWeb": {}, "Name": "x"}, lua=LUA)
    assert set(own_sections(where.orthancs[0])) == {"Site", "Other"}
    script = where.target.scripts[0]
    assert reads_section(script, "Site")
    assert not reads_section(script, "Other")


def test_a_url_that_is_put_together_is_looked_for_in_the_configuration() -> None:
    settings = {
        "LuaScripts": ["site.lua"],
        "Site": {"Url": "http://192.168.20.9/hook", "Deep": [{"Url": "https://a.example"}]},
        "Other": {"Url": "http://never.example"},
    }
    where = subject(orthanc=settings, lua=LUA)
    found = called_urls(where, where.orthancs[0], where.target.scripts[0])
    assert {(call.function, url.hostname) for call, url in found} == {
        ("HttpPost", "192.168.20.9"),
        ("HttpPost", "a.example"),
        ("HttpPost", "127.0.0.1"),
        ("HttpGet", "127.0.0.1"),
    }


def test_a_webhook_tells_of_events() -> None:
    assert [call.function for call in webhooks(subject(lua=LUA).target.scripts[0])] == ["HttpPost"]
    quiet = subject(lua="function IncomingHttpRequestFilter() HttpPost('http://a', 'b') end").target.scripts[0]
    assert webhooks(quiet) == ()
