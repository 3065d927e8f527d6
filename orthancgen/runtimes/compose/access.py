"""How this host reaches the containers of an environment."""

from __future__ import annotations

from collections.abc import Mapping

from orthancgen.plan.addresses import verifier_seen
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import project_name
from orthancgen.runtimes.access import Access, stored_access
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue


def access_of(plan: Plan, state: State, engine: Engine, secrets: Mapping[str, SecretValue] | None = None) -> Access:
    """Addresses and credentials.

    Args:
        plan: of the environment.
        state: its folders.
        engine: where it runs.
        secrets: the values; without them, those in use.

    Raises:
        DeployError: it was not deployed, so that it has none.
    """
    values = stored_access(plan, state).secrets if secrets is None else secrets
    found = engine.containers(project_name(plan.site.environment)) if engine.local and plan.site.backend.enabled else {}
    # An internal network has no way out, but its bridge is an interface of this host.
    addresses = {name: one.addresses.get(name) for name, one in found.items()}
    database, analysis = addresses.get("database"), addresses.get("analysis")
    return Access(
        plan, values, engine_host="" if engine.local else engine.host, seen_as=_seen(plan, engine),
        database_address=(database, plan.site.backend.database.port) if database else None,
        analysis_address=(analysis, plan.site.analysis.port) if analysis else None,
        authorities=SecretStore(state.secrets).authorities,
    )  # fmt: skip


def _seen(plan: Plan, engine: Engine) -> str:
    """The address from which the containers see this host come; nothing where only the network between knows."""
    return verifier_seen(plan.site) if engine.local else plan.site.verification.address or ""
