"""Windows Defender Firewall, by PowerShell or by netsh.

https://learn.microsoft.com/powershell/module/netsecurity/new-netfirewallrule and
https://learn.microsoft.com/windows-server/administration/windows-commands/netsh-advfirewall

Whatever else lets callers in on the host is switched off while these rules are in force, for Windows brings many rules
of its own, and programs add theirs: without that, nothing would be denied by default. Undoing brings them back. Windows
sees no packets on their way to a container of an engine on Linux: what goes there cannot be said.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import RenderError
from orthancgen.firewall.dialect import Dialect, RuleFile, Unexpressed
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template

SCRIPTS: Final = ("apply.ps1", "undo.ps1", "apply.cmd", "undo.cmd")


@dataclass(frozen=True, slots=True)
class Line:
    """A filter as the scripts write it: everything is text.

    Attributes:
        label: of the filter.
        protocol: `TCP` or `UDP`.
        port: of this host.
        source: a network, or a range of addresses where it is every address.
    """

    label: str
    protocol: str
    port: str
    source: str


def _line(label: str, protocol: str, port: int, source: str) -> Line:
    if not label.strip():
        raise RenderError("a rule of Windows has a name")
    # A mask of no bits is invalid to Windows: [MS-FASP] section 2.2.4, dwSubNetMask.
    network = ipaddress.ip_network(source)
    written = source if network.prefixlen else f"{network[0]}-{network[-1]}"
    return Line(label, protocol.upper(), str(port), written)


def _script(name: str) -> Callable[[Plan, Policy], str]:
    """The builder of a script, with Windows' ends of lines, and all ASCII, so that no code page matters."""

    def build(plan: Plan, policy: Policy) -> str:
        del plan
        text = render_template(
            f"firewall/windows/{name}",
            environment=policy.environment,
            filters=[_line(one.label, one.protocol, one.port, one.source) for one in policy.of_hook("input")],
        )
        if not text.isascii():
            raise RenderError(f"{name} is not all ASCII")
        return text.replace("\n", "\r\n")

    return build


def _unexpressed(plan: Plan, policy: Policy) -> Iterator[Unexpressed]:
    del plan
    for one in policy.of_hook("forward"):
        yield Unexpressed(
            f"{one.label} ({one.reason}), {one.source} to port {one.port}",
            "Windows sees no packets on their way to a container of an engine on Linux",
            "use a firewall of Linux on that host; with Docker Desktop, write callers_arrive: by_docker_desktop",
        )


WINDOWS: Final = Dialect(
    "windows",
    "Windows Defender Firewall",
    "host",
    tuple(RuleFile(name, _script(name)) for name in SCRIPTS),
    _unexpressed,
)
