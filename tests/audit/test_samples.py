"""Each rule finds exactly its fault in an otherwise safe set-up, and nothing in a safe one."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.audit.references import Reference
from orthancgen.audit.rules import RULES
from orthancgen.audit.run import load_rules
from tests.support.audit_samples import Sample, audited, samples

FAILING = list(samples("fail"))
PASSING = list(samples("pass"))


def name(sample: Sample) -> str:
    return f"{sample.rule}/{sample.path.stem}"


def test_the_safe_set_up_has_no_finding(tmp_path: Path) -> None:
    report = audited({}, tmp_path)
    assert [(one.rule.id, one.message) for one in report.findings] == []
    assert report.problems == ()


@pytest.mark.parametrize("sample", FAILING, ids=name)
def test_a_fault_raises_exactly_its_rule(sample: Sample, tmp_path: Path) -> None:
    report = audited(sample.change, tmp_path)
    assert {one.rule.id for one in report.findings} == {sample.rule, *sample.also}, [
        (one.rule.id, one.message) for one in report.findings
    ]
    for finding in report.findings:
        assert finding.mark is not None or finding.file
        assert finding.message
        assert finding.hint


@pytest.mark.parametrize("sample", PASSING, ids=name)
def test_what_is_safe_raises_nothing(sample: Sample, tmp_path: Path) -> None:
    report = audited(sample.change, tmp_path)
    assert {one.rule.id for one in report.findings} == sample.also, [
        (one.rule.id, one.message) for one in report.findings
    ]


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_a_rule_says_everything(rule: object) -> None:
    from orthancgen.audit.rule import Rule

    assert isinstance(rule, Rule)
    for text in (rule.title, rule.why, rule.remedy):
        assert text
        assert text == text.strip()
    assert not rule.title.endswith(".")
    assert rule.references
    assert all(isinstance(one, Reference) and one.url.startswith("https://") for one in rule.references)


def test_the_table_the_folder_and_the_samples_agree() -> None:
    folder = Path(load_rules.__code__.co_filename).parent / "rules"
    modules = {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")}
    assert modules == set(RULES)
    assert len(RULES) == len(set(RULES))
    assert [rule.id for rule in load_rules()] == list(RULES)
    assert {sample.rule for sample in FAILING} == set(RULES)
    assert {sample.rule for sample in PASSING} == set(RULES)
