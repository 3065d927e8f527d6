"""The stack as data: what each service may and reads, where it runs, and who reaches whom."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from orthancgen.plan.model import THIS_HOST
from orthancgen.render.catalogue import render
from orthancgen.render.container_files import containers, mounts
from orthancgen.render.replica_set import own_members
from orthancgen.render.swarm.stack import document
from tests.support.scaled import IN_POSTGRESQL, PLAIN, SMALL, WHOLE, swarm

PLANS = [
    pytest.param(WHOLE, id="whole"),
    pytest.param(SMALL, id="small"),
    pytest.param(IN_POSTGRESQL, id="pg"),
    pytest.param(PLAIN, id="plain"),
]


@pytest.mark.parametrize("changes", PLANS)
def test_the_text_is_the_document(changes: dict[str, Any]) -> None:
    plan = swarm(changes)
    assert yaml.safe_load(render(plan).file("swarm/stack.yaml").content) == document(plan)


@pytest.mark.parametrize("changes", PLANS)
def test_what_no_service_may(changes: dict[str, Any]) -> None:
    stack = document(swarm(changes))
    members = {one.name for one in own_members(swarm(changes).site)}
    assert set(stack["services"]) == set(containers(swarm(changes))) | members
    for service in stack["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert not service["user"].startswith("0")
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("changes", PLANS)
def test_who_may_call_shares_a_network_and_nobody_else_a_closed_one(changes: dict[str, Any]) -> None:
    plan = swarm(changes)
    stack = document(plan)
    joined = {name: set(service["networks"]) for name, service in stack["services"].items()}
    for flow in plan.flows:
        if flow.source in joined:
            assert joined[flow.source] & joined[flow.service], flow
    closed = {name for name, network in stack["networks"].items() if network["internal"]}
    assert closed == set(stack["networks"]) - {"edge"}
    members = {network: {name for name, own in joined.items() if network in own} for network in closed}
    assert members.get("index", set()) <= {"orthanc", "postgresql"}
    of_database = {"backend", "database", "database-account", "database-2", "database-3"}
    assert members.get("database", set()) <= of_database
    assert members.get("analysis", set()) <= {"analysis", "backend", "orthanc"}


def test_ports_are_the_nodes_own_so_that_callers_are_seen() -> None:
    plan = swarm(WHOLE)
    stack = document(plan)
    published = {
        (name, port["published"]) for name, service in stack["services"].items() for port in service.get("ports", [])
    }
    listeners = {(service.name, one.port, one.address) for service in plan.services for one in service.listeners}
    assert published == {(name, port) for name, port, address in listeners if address != "127.0.0.1"}
    assert {port for name, port in published if name == "gateway"} == {8042}  # the others are for the host alone
    modes = {port["mode"] for service in stack["services"].values() for port in service.get("ports", [])}
    assert modes == {"host"}
    assert {service["deploy"]["endpoint_mode"] for service in stack["services"].values()} == {"dnsrr"}
    assert THIS_HOST in {flow.source for flow in plan.flows}


def test_several_orthancs_are_on_a_node_each_and_have_a_name_each() -> None:
    orthanc = document(swarm(WHOLE))["services"]["orthanc"]
    assert orthanc["deploy"]["replicas"] == 2
    assert orthanc["deploy"]["placement"]["max_replicas_per_node"] == 1
    assert orthanc["environment"]["ORTHANCGEN_INSTANCE"] == "orthanc-{{.Task.Slot}}"
    assert {"type": "bind", "source": "/srv/orthanc", "target": "/var/lib/orthanc/db"} in orthanc["volumes"]


@pytest.mark.parametrize("changes", PLANS)
def test_what_keeps_a_volume_of_a_node_stays_there(changes: dict[str, Any]) -> None:
    stack = document(swarm(changes))
    for name, service in stack["services"].items():
        kept = any(volume["type"] == "volume" for volume in service["volumes"])
        assert kept == ("constraints" in service["deploy"]["placement"]), name


def test_a_modality_without_tls_comes_and_is_called_by_the_gateway() -> None:
    plan = swarm(PLAIN)
    gateway = document(plan)["services"]["gateway"]
    assert [one["published"] for one in gateway["ports"]] == [11112]
    haproxy = render(plan).file("gateway/haproxy.cfg").content.decode()
    orthanc = json.loads(render(plan).file("orthanc/orthanc.json").content)["DicomModalities"]
    assert orthanc["us1"]["Host"] == "gateway"
    assert f"bind 0.0.0.0:{orthanc['us1']['Port']}" in haproxy
    subnets = [network["ipam"]["config"][0]["subnet"] for network in list(document(plan)["networks"].values())[:2]]
    assert "tcp-request connection reject unless {{ src {!r} {!r} }}".format(*subnets) in haproxy
    assert re.search(r"server orthanc orthanc:2762 ssl .* resolvers docker resolve-prefer ipv4", haproxy)


def test_analysis_reads_models_of_a_folder_that_every_node_mounts() -> None:
    analysis = document(swarm(WHOLE))["services"]["analysis"]
    [models] = [one for one in analysis["volumes"] if one["type"] == "bind"]
    assert (models["source"], models["target"]) == ("/srv/models/chest", "/models/chest")
    assert models["read_only"] is True
    assert analysis["networks"] == ["analysis"]


def test_folders_of_nodes_are_taken_as_they_are_written() -> None:
    own = {"orthanc/storage/path": "/srv/a$b", "analysis/models": {"chest": "/srv/$HOME/card.json"}}
    services = document(swarm(WHOLE, **own))["services"]
    folders = {one["source"] for one in services["orthanc"]["volumes"] if one["type"] == "bind"}
    folders |= {one["source"] for one in services["analysis"]["volumes"] if one["type"] == "bind"}
    assert folders == {"/srv/a$$b", "/srv/$$HOME"}


@pytest.mark.parametrize("changes", PLANS)
def test_secrets_are_files_of_another_folder(changes: dict[str, Any]) -> None:
    plan = swarm(changes)
    stack = document(plan)
    assert set(stack["secrets"]) == {f"{name}-{f.name}" for name, files in mounts(plan).items() for f in files}
    assert all(one["file"].startswith("${ORTHANCGEN_SECRETS:-../secrets}/") for one in stack["secrets"].values())


def test_networks_are_encrypted_unless_something_else_does_it() -> None:
    for wanted in (True, False):
        networks = document(swarm(SMALL, **{"scale/encrypt_networks": wanted}))["networks"]
        assert all(("encrypted" in network.get("driver_opts", {})) is wanted for network in networks.values())


@pytest.mark.parametrize(("count", "balanced"), [(1, False), (3, True)])
def test_the_gateway_turns_to_each_of_several(count: int, balanced: bool) -> None:
    scale = {**WHOLE["scale"], "orthancs": count, "backends": 1}
    text = render(swarm(WHOLE, scale=scale)).file("gateway/haproxy.cfg").content.decode()
    assert (f"server-template orthanc {count} orthanc:8042 check" in text) is balanced
    assert ("server orthanc orthanc:8042 resolvers docker" in text) is not balanced
    assert "server backend backend:" in text


def test_postgresql_gives_up_a_client_that_is_gone() -> None:
    command = document(swarm(WHOLE))["services"]["postgresql"]["command"]
    settings = dict(word.split("=") for word in command if word != "-c")
    idle, interval, times = (int(settings[f"tcp_keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert int(settings["tcp_user_timeout"]) == (idle + interval * times) * 1000 <= 60_000


def test_another_configuration_is_another_config() -> None:
    before, after = (document(swarm(SMALL, **more))["configs"] for more in ({}, {"orthanc/name": "Another"}))
    changed = {key for key in before if before[key]["name"] != after[key]["name"]}
    assert changed == {"orthanc-orthanc.json"}
