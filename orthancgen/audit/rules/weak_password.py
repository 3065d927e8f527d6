"""A password that is short, easily guessed, or used twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_logins import Login, asks_login, databases, known, users
from orthancgen.audit.references import hipaa, nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_SHORTEST: Final = 16
_SHORT: Final = 12
_FEWEST_CHARACTERS: Final = 5


def find(subject: Subject) -> Iterator[Hit]:
    """Every password that is at hand and is not one of the known ones."""
    logins: list[Login] = []
    for orthanc in subject.orthancs:
        logs_in = orthanc.flag("HttpServerEnabled") and asks_login(orthanc)
        logins += [*(users(orthanc) if logs_in else ()), *databases(orthanc, subject.service_of(orthanc))]
    texts = [one for one in logins if isinstance(one.password, str) and known(one) is None]
    for login in texts:
        yield from _guessed(login)
    yield from _reused(texts)


def _guessed(login: Login) -> Iterator[Hit]:
    password, user = login.password, login.user.casefold()
    folded = password.casefold()
    if not password:
        yield Hit(f"{login.what} has an empty password", login.mark, login.path, severity=Severity.CRITICAL)
    elif user and folded in {user, user[::-1], f"{user}1", f"{user}123", user * 2}:
        yield Hit(f"{login.what} has a password made of its own name", login.mark, login.path)
    elif len(password) < _SHORTEST:
        severity = Severity.HIGH if len(password) < _SHORT else Severity.MEDIUM
        yield Hit(
            f"{login.what} has a password of fewer than {_SHORT if len(password) < _SHORT else _SHORTEST} characters",
            login.mark,
            login.path,
            severity=severity,
        )
    elif len(set(password)) < _FEWEST_CHARACTERS:
        yield Hit(
            f"{login.what} has a password of fewer than {_FEWEST_CHARACTERS} different characters",
            login.mark,
            login.path,
        )


def _reused(logins: list[Login]) -> Iterator[Hit]:
    by_password: dict[str, list[Login]] = defaultdict(list)
    for login in logins:
        if login.password:
            by_password[login.password].append(login)
    for same in by_password.values():
        places = {(one.mark, one.path) for one in same}
        for later in same[1:] if len(places) > 1 else ():
            yield Hit(f"{later.what} has the same password as {same[0].what}", later.mark, later.path)


RULE: Final = Rule(
    id="weak-password",
    severity=Severity.HIGH,
    confidence="certain",
    title="A password that can be guessed, or opens more than one door",
    why="Orthanc does not lock out whoever tries passwords, so a short one is found by trying. One that is used "
    "twice opens the second door with the first.",
    remedy="Use a generated password of 16 characters or more for each user and each service.",
    references=(
        hipaa("(d)"),
        nist_pacs("PR.AC-1"),
        page("NIST SP 800-63B-4, passwords", "https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver"),
    ),
    find=find,
)
