from __future__ import annotations

import os
from pathlib import Path

import pytest

from orthancgen.errors import InputError, RenderError
from orthancgen.importing import save as module
from orthancgen.importing.save import refuse_existing, save
from orthancgen.render.write import stage as stage_file
from orthancgen.secrets.value import SecretValue

SECRETS = {"one": SecretValue("first value"), "two": SecretValue("second value")}


def everything(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_secrets_are_private_from_their_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = stage_file

    def stage(content: bytes, target: Path, bits: int) -> Path:
        made = real(content, target, bits)
        seen.append(mode(made))
        return made

    monkeypatch.setattr(module, "stage", stage)
    old = os.umask(0)
    try:
        save(tmp_path / "environments/x.yaml", "a: b\n", tmp_path / "state/x/secrets", SECRETS)
    finally:
        os.umask(old)
    assert everything(tmp_path) == {
        "environments/x.yaml": "a: b\n", "state/x/secrets/one": "first value", "state/x/secrets/two": "second value",
    }  # fmt: skip
    assert mode(tmp_path / "state/x/secrets") == 0o700
    assert mode(tmp_path / "state/x/secrets/one") == 0o600
    assert mode(tmp_path / "environments/x.yaml") == 0o644
    assert seen == [0o600, 0o600, 0o644]


def test_nothing_is_half_written(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("a file")
    with pytest.raises(RenderError, match="nothing was written"):
        save(tmp_path / "there/x.yaml", "a: b\n", tmp_path / "state/secrets", SECRETS)
    assert everything(tmp_path) == {"there": "a file"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_what_was_renamed_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets/two").write_text("old value")
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if str(target).endswith(".yaml"):
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(RenderError, match=r"cannot write .*x\.yaml: No space left on device; nothing was written"):
        save(tmp_path / "x.yaml", "a: b\n", tmp_path / "secrets", SECRETS)
    assert everything(tmp_path) == {"secrets/two": "old value"}


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "x.yaml", tmp_path / "secrets", SECRETS)
    save(tmp_path / "x.yaml", "a: b\n", tmp_path / "secrets", SECRETS)
    with pytest.raises(InputError, match=r"x\.yaml is there already; nothing was written"):
        refuse_existing(tmp_path / "x.yaml", tmp_path / "secrets", SECRETS)
    refuse_existing(tmp_path / "y.yaml", tmp_path / "secrets", SECRETS)
    with pytest.raises(InputError, match="has other values of two already") as caught:
        refuse_existing(tmp_path / "y.yaml", tmp_path / "secrets", {**SECRETS, "two": SecretValue("a third value")})
    assert "third" not in caught.value.message
    (tmp_path / "link.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError):
        refuse_existing(tmp_path / "link.yaml", tmp_path / "secrets", {})
