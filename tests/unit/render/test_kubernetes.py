"""The manifests as data: who may reach whom, what no pod may, and that no secret stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from orthancgen.plan.model import ANYONE, THIS_HOST
from orthancgen.render.catalogue import render
from orthancgen.render.container_files import containers, mounts
from orthancgen.render.kubernetes.catalogue import base
from orthancgen.render.kubernetes.objects import NAME
from tests.support.scaled import IN_POSTGRESQL, PLAIN, SMALL, WHOLE, kubernetes

PLANS = [
    pytest.param(WHOLE, id="whole"),
    pytest.param(SMALL, id="small"),
    pytest.param(IN_POSTGRESQL, id="pg"),
    pytest.param(PLAIN, id="plain"),
]


def of_kind(changes: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in base(kubernetes(changes)) if one["kind"] == kind}


def pods(changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [one for kind in ("StatefulSet", "Deployment", "Job") for one in of_kind(changes, kind).values()]
    return {one["spec"]["template"]["metadata"]["labels"][NAME]: one["spec"]["template"]["spec"] for one in found}


@pytest.mark.parametrize("changes", PLANS)
def test_every_container_of_the_plan_has_a_pod(changes: dict[str, Any]) -> None:
    assert set(pods(changes)) == set(containers(kubernetes(changes)))


@pytest.mark.parametrize("changes", PLANS)
def test_what_no_pod_may(changes: dict[str, Any]) -> None:
    for pod in pods(changes).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
        assert not any("hostPath" in volume for volume in pod["volumes"])
        assert not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))


@pytest.mark.parametrize("changes", PLANS)
def test_nothing_may_be_reached_but_by_a_flow(changes: dict[str, Any]) -> None:
    plan = kubernetes(changes)
    policies = of_kind(changes, "NetworkPolicy")
    assert policies["nothing-by-default"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for service in containers(plan):
        rules = policies[service]["spec"]["ingress"]
        allowed = {(source, port["port"]) for rule in rules for port in rule["ports"] for source in sources(rule)}
        wanted = {(flow.source, flow.port) for flow in plan.flows if flow.service == service}
        wanted = {one for one in wanted if one[0] != THIS_HOST}
        open_ports = {port for source, port in wanted if source == ANYONE}
        wanted = {one for one in wanted if one[1] not in open_ports or one[0] == ANYONE}
        extra = {("203.0.113.7/32", 2762)} if service == "orthanc" and changes is WHOLE else set()
        if service == "database":
            extra = {("database-account", 27017)}
        assert allowed == wanted | extra, service


def sources(rule: dict[str, Any]) -> list[str]:
    if "from" not in rule:
        return [ANYONE]
    return [
        peer["ipBlock"]["cidr"] if "ipBlock" in peer else peer["podSelector"]["matchLabels"][NAME]
        for peer in rule["from"]
    ]


def test_what_a_service_may_call_is_let_in_there() -> None:
    policies = of_kind(WHOLE, "NetworkPolicy")
    for flow in kubernetes(WHOLE).flows:
        if flow.source in policies:
            rules = policies[flow.source]["spec"]["egress"]
            reached = [
                (peer["podSelector"]["matchLabels"][NAME], port["port"])
                for rule in rules for peer in rule.get("to", []) if "podSelector" in peer for port in rule["ports"]
            ]  # fmt: skip
            assert (flow.service, flow.port) in reached


def test_who_comes_from_outside_is_seen_with_his_own_address() -> None:
    for name, service in of_kind(WHOLE, "Service").items():
        outside = service["spec"]["type"] == "LoadBalancer"
        assert outside == (name in {"orthanc-dicom", "gateway"})
        assert (service["spec"].get("externalTrafficPolicy") == "Local") == outside
    reached = of_kind(WHOLE, "Service")["orthanc-dicom"]["spec"]["loadBalancerSourceRanges"]
    assert reached == ["192.0.2.10/32"]
    [port] = of_kind(WHOLE, "Service")["gateway"]["spec"]["ports"]  # the others are for the host alone
    assert port["port"] == 8042
    assert "loadBalancerSourceRanges" not in of_kind(SMALL, "Service")["orthanc-dicom"]["spec"]


@pytest.mark.parametrize("changes", PLANS)
def test_secrets_are_references_alone(changes: dict[str, Any]) -> None:
    plan = kubernetes(changes)
    assert not of_kind(changes, "Secret")
    for service, pod in pods(changes).items():
        read: set[str] = set()
        for volume in pod["volumes"]:
            parts = [volume, *volume.get("projected", {}).get("sources", [])]
            read |= {item["key"] for part in parts for item in part.get("secret", {}).get("items", [])}
        assert read == {file.name for name, files in mounts(plan).items() if name == service for file in files}


def test_several_orthancs_have_a_name_each() -> None:
    container = pods(WHOLE)["orthanc"]["containers"][0]
    [variable] = [one for one in container["env"] if one["name"] == "ORTHANCGEN_INSTANCE"]
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    text = render(kubernetes(WHOLE)).file("orthanc/orthanc.json").content.decode()
    assert '"DatabaseServerIdentifier": "${ORTHANCGEN_INSTANCE}"' in text
    assert "ORTHANCGEN_INSTANCE" not in render(kubernetes(SMALL)).file("orthanc/orthanc.json").content.decode()


def test_images_are_kept_where_every_orthanc_sees_them() -> None:
    claims = of_kind(WHOLE, "PersistentVolumeClaim")
    assert set(claims) == {"orthanc-images", "analysis-models"}
    claim = claims["orthanc-images"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "volumeClaimTemplates" not in of_kind(WHOLE, "StatefulSet")["orthanc"]["spec"]
    assert not of_kind(IN_POSTGRESQL, "PersistentVolumeClaim")
    assert of_kind(SMALL, "StatefulSet")["orthanc"]["spec"]["volumeClaimTemplates"]


def test_a_modality_without_tls_comes_and_is_called_by_the_gateway() -> None:
    plan = kubernetes(PLAIN)
    services, policies = of_kind(PLAIN, "Service"), of_kind(PLAIN, "NetworkPolicy")
    assert services["gateway-dicom"]["spec"]["loadBalancerSourceRanges"] == ["192.0.2.11/32"]
    assert services["gateway-dicom"]["spec"]["externalTrafficPolicy"] == "Local"
    assert services["orthanc-dicom"]["spec"]["loadBalancerSourceRanges"] == ["192.0.2.10/32"]
    assert "gateway" not in services  # there is no HTTPS
    orthanc = json.loads(render(plan).file("orthanc/orthanc.json").content)
    called = orthanc["DicomModalities"]["us1"]
    [port] = services["gateway-calls"]["spec"]["ports"]
    assert (called["Host"], called["Port"]) == ("gateway-calls", port["port"])
    assert orthanc["DicomCheckModalityHost"] is False
    # Nobody but Orthanc may have the gateway call, and the gateway may call nobody but it and Orthanc.
    [calls] = [one for one in policies["gateway"]["spec"]["ingress"] if one["ports"][0]["port"] == port["port"]]
    assert sources(calls) == ["orthanc"]
    reached = [(one["to"], one["ports"]) for one in policies["gateway"]["spec"]["egress"][1:]]
    assert ([{"ipBlock": {"cidr": "192.0.2.11/32"}}], [{"protocol": "TCP", "port": 104}]) in reached
    assert "192.0.2.11" not in json.dumps(policies["orthanc"])
    assert 2762 in {one["port"] for one in services["orthanc"]["spec"]["ports"]}
    haproxy = render(plan).file("gateway/haproxy.cfg").content.decode()
    assert "server orthanc orthanc:2762 ssl verify required" in haproxy
    assert "resolvers" not in haproxy
    assert "tcp-request connection reject" not in haproxy  # that is the policy's


def test_a_port_below_1024_is_one_that_a_user_may_listen_on() -> None:
    def sysctls(port: int) -> dict[str, list[dict[str, str]]]:
        plan = kubernetes(PLAIN, **{"dicom/plain": {"enabled": True, "port": port}})
        found = [one for one in base(plan) if one["kind"] in {"StatefulSet", "Deployment"}]
        return {
            one["metadata"]["name"]: one["spec"]["template"]["spec"]["securityContext"].get("sysctls", [])
            for one in found
        }

    assert not any(sysctls(11112).values())
    allowed = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "104"}]
    assert {name: one for name, one in sysctls(104).items() if one} == {"gateway": allowed}


def test_analysis_reads_models_of_a_claim_and_keeps_studies_in_its_memory() -> None:
    plan, pod = kubernetes(WHOLE), pods(WHOLE)["analysis"]
    [models] = [one for one in pod["volumes"] if "persistentVolumeClaim" in one]
    assert models["persistentVolumeClaim"] == {"claimName": "analysis-models", "readOnly": True}
    [container] = pod["containers"]
    [mount] = [one for one in container["volumeMounts"] if one["name"] == models["name"]]
    configuration = json.loads(render(plan).file("analysis/analysis.json").content)
    cards = [one["card"] for one in configuration["providers"] if "card" in one]
    assert cards == [f"{mount['mountPath']}/chest/card.json"]
    assert mount["readOnly"] is True
    [work] = [one for one in pod["volumes"] if "emptyDir" in one]
    assert work["emptyDir"] == {"medium": "Memory", "sizeLimit": f"{32 + plan.site.analysis.study_megabytes}Mi"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    without = kubernetes(WHOLE, **{"analysis/models": {}})
    assert "analysis-models" not in {one["metadata"]["name"] for one in base(without)}


def test_another_configuration_is_another_object() -> None:
    def name(**more: Any) -> str:
        [found] = [o["metadata"]["name"] for o in base(kubernetes(SMALL, **more)) if o["kind"] == "ConfigMap"]
        return str(found)

    assert name() == name()
    assert name() != name(**{"orthanc/name": "Another"})


def test_files_of_manifests_are_their_objects() -> None:
    plan = kubernetes(WHOLE)
    read = [
        one
        for file in render(plan).files
        if file.path.startswith("kubernetes/base/") and not file.path.endswith("kustomization.yaml")
        for one in yaml.safe_load_all(file.content)
    ]
    key = lambda one: (one["kind"], one["metadata"]["name"])  # noqa: E731
    assert sorted(read, key=key) == sorted(base(plan), key=key)
