"""The files of each CI service, and of pre-commit: a table, and how a file is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from orthancgen import __version__
from orthancgen.ci.environments import plain_names
from orthancgen.render.engine import render_template
from orthancgen.site.model import Kind


@dataclass(frozen=True, slots=True)
class Kit:
    """What runs the checks.

    Attributes:
        file: its configuration, relative to the repository's top.
        template: of that file, in `templates/ci/`.
    """

    file: str
    template: str


KITS: Final = {
    "github": Kit(".github/workflows/orthancgen.yml", "ci/github.yml"),
    "gitlab": Kit(".gitlab-ci.yml", "ci/gitlab.yml"),
}
"""Name of a CI service, as in `init --ci` -> its file."""
HOOKS: Final = Kit(".pre-commit-config.yaml", "ci/pre-commit.yaml")


FailOn = Literal["high", "critical"]


def fail_on(kind: Kind | None) -> FailOn:
    """From which severity on a finding of the audit fails the check of an environment.

    In development what is open is open on purpose, such as stores of anybody; None stands for one that is invalid.
    """
    return "critical" if kind == "development" else "high"


def build(kit: Kit, environments: Mapping[str, FailOn], bundles: Sequence[str]) -> str:
    """The text of a file.

    Args:
        kit: which one.
        environments: names of all environments, and what fails their audit.
        bundles: those whose bundle is committed in `bundles/NAME`.

    Raises:
        InputError: a name cannot stand in it.
    """
    return render_template(
        kit.template,
        environments=_words(list(environments)),
        audits=list(zip(_words(list(environments)), map(Markup, environments.values()), strict=True)),
        bundles=_words(bundles),
        version=Markup(__version__),  # noqa: S704  our own
    )


def _words(names: Sequence[str]) -> list[Markup]:
    return [Markup(name) for name in plain_names(list(names))]  # noqa: S704  checked: letters, digits, - and _
