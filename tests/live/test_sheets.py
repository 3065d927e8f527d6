"""Every command of the rendered sheets, taken out of the page again and run against the deployed site."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import ssl
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from orthancgen.dicom.synthetic import SyntheticInstance, ct_series
from orthancgen.plan.reached import named_hosts
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.sheets.build import facts
from orthancgen.sheets.load import vendors
from orthancgen.sheets.sheet import Command
from orthancgen.sheets.wanted import Wanted, sheet_set
from tests.support.haproxy import HaproxyServer
from tests.support.native import Native, native_root
from tests.support.servers import free_port, require_dcmtk, require_program

pytestmark = pytest.mark.live

CALLER, CALLED = "CT_SIXTEEN_CHARS", "ORTHANC_SIXTEEN1"
NOT_RUN: Final = {
    "dcm4che": "Debian, PyPI and npm have no package of dcm4che; it is run where DCM4CHE_HOME names its folder"
}
"""Vendor whose programs cannot be installed here -> why."""
WITHOUT_DCM4CHE: Final = {"key-store", "trust-store"}
"""Commands on its sheet that are of other programs."""
PASSWORD: Final = "a\"b\\c $(id) 'd% \\n"
"""Of the plain site: with everything that a shell, or curl's configuration, takes for something else."""
BASE: Final[dict[str, Any]] = {
    "backend.enabled": False,
    "webhook.enabled": False,
    "orthanc.aet": CALLED,
    "orthanc.plugins": ["dicomweb"],
    "dicom.ae_checks": {"called_aet": True, "calling_aet": "registered_from_own_address", "anyone_may": []},
    "certificates": {"names": ["localhost"]},
}
_BLOCK: Final = re.compile(r"^```(sh|python|powershell)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Site:
    """A deployed environment, and images to send to it."""

    native: Native
    folder: Path
    password: str = ""

    def written(self, vendor: str) -> str:
        """The vendor's sheet for ct1 as Markdown, as the verb prints it."""
        said = self.native.run("sheet", options=["--modality", "ct1", "--vendor", vendor, "--format", "md", "-o", "-"])
        assert (said.code, said.err) == (0, "")
        return said.out

    def promised(self, vendor: str) -> Mapping[str, Command]:
        """What the same sheet promises of each command, by its text."""
        plan = self.native.plan()
        site = facts(plan, hosts=named_hosts(plan.site), release=None, date="2026-11-27")
        [sheet] = sheet_set(plan, site, Wanted(["ct1"], [vendor])).sheets
        return {command.text: command for command in sheet.commands}

    def commands(self, vendor: str) -> list[tuple[Command, str]]:
        """Each command of the rendered sheet: what is promised, and its text with the placeholders filled in."""
        promised, page = self.promised(vendor), self.written(vendor)
        found = _BLOCK.findall(page)
        taken = [text for language, text in found if text in promised and promised[text].language == language]
        assert taken == list(promised), "a command of the sheet is not on the page, or not as it is"
        prose = _BLOCK.sub("", page)
        for word in {word for command in promised.values() for word in command.replace}:
            assert f"`{word}`" in prose, "a word to replace is not explained"
        return [(promised[text], self.filled(text)) for text in taken]

    def filled(self, text: str) -> str:
        """A command with what a reader puts in the place of the words in capitals."""
        uid = self.images[0].study_instance_uid
        return text.replace("FILE.dcm", "image.dcm").replace("FOLDER", "images").replace("STUDY_UID", uid)

    @property
    def images(self) -> tuple[SyntheticInstance, ...]:
        """The images of the folder; the first is the single file as well."""
        return tuple(ct_series("sheets", datetime(2026, 1, 2), 3, rows=32, columns=32))  # noqa: DTZ001

    def count(self) -> int:
        """How many images the site has."""
        with self.client() as client:
            return int(client.get("/statistics").json()["CountInstances"])

    def forget(self) -> None:
        """Delete every image, so that the next one is new."""
        with self.client() as client:
            for patient in client.get("/patients").json():
                assert client.delete(f"/patients/{patient}").status_code == 200

    def client(self) -> httpx.Client:
        """A client of the web side, as the administrator, who trusts the authority that the sheet names."""
        trust = ssl.create_default_context(cafile=str(self.folder / "https-ca.pem")) if self.https else False
        return httpx.Client(
            base_url=self.url, auth=("orthanc", self.password), verify=trust, trust_env=False, timeout=60
        )

    @property
    def https(self) -> bool:
        """Whether the web side is HTTPS."""
        return self.native.plan().site.http.tls.enabled

    @property
    def url(self) -> str:
        """Orthanc's REST API."""
        return f"{'https' if self.https else 'http'}://127.0.0.1:{self.native.ports['http']}"


def prepared(native: Native, folder: Path) -> Site:
    """The site with images to send, and the password as the command on the sheet shows it."""
    said = native.run("secrets", "show", options=["orthanc_password"])
    assert said.code == 0, said.all
    site = Site(native, folder, said.out.removesuffix("\n"))
    folder.mkdir(exist_ok=True)
    (folder / "images/deeper").mkdir(parents=True)
    (folder / "image.dcm").write_bytes(site.images[0].data)
    for number, image in enumerate(site.images):
        (folder / ("images/deeper" if number else "images") / f"image {number}.dcm").write_bytes(image.data)
    return site


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with native_root() as folder:
        yield folder


@pytest.fixture(scope="module")
def plain(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without TLS; ct1 is on this host and may do everything."""
    native = Native(root, "p")
    may = ["echo", "store", "find", "get", "move"]
    ct1 = {"aet": CALLER, "address": "127.0.0.1", "port": free_port(), "may": may}
    (root / "password").write_text(PASSWORD)
    (root / "password").chmod(0o600)
    secrets = {"orthanc_password": {"file": str(root / "password")}}
    native.write({**BASE, "modalities": {"ct1": ct1}, "secrets": secrets})
    try:
        native.deploy()
        yield prepared(native, tmp_path_factory.mktemp("plain"))
    finally:
        native.end()


@pytest.fixture(scope="module")
def secured(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with DICOM TLS, client certificates and HTTPS; the files are those that the sheet's commands make.

    Debian's Orthanc does not survive HTTPS of its own: a haproxy with the certificate of the environment ends it.
    """
    native, front = Native(root, "s"), free_port()
    ct1 = {"aet": CALLER, "address": "127.0.0.1", "tls": True, "may": ["echo", "store", "find", "get"]}
    changes = {**BASE, "modalities": {"ct1": ct1}, "dicom.tls": {"enabled": True}}
    native.write(changes)
    folder = tmp_path_factory.mktemp("secured")
    try:
        native.deploy()
        behind, native.ports["http"] = native.ports["http"], front
        native.write({**changes, "http.tls": {"enabled": True}})
        pem = folder / "https.pem"
        pem.write_text(gather(native.plan(), SecretStore(native.state / "secrets"))["http_tls_certificate"].reveal())
        with HaproxyServer(folder / "haproxy", behind, f"ssl crt {pem}", port=front):
            make_files(native, folder)
            yield prepared(native, folder)
    finally:
        native.end()


def make_files(native: Native, folder: Path) -> None:
    """Make the files that the sheet's commands name, by the commands that the sheet names."""
    page = Site(native, folder).written("rest") + Site(native, folder).written("dcmtk")
    assert f"orthancgen certs bundle {native.name} ct1 -o ct1-files" in page
    assert f"orthancgen certs ca {native.name} --authority https > https-ca.pem" in page
    said = native.run("certs", "bundle", options=["ct1", "-o", str(folder / "ct1-files")])
    assert said.code == 0, said.all
    for file in (folder / "ct1-files").iterdir():
        shutil.move(file, folder)
    (folder / "https-ca.pem").write_text(native.run("certs", "ca", options=["--authority", "https"]).out)


@pytest.fixture(params=["plain", "secured"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


def typed(command: list[str], folder: Path, password: str, path: str) -> tuple[int, str]:
    """Run a command on a terminal, on which the password is typed once it is asked for; its exit code and output.

    The password must stand in no command line meanwhile, of all that it starts.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env={**os.environ, "PATH": path},
    )  # fmt: skip
    os.close(slave)
    said, asked, deadline = b"", False, time.monotonic() + 180
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.02)[0]:
                try:
                    more = os.read(master, 65536)
                except OSError:  # the terminal's other side is closed: the command ended
                    break
                said += more
            _require_hidden(process.pid, password)
            if not asked and b"assword" in said:
                os.write(master, f"{password}\n".encode())
                asked = True
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return code, said.decode(errors="replace")


def _require_hidden(pid: int, password: str) -> None:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return
    for one in family:
        try:
            assert not any(password in word for word in one.cmdline())
            assert password not in one.environ().values()
        except psutil.Error:
            continue


def run(site: Site, command: Command, text: str, password: str | None = None) -> tuple[int, str]:
    """Run a command of a sheet as a reader does: in a shell, or as a file."""
    if command.language == "python":
        (site.folder / "script.py").write_text(text)
        words = [sys.executable, "script.py"]
    elif command.argv:
        words = ["sh", "-c", text]
    else:
        (site.folder / "script.sh").write_text(text)
        words = ["sh", "script.sh"]
    return typed(words, site.folder, password or site.password, PATH)


PATH: Final = "/usr/local/bin:/usr/bin:/bin"  # not the virtual environment's, which has programs of the same names


def as_promised(command: Command, code: int, output: str) -> bool:
    return code == command.expect_exit and (command.expect_output is None or command.expect_output in output)


def test_every_vendor_with_commands_is_run_here() -> None:
    assert {one.id for one in vendors().values() if one.commands or one.scripts} == {"dcmtk", "rest", *NOT_RUN}


@pytest.mark.parametrize("vendor", ["dcmtk", "rest"])
def test_every_command_does_what_the_sheet_says(site: Site, vendor: str) -> None:
    require_dcmtk("echoscu")
    require_program("curl", "apt-get install curl")
    with_images = site.images
    ran = []
    for command, text in site.commands(vendor):
        if command.id in {"store", "upload"}:
            site.forget()  # the sheet promises what is seen when an image is new
        for received in site.folder.glob("CT.*"):
            received.unlink()
        code, output = run(site, command, text)
        assert as_promised(command, code, output), f"{text}\n{code}\n{output}"
        ran.append(command.id)
        if command.id in {"get", "move"}:
            assert len(list(site.folder.glob("CT.*"))) == len(with_images)
        if "folder" in command.id or command.id in {"upload-python", "send-python"}:
            assert site.count() == len(with_images)
    expected = {
        ("dcmtk", False): ["echo", "store", "send-folder", "find", "get", "move"],
        ("dcmtk", True): ["echo", "store", "store-folder", "find"],
        ("rest", False): ["system", "upload", "studies", "qido", *SCRIPTS],
        ("rest", True): ["system", "upload", "studies", "qido", *SCRIPTS],
    }[vendor, site.https]
    assert ran == expected


SCRIPTS: Final = ["upload-folder", "upload-python", "echo-python", "send-python"]


def test_by_another_title_no_dicom_command_does_what_the_sheet_says(site: Site) -> None:
    seen = 0
    for vendor in ("dcmtk", "rest"):
        for command, text in site.commands(vendor):
            for right, wrong in ((CALLER, "SOMEBODY_ELSE"), (CALLED, "NOT_ITS_NAME")):
                if right not in text:
                    continue
                code, output = run(site, command, text.replace(right, wrong))
                assert not as_promised(command, code, output), f"{text}\n{code}\n{output}"
                seen += 1
    assert seen >= 12


def test_by_a_wrong_password_no_web_command_does_what_the_sheet_says(site: Site) -> None:
    seen = 0
    for command, text in site.commands("rest"):
        if CALLER in text:
            continue
        code, output = run(site, command, text, "mistyped")
        assert not as_promised(command, code, output), f"{text}\n{code}\n{output}"
        if command.argv:
            assert "The requested URL returned error: 401" in output
        seen += 1
    assert seen == 6


def test_without_its_certificate_no_command_by_tls_does_what_the_sheet_says(secured: Site) -> None:
    for command, text in secured.commands("dcmtk"):
        anonymous = text.replace("+tls ct1.key.pem ct1.crt.pem", "+tla")
        assert anonymous != text
        code, output = run(secured, command, anonymous)
        assert not as_promised(command, code, output)


def test_dcm4che(site: Site) -> None:
    commands = site.commands("dcm4che")
    home = os.environ.get("DCM4CHE_HOME")
    for stale in ("device.p12", "trusted.p12"):
        (site.folder / stale).unlink(missing_ok=True)
    left = []
    for command, text in commands:
        if command.id in WITHOUT_DCM4CHE:
            if shutil.which(command.argv[0], path=PATH):
                code, output = run(site, command, text)
                assert as_promised(command, code, output), f"{text}\n{code}\n{output}"
            else:
                left.append(command.id)
        elif home is None:
            left.append(command.id)
        elif command.id not in {"receive", "move"}:
            code, output = typed(["sh", "-c", text], site.folder, "none", f"{home}/bin:{PATH}")
            assert as_promised(command, code, output), f"{text}\n{code}\n{output}"
    if left:
        pytest.skip(f"not run: {', '.join(left)}: {NOT_RUN['dcm4che']}")
