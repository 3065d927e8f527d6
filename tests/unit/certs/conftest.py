"""A store of secrets that is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.secrets.store import SecretStore


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "state/secrets")
