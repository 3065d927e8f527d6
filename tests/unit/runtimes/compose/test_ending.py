from __future__ import annotations

from orthancgen.runtimes.compose.container import SERVICE_LABEL, ends_when


def test_those_that_call_others_end_first() -> None:
    services = ["database", "postgresql", "orthanc", "backend", "viewer", "analysis", "gateway", "unknown"]
    ordered = sorted(services, key=lambda name: ends_when({SERVICE_LABEL: name}))
    assert ordered == ["backend", "viewer", "analysis", "gateway", "unknown", "orthanc", "postgresql", "database"]
    assert ends_when({}) == 0
