"""Environments as hosts of Ansible: what each format says, and that Ansible reads the same from all of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from orthancgen.cli.inventory import inventory
from orthancgen.errors import InputError
from orthancgen.hosts.inventory import FORMATS, entries
from orthancgen.resources import locate
from orthancgen.site.load import load
from orthancgen.site.model import Site
from tests.support.tool_environments import ansible_folder


def site(folder: Path, name: str, **deployment: Any) -> tuple[Path, Site]:
    path = folder / f"{name}.yaml"
    base = str(locate("environments") / "staging.yaml")
    path.write_text(yaml.safe_dump({"extends": base, "environment": name, "deployment": deployment}))
    return path, load(path, lambda: None).require()


def test_each_environment_is_a_host_of_its_own(tmp_path: Path) -> None:
    north = site(tmp_path, "north", host="pacs1.example", user="admin")
    south = site(tmp_path, "south", host="192.168.1.7", port=2222, become=False)
    found = entries([north, south])
    assert [one.name for one in found] == ["north", "south"]
    assert found[0].groups == ("orthancgen", "staging", "native")
    assert found[1].variables == {
        "ansible_host": "192.168.1.7",
        "ansible_port": 2222,
        "ansible_become": False,
        "orthancgen_environment": "south",
        "orthancgen_file": str(tmp_path / "south.yaml"),
    }


def test_ansible_reads_the_same_from_every_format(tmp_path: Path) -> None:
    folder = tmp_path / "of a site"
    folder.mkdir()
    hosts = entries([site(folder, "north", host="pacs1.example", user="admin"), site(folder, "b2", host="h")])
    read = {}
    for name, write in FORMATS.items():
        path = tmp_path / f"hosts.{'sh' if name == 'json' else name}"
        text = write(hosts)
        if name == "json":
            text = f"#!/bin/sh\ncat <<'END'\n{text}END\n"
        path.write_text(text)
        path.chmod(0o755 if name == "json" else 0o644)
        command = [str(ansible_folder() / "ansible-inventory"), "-i", str(path), "--list"]
        done = subprocess.run(
            command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        )
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
        document = json.loads(done.stdout)
        read[name] = (
            document["_meta"]["hostvars"],
            {group: document[group]["hosts"] for group in ("orthancgen", "native")},
        )
    assert read["yaml"] == read["ini"] == read["json"]
    assert read["yaml"][0] == {host.name: dict(host.variables) for host in hosts}


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: [site(folder, "north")], "names no host"),
        (lambda folder: [site(folder, "north", host="h"), site(folder, "north", host="h")], "was named already"),
    ],
)
def test_what_cannot_be_a_host_is_told(
    break_it: Callable[[Path], list[tuple[Path, Site]]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said) as raised:
        entries(break_it(tmp_path))
    assert raised.value.hint


def test_a_path_that_ansible_would_fill_in_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "{{ x }}"
    folder.mkdir()
    with pytest.raises(InputError, match="more in this path than a path"):
        entries([site(folder, "north", host="h")])


def test_the_verb_writes_a_file(tmp_path: Path) -> None:
    path, _ = site(tmp_path, "north", host="pacs1.example")
    done = CliRunner().invoke(inventory, [str(path), "-o", str(tmp_path / "hosts.yaml")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((tmp_path / "hosts.yaml").read_text())
    assert written["all"]["children"]["orthancgen"]["hosts"]["north"]["ansible_host"] == "pacs1.example"
