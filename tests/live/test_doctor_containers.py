"""A site of containers, broken for real in every way: the doctor names what was broken, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from orthancgen.render.account_json import ROOT_USER
from orthancgen.render.container_files import project_name
from tests.support.contained import Contained
from tests.support.doctor import assert_healthy, assert_named
from tests.support.doctor import named as causes
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.namespaces import Hosts, network
from tests.support.servers import cannot_run, require_dcmtk, wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

HOST, CT = "10.93.8.1", "10.93.8.21"
DEFAULTS: dict[str, Any] = {
    "network": {"firewall": [], "managed_from": []},
    "certificates": {"names": ["127.0.0.1"]},
    "modalities": {
        "ct1": {"aet": "CT1", "address": CT, "port": 2762, "tls": True, "may": ["echo", "store"]},
        "mr1": None,
        "workstation1": None,
    },
    "containers": {"subnet": "172.30.93.0/24"},
}
STOP_SECONDS = 5
SETTLE_SECONDS = 180
FILES = ("ct1.key.pem", "ct1.crt.pem", "ca.pem")


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with network(HOST, [CT]) as found:
        yield found


@pytest.fixture(scope="module")
def prod(
    engine: TestEngine, images: TestImages, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    site = Contained(tmp_path_factory.mktemp("doctor"), engine, images)
    site.defaults = DEFAULTS
    site.write()
    try:
        site.deploy()
        yield site
    finally:
        site.end()


@pytest.fixture
def site(prod: Contained, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contained]:
    """The site as deployed; afterwards it must be well again."""
    for name, value in prod.test_engine.environment.items():
        monkeypatch.setenv(name, value)
    yield prod
    for name, value in prod.test_engine.environment.items():
        monkeypatch.setenv(name, value)
    try:
        settled(prod)
    except AssertionError:
        prod.deploy("--repair")  # the next test is not to suffer from this one
        raise


def settled(site: Contained) -> None:
    """Nothing is wrong any more, as soon as who waited for another has tried again."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while causes(site.file, site.state.root) and time.monotonic() < deadline:
        time.sleep(1)
    assert_healthy(site.file, site.state.root)


def named(what: str, site: Contained, *expected: str) -> Any:
    return assert_named(f"{what}, containers", site.file, site.state.root, expected)


def anew(site: Contained, service: str) -> None:
    """Have one container made anew by a deploy, with a log of its own."""
    api(site).remove_container(container(site, service), force=True)
    site.deploy()


def api(site: Contained) -> Any:
    return site.engine.client.api


def container(site: Contained, service: str) -> str:
    return site.containers()[service].id


def started(site: Contained, service: str) -> None:
    api(site).start(container(site, service))


def test_nothing_is_wrong(site: Contained) -> None:
    assert_healthy(site.file, site.state.root)


def test_orthanc_is_stopped(site: Contained) -> None:
    api(site).stop(container(site, "orthanc"), timeout=STOP_SECONDS)
    one = named("container of Orthanc stopped", site, "container-stopped")["container-stopped"]
    assert one.subject == "orthanc"
    assert one.remedies[0].command is not None
    subprocess.run(one.remedies[0].command.split(), check=True, env=site.environ(), capture_output=True)


def test_the_database_is_killed(site: Contained) -> None:
    api(site).kill(container(site, "database"))
    one = named("container of the database killed", site, "container-stopped")["container-stopped"]
    assert one.subject == "database"
    assert "137, killed (if nobody did, by the kernel at its limit of " in one.evidence[0].text
    started(site, "database")


def test_the_gateway_is_removed(site: Contained) -> None:
    api(site).remove_container(container(site, "gateway"), force=True)
    one = named("container of the gateway removed", site, "container-missing")["container-missing"]
    assert one.subject == "gateway"
    site.deploy()


def test_the_gateway_is_stopped(site: Contained) -> None:
    api(site).stop(container(site, "gateway"), timeout=STOP_SECONDS)
    assert named("gateway stopped", site, "container-stopped")["container-stopped"].subject == "gateway"
    started(site, "gateway")


def test_the_backend_is_paused(site: Contained) -> None:
    api(site).pause(container(site, "backend"))
    one = named("backend paused", site, "container-paused")["container-paused"]
    assert one.remedies[0].command is not None
    subprocess.run(one.remedies[0].command.split(), check=True, env=site.environ(), capture_output=True)


