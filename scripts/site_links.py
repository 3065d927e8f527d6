"""A hook of the documentation site: links from a page to a file of the repository, which the site does not have.

They work where the repository is read; on the site, the file is named instead. MkDocs calls it (`hooks` in mkdocs.yml).
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_OUTWARDS: Final = re.compile(r"\[([^\]]+)\]\(\.\./([^)#\s]+)(?:#[^)\s]*)?\)")
_LOG: Final = logging.getLogger("mkdocs.hooks")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Text of a page with such links replaced; a warning, which ends the build, where there is no such file."""
    return _OUTWARDS.sub(_named, markdown)


def _named(link: re.Match[str]) -> str:
    text, path = link.groups()
    if not (ROOT / path).exists():
        _LOG.warning("there is no %s in the repository", path)
    return text if path in text else f"{text} (`{path}` of the repository)"
