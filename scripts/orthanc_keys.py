"""Build the table of Orthanc's configuration keys from what real servers print.

    collect DIR    runs the servers of several versions and writes what they say into DIR
    build DIR      joins DIR with orthanc_keys.yaml and writes orthancgen/orthanc/keys/*.json

Orthanc prints its configuration as JSON with comments: some keys with a value, others inside a comment. A print says
which keys there are, their types and defaults. Since when a key exists and what it may hold stands in
orthanc_keys.yaml, with its sources. The prints themselves are Orthanc's own text and are not kept in this repository.

`collect` also notes which key names the programs contain: `build` refuses a key that a version should know and its
program does not contain. The same DIR and YAML give the same bytes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SUPPLEMENT = HERE / "orthanc_keys.yaml"
TARGET = HERE.parent / "orthancgen" / "orthanc" / "keys"

# Debian's suite of each version; None is the machine's own installation.
SUITES: Mapping[str, str | None] = {"1.10.1": None, "1.12.7": "trixie", "1.13.0": "sid"}
VERSIONS = tuple(SUITES)
PACKAGES = "orthanc,orthanc-dicomweb,orthanc-postgresql"
LIBRARIES = {
    "dicomweb": ["*/libOrthancDicomWeb.so*"],
    "dicomweb_server": ["*/libOrthancDicomWeb.so*"],
    "postgresql": ["*/libOrthancPostgreSQL*.so*"],
    "worklists": ["*/libModalityWorklists.so*"],
    "housekeeper": ["*/libHousekeeper.so*"],
    "housekeeper_schedule": ["*/libHousekeeper.so*"],
    "housekeeper_triggers": ["*/libHousekeeper.so*"],
}
PROGRAM = ["usr/sbin/Orthanc", "usr/lib/libOrthancFramework.so*", "usr/lib/*/libOrthancFramework.so*"]

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "object"}
FIELDS = (
    *("name", "type", "items", "members", "each", "required", "default", "values", "any_case", "minimum", "maximum"),
    *("since", "until", "plugin_since", "secret", "description", "instead", "note", "changes", "printed", "source"),
)


class BuildError(Exception):
    """The prints and the supplement disagree."""


@dataclass(frozen=True)
class Printed:
    """A key as one version prints it; ``value`` is an example only where the key stands in a comment."""

    value: Any
    commented: bool


# --- reading a print


def split(text: str) -> Iterator[tuple[str, str]]:
    """Cut JSON with comments into ("json", text) and ("comment", text) pieces."""
    pattern = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
    position = 0
    for match in pattern.finditer(text):
        if match.group().startswith('"'):
            continue
        yield "json", text[position : match.start()]
        yield "comment", match.group()
        position = match.end()
    yield "json", text[position:]


def bare(comment: str) -> str:
    """Take the comment marks away and leave the text."""
    if comment.startswith("//"):
        return comment[2:]
    return "\n".join(re.sub(r"^\s*\*(?!/)", "", line) for line in comment.strip("/").strip("*").splitlines())


def read_print(text: str) -> dict[str, Printed]:
    """Read the keys of the top level, those in comments too.

    A key in a comment counts if the comment stands at the top level and the key begins a line of it.
    """
    pieces = list(split(text))
    active: dict[str, Any] = json.loads("".join(piece for kind, piece in pieces if kind == "json"))
    found = {name: Printed(value, commented=False) for name, value in active.items()}

    depth, run, comments = 0, "", []
    for kind, piece in pieces:
        if kind == "comment":
            run += bare(piece) + "\n" if depth == 1 else ""
        elif piece.strip():
            comments.append(run)
            run = ""
            outside = re.sub(r'"(?:\\.|[^"\\])*"', "", piece)
            depth += len(re.findall(r"[\[{]", outside)) - len(re.findall(r"[\]}]", outside))
    comments.append(run)

    for comment in comments:
        inner = 0
        for match in re.finditer(r'^[ \t]*"(\w+)"[ \t]*:[ \t]*|[\[{]|[\]}]', comment, re.MULTILINE):
            if match.group() in "[{":
                inner += 1
            elif match.group() in "]}":
                inner -= 1
            elif inner == 0:
                found.setdefault(match.group(1), Printed(example(comment[match.end() :]), commented=True))
    return found


def example(text: str) -> Any:
    """Read the first JSON value of a comment, which may hold further comments and a key twice."""
    clean = "".join(piece for kind, piece in split(text) if kind == "json")
    try:
        return json.JSONDecoder().raw_decode(clean)[0]
    except json.JSONDecodeError:
        return {"{": {}, "[": []}.get(clean[:1])


# --- collect


def contains(data: bytes, name: str) -> str:
    """Say how a program holds a name: whole, by its beginning (compilers split short texts), or not at all."""
    if re.search(rb"(?<![A-Za-z0-9_])" + name.encode() + rb"\0", data):
        return "whole"
    start = name.encode()[: 8 if len(name) > 8 else 4]
    return "beginning" if len(name) < 4 or start in data else "absent"


def run(command: list[str]) -> str:
    """Run a command and return what it printed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def unpack(suite: str, folder: Path) -> None:
    """Unpack a Debian suite with Orthanc and its plugins into ``folder``; needs root."""
    archive = folder.with_suffix(".tar")
    option = ['--aptopt=Acquire::Check-Valid-Until "false"'] if suite == "sid" else []
    run(["mmdebstrap", "--variant=apt", *option, f"--include={PACKAGES}", suite, str(archive)])
    folder.mkdir()
    run(["tar", "-C", str(folder), "--exclude=./dev/*", "-xf", str(archive)])
    archive.unlink()


