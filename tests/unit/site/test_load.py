"""Reading an environment with what it extends: every problem at once, each at the place where its value was written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from orthancgen.errors import InputError
from orthancgen.orthanc.keys import Version
from orthancgen.site.load import MAXIMUM_EXTENDS, display_name, load, resolve
from orthancgen.site.problems import Problem
from tests.support.environments import MINIMAL, document, load_text, said, site_of

TEN_MISTAKES = """\
environment: Dev
kind: producton
orthanc:
  aet: ORTHANC_AE_TITLE_TOO_LONG
  version: 012
  storage: {path: data}
dicom:
  port: "4242"
  ae_checks: {calling_aet: anyone}
modalities:
  ct1: {aet: CT1, address: 10.1, port: 0}
users:
  admin: {role: administrator, password: {secret: admin_password}}
htpp: {port: 80}
network: {managed_from: [10.0.0.5/8]}
"""


def places(problems: tuple[Problem, ...]) -> list[tuple[str, int, int]]:
    return [(p.key_path, p.mark.line, p.mark.column) for p in problems if p.mark]


def test_every_problem_at_once_each_at_its_place(tmp_path: Path) -> None:
    loaded = load_text(TEN_MISTAKES, tmp_path)
    assert loaded.site is None
    assert places(loaded.errors) == [
        ("environment", 1, 14),
        ("kind", 2, 7),
        ("orthanc.aet", 4, 8),
        ("orthanc.version", 5, 12),
        ("orthanc.storage.path", 6, 19),
        ("dicom.port", 8, 9),
        ("modalities.ct1.address", 11, 28),
        ("modalities.ct1.port", 11, 40),
        ("htpp", 14, 1),
        ("network.managed_from[0]", 15, 26),
    ]
    hints = {p.key_path: p.hint for p in loaded.errors}
    assert hints["kind"] == "did you mean production?"
    assert hints["htpp"] == "did you mean http?"
    assert hints["dicom.port"] == "without quotes"


def test_what_must_hold_between_values_is_told_beside_wrong_types(tmp_path: Path) -> None:
    text = MINIMAL + "http: {port: 4242, listen_on: nowhere}\nviewer: {enabled: maybe}\n"
    assert [path for path, _ in said(load_text(text, tmp_path))] == ["http.port", "http.listen_on", "viewer.enabled"]


def test_what_only_follows_from_an_unreadable_value_is_not_told(tmp_path: Path) -> None:
    text = MINIMAL.replace("role: administrator", "role: administrater")
    assert said(load_text(text, tmp_path)) == [
        (
            "users.admin.role",
            '"administrater" is none of: administrator, technologist, radiologist, viewer',
        )
    ]


def test_missing_keys_are_told_at_the_section(tmp_path: Path) -> None:
    loaded = load_text("kind: development\nmodalities:\n  ct1:\n    port: 104\n", tmp_path)
    found = places(loaded.errors)
    assert ("environment", 1, 1) in found
    assert ("modalities.ct1.aet", 3, 3) in found
    assert ("modalities.ct1.address", 3, 3) in found


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_a_problem_in_an_inherited_value_points_to_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path, base="# shared\nhttp:\n  port: 99999\n  listen_on: 127.0.0.1\n", dev="extends: base.yaml\n" + MINIMAL
    )
    (problem,) = load(Path("dev.yaml")).problems
    assert problem.place == "base.yaml:3:9"


def test_a_cross_check_points_to_the_file_of_the_later_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, base="http: {port: 4242}\n", dev="extends: base.yaml\n" + MINIMAL)
    (problem,) = load(Path("dev.yaml")).problems
    assert problem.place == "base.yaml:1:14"
    assert problem.message == "port 4242 is dicom.port already"


def test_sections_merge_lists_replace_and_nothing_takes_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        base=(
            "http: {port: 9000, listen_on: 0.0.0.0}\nviewer: {port: 9001}\ncontact: {name: Base}\n"
            "network: {managed_from: [10.0.0.0/8, 172.16.0.0/12]}\n"
            "orthanc: {settings: {StableAge: 1, KeepAlive: true}}\n"
        ),
        middle="extends: base.yaml\nhttp: {port: 9002}\northanc: {settings: {StableAge: 2}}\n",
        dev=(
            "extends: middle.yaml\nviewer:\ncontact: ~\nnetwork: {managed_from: [192.0.2.0/24]}\n"
            + MINIMAL.replace(
                "version: 1.13.0", "version: 1.13.0, settings: {KeepAlive: null, HttpDescribeErrors: false}"
            )
        ),
    )
    loaded = load(tmp_path / "dev.yaml")
    assert loaded.problems == ()
    site = loaded.require()
    assert (site.http.port, site.http.listen_on) == (9002, "0.0.0.0")
    assert site.viewer.port == 5173
    assert site.contact is None
    assert site.network.managed_from == ("192.0.2.0/24",)
    assert site.orthanc.settings == {"StableAge": 2, "HttpDescribeErrors": False}
    assert (mark := loaded.place(("orthanc", "settings", "StableAge"))) is not None
    assert mark.file.endswith("middle.yaml")


def test_bases_lie_beside_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    write(tmp_path, dev="extends: shared/one.yaml\n" + MINIMAL)
    write(tmp_path / "shared", one="extends: two.yaml\n", two="description: from two\n")
    monkeypatch.chdir("/")
    assert load(tmp_path / "dev.yaml").require().description == "from two"


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("gone.yaml", "gone.yaml: No such file or directory"),
        ("dev.yaml", "extends goes round in a circle"),
        ("a.yaml", "extends goes round in a circle"),
        (".", "not a file"),
        ("/dev/zero", "not a file"),
        ("loop.yaml", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
        ("''", "extends names one file"),
        ("[base.yaml]", "extends names one file"),
        ("{a: b}", "extends names one file"),
        ("7", "extends names one file"),
        ('"a\\0b"', "extends names one file"),
        ("list.yaml", "an environment file is a section with keys"),
        ("broken.yaml", "not YAML"),
        ("empty.yaml", "the file is empty"),
    ],
)
def test_a_base_that_cannot_be_read(extends: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, dev=f"extends: {extends}\n" + MINIMAL, a="extends: b.yaml\n", b="extends: a.yaml\n", list="- x\n")
    write(tmp_path, broken="a: [\n", empty="")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    loaded = load(tmp_path / "dev.yaml")
    assert loaded.site is None
    assert message in loaded.problems[0].message
    assert len(loaded.problems) == 1


def test_what_a_base_would_have_said_is_not_missed_where_it_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, dev="extends: gone.yaml\nhttp: {port: 0}\nviewer: {enabled: true}\n")
    assert [(one.path, one.message.partition(":")[0]) for one in load(tmp_path / "dev.yaml").problems] == [
        ((), f"cannot read {tmp_path / 'gone.yaml'}"),
        (("http", "port"), "0 is out of range"),
    ]


@pytest.mark.parametrize(
    ("orthanc", "paths"),
    [
        ("{aet: much too long an AE title, plugins: [dicomweb]}", [("orthanc", "aet")]),
        ("{atet: ORTHANC, plugins: [dicomweb]}", [("orthanc", "aet"), ("orthanc", "atet")]),
        ("{plugins: [dicomweb]}", [("orthanc", "aet")]),
    ],
)
def test_a_wrong_ae_title_makes_nothing_else_of_its_section_wrong(
    orthanc: str, paths: list[tuple[str, str]], tmp_path: Path
) -> None:
    base = yaml.safe_load(MINIMAL)
    del base["orthanc"]
    write(tmp_path, dev=yaml.safe_dump(base | {"viewer": {"enabled": True}}) + f"orthanc: {orthanc}\n")
    assert sorted(one.path for one in load(tmp_path / "dev.yaml").errors) == paths


def test_too_many_bases(tmp_path: Path) -> None:
    for level in range(MAXIMUM_EXTENDS + 1):
        write(tmp_path, **{f"f{level}": f"extends: f{level + 1}.yaml\n" + (MINIMAL if level == 0 else "")})
    (problem,) = load(tmp_path / "f0.yaml").problems
    assert problem.message == f"extends goes deeper than {MAXIMUM_EXTENDS} files"


@pytest.mark.parametrize(
    ("line", "path", "hint"),
    [
        ("modalites: {}", "modalites", "did you mean modalities?"),
        ("http: {listen-on: 127.0.0.1}", "http.listen-on", "did you mean listen_on?"),
        ("backend: {delivery: {pol_seconds: 1}}", "backend.delivery.pol_seconds", "did you mean poll_seconds?"),
        ("modalities: {ct1: {aet: A, address: 192.0.2.1, Port: 104}}", "modalities.ct1.Port", "did you mean port?"),
        ("runtime: nativ", "runtime", "did you mean native?"),
        ("analysis: {on_arrival: image_quality}", "analysis.on_arrival", "write [image_quality]"),
        ("description: 5", "description", 'quote it: "5"'),
        ("description: true", "description", 'quote it: "true"'),
        ("viewer: {enabled: 'true'}", "viewer.enabled", "without quotes"),
        ("images: {mango: 'mongo:8'}", "images.mango", "did you mean mongo?"),
        (
            "viewer: {zzz: 1}",
            "viewer.zzz",
            "known here: enabled, port, listen_on, title, idle_minutes, longest_hours, orthanc_password",
        ),
    ],
)
def test_hints(line: str, path: str, hint: str, tmp_path: Path) -> None:
    (problem,) = load_text(MINIMAL + line + "\n", tmp_path).errors
    assert (problem.key_path, problem.hint) == (path, hint)


def test_an_unknown_setting_of_orthanc_is_told_at_its_key(tmp_path: Path) -> None:
    text = MINIMAL.replace("version: 1.13.0", "version: 1.13.0, settings: {StabelAge: 60, HttpPort: 80, KeepAlive: 1}")
    found = [(p.key_path, p.mark.column) for p in load_text(text, tmp_path).problems if p.mark]
    line = text.splitlines()[2]
    assert found == [
        ("orthanc.settings.StabelAge", line.index("StabelAge") + 1),
        ("orthanc.settings.HttpPort", line.index("HttpPort") + 1),
        ("orthanc.settings.KeepAlive", line.index("1}") + 1),
    ]


def test_auto_asks_the_installed_server_and_only_auto(tmp_path: Path) -> None:
    asked: list[bool] = []

    def ask() -> Version | None:
        asked.append(True)
        return Version.parse("1.10.1")

    path = tmp_path / "dev.yaml"
    path.write_text(MINIMAL)
    assert load(path, ask).version == Version.parse("1.13.0")
    assert not asked
    path.write_text(MINIMAL.replace("1.13.0", "auto"))
    assert load(path, ask).version == Version.parse("1.10.1")
    assert load(path, lambda: None).version == Version.parse("1.13.0")


def test_warnings_leave_the_environment_valid(tmp_path: Path) -> None:
    loaded = load_text(MINIMAL + "secrets: {unused: {env: A}}\n", tmp_path)
    assert [p.severity for p in loaded.problems] == ["warning"]
    assert loaded.require().secrets["unused"].env == "A"


def test_a_site_survives_the_way_through_yaml(tmp_path: Path) -> None:
    changes = {
        "description": "Röntgen ${HOME} \"'\\ 東京",
        "orthanc/storage": {"path": "/srv/ö"},
        "contact": {"name": "NO"},
    }
    loaded = load_text(document(MINIMAL, changes), tmp_path)
    assert loaded.require() == site_of(MINIMAL, changes)


def test_resolve_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environments").mkdir()
    write(tmp_path / "environments", dev=MINIMAL, staging=MINIMAL)
    assert resolve("dev") == Path("environments/dev.yaml")
    assert resolve("environments/dev.yaml") == Path("environments/dev.yaml")
    for wrong, hint in [
        ("devv", "did you mean dev?"),
        ("zzzzzz", "there are: dev, staging"),
        ("x/y.yaml", "there are: "),
    ]:
        with pytest.raises(InputError, match="no environment") as raised:
            resolve(wrong)
        assert raised.value.hint is not None
        assert raised.value.hint.startswith(hint)
    for hostile in ["a\0b", "a\nb", "x" * 5000, "../../etc/passwd", "", "\x1b[31m"]:
        with pytest.raises(InputError) as raised:
            resolve(hostile)
        assert raised.value.message.isprintable()


def test_a_file_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    loaded = load_text("a: 1\n", tmp_path, "x\x1b[31m\n.yaml")
    assert all(p.place.isprintable() for p in loaded.problems)
    assert display_name(tmp_path / "\udcff.yaml").endswith("\\udcff.yaml")


def test_five_thousand_modalities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"  m{i}: {{aet: M{i}, address: 10.{i // 250}.{i % 250}.1, may: [echo, store]}}" for i in range(5000)]
    text = MINIMAL + "modalities:\n" + "\n".join(rows) + "\n"
    started = time.perf_counter()
    site = load_text(text, tmp_path).require()
    good = time.perf_counter() - started
    assert len(site.modalities) == 5000
    started = time.perf_counter()
    loaded = load_text(text.replace("echo, store]}", "echo, stor]}"), tmp_path)
    bad = time.perf_counter() - started
    assert len(loaded.errors) == 5001  # anyone_may of MINIMAL is the first
    with capsys.disabled():
        print(f"\n5,000 modalities: loaded in {good:.2f} s; 5,001 problems told in {bad:.2f} s")  # noqa: T201
