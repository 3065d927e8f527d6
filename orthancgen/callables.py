"""Why ``orthancgen.plan`` is a package and can be called all the same.

Four functions of the API are named as the packages that do the work: `plan`, `render`, `audit`, `verify`. Python makes
an imported package an attribute of its parent, so that the function would be there until the package is first imported.
Instead, these packages become callable as they are imported, and hand the call to `orthancgen.api`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import inspect

CALLED: Final = ("plan", "render", "audit", "verify")
"""Functions of `orthancgen.api` with the name of a package."""


class _Called(ModuleType):
    """A package that is a function of the API too."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.__wrapped__(*arguments, **options)

    @property
    def __wrapped__(self) -> Any:
        """The function, for whoever asks for its signature and its text."""
        return getattr(importlib.import_module("orthancgen.api"), self.__name__.rpartition(".")[2])

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the function."""
        import inspect

        return inspect.signature(self.__wrapped__)


class _Parent(ModuleType):
    """The package whose children of `CALLED` become callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in CALLED and type(value) is ModuleType:
            value.__class__ = _Called
        super().__setattr__(name, value)


def install(package: str) -> None:
    """Have the children of a package become callable, from now on."""
    sys.modules[package].__class__ = _Parent


def attribute(name: str) -> Any:
    """What the package has not imported yet: a function of the API.

    Raises:
        AttributeError: there is no such function.
    """
    if name in CALLED:
        return importlib.import_module(f"orthancgen.{name}")
    if name == "load":
        return importlib.import_module("orthancgen.api").load
    raise AttributeError(f"module 'orthancgen' has no attribute {name!r}")
