"""A secret that the next commit takes along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import secret_files
from orthancgen.audit.references import owasp_docker, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every file with a secret in a checkout that git neither tracks nor ignores."""
    for one in secret_files(subject):
        if one.tracked is False and one.ignored is False:
            yield Hit("it holds a secret, and git does not ignore it: the next `git add` takes it along", file=one.file)


RULE: Final = Rule(
    id="secret-not-ignored",
    severity=Severity.HIGH,
    confidence="certain",
    title="Git does not ignore a file with a secret",
    why="One `git add .` by anybody, and the secret is in every clone for ever.",
    remedy="Name the folder of the secrets in .gitignore, and have commits looked through (`orthancgen secrets scan`).",
    references=(owasp_docker("12"), page("gitignore", "https://git-scm.com/docs/gitignore")),
    find=find,
)
