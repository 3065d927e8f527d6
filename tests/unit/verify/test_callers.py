"""Who may call, by the model; and who of them can be played from a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site
from orthancgen.verify.callers import (
    Caller,
    callers,
    can_bind,
    nowhere_aet,
    playable,
    stranger_aet,
    strangers_may,
    wrong_address,
)
from orthancgen.verify.tls import client_context
from tests.support.certificates import Authority


def site(checks: dict[str, Any], **modalities: dict[str, Any]) -> Site:
    return Site.model_validate(
        {
            "environment": "test",
            "kind": "development",
            "orthanc": {"aet": "ORTHANC"},
            "dicom": {"ae_checks": checks},
            "modalities": modalities,
        }
    )


CT = {"aet": "CT1", "address": "127.0.0.2", "may": ("echo", "store")}
WORKSTATION = {"aet": "WS1", "address": "198.51.100.7", "may": ("echo", "find", "storage_commitment")}


def test_with_anyone_a_stranger_comes_first_and_modalities_may_what_anyone_may_too() -> None:
    found = callers(site({"calling_aet": "anyone", "anyone_may": ["echo", "move"]}, ct=CT))
    assert found == (
        Caller("OGSTRANGER", frozenset({"echo", "move"})),
        Caller("CT1", frozenset({"echo", "store", "move"})),
    )


def test_anyone_who_may_nothing_cannot_associate() -> None:
    closed = site({"calling_aet": "anyone", "anyone_may": []}, ct=CT)
    assert strangers_may(closed) == frozenset()
    assert [caller.aet for caller in callers(closed)] == ["CT1"]


def test_registered_callers_may_come_from_anywhere_unless_their_address_counts() -> None:
    registered = callers(site({"calling_aet": "registered"}, ct=CT, ws=WORKSTATION))
    assert [(caller.aet, caller.source_address) for caller in registered] == [("CT1", None), ("WS1", None)]
    bound = callers(site({"calling_aet": "registered_from_own_address"}, ct=CT, ws=WORKSTATION))
    assert [(caller.aet, caller.source_address) for caller in bound] == [("CT1", "127.0.0.2"), ("WS1", "198.51.100.7")]
    assert [caller.aet for caller in playable(bound, lambda address: address.startswith("127."))] == ["CT1"]
    assert [caller.aet for caller in playable(registered, lambda _: False)] == ["CT1", "WS1"]


def test_ae_titles_that_stand_twice_are_left_out() -> None:
    found = callers(site({"calling_aet": "registered"}, a=CT, b=CT | {"aet": "ct1"}, c=WORKSTATION))
    assert [caller.aet for caller in found] == ["WS1"]


@pytest.mark.parametrize("taken", ["OGSTRANGER", "ogstranger"])
def test_our_ae_titles_are_nobodys(taken: str) -> None:
    occupied = site({"calling_aet": "registered"}, a=CT | {"aet": taken}, b=CT | {"aet": "OGSTRANGER0"})
    assert stranger_aet(occupied) == "OGSTRANGER1"
    assert nowhere_aet(occupied) == "OGNOWHERE"


def test_a_wrong_address_is_another_one_of_this_host() -> None:
    assert wrong_address("127.0.0.1", lambda _: True) == "127.0.0.3"
    assert wrong_address("198.51.100.7", lambda _: True) == "127.0.0.1"
    assert wrong_address("127.0.0.1", lambda _: False) is None


def test_which_addresses_this_host_can_call_from() -> None:
    assert can_bind("127.0.0.1")
    assert not can_bind("198.51.100.7")  # RFC 5737: nobody's
    assert not can_bind("ct1.example")


def test_a_caller_that_has_no_certificate_shows_none(tmp_path: Path) -> None:
    asked = Site.model_validate(
        {
            "environment": "test",
            "kind": "development",
            "orthanc": {"aet": "ORTHANC"},
            "dicom": {"tls": {"enabled": True, "client_certificates": "not_asked"}},
        }
    )
    authority = SecretValue(Authority(tmp_path).certificate.read_text())
    context = client_context(asked, {"dicom_tls_trusted": authority})
    assert context.cert_store_stats()["x509_ca"] == 1
