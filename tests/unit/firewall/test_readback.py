"""The rule files of every firewall say the policy, and nothing else; that packets obey them is proven elsewhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Filter
from tests.support.hostile import CORPUS
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


@pytest.mark.parametrize("name", ["aws", "google_cloud", "azure"])
@pytest.mark.parametrize("value", CORPUS)
def test_a_hostile_name_or_label_is_text_or_refused(value: str, name: str, cloud: Generated) -> None:
    one = Filter("192.0.2.1/32", 104, "tcp", "forward", "DICOM", ("r",), "dicom")
    for policy in (
        replace(cloud.policy, environment=value, filters=(one,), calls=()),
        replace(cloud.policy, filters=(replace(one, label=value),), calls=()),
    ):
        with suppress(RenderError):
            CHECKS[name](cloud.plan, policy)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """Any site: what is written follows from the policy."""
    return generated(3, tmp_path_factory.mktemp("environment"))
