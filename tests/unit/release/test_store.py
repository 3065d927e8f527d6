from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orthancgen.errors import DeployError, InputError
from orthancgen.release.model import Image, Release, Verified
from orthancgen.release.store import ReleaseStore
from tests.support.killed import kill_at_each_change
from tests.support.releases import bundle, draft

FIRST = bundle(orthanc__orthanc_json='{"DicomPort": 104}', compose_yaml="services: {}")
SECOND = bundle(orthanc__orthanc_json='{"DicomPort": 2762}')


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path)


def deployed(store: ReleaseStore, **changes: object) -> Release:
    return store.complete(store.begin(draft(**changes), SECOND))


def test_what_was_stored_comes_back_whole(store: ReleaseStore) -> None:
    images = {"orthanc": Image("orthancteam/orthanc:26.8.1", "sha256:00")}
    begun = store.begin(draft(images=images, secrets={"a": "b"}, secret_users={"a": ("orthanc",)}), FIRST)
    assert (begun.number, begun.state, store.current()) == (1, "begun", None)
    facts = {"orthanc": {"image": "sha256:00", "ports": ["104"]}}
    good = store.complete(begun, index_schema=6, verified=Verified(12, 0), facts=facts)
    assert good.state == "good"
    assert store.current() == good == store.get(1)
    assert store.bundle(1) == FIRST
    assert store.list() == (good,)


def test_only_its_owner_may_look(store: ReleaseStore) -> None:
    store.begin(draft(), FIRST)
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert (store.folder / "0001").stat().st_mode & 0o777 == 0o700
    assert (store.folder / "0001/release.json").stat().st_mode & 0o777 == 0o600


def test_a_failed_release_leaves_the_current_one(store: ReleaseStore) -> None:
    first = deployed(store)
    failed = store.fail(store.begin(draft(), FIRST), Verified(3, 1))
    assert (failed.state, failed.number) == ("failed", 2)
    assert store.current() == first


def test_the_release_in_use_cannot_be_called_failed(store: ReleaseStore) -> None:
    current = deployed(store)
    with pytest.raises(DeployError, match="release 1 is in use"):
        store.fail(current)
    assert store.current() == current


def test_a_rollback_marks_what_it_leaves(store: ReleaseStore) -> None:
    for _ in range(3):
        deployed(store)
    previous = store.previous_good()
    assert previous is not None
    assert previous.number == 2
    deployed(store, rolled_back_from=3, restores=2)
    assert [one.state for one in store.list()] == ["good", "good", "rolled back", "good"]
    # Going back once more goes further back, not to what was just left.
    again = store.previous_good()
    assert again is not None
    assert again.number == 1


def test_numbers_are_never_used_again(store: ReleaseStore) -> None:
    for _ in range(4):
        deployed(store)
    assert store.prune(1) == (1, 2)
    assert deployed(store).number == 5


def test_pruning_keeps_the_current_and_the_previous_good_one(store: ReleaseStore) -> None:
    deployed(store)
    deployed(store)
    for _ in range(5):
        store.fail(store.begin(draft(), FIRST))
    assert store.prune(2) == (3, 4, 5)
    assert [one.number for one in store.list()] == [1, 2, 6, 7]
    current = store.current()
    assert current is not None
    assert current.number == 2
    assert store.bundle(1) == SECOND
    with pytest.raises(ValueError):
        store.prune(0)


def test_an_unknown_number_names_the_known_ones(store: ReleaseStore) -> None:
    deployed(store)
    for read in (store.get, store.bundle):
        with pytest.raises(InputError, match="no release 7") as caught:
            read(7)
        assert caught.value.hint == "releases kept: 1"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("releases/0001/release.json", "{", "Invalid JSON"),
        ("releases/0001/release.json", '{"number": 1}', "created: Field required"),
        ("releases/0001/release.json", "", "EOF"),
        ("current.json", '{"release": "one"}', "release: "),
        ("current.json", "\x00\x00", "Invalid JSON"),
    ],
)
def test_a_damaged_record_is_an_error_that_names_the_file(
    store: ReleaseStore, tmp_path: Path, name: str, content: str, says: str
) -> None:
    deployed(store)
    (tmp_path / name).write_text(content)
    with pytest.raises(DeployError) as caught:
        store.current()
    assert str(tmp_path / name) in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


def test_a_current_release_that_is_gone_is_an_error(store: ReleaseStore) -> None:
    deployed(store)
    shutil.rmtree(store.folder / "0001")
    with pytest.raises(DeployError, match="names release 1, which is not in"):
        store.current()


def _edit(path: Path) -> None:
    path.write_text("edited")


@pytest.mark.parametrize("damage", [_edit, Path.unlink, lambda path: (path.unlink(), path.mkdir())])
def test_a_stored_file_that_changed_is_not_deployed(store: ReleaseStore, damage: Callable[[Path], object]) -> None:
    store.begin(draft(), FIRST)
    path = store.folder / "0001/bundle/orthanc/orthanc.json"
    damage(path)
    with pytest.raises(DeployError, match="not as it was deployed") as caught:
        store.bundle(1)
    assert str(path) in caught.value.message


def test_a_list_of_files_that_leads_elsewhere_is_refused(store: ReleaseStore, tmp_path: Path) -> None:
    store.begin(draft(), FIRST)
    listed = store.folder / "0001/files.json"
    document = json.loads(listed.read_text())
    document["files"][0]["path"] = "../../../../etc/passwd"
    listed.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="not as it was deployed"):
        store.bundle(1)


def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "releases").write_text("a file where a folder belongs")
    with pytest.raises(DeployError, match=r"cannot (read|write)") as caught:
        ReleaseStore(tmp_path).begin(draft(), FIRST)
    assert caught.value.hint


def test_whatever_is_killed_the_releases_can_be_read_and_the_next_one_stored(tmp_path: Path) -> None:
    def prepare(number: int) -> Callable[[], object]:
        store = ReleaseStore(tmp_path / str(number))
        store.complete(store.begin(draft(), FIRST))
        return lambda: store.complete(store.begin(draft(reason="killed"), SECOND))

    killed = 0
    for number in kill_at_each_change(prepare):
        killed = number
        store = ReleaseStore(tmp_path / str(number))
        current = store.current()
        assert current is not None
        assert store.bundle(current.number) == (FIRST if current.number == 1 else SECOND)
        before = [one.number for one in store.list()]
        assert before in ([1], [1, 2])
        following = store.complete(store.begin(draft(), SECOND))
        assert following.number == before[-1] + 1
        assert store.current() == following
        assert "begun" not in {one.state for one in store.list()}
        assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]
    assert killed > 15


def test_pruning_may_be_killed_anywhere(tmp_path: Path) -> None:
    def prepare(number: int) -> Callable[[], object]:
        store = ReleaseStore(tmp_path / str(number))
        for _ in range(4):
            deployed(store)
        return lambda: store.prune(1)

    killed = 0
    for number in kill_at_each_change(prepare):
        killed = number
        store = ReleaseStore(tmp_path / str(number))
        for one in store.list():
            assert store.bundle(one.number) == SECOND
        store.prune(1)
        assert [one.number for one in store.list()] == [3, 4]
        assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]
    assert killed > 8
