"""Rules of firewalls in any of the forms in which they are kept, as far as they concern what TCP lets in.

Files are told by their content: a script that makes no rules, or any other text, is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Final

from orthancgen.foreign.firewalls import aws, azure, firewalld, google_cloud, iptables, nftables, scripts, ufw, windows
from orthancgen.foreign.firewalls.denied import BOTH
from orthancgen.foreign.firewalls.problems import too_long
from orthancgen.foreign.firewalls.terraform import Module
from orthancgen.foreign.model import FirewallFile, FirewallKind

MAXIMUM_CHARACTERS: Final = 4 * 2**20
_PROSE: Final = frozenset({".md", ".rst", ".adoc", ".html", ".htm", ".py", ".lua", ".tex", ".css"})
_SHELL: Final = re.compile(r"#![^\n]*\b(?:sh|bash|dash|ash|ksh|zsh)\b")
_RESOURCES: Final[Mapping[str, FirewallKind]] = {
    "aws_security_group": "aws", "aws_default_security_group": "aws", "aws_vpc_security_group": "aws",
    "google_compute_firewall": "google_cloud", "azurerm_network_security": "azure",
}  # fmt: skip

Read = Callable[[str, str], tuple[FirewallFile, ...]]


def parse_firewall(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a firewall's rules.

    Args:
        text: of the file.
        file: its name, for the places; it also tells IPv4 and IPv6 apart where the rules do not.

    Returns:
        One result for each firewall that the file is of: a script may call iptables and ip6tables. Nothing where it
        is no firewall's.
    """
    if PurePath(file).suffix.lower() in _PROSE:
        return ()
    for recognises, read, kind in _READERS:
        if not recognises(text, file):
            continue
        if len(text) > MAXIMUM_CHARACTERS:
            return (
                FirewallFile(file, kind, BOTH, False, False, False, (), text, (too_long(MAXIMUM_CHARACTERS, file),)),
            )
        found = read(text, file)
        if found:
            return found
    return ()


def _is_shell_script(text: str, file: str) -> bool:
    shell = PurePath(file).suffix.lower() in {".sh", ".bash"} or _SHELL.match(text) is not None
    return shell and scripts.recognises(text, file)


def _is_terraform(text: str, file: str) -> bool:
    name = PurePath(file).name.lower()
    return name.endswith((".tf", ".tf.json", ".hcl")) and any(kind in text for kind in _RESOURCES)


def _terraform(text: str, file: str) -> tuple[FirewallFile, ...]:
    module = Module(text, file)
    if module.tree is None:
        kind = next(kind for name, kind in _RESOURCES.items() if name in text)
        return (FirewallFile(file, kind, BOTH, False, False, False, (), text, tuple(module.problems)),)
    return tuple(one for cloud in (aws, google_cloud, azure) for one in cloud.of_terraform(module, file, text))


def _is_cloudformation(text: str, _file: str) -> bool:
    return aws.is_template(text)


def _is_resource_manager(text: str, _file: str) -> bool:
    return text.lstrip()[:1] in {"{", "/"} and azure.is_template(text)


_READERS: Final[tuple[tuple[Callable[[str, str], bool], Read, FirewallKind], ...]] = (
    (_is_terraform, _terraform, "aws"),
    (_is_cloudformation, aws.read_template, "aws"),
    (_is_resource_manager, azure.read_template, "azure"),
    (firewalld.recognises, firewalld.read, "firewalld"),
    (windows.recognises, windows.read, "windows"),
    (_is_shell_script, scripts.read, "iptables"),
    (ufw.recognises, ufw.read, "ufw"),
    (nftables.recognises, nftables.read, "nftables"),
    (iptables.recognises, iptables.read, "iptables"),
    (scripts.recognises, scripts.read, "iptables"),
)
"""In the order in which they are asked; the kind is what a file is called that is too long to be read."""
