"""Look at an environment without touching it: what a deploy would change, and what is not as the last one left it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from orthancgen.orthanc.keys import Version
from orthancgen.release import drift
from orthancgen.release.difference import Side, compare
from orthancgen.release.drift import Drift
from orthancgen.release.journal import read_journal
from orthancgen.release.lock import LockStore, holders
from orthancgen.release.model import Release
from orthancgen.release.store import ReleaseStore
from orthancgen.release.survey import Survey, moved_id
from orthancgen.render.artifact import Bundle
from orthancgen.render.container_files import volumes
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose.access import access_of
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.folders import file_digests, folder_path, state_key
from orthancgen.runtimes.compose.live import Live
from orthancgen.runtimes.compose.target import Target
from orthancgen.secrets.value import SecretValue

_HTTP_SECONDS: Final = 5


def survey(target: Target, engine: Engine, releases: ReleaseStore, locks: tuple[LockStore, ...]) -> Survey:
    """Compare what is wanted, what the last deploy left, and what is there.

    Raises:
        DeployError: the engine does not answer, or a record of a release is damaged.
    """
    current = releases.current()
    before = Side.of(current.draft, releases.bundle(current.number)) if current else None
    found = tuple(_drift(target, engine, current, before.bundle)) if current and before else ()
    return Survey(
        moved_id(target.plan_id, current, found),
        current,
        compare(before, Side.of(target.draft, target.bundle)),
        found,
        tuple(holder for _, holder in holders(locks)),
        read_journal(target.state.journal),
    )


def _drift(target: Target, engine: Engine, current: Release, bundle: Bundle) -> Iterator[Drift]:
    environment = current.draft.environment
    live = Live.look(engine, environment)
    yield from drift.containers({name: one.attributes for name, one in live.containers.items()}, current)
    wanted = {volume.name for volume in volumes(target.plan)}
    yield from drift.volumes(live.volumes, wanted, environment)
    yield from _files(target, engine, current)
    yield from drift.certificates(certificate_ends(target.secrets), datetime.now(UTC), environment)
    configuration = json.loads(bundle.file("orthanc/orthanc.json").content)
    access = access_of(target.plan, target.state, engine, target.secrets)
    yield from _orthanc(access, configuration, current)


def _files(target: Target, engine: Engine, current: Release) -> Iterator[Drift]:
    """Files on the engine's host that are not those that were placed."""
    key = state_key(target.state.key, looking=True)
    for service, digest in current.draft.digests.items():
        wanted = current.facts.get(service, {}).get("files")
        if isinstance(wanted, dict):
            found = engine.read_placed(folder_path(target.state.run, service, digest))
            live = {f"{service}/{path}": value for path, value in file_digests(key, found or ()).items()}
            placed = {f"{service}/{path}": value for path, value in wanted.items()}
            yield from drift.files(live, placed, current.draft.environment)


def _orthanc(access: Access, configuration: Mapping[str, Any], current: Release) -> Iterator[Drift]:
    import httpx

    with httpx.Client(
        base_url=access.orthanc_url, auth=access.orthanc_login, verify=access.http_verify, timeout=_HTTP_SECONDS,
        trust_env=False,
    ) as client:  # fmt: skip
        try:
            system = client.get("/system").raise_for_status().json()
            modalities = client.get("/modalities", params={"expand": ""}).raise_for_status().json()
        except httpx.HTTPError:
            return  # that it does not answer is seen at its container
    yield from drift.system(system, configuration, current.draft.orthanc)
    yield from drift.modalities(modalities, configuration, Version.parse(current.draft.orthanc))


def certificate_ends(secrets: Mapping[str, SecretValue]) -> dict[str, datetime]:
    """Name of each secret with a certificate in it -> when the first of its certificates ends."""
    from cryptography import x509

    found = {}
    for name, value in secrets.items():
        text = value.reveal()
        if "-----BEGIN CERTIFICATE-----" in text:
            try:
                found[name] = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(text.encode()))
            except ValueError:
                continue
    return found
