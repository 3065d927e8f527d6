"""The rule files of every firewall say the policy, and nothing else; that packets obey them is proven elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.firewall.catalogue import DIALECTS
from tests.support.policies import Generated, generated, some
from tests.support.proof import ProofFigures
from tests.support.readback_linux import DIALECTS_READ, expected, lines
from tests.support.rules import CHECKS


def test_every_dialect_is_read_back() -> None:
    assert set(CHECKS) == set(DIALECTS) - {"wireguard"}


@pytest.mark.parametrize("name", CHECKS)
def test_generated_policies_are_read_back(name: str, tmp_path: Path) -> None:
    for one in some(60, tmp_path):
        CHECKS[name](one.plan, one.policy)


@pytest.mark.proof
@pytest.mark.parametrize("name", CHECKS)
def test_many_generated_policies_are_read_back(name: str, tmp_path: Path, proof_figures: ProofFigures) -> None:
    for one in some(200, tmp_path, first=1001):
        CHECKS[name](one.plan, one.policy)
    proof_figures(f"policies for {DIALECTS[name].title}", 200, "read back as they were")


@pytest.fixture
def site(tmp_path: Path) -> Generated:
    """One with filters of both hooks."""
    return next(one for one in (generated(seed, tmp_path) for seed in range(1, 200)) if one.policy.of_hook("forward"))


@pytest.mark.parametrize("name", DIALECTS_READ)
def test_each_part_of_a_filter_counts(name: str, site: Generated) -> None:
    for hook in ("input", "forward"):
        one = next(it for it in site.policy.filters if it.hook == hook)
        for other in (
            replace(one, port=one.port + 1),
            replace(one, source="203.0.113.0/24" if one.family == 4 else "2001:db8::/32"),
            replace(one, hook="input" if hook == "forward" else "forward"),
        ):
            changed = tuple(other if it is one else it for it in site.policy.filters)
            read = lines(name, site.plan, replace(site.policy, filters=changed))
            assert read != expected(name, site.policy)
