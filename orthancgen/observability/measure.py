"""Measure a running site: what the proofs said, and what its log, its disks and its certificates show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from orthancgen.certs.inspect import examine
from orthancgen.certs.store import AuthorityStore
from orthancgen.doctor.case import Case
from orthancgen.doctor.observe import backend, storage
from orthancgen.errors import OrthancgenError
from orthancgen.observability import refused
from orthancgen.observability.measurement import Measurement, Room
from orthancgen.verify.result import CheckResult


def measure(case: Case, results: tuple[CheckResult, ...] | None, began: datetime) -> Measurement:
    """What is known after a run of the proofs. What cannot be looked at is left out.

    Args:
        case: the environment, looked at since `began`.
        results: of the proofs; None where they could not be run.
        began: when the run began, with its zone.
    """
    now = datetime.now(UTC)
    return Measurement(
        case.site.environment,
        began.timestamp(),
        (now - began).total_seconds(),
        results,
        _certificates(case),
        refused.count(case),
        {one.what: Room(one.free_bytes, one.total_bytes) for one in storage.folders(case)},
        _healthy(case),
        backend.metrics(case).get("orthancgen_backend_backlog_changes") if case.site.backend.enabled else None,
    )


def _certificates(case: Case) -> Mapping[str, float]:
    """Certificates of the site, its authorities and its modalities; of several of one name, the one that ends first."""
    access = case.access
    if access is None or access.authorities is None:
        return {}
    found: dict[str, float] = {}
    try:
        shown = examine(case.plan, access.secrets, AuthorityStore(access.authorities))
    except OrthancgenError:
        return {}
    for one in shown:
        if one.valid_until:
            end = datetime.fromisoformat(one.valid_until).timestamp()
            found[one.name] = min(end, found.get(one.name, end))
    return found


def _healthy(case: Case) -> Mapping[str, bool]:
    rows = case.services
    if isinstance(rows, OrthancgenError):
        return {service.name: False for service in case.plan.services}
    return {name: row.pid != 0 and row.wrong is None for name, row in rows.items()}
