"""orthancgen: one validated YAML model per environment for the Orthanc DICOM server.

The functions of `orthancgen.api` are also those of the package: ``orthancgen.load``, ``plan``, ``render``, ``audit``
and ``verify``. Nothing is imported before one of them is used.
"""

from typing import TYPE_CHECKING

from orthancgen import callables

__version__ = "0.1.0"
__all__ = ["__version__", "audit", "load", "plan", "render", "verify"]

if TYPE_CHECKING:
    from orthancgen.api import audit as audit
    from orthancgen.api import load as load
    from orthancgen.api import plan as plan
    from orthancgen.api import render as render
    from orthancgen.api import verify as verify
else:
    __getattr__ = callables.attribute


def __dir__() -> list[str]:
    """What is here for a program, also before it was used."""
    return sorted((*__all__, "__doc__", "__file__", "__name__", "__path__"))


callables.install(__name__)
