"""`webhook:`, `backend:`, `viewer:`, `analysis:`, `reports:` what follows an image that arrived."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.types import (
    AbsolutePath,
    DatabaseName,
    HttpUrl,
    IPAddress,
    Items,
    PlainText,
    Port,
    ProviderName,
    SecretRef,
    Section,
    reference,
)


class Webhook(Section):
    """The poke by which Orthanc wakes the backend. A lost one delays a record, it never loses it."""

    enabled: bool = True
    """Whether Orthanc wakes the backend; without it, the backend asks every `poll_seconds`."""
    url: HttpUrl | None = None
    """Receiver; without it, the backend of this environment."""
    timeout_seconds: int = Field(default=2, ge=1, le=5)
    """How long Orthanc waits for the answer: its REST API stands still meanwhile, so this is short."""
    at_most_every_seconds: int = Field(default=1, ge=0, le=60)
    """Pokes closer together than this are one."""
    token: SecretRef = reference("webhook_token")
    """Bearer token by which Orthanc calls the receiver."""


class Delivery(Section):
    """How the backend follows Orthanc."""

    poll_seconds: int = Field(default=5, ge=1, le=3600)
    """How often Orthanc's changes are asked for when no poke came."""
    reconcile_minutes: int = Field(default=15, ge=1, le=1440)
    """How often the whole inventory is compared."""
    batch_size: int = Field(default=500, ge=1, le=5000)
    """Most changes that are worked on at once."""
    settle_milliseconds: int = Field(default=300, ge=0, le=10_000)
    """Pause between two batches, which leaves Orthanc to the modalities."""


class Database(Section):
    """The MongoDB-compatible database of the backend."""

    port: Port = 27017
    """Of the database; natively on loopback alone."""
    name: DatabaseName = "orthancgen"
    password: SecretRef = reference("database_password")
    """Password of the backend's own account on the database."""
    root_password: SecretRef = reference("database_root_password")
    """Password of the database's administrator (in containers); the backend never gets it."""


class Backend(Section):
    """The Node.js backend, which keeps a searchable record of each instance."""

    enabled: bool = True
    """Whether the backend and its database run."""
    port: Port = 8001
    """Of the backend, by HTTP."""
    listen_on: IPAddress = "127.0.0.1"
    """Address on which it is reachable: 127.0.0.1 for this host alone."""
    delivery: Delivery = Delivery()
    database: Database = Database()
    orthanc_password: SecretRef = reference("backend_orthanc_password")
    """Password of the backend's own account on Orthanc."""
    operator_token: SecretRef = reference("operator_token")
    """Bearer token by which administrators and `orthancgen verify` call the backend."""


class Viewer(Section):
    """The web application for doctors."""

    enabled: bool = False
    """Whether the viewer runs."""
    port: Port = 5173
    """Of the viewer, by HTTP."""
    listen_on: IPAddress = "127.0.0.1"
    """Address on which it is reachable: 127.0.0.1 for this host alone."""
    title: PlainText | None = None
    """Name of the site in its pages; without it, that of Orthanc."""
    idle_minutes: int = Field(default=30, ge=1, le=1440)
    """After so long without a request a login ends."""
    longest_hours: int = Field(default=12, ge=1, le=168)
    """After so long a login ends in any case."""
    orthanc_password: SecretRef = reference("viewer_orthanc_password")
    """Password of the viewer's own account on Orthanc, which may read and no more."""


class Analysis(Section):
    """Programs that look at each study. Their results are measurements, not diagnoses."""

    enabled: bool = False
    """Whether the service of analysis runs."""
    port: Port = 8010
    """Of the service of analysis, natively on loopback alone."""
    """Port of the service, on the loopback of this host; in containers it is not published."""
    on_arrival: Items[ProviderName] = ()
    """Providers that analyse each study that arrives: `image_quality`, or a model's name; the others do so by hand."""
    quiet_seconds: int = Field(default=60, ge=1, le=86_400)
    """How long nothing more must have come of a study until it is analysed by itself."""
    store_sr: bool = False
    """Results are stored in the study, as DICOM structured reports."""
    models: dict[ProviderName, AbsolutePath] = Field(default_factory=dict)
    """The site's own ONNX models: the name, which is the `id` of its card -> the card's file, beside the model's."""
    seconds: int = Field(default=300, ge=1, le=86_400)
    """How long one analysis may take."""
    memory_megabytes: int = Field(default=3072, ge=256, le=65_536)
    """Most memory of the process that decodes images; an image that needs more is not examined."""
    study_megabytes: int = Field(default=1024, ge=16, le=65_536)
    """Most that is fetched of one study; in containers it lies in memory."""
    workers: int = Field(default=1, ge=1, le=32)
    """Analyses at a time."""
    token: SecretRef = reference("analysis_token")
    """Bearer token by which the backend calls the service."""
    orthanc_password: SecretRef = reference("analysis_orthanc_password")
    """Password of the service's own account on Orthanc, which reads images and no more."""


class Reports(Section):
    """Reports that are written in the viewer."""

    store_to_orthanc: bool = False
    """Signed reports are stored in the study, as Encapsulated PDF."""
    language: Literal["en", "de", "fr"] = "en"
    """Language of the forms: English, German or French."""
    institution: PlainText | None = None
    """Name of the institution, at the head of each report."""
