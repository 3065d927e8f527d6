"""What must hold of what watches the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.types import is_loopback

_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104


def dashboard_has_metrics(site: Site) -> Iterator[Violation]:
    """A dashboard shows what Prometheus collects."""
    said = site.observability
    if said.grafana and not said.prometheus:
        yield Violation(
            ("observability", "grafana"), "the dashboard shows what Prometheus collects, and that is off",
            "observability: {prometheus: true}",
        )  # fmt: skip
    if said.scraped_from and not said.prometheus:
        yield Violation(
            ("observability", "scraped_from"), "Prometheus is off: nobody comes from there",
            "observability: {prometheus: true}", "warning",
        )  # fmt: skip


def prometheus_reaches_the_services(site: Site) -> Iterator[Violation]:
    """Where Prometheus is on another host, the services are reached from there, by a name or address that is known."""
    said = site.observability
    if not (said.prometheus and said.scraped_from):
        return
    listeners = [("http", site.http.listen_on)]
    if site.backend.enabled:
        listeners.append(("backend", site.backend.listen_on))
    for section, address in listeners:
        if is_loopback(address):
            yield Violation(
                ("observability", "scraped_from"),
                f"Prometheus of another host does not reach {address}, where {section}.listen_on has it",
                f"{section}: {{listen_on: ...}}, an address of the network; or without scraped_from, Prometheus here",
            )
    if not site.certificates.names and all(address in _EVERY_ADDRESS for _, address in listeners):
        yield Violation(
            ("observability", "scraped_from"), "by which name or address Prometheus finds this host is not said",
            "certificates: {names: [pacs.hospital.example]}",
        )  # fmt: skip


def metrics_are_offered(site: Site) -> Iterator[Violation]:
    """Orthanc's metrics are not switched off where they are asked for."""
    if site.observability.prometheus and site.orthanc.settings.get("MetricsEnabled") is False:
        yield Violation(
            ("orthanc", "settings", "MetricsEnabled"), "Prometheus asks for the metrics that this switches off",
            "leave the key out", at="key",
        )  # fmt: skip


def ports_are_free(site: Site) -> Iterator[Violation]:
    """The node exporter has a port of its own."""
    said = site.observability
    own = {site.dicom.port: "dicom.port", site.http.port: "http.port", site.backend.port: "backend.port"}
    if said.prometheus and said.node_exporter_port in own:
        yield Violation(
            ("observability", "node_exporter_port"),
            f"port {said.node_exporter_port} is {own[said.node_exporter_port]} already",
        )


OBSERVABILITY_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    dashboard_has_metrics,
    prometheus_reaches_the_services,
    metrics_are_offered,
    ports_are_free,
)
