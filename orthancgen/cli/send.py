"""``orthancgen send``: store files and folders by C-STORE."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.errors import Exit, InputError

if TYPE_CHECKING:
    from orthancgen.dicom.send import SendResult
    from orthancgen.plan.model import Plan

_SHOWN_FAILURES = 20


@click.command()
@env_argument
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--calling-aet", help="AE title of the sender.  [default: ORTHANCGEN, or the first modality that may store]")
@click.option("--host", help="Address of Orthanc.  [default: 127.0.0.1]")
@click.option("--associations", type=click.IntRange(1, 32), default=4, show_default=True, help="Associations at the same time.")
@click.option("--retries", type=click.IntRange(0, 100), default=5, show_default=True, help="Breaks in a row before it gives up.")
@json_option
def send(
    env: str, files: tuple[Path, ...], calling_aet: str | None, host: str | None, associations: int, retries: int, as_json: bool
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
    try:
        peer = Peer(host or "127.0.0.1", plan.site.dicom.port, plan.site.orthanc.aet, calling_aet or _sender(plan))
    except ValueError as error:
        raise InputError(str(error)) from None
    if plan.site.dicom.tls.enabled:
        raise InputError("this environment takes DICOM by TLS only, and send has no client certificate to show")
    err = console(err=True)
    if as_json or not err.is_terminal:
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


def _sender(plan: Plan) -> str:
    if plan.site.dicom.ae_checks.calling_aet == "anyone":
        return "ORTHANCGEN"
    return next((m.aet for m in plan.site.modalities.values() if "store" in m.may), "ORTHANCGEN")


def _with_bar(files: tuple[Path, ...], peer: object, associations: int, retries: int) -> SendResult:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from orthancgen.dicom.peer import Peer
    from orthancgen.dicom.send import Progress as Sent
    from orthancgen.dicom.send import send_files

    assert isinstance(peer, Peer)  # noqa: S101
    columns = (
        TextColumn("{task.fields[done]}/{task.fields[instances]}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("send", total=None, done=0, instances="?")

        def show(sent: Sent) -> None:
            bar.update(task, total=sent.bytes_total, completed=sent.bytes_sent, done=sent.done, instances=sent.instances)

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
        document[kind] = [{key: None if value is None else str(value) for key, value in row.items()} for row in document[kind]]
    return {**document, "ok": result.ok, "instances_per_second": round(result.instances_per_second, 1)}