def collect(target: Path) -> None:
    """Write the prints of each version, and which names its programs contain, into ``target``."""
    supplement = yaml.safe_load(SUPPLEMENT.read_text(encoding="utf-8"))
    target.mkdir(parents=True, exist_ok=True)
    for version, suite in SUITES.items():
        with tempfile.TemporaryDirectory(prefix="orthanc-keys-") as scratch:
            root, prefix = Path("/"), []
            if suite:
                root = Path(scratch) / suite
                unpack(suite, root)
                prefix = ["chroot", str(root)]
            first_line = run([*prefix, "Orthanc", "--version"]).splitlines()[0]
            if first_line != f"Orthanc {version}":
                raise BuildError(f"{suite or 'this machine'} has {first_line!r}, not {version}")
            print_to = target / f"{version}.json"
            print_to.write_text(run([*prefix, "Orthanc", "--config=-"]), encoding="utf-8")
            if "--advanced-config" in run([*prefix, "Orthanc", "--help"]):
                advanced = run([*prefix, "Orthanc", "--advanced-config=-"])
                (target / f"{version}.advanced.json").write_text(advanced, encoding="utf-8")
            names = names_in_programs(root, supplement["sections"])
            (target / f"{version}.names.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
        print(f"{version}: from {suite or 'this machine'}")


def names_in_programs(root: Path, sections: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Look each key up in the programs that read it; a plugin that is not there gives no entry."""
    result: dict[str, dict[str, str]] = {}
    for section, content in sections.items():
        patterns = LIBRARIES.get(section, PROGRAM)
        places = [root / "usr/lib/orthanc"] if section in LIBRARIES else [root]
        files = sorted({path.resolve() for place in places for pattern in patterns for path in glob(place, pattern)})
        if files:
            data = b"".join(without_documents(path.read_bytes()) for path in files)
            result[section] = {name: contains(data, name) for name in content["keys"]}
    return result


def without_documents(data: bytes) -> bytes:
    """Take long texts of several lines out: a program holds the configuration that it prints, which proves nothing."""
    return re.sub(rb"[\t\n\r\x20-\x7e]{400,}", lambda text: b"" if b"\n" in text.group() else text.group(), data)


def glob(place: Path, pattern: str) -> list[Path]:
    """Files below ``place`` that match; a leading ``*/`` also stands for the folder itself."""
    return [path for path in place.glob(pattern.removeprefix("*/")) if path.is_file()]


# --- build


def number(version: str) -> tuple[int, ...]:
    """1.12.7 as (1, 12, 7), for comparison."""
    return tuple(int(part) for part in version.split("."))


def known_in(entry: Mapping[str, Any], version: str) -> bool:
    """Whether the supplement says that a version of Orthanc knows the key."""
    since, until = entry.get("since"), entry.get("until")
    return (since is None or number(since) <= number(version)) and (until is None or number(version) <= number(until))


def build_key(
    section: str,
    name: str,
    entry: Mapping[str, Any],
    prints: Mapping[str, Mapping[str, Printed]],
    sources: Any,
    common: str,
) -> dict[str, Any]:
    """Join what the supplement and the prints say of one key.

    Raises:
        BuildError: they disagree about type, default or versions.
    """
    seen = {version: prints[version][name] for version in VERSIONS if name in prints[version]}
    key: dict[str, Any] = {"name": name, **{field: value for field, value in entry.items() if field != "about"}}
    key["description"] = entry["about"]
    if "type" not in key:
        kinds = {JSON_TYPES[type(item.value)] for item in seen.values() if item.value is not None}
        changed = {kind for change in entry.get("changes", {}).values() for kind in listed(change.get("type", []))}
        kinds -= changed - {JSON_TYPES[type(item.value)] for item in list(seen.values())[:1]}
        if len(kinds) != 1:
            raise BuildError(f"{section}.{name}: printed as {sorted(kinds)}; give its type")
        key["type"] = kinds.pop()
    key["type"] = listed(key["type"])
    if "items" in key:
        key["items"] = listed(key["items"])
    defaults = {version: item.value for version, item in seen.items() if not item.commented}
    check_defaults(section, name, entry, defaults)
    if defaults and "default" not in key:
        key["default"] = next(iter(defaults.values()))
    for change in key.get("changes", {}).values():
        if "type" in change:
            change["type"] = listed(change["type"])
    key["printed"] = sorted(defaults, key=number)
    for version, item in seen.items():
        if not known_in(entry, version) and not item.commented:
            raise BuildError(f"{section}.{name}: {version} prints it, yet it is said to be unknown there")
    for version in VERSIONS if section == "core" else ():
        if known_in(entry, version) and version not in seen and key.get("printed") and "RejectSop" not in name:
            later = [other for other in key["printed"] if number(other) > number(version)]
            if later:
                raise BuildError(f"{section}.{name}: {version} does not print it, {later[0]} does")
    dated = section == "core" and entry.keys() & {"since", "until", "changes"}
    key["source"] = sources[entry.get("source", "news" if dated else common)]
    return {
        field: key[field]
        for field in FIELDS
        if key.get(field) not in (None, [], {}) or (field == "default" and field in key)
    }


def listed(value: Any) -> list[Any]:
    """A list stays, anything else becomes a list of one."""
    return value if isinstance(value, list) else [value]


def check_defaults(section: str, name: str, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """The printed defaults may differ only where the supplement has a change of default between the two versions."""
    versions = list(defaults)
    for before, after in itertools.pairwise(versions):
        if defaults[before] == defaults[after] or entry.get("members") or name in {"Name", "IndexDirectory"}:
            continue
        changes = [
            change["default"]
            for since, change in entry.get("changes", {}).items()
            if number(before) < number(since) <= number(after) and "default" in change
        ]
        if changes[-1:] != [defaults[after]]:
            raise BuildError(f"{section}.{name}: {defaults[before]!r} in {before}, {defaults[after]!r} in {after}")


def check_names(section: str, name: str, entry: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    """A key that a version knows stands in its program; one that it does not know yet does not.

    Raises:
        BuildError: otherwise.
    """
    for version, sections in names.items():
        how = sections.get(section, {}).get(name)
        if how is None or entry.get("plugin_since") or "OrthancWorklists" in entry.get("note", ""):
            continue
        if known_in(entry, version) and how == "absent":
            raise BuildError(f"{section}.{name}: the program of {version} does not contain it")
        if section == "core" and how == "whole" and not known_in(entry, version):
            raise BuildError(f"{section}.{name}: the program of {version} contains it")


def build(folder: Path) -> dict[str, str]:
    """Give the text of each JSON file, by name.

    Raises:
        BuildError: the prints and the supplement disagree, or a printed key has no entry.
    """
    supplement = yaml.safe_load(SUPPLEMENT.read_text(encoding="utf-8"))
    sources, sections = supplement["sources"], supplement["sections"]
    prints = {}
    for version in VERSIONS:
        files = [folder / f"{version}.json", folder / f"{version}.advanced.json"]
        prints[version] = {
            name: item
            for file in files
            if file.exists()
            for name, item in read_print(file.read_text(encoding="utf-8")).items()
        }
    names = {
        version: json.loads((folder / f"{version}.names.json").read_text(encoding="utf-8")) for version in VERSIONS
    }
    missing = sorted({name for found in prints.values() for name in found} - sections["core"]["keys"].keys())
    if missing:
        raise BuildError(f"printed, but not in {SUPPLEMENT.name}: {', '.join(missing)}")

    result = {}
    for section, content in sections.items():
        seen = prints if section == "core" else {version: nested(found, content) for version, found in prints.items()}
        keys = []
        for name, entry in content["keys"].items():
            check_names(section, name, entry, names)
            keys.append(build_key(section, name, entry, seen, sources, content["source"]))
        document = {"section": section, "free": content.get("free", []), "keys": keys}
        result[f"{section}.json"] = dump(document)
    result["plugins.json"] = dump(supplement["plugins"])
    return result


def nested(found: Mapping[str, Printed], content: Mapping[str, Any]) -> dict[str, Printed]:
    """The printed keys of a section that stands inside one key of the top level."""
    outer = found.get(content.get("object", ""))
    values = outer.value if outer and isinstance(outer.value, dict) and not outer.commented else {}
    return {name: Printed(value, commented=False) for name, value in values.items()}


def dump(document: Any) -> str:
    """JSON with a key of Orthanc on each line, so that a change is one line of a diff."""
    if "keys" not in document or not isinstance(document["keys"], list):
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    lines = ",\n".join("  " + json.dumps(key, ensure_ascii=False) for key in document["keys"])
    return f'{{"section": "{document["section"]}", "free": {json.dumps(document["free"])}, "keys": [\n{lines}\n]}}\n'


def main() -> int:
    """Run the step that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["collect", "build"])
    parser.add_argument("folder", type=Path, help="where the prints lie")
    arguments = parser.parse_args()
    try:
        if arguments.step == "collect":
            collect(arguments.folder)
        else:
            TARGET.mkdir(exist_ok=True)
            for name, text in build(arguments.folder).items():
                (TARGET / name).write_text(text, encoding="utf-8")
    except (BuildError, OSError) as error:
        print(f"orthanc_keys: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
