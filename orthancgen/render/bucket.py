"""The bucket of the images (S3), and its login: Orthanc's section `AwsS3Storage`. Pure.

https://orthanc.uclouvain.be/book/plugins/object-storage.html. Orthanc takes no section from two files: with a login it
lies beside orthanc.json, as a whole.
"""

from __future__ import annotations

from typing import Any, Final

from orthancgen.site.model import Site
from orthancgen.site.types import SecretRef

SECTION: Final = "AwsS3Storage"


def section(site: Site) -> dict[str, Any]:
    """The section as the site writes it, without its login."""
    said = site.orthanc.settings.get(SECTION)
    return dict(said) if isinstance(said, dict) else {}


def login(site: Site) -> dict[str, SecretRef]:
    """Key of the section -> the secret that it is; nothing where the plugin takes another identity."""
    said = site.scale.bucket
    found = {"AccessKey": said.access_key, "SecretKey": said.secret_key}
    return {key: one for key, one in found.items() if one is not None} if site.scale.storage == "object_storage" else {}


def is_secret(site: Site, key: str) -> bool:
    """Whether a key of the settings lies beside orthanc.json, with a login in it."""
    return key == SECTION and bool(login(site))
