"""``orthancgen certs``: list, check, renew, issue, hand over, revoke."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import DeployError, Exit, InputError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.state import state_of
from orthancgen.secrets.store import SecretStore

if TYPE_CHECKING:
    from orthancgen.certs.inspect import Shown
    from orthancgen.certs.store import AuthorityStore

_LARGEST_REQUEST = 65536


@dataclass(frozen=True, slots=True)
class _Opened:
    plan: Plan
    secrets: SecretStore
    own: AuthorityStore


def _open(env: str, state_root: Path | None) -> _Opened:
    from orthancgen.certs.generate import authorities

    _, plan = load_plan(env)
    secrets = SecretStore(state_of(plan.site.environment, state_root).secrets)
    return _Opened(plan, secrets, authorities(plan, secrets))


def _require_authority(opened: _Opened, env: str) -> None:
    if not opened.own.exists:
        raise DeployError(f"{opened.plan.site.environment} has no authority yet", hint=f"orthancgen deploy {env}")


@click.group(cls=Subcommands)
def certs() -> None:
    """The certificates of an environment: what they say, renewal, modalities' certificates, revocation."""


def _shown(opened: _Opened) -> tuple[Shown, ...]:
    from orthancgen.certs.inspect import examine
    from orthancgen.secrets.store import from_sources

    given = from_sources(opened.plan)
    in_use = {one.name: opened.secrets.read(one.name) for one in opened.plan.secrets if one.purpose == "pem"}
    values = {name: value for name, value in {**in_use, **given}.items() if value is not None}
    return examine(opened.plan, values, opened.own)


@certs.command("list")
@env_argument
@state_option
@json_option
def list_(env: str, state_root: Path | None, as_json: bool) -> None:
    """Every certificate of ENV: whose, what for, until when. No keys."""
    opened = _open(env, state_root)
    rows = _shown(opened)
    if as_json:
        print_json({"environment": opened.plan.site.environment, "certificates": [asdict(row) for row in rows]})
        return
    for row in rows:
        _print(row)
    if not rows:
        console().print(f"{opened.plan.site.environment} has no certificates: neither DICOM nor HTTP uses TLS")


def _print(row: Shown) -> None:
    out = console()
    out.print(f"{row.name}  ({row.purpose}{', your own' if row.own else ''})", style="bold", soft_wrap=True)
    said = {
        "subject": row.subject,
        "issuer": row.issuer,
        "serial": row.serial,
        "names": ", ".join(row.hosts) or "none",
        "valid until": f"{row.valid_until[:10]}, {row.days_left} days",
        "SHA-256": row.fingerprint,
    }
    for label, text in said.items() if row.serial else ():
        out.print(f"  {label:<11}  {text}", soft_wrap=True)
    for problem in row.problems:
        out.print(f"  problem      {problem}", soft_wrap=True)


@certs.command()
@env_argument
@state_option
@json_option
def check(env: str, state_root: Path | None, as_json: bool) -> None:
    """Exit code 1 where a certificate of ENV is wrong, weak, expired or due for renewal; your own ones too."""
    opened = _open(env, state_root)
    rows = _shown(opened)
    wrong = [row for row in rows if row.problems]
    if as_json:
        print_json({"environment": opened.plan.site.environment, "certificates": [asdict(row) for row in rows]})
    else:
        for row in wrong:
            for problem in row.problems:
                console().print(f"{row.name}: {problem}", soft_wrap=True)
        console().print(f"{len(rows) - len(wrong)} of {len(rows)} certificates are good")
    if wrong:
        leave(Exit.SOMETHING_TO_SEE)


@certs.command()
@env_argument
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Renew those that are not due as well.")
@state_option
def renew(env: str, names: tuple[str, ...], everything: bool, state_root: Path | None) -> None:
    """Issue certificates of ENV anew, with new keys: those that are due, or NAME.

    Those of the site wait for the next deploy, which puts them in use and proves them. Those of modalities are handed
    over with `certs bundle`; where the vendor keeps the key, the certificate alone is new.
    """
    from orthancgen.certs.clients import renew_client
    from orthancgen.certs.generate import renewed
    from orthancgen.certs.wanted import wanted

    opened = _open(env, state_root)
    _require_authority(opened, env)
    site = {one.leaf.name: one for one in wanted(opened.plan)}
    clients = opened.own.clients()
    known = [*site, *clients]
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"no certificate {unknown[0]} was issued here", hint=f"there are: {', '.join(known) or 'none'}"
        )
    due = {row.name for row in _shown(opened) if row.problems}
    chosen = [name for name in known if name in names or (not names and (everything or name in due))]
    for name in chosen:
        if name in site:
            with opened.own.locked():
                values = renewed(site[name], opened.plan, opened.own)
            for secret, value in values.items():
                opened.secrets.offer(secret, value)
            console().print(f"{name}: new certificate; now run: orthancgen deploy {env}", soft_wrap=True)
        else:
            renew_client(opened.plan, opened.own, name)
            console().print(
                f"{name}: new certificate; now run: orthancgen certs bundle {env} {name} -o FOLDER", soft_wrap=True
            )
    if not chosen:
        console().print("no certificate is due for renewal")


