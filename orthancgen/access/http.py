"""Who may do what on Orthanc's REST API, the backend and the database, and from where each is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.access.matrix import firewalls
from orthancgen.access.model import Reach, WebRow
from orthancgen.access.settings import Settings
from orthancgen.firewall.policy import EVERY_ADDRESS, Filter, Policy
from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.plan.addresses import LOOPBACK
from orthancgen.plan.build import ANALYSIS_ACCOUNT, BACKEND_ACCOUNT, METRICS_ACCOUNT, VIEWER_ACCOUNT
from orthancgen.plan.gateway import has_gateway
from orthancgen.plan.model import Plan
from orthancgen.render import backend_json
from orthancgen.site.types import is_loopback

NOBODY: Final = "nobody in particular"
_INSIDE: Final = "in the containers' own network, unencrypted"
_EVERYTHING: Final = "everything"
_READERS: Final = ("viewer", "radiologist", "technologist", "administrator")
_PEOPLE: Final = (*_READERS, "monitor")
_OPERATORS: Final = ("technologist", "administrator")
_WRITERS: Final = ("radiologist", "technologist")
_SERVICES: Final = {BACKEND_ACCOUNT: "backend", VIEWER_ACCOUNT: "viewer", ANALYSIS_ACCOUNT: "analysis"}
"""Account on Orthanc -> the service that logs in with it."""

ROUTES: Final[Mapping[str, tuple[str, ...] | None]] = {
    "GET /healthz": None,
    "GET /readyz": None,
    "POST /api/session": None,
    "GET /api/session": None,
    "GET /api/session/check": _PEOPLE,
    "DELETE /api/session": _PEOPLE,
    "GET /api/events": _READERS,
    "GET /api/audit": ("administrator",),
    "GET /api/audit/export": ("administrator",),
    "GET /metrics": ("monitor", "administrator"),
    "GET /api/status": _PEOPLE,
    "GET /api/status/verification": ("administrator",),
    "PUT /api/status/verification": ("administrator",),
    "GET /api/providers": _READERS,
    "GET /api/analyses": ("administrator",),
    "POST /api/analyses/:id/retry": ("administrator",),
    "GET /api/studies/:id/analyses": _READERS,
    "POST /api/studies/:id/analyses": ("radiologist", "technologist", "administrator"),
    "GET /api/patients": _READERS,
    "GET /api/patients/:id": _READERS,
    "GET /api/patients/:id/studies": _READERS,
    "GET /api/studies": _READERS,
    "GET /api/studies/:id": _READERS,
    "GET /api/studies/:id/series": _READERS,
    "GET /api/series/:id": _READERS,
    "GET /api/series/:id/instances": _READERS,
    "GET /api/instances": _READERS,
    "GET /api/instances/:id": _READERS,
    "GET /api/report-templates": _READERS,
    "GET /api/studies/:id/reports": _READERS,
    "POST /api/studies/:id/reports": _WRITERS,
    "GET /api/reports/:id": _READERS,
    "PUT /api/reports/:id/draft": _WRITERS,
    "POST /api/reports/:id/presence": _WRITERS,
    "POST /api/reports/:id/analyses": _WRITERS,
    "POST /api/reports/:id/confirm": ("radiologist",),
    "POST /api/reports/:id/preliminary": ("radiologist",),
    "POST /api/reports/:id/sign": ("radiologist",),
    "POST /api/reports/:id/amend": ("radiologist",),
    "GET /api/reports/:id/versions": _READERS,
    "GET /api/reports/:id/versions/:n/pdf": _READERS,
    "POST /api/orthanc/webhook": ("webhook", "administrator"),
    "POST /api/orthanc/sync": _OPERATORS,
    "GET /api/orthanc/sync/:id": _OPERATORS,
    "GET /api/docs": _PEOPLE,
    "GET /api/docs/json": _PEOPLE,
    "GET /api/docs/:asset": _PEOPLE,
}
"""Route of the backend -> the roles that may call it; None is open to everybody. The backend's own table is
stack/backend/src/http/access.ts; a test compares the two."""


def web_rows(plan: Plan, policy: Policy, settings: Settings) -> Iterator[WebRow]:
    """Every account and credential, and nobody."""
    yield from _orthanc(plan, policy, settings)
    if plan.site.backend.enabled:
        yield from _backend(plan, policy, settings)
        yield from _database(plan, settings)
    if plan.site.viewer.enabled:
        yield from _viewer(plan, policy, settings)
    if plan.site.analysis.enabled:
        yield from _analysis(plan, settings)
    yield from _management(plan, policy, settings)


def _orthanc(plan: Plan, policy: Policy, settings: Settings) -> Iterator[WebRow]:
    site, service = plan.site, "Orthanc's REST API and web page"
    port = ("http", "port")
    from_where = reached_from(plan, policy, port)
    encrypted = site.http.tls.enabled
    for account in plan.accounts:
        caller = _SERVICES.get(account.user)
        path = (caller, "orthanc_password") if caller else ("users", account.user, "role")
        if account.user == METRICS_ACCOUNT:
            path = ("observability", "orthanc_password")
        yield WebRow(
            service, account.user, account.role, _permissions(account.role),
            (_from(plan, caller),) if caller else from_where, site.http.port,
            encrypted and not (caller and has_gateway(site)),
            (settings.of(*path),), "the Lua script in Orthanc holds each user to its role",
        )  # fmt: skip
    yield WebRow(
        service, NOBODY, None, (), from_where, site.http.port, encrypted, (settings.of("users"),),
        "Orthanc asks everybody for a login",
    )  # fmt: skip


def _permissions(role: str) -> tuple[str, ...]:
    return tuple(_EVERYTHING if (m, p) == ("*", "/") else f"{m} {p}" for m, p in PERMISSIONS[role])


def _backend(plan: Plan, policy: Policy, settings: Settings) -> Iterator[WebRow]:
    site = plan.site
    from_where = reached_from(plan, policy, ("backend", "port"))
    encrypted = site.http.tls.enabled and has_gateway(site)
    reasons = {"operator": "the token of administrators, and of verify", "orthanc": "the token of Orthanc's webhook"}
    reasons["prometheus"] = "the token of Prometheus"
    said_by = {"operator": ("backend", "operator_token"), "orthanc": ("webhook", "token")}
    said_by["prometheus"] = ("observability", "backend_token")
    for credential in backend_json.configuration(plan)["credentials"]:
        name, role = credential["name"], credential["role"]
        of_orthanc = name == "orthanc"
        yield WebRow(
            "the backend", f"{name} token", role, _routes(role),
            (_from(plan, "orthanc"), *from_where) if of_orthanc else from_where,
            site.backend.port, encrypted, (settings.of(*said_by[name]),), reasons[name],
        )  # fmt: skip
    yield WebRow(
        "the backend", NOBODY, None, _routes(None), from_where, site.backend.port, encrypted,
        (settings.of("backend", "operator_token"),), "these say whether the backend lives, and let people log in",
    )  # fmt: skip


def _routes(role: str | None) -> tuple[str, ...]:
    may = tuple(route for route, roles in ROUTES.items() if roles is None or role in roles)
    rest = [route for route in ROUTES if route not in may]
    if not rest:
        return (_EVERYTHING,)
    return (f"{_EVERYTHING} but {', '.join(rest)}",) if len(rest) < len(may) / 2 else may


def _database(plan: Plan, settings: Settings) -> Iterator[WebRow]:
    site = plan.site
    native = site.runtime == "native"
    port = site.backend.database.port if native else None
    from_where = (_here(LOOPBACK),) if native else (_from(plan, "backend"),)
    said_by = settings.of("backend", "database", "password")
    elsewhere = site.scale.mongodb
    user = elsewhere.user if elsewhere.hosts else backend_json.DATABASE_USER
    yield WebRow(
        "the database", user, None, (f"read and write {site.backend.database.name}",),
        from_where, port, elsewhere.tls, (said_by,), "the backend's own account",
    )  # fmt: skip
    if elsewhere.hosts:
        return  # who else may log in there is decided there
    if not native:
        yield WebRow(
            "the database", "root", None, (_EVERYTHING,), (_from(plan, "database-account"),), None, False,
            (settings.of("backend", "database", "root_password"),),
            "makes the backend's account; the backend never gets it",
        )  # fmt: skip
    yield WebRow(
        "the database", NOBODY, None, (), from_where, port, False, (said_by,), "the database asks everybody for a login"
    )


def _viewer(plan: Plan, policy: Policy, settings: Settings) -> Iterator[WebRow]:
    """People, who log in to the pages; what these ask of the backend is held to the person's role there."""
    site = plan.site
    from_where = reached_from(plan, policy, ("viewer", "port"))
    encrypted = site.http.tls.enabled and has_gateway(site)
    for name, user in site.users.items():
        yield WebRow(
            "the viewer", name, user.role, ("see images of each study", *_routes(user.role)), from_where,
            site.viewer.port, encrypted, (settings.of("users", name, "role"),),
            "a login with the password of Orthanc, by the backend, which holds each person to the role",
        )  # fmt: skip
    yield WebRow(
        "the viewer", NOBODY, None, ("open the page for the login",), from_where, site.viewer.port, encrypted,
        (settings.of("viewer", "enabled"),), "all else asks for a login",
    )  # fmt: skip


