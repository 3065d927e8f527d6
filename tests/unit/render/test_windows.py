"""What sets a native site up on Windows: which paths it names, which secrets it asks for, and when there is none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from orthancgen.plan.build import plan
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from tests.support.environments import MINIMAL, NEWEST, site_of

FOLDER = "C:/ProgramData/orthancgen/"


def bundle(changes: dict[str, Any]) -> Bundle:
    return render(plan(site_of(MINIMAL, {"network": {"firewall": ["windows"]}, **changes}), NEWEST))


def files(made: Bundle) -> dict[str, str]:
    return {file.path: file.content.decode("ascii") for file in made.files if file.path.startswith("windows/")}


def test_every_path_is_one_of_windows_and_every_secret_is_asked_for() -> None:
    made = files(bundle({"orthanc/plugins": ["dicomweb"], "viewer": {"enabled": True}}))
    assert set(made) == {
        *("windows/orthanc.json", "windows/backend.json", "windows/viewer.json"),
        *("windows/install.ps1", "windows/uninstall.ps1"),
    }
    read = set()
    for path in ("windows/orthanc.json", "windows/backend.json", "windows/viewer.json"):
        assert "../" not in made[path]
        assert "/usr/" not in made[path]
        assert isinstance(json.loads(made[path]), dict)
        read |= set(re.findall(rf"{FOLDER}[^/]+/secrets/([^\"]+)", made[path]))
    assert json.loads(made["windows/orthanc.json"])["Plugins"] == [
        "C:/Program Files/Orthanc Server/Plugins/OrthancDicomWeb.dll"
    ]
    asked = set(re.findall(r"^    '((?:orthanc|backend|viewer)/[^']+)'", made["windows/install.ps1"], re.MULTILINE))
    assert asked == read | {"orthanc/orthanc.secret.json", "backend/people.json"}


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"firewall": ["nftables"]}},
        {"orthanc/storage": {"path": "/srv/images"}},
        {"deployment": {"supervisor_under": "systemd"}},
    ],
)
def test_a_site_of_linux_has_none_of_it(changes: dict[str, Any]) -> None:
    assert not files(bundle(changes))


def test_a_name_is_quoted() -> None:
    made = files(bundle({"environment": "north-1"}))["windows/install.ps1"]
    assert "$Environment = 'north-1'\r\n" in made
    assert "$Root = 'C:\\ProgramData\\orthancgen\\north-1'" in made
