"""How the rules of each firewall are loaded, and how to see whether they are there: a row a dialect.

Names of tables, chains, groups and files are those that the dialects of `orthancgen.firewall` write.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.dialect import SCRIPT
from orthancgen.firewall.policy import Filter, Policy
from orthancgen.firewall.terraform import name_of
from orthancgen.firewall.wireguard import SERVER_FILE

Language = Literal["sh", "powershell"]
Look = Callable[[Policy, tuple[Filter, ...]], tuple[str, ...]]
BUNDLE: Final = "bundle"
VPN_FOLDER: Final = "vpn"
REVERT_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one dialect.

    Attributes:
        load: what puts the rules in force.
        look: for a policy, or some filters of it, what shows the rules that are in force.
        language: of both.
    """

    load: Callable[[Policy, bool], tuple[str, ...]]
    look: Look
    language: Language = "sh"


def _of_host(name: str) -> Callable[[Policy, bool], tuple[str, ...]]:
    def load(policy: Policy, several: bool) -> tuple[str, ...]:
        which = f" --dialect {name}" if several else ""
        return (
            f"sudo orthancgen firewall apply {policy.environment}{which} --revert-after {REVERT_SECONDS}",
            f"sudo orthancgen firewall confirm {policy.environment}{which}",
        )

    return load


def _terraform(name: str, *variables: str) -> Callable[[Policy, bool], tuple[str, ...]]:
    def load(policy: Policy, several: bool) -> tuple[str, ...]:
        del several
        folder = f"-chdir={BUNDLE}/firewall/{name}"
        given = " ".join(f"-var {variable}={variable.upper()}" for variable in variables)
        return (
            f"orthancgen render {policy.environment} -o {BUNDLE}",
            f"terraform {folder} init",
            f"terraform {folder} apply {given}",
        )

    return load


def _windows(policy: Policy, several: bool) -> tuple[str, ...]:
    del several
    script = rf"{BUNDLE}\firewall\windows\apply.ps1"
    run = f"powershell -ExecutionPolicy Bypass -File {script}"
    return (
        f"orthancgen render {policy.environment} -o {BUNDLE}",
        f"{run} -RevertAfterSeconds {REVERT_SECONDS}",
        f"{run} -Confirm",
    )


def _wireguard(policy: Policy, several: bool) -> tuple[str, ...]:
    del several
    return (
        f"sudo orthancgen firewall vpn {policy.environment} -o {VPN_FOLDER}",
        f"sudo wg-quick up ./{VPN_FOLDER}/{SERVER_FILE}",
    )


def _nftables(policy: Policy, filters: tuple[Filter, ...]) -> tuple[str, ...]:
    chains = {"input": "input", "forward": "published"}
    del policy
    return tuple(f"sudo nft list chain inet orthancgen {chains[hook]}" for hook in _hooks(filters))


def _iptables(policy: Policy, filters: tuple[Filter, ...]) -> tuple[str, ...]:
    del policy
    inputs = tuple(f"sudo {program} -S ORTHANCGEN-IN" for program in _programs(filters, "input"))
    return (*inputs, *_published(filters))


def _ufw(policy: Policy, filters: tuple[Filter, ...]) -> tuple[str, ...]:
    del policy
    return (*(("sudo ufw status verbose",) if "input" in _hooks(filters) else ()), *_published(filters))


def _firewalld(policy: Policy, filters: tuple[Filter, ...]) -> tuple[str, ...]:
    del policy
    inputs = ("sudo firewall-cmd --info-policy=orthancgen",) if "input" in _hooks(filters) else ()
    families = sorted({one.family for one in filters if one.hook == "forward"})
    direct = (f"sudo firewall-cmd --direct --get-rules ipv{family} mangle ORTHANCGEN-PUB" for family in families)
    return (*inputs, *direct)


def _published(filters: tuple[Filter, ...]) -> tuple[str, ...]:
    return tuple(f"sudo {program} -t mangle -S ORTHANCGEN-PUB" for program in _programs(filters, "forward"))


def _programs(filters: tuple[Filter, ...], hook: str) -> tuple[str, ...]:
    families = {one.family for one in filters if one.hook == hook}
    return tuple(program for family, program in ((4, "iptables"), (6, "ip6tables")) if family in families)


def _hooks(filters: tuple[Filter, ...]) -> tuple[Literal["input", "forward"], ...]:
    found = {one.hook for one in filters}
    hooks: tuple[Literal["input", "forward"], ...] = ("input", "forward")
    return tuple(hook for hook in hooks if hook in found)


def _said(*commands: str) -> Look:
    """Commands that are the same for every filter; ``{name}`` and ``{environment}`` are the policy's."""

    def look(policy: Policy, filters: tuple[Filter, ...]) -> tuple[str, ...]:
        del filters
        values = {"{name}": name_of(policy), "{environment}": policy.environment}
        return tuple(_filled(command, values) for command in commands)

    return look


def _filled(command: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        command = command.replace(key, shlex.quote(value))
    return command


COMMANDS: Final[Mapping[str, Commands]] = {
    "nftables": Commands(_of_host("nftables"), _nftables),
    "iptables": Commands(_of_host("iptables"), _iptables),
    "ufw": Commands(_of_host("ufw"), _ufw),
    "firewalld": Commands(_of_host("firewalld"), _firewalld),
    "windows": Commands(
        _windows,
        _said(
            "Get-NetFirewallRule -Group orthancgen | Format-Table DisplayName, Enabled, Direction, Action",
            "Get-NetFirewallRule -Group orthancgen | Get-NetFirewallPortFilter | Format-Table Protocol, LocalPort",
            "Get-NetFirewallRule -Group orthancgen | Get-NetFirewallAddressFilter | Format-Table RemoteAddress",
        ),
        "powershell",
    ),
    "aws": Commands(
        _terraform("aws", "vpc_id"),
        _said("aws ec2 describe-security-groups --filters Name=tag:orthancgen,Values={environment}"),
    ),
    "google_cloud": Commands(
        _terraform("google_cloud", "project", "network"),
        _said("gcloud compute firewall-rules list --filter=targetTags:{name}"),
    ),
    "azure": Commands(
        _terraform("azure", "resource_group_name", "location"),
        _said("az network nsg rule list --nsg-name {name} --resource-group RESOURCE_GROUP_NAME --output table"),
    ),
    "wireguard": Commands(_wireguard, _said(f"sudo wg show {SERVER_FILE.removesuffix('.conf')}")),
}
"""Name of a dialect in `network.firewall` -> its commands. wg(8), nft(8), iptables(8), ufw(8), firewall-cmd(1);
https://learn.microsoft.com/powershell/module/netsecurity/get-netfirewallrule;
https://docs.aws.amazon.com/cli/latest/reference/ec2/describe-security-groups.html;
https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/list;
https://learn.microsoft.com/cli/azure/network/nsg/rule#az-network-nsg-rule-list"""


def loadable(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that `orthancgen firewall apply` loads on a host of Linux."""
    return tuple(name for name in names if any(file.path == SCRIPT for file in DIALECTS[name].files))
