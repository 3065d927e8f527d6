from __future__ import annotations

import pytest

from orthancgen.orthanc.index import can_open, can_use
from orthancgen.orthanc.keys import Version


@pytest.mark.parametrize(
    ("older", "newer", "schema", "opens", "stores"),
    [
        ("1.12.7", "1.13.0", 6, True, True),
        ("1.12.7", "1.13.0", None, True, True),
        ("1.10.1", "1.12.7", 6, True, True),
        ("1.10.1", "1.12.8", 6, True, False),
        ("1.10.1", "1.13.0", None, True, False),
        ("1.11.2", "1.13.0", 6, True, False),
        ("1.11.3", "1.13.0", 6, True, True),
        ("1.12.7", "1.13.0", 7, False, False),
        ("0.9.4", "1.13.0", 6, False, False),
    ],
)
def test_what_an_older_one_can_do_with_the_index(
    older: str, newer: str, schema: int | None, opens: bool, stores: bool
) -> None:
    versions = Version.parse(older), Version.parse(newer)
    assert can_open(*versions, schema) is opens
    assert can_use(*versions, schema) is stores
