"""Every error that orthancgen raises on purpose, with its exit code.

    OrthancgenError
    ├── InputError           2   the model or an argument is wrong; carries every problem found
    ├── RenderError          3   a value that a syntax cannot carry, a template that misses one
    ├── DeployError          4   a runtime could not bring the plan to life
    │   ├── PortTakenError       a port of the plan is in use by somebody else
    │   ├── ProgramMissingError  a program that the runtime starts is not installed
    │   ├── StartError           a service was started and did not get healthy
    │   ├── EngineError          the container engine cannot be used
    │   │   ├── EngineAbsentError     nothing answers where the engine should be
    │   │   ├── EngineRefusedError    this user may not use the engine
    │   │   ├── EngineTooOldError     the engine, or Compose, is older than what is needed
    │   │   ├── ComposeMissingError   no docker command, or it has no Compose
    │   │   └── EngineLostError       the engine stopped answering in the middle
    │   ├── ImageError           an image is not there and cannot be had
    │   ├── LockedError          another run holds the environment
    │   └── BackupError          a backup cannot be made, read or brought back
    └── VerifyError          5   the proofs could not be run at all

A check that fails is not an error but a result (exit code 1). Anything else that escapes is a bug: exit code 70.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import ClassVar, Protocol


class Exit(IntEnum):
    """Exit codes of the command line."""

    GOOD = 0
    SOMETHING_TO_SEE = 1
    INPUT_INVALID = 2
    CANNOT_RENDER = 3
    DEPLOY_FAILED = 4
    VERIFY_FAILED = 5
    BUG = 70


class OrthancgenError(Exception):
    """An error with a place to look at and a remedy; never shown with a traceback.

    Args:
        message: what is wrong, one sentence, without secrets or patient data.
        hint: what the reader can do about it, or None.
    """

    exit_code: ClassVar[Exit] = Exit.SOMETHING_TO_SEE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Place(Protocol):
    """Where something is written; line and column count from 1."""

    @property
    def file(self) -> str:
        """Name of the file."""

    @property
    def line(self) -> int:
        """Its line."""

    @property
    def column(self) -> int:
        """Its column."""


class Fault(Protocol):
    """One thing that is wrong with the input: what a program may read of a problem."""

    @property
    def message(self) -> str:
        """What is wrong."""

    @property
    def hint(self) -> str | None:
        """The remedy, or None."""

    @property
    def severity(self) -> str:
        """`error` or `warning`."""

    @property
    def key_path(self) -> str:
        """The key, as in `modalities.ct1.may[0]`; empty where it is of no key."""

    @property
    def mark(self) -> Place | None:
        """Where it is written; None where it is of no file."""


class InputError(OrthancgenError):
    """The input is wrong.

    Args:
        message: what is wrong.
        hint: the remedy, or None.
        problems: every problem found, in the order of the file.
        sources: text of each file by its name, for excerpts, with secrets hidden.
    """

    exit_code = Exit.INPUT_INVALID

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        problems: tuple[Fault, ...] = (),
        sources: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems
        self.sources: Mapping[str, str] = sources or {}


class RenderError(OrthancgenError):
    """A bundle cannot be rendered; nothing was written."""

    exit_code = Exit.CANNOT_RENDER


class DeployError(OrthancgenError):
    """A runtime could not bring the plan to life; what it started is stopped again."""

    exit_code = Exit.DEPLOY_FAILED


class PortTakenError(DeployError):
    """A port that the plan needs is in use by another process."""


class ProgramMissingError(DeployError):
    """A program that the runtime starts is not installed, or too old."""


class StartError(DeployError):
    """A service was started and did not become healthy."""


class EngineError(DeployError):
    """The container engine cannot be used."""


class EngineAbsentError(EngineError):
    """Nothing answers where the engine should be."""


class EngineRefusedError(EngineError):
    """This user may not use the engine."""


class EngineTooOldError(EngineError):
    """The engine, or Compose, is older than what is needed."""


class ComposeMissingError(EngineError):
    """There is no docker command on this machine, or it has no Compose."""


class EngineLostError(EngineError):
    """The engine stopped answering in the middle of something."""


class ImageError(DeployError):
    """An image is not there and can neither be pulled nor built, or is another one than the lock file says."""


class LockedError(DeployError):
    """Another run holds the lock of this environment."""


class BackupError(DeployError):
    """A backup cannot be made, read or brought back."""


class VerifyError(OrthancgenError):
    """The proofs could not be run at all (as opposed to: a proof failed)."""

    exit_code = Exit.VERIFY_FAILED
