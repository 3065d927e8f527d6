"""The DICOM port accepts TCP connections."""

from __future__ import annotations

import socket

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

_SECONDS = 5.0


def examine(context: Context) -> Verdict:
    """Connect and hang up."""
    host, port = context.dicom_host, context.site.dicom.port
    expected = f"{host}:{port} accepts connections"
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return verdict(True, expected, "it does")
    except OSError as error:
        hint = "does Orthanc run? orthancgen status; orthancgen logs"
        return verdict(False, expected, error.strerror or type(error).__name__, hint)


CHECK = Check("dicom-port", "The DICOM port is open", "positive", examine)
