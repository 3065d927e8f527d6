"""The records' replica set: its members, how each starts, how it is reached, and what it shares."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orthancgen.errors import InputError
from orthancgen.plan.model import Plan
from orthancgen.render import account_json, backend_json, member_sh
from orthancgen.render.catalogue import render
from orthancgen.render.container_files import mounts
from orthancgen.render.kubernetes.catalogue import base
from orthancgen.render.replica_set import members
from orthancgen.render.swarm.stack import document
from orthancgen.secrets.store import SecretStore, gather, generate
from tests.support.scaled import SMALL, WHOLE, kubernetes, swarm

ELSEWHERE: dict[str, Any] = {
    "hosts": ["mongo1.example:27017", "192.0.2.7:27017"],
    "replica_set": "rs0",
    "user": "records",
    "auth_source": "admin",
    "tls": True,
    "authority": {"secret": "mongodb_authority"},
}
THERE_ALREADY: dict[str, Any] = {
    "images": {"orthanc": "orthancteam/orthanc:26.8.1"},
    "scale": {"backends": 2, "mongodb": ELSEWHERE},
    "secrets": {"mongodb_authority": {"file": "/etc/ssl/mongodb.pem"}},
}
PLANS = [pytest.param(kubernetes(WHOLE), id="kubernetes"), pytest.param(swarm(WHOLE), id="swarm")]


def of_kind(plan: Plan, kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in base(plan) if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("plan", PLANS)
def test_backend_and_account_are_told_the_same_members(plan: Plan) -> None:
    database, account = backend_json.configuration(plan)["database"], account_json.configuration(plan)
    assert database["replica_set"] == account["replica_set"]
    assert [(one.host, one.port) for one in members(plan.site)] == [
        (one["host"], one["port"]) for one in database["replica_set"]["members"]
    ]
    assert database["direct_connection"] is False
    assert {database["host"], account["host"]} == {members(plan.site)[0].host}


def test_a_database_that_is_one_alone_is_called_as_before() -> None:
    database = backend_json.configuration(kubernetes(WHOLE, **{"scale/databases": 1}))["database"]
    assert "replica_set" not in database
    assert (database["host"], database["direct_connection"]) == ("database", True)


def test_members_in_kubernetes_are_pods_that_stand_apart_and_are_called_before_they_are_ready() -> None:
    plan = kubernetes(WHOLE)
    spec = of_kind(plan, "StatefulSet", "database")["spec"]
    service = of_kind(plan, "Service", "database")["spec"]
    assert [one.host for one in members(plan.site)] == [
        f"database-{number}.{spec['serviceName']}" for number in range(spec["replicas"])
    ]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "Parallel")
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)
    affinity = spec["template"]["spec"]["affinity"]["podAntiAffinity"]
    [apart] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart == {"topologyKey": "kubernetes.io/hostname", "labelSelector": spec["selector"]}
    assert of_kind(plan, "PodDisruptionBudget", "database")["spec"]["maxUnavailable"] == 1
    rules = of_kind(plan, "NetworkPolicy", "database")["spec"]
    itself = [{"podSelector": spec["selector"]}]
    assert any(itself[0] in rule["from"] for rule in rules["ingress"])
    assert itself in [rule["to"] for rule in rules["egress"]]


def test_the_overlay_says_nothing_of_members() -> None:
    overlay = render(kubernetes(WHOLE)).file("kubernetes/overlays/site/kustomization.yaml").content.decode()
    assert "name: database" not in overlay


def test_members_in_swarm_are_services_with_a_node_and_a_volume_each() -> None:
    stack = document(swarm(WHOLE))
    found = {name: one for name, one in stack["services"].items() if name.startswith("database") and "hostname" in one}
    assert {one["hostname"] for one in found.values()} == set(found) == {"database", "database-2", "database-3"}
    nodes = {one["deploy"]["placement"]["constraints"][0] for one in found.values()}
    kept = {volume["source"] for one in found.values() for volume in one["volumes"] if volume["type"] == "volume"}
    assert len(nodes) == len(kept) == 3
    assert kept <= set(stack["volumes"])
    assert {name: [secret["target"] for secret in one["secrets"]] for name, one in found.items()} == {
        "database": ["/run/secrets/database_root_password", "/run/secrets/database_key"],
        "database-2": ["/run/secrets/database_key"],
        "database-3": ["/run/secrets/database_key"],
    }


def start(plan: Plan, folder: Path, host: str) -> dict[str, Any]:
    """What the image's own entry point is given by member.sh: its arguments, its variables, and the key."""
    (folder / "bin").mkdir(parents=True)
    entry = folder / "bin/docker-entrypoint.sh"
    entry.write_text(
        "#!/usr/bin/env python3\n"
        "import json, os, sys\n"
        "key = sys.argv[sys.argv.index('--keyFile') + 1]\n"
        "told = {name: os.environ[name] for name in os.environ if name.startswith('MONGO')}\n"
        "mode = oct(os.stat(key).st_mode & 0o777)\n"
        "print(json.dumps({'arguments': sys.argv[1:], 'told': told, 'mode': mode, 'key': open(key).read()}))\n"
    )
    entry.chmod(0o755)
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "database_key").write_text("the+key/")
    (secrets / "database_key").chmod(0o440)
    text = member_sh.build(plan).replace("/tmp/", f"{folder}/").replace("/run/secrets/", f"{secrets}/")
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOSTNAME": host},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("plan", PLANS)
def test_each_member_starts_with_a_key_that_it_alone_may_read_and_the_first_makes_the_administrator(
    plan: Plan, tmp_path: Path
) -> None:
    first, *others = (start(plan, tmp_path / one.name, one.name) for one in members(plan.site))
    for one in (first, *others):
        assert (one["mode"], one["key"]) == ("0o600", "the+key/")
        assert one["arguments"][:5] == ["mongod", "--port", "27017", "--replSet", "orthancgen"]
    assert first["told"]["MONGO_INITDB_ROOT_USERNAME"] == account_json.ROOT_USER
    assert first["told"]["MONGO_INITDB_ROOT_PASSWORD_FILE"].endswith("/database_root_password")
    assert [one["told"] for one in others] == [{}, {}]  # a member that has data cannot join


