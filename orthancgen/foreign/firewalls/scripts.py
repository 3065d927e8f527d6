"""Shell scripts that make firewall rules: calls of iptables, ipset, nft, ufw, firewall-cmd and of the clouds' tools."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from orthancgen.foreign.firewalls import iptables, nftables
from orthancgen.foreign.firewalls.addresses import source
from orthancgen.foreign.firewalls.aws import AwsCalls
from orthancgen.foreign.firewalls.azure import AzCalls
from orthancgen.foreign.firewalls.firewall_cmd import FirewallCmd
from orthancgen.foreign.firewalls.google_cloud import GcloudCalls
from orthancgen.foreign.firewalls.iptables_rules import Tables
from orthancgen.foreign.firewalls.nft_script import Script
from orthancgen.foreign.firewalls.shell import Command, commands
from orthancgen.foreign.firewalls.ufw import Ufw
from orthancgen.foreign.model import FirewallFile
from orthancgen.foreign.places import Places

_MENTION: Final = re.compile(
    r"\b(?:ip6?tables|ufw[ \t]|firewall-(?:offline-)?cmd|nft[ \t]|firewall-rules[ \t]+create|nsg[ \t]+rule[ \t]+create"
    r"|authorize-security-group-ingress)"
)
_PROGRAM: Final = re.compile(r"(ip6?tables)(?:-legacy|-nft)?")
_MOST_HEREDOCS: Final = 20
_NFT_OPTIONS: Final = re.compile(r"-[acejnsy]+|--[a-z-]+")


def recognises(text: str, _file: str) -> bool:
    """Whether a program that makes firewall rules is mentioned; whether it is called is seen when it is read."""
    return _MENTION.search(text) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a script: one result for each firewall that it makes rules for."""
    return tuple(_Reader(text, file).read())


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._places = Places(text, file)
        self._sets: dict[str, list[str]] = {}
        self._tables = {"iptables": Tables(4, self._sets), "ip6tables": Tables(6, self._sets)}
        self._nft = Script(self._places.mark)
        self._ufw = Ufw()
        self._firewalld = FirewallCmd()
        self._clouds = (AwsCalls(), GcloudCalls(), AzCalls())
        self._given: list[FirewallFile] = []
        self._heredocs = 0

    def read(self) -> Iterator[FirewallFile]:
        for command in commands(self.text):
            self._command(command)
        for name, tables in self._tables.items():
            if tables.decides:
                yield iptables.evaluated(tables, iptables.KINDS[6 if name == "ip6tables" else 4], self.file, self.text)
        yield from nftables.evaluated(self._nft, self.file, self.text, self._places.mark)
        for made in (self._ufw, self._firewalld, *self._clouds):
            if made.used:
                yield made.evaluated(self.file, self.text)
        yield from self._given

    def _command(self, command: Command) -> None:
        program, words = PurePosixPath(command.words[0]).name, command.words[1:]
        mark = self._places.mark(command.start, command.end)
        if found := _PROGRAM.fullmatch(program):
            self._tables[found[1]].apply(words, mark)
        elif program == "ipset":
            self._set(words)
        elif program == "nft":
            self._nft_call(words, command)
        elif program == "ufw":
            self._ufw.apply(words, mark)
        elif program in {"firewall-cmd", "firewall-offline-cmd"}:
            self._firewalld.apply(words, mark)
        else:
            for cloud in self._clouds:
                if program == cloud.program:
                    cloud.apply(words, mark)
        if command.heredoc is not None:
            self._heredoc(command.heredoc, command.heredoc_start)

    def _set(self, words: Sequence[str]) -> None:
        if len(words) > 2 and words[0] in {"add", "-A", "--add"}:
            self._sets.setdefault(words[1], []).append(source(words[2].partition(",")[0]))

    def _nft_call(self, words: Sequence[str], command: Command) -> None:
        while words and _NFT_OPTIONS.fullmatch(words[0]):
            words = words[1:]
        if words and not words[0].startswith("-"):
            quoted = (f'"{word}"' if " " in word and "{" not in word and '"' not in word else word for word in words)
            self._nft.run(" ".join(quoted), (command.start, command.end))

    def _heredoc(self, text: str, start: int) -> None:
        """A text that a command is given: rules for iptables-restore or nft, or a file that it writes."""
        self._heredocs += 1
        if self._heredocs > _MOST_HEREDOCS:
            return
        lines = "\n" * (self._places.mark(start, start).line - 1)
        for reader in (nftables, iptables):
            if reader.recognises(text, self.file):
                self._given += [replace(one, text=self.text) for one in reader.read(lines + text, self.file)]
                return
