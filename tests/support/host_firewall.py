"""A firewall of a host as tests load it: `firewall.sh` in a folder on the host of a rig, put in force and undone."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Policy
from tests.support.packet_addresses import OTHER_PORT, PUBLISHED_PORTS
from tests.support.packets import Rig, expected
from tests.support.policies import Generated, generated

_found: dict[tuple[bool, int], Generated] = {}
_RESULTS: Final = ("open", "silent")


class Firewall:
    """The folder of a bundle on the host of a rig, and its script."""

    def __init__(self, rig: Rig, dialect: str, made: Generated, policy: Policy | None = None) -> None:
        self.rig, self.policy = rig, policy or made.policy
        self.folder = rig.folder / "bundles" / f"{dialect}-{made.policy.environment}"
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in DIALECTS[dialect].files:
            if file.wanted(made.plan):
                path = self.folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.build(made.plan, self.policy))
                path.chmod(file.mode)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script on the host."""
        return self.rig.run("sh", str(self.folder / "firewall.sh"), *arguments, timeout=120, **variables)

    def do(self, *arguments: str, **variables: str) -> str:
        """What must succeed; its output."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.stderr == "", done.stderr
        return done.stdout

    def refused(self, code: int, *arguments: str, **variables: str) -> str:
        """What must fail, with one line; that line."""
        done = self.run(*arguments, **variables)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        said = done.stderr or done.stdout
        assert said.startswith("firewall.sh: "), said
        assert said.count("\n") == 1, said
        return said

    def in_force(self) -> bool:
        """Whether every packet goes as the policy says; AssertionError with those that do not."""
        found = self.rig.differences(self.policy)
        assert found == [], found
        return True


@contextmanager
def taken_back(rig: Rig, *used: Firewall) -> Iterator[None]:
    """Afterwards nothing is in force, whatever happened in the block."""
    try:
        yield
    finally:
        used[0].do("undo")
        found = rig.differences(None)
        assert found == [], found


def kinds(rig: Rig, policy: Policy) -> Counter[str]:
    """How many packets of the rig go which way: hook, version of IP, result."""
    guarded = {one.port for one in policy.published}
    others = {OTHER_PORT, *(port for ports in PUBLISHED_PORTS.values() for port in ports)} - guarded
    return Counter(
        f"{'forward' if probe.port in guarded else 'input'} {6 if ':' in probe.source else 4} {expected(probe, policy)}"
        for probe in rig.matrix()
        if probe.machine != "host" and probe.protocol == "tcp" and probe.port not in others
    )


def varied(rig: Rig, *, first: int = 1) -> Generated:
    """A generated policy that lets in some and denies others: of each version of IP, to the host and to containers."""
    both = rig.engine is None or rig.engine.publishes_6
    wanted = {f"{hook} {family} {result}" for hook in ("input", "forward") for family in (4, 6) for result in _RESULTS}
    if not both:
        wanted = {kind for kind in wanted if not kind.startswith("forward 6")}
    for seed in () if (both, first) in _found else range(first, first + 2000):
        made = generated(seed, rig.folder)
        if wanted <= set(kinds(rig, made.policy)):
            _found[both, first] = made
            break
    return _found[both, first]


def first_seed_after(firewall: Firewall) -> int:
    """From where `varied` finds another policy than this firewall's."""
    return int(firewall.policy.environment.removeprefix("env-")) + 1
