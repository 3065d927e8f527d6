"""Where images of Orthanc keep what a compose file must name: facts, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orthancgen.site.model import Images


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """One publisher's image.

    Attributes:
        program: Orthanc itself. It is started directly: the entrypoint of orthancteam's image merges configuration from
            elsewhere, substitutes variables in it, and fills gaps with defaults of its own.
        plugins: folder of the plugins' libraries.
        uid, gid: as whom it runs. orthancteam's image brings this user; the others run as any number.
        storage: folder of the images and the index, which the image declares as its volume.
        source: where this was read.
    """

    program: str
    plugins: str
    uid: int
    gid: int
    storage: str
    source: str


IMAGE_LAYOUTS: Final[dict[str, ImageLayout]] = {
    "orthancteam": ImageLayout(
        "/usr/local/bin/Orthanc", "/usr/share/orthanc/plugins-available", 999, 999, "/var/lib/orthanc/db",
        "https://github.com/orthanc-server/orthanc-builder/blob/master/docker/orthanc/Dockerfile",
    ),
    "jodogne": ImageLayout(
        "/usr/local/sbin/Orthanc", "/usr/local/share/orthanc/plugins", 999, 999, "/var/lib/orthanc/db",
        "https://github.com/jodogne/OrthancDocker/blob/master/orthanc/download-orthanc.sh, "
        "orthanc-plugins/download-plugins.sh, orthanc-plugins/Dockerfile",
    ),
    # `dpkg -L orthanc orthanc-dicomweb orthanc-postgresql`; stack/images/orthanc is such an image
    "debian": ImageLayout(
        "/usr/sbin/Orthanc", "/usr/share/orthanc/plugins", 999, 999, "/var/lib/orthanc/db",
        "https://packages.debian.org/trixie/amd64/orthanc/filelist",
    ),
}  # fmt: skip


def image_layout(images: Images) -> ImageLayout:
    """The layout of the site's image of Orthanc: the one that is named, or the one that goes with the image's name."""
    if images.layout != "auto":
        return IMAGE_LAYOUTS[images.layout]
    name = (images.orthanc or "").partition("@")[0]
    if "orthancteam/orthanc" in name:
        return IMAGE_LAYOUTS["orthancteam"]
    return IMAGE_LAYOUTS["jodogne" if "jodogne/" in name else "debian"]
