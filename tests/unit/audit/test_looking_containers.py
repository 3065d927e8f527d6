from __future__ import annotations

import pytest

from orthancgen.audit.looking_containers import (
    ends_by_itself,
    lacks_variables,
    network_place,
    place,
    reached_from_outside,
    said,
    seconds,
    texts,
    uses,
    variable,
    words,
)
from orthancgen.foreign.model import ComposeFile, ComposeService
from tests.unit.audit.set_ups import subject


def read(text: str, name: str = "one") -> tuple[ComposeFile, ComposeService]:
    compose = subject(text).target.composes[0]
    return compose, compose.services[name]


def test_a_key_points_at_itself_and_a_missing_one_at_its_service() -> None:
    _, service = read("""\
        services:
          one:
            image: a
            ports: ["1:1"]
    """)
    assert (place(service, "image")[0].line, place(service, "image")[1]) == (3, ("services", "one", "image"))
    assert (place(service, "user")[0].line, place(service, "user")[1]) == (2, ("services", "one", "user"))
    assert said(service, "ports") == ["1:1"]
    assert said(service, "ports", "none") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("60s", 60.0), ("1m30s", 90.0), ("1h", 3600.0), ("500ms", 0.5), (45, 45.0), ("1.5s", 1.5), ("10", None),
     ("", None), ("soon", None), (True, None), (None, None), ("1s 2s", None)],
)  # fmt: skip
def test_durations(value: object, expected: float | None) -> None:
    assert seconds(value) == expected


def test_words_of_a_command() -> None:
    assert words("mongod --auth '--bind_ip' all") == ("mongod", "--auth", "--bind_ip", "all")
    assert words(["node", 1, None]) == ("node", "1")
    assert words("unclosed 'quote") == ("unclosed", "'quote")
    assert texts(None) == ()
    assert texts(5) == ("5",)


def test_a_variable_without_a_value_here_is_set_all_the_same() -> None:
    _, service = read("""\
        services:
          one:
            image: a
            environment: {A: "${ELSEWHERE}", B: "", C: c}
    """)
    assert variable(service, "A") is not None
    assert variable(service, "B") is None
    assert variable(service, "C") is not None
    assert variable(service, "D") is None


def test_who_takes_variables_from_a_file_that_is_not_here_is_not_judged() -> None:
    compose, service = read("""\
        services:
          one: {image: a, env_file: [elsewhere.env], environment: {A: a}}
          two: {image: a, environment: {A: a}}
    """)
    assert lacks_variables(compose, service)
    assert not lacks_variables(compose, compose.services["two"])


ENDING = """\
    services:
      by_hand: {image: a, restart: "no", profiles: [setup]}
      waited_for: {image: a}
      stays: {image: a, depends_on: {waited_for: {condition: service_completed_successfully}}}
      swarm: {image: a, deploy: {restart_policy: {condition: none}}}
      not_started_again: {image: a, restart: "no"}
      of_a_profile: {image: a, profiles: [debug]}
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("by_hand", True), ("waited_for", True), ("swarm", True), ("stays", False), ("not_started_again", False),
     ("of_a_profile", False)],
)  # fmt: skip
def test_what_ends_by_itself(name: str, expected: bool) -> None:
    compose, service = read(ENDING, name)
    assert ends_by_itself(compose, service) is expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('ports: ["1:1"]', True),
        ('ports: ["127.0.0.1:1:1"]', False),
        ('ports: ["127.0.0.1:1:1", "192.168.1.1:2:2"]', True),
        ('ports: ["[::1]:1:1"]', False),
        ("network_mode: host", True),
        ("expose: [1]", False),
    ],
)
def test_who_is_reached_from_outside(keys: str, expected: bool) -> None:
    assert reached_from_outside(read(f"services: {{one: {{image: a, {keys}}}}}")[1]) is expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("depends_on: [database]", True),
        ("depends_on: {database: {condition: service_healthy}}", True),
        ('environment: {URL: "mongodb://database:27017/x"}', True),
        ("command: [server, --db, database]", True),
        ('environment: {URL: "mongodb://other-database:27017/x"}', False),
        ('environment: {URL: "mongodb://database-2/x"}', False),
        ("command: server", False),
    ],
)
def test_who_uses_a_service(keys: str, expected: bool) -> None:
    compose, service = read(f"services: {{one: {{image: a, {keys}}}, database: {{image: mongo}}}}")
    assert uses(service, compose.services["database"]) is expected


def test_where_a_network_is_joined() -> None:
    text = "services:\n  one:\n    image: a\n    networks:\n      - edge\n      - inner\n"
    assert network_place(read(text)[1], "inner")[1] == ("services", "one", "networks", 1)
    text = "services:\n  one:\n    image: a\n    networks:\n      inner: {}\n"
    assert network_place(read(text)[1], "inner")[0].line == 5
