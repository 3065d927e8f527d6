"""Pictures of the documentation, taken of what the command writes by a real browser (`make screenshots`).

Usage: python -m scripts.screenshots [FOLDER]; without it, docs/images

The pages are those of the shipped production environment. A picture of the viewer is taken by its own tests, on real
servers (`ORTHANCGEN_PICTURES`, docs/viewer.md).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from tests.support.chromium import Page, browser

ROOT: Final = Path(__file__).resolve().parent.parent
WIDTH: Final = 1100
MAXIMUM_BYTES: Final = 200_000
_COLOURS: Final = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: its name, the command that writes its page, the page, and how much of it is shown, in pixels."""

    name: str
    command: tuple[str, ...]
    page: str
    height: int


PICTURES: Final = (
    Picture("sheet", ("sheet", "prod", "--modality", "ct1", "-o", "sheet.html"), "sheet.html", 900),
    Picture("access", ("access", "prod", "--format", "html", "-o", "access.html"), "access.html", 1000),
    Picture("audit", ("audit", "prod", "--format", "html", "-o", "audit.html"), "audit.html", 800),
)


def take(picture: Picture, page: Page, folder: Path) -> bytes:
    """Write the page into a folder with environments, and take its picture, as PNG."""
    command = [sys.executable, "-m", "orthancgen", *picture.command]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    page.open(folder / picture.page, width=WIDTH)
    return reduced(page.picture(), picture.height)


def reduced(png: bytes, height: int) -> bytes:
    """The top of a picture in few colours: pages are text on plain ground."""
    with Image.open(io.BytesIO(png)) as opened:
        top = opened.convert("RGB").crop((0, 0, opened.width, min(height, opened.height)))
    target = io.BytesIO()
    top.quantize(_COLOURS, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


def main() -> int:
    """Take them all."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "site"
        init = [sys.executable, "-m", "orthancgen", "init", str(folder)]
        subprocess.run(init, cwd=ROOT, check=True, capture_output=True)
        with browser(Path(temporary) / "profile") as page:
            for picture in PICTURES:
                content = take(picture, page, folder)
                (target / f"{picture.name}.png").write_bytes(content)
                print(f"{target / picture.name}.png: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
