"""The last good state can be put back, whatever was done to the state folder meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.runtimes.native.snapshot import Snapshot, link
from orthancgen.runtimes.native.state import prepare
from orthancgen.runtimes.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "dev")
    prepare(state)
    (state.config / "orthanc").mkdir()
    (state.config / "orthanc/orthanc.json").write_text("good")
    (state.secrets / "a").write_text("good")
    (state.secrets / "a").chmod(0o600)
    link(state.run / "backend", Path("/good"))
    link(state.run / "viewer", Path("/good-too"))
    return state


def spoil(state: State) -> None:
    (state.config / "orthanc/orthanc.json").write_text("bad")
    (state.config / "more").write_text("bad")
    (state.secrets / "a").unlink()
    link(state.run / "backend", Path("/bad"))
    link(state.run / "viewer", Path("/bad"))


def assert_good(state: State) -> None:
    assert (state.config / "orthanc/orthanc.json").read_text() == "good"
    assert not (state.config / "more").exists()
    assert (state.secrets / "a").read_text() == "good"
    assert (state.secrets / "a").stat().st_mode & 0o777 == 0o600
    assert (state.run / "backend").readlink() == Path("/good")
    assert (state.run / "viewer").readlink() == Path("/good-too")
    assert sorted(path.name for path in state.root.iterdir()) == [
        "ca", "config", "data", "log", "run", "secrets", "withheld",
    ]  # fmt: skip
    assert list(state.withheld.iterdir()) == []


def test_it_brings_back_what_was_there(state: State) -> None:
    snapshot = Snapshot.take(state)
    assert not snapshot.left_over
    spoil(state)
    snapshot.restore()
    assert_good(state)


def test_one_that_a_killed_run_left_is_the_last_good_state(state: State) -> None:
    Snapshot.take(state)
    spoil(state)
    snapshot = Snapshot.take(state)
    assert snapshot.left_over
    snapshot.restore()
    assert_good(state)


def test_one_whose_copy_was_cut_off_is_made_anew(state: State) -> None:
    (state.withheld / "last-good.part/config").mkdir(parents=True)
    snapshot = Snapshot.take(state)
    assert not snapshot.left_over
    snapshot.discard()
    assert_good(state)


def test_a_restoration_that_was_cut_off_goes_on(state: State) -> None:
    snapshot = Snapshot.take(state)
    spoil(state)
    (state.root / "config").rename(state.withheld / "config.failed")
    (snapshot.folder / "config").rename(state.root / "config")  # and then the machine went down
    Snapshot.take(state).restore()
    assert_good(state)
