"""A release: a bundle that was deployed, with everything needed to say what it was and to bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

ReleaseState = Literal["begun", "good", "failed", "rolled back"]
"""``begun`` until a deploy ended; ``rolled back`` was good, and was left on purpose for an earlier one."""


def now() -> str:
    """The time in UTC as ISO 8601, to the second: ``2026-11-24T00:30:43Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Who:
    """Who runs orthancgen: the login name (the one behind sudo) and the name of the host."""

    login: str
    host: str

    def __str__(self) -> str:
        return f"{self.login} on {self.host}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an environment file comes from.

    Attributes:
        path: relative to its repository; as it was named, outside of one.
        commit: of the repository; None outside of one.
        dirty: whether the files differ from the commit; None where git cannot tell.
    """

    path: str
    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """The image that a container runs: how it is called, and the digest of its configuration (``sha256:...``).

    The digest is empty where a plan names an image that is not on the engine yet; never in a release.
    """

    reference: str
    id: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Summary of the proofs after a deploy."""

    passed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a release before it is deployed.

    Attributes:
        environment: its name.
        who: who deploys.
        source: the environment file.
        reason: why, in the words of who deploys; may be empty.
        orthancgen: version of this program.
        orthanc: version of Orthanc.
        runtime: native, compose.
        digests: a digest a service, over all that it reads (an HMAC: secrets are among it).
        images: the image of each service; empty for the native runtime.
        secrets: an HMAC of each secret by name, by which a changed one is noticed.
        secret_users: the services that read each secret.
        rolled_back_from: the release that is left by a rollback; None for a deploy.
        restores: the release whose bundle a rollback brings back; None for a deploy.
    """

    environment: str
    who: Who
    source: Source
    reason: str
    orthancgen: str
    orthanc: str
    runtime: str
    digests: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rolled_back_from: int | None = None
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One release, as ``release.json`` holds it.

    Attributes:
        number: counts from 1 in each environment; never used again.
        created: when its deploy began (:func:`now`).
        draft: what was known then.
        state: what became of it.
        index_schema: version of the database schema of Orthanc's index after the deploy; None where it is not known.
        verified: summary of the proofs; None where none were run.
        facts: what the runtime saw once all was healthy, for the comparison of a later day (:mod:`.drift`):
            service -> fact -> value.
    """

    number: int
    created: str
    draft: Draft
    state: ReleaseState = "begun"
    index_schema: int | None = None
    verified: Verified | None = None
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
