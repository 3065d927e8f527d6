"""Hosts for Ansible: containers with systemd, an SSH server and Debian's Orthanc, on a network of the tests' engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.engine import TestEngine
from tests.support.images import CACHE, CONSTRAINTS, MONGO_PLATFORMS, debian, import_image, tag
from tests.support.servers import cannot_run, require_program, wait_until
from tests.support.tool_environments import ansible_folder

ROOT: Final = Path(__file__).parents[2]
LOGIN: Final = "admin"
WHEELHOUSE: Final = "/srv/wheelhouse"
PYTHONS: Final = {"bookworm": "3.11", "bookworm-rpm": "3.11", "trixie": "3.13", "trixie-engine": "3.13"}
"""System of a host -> its Python. A suite of Debian; with `-rpm` it takes itself for one of the family of RHEL.

With `-engine` it has no Orthanc, and can run a container engine, of which it has only the packages in a repository.
"""
_PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "python3-venv"),
    *("orthanc", "orthanc-dicomweb", "nftables", "iproute2"),
)
_ENGINE_PACKAGES: Final = (
    *("passwd", "systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "python3", "nftables", "iproute2"),
)
_REPOSITORY: Final = """
set -eu
chroot "$1" sh -eu <<'END'
apt-get clean
wanted="docker.io docker-cli docker-compose python3-apt python3-venv"
apt-get --yes --quiet --no-install-recommends --download-only install $wanted >/dev/null
mkdir /srv/packages
mv /var/cache/apt/archives/*.deb /srv/packages
cd /srv/packages
for one in *.deb; do
  dpkg-deb --field "$one"
  printf 'Filename: ./%s\\nSize: %s\\n' "$one" "$(stat -c %s "$one")"
  sha256sum "$one" | sed 's/\\([0-9a-f]*\\).*/SHA256: \\1\\n/'
done > Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/packages ./' > /etc/apt/sources.list
END
"""
"""A hook of mmdebstrap: the packages are in a folder of the host, from which its own apt installs them."""

_HYBRID: Final = ("SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1", "systemd.unified_cgroup_hierarchy=0")
"""systemd 256 and later wants control groups of version 2 alone; in a container it takes these as a kernel's words."""

_INIT: Final = ("sh", "-c", 'mount --make-rshared / && exec /sbin/init "$@"', "init")
"""As a kernel starts it: mounts that systemd makes for a unit, such as those of credentials, are seen by all."""

_GROUPS: Final = 'for one in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$one"; done && '
"""An engine makes control groups below its host's own."""

_CAPABILITIES: Final = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL"),
    *("LEASE", "LINUX_IMMUTABLE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_NICE", "SYS_PTRACE", "SYS_TTY_CONFIG"),
)
"""What systemd needs. Not --privileged: that asks for all there are, and a machine that is virtual may lack some."""
_NOT_COMPARED: Final = (
    *("/proc", "/sys", "/dev", "/run", "/tmp", "/srv", "/var/log", "/var/tmp", "/var/lib/systemd"),
    *(f"/home/{LOGIN}", "/root", "/var/lib/orthancgen/*/data", "/var/lib/orthancgen/*/log"),
    *("/var/lib/docker", "/var/lib/containerd"),
)
"""What changes by itself while services run, or by a login."""


_RPM: Final = ("dnf", "rpm", "createrepo-c")
_LIKE_RHEL: Final = """
echo 'Red Hat Enterprise Linux release 9.4 (Plow)' > /etc/redhat-release
mkdir -p /opt/rpm /etc/yum.repos.d
cat > /opt/rpm/python.spec <<'END'
Name: python3.12
Version: 3.12.0
Release: 1
Summary: The Python of this system by the name that it has on RHEL
License: PSF-2.0
BuildArch: noarch
AutoReqProv: no
%description
%{summary}
%install
mkdir -p %{buildroot}/usr/bin
ln -s python3 %{buildroot}/usr/bin/python3.12
%files
/usr/bin/python3.12
END
rpmbuild --quiet -bb --define '_topdir /opt/rpm' /opt/rpm/python.spec && createrepo_c --quiet /opt/rpm/RPMS &&
printf '[own]\nname=own\nbaseurl=file:///opt/rpm/RPMS\ngpgcheck=0\n' > /etc/yum.repos.d/own.repo
"""
"""A real rpm and dnf, with a package of the name that the role wants; beneath, the system stays Debian."""
_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {"": (), "rpm": _RPM}
"""What follows the suite in the name of a system -> packages that it has besides."""


