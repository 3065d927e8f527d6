"""The report as a JSON document; docs/access.md describes it."""

from __future__ import annotations

from typing import Any, Final

from orthancgen.access.model import Entry, Finding, Notice, Place, Report, Row, Setting, WebRow
from orthancgen.site.problems import format_path

SCHEMA: Final = 1
"""Grows when a key changes its meaning or goes; new keys may come without it."""


def as_document(report: Report) -> dict[str, Any]:
    """The report as a mapping of JSON values."""
    return {
        "schema": SCHEMA,
        "environment": report.environment,
        "kind": report.kind,
        "description": report.description,
        "orthanc": {"aet": report.orthanc_aet, "version": report.orthanc_version},
        "firewalls": list(report.firewalls),
        "notices": [_notice(one) for one in report.notices],
        "dicom": [_row(one) for one in report.rows],
        "web": [_web(one) for one in report.web],
        "dead_settings": [_finding(one) for one in report.findings],
    }


def _notice(one: Notice) -> dict[str, Any]:
    return {"text": one.text, "hint": one.hint}


def _row(row: Row) -> dict[str, Any]:
    return {
        "caller": row.caller,
        "calling_aet": row.calling_aet,
        "from": [_place(one) for one in row.places],
        "called_aet": list(row.called),
        "entry": _entry(row.entry),
        "tls": list(row.tls),
        "commands": list(row.commands),
        "allowed": row.allowed,
        "step": row.step,
        "filters": list(row.filters),
        "settings": [_setting(one) for one in row.settings],
        "orthanc_keys": [list(one) for one in row.orthanc_keys],
        "reason": row.reason,
    }


def _place(one: Place) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "text": one.text,
        "address": one.address,
        "firewall_sees": one.firewall_sees,
        "orthanc_sees": one.orthanc_sees,
    }


def _entry(one: Entry) -> dict[str, Any]:
    return {"name": one.name, "port": one.port, "address": one.address, "tls": one.tls, "gateway": one.gateway}


def _setting(one: Setting) -> dict[str, Any]:
    return {"key": format_path(one.path), "place": one.place}


def _web(row: WebRow) -> dict[str, Any]:
    return {
        "service": row.service,
        "who": row.who,
        "role": row.role,
        "may": list(row.may),
        "reached_from": [{"kind": one.kind, "text": one.text} for one in row.reached_from],
        "port": row.port,
        "encrypted": row.encrypted,
        "settings": [_setting(one) for one in row.settings],
        "reason": row.reason,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "setting": _setting(one.setting) if one.setting else None,
        "orthanc_key": list(one.orthanc_key) if one.orthanc_key else None,
        "message": one.message,
        "hint": one.hint,
    }