def test_the_key_is_base64_of_a_length_that_mongod_takes() -> None:
    key = generate("replica_key").reveal()
    assert 6 <= len(key) <= 1024
    assert len(base64.b64decode(key, validate=True)) == 96
    assert key != generate("replica_key").reveal()


def test_a_key_that_mongod_would_not_take_is_refused(tmp_path: Path) -> None:
    given = tmp_path / "key"
    given.write_text("not_base64-url\n")
    plan = kubernetes(WHOLE, secrets={"database_key": {"file": str(given)}})
    with pytest.raises(InputError, match=r"database_key .*6 to 1024 characters of base64"):
        gather(plan, SecretStore(tmp_path / "secrets"))


def test_only_a_replica_set_has_a_key() -> None:
    assert "database_key" in {secret.name for secret in kubernetes(WHOLE).secrets}
    assert "database_key" not in {secret.name for secret in kubernetes(WHOLE, **{"scale/databases": 1}).secrets}
    assert {name for name, files in mounts(swarm(WHOLE)).items() if "database_key" in {f.name for f in files}} == {
        "database"
    }


@pytest.mark.parametrize("runtime", [kubernetes, swarm])
def test_a_replica_set_that_is_there_already_is_called_and_none_is_brought(runtime: Any) -> None:
    plan = runtime(THERE_ALREADY)
    database = backend_json.configuration(plan)["database"]
    assert database["replica_set"] == {
        "name": "rs0",
        "members": [{"host": "mongo1.example", "port": 27017}, {"host": "192.0.2.7", "port": 27017}],
    }
    assert (database["username"], database["auth_source"], database["tls"]) == ("records", "admin", True)
    assert database["tls_ca_file"] == "/run/secrets/mongodb_authority"
    assert not {"database", "database-account"} & set(mounts(plan))
    assert "database_root_password" not in {secret.name for secret in plan.secrets}
    assert not [file.path for file in render(plan).files if file.path.startswith(("database", "kubernetes/base/datab"))]


def test_the_backend_may_call_a_replica_set_that_is_there_already() -> None:
    plan = kubernetes(THERE_ALREADY)
    egress = of_kind(plan, "NetworkPolicy", "backend")["spec"]["egress"]
    port = [{"protocol": "TCP", "port": 27017}]
    assert {"ports": port} in egress  # of a name, wherever it is
    assert {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": port} in egress
    stack = document(swarm(THERE_ALREADY))
    assert "edge" in stack["services"]["backend"]["networks"]  # its way out
    assert "database" not in stack["networks"]
    assert "backend" not in document(swarm(SMALL))["services"]