@dataclass(frozen=True)
class Host:
    """A host: the container's name, and its address on the engine's network."""

    name: str
    address: str
    engine: TestEngine

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command on it as root; what it printed."""
        done = _docker(self.engine, "exec", self.name, *command)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def gateway(self) -> str:
        """The address of the controller as it sees it."""
        return str(json.loads(self.run("ip", "-json", "route", "show", "default"))[0]["gateway"])

    def services(self) -> dict[str, bool]:
        """Which services of the environment of its name are healthy, by its own orthancgen; none where it has none."""
        release = f"/etc/orthancgen/{self.name}/current"
        program, model = f"{release}/tool/bin/orthancgen", f"{release}/{self.name}.yaml"
        said = self.run(program, "status", model, "--json", check=False)
        return {row["service"]: row["healthy"] for row in json.loads(said)["services"]} if said else {}

    def is_up(self) -> bool:
        """Whether its init has started everything."""
        return self.run("systemctl", "is-system-running", check=False).strip() == "running"

    def restart(self) -> None:
        """Stop it and start it, as by its power button."""
        done = _docker(self.engine, "restart", "--time", "30", self.name)
        assert done.returncode == 0, done.stderr

    def files(self) -> set[str]:
        """Everything on its disk that a deploy could touch, with modes, owners, times and sizes."""
        skipped = " ".join(f"-path '{path}' -prune -o" for path in _NOT_COMPARED)
        listed = self.run("sh", "-c", f"find / {skipped} -printf '%p %m %U %G %s %T@ %l\\n'")
        return set(listed.splitlines())


@dataclass
class Ansible:
    """The controller: folders, keys and variables for the commands of Ansible.

    Attributes:
        folder: of the inventory, the environments and everything else.
        wheel: of the checkout.
        apps: the programs for Node.js.
        variables: of every host, beside those of the inventory.
    """

    folder: Path
    wheel: Path
    apps: Path
    variables: dict[str, Any] = field(default_factory=dict)

    def playbook(self, name: str, *options: str, code: int = 0) -> Ran:
        """Run a playbook of the collection, and demand its exit code."""
        command = [str(ansible_folder() / "ansible-playbook"), "-i", "hosts.yaml", f"orthancgen.site.{name}", *options]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ(), capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=400,
        )  # fmt: skip
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
        return Ran(done.stdout + done.stderr)

    def orthancgen(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run orthancgen on the controller; what it printed."""
        command = [sys.executable, "-m", "orthancgen", *arguments]
        variables = self.environ() | dict(environ or {})
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def keep_in_vault(self, variables: Mapping[str, Any]) -> None:
        """Write the variables of all hosts, encrypted by Ansible Vault."""
        (self.folder / "vault-password").write_text("of the tests\n")
        (self.folder / "group_vars").mkdir()
        written = self.folder / "group_vars" / "orthancgen.yaml"
        written.write_text(yaml.safe_dump(dict(variables)))
        subprocess.run(["ansible-vault", "encrypt", str(written)], env=self.environ(), check=True, capture_output=True)

    @contextmanager
    def host_variables(self, name: str, **variables: Any) -> Iterator[None]:
        """Variables of one host, for a while."""
        folder = self.folder / "host_vars"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(variables))
        yield
        (folder / f"{name}.yaml").unlink()

    def environ(self) -> dict[str, str]:
        """The variables of a command."""
        return {
            **{name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")},
            "PATH": os.pathsep.join((str(ansible_folder()), str(Path(sys.executable).parent), os.environ["PATH"])),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_PRIVATE_KEY_FILE": str(self.folder / "key"),
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault-password"),
        }


@dataclass(frozen=True)
class Ran:
    """What a playbook printed."""

    text: str

    def changed(self) -> set[tuple[str, str]]:
        """Task and host of everything that changed."""
        found, task = set(), ""
        for line in self.text.splitlines():
            if line.startswith("TASK ["):
                task = line.split("[", 1)[1].rsplit("]", 1)[0].split(" : ")[-1]
            elif matched := re.match(r"changed: \[([^\]]+?)(?: -> [^\]]*)?\]", line):
                found.add((task, matched.group(1)))
        return found

    def recap(self) -> Mapping[str, Mapping[str, int]]:
        """The numbers of each host at the end."""
        lines = self.text.split("PLAY RECAP", 1)[1].splitlines()[1:]
        return {
            line.split(":")[0].strip(): {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}
            for line in lines
            if "ok=" in line
        }


def _docker(engine: TestEngine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, env={**os.environ, **engine.environment}
    )


def prepare_hosts(engine: TestEngine, suites: Collection[str], *, analysis: bool = False) -> None:
    """Make what hosts of these suites of Debian are started from: an image, and the wheels that they need."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        cannot_run("systemd in a container without --privileged was only tried with control groups of version 1")

    def image(system: str) -> None:
        suite, _, kind = system.partition("-")
        archive = _with_repository(suite) if kind == "engine" else debian(suite, include=_PACKAGES + _BESIDE[kind])
        import_image(engine.connect().client.api, archive, f"base:host-{system}")

    with ThreadPoolExecutor() as pool:
        images = [pool.submit(image, one) for one in suites]
        for wheels in [pool.submit(wheelhouse, one, analysis=analysis) for one in suites]:
            wheels.result()
        for made in images:
            made.result()


def _with_repository(suite: str) -> Path:
    digest = hashlib.sha256("\n".join((*_ENGINE_PACKAGES, _REPOSITORY)).encode()).hexdigest()[:16]
    with tempfile.TemporaryDirectory() as folder:
        hook = Path(folder) / "hook.sh"
        hook.write_text(f"#!/bin/sh{_REPOSITORY}")
        hook.chmod(0o755)
        named = f"{suite}-engine-host-{digest}"
        return debian(suite, f"--customize-hook={hook}", include=_ENGINE_PACKAGES, name=named)


@contextmanager
def running_hosts(
    engine: TestEngine, suites: Mapping[str, str], key: str, *, analysis: bool = False
) -> Iterator[dict[str, Host]]:
    """Hosts that let LOGIN in with an SSH key, and become root by sudo; removed at the end.

    Args:
        engine: on which they are containers.
        suites: name of each host -> its system, of those that `prepare_hosts` made.
        key: the public one.
        analysis: whether their wheels are those of the service of analysis, too.
    """
    rights = [word for name in _CAPABILITIES for word in ("--cap-add", name)]
    for what in ("seccomp", "apparmor", "systempaths"):
        rights += ["--security-opt", f"{what}=unconfined"]
    hosts = {}
    try:
        for name, suite in suites.items():
            nested = suite.endswith("-engine")
            shell, option, script, *rest = _INIT
            init = (shell, option, f"{_GROUPS}{script}" if nested else script, *rest)
            # An engine's layers cannot lie on those of another one.
            data = ("--volume", "/var/lib/docker") if nested else ()
            started = _docker(
                engine, "run", "--detach", "--name", name, "--hostname", name, "--cap-drop", "ALL", *rights, *data,
                "--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/tmp:exec", "--env", "container=docker",
                "--volume", f"{wheelhouse(suite, analysis=analysis)}:{WHEELHOUSE}:ro", tag(f"base:host-{suite}"),
                *init, *_HYBRID,
            )  # fmt: skip
            assert started.returncode == 0, started.stderr
        for name in suites:
            form = "{{.NetworkSettings.IPAddress}}"
            hosts[name] = host = Host(name, _docker(engine, "inspect", "--format", form, name).stdout.strip(), engine)
            script = (
                f"useradd --create-home --shell /bin/sh {LOGIN} && install -d -m 700 -o {LOGIN} ~{LOGIN}/.ssh && "
                f"echo '{key}' > ~{LOGIN}/.ssh/authorized_keys && chown {LOGIN} ~{LOGIN}/.ssh/authorized_keys && "
                f"echo '{LOGIN} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{LOGIN}"
            )
            if not suites[name].endswith("-engine"):
                script += " && systemctl disable --quiet --now orthanc.service"
            wait_until(host.is_up, what="systemd has started what it starts")
            host.run("sh", "-c", script)
            if suites[name].endswith("-rpm"):
                host.run("sh", "-c", _LIKE_RHEL)
        yield hosts
    finally:
        _docker(engine, "rm", "--force", "--volumes", *suites)


@contextmanager
def controller(*, with_apps: bool = True, viewer: bool = False) -> Iterator[Ansible]:
    """A folder with a key pair, the collection, the wheel of the checkout and the archive of `orthancgen apps`."""
    for program, package in (("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
        require_program(program, f"apt-get install {package}")
    with tempfile.TemporaryDirectory(prefix="oga-") as temporary:
        folder = Path(temporary)
        collection = folder / "collections" / "ansible_collections" / "orthancgen"
        collection.mkdir(parents=True)
        (collection / "site").symlink_to(ROOT / "ansible")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheel")]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = (folder / "wheel").glob("*.whl")
        (folder / "ansible.cfg").write_text("[defaults]\n")  # not that of this machine
        apps = folder / "apps.tar.gz"
        if with_apps:
            packed = [sys.executable, "-m", "orthancgen", "apps", "-o", str(apps), *(["--viewer"] if viewer else [])]
            subprocess.run(packed, check=True, capture_output=True)
        yield Ansible(folder, wheel, apps)


def wheelhouse(suite: str, *, analysis: bool = False) -> Path:
    """A folder with the wheels of all that orthancgen needs on a host of a suite of Debian, made once for each list."""
    python = PYTHONS[suite]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [(CONSTRAINTS, [*project["dependencies"], *project["optional-dependencies"]["native"]])]
    if analysis:
        source = ROOT / "stack" / "analysis"
        of_analysis = tomllib.loads((source / "pyproject.toml").read_text())
        wanted = [*of_analysis["project"]["dependencies"], *of_analysis["build-system"]["requires"]]
        lists.append((source / "constraints.txt", wanted))
    text = "\n".join(line for constraints, wanted in lists for line in (*wanted, constraints.read_text()))
    target = CACHE / f"wheelhouse-{hashlib.sha256(text.encode()).hexdigest()[:16]}-python{python}"
    if not target.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / "wheels"
            for constraints, wanted in lists:
                command = [
                    sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", f"--dest={made}",
                    f"--python-version={python}", "--only-binary=:all:", "--constraint", str(constraints),
                    *(f"--platform={one}" for one in MONGO_PLATFORMS), *wanted,
                ]  # fmt: skip
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr[-2000:]
            made.chmod(0o755)
            made.rename(target)
    return target