@certs.command()
@env_argument
@click.argument("modality")
@click.option(
    "--csr",
    "request",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Request of the vendor, who keeps the key.",
)
@state_option
def issue(env: str, modality: str, request: Path | None, state_root: Path | None) -> None:
    """Issue the certificate of MODALITY. Of a request, nothing but the public key is taken."""
    from orthancgen.certs.clients import issue_client
    from orthancgen.certs.issue import fingerprint

    opened = _open(env, state_root)
    content = _read_request(request) if request else None
    certificate = issue_client(opened.plan, opened.own, modality, content)
    console().print(
        f"{modality}: issued until {certificate.not_valid_after_utc:%Y-%m-%d}, SHA-256 {fingerprint(certificate)}",
        soft_wrap=True,
    )
    console().print(f"now run: orthancgen certs bundle {env} {modality} -o FOLDER", soft_wrap=True)


def _read_request(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_REQUEST + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > _LARGEST_REQUEST:
        raise InputError(f"{path} is too large for a certificate request")
    return content


@certs.command()
@env_argument
@click.argument("modality")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    required=True,
    help="Folder to write, new or empty.",
)
@click.option("--pkcs12", "with_pkcs12", is_flag=True, help="One PKCS #12 file under a password instead of PEM files.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the password goes, instead of to the terminal.",
)
@state_option
def bundle(
    env: str, modality: str, output: Path, with_pkcs12: bool, password_file: Path | None, state_root: Path | None
) -> None:
    """Write what the vendor of MODALITY gets: certificate, key, authority, and how to connect and test.

    A certificate is issued where there is none that holds. The files hold a private key, unless the vendor keeps it.
    """
    from orthancgen.certs.bundle import bundle as make
    from orthancgen.certs.clients import current, issue_client

    if password_file is not None and not with_pkcs12:
        raise InputError("--password-file is for --pkcs12: PEM files have no password")
    opened = _open(env, state_root)
    text = current(opened.plan, opened.own, modality)
    if text is None:
        if (earlier := opened.own.client(modality)) is not None and "PRIVATE KEY" not in earlier:
            raise InputError(
                f"the certificate of {modality} does not hold any more, and its key is with the vendor",
                hint=f"orthancgen certs renew {env} {modality}, or issue it for a new request with --csr",
            )
        issue_client(opened.plan, opened.own, modality)
        text = opened.own.client(modality) or ""
    made = make(opened.plan, opened.own, modality, text, with_pkcs12=with_pkcs12)
    _write_bundle(output, made.files, made.password.reveal() if made.password else None, password_file)
    console().print(f"{output}: {', '.join(made.files)}", soft_wrap=True)
    if made.password and password_file:
        console().print(f"{password_file}: the password; send it by another way than the files", soft_wrap=True)
    elif made.password:
        console().print("password, shown this once; send it by another way than the files:", soft_wrap=True)
        click.echo(made.password.reveal())


def _write_bundle(
    folder: Path, files: dict[str, tuple[bytes, int]], password: str | None, password_file: Path | None
) -> None:
    """All of it or nothing: what was written is removed again where something cannot be."""
    from orthancgen.render.write import stage

    places = [(folder / name, content, mode) for name, (content, mode) in files.items()]
    if password is not None and password_file is not None:
        places.append((password_file, f"{password}\n".encode(), 0o600))
    for path, _, _ in places:
        if path.exists():
            raise InputError(f"{path} exists", hint="name a new folder, so that no old key is mixed with a new one")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, content, mode in places:
            stage(content, path, mode).replace(path)
            written.append(path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {error.filename or folder}: {error.strerror}",
            hint="name a folder that you may write, with -o",
        ) from None


