"""Which commands only look, and how each is called: those write nothing but what `-o` names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from orthancgen.cli import cli
from tests.support.servers import require_program

Words = tuple[str, ...]
LOOKING: Final[Mapping[str, tuple[Words, ...]]] = {
    "validate": (("ENV",),),
    "modalities list": (("ENV",),),
    "modalities check": (("ENV", "STATE"),),
    "upgrade": (("ENV", "--to", "1.13.0"),),
    "schema": ((),),
    "render": (("ENV", "-o", "OUT"), ("ENV", "-o", "OUT", "--check")),
    "audit": (("ENV",),),
    "access": (("ENV",),),
    "firewall show": (("ENV",),),
    "firewall check": (("ENV", "STATE"),),
    "firewall status": (("ENV", "STATE"),),
    "sheet": (("ENV", "STATE", "-o", "OUT"),),
    "plan": (("ENV", "STATE"), ("ENV", "STATE", "--json")),
    "verify": (("ENV", "STATE"), ("ENV", "STATE", "--metrics", "OUT/verify.prom")),
    "status": (("ENV", "STATE"),),
    "logs": (("ENV", "STATE"),),
    "history": (("ENV", "STATE"),),
    "lock": (("ENV", "STATE"),),
    "doctor": (("ENV", "STATE"), ("ENV", "STATE", "--study", "1.2.3"), ("ENV", "--from", "ct1")),
    "monitoring": (("ENV", "STATE", "-o", "OUT/watched"),),
    "secrets list": (("ENV", "STATE"),),
    "secrets show": (("ENV", "orthanc_password", "STATE"),),
    "secrets scan": (("FILE", "STATE"),),
    "certs list": (("ENV", "STATE"),),
    "certs check": (("ENV", "STATE"),),
    "certs ca": (("ENV", "STATE"),),
    "certs crl": (("ENV", "STATE", "-o", "OUT/list.crl"),),
    "images list": (("ENV",),),
    "inventory": (("ENV",),),
    "completion": (("bash",),),
}
"""Command -> its arguments, once or more often; ENV stands for the environment, OUT for a folder."""

CHANGING: Final = frozenset(
    {
        *("init", "import", "modalities add", "modalities change", "modalities import", "modalities remove"),
        *("firewall apply", "firewall confirm", "firewall undo", "firewall vpn"),
        *("deploy", "down", "rollback", "send", "backup", "restore", "secrets place", "secrets rotate"),
        *("certs bundle", "certs issue", "certs renew", "certs revoke", "certs rotate-authority"),
        *("pin", "images build", "images inspect", "images save", "apps"),
    }
)
"""Commands that are there to change something, or that never see a state folder."""


def calls(environment: Path, state: Path, out: Path) -> list[list[str]]:
    """The argument lists of all of :data:`LOOKING`."""
    meant = {"ENV": [str(environment)], "FILE": [str(environment)], "STATE": ["--state", str(state)]}
    return [
        [*command.split(), *(word for one in words for word in meant.get(one, [one.replace("OUT", str(out))]))]
        for command, several in LOOKING.items()
        for words in several
    ]


_READ_ONLY: Final = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def read_only(environment: Path, state: Path, out: Path) -> dict[str, str]:
    """Run them all where the state folders may only be read, even by root; call -> how it ended."""
    unshare = require_program("unshare", "apt-get install util-linux")
    inside = [sys.executable, "-m", "tests.support.looking", str(environment), str(state), str(out)]
    done = subprocess.run(
        [unshare, "--mount", "--propagation", "private", "sh", "-ec", _READ_ONLY, "sh", str(state), *inside],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ended: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return ended


def _main(environment: str, state: str, out: str) -> None:
    ended = {}
    for arguments in calls(Path(environment), Path(state), Path(out)):
        done = CliRunner().invoke(cli, arguments)
        said = "" if isinstance(done.exception, SystemExit) or done.exception is None else f" {done.exception!r}"
        ended[" ".join(arguments)] = f"{done.exit_code}{said}"
    sys.stdout.write(f"{json.dumps(ended)}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
