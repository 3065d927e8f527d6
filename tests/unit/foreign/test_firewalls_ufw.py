from __future__ import annotations

from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from tests.support.filters import facts, only, told

# What ufw 0.36.2 made of the calls of CALLS, as it wrote and printed it.
CALLS = dedent(
    """\
    ufw --force enable
    ufw default deny incoming
    ufw allow from 10.0.0.0/8 to any port 104 proto tcp comment 'DICOM "x"'
    ufw allow 22/tcp
    ufw allow 80,443/tcp
    ufw allow in on eth0 to any port 8042
    ufw allow WWW
    ufw limit ssh
    ufw deny from 10.1.2.3
    ufw insert 1 deny from 10.9.0.0/16 to any port 104 proto tcp
    ufw route allow proto tcp from 192.168.1.0/24 to any port 8042
    ufw allow from 2001:db8::/32 to any port 2762 proto tcp
    ufw allow 6000:6007/tcp
    ufw allow out 53
    ufw reject 27017
    ufw allow from 192.168.5.0/24
    ufw allow from any to 10.0.0.5 port 11112
    """
)
STATUS = dedent(
    """\
    Status: active
    Logging: on (low)
    Default: deny (incoming), allow (outgoing), deny (routed)
    New profiles: skip

    To                         Action      From
    --                         ------      ----
    104/tcp                    DENY IN     10.9.0.0/16
    104/tcp                    ALLOW IN    10.0.0.0/8                 # DICOM "x"
    22/tcp                     LIMIT IN    Anywhere
    80,443/tcp                 ALLOW IN    Anywhere
    8042 on eth0               ALLOW IN    Anywhere
    80/tcp (WWW)               ALLOW IN    Anywhere
    Anywhere                   DENY IN     10.1.2.3
    6000:6007/tcp              ALLOW IN    Anywhere
    27017                      REJECT IN   Anywhere
    Anywhere                   ALLOW IN    192.168.5.0/24
    10.0.0.5 11112             ALLOW IN    Anywhere
    22/tcp (v6)                LIMIT IN    Anywhere (v6)
    80,443/tcp (v6)            ALLOW IN    Anywhere (v6)
    8042 (v6) on eth0          ALLOW IN    Anywhere (v6)
    80/tcp (WWW (v6))          ALLOW IN    Anywhere (v6)
    2762/tcp                   ALLOW IN    2001:db8::/32
    6000:6007/tcp (v6)         ALLOW IN    Anywhere (v6)
    27017 (v6)                 REJECT IN   Anywhere (v6)

    53                         ALLOW OUT   Anywhere
    53 (v6)                    ALLOW OUT   Anywhere (v6)

    8042/tcp                   ALLOW FWD   192.168.1.0/24
    """
)
USER_RULES = dedent(
    """\
    *filter
    :ufw-user-input - [0:0]
    :ufw-user-output - [0:0]
    :ufw-user-forward - [0:0]
    :ufw-user-limit - [0:0]
    :ufw-user-limit-accept - [0:0]
    ### RULES ###

    ### tuple ### deny tcp 104 0.0.0.0/0 any 10.9.0.0/16 in
    -A ufw-user-input -p tcp --dport 104 -s 10.9.0.0/16 -j DROP

    ### tuple ### allow tcp 104 0.0.0.0/0 any 10.0.0.0/8 in comment=4449434f4d20227822
    -A ufw-user-input -p tcp --dport 104 -s 10.0.0.0/8 -j ACCEPT

    ### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
    -A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
    -A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update -j ufw-user-limit
    -A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept

    ### tuple ### allow any 8042 0.0.0.0/0 any 0.0.0.0/0 in_eth0
    -A ufw-user-input -i eth0 -p tcp --dport 8042 -j ACCEPT
    -A ufw-user-input -i eth0 -p udp --dport 8042 -j ACCEPT

    ### tuple ### deny any any 0.0.0.0/0 any 10.1.2.3 in
    -A ufw-user-input -s 10.1.2.3 -j DROP

    ### tuple ### route:allow tcp 8042 0.0.0.0/0 any 192.168.1.0/24 in
    -A ufw-user-forward -p tcp --dport 8042 -s 192.168.1.0/24 -j ACCEPT

    ### END RULES ###
    -A ufw-user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "
    -A ufw-user-limit -j REJECT
    -A ufw-user-limit-accept -j ACCEPT
    COMMIT
    """
)
BEFORE_RULES = dedent(
    """\
    *filter
    :ufw-before-input - [0:0]
    :ufw-before-forward - [0:0]
    :ufw-not-local - [0:0]
    -A ufw-before-input -i lo -j ACCEPT
    -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
    -A ufw-before-input -p icmp --icmp-type echo-request -j ACCEPT
    -A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT
    -A ufw-before-input -j ufw-not-local
    -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
    -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
    -A ufw-not-local -j DROP
    -A ufw-before-input -d 224.0.0.251 -p udp --dport 5353 -j ACCEPT
    COMMIT
    """
)


def test_calls() -> None:
    file = only(CALLS, "setup.sh")
    assert facts(file) == "ufw 4,6 drops answers"
    assert told(file.filters) == [
        'input 10.0.0.0/8 -> 104 "DICOM "x""',
        "input any -> 22",
        "input any -> 80,443",
        "input any -> 8042",
        "input any -> 80",
        "input any -> 22",
        "forward 192.168.1.0/24 -> 8042",
        "input 2001:db8::/32 -> 2762",
        "input any -> 6000-6007",
        "input 192.168.5.0/24 -> all",
        "input 0.0.0.0/0 -> 11112",
    ]


