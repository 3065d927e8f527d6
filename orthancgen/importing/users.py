"""The section ``users:`` who may log in, with what becomes of their passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from orthancgen.importing.draft import Draft
from orthancgen.importing.fits import why_not
from orthancgen.importing.names import has_variable, secret_name, user_name, variable
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import SERVICE_ACCOUNTS
from orthancgen.secrets.store import KNOWN_DEFAULTS
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import UserName
from orthancgen.site.users import Role

_FIRST_USER: Final = "orthanc"
_LOGIN_FOLLOWS_REMOTE_SINCE: Final = Version(1, 5, 8)
_MADE_A_USER_UNTIL: Final = Version(1, 13, 0)


def import_users(draft: Draft) -> None:
    """Write ``users:``, with their passwords as secrets. Orthanc gives each of its users every right."""
    original = draft.original
    written = original.get("RegisteredUsers")
    users: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    if not isinstance(written, Mapping):
        draft.note("RegisteredUsers", Outcome.LOST, "it is no object of names and passwords: Orthanc refuses it")
    roles = _roles_of_ours(original.get(OURS))
    draft.environment.setdefault("users", {})
    for name, password in users.items():
        if not (name in SERVICE_ACCOUNTS and OURS in original):
            _user(draft, name, password, roles.get(name, "administrator"))
    for name in [] if users else roles:  # a bundle: the passwords lie elsewhere
        draft.put(("users", name), {"role": roles[name], "password": {"secret": _free(draft, name)}})
    _authentication(draft, bool(users))
    if not any(user["role"] == "administrator" for user in draft.environment["users"].values()):
        name = user_name(_FIRST_USER, draft.environment["users"])
        draft.put(("users", name), {"role": "administrator", "password": {"secret": _free(draft, name)}})
        draft.note("RegisteredUsers", *_why_added(draft, name), to=("users", name))


def _free(draft: Draft, name: str) -> str:
    """A name for the secret of a user whose password is not known."""
    taken = {user["password"]["secret"] for user in draft.environment["users"].values()}
    return secret_name(f"{name}_password", {*taken, *draft.secrets})


def _why_added(draft: Draft, name: str) -> tuple[Outcome, str]:
    original = draft.original
    if original.part.users_elsewhere:
        why = "users are registered in a file that is not here"
        return Outcome.LOST, f"{why}: {name} is added, with a password that is made at the first deploy"
    remote = original.flag("RemoteAccessAllowed")
    if authenticates(draft) and remote and original.version < _MADE_A_USER_UNTIL:
        why = f"Orthanc {original.version} makes the user orthanc with the password orthanc by itself"
        return Outcome.CHANGED, f"{why}: {name} gets a password that is made at the first deploy"
    return Outcome.CHANGED, f"nobody could log in: {name} is added, with a password that is made at the first deploy"


def authenticates(draft: Draft) -> bool:
    """Whether Orthanc asks for a login: where nothing is said, exactly where it answers other hosts."""
    said = draft.original.get("AuthenticationEnabled")
    if isinstance(said, bool):
        return said
    return draft.original.flag("RemoteAccessAllowed") and draft.original.version >= _LOGIN_FOLLOWS_REMOTE_SINCE


def _authentication(draft: Draft, some: bool) -> None:
    original = draft.original
    if authenticates(draft):
        if "AuthenticationEnabled" in original:
            draft.note("AuthenticationEnabled", Outcome.AS_DEFAULT, "orthancgen always asks for a login")
    elif original.flag("RemoteAccessAllowed"):
        message = "every other host could do everything without a login; orthancgen always asks for one"
        hint = "give whoever calls Orthanc a user and its password"
        draft.note("AuthenticationEnabled", Outcome.LOST, message, to=("users",), hint=hint)
    else:
        message = "this host could do everything without a login; orthancgen always asks for one"
        outcome = Outcome.CHANGED if "AuthenticationEnabled" in original or some else Outcome.SPELLED_OUT
        draft.note("AuthenticationEnabled", outcome, message, to=("users",))


def _user(draft: Draft, name: str, password: object, role: str) -> None:
    taken = draft.environment["users"]
    path: KeyPath = ("RegisteredUsers", name)
    fitting = name
    if why_not(UserName, name) is not None or name in taken or name.startswith("orthancgen-"):
        fitting = user_name(name, taken)
        draft.note(path, Outcome.CHANGED, f"the name becomes {fitting}", to=("users", fitting))
    secret = _password(draft, path, fitting, password)
    draft.put(("users", fitting), {"role": role, "password": {"secret": secret}})


def _password(draft: Draft, path: KeyPath, user: str, password: object) -> str:
    """Keep the password; the name of its secret."""
    to: KeyPath = ("users", user, "password")
    name = _free(draft, user)
    if isinstance(password, str) and (named := variable(password)):
        draft.source(name, env=named)
        draft.note(path, Outcome.EXPRESSED, f"it is the environment variable {named}", to=("secrets", name))
        return name
    if isinstance(password, bool) or not isinstance(password, str | int | float) or password == "":
        draft.note(path, Outcome.LOST, "it has no password that is a text: one is made at the first deploy", to=to)
        return name
    text = str(password)
    if has_variable(text):
        message = "its password has an environment variable in it: another one is made at the first deploy"
        draft.note(path, Outcome.LOST, message, to=to)
        return name
    if not _can_be_kept(text):
        message = "its password has characters other than printable ASCII: another one is made at the first deploy"
        draft.note(path, Outcome.LOST, message, to=to)
        return name
    name = draft.secret(f"{user}_password", text) if name not in draft.secrets else name
    draft.note(path, Outcome.SECRET, f"the secret {name}", to=to, hint=_weak(text, user, name))
    if not isinstance(password, str):
        draft.note(path, Outcome.CHANGED, "the password is written as a number, on which Orthanc does not start", to=to)
    return name


def _can_be_kept(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _weak(text: str, user: str, secret: str) -> str | None:
    known = {one.casefold() for one in KNOWN_DEFAULTS}
    if text.casefold() in known or text == user:
        return f"everybody knows this password: `orthancgen secrets rotate` with {secret}"
    return None


def _roles_of_ours(section: object) -> dict[str, str]:
    users = section.get("Users") if isinstance(section, Mapping) else None
    if not isinstance(users, Mapping):
        return {}
    roles = get_args(Role)
    return {
        name: role
        for name, role in users.items()
        if role in roles and name not in SERVICE_ACCOUNTS and why_not(UserName, name) is None
    }
