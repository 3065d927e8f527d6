from __future__ import annotations

import pytest

from orthancgen.audit.looking_logins import asks_login, databases, known, known_logins, users
from tests.unit.audit.set_ups import subject


def test_the_known_logins_have_their_sources() -> None:
    assert all(one.source.startswith("https://") and one.password for one in known_logins())
    assert {("orthanc", "orthanc"), ("alice", "alicePassword")} <= {(o.user, o.password) for o in known_logins()}


@pytest.mark.parametrize(
    ("user", "password", "wanted"),
    [
        ("orthanc", "orthanc", True),
        ("Orthanc", "orthanc", True),
        ("orthanc", "Orthanc", False),
        ("demo", "orthanc", False),
        ("anybody", "change-me", True),
        ("anybody", 12345678, False),
        ("anybody", None, False),
    ],
)
def test_a_known_login(user: str, password: object, wanted: bool) -> None:
    [login] = users(subject(orthanc={"RegisteredUsers": {user: password}}).orthancs[0])
    assert (known(login) is not None) is wanted
    assert login.path == ("RegisteredUsers", user)


@pytest.mark.parametrize(
    ("publisher", "section", "service", "wanted"),
    [
        ("orthancteam", {}, "image: orthancteam/orthanc", [("postgres", "postgres")]),
        ("orthancteam", {"Username": "a", "Password": "b"}, "image: orthancteam/orthanc", [("a", "b")]),
        ("orthancteam", {"ConnectionUri": "postgresql://x"}, "image: orthancteam/orthanc", []),
        ("orthancteam", {}, "{image: orthancteam/orthanc, secrets: [ORTHANC__POSTGRESQL__PASSWORD]}", []),
        ("jodogne", {}, "image: jodogne/orthanc", []),
        ("jodogne", {"Username": "postgres"}, "image: jodogne/orthanc", []),
    ],
)
def test_the_login_at_the_database(
    publisher: str, section: dict[str, str], service: str, wanted: list[tuple[str, str]]
) -> None:
    body = service if service.startswith("{") else f"{{{service}}}"
    compose = f"services: {{orthanc: {body}}}"
    where = subject(compose, orthanc={"PostgreSQL": section}, publisher=publisher)  # type: ignore[arg-type]
    orthanc = where.orthancs[0]
    assert [(one.user, one.password) for one in databases(orthanc, where.service_of(orthanc))] == wanted


@pytest.mark.parametrize(
    ("settings", "version", "wanted"),
    [
        ({"RemoteAccessAllowed": True}, "1.13.0", True),
        ({"RemoteAccessAllowed": True}, "1.5.7", False),
        ({"RemoteAccessAllowed": False}, "1.13.0", False),
        ({"AuthenticationEnabled": False, "RemoteAccessAllowed": True}, "1.13.0", False),
        ({"AuthenticationEnabled": False, "Authorization": {"WebServiceRootUrl": "http://a/"}}, "1.13.0", True),
        ({"AuthenticationEnabled": False, "Authorization": {"Enable": False}}, "1.13.0", False),
        ({"AuthenticationEnabled": False, "Authorization": {}}, "1.13.0", False),
    ],
)
def test_whether_a_login_is_asked_for(settings: dict[str, object], version: str, wanted: bool) -> None:
    assert asks_login(subject(orthanc=settings, version=version).orthancs[0]) is wanted