def _analysis(plan: Plan, settings: Settings) -> Iterator[WebRow]:
    """The service that analyses: for the backend, by a token that both know."""
    native = plan.site.runtime == "native"
    port = plan.site.analysis.port if native else None
    from_where = (_here(LOOPBACK),) if native else (_from(plan, "backend"),)
    said_by = settings.of("analysis", "token")
    yield WebRow(
        "the analysis", "analysis token", None, ("have studies analysed",), (_from(plan, "backend"),), port, False,
        (said_by,), "the token of the backend",
    )  # fmt: skip
    yield WebRow(
        "the analysis", NOBODY, None, ("GET /healthz",), from_where, port, False, (said_by,),
        "it says whether the service lives, and the names of its providers",
    )  # fmt: skip


def _management(plan: Plan, policy: Policy, settings: Settings) -> Iterator[WebRow]:
    """The ports by which the host is managed; without rules, they are not this site's to open or close."""
    if not firewalls(plan):
        return
    for port in plan.site.network.management_ports:
        networks = [one.source for one in policy.filters if one.port == port and one.purpose == "management"]
        let_in = tuple(
            Reach("administrators", f"{source} (network of the administrators)") for source in dict.fromkeys(networks)
        )
        yield WebRow(
            "management of this host", "administrators", None, (f"reach port {port}",), let_in, port, None,
            (settings.of("network", "managed_from"), settings.of("network", "management_ports")),
            "what they may do there is the host's own to say",
        )  # fmt: skip


