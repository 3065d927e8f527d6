"""prometheus/rules.yml and rules_test.yml: the alerts, and their tests for `promtool test rules`.

https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ and .../unit_testing_rules/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from orthancgen.plan.model import Plan
from orthancgen.render.alerts import Alert, alerts

_HEAD = "# Rendered by orthancgen from the environment {environment}: change that, not this file.\n"


def rules(plan: Plan) -> str:
    """The text of rules.yml."""
    group = {"name": f"orthancgen-{plan.site.environment}", "rules": [_rule(plan, one) for one in alerts(plan)]}
    return _text(plan, {"groups": [group]})


def tests(plan: Plan) -> str:
    """The text of rules_test.yml: each alert is raised by some series, and not by others."""
    rows = [_test(plan, one, raised=raised) for one in alerts(plan) for raised in (True, False)]
    return _text(plan, {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": rows})


def _rule(plan: Plan, alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": f"{alert.minutes}m",
        "labels": {"severity": alert.severity, "environment": plan.site.environment},
        "annotations": _annotations(plan, alert),
    }


def _annotations(plan: Plan, alert: Alert) -> dict[str, str]:
    said = {"summary": alert.summary, "description": alert.description}
    page = plan.site.observability.alerts.runbooks
    return said | ({"runbook_url": f"{page}#{alert.name.lower()}"} if page else {})


def _filled(annotations: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """The annotations as Prometheus tells them."""
    filled = dict(annotations)
    for name, value in labels.items():
        filled = {key: text.replace(f"{{{{ $labels.{name} }}}}", value) for key, text in filled.items()}
    return filled


def _test(plan: Plan, alert: Alert, *, raised: bool) -> dict[str, Any]:
    labels: Mapping[str, str] = {
        "severity": alert.severity,
        "environment": plan.site.environment,
        **alert.labels,
    }
    series = alert.raised_by if raised else alert.not_by
    told = _filled(_annotations(plan, alert), labels)
    return {
        "name": f"{alert.name}: {'raised' if raised else 'not raised'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{alert.until}m",
                "alertname": alert.name,
                "exp_alerts": [{"exp_labels": dict(labels), "exp_annotations": told}] if raised else [],
            }
        ],
    }


def _text(plan: Plan, document: dict[str, Any]) -> str:
    return _HEAD.format(environment=plan.site.environment) + yaml.safe_dump(document, sort_keys=False, width=120)
