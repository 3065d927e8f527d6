"""The environment file as one validated, frozen value: a :class:`Site`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.backend import Analysis, Backend, Reports, Viewer, Webhook
from orthancgen.site.backup import Backup
from orthancgen.site.certificates import Certificates
from orthancgen.site.containers import Containers
from orthancgen.site.deployment import Deployment
from orthancgen.site.dicom import Dicom
from orthancgen.site.http import Http
from orthancgen.site.modalities import Modality
from orthancgen.site.network import Network
from orthancgen.site.observability import Observability
from orthancgen.site.orthanc import Orthanc
from orthancgen.site.scale import Scale
from orthancgen.site.secrets import SecretSource
from orthancgen.site.types import (
    DateText,
    EnvironmentName,
    ImageReference,
    Items,
    ModalityName,
    PlainText,
    RuleId,
    SecretName,
    Section,
    UserName,
)
from orthancgen.site.users import User
from orthancgen.site.verification import Verification

Kind = Literal["development", "staging", "production"]


class Images(Section):
    """Container images, each at a fixed version. Those of orthancgen itself need no name: they are built."""

    orthanc: ImageReference | None = None
    """Image of Orthanc, such as orthancteam/orthanc:26.8.1."""
    layout: Literal["auto", "orthancteam", "jodogne", "debian"] = "auto"
    """Where Orthanc's image keeps program and plugins; `auto`: by its name, `debian` if it is of neither publisher."""
    mongo: ImageReference | None = None
    """Image of the database, such as mongo:8.0.24."""
    postgres: ImageReference | None = None
    """Image of the index's database, such as postgres:17.6 (`scale: {index: postgresql}`)."""
    backend: ImageReference | None = None
    """Image of the backend; without it, orthancgen's own."""
    gateway: ImageReference | None = None
    """Image of the gateway, with haproxy; without it, orthancgen's own."""
    backup: ImageReference | None = None
    """Image of the programs that save and restore; without it, orthancgen's own."""
    viewer: ImageReference | None = None
    """Image of the viewer; without it, orthancgen's own."""
    analysis: ImageReference | None = None
    """Image of the service of analysis; without it, orthancgen's own."""


class Contact(Section):
    """Whom to call; printed on the workstation sheets."""

    name: PlainText
    """Person or team."""
    phone: PlainText | None = None
    """As it is dialled."""
    email: PlainText | None = None
    """Address for mail."""


class Waiver(Section):
    """An audit finding that the site accepts."""

    rule: RuleId
    """Id of the rule, as a finding names it in brackets."""
    reason: PlainText
    """Why it is accepted."""
    owner: PlainText
    """Who answers for it."""
    until: DateText
    """Last day on which the waiver holds, as "2027-06-30"."""


class Site(Section):
    """What one environment of a site wants: everything that orthancgen does follows from it."""

    environment: EnvironmentName
    """Name of the environment: dev, staging, prod."""
    kind: Kind
    """development, staging or production; production refuses what a production site must not have."""
    description: PlainText | None = None
    """A line for people."""
    contact: Contact | None = None
    orthanc: Orthanc
    dicom: Dicom = Dicom()
    modalities: dict[ModalityName, Modality] = Field(default_factory=dict)
    """The DICOM peers, by name."""
    http: Http = Http()
    users: dict[UserName, User] = Field(default_factory=dict)
    """Who may log in, by name."""
    webhook: Webhook = Webhook()
    backend: Backend = Backend()
    viewer: Viewer = Viewer()
    analysis: Analysis = Analysis()
    reports: Reports = Reports()
    network: Network = Network()
    runtime: Literal["native", "compose", "swarm", "kubernetes"] = "native"
    """native: programs of this host; compose: containers; swarm, kubernetes: containers of several hosts."""
    scale: Scale = Scale()
    images: Images = Images()
    containers: Containers = Containers()
    deployment: Deployment = Deployment()
    verification: Verification = Verification()
    backup: Backup = Backup()
    observability: Observability = Observability()
    certificates: Certificates = Certificates()
    secrets: dict[SecretName, SecretSource] = Field(default_factory=dict)
    """Where the values of secrets come from, by name; one that is not listed is generated."""
    waivers: Items[Waiver] = ()
    """Audit findings that the site accepts."""
