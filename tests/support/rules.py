"""Every rule file of a plan, read back: it says the policy, and nothing else."""

from __future__ import annotations

from functools import lru_cache

from orthancgen.firewall.policy import Policy, policy
from orthancgen.firewall.wireguard import peer_conf, peers, server_conf
from orthancgen.plan.model import Plan
from tests.support import readback_linux
from tests.support.policies import Generated
from tests.unit.firewall import test_aws, test_azure, test_google_cloud, test_windows

_KEY = "A" * 43 + "="


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
    for name in sorted(of.listed & set(readback_linux.DIALECTS_READ)):
        assert readback_linux.lines(name, of.plan, of.policy) == readback_linux.expected(name, of.policy)
    one = Generated(0, "", of.plan, of.policy)
    for name, module in (
        ("windows", test_windows),
        ("aws", test_aws),
        ("google_cloud", test_google_cloud),
        ("azure", test_azure),
    ):
        if name in of.listed:
            module.check(one)


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
