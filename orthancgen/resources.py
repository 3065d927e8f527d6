"""The one place that knows where templates, example environments and the stack's sources lie.

In a wheel they are inside the package, in a checkout beside it. The package is asked first, by its own ``__file__``:
an editable install may leave a stale twin in site-packages, which must not be found.
"""

from __future__ import annotations

from pathlib import Path

from orthancgen import __version__
from orthancgen.errors import OrthancgenError

_PACKAGE = Path(__file__).resolve().parent


def with_extra(extra: str) -> str:
    """The command that adds an extra of ours. By its wheel: on a public index, our name could be anybody's."""
    return f"pip install 'orthancgen-{__version__}-py3-none-any.whl[{extra}]'"


def locate(name: str) -> Path:
    """Path of a shipped folder: ``templates``, ``environments`` or ``stack/backend``.

    Raises:
        OrthancgenError: the installation is incomplete.
    """
    for root in (_PACKAGE, _PACKAGE.parent):
        candidate = root / name
        if candidate.is_dir():
            return candidate
    raise OrthancgenError(f"the installation has no {name} folder", hint="install orthancgen again")
