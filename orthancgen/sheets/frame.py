"""What every page has around its sections: title, stamp, running line; sections that have nothing to say fall away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orthancgen.sheets.catalogue import Catalogue, Inline
from orthancgen.sheets.connection import SiteFacts
from orthancgen.sheets.document import Block, Document, Layout, Section
from orthancgen.sheets.sheet import Message

Part = tuple[str, Message, Sequence[Block]]
"""A section to be: its id, its heading, what stands in it."""

_LONGEST: Final = 60
"""Characters of a name in the running line of printed pages; the whole name stands on the first."""


def sections_of(parts: Sequence[Part], words: Catalogue) -> tuple[Section, ...]:
    """The sections that have something to say."""
    return tuple(Section(name, words.text(heading), tuple(blocks)) for name, heading, blocks in parts if blocks)


def document(
    site: SiteFacts,
    words: Catalogue,
    title: Message,
    *,
    sections: tuple[Section, ...],
    lead: tuple[Inline, ...] = (),
    qr: str | None = None,
    layout: Layout = "sheet",
) -> Document:
    """A page of a site with these sections."""
    stamp = _stamp(site, words)
    page = words.text(Message("Page {page} of {pages}"))
    before, _, rest = page.partition("{page}")
    between, _, after = rest.partition("{pages}")
    heading = words.text(title)
    return Document(
        language=words.language,
        layout=layout,
        site=site.name,
        title=heading,
        lead=lead,
        stamp=tuple((words.text(label), value) for label, value in stamp),
        running=_running(site, heading, words),
        page_of=(before, between, after),
        qr=qr,
        qr_says=words.text(Message("QR code of these settings, without passwords")),
        qr_caption=words.text(Message("These settings, without passwords")),
        sections=sections,
        left_out=words.pieces(Message("More tests stand on the sheets.")),
    )


def _stamp(site: SiteFacts, words: Catalogue) -> tuple[tuple[Message, str], ...]:
    issue = site.issue
    release = words.text(Message("none yet")) if issue.release is None else str(issue.release)
    return (
        (Message("Environment"), site.environment),
        (Message("Release"), release),
        (Message("As of"), words.date(issue.date)),
        (Message("Server"), f"Orthanc {issue.version}"),
        (Message("Fingerprint"), issue.fingerprint),
    )


def _running(site: SiteFacts, heading: str, words: Catalogue) -> str:
    issue = site.issue
    parts = [_short(site.name), _short(heading)]
    if issue.release is not None:
        parts.append(words.text(Message("Release {number}", {"number": str(issue.release)})))
    return " · ".join((*parts, words.date(issue.date), f"Orthanc {issue.version}", issue.fingerprint))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
