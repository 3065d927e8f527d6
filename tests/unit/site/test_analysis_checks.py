"""Checks of `analysis:`, each with a passing and a failing case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.site import analysis_checks
from orthancgen.site.analysis_checks import ANALYSIS_CHECKS
from orthancgen.site.problems import format_path
from tests.support.environments import MINIMAL, document, load_text, said, site_of

ON: dict[str, Any] = {"analysis/enabled": True, "orthanc/plugins": ["dicomweb"]}
COMPOSE: dict[str, Any] = {**ON, "runtime": "compose"}
CARD = "/srv/models/chest/card.yaml"
CONTAINER = "containers/limits/analysis/memory_megabytes"

TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("analysis_has_what_it_needs", {}, []),
    ("analysis_has_what_it_needs", ON, []),
    ("analysis_has_what_it_needs", {**ON, "backend/enabled": False}, ["analysis.enabled"]),
    ("analysis_has_what_it_needs", {"analysis/enabled": True}, ["analysis.enabled"]),
    ("analysis_has_what_it_needs", {"analysis/on_arrival": ["image_quality"]}, ["!analysis.on_arrival"]),
    ("analysis_has_what_it_needs", {"analysis/store_sr": True}, ["!analysis.store_sr"]),
    ("analysis_has_what_it_needs", {"analysis/models": {"m": CARD}}, ["!analysis.models"]),
    ("providers_are_known", {**ON, "analysis/on_arrival": ["image_quality"]}, []),
    ("providers_are_known", {**ON, "analysis/on_arrival": ["m"], "analysis/models": {"m": CARD}}, []),
    ("providers_are_known", {**ON, "analysis/on_arrival": ["image_qualty"]}, ["analysis.on_arrival[0]"]),
    ("providers_are_known", {**ON, "analysis/on_arrival": ["image_quality"] * 2}, ["!analysis.on_arrival[1]"]),
    ("providers_are_known", {**ON, "analysis/models": {"image_quality": CARD}}, ["analysis.models.image_quality"]),
    ("providers_are_known", {**ON, "analysis/models": {"m": CARD, "n": CARD}}, ["analysis.models.n"]),
    ("providers_are_known", {**ON, "analysis/models": {"m": "/card.yaml"}}, ["analysis.models.m"]),
    ("container_holds_the_analyses", COMPOSE, []),
    ("container_holds_the_analyses", {**COMPOSE, "analysis/workers": 2}, [CONTAINER.replace("/", ".")]),
    ("container_holds_the_analyses", {**COMPOSE, "analysis/workers": 2, CONTAINER: 8448}, []),
    ("container_holds_the_analyses", {**COMPOSE, CONTAINER: 2048}, [CONTAINER.replace("/", ".")]),
    ("container_holds_the_analyses", {**ON, "analysis/workers": 8}, []),
]


@pytest.mark.parametrize(("name", "changes", "expected"), TABLE)
def test_of_analysis(name: str, changes: dict[str, Any], expected: list[str]) -> None:
    found = list(getattr(analysis_checks, name)(site_of(MINIMAL, changes)))
    assert [("!" if one.severity == "warning" else "") + format_path(one.path) for one in found] == expected
    assert all(one.hint for one in found)


def test_every_check_has_a_passing_and_a_failing_case() -> None:
    names = {check.__name__ for check in ANALYSIS_CHECKS}
    assert {name for name, _, expected in TABLE if expected} == names
    assert {name for name, _, expected in TABLE if not expected} == names


def test_a_provider_that_is_nearly_named_is_hinted_at_in_its_place(tmp_path: Path) -> None:
    text = document(MINIMAL, {**ON, "analysis/on_arrival": ["image_qualty"]})
    [problem] = load_text(text, tmp_path).problems
    assert (problem.message, problem.hint) == ("image_qualty is none of: image_quality", "did you mean image_quality?")
    assert problem.mark is not None
    assert "image_qualty" in text.splitlines()[problem.mark.line - 1]


def test_its_port_is_of_this_host_only_where_it_runs_there(tmp_path: Path) -> None:
    same = {**ON, "analysis/port": 8001}
    assert said(load_text(document(MINIMAL, same), tmp_path)) == [
        ("analysis.port", "port 8001 is backend.port already"),
    ]
    images = {"images/orthanc": "orthancteam/orthanc:26.8.1", "images/mongo": "mongo:8.0.24"}
    assert load_text(document(MINIMAL, {**same, **images, "runtime": "compose"}), tmp_path).errors == ()