def test_two_services_at_once(site: Contained) -> None:
    api(site).pause(container(site, "backend"))
    api(site).remove_container(container(site, "gateway"), force=True)
    named("backend paused and gateway removed", site, "container-paused", "container-missing")
    api(site).unpause(container(site, "backend"))
    site.deploy()


def test_orthanc_is_taken_out_of_a_network(site: Contained) -> None:
    lost = f"{project_name(site.name)}_backend"
    api(site).disconnect_container_from_network(container(site, "orthanc"), lost)
    found = named("network of Orthanc disconnected", site, "container-network-detached")
    one = found["container-network-detached"]
    assert lost in one.title
    assert one.remedies[0].command is not None
    subprocess.run(one.remedies[0].command.split(), check=True, env=site.environ(), capture_output=True)


def again(site: Contained, service: str, host: dict[str, Any], config: dict[str, Any] | None = None) -> None:
    """Make a container anew by hand, with other settings."""
    old = api(site).inspect_container(container(site, service))
    api(site).remove_container(old["Id"], force=True)
    networks = old["NetworkSettings"]["Networks"]
    first, *others = networks
    configuration = {
        **old["Config"], **(config or {}), "HostConfig": {**old["HostConfig"], **host},
        "NetworkingConfig": {"EndpointsConfig": {first: endpoint(networks[first])}},
    }  # fmt: skip
    made = api(site).create_container_from_config(configuration, old["Name"].lstrip("/"))
    for name in others:
        address = (networks[name]["IPAMConfig"] or {}).get("IPv4Address")
        api(site).connect_container_to_network(made["Id"], name, ipv4_address=address, aliases=[service])
    api(site).start(made["Id"])


def endpoint(network: dict[str, Any]) -> dict[str, Any]:
    return {"IPAMConfig": network["IPAMConfig"], "Aliases": network["Aliases"]}


def well(site: Contained, service: str) -> None:
    wait_until(lambda: site.containers()[service].health == "healthy", what=f"{service} is healthy")


def ended(site: Contained, service: str) -> None:
    """Wait until a service ended by itself so often that the engine waits for seconds before it starts it again."""
    wait_until(lambda: site.containers()[service].restart_count > 3, what=f"{service} ends as soon as it is started")


def test_a_port_is_not_published(site: Contained) -> None:
    again(site, "orthanc", {"PortBindings": {}})
    well(site, "orthanc")
    one = named("port not published", site, "port-not-published")["port-not-published"]
    assert "2762" in one.title
    anew(site, "orthanc")


def test_a_port_is_published_on_the_loopback(site: Contained, hosts: Hosts) -> None:
    again(site, "orthanc", {"PortBindings": {"2762/tcp": [{"HostIp": "127.0.0.1", "HostPort": "2762"}]}})
    well(site, "orthanc")
    assert not reaches(hosts, 2762)
    one = named("port published on the loopback", site, "published-elsewhere")["published-elsewhere"]
    assert "this host alone" in one.title
    anew(site, "orthanc")
    wait_until(lambda: reaches(hosts, 2762), what="the modality gets through")


def reaches(hosts: Hosts, port: int) -> bool:
    """Whether the modality opens a connection."""
    script = f"exec 3<>/dev/tcp/{HOST}/{port}"
    return hosts.run(CT, "timeout", "2", "bash", "-c", script).returncode == 0


def test_the_redirection_is_gone(site: Contained) -> None:
    if site.test_engine.stop is None:
        cannot_run("the engine is not the tests' own (ORTHANCGEN_TEST_ENGINE)")
    listed = ["iptables", "-w", "-t", "nat", "-S", "DOCKER"]
    rules = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    rule = next(line for line in rules.splitlines() if "--dport 2762" in line)
    subprocess.run(["iptables", "-w", "-t", "nat", *rule.replace("-A", "-D", 1).split()], check=True)
    try:
        named("rule of the redirection deleted", site, "published-but-not-redirected")
    finally:
        subprocess.run(["iptables", "-w", "-t", "nat", *rule.split()], check=True)


def test_docker_user_drops_the_modality(site: Contained, hosts: Hosts) -> None:
    wait_until(lambda: reaches(hosts, 2762), what="the modality gets through")
    rule = ["-s", f"{CT}/32", "-p", "tcp", "-m", "conntrack", "--ctorigdstport", "2762", "-j", "DROP"]
    subprocess.run(["iptables", "-w", "-I", "DOCKER-USER", *rule], check=True)
    try:
        assert not reaches(hosts, 2762)
        one = named("DOCKER-USER drops a modality", site, "host-firewall-drops")["host-firewall-drops"]
        assert one.evidence[0].where == "iptables, table filter, chain DOCKER-USER"
        assert CT in one.title
    finally:
        subprocess.run(["iptables", "-w", "-D", "DOCKER-USER", *rule], check=True)
    wait_until(lambda: reaches(hosts, 2762), what="the modality gets through")


