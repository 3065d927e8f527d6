from __future__ import annotations

import pytest

from orthancgen.audit.looking_firewalls import filters_of, is_closed, lets_in_the_world
from tests.unit.audit.set_ups import firewall, lets_in, subject


@pytest.mark.parametrize(
    ("source", "world"),
    [("any", True), ("0.0.0.0/0", True), ("::/0", True), ("8.8.4.0/24", True), ("10.0.0.0/8", False), ("name", False)],
)
def test_a_filter_that_lets_in_the_internet(source: str, world: bool) -> None:
    assert lets_in_the_world(lets_in(source, 443)) is world


def test_the_filters_of_a_port_by_where_it_leads() -> None:
    rules = firewall(
        lets_in("10.0.0.1/32", 22),
        lets_in("10.0.0.2/32", 2762, hook="forward"),
        lets_in("10.0.0.3/32", 2762, hook="any"),
        lets_in("10.0.0.4/32"),
    )
    where = subject(firewalls=[rules])

    def sources(port: int, *, published: bool) -> list[str]:
        return [one.sources[0] for _, one in filters_of(where, port, published=published)]

    assert sources(2762, published=True) == ["10.0.0.2/32", "10.0.0.3/32"]
    assert sources(2762, published=False) == ["10.0.0.3/32", "10.0.0.4/32"]
    assert sources(22, published=False) == ["10.0.0.1/32", "10.0.0.4/32"]


def test_two_files_close_a_port_together() -> None:
    first, second = firewall(families=frozenset({4})), firewall(families=frozenset({6}), file="six")
    assert not is_closed(subject(firewalls=[first]), 8042, published=False)
    assert is_closed(subject(firewalls=[first, second]), 8042, published=False)
    assert not is_closed(subject(firewalls=[first, second]), 8042, published=True)
    assert not is_closed(subject(), 8042, published=False)
