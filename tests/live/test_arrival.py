"""With which address a call arrives, by each way of publishing a port: what the model says of it is what happens."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from orthancgen.plan.sources import Arrival, arrival
from orthancgen.verify.reach import host_addresses
from tests.support.environments import MINIMAL, load_text
from tests.support.packet_addresses import CONTAINERS, addresses, host_address
from tests.support.packets import Rig, running_rig
from tests.support.servers import cannot_run, free_port, require_program, wait_until

pytestmark = pytest.mark.live

CALLER = addresses("modality")[0]
PORT = 18042
PAGE = '#!/bin/busybox sh\necho "Content-Type: text/plain"\necho\necho "$REMOTE_ADDR"\n'
"""A program of a web server, which tells by which address it was called."""


def said(way: str, folder: Path) -> Arrival:
    """What the model makes of `callers_arrive`."""
    document = yaml.safe_load(MINIMAL) | {
        "runtime": "compose",
        "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
        "network": {"callers_arrive": way},
        "containers": {"subnet": CONTAINERS},
    }
    site = load_text(yaml.safe_dump(document), folder).require()
    return arrival(site)


Ask = Callable[[], str | None]
"""Calls the page; the address by which it was seen, or None where nothing answered."""


def asking(enter: list[str], url: str, source: str) -> Ask:
    """Calls from an address."""
    curl = require_program("curl", "apt-get install curl")
    limits = ["--connect-timeout", "3", "-m", "30"]
    command = [*enter, curl, "-sf", "--noproxy", "*", "--interface", source, *limits, f"{url}/cgi-bin/seen"]

    def ask() -> str | None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip().strip("[]").removeprefix("::ffff:") if done.returncode == 0 else None

    wait_until(lambda: ask() is not None, what="the page")
    return ask


@contextmanager
def page_in_a_container(rig: Rig) -> Iterator[Ask]:
    """The page in a container with a published port, called from a machine of the network."""
    script = (
        '/bin/busybox mkdir -p /www/cgi-bin; /bin/busybox echo "$PAGE" > /www/cgi-bin/seen; '
        f"/bin/busybox chmod 755 /www/cgi-bin/seen; exec /bin/busybox httpd -f -p {PORT} -h /www"
    )
    assert rig.engine is not None
    container = rig.engine.client.containers.run(
        "packets:1", ["/bin/busybox", "sh", "-c", script], detach=True, environment={"PAGE": PAGE},
        ports={f"{PORT}/tcp": [("0.0.0.0", PORT)]},
    )  # fmt: skip
    enter = ["ip", "netns", "exec", f"{rig.namespace}-modality"]
    try:
        yield asking(enter, f"http://{host_address(CALLER)}:{PORT}", CALLER)
    finally:
        container.remove(force=True)


DENY = ("INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "DROP")


def test_an_engine_that_redirects_keeps_addresses(tmp_path: Path) -> None:
    told = said("directly", tmp_path)
    assert (told.kept, told.seen, told.hook) == (True, None, "forward")
    with running_rig() as rig, page_in_a_container(rig) as ask:
        assert ask() == CALLER
        rig.do("iptables", "-I", *DENY)
        assert ask() == CALLER


def test_an_engine_that_does_not_hides_them(tmp_path: Path) -> None:
    """Its own proxy accepts the calls: to the packet filter they are for a program of the host."""
    told = said("by_userland_proxy", tmp_path)
    assert (told.kept, told.hook) == (False, "input")
    with (
        running_rig(configuration={"iptables": False, "ip6tables": False}) as rig,
        page_in_a_container(rig) as ask,
    ):
        assert ask() == told.seen
        rig.do("iptables", "-I", *DENY)
        assert ask() is None


@pytest.mark.parametrize(("driver", "hides"), [("builtin", True), ("slirp4netns", False)])
def test_an_engine_without_root_hides_them_by_its_port_driver(driver: str, hides: bool, tmp_path: Path) -> None:
    """What stands in front of such an engine, run as the engine runs it: rootlesskit with a port driver."""
    rootlesskit, busybox = (require_program(name, "apt-get install " + package) for name, package in (
        ("rootlesskit", "rootlesskit slirp4netns uidmap"), ("busybox", "busybox-static")))  # fmt: skip
    if os.geteuid() != 0:
        cannot_run("another user is needed, whom root alone can play")
    user = pwd.getpwnam("nobody")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ogr-") as name:
        folder = Path(name)
        (folder / "www/cgi-bin").mkdir(parents=True)
        page = folder / "www/cgi-bin/seen"
        page.write_text(PAGE.replace("/bin/busybox", busybox))
        page.chmod(0o755)
        (folder / "ids").write_text(f"{user.pw_name}:200000:65536\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        # In mounts of its own: which further ids the user may have, and the device of its network.
        script = (
            f"mknod -m 666 {folder}/tun c 10 200 && mount --bind {folder}/tun /dev/net/tun && "
            f"mount --bind {folder}/ids /etc/subuid && mount --bind {folder}/ids /etc/subgid && "
            f"exec setpriv --reuid {user.pw_uid} --regid {user.pw_gid} --clear-groups {rootlesskit} "
            f"--state-dir {folder}/state --net slirp4netns --disable-host-loopback --copy-up /etc "
            f"--port-driver {driver} -p 0.0.0.0:{port}:80/tcp {busybox} httpd -f -p 80 -h {folder}/www"
        )
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], cwd=folder,
            env={"HOME": name, "XDG_RUNTIME_DIR": name, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            own = own_address()
            seen = asking([], f"http://{own}:{port}", own)()
        finally:
            process.terminate()
            process.wait(60)
    assert (seen != own) is hides
    assert not said("by_rootless_engine", tmp_path).kept


def own_address() -> str:
    """An address of this machine that is not of loopback."""
    return next((one for one in host_addresses() if ":" not in one), "") or cannot_run("this machine has no network")