def test_status() -> None:
    file = only(STATUS.replace("\n", "   \n"), "status.txt")  # ufw fills the last column with blanks
    assert facts(file) == "ufw 4,6 drops answers"
    assert told(file.filters) == [
        'input 10.0.0.0/8 -> 104 "DICOM "x""',
        "input 0.0.0.0/0 -> 22",
        "input 0.0.0.0/0 -> 80,443",
        "input 0.0.0.0/0 -> 8042",
        "input 0.0.0.0/0 -> 80",
        "input 0.0.0.0/0 -> 6000-6007",
        "input 192.168.5.0/24 -> all",
        "input 0.0.0.0/0 -> 11112",
        "input ::/0 -> 22",
        "input ::/0 -> 80,443",
        "input ::/0 -> 8042",
        "input ::/0 -> 80",
        "input 2001:db8::/32 -> 2762",
        "input ::/0 -> 6000-6007",
        "forward 192.168.1.0/24 -> 8042",
    ]
    assert file.filters[0].mark.line == 9


def test_status_without_columns_and_with_numbers() -> None:
    text = dedent(
        """\
        Status: active

             To                         Action      From
             --                         ------      ----
        [ 1] 104/tcp                    ALLOW IN    10.0.0.0/8
        [ 2] WWW                        ALLOW       Anywhere
        """
    )
    assert told(only(text, "status.txt").filters) == ["input 10.0.0.0/8 -> 104", "input 0.0.0.0/0 -> 80"]


def test_what_is_not_active_drops_nothing() -> None:
    assert facts(only("Status: inactive\n", "status.txt")) == "ufw 4,6 answers"
    assert facts(only("ufw allow 22\nufw disable\n", "a.sh")) == "ufw 4,6 answers"
    assert facts(only("ufw default allow incoming\n", "a.sh")) == "ufw 4,6 answers"
    assert facts(only("ufw default allow\n", "a.sh")) == "ufw 4,6 answers"
    assert facts(only("ufw default allow outgoing\nufw enable", "a.sh")) == "ufw 4,6 drops answers"
    assert facts(only("Status: active\nDefault: allow (incoming), allow (outgoing)\n", "a.txt")) == "ufw 4,6 answers"


def test_files() -> None:
    file = only(USER_RULES, "/etc/ufw/user.rules")
    assert facts(file) == "ufw 4 drops answers"
    assert told(file.filters) == [
        'input 10.0.0.0/8 -> 104 "DICOM "x""',
        "input any -> 8042",
        "forward 192.168.1.0/24 -> 8042",
        "input any -> 22",
    ]
    before = only(BEFORE_RULES, "before.rules")
    assert (facts(before), before.filters) == ("ufw 4 drops answers", ())
    six = only(USER_RULES.replace("ufw-", "ufw6-").replace("10.", "fd00:").replace("192.168.1.", "fd00::"), "a")
    assert facts(six) == "ufw 6 drops answers"


def test_chains_for_docker_in_after_rules() -> None:
    text = dedent(
        """\
        *filter
        :ufw-user-forward - [0:0]
        :DOCKER-USER - [0:0]
        -A DOCKER-USER -j ufw-user-forward
        -A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
        -A DOCKER-USER -s 10.0.0.0/8 -j RETURN
        -A DOCKER-USER -p tcp --syn -d 192.168.0.0/16 -j DROP
        -A DOCKER-USER -j RETURN
        COMMIT
        """
    )
    file = only(text, "after.rules")
    assert facts(file) == "ufw 4 drops guards answers"
    assert told(file.filters) == ["forward 10.0.0.0/8 -> all"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("ufw allow ssh", ["input any -> 22"]),
        ("ufw allow 'Nginx Full'", ["input any -> 80,443"]),
        ("ufw allow from any to any app Samba", ["input any -> 139,445"]),
        ("ufw allow 53/udp", []),
        ("ufw allow proto udp from 10.0.0.1", []),
        ("ufw deny 8042\nufw allow 8042", []),
        ("ufw allow 8042\nufw prepend deny 8042", []),
        ("ufw allow 8042\nufw delete allow 8042", ["input any -> 8042"]),
        ("ufw allow 8042\nufw reset\nufw allow 22", ["input any -> 22"]),
        ("sudo /usr/sbin/ufw allow log from fe80::1%eth0 to any port 104", ["input fe80::1%eth0 -> 104"]),
        ("ufw allow from ct1.example.org", ["input ct1.example.org -> all"]),
        ("ufw rule allow 104", ["input any -> 104"]),
        ("ufw allow in on lo", []),
        ("ufw route allow in on eth0 out on docker0 to any port 8042", ["forward any -> 8042"]),
    ],
)
def test_one_call(call: str, said: list[str]) -> None:
    assert told(only(f"ufw enable\n{call}\n", "a.sh").filters) == said


def test_an_unknown_application_is_told() -> None:
    (file,) = parse_firewall("ufw enable\nufw allow Orthanc\n", "a.sh")
    assert [f"{one.place} {one.message}" for one in file.problems] == [
        "a.sh:2:1 the service Orthanc is not known: what is let in by it is not read"
    ]


@pytest.mark.parametrize(
    "text", ["ufw status\n", "ufw app list\n", "ufw --version\n", "echo 'ufw allow 22'\n", "# ufw allow 22"]
)
def test_calls_that_make_no_rules(text: str) -> None:
    assert parse_firewall(text, "a.sh") == ()
