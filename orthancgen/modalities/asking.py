"""Whether a modality answers: its name, its port, and C-ECHO, by Orthanc where it runs here, else by this host."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import httpx

from orthancgen.dicom.connect import connect_to, resolve
from orthancgen.dicom.outcome import Failure, Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.scu import echo
from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.site.modalities import Modality
from orthancgen.site.problems import printable
from orthancgen.verify.tls import client_context

_AT_ONCE: Final = 8
_ORTHANC_SECONDS: Final = 5.0
_TIMEOUTS: Final = Timeouts(connect=5.0, association=10.0, command=10.0)
_REMEDIES: Final[Mapping[Outcome, str]] = {
    Outcome.NAME_UNKNOWN: "write its address, or put its name into DNS",
    Outcome.CONNECTION_REFUSED: "see that its DICOM service runs, and on which port it listens",
    Outcome.CONNECTION_TIMEOUT: "see that it is switched on, that the address is right, and what its firewall lets in",
    Outcome.UNREACHABLE: "see to the route to its network",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one modality.

    Attributes:
        name: of the modality.
        aet, address, port: as registered.
        addresses: of its name; empty where it has none.
        tcp: connected, or why not; empty where there was no address to try.
        asked_by: who sent the C-ECHO: `orthanc`, `this host`, or `nobody` where there was no way to.
        echo: success, or what came of it.
        ok: the C-ECHO was answered with success.
        hint: what to do, or None.
    """

    name: str
    aet: str
    address: str
    port: int
    addresses: tuple[str, ...]
    tcp: str
    asked_by: Literal["orthanc", "this host", "nobody"]
    echo: str
    ok: bool
    hint: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"addresses": list(self.addresses)}


class Asker:
    """Asks modalities of a site.

    Args:
        plan: of the site.
        access: to the deployed site; None where it is not deployed on this host.
    """

    def __init__(self, plan: Plan, access: Access | None) -> None:
        self.plan = plan
        self._access = access
        self._client: httpx.Client | None = None
        self.registered: Mapping[str, Any] | None = None
        if access is not None:
            client = httpx.Client(
                base_url=access.orthanc_url, auth=access.orthanc_login, verify=access.http_verify, trust_env=False,
                timeout=_ORTHANC_SECONDS,
            )  # fmt: skip
            self.registered = _registered(client)
            if self.registered is None:
                client.close()
            else:
                self._client = client

    def __enter__(self) -> Asker:
        """Use it as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections to Orthanc."""
        if self._client is not None:
            self._client.close()

    def ask(self, modalities: Mapping[str, Modality]) -> Iterator[Answer]:
        """Ask each, several at the same time; the answers in their order."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(self._ask, modalities, modalities.values())

    def _ask(self, name: str, modality: Modality) -> Answer:
        addresses, tcp, hint = _reached(modality)
        asked_by, said, good, remedy = self._echo(name, modality)
        return Answer(
            name, modality.aet, modality.address, modality.port, addresses, tcp, asked_by, said, good,
            None if good else remedy or hint,
        )  # fmt: skip

    def _echo(
        self, name: str, modality: Modality
    ) -> tuple[Literal["orthanc", "this host", "nobody"], str, bool, str | None]:
        if self._client is not None and self.registered is not None:
            entry = self.registered.get(name)
            deploy = f"orthancgen deploy {self.plan.site.environment}"
            if entry is None:
                return "nobody", "Orthanc does not know it yet", False, deploy
            wanted: dict[str, object] = {"AET": modality.aet, "Host": modality.address, "Port": modality.port}
            if name in plain_modalities(self.plan.site):
                wanted = {"AET": modality.aet}  # Orthanc calls it by way of the gateway
            old = [printable(str(entry.get(key)), 60) for key, value in wanted.items() if entry.get(key) != value]
            if old:
                return "nobody", f"Orthanc knows it with {', '.join(old)} still", False, deploy
            return "orthanc", *_by_orthanc(self._client, name, modality)
        context = None
        if modality.tls:
            context = self._context()
            if context is None:
                return (
                    "nobody",
                    "it is called by TLS, and there is no certificate here to show",
                    False,
                    ("ask on the host where the environment is deployed"),
                )
        peer = Peer(
            modality.address, modality.port, modality.aet, self.plan.site.orthanc.aet, tls=context, timeouts=_TIMEOUTS
        )
        result = echo(peer)
        return "this host", _words(result.text), result.ok, _REMEDIES.get(result.outcome)

    def _context(self) -> ssl.SSLContext | None:
        if self._access is None or not self.plan.site.dicom.tls.enabled:
            return None
        try:
            return client_context(self.plan.site, self._access.secrets)
        except (ssl.SSLError, KeyError):
            return None


def _reached(modality: Modality) -> tuple[tuple[str, ...], str, str | None]:
    """Its addresses, whether one takes a connection, and what to do."""
    peer = Peer(modality.address, modality.port, modality.aet, "ORTHANCGEN", timeouts=_TIMEOUTS)
    found = resolve(peer)
    if isinstance(found, Failure):
        return (), _words(found.text), _REMEDIES.get(found.outcome)
    addresses = tuple(dict.fromkeys(str(address[0]) for _, address in found))
    failure: Failure | None = None
    for family, address in found:
        connected = connect_to(peer, family, address)
        if isinstance(connected, socket.socket):
            connected.close()
            return addresses, "connected", None
        failure = connected
    return addresses, _words(failure.text) if failure else "", _REMEDIES.get(failure.outcome) if failure else None


def _registered(client: httpx.Client) -> Mapping[str, Any] | None:
    """The modalities as the running Orthanc has them; None where it does not answer."""
    try:
        answer = client.get("/modalities?expand")
        entries = answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, ssl.SSLError, ValueError):
        return None
    if isinstance(entries, Mapping):
        return {name: entry for name, entry in entries.items() if isinstance(entry, Mapping)}
    return None


def _by_orthanc(client: httpx.Client, name: str, modality: Modality) -> tuple[str, bool, str | None]:
    """C-ECHO from Orthanc: https://orthanc.uclouvain.be/book/users/rest.html#performing-c-echo."""
    seconds = modality.timeout_seconds or int(_TIMEOUTS.command)
    try:
        # The time limit of an association, then that of its answer; Orthanc 1.10.1 has no shorter way.
        answer = client.post(f"/modalities/{name}/echo", json={"Timeout": seconds}, timeout=3 * seconds + 10)
    except httpx.TimeoutException:
        return f"Orthanc had no answer of it in {3 * seconds + 10} s", False, None
    except httpx.HTTPError as error:
        return f"Orthanc does not answer: {type(error).__name__}", False, "orthancgen status"
    if answer.status_code == httpx.codes.OK:
        return "success", True, None
    try:
        body = answer.json()
        said = body.get("Details") or body.get("Message") if isinstance(body, dict) else None
    except ValueError:
        said = None
    return f"Orthanc could not: {_words(str(said or f'HTTP {answer.status_code}'))}", False, None


def _words(text: str) -> str:
    return printable(text, 300)
