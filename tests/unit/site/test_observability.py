"""What must hold of what watches a site, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from orthancgen.firewall.policy import policy
from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.plan.build import METRICS_ACCOUNT, plan
from orthancgen.plan.scraped import targets
from orthancgen.render import backend_json, orthanc_json
from orthancgen.site.model import Site
from orthancgen.site.observability_checks import OBSERVABILITY_CHECKS
from orthancgen.site.problems import format_path
from tests.support.environments import MINIMAL, NEWEST, site_of

ON: dict[str, Any] = {"observability": {"prometheus": True}}
FAR: dict[str, Any] = {
    "observability": {"prometheus": True, "scraped_from": ["192.0.2.9/32"]},
    "http/listen_on": "192.0.2.1",
    "backend/listen_on": "192.0.2.1",
}
EVERYWHERE: dict[str, Any] = {**FAR, "http/listen_on": "0.0.0.0", "backend/listen_on": "0.0.0.0"}
TLS: dict[str, Any] = {**ON, "http/tls": {"enabled": True}}


def site(changes: dict[str, Any]) -> Site:
    return site_of(MINIMAL, changes)


def found(changes: dict[str, Any]) -> list[str]:
    return [
        ("" if one.severity == "error" else "!") + format_path(one.path)
        for check in OBSERVABILITY_CHECKS
        for one in check(site(changes))
    ]


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        (ON, []),
        (FAR, []),
        ({"observability": {"grafana": True}}, ["observability.grafana"]),
        ({"observability": {"scraped_from": ["192.0.2.9/32"]}}, ["!observability.scraped_from"]),
        ({"observability": {"prometheus": True, "node_exporter_port": 8042}}, ["observability.node_exporter_port"]),
        ({**ON, "orthanc/settings": {"MetricsEnabled": False}}, ["orthanc.settings.MetricsEnabled"]),
        ({"orthanc/settings": {"MetricsEnabled": False}}, []),
        ({**FAR, "http/listen_on": "127.0.0.1"}, ["observability.scraped_from"]),
        ({**FAR, "backend/listen_on": "127.0.0.1"}, ["observability.scraped_from"]),
        ({**FAR, "backend/listen_on": "127.0.0.1", "backend/enabled": False, "webhook/enabled": False}, []),
        (EVERYWHERE, ["observability.scraped_from"]),
        ({**EVERYWHERE, "certificates": {"names": ["pacs.example"]}}, []),
    ],
)
def test_the_checks(changes: dict[str, Any], places: list[str]) -> None:
    assert found(changes) == places


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (ON, ["http://127.0.0.1:8042", "http://127.0.0.1:8001", "http://127.0.0.1:9100"]),
        (FAR, ["http://192.0.2.1:8042", "http://192.0.2.1:8001", "http://192.0.2.1:9100"]),
        (
            {**EVERYWHERE, "certificates": {"names": ["pacs.example"]}},
            ["http://pacs.example:8042", "http://pacs.example:8001", "http://pacs.example:9100"],
        ),
        ({**ON, "http/listen_on": "::"}, ["http://[::1]:8042", "http://127.0.0.1:8001", "http://127.0.0.1:9100"]),
        (TLS, ["https://127.0.0.1:8042", "http://127.0.0.1:8001", "http://127.0.0.1:9100"]),
        (
            {**TLS, "runtime": "compose"},
            ["https://127.0.0.1:8042", "https://127.0.0.1:8001", "http://127.0.0.1:9100"],
        ),
        (
            {**ON, "backend/enabled": False, "webhook/enabled": False},
            ["http://127.0.0.1:8042", "http://127.0.0.1:9100"],
        ),
    ],
)
def test_what_is_scraped(changes: dict[str, Any], expected: list[str]) -> None:
    seen = [f"{'https' if one.https else 'http'}://{one.host}:{one.port}" for one in targets(site(changes))]
    assert seen == expected


def test_off_there_is_no_account_no_token_and_no_secret() -> None:
    made = plan(site({}), NEWEST)
    assert METRICS_ACCOUNT not in {account.user for account in made.accounts}
    assert not [secret for secret in made.secrets if secret.said_by[0] == "observability"]
    assert "MetricsEnabled" not in orthanc_json.configuration(made)


def test_on_it_may_read_metrics_and_nothing_else() -> None:
    made = plan(site(ON), NEWEST)
    [account] = [one for one in made.accounts if one.user == METRICS_ACCOUNT]
    assert PERMISSIONS[account.role] == (("GET", "/tools/metrics-prometheus"),)
    [credential] = [one for one in backend_json.configuration(made)["credentials"] if one["name"] == "prometheus"]
    assert credential["role"] == "monitor"
    assert orthanc_json.configuration(made)["MetricsEnabled"] is True


def test_prometheus_of_another_host_is_let_in_where_it_scrapes_and_nowhere_else() -> None:
    made = plan(site(FAR), NEWEST)
    filters = [(one.source, one.port) for one in policy(made).filters if one.source == "192.0.2.9/32"]
    assert sorted(filters) == [("192.0.2.9/32", 8001), ("192.0.2.9/32", 8042), ("192.0.2.9/32", 9100)]
    assert not [one for one in policy(plan(site(ON), NEWEST)).filters if one.port == 9100]