def test_wrong_engine(site: Contained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    one = named("DOCKER_HOST of no engine", site, "engine-unreachable")["engine-unreachable"]
    assert "/nowhere/docker.sock" in one.evidence[0].text


def test_the_backend_has_not_enough_memory(site: Contained) -> None:
    again(site, "backend", {"Memory": 24 << 20, "MemorySwap": 24 << 20})
    # An engine can miss why the kernel ended a container, but hardly three times.
    wait_until(lambda: site.containers()["backend"].restart_count > 2, what="the backend is ended")
    one = named("memory of the backend not enough", site, "container-out-of-memory")["container-out-of-memory"]
    assert "24 MB" in one.evidence[0].text
    anew(site, "backend")


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        yield


def test_another_program_has_the_port(site: Contained) -> None:
    api(site).stop(container(site, "orthanc"), timeout=STOP_SECONDS)
    with listening(2762):
        with pytest.raises(Exception, match=r"in use|allocated"):
            started(site, "orthanc")
        one = named("port taken by another program", site, "port-of-another-service")["port-of-another-service"]
        assert "python" in one.title
    started(site, "orthanc")


def test_the_image_of_the_gateway_is_gone(site: Contained) -> None:
    image = site.current().draft.images["gateway"]
    saved = b"".join(api(site).get_image(site.images.gateway))
    api(site).remove_container(container(site, "gateway"), force=True)
    api(site).remove_image(image.id, force=True)
    try:
        assert named("image of the gateway gone", site, "image-missing")["image-missing"].subject == "gateway"
    finally:
        api(site).load_image(saved)
    site.deploy()


def test_the_gateway_runs_another_image(site: Contained) -> None:
    made = api(site).commit(container(site, "gateway"), repository="orthancgen-test/other", tag="1")["Id"]
    again(site, "gateway", {}, {"Image": "orthancgen-test/other:1"})
    well(site, "gateway")
    found = named("another image of the gateway", site, "image-differs")["image-differs"]
    assert made.removeprefix("sha256:")[:12] in found.evidence[0].text
    anew(site, "gateway")


def test_the_gateway_does_not_reach_orthanc(site: Contained) -> None:
    enter = ["nsenter", "-t", str(site.containers()["gateway"].pid), "--net"]
    rule = ["OUTPUT", "-p", "tcp", "--dport", "8042", "-j", "DROP"]
    subprocess.run([*enter, "iptables", "-I", *rule], check=True)
    try:
        named("gateway cut off from Orthanc", site, "gateway-cannot-reach-orthanc")
    finally:
        subprocess.run([*enter, "iptables", "-D", *rule], check=True)


def test_the_gateway_is_frozen(site: Contained) -> None:
    """Its programs are stopped by a signal: the engine sees a container that runs."""
    pid = site.containers()["gateway"].pid
    programs = [one.pid for one in psutil.Process(pid).children(recursive=True)]
    for one in programs:
        os.kill(one, signal.SIGSTOP)
    try:
        assert named("gateway frozen", site, "container-unhealthy")["container-unhealthy"].subject == "gateway"
    finally:
        for one in programs:
            os.kill(one, signal.SIGCONT)


def test_the_volume_of_the_database_is_gone(site: Contained) -> None:
    api(site).remove_container(container(site, "database"), force=True)
    api(site).remove_volume(f"{project_name(site.name)}_database-data")
    assert named("volume of the database gone", site, "volume-missing")["volume-missing"].subject == "database"
    site.deploy("--repair")


# What services and callers do wrong, in containers


def placed(site: Contained, service: str, name: str) -> Path:
    """A file that a container reads, on the engine's host."""
    digest = site.current().draft.digests[service]
    return site.state.run / service / digest / name


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """A file changed by hand, as an editor changes it in its place."""
    before = path.read_bytes()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_bytes(before)


def test_orthanc_refuses_its_configuration(site: Contained) -> None:
    file = placed(site, "orthanc", "orthanc.json")
    document = json.loads(file.read_text())
    with changed(file, json.dumps({**document, "IngestTranscoding": "1.2.3.4.5"})):
        api(site).restart(container(site, "orthanc"), timeout=STOP_SECONDS)
        ended(site, "orthanc")
        found = named("configuration of Orthanc refused", site, "orthanc-refuses-configuration")
        assert "1.2.3.4.5" in str(found["orthanc-refuses-configuration"].evidence)
    anew(site, "orthanc")


def test_the_gateway_refuses_its_configuration(site: Contained) -> None:
    file = placed(site, "gateway", "haproxy.cfg")
    with changed(file, file.read_text() + "\nnonsense here\n"):
        api(site).restart(container(site, "gateway"), timeout=STOP_SECONDS)
        ended(site, "gateway")
        found = named("configuration of the gateway broken", site, "container-restarting", "file-changed-by-hand")
        assert found["container-restarting"].subject == "gateway"
        assert "nonsense" in str(found["container-restarting"].evidence)
    anew(site, "gateway")


def test_the_password_of_the_database_is_another(site: Contained) -> None:
    access = site.access()
    assert access.database_address is not None
    host, port = access.database_address
    root = (site.state.secrets / "database_root_password").read_text()
    with pymongo.MongoClient[dict[str, Any]](
        host, port, directConnection=True, username=ROOT_USER, password=root, authSource="admin"
    ) as client:
        client[site.plan().site.backend.database.name].command("updateUser", "orthancgen_backend", pwd="another-0815")
    api(site).restart(container(site, "backend"), timeout=STOP_SECONDS)
    named("password of the database changed", site, "database-password-rotated")
    site.run("secrets", "rotate", "database_password")
    site.deploy()


def test_the_operator_token_is_another(site: Contained) -> None:
    with changed(site.state.secrets / "operator_token", "another-token-of-somebody-by-hand-0815"):
        named("secret changed by hand", site, "operator-token-refused")


@pytest.fixture(scope="module")
def files(prod: Contained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the vendor of ct1 gets: key, certificate, authority."""
    folder = tmp_path_factory.mktemp("ct1") / "files"
    prod.run("certs", "bundle", "ct1", "-o", str(folder))
    return folder


def echoes(hosts: Hosts, files: Path | None, calling: str = "CT1", called: str = "ORTHANC_PROD_AE") -> bool:
    """C-ECHO by TLS from the address of ct1; without files, without TLS."""
    key, certificate, authority = (files / name for name in FILES) if files else (None, None, None)
    tls = ["+tls", str(key), str(certificate), "+cf", str(authority)] if files else []
    command = [require_dcmtk("echoscu"), "-to", "3", *tls, "-aet", calling, "-aec", called, HOST, "2762"]
    return hosts.run(CT, *command).returncode == 0


def test_it_calls_with_an_ae_title_that_is_not_registered(site: Contained, hosts: Hosts, files: Path) -> None:
    assert echoes(hosts, files)
    assert not echoes(hosts, files, calling="CT9")
    named("calling AET unknown", site, "calling-aet-unknown")
    anew(site, "orthanc")


def test_it_calls_another_ae_title_and_without_tls(site: Contained, hosts: Hosts, files: Path) -> None:
    assert not echoes(hosts, files, called="PACS")
    assert not echoes(hosts, None)
    named("called AET wrong and no TLS", site, "called-aet-wrong", "plain-call-to-tls-port")
    anew(site, "orthanc")


def test_the_certificate_of_orthanc_has_ended(site: Contained) -> None:
    file = placed(site, "orthanc", "secrets/dicom_tls_certificate")
    with changed(file, expired(file.read_bytes(), placed(site, "orthanc", "secrets/dicom_tls_key").read_bytes())):
        api(site).restart(container(site, "orthanc"), timeout=STOP_SECONDS)
        well(site, "orthanc")
        # It was put in by hand, which is told as well.
        named("certificate of Orthanc ended", site, "server-certificate-expired", "file-changed-by-hand")
    anew(site, "orthanc")


def expired(certificate: bytes, key: bytes) -> str:
    """The same certificate, which ended yesterday; signed by its own key."""
    old = x509.load_pem_x509_certificate(certificate)
    loaded = serialization.load_pem_private_key(key, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(old.subject).issuer_name(old.issuer).serial_number(7)
        .public_key(loaded.public_key()).not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=1))
    )  # fmt: skip
    return builder.sign(loaded, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_the_engine_is_stopped(site: Contained) -> None:
    if site.test_engine.stop is None or site.test_engine.start is None:
        cannot_run("the engine is not the tests' own (ORTHANCGEN_TEST_ENGINE)")
    site.test_engine.stop()
    try:
        named("engine stopped", site, "engine-unreachable")
    finally:
        site.test_engine.start()
