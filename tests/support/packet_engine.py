"""A container engine in the network of a namespace, whose containers publish ports."""

from __future__ import annotations

import ctypes
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import docker

from tests.support.packet_addresses import CONTAINERS, OTHER_PORT, PUBLISHED_PORTS
from tests.support.servers import cannot_run, require_program, wait_until

_OTHERS: Final = "172.29.77.0/24"
_OTHERS_6: Final = "fd29:77::/64"
_ENGINE_NETWORK_6: Final = "fd30:242::/64"
_START_SECONDS: Final = 180.0
_NO_BUS: Final = "unix:path=/nowhere"
"""The engine never hears of a firewalld of this machine, which would carry out its wishes in this machine's network."""


class Engine:
    """A container engine in the host's network, with two containers that publish ports."""

    def __init__(
        self, host: str, folder: Path, path: str, configuration: Mapping[str, Any], bus: str = _NO_BUS
    ) -> None:
        self._host, self._path, self._configuration, self._bus = host, path, configuration, bus
        self.publishes_6 = bool(configuration["ip6tables"])
        self._folder = folder / "engine"
        self._folder.mkdir(mode=0o711)
        self._dockerd = require_program("dockerd", "apt-get install docker.io")
        self._busybox = require_program("busybox", "apt-get install busybox-static")
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None
        self.site: Any = None
        self.other: Any = None

    @property
    def client(self) -> Any:
        """A client of it."""
        assert self._client is not None
        return self._client

    def launch(self) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "daemon.json"  # else the machine's own is read
        config.write_text(json.dumps(dict(self._configuration)))
        folder = self._folder
        with (folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "nsenter", f"--net=/run/netns/{self._host}", self._dockerd, "--config-file", str(config),
                    "--host", f"unix://{folder}/docker.sock", "--bip", CONTAINERS.replace(".0/", ".1/"),
                    "--ipv6", "--fixed-cidr-v6", _ENGINE_NETWORK_6, "--experimental",
                    "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
                    "--pidfile", str(folder / "dockerd.pid"), "--containerd-namespace", self._host,
                    "--containerd-plugins-namespace", f"{self._host}-plugins", "--shutdown-timeout", "1",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=_end_with_parent,
                env={
                    **os.environ, "PATH": f"{self._path}{os.environ['PATH']}:/usr/sbin:/sbin",
                    "DBUS_SYSTEM_BUS_ADDRESS": self._bus,
                },
            )  # fmt: skip
        self._client = docker.DockerClient(base_url=f"unix://{folder}/docker.sock", version="1.41")
        try:
            wait_until(self._answers, seconds=_START_SECONDS, what="the engine answers")
        except AssertionError as error:
            said = (folder / "dockerd.log").read_text(errors="replace")[-2000:]
            cannot_run(f"this machine cannot run an engine in a network namespace: {error}\n{said}")
        for container in (self.site, self.other):
            if container is not None:
                wait_until(lambda one=container: self._runs(one), what=f"{container.name} runs again")  # type: ignore[misc]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"it ended with {self._process.returncode}")
        try:
            with socket.socket(socket.AF_UNIX) as first:  # the client leaves a socket open that did not connect
                first.connect(f"{self._folder}/docker.sock")
            return bool(self._client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    @staticmethod
    def _runs(container: Any) -> bool:
        container.reload()
        return bool(container.status == "running")

    def publish(self) -> None:
        """Run the two containers."""
        image = self._client.api.import_image_from_data(_tar(Path(self._busybox)), repository="packets", tag="1")
        assert "error" not in image, image
        # With IPv6: a port of [::] is redirected then. Else the engine's proxy has it, which is a program of the host.
        pools = [docker.types.IPAMPool(_OTHERS), docker.types.IPAMPool(_OTHERS_6)]
        ipam = docker.types.IPAMConfig(pool_configs=pools)
        network = self._client.networks.create("other", ipam=ipam, enable_ipv6=True)
        ports = [port for group in PUBLISHED_PORTS.values() for port in group]
        self.site = self._run("site", ports, "bridge")
        self.other = self._run("other", [OTHER_PORT], network.name)

    def _run(self, name: str, ports: Iterable[int], network: str) -> Any:
        script = "".join(f"/bin/busybox httpd -p {port} -h /;" for port in ports) + "exec /bin/busybox sleep 999999"
        everywhere = ("0.0.0.0", "::") if self.publishes_6 else ("0.0.0.0",)
        published = {f"{port}/tcp": [(address, port) for address in everywhere] for port in ports}
        return self._client.containers.run(
            "packets:1", ["/bin/busybox", "sh", "-c", script], name=name, detach=True, network=network, ports=published,
            restart_policy={"Name": "always"}, stop_signal="SIGKILL",
        )  # fmt: skip

    @property
    def address(self) -> str:
        """The IPv4 address of the site's container."""
        self.site.reload()
        return str(self.site.attrs["NetworkSettings"]["IPAddress"])

    @contextmanager
    def neighbour(self) -> Iterator[Any]:
        """Another container in the network of the site's."""
        started = self._run("neighbour", (), "bridge")
        try:
            yield started
        finally:
            started.remove(force=True)

    def reaches(self, container: Any, address: str, port: int) -> bool:
        """Whether a container can open a TCP connection."""
        done = container.exec_run(["/bin/busybox", "sh", "-c", f"/bin/busybox nc -w 2 {address} {port} </dev/null"])
        return int(done.exit_code) == 0

    def restart(self) -> None:
        """End the process and start it again; its containers come back with it."""
        self.stop()
        self.launch()

    def stop(self) -> None:
        """End the process; its containers end with it, and what it made of rules stays."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """Remove the containers, and end it."""
        if self._client is not None:
            with suppress(docker.errors.DockerException, OSError):
                for container in self._client.containers.list(all=True):
                    container.remove(force=True)
            self._client.close()
        if self._process is not None:
            self.stop()
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in reversed(mounts):
            if Path(mount).is_relative_to(self._folder):
                subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
        shutil.rmtree(self._folder / "data", ignore_errors=True)


def _end_with_parent() -> None:
    """SIGTERM for this process when the tests are killed. prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _tar(busybox: Path) -> bytes:
    """An image's only file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
    return written.getvalue()
