"""What is handed to those who watch: files of the bundle, and secrets for one reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.errors import InputError, RenderError
from orthancgen.observability.hand_over import hand_over
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue
from tests.support.environments import MINIMAL, NEWEST, site_of

VALUES = {"metrics_orthanc_password": SecretValue("first"), "metrics_backend_token": SecretValue("second")}


def plan_of(said: dict[str, Any]) -> Plan:
    return plan(site_of(MINIMAL, {"observability": said}), NEWEST)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_everything_that_is_wanted(tmp_path: Path) -> None:
    wanted = plan_of({"prometheus": True, "grafana": True, "logs": {"host": "logs.example"}})
    paths = hand_over(wanted, State(tmp_path / "state"), VALUES, tmp_path / "out")
    assert names(tmp_path / "out") == {str(path.relative_to(tmp_path / "out")) for path in paths}
    assert names(tmp_path / "out") == {
        "prometheus/prometheus.yml", "prometheus/scrape.yml", "prometheus/rules.yml", "prometheus/rules_test.yml",
        "prometheus/secrets/metrics_orthanc_password", "prometheus/secrets/metrics_backend_token",
        "grafana/dashboard.json", "grafana/provisioning.yml",
        "logs/30-orthancgen-modules.conf", "logs/31-orthancgen-dev.conf",
    }  # fmt: skip
    secret = tmp_path / "out/prometheus/secrets/metrics_backend_token"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("second", 0o600)


def test_logs_alone_need_no_secret(tmp_path: Path) -> None:
    hand_over(plan_of({"logs": {"host": "logs.example"}}), State(tmp_path / "state"), {}, tmp_path / "out")
    assert names(tmp_path / "out") == {"logs/30-orthancgen-modules.conf", "logs/31-orthancgen-dev.conf"}


def test_nothing_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing watches dev"):
        hand_over(plan_of({}), State(tmp_path), {}, tmp_path / "out")


def test_a_secret_without_a_value(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="metrics_backend_token"):
        hand_over(
            plan_of({"prometheus": True}),
            State(tmp_path),
            {"metrics_orthanc_password": VALUES["metrics_orthanc_password"]},
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_an_account_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no account 'nobody-at-all'"):
        hand_over(plan_of({"prometheus": True}), State(tmp_path), VALUES, tmp_path / "out", "nobody-at-all")


def test_a_folder_that_rsyslog_cannot_name(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="cannot carry"):
        hand_over(plan_of({"logs": {"host": "logs.example"}}), State(tmp_path / 'a "b"'), {}, tmp_path / "out")
