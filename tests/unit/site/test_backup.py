"""Where backups may lie, when they are made, what is kept."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orthancgen.site.backup import Backup


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/srv/backup/", "/srv/backup"),
        ("rest:https://backup.example:8000/prod", "rest:https://backup.example:8000/prod"),
        ("s3:https://s3.example/bucket/prod", "s3:https://s3.example/bucket/prod"),
        ("b2:bucket:prod", "b2:bucket:prod"),
    ],
)
def test_a_repository(given: str, kept: str) -> None:
    assert Backup(repository=given).repository == kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("/", "a folder of its own"),
        ("backup", "an absolute folder"),
        ("../backup", "an absolute folder"),
        ("", "an absolute folder"),
        ("rest:", "missing"),
        ("rest:https://somebody:hunter2@backup.example/", "RESTIC_REST_PASSWORD"),
        ("rest:https://somebody@backup.example/", "RESTIC_REST_USERNAME"),
        ("sftp:somebody@backup.example:/prod", "rest: or s3:"),
        ("rest:https://backup.example/a b", "no spaces"),
        ("rest:https://backup.example/\n--insecure", "control characters"),
    ],
)
def test_no_repository(given: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Backup(repository=given)


@pytest.mark.parametrize("given", ["daily 02:30", "hourly", "weekly sunday 04:00", "Mon..Fri 03:00", "*-*-1 01:00:00"])
def test_a_schedule(given: str) -> None:
    assert Backup(schedule=given).schedule == given


@pytest.mark.parametrize(
    "given", ["daily", "daily 24:00", "weekly 02:00", "sometimes", "Sun 02:00\nExecStart=/x", "daily 2:30"]
)
def test_no_schedule(given: str) -> None:
    with pytest.raises(ValidationError, match="write "):
        Backup(schedule=given)


def test_something_is_kept() -> None:
    with pytest.raises(ValidationError, match="nothing would be kept"):
        Backup.model_validate({"keep": {"last": 0, "daily": 0, "weekly": 0, "monthly": 0}})


@pytest.mark.parametrize("name", ["RESTIC_PASSWORD", "RESTIC_REPOSITORY", "PATH", "LD_PRELOAD", "aws_key"])
def test_a_variable_that_is_no_credential_of_a_store(name: str) -> None:
    with pytest.raises(ValidationError, match="begins with"):
        Backup.model_validate({"environment": {name: {"secret": "x"}}})
