"""What must hold for `analysis:`, beyond the type of each value."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Final

from orthancgen.site.checks import Violation
from orthancgen.site.model import Site

SHIPPED: Final = ("image_quality",)
"""Providers that the service of analysis has without a model of the site."""
SERVICE_MEGABYTES: Final = 256
"""Memory of the service itself, beside the study that it fetched and the process that decodes it."""


def providers(site: Site) -> tuple[str, ...]:
    """The names of everything that can analyse a study of the site."""
    return (*SHIPPED, *site.analysis.models) if site.analysis.enabled else ()


def analysis_has_what_it_needs(site: Site) -> Iterator[Violation]:
    """Jobs and results are the backend's, images come by DICOMweb; what is said of it has an effect."""
    said = site.analysis
    if not said.enabled:
        for key, value in (("on_arrival", said.on_arrival), ("store_sr", said.store_sr), ("models", said.models)):
            if value:
                yield Violation(
                    ("analysis", key), "analysis is off: this has no effect", "analysis: {enabled: true}", "warning"
                )
        return
    if not site.backend.enabled:
        yield Violation(
            ("analysis", "enabled"), "the backend keeps the jobs and results of analysis", "backend: {enabled: true}"
        )
    if "dicomweb" not in site.orthanc.plugins:
        yield Violation(
            ("analysis", "enabled"), "the analysis fetches images by DICOMweb", "orthanc: {plugins: [dicomweb]}"
        )


def providers_are_known(site: Site) -> Iterator[Violation]:
    """Who analyses what arrives is a provider that is there; each model has a name and a folder of its own."""
    if not site.analysis.enabled:
        return
    known = providers(site)
    for index, name in enumerate(site.analysis.on_arrival):
        path = ("analysis", "on_arrival", index)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "add its card under analysis.models"
            yield Violation(path, f"{name} is none of: {', '.join(known)}", hint)
        elif name in site.analysis.on_arrival[:index]:
            yield Violation(path, f"{name} stands earlier in the list", "name each provider once", "warning")
    cards: dict[str, str] = {}
    for name, card in site.analysis.models.items():
        path = ("analysis", "models", name)
        if name in SHIPPED:
            yield Violation(path, f"{name} is a provider that is shipped", "name the model otherwise", at="key")
        if card in cards:
            yield Violation(path, f"this is the card of {cards[card]} already", "give each model a card of its own")
        if PurePosixPath(card).parent == PurePosixPath("/"):
            yield Violation(path, "the card lies in the root folder", "give card and model a folder of their own")
        cards[card] = name


def container_holds_the_analyses(site: Site) -> Iterator[Violation]:
    """The container has room for as many analyses as are done at a time: the study lies in its memory, too."""
    said = site.analysis
    if not said.enabled or site.runtime == "native":
        return
    needed = said.workers * (said.memory_megabytes + said.study_megabytes) + SERVICE_MEGABYTES
    if site.containers.limits.analysis.memory_megabytes < needed:
        yield Violation(
            ("containers", "limits", "analysis", "memory_megabytes"),
            f"{said.workers} analyses at a time may need {needed} megabytes"
            if said.workers > 1
            else f"an analysis may need {needed} megabytes",
            f"write {needed}, or lower analysis.memory_megabytes, study_megabytes or workers",
        )


ANALYSIS_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    analysis_has_what_it_needs,
    providers_are_known,
    container_holds_the_analyses,
)
