"""The archive: instances and their metadata by DICOMweb (PS3.18 section 10.4), each bounded in bytes and time."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from typing import TYPE_CHECKING, Any

import httpx
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from .errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .config import Config

#: As it is stored, whatever its transfer syntax.
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
METADATA_BYTES = 16 * 1024**2
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)


class TooLargeError(Exception):
    """The archive's answer is larger than it may be."""


class Archive:
    """Orthanc's DICOMweb, with the service's own account."""

    def __init__(self, config: Config, transport: httpx.AsyncBaseTransport | None = None) -> None:
        auth = None if config.username is None else httpx.BasicAuth(config.username, config.password or "")
        verify: bool | ssl.SSLContext = True
        if config.ca_file is not None:
            verify = ssl.create_default_context(cafile=config.ca_file)
        self._url = config.url
        # A redirect could lead the password elsewhere; proxies of the environment are not for images.
        self._client = httpx.AsyncClient(
            auth=auth,
            verify=verify,
            timeout=httpx.Timeout(30.0, connect=5.0),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()

    async def instance(self, study: str, series: str, instance: str, target: Path, limit: int) -> tuple[str, int]:
        """Writes an instance's file. Returns its SHA-256 and its size.

        Raises:
            ArchiveError: where the archive does not give it.
            TooLargeError: where it is larger than `limit` bytes.
        """
        digest = hashlib.sha256()
        size = 0
        parts = 0
        ended = False
        url = f"{self._url}/studies/{study}/series/{series}/instances/{instance}"
        try:
            async with self._client.stream(
                "GET", url, headers={"accept": DICOM, "accept-encoding": "identity"}
            ) as answer:
                boundary = self._check(answer, "an instance")
                with target.open("wb") as file:

                    def on_part_begin() -> None:
                        nonlocal parts
                        parts += 1

                    def on_part_data(data: bytes, start: int, end: int) -> None:
                        nonlocal size
                        size += end - start
                        if size > limit:
                            raise TooLargeError
                        if parts == 1:
                            digest.update(data[start:end])
                            file.write(data[start:end])

                    def on_end() -> None:
                        nonlocal ended
                        ended = True

                    callbacks: Mapping[str, Any] = {
                        "on_part_begin": on_part_begin,
                        "on_part_data": on_part_data,
                        "on_end": on_end,
                    }
                    parser = MultipartParser(boundary, callbacks)
                    async for chunk in answer.aiter_bytes():
                        parser.write(chunk)
        except httpx.HTTPError as error:
            raise ArchiveError(f"the archive did not give an instance ({type(error).__name__})") from error
        except MultipartParseError as error:
            raise ArchiveError("the archive's answer is not multipart as PS3.18 wants it") from error
        if parts != 1 or not ended:
            raise ArchiveError("the archive's answer ended early, or held not one instance")
        return digest.hexdigest(), size

    async def metadata(self, study: str, series: str, instance: str) -> dict[str, Any]:
        """An instance's attributes as DICOM JSON (PS3.18 annex F).

        Raises:
            ArchiveError: where the archive does not give them.
        """
        url = f"{self._url}/studies/{study}/series/{series}/instances/{instance}/metadata"
        content = bytearray()
        try:
            async with self._client.stream("GET", url, headers={"accept": "application/dicom+json"}) as answer:
                self._check(answer, "the metadata of an instance", multipart=False)
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > METADATA_BYTES:
                        raise ArchiveError(f"the metadata of an instance are larger than {METADATA_BYTES} bytes")
        except httpx.HTTPError as error:
            raise ArchiveError(f"the archive did not give metadata ({type(error).__name__})") from error
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ArchiveError("the archive's metadata are not JSON") from error
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
            raise ArchiveError("the archive's metadata are not those of one instance")
        return dict(found[0])

    @staticmethod
    def _check(answer: httpx.Response, what: str, *, multipart: bool = True) -> str:
        if answer.status_code in (401, 403):
            raise ArchiveError(f"the archive refused {what} ({answer.status_code}): check dicomweb.username")
        if answer.status_code == 404:
            raise ArchiveError(f"the archive has not {what} any more (404)")
        if answer.status_code != 200:
            raise ArchiveError(f"the archive answered {answer.status_code} to {what}")
        if not multipart:
            return ""
        found = _BOUNDARY.search(answer.headers.get("content-type", ""))
        if found is None or not answer.headers["content-type"].lower().startswith("multipart/related"):
            raise ArchiveError("the archive's answer is not multipart/related")
        return found.group(1)
