"""Bills of materials of our own images, as an engine has them: each image is asked what it consists of.

Usage: python -m scripts.image_bills [FOLDER]; without it, dist. The images are those of this version on the engine that
DOCKER_HOST names; one that is not there is left out, and told.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion

from orthancgen.errors import OrthancgenError
from orthancgen.plan.images import own_image
from orthancgen.runtimes.compose.engine import connect
from orthancgen.runtimes.compose.sources import OWN_IMAGES
from scripts import dist
from scripts.bills import NPM, ROOT, checked, npm_bill, python_bill

_ASK: Final = r"""
. /etc/os-release
printf 'operating-system\t%s\t%s\t%s\n' "$ID" "$VERSION_ID" ''
dpkg-query --show --showformat='library\t${Package}\t${Version}\t${Architecture}\n'
for program in node python3 restic haproxy; do
  found=$(command -v "$program") || continue
  found=$(readlink -f "$found")
  dpkg-query --search "$found" >/dev/null 2>&1 && continue
  dpkg-query --search "/usr$found" >/dev/null 2>&1 && continue
  printf 'application\t%s\t%s\t%s\n' "$program" "$("$program" --version | sed 's/^[^0-9]*//; s/ .*//')" ''
done
"""
"""What an image prints of itself: kind, name, version, architecture; a program is listed where it is of no package."""


def image_bill(client: Any, image: str, inside: Mapping[str, Any] | None = None) -> str:
    """The bill of an image: its system, the packages of that, and what a program in it ships.

    Args:
        client: of the engine (`docker.DockerClient`).
        image: name of the image.
        inside: the bill of the program in it.

    Raises:
        OrthancgenError: the engine does not have it, or it cannot be asked.
    """
    from docker.errors import DockerException

    try:
        digest = client.images.get(image).id
        printed = client.containers.run(image, entrypoint=["/bin/sh", "-c", _ASK], remove=True, network_disabled=True)
    except DockerException as error:
        raise OrthancgenError(
            f"{image} cannot be asked: {type(error).__name__}", hint="is it on this engine?"
        ) from None
    name, _, version = image.rpartition(":")
    component = {"type": "container", "bom-ref": "image", "name": name, "version": version}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {**component, "properties": [{"name": "orthancgen:image-id", "value": digest}]},
        },
        "components": [*_found(printed.decode()), *_of_program(inside)],
    }
    return checked(document, SchemaVersion.V1_6)


def _found(printed: str) -> Iterator[dict[str, Any]]:
    rows = [line.split("\t") for line in printed.splitlines()]
    system = next((row[1] for row in rows if row[0] == "operating-system"), "debian")
    for kind, name, version, architecture in rows:
        one = {"type": kind, "bom-ref": f"{kind}:{name}:{architecture}", "name": name, "version": version}
        if kind == "library":
            one["purl"] = f"pkg:deb/{system}/{name}@{version.replace('+', '%2B')}?arch={architecture}"
        yield one


def _of_program(bill: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The program itself, and its packages."""
    if bill is None:
        return []
    return [dict(bill["metadata"]["component"]), *(dict(one) for one in bill["components"])]


def program_bills() -> dict[str, Callable[[], str]]:
    """Image -> what makes the bill of the program in it; the others are of packages of their system alone."""
    return {**{name: partial(npm_bill, name) for name in NPM}, "analysis": _analysis, "orthancgen": _command}


def _analysis() -> str:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        constraints = dist.ANALYSIS / "constraints.txt"
        return python_bill(
            dist.install(dist.copied(dist.ANALYSIS, folder), folder / "venv", constraints), dist.ANALYSIS
        )


def _command() -> str:
    with tempfile.TemporaryDirectory() as temporary:
        wheel, _ = dist.build(Path(temporary) / "dist")
        return python_bill(dist.install(wheel, Path(temporary) / "venv"), ROOT)


def main() -> int:
    """Write a bill for each image that is there."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    client = connect(environment="", need_compose=False).client
    there = {tag for image in client.images.list() for tag in image.tags}
    programs = program_bills()
    for name in (*OWN_IMAGES, "orthancgen"):
        image = own_image(name)
        if image not in there:
            print(f"{image}: not on this engine")
            continue
        inside = json.loads(programs[name]()) if name in programs else None
        target = folder / f"sbom-image-{name}.cdx.json"
        target.write_text(image_bill(client, image, inside), encoding="utf-8")
        print(target)
    if (folder / dist.SUMS).is_file():
        (folder / dist.SUMS).write_text(dist.sums(folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
