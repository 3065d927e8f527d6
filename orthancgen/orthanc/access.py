"""Whom Orthanc admits: its own algorithm, computed from a configuration, and the settings that change nothing in it."""

from __future__ import annotations

from orthancgen.orthanc.admission.configuration import ALLOW, ALWAYS, Command, Step, TlsKind
from orthancgen.orthanc.admission.dead import DeadSetting, dead_settings
from orthancgen.orthanc.admission.decision import Call, Decision, decide

__all__ = [
    "ALLOW",
    "ALWAYS",
    "Call",
    "Command",
    "DeadSetting",
    "Decision",
    "Step",
    "TlsKind",
    "dead_settings",
    "decide",
]