@certs.command()
@env_argument
@click.argument("name")
@click.option("--reason", default="unspecified", help="Why, for the index.", show_default=True)
@state_option
def revoke(env: str, name: str, reason: str, state_root: Path | None) -> None:
    """Revoke every certificate of NAME.

    Orthanc reads no revocation list: it goes on accepting a revoked certificate until that expires. To lock out who
    has one, replace the authority (certs rotate-authority), and take the modality out of the model or its address.
    """
    import datetime

    opened = _open(env, state_root)
    _require_authority(opened, env)
    with opened.own.locked():
        marked = opened.own.revoke(name, reason, datetime.datetime.now(datetime.UTC))
    if not marked:
        names = ", ".join(dict.fromkeys(row.name for row in opened.own.index() if not row.revoked)) or "none"
        raise InputError(f"no certificate of {name} that holds was issued", hint=f"there are: {names}")
    for row in marked:
        console().print(f"{row.name}: serial {row.serial} is revoked", soft_wrap=True)
    if name.startswith("site."):
        console().print(f"now run: orthancgen deploy {env}, which issues another one", soft_wrap=True)
    else:
        console().print(
            "Orthanc reads no revocation list and goes on accepting it. To lock its holder out now: "
            f"orthancgen certs rotate-authority {env}",
            soft_wrap=True,
        )


@certs.command()
@env_argument
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option(
    "--authority", type=click.Choice(["dicom", "https"]), default="dicom", show_default=True, help="Which one."
)
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    metavar="DAYS",
    default=30,
    show_default=True,
    help="Until the next list is due.",
)
@click.option("--der", is_flag=True, help="DER instead of PEM.")
@state_option
def crl(env: str, output: Path, authority: Any, days: int, der: bool, state_root: Path | None) -> None:
    """Write the revocation list of an authority, for programs that read one. Orthanc reads none."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from orthancgen.certs.revocation import revocation_list
    from orthancgen.render.write import stage

    made = revocation_list(_open(env, state_root).own, authority, days)
    try:
        stage(made.public_bytes(Encoding.DER if der else Encoding.PEM), output, 0o644).replace(output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from None
    console().print(f"{output}: {len(made)} revoked, next list until {made.next_update_utc:%Y-%m-%d}", soft_wrap=True)


@certs.command()
@env_argument
@click.option(
    "--authority", type=click.Choice(["dicom", "https"]), default="dicom", show_default=True, help="Which one."
)
@state_option
def ca(env: str, authority: Any, state_root: Path | None) -> None:
    """Print the certificate of an authority, for modalities (dicom) or browsers (https) to trust."""
    from orthancgen.certs.issue import certificate_pem

    opened = _open(env, state_root)
    found = opened.own.trusted(authority)
    if not found:
        raise DeployError(
            f"{opened.plan.site.environment} has no {authority} authority", hint=f"orthancgen deploy {env} makes it"
        )
    click.echo("".join(map(certificate_pem, found)), nl=False)


@certs.command("rotate-authority")
@env_argument
@click.option(
    "--authority", type=click.Choice(["dicom", "https"]), default="dicom", show_default=True, help="Which one."
)
@click.option("--finish", is_flag=True, help="Second step: the old authority is trusted no more.")
@state_option
def rotate_authority(env: str, authority: Any, finish: bool, state_root: Path | None) -> None:
    """Replace an authority in two steps, each of which ends with a deploy.

    First, a new authority is made, both are trusted, and modalities get certificates of the new one (certs bundle).
    Then, with --finish, servers get certificates of the new one, and the old one is trusted no more.
    """
    import datetime

    opened = _open(env, state_root)
    if opened.own.read(authority) is None:
        raise DeployError(
            f"{opened.plan.site.environment} has no {authority} authority", hint=f"orthancgen deploy {env} makes it"
        )
    following = opened.own.read(authority, following=True)
    if finish:
        if following is None:
            raise InputError("no new authority was made yet", hint=f"orthancgen certs rotate-authority {env}")
        with opened.own.locked():
            opened.own.finish_rotation(authority)
        console().print(f"the old {authority} authority is gone; now run: orthancgen deploy {env}", soft_wrap=True)
        return
    with opened.own.locked():
        opened.own.begin_rotation(authority, datetime.datetime.now(datetime.UTC))
    console().print("a new authority is made" if following is None else "the new authority is made already")
    console().print(f"now run: orthancgen deploy {env}, which trusts both", soft_wrap=True)
    if authority == "dicom":
        console().print(
            f"then hand each modality a new certificate: orthancgen certs bundle {env} MODALITY -o FOLDER",
            soft_wrap=True,
        )
    console().print(
        f"at last: orthancgen certs rotate-authority {env} --authority {authority} --finish", soft_wrap=True
    )
