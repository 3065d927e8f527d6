"""What the rules of Orthanc's own configuration say of environments of ours."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from orthancgen.audit.run import audit, load_rules
from orthancgen.audit.targets import subjects_of
from orthancgen.orthanc.keys import Version

ROOT = Path(__file__).parents[3]
RULES = load_rules(
    [
        "anonymous-rest-access", "no-registered-user", "users-without-roles", "http-without-tls", "web-page-exposed",
        "web-dav-enabled", "lua-over-rest", "files-over-rest", "unlimited-requests", "unlimited-find-results",
        "weak-https-ciphers", "http-on-every-address", "no-access-log",
        "echo-open-to-anyone", "store-open-to-anyone", "query-open-to-anyone", "modality-address-not-checked",
        "modality-host-not-an-address", "called-aet-not-checked", "modality-may-everything", "dicom-without-tls",
        "dicom-client-certificate-optional", "old-dicom-tls-version", "weak-dicom-tls-ciphers",
        "modality-called-without-tls", "instances-overwritten", "oldest-patients-deleted", "setting-without-effect",
        "unknown-setting", "vulnerable-orthanc", "webhook-in-the-clear", "webhook-without-secret",
        "webhook-events-lost", "webhook-blocks-orthanc", "webhook-carries-patient-data", "no-backup",
    ]
)  # fmt: skip
LOW = {("no-backup", "low")}


def found(environment: str, version: str = "1.13.0") -> set[tuple[str, str]]:
    path = ROOT / environment
    [subject] = subjects_of([str(path)], today=datetime.date(2026, 6, 1), ask_installed=lambda: Version.parse(version))
    return {(one.rule.id, one.severity.word) for one in audit(subject, RULES).findings}


@pytest.mark.parametrize(
    ("environment", "version", "wanted"),
    [
        ("environments/prod.yaml", "1.13.0", LOW),
        ("environments/staging.yaml", "1.13.0", {*LOW, ("dicom-without-tls", "low")}),
        (
            "environments/dev.yaml",
            "1.13.0",
            {*LOW, ("dicom-without-tls", "low"), ("store-open-to-anyone", "high"), ("echo-open-to-anyone", "medium")},
        ),
        (
            "environments/staging.yaml",
            "1.10.1",
            {*LOW, ("dicom-without-tls", "low"), ("vulnerable-orthanc", "critical")},
        ),
        ("tests/golden/staging-tls-1.13.0.yaml", "1.13.0", LOW),
        ("tests/golden/prod-plain-1.13.0.yaml", "1.13.0", {*LOW, ("dicom-without-tls", "low")}),
        ("tests/golden/published-1.13.0.yaml", "1.13.0", {*LOW, ("dicom-without-tls", "low")}),
        # The network of a swarm encrypts between its nodes, that of Kubernetes only where its plugin does.
        ("tests/golden/swarm-1.13.0.yaml", "1.13.0", LOW),
        ("tests/golden/kubernetes-1.13.0.yaml", "1.13.0", {*LOW, ("webhook-in-the-clear", "high")}),
        # Orthanc ends TLS itself, with nothing in front that would write down who asks.
        ("tests/golden/firewalls-1.13.0.yaml", "1.13.0", {*LOW, ("no-access-log", "medium")}),
    ],
)
def test_the_shipped_environments(environment: str, version: str, wanted: set[tuple[str, str]]) -> None:
    assert found(environment, version) == wanted


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("backup: {repository: /srv/backup}", set()),
        ("http: {listen_on: 0.0.0.0}", {*LOW, ("http-without-tls", "critical"), ("no-access-log", "medium")}),
        ("orthanc: {web_dav: true}", {*LOW, ("web-dav-enabled", "medium")}),
        ("orthanc: {storage: {limit_megabytes: 10, when_full: recycle}}", {*LOW, ("oldest-patients-deleted", "high")}),
        ("orthanc: {limits: {find_results: 0}}", {*LOW, ("unlimited-find-results", "medium")}),
        ("dicom: {ae_checks: {called_aet: false}}", {*LOW, ("called-aet-not-checked", "medium")}),
        ("dicom: {ae_checks: {calling_aet: registered}}", {*LOW, ("modality-address-not-checked", "high")}),
        (
            "webhook: {url: 'http://192.168.20.9/hook'}\nbackend: {enabled: false}\nviewer: {enabled: false}",
            {*LOW, ("webhook-in-the-clear", "high"), ("webhook-events-lost", "medium")},
        ),
    ],
)
def test_one_thing_changed_in_staging(lines: str, wanted: set[tuple[str, str]], tmp_path: Path) -> None:
    staging = ROOT / "environments" / "staging.yaml"
    changed = tmp_path / "changed.yaml"
    changed.write_text(f"extends: {staging}\nenvironment: changed\n{lines}\n", encoding="utf-8")
    without = {("dicom-without-tls", "low")}  # staging has no TLS
    assert found(str(changed)) - without == wanted
