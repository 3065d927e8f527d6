"""What must hold between values: each check has an environment that passes and one that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.orthanc.keys import Version
from orthancgen.site import checks, container_checks, network_checks, production
from orthancgen.site.checks import CHECKS, VERSION_CHECKS, Violation
from orthancgen.site.container_checks import CONTAINER_CHECKS
from orthancgen.site.network_checks import NETWORK_CHECKS
from orthancgen.site.problems import format_path
from orthancgen.site.production import PRODUCTION_CHECKS
from tests.support.environments import MINIMAL, NEWEST, PRODUCTION, document, load_text, site_of

CT = {"aet": "CT1", "address": "192.0.2.10"}
REGISTERED = {"dicom/ae_checks": {"calling_aet": "registered_from_own_address"}}

# check, changes to MINIMAL, and the places it names (none: it passes); a place with ! is a warning
TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ports_differ", {}, []),
    ("ports_differ", {"http/port": 4242}, ["http.port"]),
    ("ports_differ", {"backend/port": 8042}, ["backend.port"]),
    ("ports_differ", {"backend/port": 8042, "backend/enabled": False}, []),
    ("ports_differ", {"backend/database": {"port": 8001}}, ["backend.database.port"]),
    ("ports_differ", {"backend/database": {"port": 8001}, "runtime": "compose"}, []),
    ("ports_differ", {"dicom/plain": {"enabled": True, "port": 4242}}, ["dicom.plain.port"]),
    ("ports_differ", {"dicom/plain": {"port": 4242}}, []),
    ("ports_differ", {"viewer": {"port": 8001, "enabled": True}}, ["viewer.port"]),
    ("ports_differ", {"viewer": {"port": 8001}}, []),
    ("aets_differ", {"modalities": {"a": CT, "b": {**CT, "aet": "CT2"}}}, []),
    ("aets_differ", {**REGISTERED, "modalities": {"a": CT, "b": {**CT, "aet": "ct1 "}}}, ["modalities.b.aet"]),
    ("aets_differ", {"modalities": {"a": CT, "b": CT}}, ["!modalities.b.aet"]),
    ("aets_differ", {"dicom/ae_checks/exact_case": True, "modalities": {"a": CT, "b": {**CT, "aet": "ct1"}}}, []),
    ("aets_differ", {"modalities": {"a": CT}, "verification": {"enabled": True, "aet": "ct1"}}, ["verification.aet"]),
    ("aets_differ", {"modalities": {"a": CT}, "verification": {"aet": "CT1"}}, []),
    ("callers_can_be_told", {}, []),
    ("callers_can_be_told", REGISTERED, ["!dicom.ae_checks.calling_aet"]),
    ("callers_can_be_told", {**REGISTERED, "modalities": {"a": CT}}, []),
    (
        "callers_can_be_told",
        {**REGISTERED, "modalities": {"a": {**CT, "address": "ct1.example"}}},
        ["modalities.a.address"],
    ),
    (
        "callers_can_be_told",
        {"dicom/ae_checks": {"calling_aet": "registered"}, "modalities": {"a": {**CT, "address": "ct1.example"}}},
        [],
    ),
    (
        "callers_can_be_told",
        {"dicom/ae_checks": {"calling_aet": "registered", "anyone_may": ["echo"]}, "modalities": {"a": CT}},
        ["dicom.ae_checks.anyone_may"],
    ),
    ("callers_can_be_told", {"modalities": {"a": {**CT, "may": ["echo"]}}}, ["!modalities.a.may"]),
    ("somebody_administers", {}, []),
    ("somebody_administers", {"users/admin/role": "viewer"}, ["users"]),
    ("somebody_administers", {"users": {}}, ["users"]),
    ("names_are_free", {"modalities": {"ct": CT}}, []),
    (
        "names_are_free",
        {
            "users/orthancgen-backend": {"role": "viewer", "password": {"secret": "b"}},
            "modalities": {"orthancgen-verify": CT},
        },
        ["users.orthancgen-backend", "modalities.orthancgen-verify"],
    ),
    ("secrets_are_one_to_one", {}, []),
    ("secrets_are_one_to_one", {"webhook/token": {"secret": "admin_password"}}, ["webhook.token.secret"]),
    ("secrets_are_one_to_one", {"webhook": {"enabled": False, "token": {"secret": "admin_password"}}}, []),
    ("secrets_are_one_to_one", {"secrets": {"admin_password": {"file": "/run/a"}}}, []),
    (
        "secrets_are_one_to_one",
        {"secrets": {"admin_password": {"file": "/run/a", "env": "A"}}},
        ["secrets.admin_password"],
    ),
    ("secrets_are_one_to_one", {"secrets": {"admin_password": {}}}, ["secrets.admin_password"]),
    ("secrets_are_one_to_one", {"secrets": {"other": {"env": "A"}}}, ["!secrets.other"]),
    ("certificates_can_be_renewed", {}, []),
    ("certificates_can_be_renewed", {"certificates": {"valid_days": 30}}, ["certificates.renew_days"]),
    ("webhook_has_a_receiver", {}, []),
    ("webhook_has_a_receiver", {"backend/enabled": False}, ["webhook.enabled"]),
    ("webhook_has_a_receiver", {"backend/enabled": False, "webhook/enabled": False}, []),
    ("webhook_has_a_receiver", {"backend/enabled": False, "webhook/url": "https://h.example/"}, []),
    ("viewer_has_what_it_shows", {}, []),
    ("viewer_has_what_it_shows", {"viewer/enabled": True, "orthanc/plugins": ["dicomweb"]}, []),
    ("viewer_has_what_it_shows", {"viewer/enabled": True}, ["viewer.enabled"]),
    ("deployment_has_a_host", {"deployment": {"host": "pacs.example", "user": "admin", "become": False}}, []),
    ("deployment_has_a_host", {"deployment": {"user": "admin"}}, ["!deployment.user"]),
    ("deployment_has_a_host", {"deployment": {"supervisor_under": "systemd"}}, []),
    (
        "deployment_has_a_host",
        {"deployment": {"supervisor_under": "systemd"}, "runtime": "compose"},
        ["deployment.supervisor_under"],
    ),
]

VERSION_TABLE: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("version_is_known", {}, "1.13.0", []),
    ("version_is_known", {}, "1.10.1", []),
    ("version_is_known", {}, "1.9.7", ["orthanc.version"]),
    ("version_is_known", {}, "1.14.0", ["!orthanc.version"]),
    ("settings_are_known", {"orthanc/settings": {"StableAge": 60}}, "1.13.0", []),
    ("settings_are_known", {"orthanc/settings": {"HttpPort": 1}}, "1.13.0", ["orthanc.settings.HttpPort"]),
    ("settings_are_known", {"orthanc/settings": {"StabelAge": 60}}, "1.13.0", ["orthanc.settings.StabelAge"]),
    ("settings_are_known", {"orthanc/settings": {"StableAge": "60"}}, "1.13.0", ["orthanc.settings.StableAge"]),
    (
        "settings_are_known",
        {"orthanc/settings": {"KeepAliveTimeout": 5}},
        "1.10.1",
        ["orthanc.settings.KeepAliveTimeout"],
    ),
    ("settings_are_known", {"orthanc/settings": {"KeepAliveTimeout": 5}}, "1.12.7", []),
    ("quirks_are_known", {"modalities": {"a": {**CT, "manufacturer": "SiemensSyngoCT"}}}, "1.13.0", []),
    (
        "quirks_are_known",
        {"modalities": {"a": {**CT, "manufacturer": "SiemensSyngoCT"}}},
        "1.12.7",
        ["modalities.a.manufacturer"],
    ),
    ("full_storage_can_be_refused", {"orthanc/storage": {"limit_megabytes": 1}}, "1.12.7", []),
    (
        "full_storage_can_be_refused",
        {"orthanc/storage": {"limit_patients": 1}},
        "1.10.1",
        ["orthanc.storage.when_full"],
    ),
    ("full_storage_can_be_refused", {"orthanc/storage": {"limit_patients": 1, "when_full": "recycle"}}, "1.10.1", []),
    ("full_storage_can_be_refused", {}, "1.10.1", []),
    ("certificates_can_be_left_out", {"dicom/tls": {"enabled": True}}, "1.10.1", []),
    (
        "certificates_can_be_left_out",
        {"dicom/tls": {"enabled": True, "client_certificates": "not_asked"}},
        "1.10.1",
        ["dicom.tls.client_certificates"],
    ),
    (
        "certificates_can_be_left_out",
        {"dicom/tls": {"enabled": True, "client_certificates": "not_asked"}},
        "1.12.7",
        [],
    ),
    ("address_can_be_chosen", {"http/listen_on": "192.0.2.1"}, "1.13.0", []),
    ("address_can_be_chosen", {"http/listen_on": "192.0.2.1"}, "1.12.7", ["http.listen_on"]),
    ("address_can_be_chosen", {"http/listen_on": "::1"}, "1.10.1", ["http.listen_on"]),
    ("address_can_be_chosen", {"http/listen_on": "0.0.0.0"}, "1.10.1", []),
    ("address_can_be_chosen", {"http/listen_on": "192.0.2.1", "runtime": "compose"}, "1.12.7", []),
]

IMAGES = {"images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"}}
COMPOSE: dict[str, Any] = {
    "runtime": "compose",
    **IMAGES,
    "dicom": {"port": 2762, "tls": {"enabled": True}},
    "modalities": {"ct1": {**CT, "tls": True}, "us1": {"aet": "US1", "address": "192.0.2.11"}},
}
WITH_TLS: dict[str, Any] = {"modalities": {"ct1": {**CT, "tls": True}}}
PLAIN: dict[str, Any] = {**COMPOSE, "dicom": {**COMPOSE["dicom"], "plain": {"enabled": True}}}
# changes to MINIMAL, of which runtime: compose is one
CONTAINER_TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("modalities_are_called_with_a_certificate", COMPOSE, []),
    ("modalities_are_called_with_a_certificate", WITH_TLS, ["modalities.ct1.tls"]),
    ("containers_have_images", COMPOSE, []),
    ("containers_have_images", {}, []),
    ("containers_have_images", {"runtime": "compose"}, ["images.orthanc", "images.mongo"]),
    ("containers_have_images", {"runtime": "compose", "backend/enabled": False}, ["images.orthanc"]),
    ("container_network_is_free", COMPOSE, []),
    ("container_network_is_free", {**COMPOSE, "network/allowed_sources": ["0.0.0.0/0", "2001:db8::/32"]}, []),
    ("container_network_is_free", {**COMPOSE, "network/allowed_sources": ["172.16.0.0/12"]}, ["containers.subnet"]),
    ("container_network_is_free", {**COMPOSE, "network/managed_from": ["172.30.242.9/32"]}, ["containers.subnet"]),
    (
        "container_network_is_free",
        {**COMPOSE, "network": {"vpn": {"network": "172.30.0.0/16"}}},
        ["containers.subnet"],
    ),
    ("container_network_is_free", {**COMPOSE, "http/listen_on": "172.30.242.200"}, ["containers.subnet"]),
    ("container_network_is_free", {**COMPOSE, "containers/subnet": "192.168.7.0/24"}, []),
    (
        "container_network_is_free",
        {**COMPOSE, "modalities": {"a": {**CT, "address": "172.30.242.77"}}},
        ["containers.subnet"],
    ),
    (
        "container_network_is_free",
        {"containers/subnet": "10.0.0.0/24", "modalities": {"a": {**CT, "address": "10.0.0.1"}}},
        [],
    ),
    ("callers_of_containers_are_seen", COMPOSE, []),
    (
        "callers_of_containers_are_seen",
        {**COMPOSE, "dicom": {"published_on": "2001:db8::1", "ae_checks": {"calling_aet": "registered"}}},
        ["dicom.published_on"],
    ),
    (
        "callers_of_containers_are_seen",
        {**COMPOSE, "modalities": {"a": {**CT, "address": "2001:db8::2"}}},
        ["modalities.a.address"],
    ),
    ("callers_of_containers_are_seen", {"modalities": {"a": {**CT, "address": "2001:db8::2"}}}, []),
    ("plain_listener_serves_somebody", PLAIN, []),
    ("plain_listener_serves_somebody", COMPOSE, []),
    ("plain_listener_serves_somebody", {**PLAIN, "runtime": "native"}, ["dicom.plain.enabled"]),
    ("plain_listener_serves_somebody", {**PLAIN, "dicom": {"plain": {"enabled": True}}}, ["dicom.plain.enabled"]),
    (
        "plain_listener_serves_somebody",
        {**PLAIN, "modalities": {"a": {**CT, "tls": True}}},
        ["dicom.plain.enabled"],
    ),
    (
        "plain_listener_serves_somebody",
        {**PLAIN, "modalities": {"a": {**CT, "address": "ct1.example"}}},
        ["modalities.a.address"],
    ),
    ("modalities_can_call", PLAIN, []),
    ("modalities_can_call", COMPOSE, ["!modalities.us1.tls"]),
    ("modalities_can_call", {**COMPOSE, "dicom": {"tls": {"enabled": False}}}, []),
]

DIGEST = "@sha256:" + "0" * 64
PRODUCTION_TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("version_is_pinned_and_safe", {}, []),
    ("version_is_pinned_and_safe", {"orthanc/version": "auto"}, ["orthanc.version"]),
    ("version_is_pinned_and_safe", {"orthanc/version": "1.12.7"}, ["orthanc.version"]),
    ("images_are_pinned_and_safe", {}, []),
    ("images_are_pinned_and_safe", {"images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"}}, []),
    ("images_are_pinned_and_safe", {"images": {"backend": "backend"}}, ["images.backend"]),
    ("images_are_pinned_and_safe", {"images": {"viewer": "viewer:latest"}}, ["images.viewer"]),
    ("images_are_pinned_and_safe", {"images": {"gateway": "g", "backup": "b"}}, ["images.gateway", "images.backup"]),
    ("images_are_pinned_and_safe", {"images": {"viewer": f"viewer{DIGEST}"}}, []),
    ("images_are_pinned_and_safe", {"images": {"orthanc": "orthancteam/orthanc:25.1.0"}}, ["images.orthanc"]),
    ("images_are_pinned_and_safe", {"images": {"mongo": "mongo:8.0.16"}}, ["images.mongo"]),
    ("images_are_pinned_and_safe", {"images": {"mongo": "mongo:8.2.2"}}, ["images.mongo"]),
    ("images_are_pinned_and_safe", {"images": {"mongo": "mongo:8.2.3"}}, []),
    ("images_are_pinned_and_safe", {"images": {"mongo": "registry.example/mongo:7.0.27"}}, ["images.mongo"]),
    ("images_are_pinned_and_safe", {"images": {"mongo": "mongo:3.6.0"}}, ["images.mongo"]),
    ("images_are_pinned_and_safe", {"images": {"mongo": "notmongo:3.6.0"}}, []),
    ("strangers_may_not_read", {}, []),
    ("strangers_may_not_read", {"dicom/ae_checks": {"calling_aet": "registered"}}, ["!dicom.ae_checks.calling_aet"]),
    ("strangers_may_not_read", {"dicom/ae_checks": {"called_aet": False}}, ["!dicom.ae_checks.called_aet"]),
    (
        "strangers_may_not_read",
        {"dicom/ae_checks": {"calling_aet": "anyone", "anyone_may": ["echo", "find", "get"]}},
        ["dicom.ae_checks.anyone_may[1]", "dicom.ae_checks.anyone_may[2]", "!dicom.ae_checks.calling_aet"],
    ),
    ("nothing_travels_in_the_clear", {}, []),
    ("nothing_travels_in_the_clear", {"http/listen_on": "192.0.2.1"}, ["http.listen_on"]),
    ("nothing_travels_in_the_clear", {"http": {"listen_on": "192.0.2.1", "tls": {"enabled": True}}}, []),
    ("nothing_travels_in_the_clear", {"backend/listen_on": "0.0.0.0"}, ["backend.listen_on"]),
    (
        "nothing_travels_in_the_clear",
        {"backend/listen_on": "0.0.0.0", "http/tls": {"enabled": True}},
        ["backend.listen_on"],
    ),
    (
        "nothing_travels_in_the_clear",
        {"backend/listen_on": "0.0.0.0", "http/tls": {"enabled": True}, "runtime": "compose", **IMAGES},
        [],
    ),
    (
        "nothing_travels_in_the_clear",
        {**IMAGES, "backend/listen_on": "0.0.0.0", "runtime": "compose"},
        ["backend.listen_on"],
    ),
    (
        "nothing_travels_in_the_clear",
        {**IMAGES, "runtime": "compose", "modalities/ct1/tls": False, "dicom/plain": {"enabled": True}},
        ["!dicom.plain.enabled"],
    ),
    (
        "nothing_travels_in_the_clear",
        {"viewer": {"enabled": True, "listen_on": "::"}, "orthanc/plugins": ["dicomweb"]},
        ["viewer.listen_on"],
    ),
    (
        "nothing_travels_in_the_clear",
        {"dicom/tls": {"enabled": True, "client_certificates": "not_asked"}},
        ["!dicom.tls.client_certificates"],
    ),
    (
        "nothing_travels_in_the_clear",
        {"dicom/tls/enabled": False, "modalities/ct1/tls": False},
        ["!dicom.tls.enabled"],
    ),
    ("nothing_travels_in_the_clear", {"webhook/url": "http://h.example/"}, ["webhook.url"]),
    ("nothing_travels_in_the_clear", {"webhook/url": "https://h.example/"}, []),
    ("not_open_to_the_world", {"network/allowed_sources": ["192.0.2.0/24"]}, []),
    (
        "not_open_to_the_world",
        {"network/allowed_sources": ["192.0.2.0/24", "0.0.0.0/0"]},
        ["network.allowed_sources[1]"],
    ),
    ("not_open_to_the_world", {"network/managed_from": ["::/0"]}, ["network.managed_from[0]"]),
    ("not_open_to_the_world", {"network/managed_from": ["128.0.0.0/1"]}, ["network.managed_from[0]"]),
    ("not_open_to_the_world", {"network/managed_from": ["2000::/3"]}, ["network.managed_from[0]"]),
    ("not_open_to_the_world", {"network/managed_from": ["10.0.0.0/8", "fc00::/7", "11.0.0.0/8"]}, []),
    ("settings_are_harmless", {"orthanc/settings": {"StableAge": 60}}, []),
    ("settings_are_harmless", {"orthanc/settings": {"ExecuteLuaEnabled": False}}, []),
    (
        "settings_are_harmless",
        {"orthanc/settings": {"ExecuteLuaEnabled": True}},
        ["orthanc.settings.ExecuteLuaEnabled"],
    ),
    (
        "settings_are_harmless",
        {"orthanc/settings": {"RestApiWriteToFileSystemEnabled": True}},
        ["orthanc.settings.RestApiWriteToFileSystemEnabled"],
    ),
    ("settings_are_harmless", {"orthanc/settings": {"DeidentifyLogs": False}}, ["orthanc.settings.DeidentifyLogs"]),
    ("settings_are_harmless", {"orthanc/settings": {"HttpsVerifyPeers": False}}, ["orthanc.settings.HttpsVerifyPeers"]),
    ("storage_loses_nothing", {}, []),
    ("storage_loses_nothing", {"orthanc/storage": {"when_full": "recycle"}}, []),
    (
        "storage_loses_nothing",
        {"orthanc/storage": {"when_full": "recycle", "limit_patients": 9}},
        ["!orthanc.storage.when_full"],
    ),
    ("storage_loses_nothing", {"orthanc/web_dav": True}, ["!orthanc.web_dav"]),
]

OWN: dict[str, Any] = {"dicom/ae_checks/calling_aet": "registered_from_own_address", "modalities": {"ct1": CT}}
KNOWN: dict[str, Any] = {"dicom/ae_checks/calling_aet": "registered"}
VPN: dict[str, Any] = {"network": "10.8.0.0/24", "endpoint": "vpn.hospital.example"}
BY_VPN: dict[str, Any] = {
    "dicom/ae_checks/calling_aet": "registered",
    "modalities": {"ct1": {**CT, "address": "10.8.0.2"}},
}
RULES: dict[str, Any] = {"firewall": ["nftables"], "managed_from": ["192.168.1.0/24"]}
NETWORK_TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("addresses_are_seen", OWN, []),
    ("addresses_are_seen", {"network/seen_address": "10.0.0.5"}, ["!network.seen_address"]),
    ("addresses_are_seen", {"network/callers_arrive": "by_rootless_engine"}, ["network.callers_arrive"]),
    ("addresses_are_seen", {"network/callers_arrive": "by_tcp_proxy"}, ["network.callers_arrive"]),
    (
        "addresses_are_seen",
        {**OWN, "network": {"callers_arrive": "by_tcp_proxy", "seen_address": "10.0.0.5"}},
        ["dicom.ae_checks.calling_aet"],
    ),
    (
        "addresses_are_seen",
        {**COMPOSE, "network/callers_arrive": "by_docker_desktop"},
        ["dicom.ae_checks.calling_aet"],
    ),
    (
        "addresses_are_seen",
        {**PLAIN, "network/callers_arrive": "by_userland_proxy", "dicom/ae_checks/calling_aet": "registered"},
        ["dicom.plain.enabled"],
    ),
    (
        "addresses_are_seen",
        {**COMPOSE, "network/callers_arrive": "by_userland_proxy", "dicom/ae_checks/calling_aet": "registered"},
        [],
    ),
    ("modalities_come_by_ipv4", {"modalities": {"ct1": CT}}, []),
    (
        "modalities_come_by_ipv4",
        {"modalities": {"ct1": {**CT, "address": "2001:db8::1"}}},
        ["!modalities.ct1.address"],
    ),
    ("nobody_is_locked_out", {}, []),
    ("nobody_is_locked_out", {"network": RULES}, []),
    ("nobody_is_locked_out", {"network/firewall": ["nftables"]}, ["network.firewall"]),
    ("nobody_is_locked_out", {"network/firewall": ["wireguard"]}, []),
    ("nobody_is_locked_out", {"network": {**RULES, "management_ports": []}}, ["network.management_ports"]),
    (
        "nobody_is_locked_out",
        {
            "network": RULES,
            "dicom/ae_checks/calling_aet": "registered",
            "modalities": {"ct1": {**CT, "address": "ct1.example"}},
        },
        ["modalities.ct1.address"],
    ),
    ("ports_of_management_are_free", {}, []),
    ("ports_of_management_are_free", {"network/management_ports": [22, 8042]}, ["network.management_ports[1]"]),
    ("lines_of_others_are_not_trusted", {}, []),
    ("lines_of_others_are_not_trusted", {"network/managed_from": ["9.9.9.0/24"]}, ["!network.managed_from[0]"]),
    (
        "lines_of_others_are_not_trusted",
        {"network/profile": "wan", "dicom/ae_checks": {"calling_aet": "anyone"}},
        ["dicom.ae_checks.calling_aet"],
    ),
    (
        "lines_of_others_are_not_trusted",
        {**OWN, "network": {"profile": "cloud", "allowed_sources": ["8.0.0.0/7", "9.9.9.0/24"]}},
        ["network.allowed_sources[0]", "dicom.tls.enabled"],
    ),
    ("lines_of_others_are_not_trusted", {**BY_VPN, "network": {"profile": "wan", "vpn": VPN}}, []),
    ("lines_of_others_are_not_trusted", {**OWN, "network": {"profile": "wan", "vpn": VPN}}, ["dicom.tls.enabled"]),
    ("lines_of_others_are_not_trusted", {**PLAIN, **KNOWN, "network/profile": "wan"}, ["dicom.plain.enabled"]),
    (
        "lines_of_others_are_not_trusted",
        {**KNOWN, "network/profile": "wan", "http/listen_on": "0.0.0.0"},
        ["http.tls.enabled"],
    ),
    ("vpn_is_whole", {}, []),
    ("vpn_is_whole", {**BY_VPN, "network": {"vpn": VPN, "firewall": ["wireguard"]}}, []),
    ("vpn_is_whole", {"network/firewall": ["wireguard"]}, ["network.firewall"]),
    ("vpn_is_whole", {"network": {"vpn": {"network": "10.8.0.0/31"}}}, ["network.vpn.network"]),
    (
        "vpn_is_whole",
        {**OWN, "network": {"vpn": {"network": "10.8.0.0/24"}, "firewall": ["wireguard"]}},
        ["network.vpn", "!network.vpn.network"],
    ),
    (
        "vpn_is_whole",
        {"modalities": {"ct1": {**CT, "address": "10.8.0.1"}}, "network": {"vpn": VPN}},
        ["modalities.ct1.address"],
    ),
    ("vpn_is_whole", {**OWN, "network": {"vpn": {**VPN, "peers": {"ct9": {}}}}}, ["network.vpn.peers.ct9"]),
    ("vpn_is_whole", {**OWN, "network": {"vpn": {**VPN, "peers": {"ct1": {}}}}}, ["network.vpn.peers.ct1"]),
    (
        "vpn_is_whole",
        {
            **BY_VPN,
            "network": {
                "vpn": {**VPN, "peers": {"ct1": {"public_key": f"{'A' * 43}=", "private_key": {"secret": "k"}}}}
            },
        },
        ["network.vpn.peers.ct1"],
    ),
]


def places(violations: list[Violation]) -> list[str]:
    return [("!" if v.severity == "warning" else "") + format_path(v.path) for v in violations]


@pytest.mark.parametrize(("name", "changes", "expected"), TABLE)
def test_between_values(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    assert places(list(getattr(checks, name)(site_of(MINIMAL, changes)))) == expected


@pytest.mark.parametrize(("name", "changes", "expected"), CONTAINER_TABLE)
def test_of_containers(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    violations = list(getattr(container_checks, name)(site_of(MINIMAL, changes)))
    assert places(violations) == expected
    assert all(violation.hint for violation in violations)


@pytest.mark.parametrize(("name", "changes", "expected"), NETWORK_TABLE)
def test_of_the_network(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    violations = list(getattr(network_checks, name)(site_of(MINIMAL, changes)))
    assert places(violations) == expected
    assert all(violation.hint for violation in violations)


@pytest.mark.parametrize(("name", "changes", "version", "expected"), VERSION_TABLE)
def test_against_the_version(name: str, changes: dict[str, Any], version: str, expected: list[str]) -> None:
    site = site_of(MINIMAL, {**changes, "orthanc/version": version})
    assert places(list(getattr(checks, name)(site, Version.parse(version)))) == expected


@pytest.mark.parametrize(("name", "changes", "expected"), PRODUCTION_TABLE)
def test_production(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    assert places(list(getattr(production, name)(site_of(PRODUCTION, changes)))) == expected


@pytest.mark.parametrize(("name", "changes", "expected"), [row for row in PRODUCTION_TABLE if row[2]])
def test_what_production_refuses_development_may_have(
    name: str, changes: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    refusals = [place for place in expected if not place.startswith("!")]
    told = {p.key_path for p in load_text(document(PRODUCTION, changes), tmp_path).errors}
    assert told >= set(refusals), name
    development = load_text(document(PRODUCTION, {**changes, "kind": "development"}), tmp_path)
    assert not development.errors


def test_every_check_has_a_passing_and_a_failing_case() -> None:
    rows = [*((name, expected) for name, _, expected in [*TABLE, *CONTAINER_TABLE, *NETWORK_TABLE, *PRODUCTION_TABLE])]
    rows += [(name, expected) for name, _, _, expected in VERSION_TABLE]
    names = {check.__name__ for check in [*CHECKS, *CONTAINER_CHECKS, *NETWORK_CHECKS, *PRODUCTION_CHECKS]} | {
        check.__name__ for check in VERSION_CHECKS
    }
    assert {name for name, expected in rows if expected} == names
    assert {name for name, expected in rows if not expected} == names


def test_the_shortest_environments_pass_everything(tmp_path: Path) -> None:
    for text in (MINIMAL, PRODUCTION):
        loaded = load_text(text, tmp_path)
        assert loaded.problems == ()
        assert loaded.version == NEWEST
