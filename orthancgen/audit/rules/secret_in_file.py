"""A secret in a file that is not there for secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import documents, facts_of, in_text, in_tree, is_for_secrets, is_literal
from orthancgen.audit.references import cis_docker, orthanc_book, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Document, LuaCall, LuaScript
from orthancgen.site.problems import Mark, format_path, printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every literal in a configuration of Orthanc that git tracks or that is one file with the rest, and in scripts."""
    for document in documents(subject):
        yield from _document(subject, document)
    for script in subject.target.scripts:
        yield from _script(script)
    others = {one.file for one in subject.target.firewalls}
    for file in sorted(others):
        for line, what in in_text(subject.target.raw.get(file, "")):
            yield Hit(f"{what} stands in the rules of a firewall", Mark(file, line, 1, 1))


def _document(subject: Subject, document: Document) -> Iterator[Hit]:
    if document.tree is None or is_for_secrets(document.file, document.tree):
        return  # judged by where it lies and who may read it: other rules'
    facts = facts_of(subject, document.file)
    tracked, ignored = (facts.tracked, facts.ignored) if facts is not None else (None, None)
    if tracked is False or (ignored and not tracked):
        return
    for path in sorted(in_tree(document.tree.plain()), key=str):
        node, _ = document.tree.find(path)
        shown = printable(format_path(path))
        message = f"the secret {shown} stands among the other settings"
        if tracked:
            yield Hit(f"{message}, and git keeps this file for ever", node.key_mark or node.mark, path)
        else:
            yield Hit(
                f"{message}: who gets one gets the other", node.key_mark or node.mark, path, severity=Severity.MEDIUM
            )


def _script(script: LuaScript) -> Iterator[Hit]:
    for call in script.calls:
        if call.function == "SetHttpCredentials" and _has_password(call):
            yield Hit("a script has a password written out in it (SetHttpCredentials)", call.mark)
    for line, what in in_text(script.text):
        yield Hit(f"a script has {what} written out in it", Mark(script.file, line, 1, 1))


def _has_password(call: LuaCall) -> bool:
    return len(call.arguments) > 1 and is_literal(call.arguments[1])


RULE: Final = Rule(
    id="secret-in-file",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A secret stands in a file that is not there for secrets",
    why="Configurations are copied, mailed, shown and kept in git; whoever ever had a copy has the password, also "
    "after it was taken out.",
    remedy="Make another secret, and put it into a file of its own that Orthanc reads beside the first (mode 0600, not "
    "in git); take the old one out of the history as well.",
    references=(orthanc_book("faq/security"), cis_docker("4.10"), owasp_docker("12")),
    find=find,
)
