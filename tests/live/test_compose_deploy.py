"""Production in containers: deployed, proven, changed, rolled back. Only its images are others."""

from __future__ import annotations

import ipaddress
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from orthancgen.dicom.synthetic import ct_series
from orthancgen.render.container_files import project_name
from orthancgen.runtimes.compose.project import COMPOSE_FILE
from orthancgen.secrets.store import SecretStore
from tests.support.contained import SERVICES, Contained, write_images
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.namespaces import Hosts, network
from tests.support.servers import require_dcmtk

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

HOST, CT1, MR1, WORKSTATION1, STRANGER = (f"192.168.10.{last}" for last in (1, 21, 22, 51, 99))
PORT = "2762"


@pytest.fixture(scope="module")
def prod(engine: TestEngine, images: TestImages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    """Production, deployed and proven by the command itself."""
    site = Contained(tmp_path_factory.mktemp("prod"), engine, images)
    try:
        planned = site.json("plan", code=1)["plan"]
        assert not site.state_root.exists()
        site.run("deploy", "--plan", planned, "--reason", "first of all")
        yield site
    finally:
        site.end()


@pytest.fixture
def base(prod: Contained) -> Iterator[Contained]:
    """Production as it was first deployed; whatever a test changes is deployed away."""
    yield prod
    prod.write()
    prod.deploy()


def store(site: Contained, name: str, count: int, folder: Path) -> subprocess.Popen[str]:
    """Begin to send images of a series of their own as the verification caller."""
    write_images(folder, name, count)
    return site.start("send", str(folder), "--retries", "60", "--associations", "1", "--json")


def test_the_first_deploy_is_verified_and_the_second_changes_nothing(prod: Contained) -> None:
    release = prod.current()
    assert release.verified is not None
    assert release.verified.failed == 0
    assert release.verified.passed >= 30
    before = prod.ids()
    assert set(before) == set(SERVICES)
    said = prod.run("deploy")
    assert f"unchanged since release {release.number}" in said.out
    assert prod.ids() == before
    assert prod.current() == release
    assert "nothing to do" in prod.run("plan").out
    assert {row["healthy"] for row in prod.json("status")["services"]} == {True}
    prod.runs_release(release)


def test_the_containers_are_hardened(prod: Contained) -> None:
    for name, container in prod.containers().items():
        config, host = container.attributes["Config"], container.attributes["HostConfig"]
        assert config["User"] not in {"", "0", "root", "0:0"}, name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"], name
        assert host["NanoCpus"], name
        assert host["PidsLimit"], name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert host["RestartPolicy"]["Name"] == "unless-stopped", name
    published = {name: sorted(one.published_ports) for name, one in prod.containers().items()}
    assert published == {"database": [], "orthanc": [2762], "backend": [], "gateway": [8001, 8042]}
    inspected = prod.engine.client.api.networks(filters={"label": f"com.docker.compose.project={project_name('prod')}"})
    internal = {one["Name"].removeprefix(f"{project_name('prod')}_"): one["Internal"] for one in inspected}
    assert internal == {"edge": False, "backend": True, "database": True}


@contextmanager
def hidden_addresses(site: Contained) -> Iterator[None]:
    """Whoever calls Orthanc arrives with the address of the bridge, until the end of the block."""
    orthanc = site.containers()["orthanc"].addresses["edge"]
    subnet = ipaddress.ip_network(f"{orthanc}/26", strict=False)
    rule = ["POSTROUTING", "-d", str(subnet), "-p", "tcp", "--dport", PORT, "-j", "MASQUERADE"]
    subprocess.run(["iptables", "-w", "-t", "nat", "-I", *rule], check=True)
    try:
        yield
    finally:
        subprocess.run(["iptables", "-w", "-t", "nat", "-D", *rule], check=True)


def test_a_deploy_whose_proofs_fail_is_left_as_it_is_where_that_is_wanted(base: Contained) -> None:
    before = base.current()
    base.write({"orthanc.name": "Another name"})
    with hidden_addresses(base):
        said = base.run("deploy", "--keep-failed", code=5)
    assert f"left as it failed, for you to look at; the way back: orthancgen rollback {base.file} {before.number}" in (
        " ".join(said.out.split())
    )
    with base.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Another name"
    base.run("rollback", str(before.number), "--no-verify")
    with base.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Orthanc"


def test_addresses_that_are_hidden_on_the_way_are_found_out(prod: Contained) -> None:
    """The engine's packet filter keeps who calls; a translation of sources, put in its way, is seen by `verify`."""

    def outcomes(code: int) -> dict[str, str]:
        return {row["id"]: row["outcome"] for row in prod.json("verify", code=code)["checks"]}

    before = outcomes(0)
    assert (before["caller-address-recorded"], before["caller-address-kept"]) == ("passed", "passed")
    with hidden_addresses(prod):
        after = outcomes(1)
    assert {name for name, outcome in after.items() if outcome == "failed"} == {"caller-address-kept"}


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """The modalities of the environment, and somebody else, as machines."""
    with network(HOST, (CT1, MR1, WORKSTATION1, STRANGER)) as machines:
        yield machines


@pytest.fixture(scope="module")
def papers(prod: Contained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each vendor gets, and what somebody has who made an authority of his own."""
    folder = tmp_path_factory.mktemp("papers")
    for name in ("ct1", "mr1", "workstation1"):
        prod.run("certs", "bundle", name, "-o", str(folder / name))
    for command in (
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=CT1", "-days", "3",
         "-keyout", "other.key", "-out", "other.crt"],
    ):  # fmt: skip
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return folder


def echo(hosts: Hosts, papers: Path, address: str, aet: str, paper: str | None, called: str = "ORTHANC_PROD_AE") -> str:
    """C-ECHO by DCMTK from a machine; its whole output."""
    tls: list[str] = []
    if paper == "other":
        tls = ["+tls", f"{papers}/other.key", f"{papers}/other.crt", "+cf", f"{papers}/ct1/ca.pem"]
    elif paper == "anonymous":
        tls = ["--anonymous-tls", "+cf", f"{papers}/ct1/ca.pem"]
    elif paper is not None:
        own = papers / paper
        tls = ["+tls", f"{own}/{paper}.key.pem", f"{own}/{paper}.crt.pem", "+cf", f"{own}/ca.pem"]
    echoscu = require_dcmtk("echoscu")
    done = hosts.run(address, echoscu, "-v", *tls, "-to", "5", "-ta", "30", "-aet", aet, "-aec", called, HOST, PORT)
    return done.stdout + done.stderr


ACCEPTED = "Association Accepted"
UNKNOWN_CALLER = "Calling AE Title Not Recognized"


@pytest.mark.parametrize(
    ("address", "aet", "paper", "called", "expected"),
    [
        pytest.param(CT1, "CT1", "ct1", "ORTHANC_PROD_AE", ACCEPTED, id="registered-from-own-address"),
        pytest.param(MR1, "MR1", "mr1", "ORTHANC_PROD_AE", ACCEPTED, id="another-registered"),
        pytest.param(MR1, "CT1", "mr1", "ORTHANC_PROD_AE", UNKNOWN_CALLER, id="known-aet-from-another-address"),
        pytest.param(STRANGER, "STRANGER", "ct1", "ORTHANC_PROD_AE", UNKNOWN_CALLER, id="unknown-aet-from-its-own"),
        pytest.param(CT1, "CT1", "ct1", "WRONG", "Called AE Title Not Recognized", id="wrong-called-aet"),
        pytest.param(CT1, "CT1", None, "ORTHANC_PROD_AE", "", id="plain"),
        pytest.param(CT1, "CT1", "anonymous", "ORTHANC_PROD_AE", "", id="no-certificate"),
        pytest.param(CT1, "CT1", "other", "ORTHANC_PROD_AE", "", id="certificate-of-another-authority"),
    ],
)
def test_who_is_let_in(
    prod: Contained, hosts: Hosts, papers: Path, address: str, aet: str, paper: str | None, called: str, expected: str
) -> None:
    assert prod
    said = echo(hosts, papers, address, aet, paper, called)
    if expected:
        assert expected in said, said
    else:
        assert ACCEPTED not in said, said
        assert "Not Recognized" not in said, said  # refused before DICOM began


def test_an_image_of_a_modality_is_stored_under_its_address(
    prod: Contained, hosts: Hosts, papers: Path, tmp_path: Path
) -> None:
    [instance] = ct_series("modality", datetime.now().astimezone(), 1, rows=64, columns=64)
    file = tmp_path / "image.dcm"
    file.write_bytes(instance.data)
    own = papers / "ct1"
    done = hosts.run(
        CT1, require_dcmtk("storescu"), "-v", "+tls", f"{own}/ct1.key.pem", f"{own}/ct1.crt.pem", "+cf",
        f"{own}/ca.pem", "-aet", "CT1", "-aec", "ORTHANC_PROD_AE", HOST, PORT, str(file),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with prod.orthanc() as client:
        [found] = client.post("/tools/lookup", content=instance.sop_instance_uid).json()
        assert client.get(f"/instances/{found['ID']}/metadata/RemoteIP").text == CT1
        assert client.delete(f"/instances/{found['ID']}").status_code == 200


@pytest.mark.parametrize("port", ["27017", "8001", "8042", "4242"])
def test_nothing_else_is_reached_from_other_machines(prod: Contained, hosts: Hosts, port: str) -> None:
    assert prod
    done = hosts.run(STRANGER, "bash", "-c", f"exec 3<>/dev/tcp/{HOST}/{port}")
    assert done.returncode != 0
    assert hosts.run(STRANGER, "bash", "-c", f"exec 3<>/dev/tcp/{HOST}/{PORT}").returncode == 0  # the control


def test_no_secret_stands_anywhere(prod: Contained, tmp_path: Path) -> None:
    store_ = SecretStore(prod.state.secrets)
    values = {}
    for secret in prod.plan().secrets:
        value = store_.read(secret.name)
        assert value is not None
        text = value.reveal()
        # Of a PEM, the middle of its key: certificates are public.
        if secret.purpose == "pem":
            if "PRIVATE KEY" not in text:
                continue
            text = text[text.index("PRIVATE KEY") :].splitlines()[5]
        values[secret.name] = text.encode()
    assert len(values) >= 8
    authority = (prod.state.root / "ca/dicom.pem").read_text()
    values["the authority's key"] = authority[authority.index("PRIVATE KEY") :].splitlines()[2].encode()
    api = prod.engine.client.api
    places: dict[str, bytes] = {}
    for name, container in prod.containers().items():
        places[f"inspect {name}"] = json.dumps(container.attributes).encode()
        places[f"logs {name}"] = api.logs(container.id)
        places[f"history of the image of {name}"] = json.dumps(api.history(container.image_id)).encode()
        places[f"image of {name}"] = json.dumps(api.inspect_image(container.image_id)).encode()
        places[f"processes of {name}"] = json.dumps(api.top(container.id, ps_args="axww")).encode()
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            try:
                places[f"{part} of {process.name}"] = (process / part).read_bytes()
            except OSError:
                continue
    places |= {str(path): path.read_bytes() for path in (prod.state.root / "releases").rglob("*") if path.is_file()}
    places |= {str(path): path.read_bytes() for path in prod.state.root.glob("*.json*")}
    for verb in ("history", "plan", "status", "verify"):
        places[verb] = prod.run(verb, "--json").all.encode()
    places["secrets list"] = prod.run("secrets", "list").all.encode()
    places["certs list"] = prod.run("certs", "list").all.encode()
    places["rendered"] = b"".join(path.read_bytes() for path in _rendered(prod, tmp_path).rglob("*") if path.is_file())
    places["the engine's own log"] = prod.test_engine.log.encode()
    found = [f"{name} in {place}" for place, text in places.items() for name, value in values.items() if value in text]
    assert not found
    # The control: they are where they must be.
    orthanc = next((prod.state.root / "run/orthanc").glob("*/secrets/orthanc.secret.json"))
    assert values["orthanc_password"] in orthanc.read_bytes()
    assert orthanc.stat().st_mode & 0o777 == 0o400


def _rendered(prod: Contained, folder: Path) -> Path:
    done = subprocess.run(
        [*prod.command("render")[:-2], "-o", str(folder / "bundle")],
        env=prod.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "bundle"


def test_a_change_of_the_backend_does_not_touch_dicom(base: Contained, tmp_path: Path) -> None:
    before = base.ids()
    sender = store(base, "untouched", 200, tmp_path / "images")
    base.write({"backend.delivery.poll_seconds": 7})
    said = base.deploy()
    result = json.loads(sender.communicate(timeout=400)[0])
    assert result["sent"] == 200
    assert result["breaks"] == 0
    after = base.ids()
    assert {name for name in after if after[name] != before[name]} == {"backend"}
    assert "orthanc                     unchanged" in said.out


def test_a_change_of_orthanc_loses_nothing_of_a_sender_that_retries(base: Contained, tmp_path: Path) -> None:
    before, stored = base.ids(), base.instances()
    sender = store(base, "interrupted", 600, tmp_path / "images")
    time.sleep(0.5)
    base.write({"orthanc.settings": {"StableAge": 61}})
    base.deploy()
    result = json.loads(sender.communicate(timeout=400)[0])
    assert result["sent"] == 600
    assert result["failed"] == []
    assert len(base.instances() - stored) == 600
    after = base.ids()
    assert {name for name in after if after[name] != before[name]} == {"orthanc"}


def test_changed_passwords_are_really_rotated(base: Contained) -> None:
    store_ = SecretStore(base.state.secrets)
    names = ("database_password", "database_root_password", "backend_orthanc_password", "orthanc_password")
    before = {name: store_.read(name) for name in names}
    for name in names:
        base.run("secrets", "rotate", name)
    assert {name: store_.read(name) for name in names} == before  # not yet in use
    planned = base.json("plan", code=1)
    assert set(planned["secrets"]) == set(names)
    said = base.run("deploy", "--plan", planned["plan"])
    assert "database accounts           set" in said.out
    after = {name: store_.read(name) for name in names}
    assert all(after[name] != before[name] for name in names)
    address = base.access().database
    assert address is not None
    import pymongo
    from pymongo.errors import OperationFailure

    for values, works in ((after, True), (before, False)):
        for user, name, source in (
            ("orthancgen_root", "database_root_password", "admin"),
            ("orthancgen_backend", "database_password", "orthancgen"),
        ):
            value = values[name]
            assert value is not None
            with pymongo.MongoClient[dict[str, object]](
                *address, directConnection=True, username=user, password=value.reveal(), authSource=source
            ) as client:
                if works:
                    client[source].command("ping")
                else:
                    with pytest.raises(OperationFailure):
                        client[source].command("ping")


def test_a_plan_names_an_image_that_is_not_there_and_fetches_nothing(base: Contained) -> None:
    name = "127.0.0.1:1/none:1"  # nobody could fetch it
    base.write({"images.gateway": name})
    planned = base.json("plan", code=1)
    assert planned["images"]["gateway"]["after"] == {"reference": name, "id": None}
    assert f"{name} is not on the engine yet: it is fetched or built first" in base.run("plan", code=1).out
    assert "connection refused" in base.run("deploy", "--plan", planned["plan"], code=4).err


def test_a_plan_that_is_not_what_would_be_applied_any_more_is_refused(base: Contained) -> None:
    base.write({"backend.delivery.poll_seconds": 8})
    planned = base.json("plan", code=1)
    assert [change["service"] for change in planned["services"]] == ["backend"]
    base.write({"backend.delivery.poll_seconds": 9})
    said = base.run("deploy", "--plan", planned["plan"], code=4)
    assert planned["plan"] in said.err
    assert base.json("plan", code=1)["plan"] in said.err
    assert "unchanged" in base.run("deploy", "--plan", base.json("plan", code=1)["plan"]).out


def test_what_was_changed_by_hand_is_seen(base: Contained) -> None:
    with base.orthanc() as client:
        client.put("/modalities/by-hand", json=["HAND", "192.168.10.77", 104]).raise_for_status()
    container = base.containers()["backend"]
    base.engine.client.api.restart(container.id, timeout=5)
    edited = next((base.state.root / "run/gateway").glob(f"{base.current().draft.digests['gateway']}/haproxy.cfg"))
    edited.chmod(0o600)
    before = edited.read_bytes()
    edited.write_bytes(before + b"# a remark\n")
    try:
        drift = {one["place"]: one for one in base.json("plan", code=1)["drift"]}
    finally:
        edited.write_bytes(before)
        edited.chmod(0o400)
        with base.orthanc() as client:
            client.delete("/modalities/by-hand").raise_for_status()
    assert "modality by-hand" in drift
    assert "gateway/haproxy.cfg" in drift
    assert drift["modality by-hand"]["remedy"]


def test_a_container_that_somebody_made_otherwise_is_made_anew(base: Contained) -> None:
    container = base.containers()["gateway"]
    api = base.engine.client.api
    api.update_container(container.id, mem_limit="300m", memswap_limit="300m")
    drift = [one for one in base.json("plan", code=1)["drift"] if one["place"] == "container gateway: memory_bytes"]
    assert drift
    base.engine.remove_container(container.id)
    base.deploy()
    base.runs_release(base.current())


def test_rollback_brings_back_files_and_images_and_keeps_the_data(base: Contained, tmp_path: Path) -> None:
    first = base.current()
    base.write({"orthanc.name": "Another name", "backend.delivery.poll_seconds": 6})
    base.deploy("--reason", "a name that nobody wants")
    second = base.current()
    sender = store(base, "kept", 5, tmp_path / "images")
    assert json.loads(sender.communicate(timeout=400)[0])["sent"] == 5
    stored = base.instances()
    with base.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Another name"
    base.run("rollback", "--reason", "as it was")
    third = base.current()
    assert third.draft.restores == first.number
    assert third.draft.digests == first.draft.digests
    assert base.releases.bundle(third.number) == base.releases.bundle(first.number)
    assert base.instances() == stored
    with base.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Orthanc"
    rows = {row["release"]: row for row in base.json("history")["releases"]}
    assert rows[second.number]["state"] == "rolled back"
    assert base.json("history")["audit_log"]["broken_at"] is None
    base.runs_release(third)


def test_one_change_at_a_time(base: Contained) -> None:
    base.write({"backend.delivery.poll_seconds": 11})
    first = base.start("deploy", "--no-verify", environ={"ORTHANCGEN_FAULT": "", "PYTHONUNBUFFERED": "1"})
    assert first.stdout is not None
    first.stdout.readline()  # it is at work
    first.send_signal(signal.SIGSTOP)  # it holds the environment for as long as the other asks for it
    try:
        second = base.run("deploy", "--no-verify", code=None)
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(400) == 0
    first.stdout.close()
    assert second.code == 4, second.all
    assert "deploy by" in second.err
    assert base.run("lock").out.strip() == "free"


def test_an_interrupted_deploy_gives_back_lock_and_release(base: Contained) -> None:
    release, before = base.current(), base.ids()
    base.write({"orthanc.name": "Interrupted", "backend.delivery.poll_seconds": 12})
    process = base.start("deploy", "--no-verify", environ={"PYTHONUNBUFFERED": "1"})
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line.startswith("orthanc"):
                process.terminate()

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(400) == 143, lines
    reader.join()
    assert process.stdout is not None
    process.stdout.close()
    assert base.current() == release
    assert base.ids()["database"] == before["database"]
    base.runs_release(release)
    assert base.run("lock").out.strip() == "free"


def test_down_and_up_again_keeps_everything(base: Contained) -> None:
    stored = base.instances()
    assert set(base.json("down")["stopped"]) == set(SERVICES)
    assert base.containers() == {}
    assert base.run("status", code=1)
    base.run("deploy")
    assert base.instances() == stored
    assert (base.releases.folder / f"{base.current().number:04}/bundle/{COMPOSE_FILE}").is_file()
