"""``orthancgen send``: store files and folders by C-STORE."""

from __future__ import annotations

import ssl
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import DeployError, Exit, InputError

if TYPE_CHECKING:
    from orthancgen.dicom.peer import Peer
    from orthancgen.dicom.send import SendResult
    from orthancgen.plan.model import Plan
    from orthancgen.verify.callers import Caller

_PEM = click.Path(path_type=Path, exists=True, dir_okay=False)
_SHOWN_FAILURES = 20


@click.command()
@env_argument
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--as",
    "modality",
    metavar="MODALITY",
    help="Modality to send as.  [default: who may store and can be played from this host]",
)
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Address of Orthanc.")
@click.option(
    "--cert",
    "certificate",
    type=_PEM,
    help="With DICOM TLS: the certificate to show, PEM.  [default: that of verify, on its host]",
)
@click.option("--key", type=_PEM, help="With DICOM TLS: its private key, PEM.")
@click.option("--ca", "trusted", type=_PEM, help="With DICOM TLS: the authority of Orthanc's certificate, PEM.")
@click.option(
    "--associations",
    type=click.IntRange(1, 32),
    metavar="N",
    default=4,
    show_default=True,
    help="Associations at the same time.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 100),
    metavar="N",
    default=5,
    show_default=True,
    help="Breaks in a row before it gives up.",
)
@state_option
@json_option
def send(
    env: str,
    files: tuple[Path, ...],
    modality: str | None,
    host: str,
    certificate: Path | None,
    key: Path | None,
    trusted: Path | None,
    associations: int,
    retries: int,
    state_root: Path | None,
    as_json: bool,
) -> None:
    """Store FILES and folders to the Orthanc of ENV, each as it lies, without transcoding.

    Goes on after a broken association with what was not confirmed. Exit 1 where a file was not stored.
    """
    from orthancgen.dicom.peer import Peer
    from orthancgen.dicom.send import send_files

    _, plan = load_plan(env)
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise InputError(f"no such file or folder: {', '.join(missing)}")
    caller = _caller(plan, modality)
    tls = None
    if plan.site.dicom.tls.enabled:
        tls = _given(certificate, key, trusted) or _own(plan, state_root)
    try:
        peer = Peer(
            host, plan.site.dicom.port, plan.site.orthanc.aet, caller.aet, tls=tls, source_address=caller.source_address
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    if as_json or not console(err=True).is_terminal:
        result = send_files(files, peer, associations=associations, retries=retries)
    else:
        result = _with_bar(files, peer, associations, retries)
    if as_json:
        print_json(_document(result))
    else:
        _summary(result)
    if result.interrupted:
        raise click.Abort
    if not result.ok:
        leave(Exit.SOMETHING_TO_SEE)


def _caller(plan: Plan, modality: str | None) -> Caller:
    """Who sends: the named modality, from its own address where this host has it, or the first that may store."""
    from orthancgen.verify.callers import Caller, callers, can_bind, playable, stranger_aet

    if modality is not None:
        known = plan.site.modalities
        if modality not in known:
            hint = f"there are: {', '.join(known)}" if known else "the environment registers none"
            raise InputError(f"no modality {modality}", hint=hint)
        one = known[modality]
        return Caller(one.aet, frozenset(one.may), one.address if can_bind(one.address) else None)
    may_store = [caller for caller in playable(callers(plan.site), can_bind) if "store" in caller.may]
    return may_store[0] if may_store else Caller(stranger_aet(plan.site), frozenset())


def _given(certificate: Path | None, key: Path | None, trusted: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None and trusted is None:
        return None
    try:
        context = ssl.create_default_context(cafile=trusted)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or "unreadable"
        raise InputError(f"the certificate, key or authorities cannot be used: {reason}") from None
    return context


def _own(plan: Plan, state_root: Path | None) -> ssl.SSLContext:
    from orthancgen.runtimes.access import stored_access
    from orthancgen.runtimes.state import state_of
    from orthancgen.verify.tls import client_context

    try:
        access = stored_access(plan, state_of(plan.site.environment, state_root))
        return client_context(plan.site, access.secrets)
    except (DeployError, ssl.SSLError):
        raise InputError(
            "this environment takes DICOM by TLS only, and there is no certificate to show",
            hint="--cert and --key of a modality, and --ca for the authority of Orthanc's certificate",
        ) from None


def _with_bar(files: tuple[Path, ...], peer: Peer, associations: int, retries: int) -> SendResult:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from orthancgen.dicom.send import Progress as Sent
    from orthancgen.dicom.send import send_files

    columns = (
        TextColumn("{task.fields[done]}/{task.fields[instances]}"), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("send", total=None, done=0, instances="?")

        def show(sent: Sent) -> None:
            bar.update(
                task, total=sent.bytes_total, completed=sent.bytes_sent, done=sent.done, instances=sent.instances
            )

        return send_files(files, peer, associations=associations, retries=retries, progress=show)


def _summary(result: SendResult) -> None:
    out = console()
    megabytes = result.bytes_sent / 1e6
    out.print(
        f"{result.sent} of {result.instances} instances stored, {megabytes:.1f} MB in {result.seconds:.1f} s "
        f"({result.instances_per_second:.0f} instances/s)",
        style="green" if result.ok else "red",
        soft_wrap=True,
    )
    if result.breaks:
        out.print(f"{result.breaks} broken associations were taken up again", soft_wrap=True)
    for why, count in result.skip_counts():
        out.print(f"{count} left out: {why}", style="yellow", soft_wrap=True)
    for report in result.warnings[:_SHOWN_FAILURES]:
        out.print(f"warning  {report.path}: {report.text}", style="yellow", soft_wrap=True)
    for why, count in result.failure_counts():
        out.print(f"{count} failed: {why}", style="red", soft_wrap=True)
    for report in result.failed[:_SHOWN_FAILURES]:
        out.print(f"  {report.path}", soft_wrap=True)
    if len(result.failed) > _SHOWN_FAILURES:
        out.print(f"  and {len(result.failed) - _SHOWN_FAILURES} more; --json lists them all")


def _document(result: SendResult) -> dict[str, object]:
    document = asdict(result)
    for kind in ("warnings", "failed", "skipped"):
        document[kind] = [
            {key: None if value is None else str(value) for key, value in row.items()} for row in document[kind]
        ]
    return {**document, "ok": result.ok, "instances_per_second": round(result.instances_per_second, 1)}
