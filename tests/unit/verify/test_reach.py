from __future__ import annotations

import socket

import pytest

from orthancgen.verify import reach


def test_an_address_that_went_away_is_not_reached_whoever_answers_there(monkeypatch: pytest.MonkeyPatch) -> None:
    own = next((one for one in reach.host_addresses() if ":" not in one), None)
    assert own is not None, "this host has an address besides its loopback"
    with socket.create_server(("", 0)) as listening:
        port = listening.getsockname()[1]
        assert reach.is_reached(own, port)
        monkeypatch.setattr("psutil.net_if_addrs", dict)
        assert reach.answers(own, port)
        assert not reach.is_reached(own, port)
    assert reach.host_addresses() == []
