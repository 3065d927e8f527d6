"""Examples of a first use, shown below the help of each verb and in its manual page: what is typed, and what for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "init": (
        ("orthancgen init mysite", "a folder of your own with environments/"),
        ("orthancgen init --ci github", "checks for CI, beside environments that are there"),
    ),
    "validate": (
        ("orthancgen validate", "every environment of this folder"),
        ("orthancgen validate prod --format github", "annotations in a workflow"),
    ),
    "import": (
        ("orthancgen import /etc/orthanc --name mysite --dry-run", "show it first"),
        ("orthancgen import compose.yaml --service orthanc", "one Orthanc of a compose file"),
    ),
    "modalities": (
        ("orthancgen modalities add prod ct2 --aet CT2 --address 192.168.10.30 --may echo,store", "add a device"),
        ("orthancgen modalities check prod", "do they answer?"),
    ),
    "upgrade": (("orthancgen upgrade prod --to 1.13.0", "what breaks, changes, is new; and the steps"),),
    "schema": (("orthancgen schema > schema.json", "for an editor"),),
    "render": (
        ("orthancgen render prod -o bundle", "for review"),
        ("orthancgen render prod -o bundle --check", "in CI: exit 1 where it differs"),
    ),
    "audit": (
        ("orthancgen audit prod --fail-on medium", "an environment"),
        ("orthancgen audit orthanc.json compose.yaml", "anybody's set-up"),
        ("orthancgen audit --explain no-backup", "what a rule says"),
    ),
    "access": (
        ("orthancgen access prod --caller ct1", "what may this device do, and why?"),
        ("orthancgen access prod --format html -o access.html", "a page for reviewers"),
    ),
    "firewall": (
        ("orthancgen firewall show prod", "who reaches which port"),
        ("orthancgen firewall apply prod --revert-after 120", "load the rules; back by itself, unless confirmed"),
        ("orthancgen firewall confirm prod", "keep them"),
    ),
    "sheet": (
        ("orthancgen sheet prod", "all of them, with an index, into sheets-prod/"),
        ("orthancgen sheet prod --modality ct1 --format md -o -", "one, to read here"),
    ),
    "deploy": (
        ("orthancgen deploy dev", "start what changed, wait for health, verify"),
        ('orthancgen deploy prod --reason "new CT"', "told by `history`"),
    ),
    "plan": (("orthancgen plan prod", "exit 1 where a deploy would change something"),),
    "verify": (
        ("orthancgen verify prod", "every proof, on the site's host"),
        ("orthancgen verify prod --format junit -o proofs.xml", "for CI"),
        ("orthancgen verify prod --from ct1 --host pacs.example", "from another machine, as ct1"),
        ("orthancgen verify prod --install-timer", "by the clock"),
    ),
    "status": (("orthancgen status prod --json", "for a program"),),
    "logs": (("orthancgen logs prod orthanc --follow", "of one service, as it is written"),),
    "rollback": (("orthancgen rollback prod", "to the last good release before this one"),),
    "history": (("orthancgen history prod", "who deployed what, when, why"),),
    "lock": (("orthancgen lock prod --break", "after a run that was cut off"),),
    "send": (("orthancgen send dev ~/images", "every DICOM file of a folder, by C-STORE"),),
    "doctor": (
        ("orthancgen doctor prod", "what is wrong, and what mends it"),
        ("orthancgen doctor prod --modality ct1", "one device"),
        ("orthancgen doctor prod --from ct1 -o look.sh", "a script for the device's own host"),
    ),
    "monitoring": (("orthancgen monitoring prod -o /etc/prometheus/prod --owner prometheus", "on its host"),),
    "backup": (
        ("orthancgen backup prod", "now"),
        ("orthancgen backup prod --install-timer", "by the clock"),
    ),
    "restore": (("orthancgen restore prod", "the newest backup, into an empty environment"),),
    "secrets": (
        ("orthancgen secrets show dev orthanc_password", "to log in"),
        ("orthancgen secrets rotate prod orthanc_password", "a new value at the next deploy"),
        ("orthancgen secrets scan --staged", "before a commit"),
    ),
    "certs": (
        ("orthancgen certs check prod", "exit 1 where one is wrong, or ends soon"),
        ("orthancgen certs bundle prod ct1 -o ct1-files", "what the vendor of a device gets"),
    ),
    "pin": (("orthancgen pin prod", "write down the digests that a deploy obeys"),),
    "images": (("orthancgen images build prod", "our own images, on this engine"),),
    "inventory": (("orthancgen inventory prod -o hosts.yaml", "for ansible-playbook -i hosts.yaml"),),
    "apps": (("orthancgen apps --viewer -o apps.tar.gz", "for hosts that reach no registry of npm"),),
}
"""Verb -> commands with what each is for; `down` and `completion` need none."""


def aligned(verb: str) -> list[str]:
    """The examples of a verb as lines, what they are for as comments in one column; too long a one has its own line."""
    pairs = EXAMPLES.get(verb, ())
    width = max((len(command) for command, _ in pairs if len(command) <= 60), default=0)
    return [f"{command:<{width}}  # {what}" for command, what in pairs]