def _from(plan: Plan, service: str) -> Reach:
    """A service of this site that calls another one, by no port that others reach."""
    native = plan.site.runtime == "native"
    return Reach("service", f"{service}, {'on this host' if native else _INSIDE}")


def reached_from(plan: Plan, policy: Policy, said_by: tuple[str, ...]) -> tuple[Reach, ...]:
    """From where a listener of this host is reached: this host, and whom the firewall lets in."""
    listener = next(one for one in plan.listeners if one.said_by == said_by)
    if is_loopback(listener.address):
        return (_here(listener.address),)
    if not firewalls(plan):
        return (Reach("anyone", "every address: no firewall rules are written"),)
    let_in = dict.fromkeys(
        _network(one) for one in policy.filters if one.port == listener.port and one.protocol == "tcp"
    )
    return (Reach("this_host", "this host"), *let_in)


def _here(address: str) -> Reach:
    return Reach("this_host", f"this host alone ({address})")


def _network(one: Filter) -> Reach:
    if one.source in EVERY_ADDRESS:
        return Reach("anyone", "every address")
    if all(reason.startswith("Prometheus") for reason in one.reasons):
        return Reach("service", f"{one.source} ({one.reason})")
    of_users = any("users" in reason for reason in one.reasons)
    return Reach("users" if of_users else "administrators", f"{one.source} ({one.reason})")
