"""The environment variables that services inherit: no credential of the caller's is among them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

_INHERITED: Final = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "PYTHONHOME", "PYTHONPATH"),
        *("SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"),
    }
)


def inherited(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that say where programs and certificates lie, and the language."""
    return {name: text for name, text in environ.items() if name in _INHERITED or name.startswith("LC_")}
