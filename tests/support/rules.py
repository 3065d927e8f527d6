"""Every rule file of a plan, read back: it says the policy, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Policy, policy
from orthancgen.firewall.wireguard import peer_conf, peers, server_conf
from orthancgen.plan.model import Plan
from tests.support import readback, readback_linux

_HTTPS: Final = {("0.0.0.0/0", 443, "tcp"), ("::/0", 443, "tcp")}
_KEY: Final = "A" * 43 + "="


def built(name: str, path: str, plan: Plan, policy: Policy) -> str:
    """The text of one file of a dialect."""
    return next(file.build(plan, policy) for file in DIALECTS[name].files if file.path == path)


def _windows(plan: Plan, policy: Policy) -> None:
    """Both scripts let in exactly the filters of the host; the rest is said to be missing."""
    here = readback.expected(policy.of_hook("input"))
    for path, read in (("apply.ps1", readback.powershell), ("apply.cmd", readback.netsh)):
        frame = readback.frame_of(partial(built, "windows", path), plan, policy)
        assert read(built("windows", path, plan, policy), frame) == here, path
    missing = [f"{it.source} to port {it.port}" for it in policy.of_hook("forward")]
    said = [unexpressed.what for unexpressed in DIALECTS["windows"].unexpressed(plan, policy)]
    assert len(said) == len(missing)
    assert all(text.endswith(end) for text, end in zip(said, missing, strict=True))


def _cloud(
    name: str, readers: Mapping[str, Callable[[str], readback.ByCloud]], echo: set[tuple[str, str]], plan: Plan,
    policy: Policy,
) -> None:  # fmt: skip
    calls = {(f"{call.address}/{128 if ':' in call.address else 32}", call.port, "tcp") for call in policy.calls}
    out = calls | _HTTPS if name == "aws" else set()
    assert list(DIALECTS[name].unexpressed(plan, policy)) == []
    for path, read in readers.items():
        found = read(built(name, path, plan, policy))
        assert found == readback.ByCloud(readback.expected(policy.filters), echo, out), path


def _linux(name: str, plan: Plan, policy: Policy) -> None:
    assert readback_linux.lines(name, plan, policy) == readback_linux.expected(name, policy)


CHECKS: Final[Mapping[str, Callable[[Plan, Policy], None]]] = {
    **{name: partial(_linux, name) for name in readback_linux.DIALECTS_READ},
    "windows": _windows,
    "aws": partial(
        _cloud, "aws",
        {"security-group.template.json": readback.cloudformation, "main.tf.json": readback.aws_terraform},
        {("icmp", "0.0.0.0/0"), ("icmpv6", "::/0")},
    ),
    "google_cloud": partial(
        _cloud, "google_cloud", {"main.tf.json": readback.google_cloud}, {("icmp", "0.0.0.0/0"), ("58", "::/0")}
    ),
    "azure": partial(_cloud, "azure", {"main.tf.json": readback.azure}, {("Icmp", "0.0.0.0/0")}),
}  # fmt: skip
"""Dialect -> asserts that its files let in exactly a policy."""


def rules_say_the_policy(plan: Plan) -> None:
    """Assert that every dialect that the plan's environment lists lets in exactly its policy."""
    whole = policy(plan)
    listed = frozenset(plan.site.network.firewall)
    _rules(_Hashable(plan, whole, listed))
    if "wireguard" in listed:
        _vpn(plan)


class _Hashable:
    """A plan, equal to others whose rules are the same."""

    def __init__(self, plan: Plan, whole: Policy, listed: frozenset[str]) -> None:
        self.plan, self.policy, self.listed = plan, whole, listed
        self._key = (whole, listed, plan.site.environment, plan.site.containers.subnet)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashable) and self._key == other._key


@lru_cache(maxsize=10_000)
def _rules(of: _Hashable) -> None:
    for name, check in CHECKS.items():
        if name in of.listed:
            check(of.plan, of.policy)


def _vpn(plan: Plan) -> None:
    """The files of WireGuard, read as wg-quick(8) does: a section, a key and its value a line."""
    vpn = plan.site.network.vpn
    assert vpn is not None
    every = list(peers(plan, {secret.name: _KEY for secret in plan.secrets}))
    sections = wireguard(server_conf(plan, _KEY, {secret.name: _KEY for secret in plan.secrets}))
    assert [section for section, _ in sections] == ["Interface", *["Peer"] * len(every)]
    assert [values["AllowedIPs"] for _, values in sections[1:]] == [peer.allowed for peer in every]
    assert [values["PublicKey"] for _, values in sections[1:]] == [peer.public_key for peer in every]
    assert sections[0][1]["ListenPort"] == str(vpn.port)
    for peer in every:
        (_, interface), (_, here) = wireguard(peer_conf(plan, peer, _KEY, _KEY))
        assert (interface["Address"], interface["PrivateKey"]) == (peer.allowed, _KEY)
        host = f"[{vpn.endpoint}]" if ":" in (vpn.endpoint or "") else vpn.endpoint
        assert here["Endpoint"] == f"{host}:{vpn.port}"


def wireguard(text: str) -> list[tuple[str, dict[str, str]]]:
    """Sections in order, with their values; a key that stands twice is an error."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in text.split("\n"):
        said = line.partition("#")[0].strip()
        if said.startswith("["):
            assert said in {"[Interface]", "[Peer]"}, line
            found.append((said[1:-1], {}))
        elif said:
            key, equals, value = (part.strip() for part in said.partition("="))
            assert equals, line
            assert key not in found[-1][1], line
            found[-1][1][key] = value
    return found
