"""The history of an environment: a row a release, with what it changed. Pure but for the store that it reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from orthancgen.errors import OrthancgenError
from orthancgen.release.difference import Difference, Side, compare
from orthancgen.release.model import Release
from orthancgen.release.store import ReleaseStore

_SHORT_COMMIT: Final = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One release: ``changed`` says in a few words what it changed, ``base`` against which release."""

    release: Release
    current: bool
    base: int | None
    changed: tuple[str, ...]

    @property
    def commit(self) -> str:
        """The commit, with a mark where the files differ from it, or nobody can tell."""
        source = self.release.draft.source
        if source.commit is None:
            return "-"
        mark = {True: "+", False: "", None: "?"}[source.dirty]
        return source.commit[:_SHORT_COMMIT] + mark

    @property
    def verified(self) -> str:
        """Proofs that held, of those that ran."""
        verified = self.release.verified
        return f"{verified.passed}/{verified.passed + verified.failed}" if verified else "-"

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        release = self.release
        draft = {key: value for key, value in asdict(release.draft).items() if key not in {"secrets", "secret_users"}}
        return {
            "release": release.number,
            "current": self.current,
            "created": release.created,
            "state": release.state,
            **draft,
            "index_schema": release.index_schema,
            "verified": asdict(release.verified) if release.verified else None,
            "compared_with": self.base,
            "changed": list(self.changed),
        }


def rows(store: ReleaseStore) -> tuple[Row, ...]:
    """Every release that is kept, the newest first.

    Raises:
        DeployError: a record cannot be read, or is damaged.
    """
    current = store.current()
    releases = store.list()
    found = [
        Row(one, current is not None and one.number == current.number, *_changed(store, one, releases[:index]))
        for index, one in enumerate(releases)
    ]
    return tuple(reversed(found))


def _changed(store: ReleaseStore, release: Release, earlier: Sequence[Release]) -> tuple[int | None, tuple[str, ...]]:
    """What a release changed of the one that was in use when it came."""
    good = [one for one in earlier if one.state in {"good", "rolled back"}]
    if not good:
        return None, ("the first release" if release.number == 1 else "the first that is kept",)
    base = good[-1]
    try:
        before = Side.of(base.draft, store.bundle(base.number))
        difference = compare(before, Side.of(release.draft, store.bundle(release.number)))
    except OrthancgenError as error:
        return base.number, (error.message,)
    words = summary(difference)
    if release.draft.restores is not None:
        words = (f"back to release {release.draft.restores}", *words)
    return base.number, words


def summary(difference: Difference) -> tuple[str, ...]:
    """A difference in a few words: ``orthanc/orthanc.json (3)``, ``secret webhook_token``, ``image of backend``."""
    counts = Counter(change.file for change in difference.files)
    files = tuple(f"{file} ({count})" if count > 1 else file for file, count in counts.items())
    secrets = tuple(f"secret {name} {kind}" for name, kind in difference.secrets.items())
    images = tuple(f"image of {service}" for service in difference.images)
    return files + secrets + images or ("nothing",)
