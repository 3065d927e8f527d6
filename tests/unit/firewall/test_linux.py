"""The rule files of a Linux host say the policy, and nothing else; that packets obey them is proven elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import readback_linux
from tests.support.policies import Generated, generated, some


@pytest.mark.parametrize("name", readback_linux.DIALECTS_READ)
def test_generated_policies_are_read_back(name: str, tmp_path: Path) -> None:
    for one in some(60, tmp_path, firewall=name):
        read = readback_linux.lines(name, one.plan, one.policy)
        assert read == readback_linux.expected(name, one.policy), one.seed


@pytest.fixture
def site(tmp_path: Path) -> Generated:
    """One with filters of both hooks."""
    return next(one for one in (generated(seed, tmp_path) for seed in range(1, 200)) if one.policy.of_hook("forward"))


@pytest.mark.parametrize("name", readback_linux.DIALECTS_READ)
def test_each_part_of_a_filter_counts(name: str, site: Generated) -> None:
    for hook in ("input", "forward"):
        one = next(it for it in site.policy.filters if it.hook == hook)
        for other in (
            replace(one, port=one.port + 1),
            replace(one, source="203.0.113.0/24" if one.family == 4 else "2001:db8::/32"),
            replace(one, hook="input" if hook == "forward" else "forward"),
        ):
            changed = tuple(other if it is one else it for it in site.policy.filters)
            read = readback_linux.lines(name, site.plan, replace(site.policy, filters=changed))
            assert read != readback_linux.expected(name, site.policy)
