"""Settings that do not do what they say: Orthanc's, told by the keys of the environment file, and the model's own.

What checking the environment says already is taken over as it is, and not said twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orthancgen.access.matrix import firewalls
from orthancgen.access.model import Finding
from orthancgen.access.settings import Settings
from orthancgen.orthanc.access import dead_settings
from orthancgen.plan.model import Plan
from orthancgen.site.load import Loaded
from orthancgen.site.problems import KeyPath, Problem
from orthancgen.site.types import is_loopback

_OF_ACCESS: Final[tuple[KeyPath, ...]] = (("dicom",), ("modalities",), ("network",), ("verification",))
"""Sections of which a warning is one about access."""


def findings(plan: Plan, loaded: Loaded, configuration: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """Every setting that is dead, in the order: as checking said, of Orthanc, of the model."""
    told: set[KeyPath] = set()
    for source in (
        _said_by_checking(loaded, settings),
        _of_orthanc(plan, configuration, settings),
        _networks(plan, settings),
    ):
        found = [one for one in source if one.setting is None or one.setting.path not in told]
        told |= {one.setting.path for one in found if one.setting is not None}
        yield from found
    yield from _worklists(plan, settings)  # nobody else tells of that


def _said_by_checking(loaded: Loaded, settings: Settings) -> Iterator[Finding]:
    for problem in loaded.problems:
        if _is_of_access(problem):
            yield Finding(settings.of(*problem.path), None, problem.message, problem.hint or "")


def _of_orthanc(plan: Plan, configuration: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    for dead in dead_settings(configuration, plan.version):
        yield Finding(settings.of_orthanc(dead.path), dead.path, dead.message, dead.hint)


def _is_of_access(problem: Problem) -> bool:
    return problem.severity == "warning" and problem.path[:1] in _OF_ACCESS


def _worklists(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """No plugin that the model knows answers worklists."""
    site = plan.site
    said = [("modalities", name, "may") for name, m in site.modalities.items() if "find_worklist" in m.may]
    paths: list[tuple[str, ...]] = [("dicom", "ae_checks", "anyone_may")] if _anyone(plan) else []
    for path in (*paths, *said):
        yield Finding(
            settings.of(*path), None,
            "find_worklist is allowed, and Orthanc has no plugin that answers worklists: it rejects the request",
            "take find_worklist out",
        )  # fmt: skip


def _anyone(plan: Plan) -> bool:
    checks = plan.site.dicom.ae_checks
    return checks.calling_aet == "anyone" and "find_worklist" in checks.anyone_may


def _networks(plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Networks that no rule names, or that are let in to nothing."""
    site, network = plan.site, plan.site.network
    written = firewalls(plan)
    local = is_loopback(site.http.listen_on) and (not site.backend.enabled or is_loopback(site.backend.listen_on))
    if network.allowed_sources and local:
        yield Finding(
            settings.of("network", "allowed_sources"), None,
            "nothing listens for these networks: HTTP and the backend are reached from this host alone",
            "http: {listen_on: 0.0.0.0}, or leave them out",
        )  # fmt: skip
    for name in ("allowed_sources", "managed_from"):
        if getattr(network, name) and not written and not (local and name == "allowed_sources"):
            yield Finding(
                settings.of("network", name), None, "no firewall is listed, so nobody is let in or kept out by it",
                "network: {firewall: [nftables]}",
            )  # fmt: skip
