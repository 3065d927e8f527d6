"""What the checks of one run share: connections, the callers that can be played, and the test image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import httpx

from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.synthetic import SyntheticInstance
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.site.model import Site
from orthancgen.verify.callers import Caller, callers, can_bind, playable, wrong_address
from orthancgen.verify.tls import client_context

PATIENCE_SECONDS: Final = 15.0
"""How long a record, or its end, is waited for."""
_POLL_SECONDS: Final = 0.1
_DICOM_TIMEOUTS: Final = Timeouts(connect=5, association=10, command=20)
_HTTP_SECONDS: Final = 10.0


@dataclass(slots=True)
class Sample:
    """The test image of a run, and how far it came.

    Attributes:
        instance: the image itself.
        sent_by: who stored it by C-STORE; None before, and where it came by HTTP.
        orthanc_id: Orthanc's identifier of the instance once it was found there.
        recorded: whether the backend had a record of it.
        pokes_before: how many pokes the backend had counted before the image was stored.
    """

    instance: SyntheticInstance
    sent_by: Caller | None = None
    orthanc_id: str | None = None
    recorded: bool = False
    pokes_before: float | None = None


@dataclass
class Context:
    """One run. The HTTP clients are closed by whoever made it (`open_context`)."""

    plan: Plan
    access: Access
    instances: tuple[SyntheticInstance, ...]
    """Images of one test patient: the first is the sample, the others are for further stores."""
    orthanc: httpx.Client
    """Orthanc, logged in as its administrator."""
    orthanc_anonymous: httpx.Client
    """Orthanc, without a login."""
    backend: httpx.Client
    """The backend, with the operator's credential."""
    backend_anonymous: httpx.Client
    """The backend, without a credential."""
    viewer: httpx.Client
    """The viewer; it keeps the cookies that it is given, as a browser does."""
    viewer_anonymous: httpx.Client
    """The viewer, where nobody logs in."""
    sample: Sample = field(init=False)

    def __post_init__(self) -> None:
        self.sample = Sample(self.instances[0])

    @property
    def site(self) -> Site:
        """What the owner wants."""
        return self.plan.site

    @property
    def dicom_host(self) -> str:
        """Where the DICOM port is reached."""
        return self.access.dicom_host

    @cached_property
    def callers(self) -> tuple[Caller, ...]:
        """Those of the model's callers that can be played from this host."""
        return playable(callers(self.site), self.can_call_from)

    def can_call_from(self, address: str) -> bool:
        """Whether Orthanc can be made to see a call come from an address.

        Containers see every call of this host come from one address, whichever it is bound to.
        """
        seen = self.access.seen_as
        return can_bind(address) if seen is None else address == seen

    def wrong_source(self, own: str) -> tuple[bool, str | None]:
        """Whether a call can come from an address that is not `own`, and the one to bind it to, or None for any."""
        seen = self.access.seen_as
        if seen is not None:
            return own != seen, None
        source = wrong_address(own, can_bind)
        return source is not None, source

    @property
    def unplayable(self) -> str:
        """Why no caller of the model can be played from here."""
        if not self.site.modalities:
            return "only registered modalities may call, and none is registered"
        return "the modalities may call from their own addresses only, and none of these is an address of this host"

    @cached_property
    def tls(self) -> Any:
        """The TLS context for DICOM (with a certificate of our own where there is one), or None for plain TCP."""
        return client_context(self.site, self.access.secrets) if self.site.dicom.tls.enabled else None

    def peer(
        self,
        calling_aet: str,
        source_address: str | None = None,
        called_aet: str | None = None,
        dicom_host: str | None = None,
    ) -> Peer:
        """Orthanc as a DICOM peer, called by that AE title; `dicom_host` is another way to it."""
        return Peer(
            dicom_host or self.dicom_host,
            self.site.dicom.port,
            called_aet or self.site.orthanc.aet,
            calling_aet,
            tls=self.tls,
            source_address=source_address if self.access.seen_as is None else None,
            timeouts=_DICOM_TIMEOUTS,
        )

    def peer_of(self, caller: Caller) -> Peer:
        """Orthanc as a DICOM peer, called by that caller."""
        return self.peer(caller.aet, caller.source_address)

    def records(self, sop_instance_uid: str) -> list[dict[str, Any]]:
        """The backend's records of an instance.

        Raises:
            httpx.HTTPError: the backend does not answer, or not with 200.
        """
        answer = self.backend.get("/api/instances", params={"sop_instance_uid": sop_instance_uid}).raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def patient_record(self, patient_id: str) -> list[dict[str, Any]]:
        """The backend's record of a patient by PatientID: one, or none.

        Raises:
            httpx.HTTPError: the backend does not answer, or neither with 200 nor 404.
        """
        answer = self.backend.get(f"/api/patients/{patient_id}")
        return [] if answer.status_code == httpx.codes.NOT_FOUND else [answer.raise_for_status().json()]

    def lookup(self, sop_instance_uid: str) -> list[str]:
        """Orthanc's identifiers of an instance.

        Raises:
            httpx.HTTPError: Orthanc does not answer, or not with 200.
        """
        found = self.orthanc.post("/tools/lookup", content=sop_instance_uid).raise_for_status().json()
        return [item["ID"] for item in found if item["Type"] == "Instance"]


@contextmanager
def open_context(plan: Plan, access: Access, instances: tuple[SyntheticInstance, ...]) -> Iterator[Context]:
    """A context with its HTTP clients, closed at the end of the block."""
    headers: Mapping[str, str] = access.backend_headers if plan.site.backend.enabled else {}
    with (
        _client(access.orthanc_url, verify=access.http_verify, auth=access.orthanc_login) as orthanc,
        _client(access.orthanc_url, verify=access.http_verify) as orthanc_anonymous,
        _client(access.backend_url, verify=access.http_verify, headers=headers) as backend,
        _client(access.backend_url, verify=access.http_verify) as backend_anonymous,
        _client(access.viewer_url, verify=access.http_verify) as viewer,
        _client(access.viewer_url, verify=access.http_verify) as viewer_anonymous,
    ):
        yield Context(
            plan, access, instances, orthanc, orthanc_anonymous, backend, backend_anonymous, viewer, viewer_anonymous
        )


def _client(base_url: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=base_url, timeout=_HTTP_SECONDS, trust_env=False, **options)


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether `condition()` became true in time; it is asked at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
