"""A site's model: a small one that is made here, its card, and what goes wrong with both."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from files import image
from onnx import TensorProto, helper

from orthancgen_analysis.cards import look
from orthancgen_analysis.config import CardInput, Limits, load_model
from orthancgen_analysis.errors import ConfigError, RefusedError, UnreadableError
from orthancgen_analysis.onnx_model import OnnxExaminer, activate, card, prepare


def write_model(folder: Path, rows: int = 8, columns: int = 8, outputs: int = 2) -> Path:
    """Logits of the mean m of the input: 20 * (m - 0.5) for the first label, the opposite for the second."""
    weights = np.array([[20.0, -20.0][:outputs]], dtype=np.float32)
    bias = np.array([-10.0, 10.0][:outputs], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
        ],
        "mean",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, rows, columns])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, outputs])],
        [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    file = folder / "model.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def write_card(folder: Path, **changes: Any) -> Path:
    model = folder / "model.onnx"
    content: dict[str, Any] = {
        "card_version": 1,
        "id": "brightness",
        "title": "Brightness",
        "version": "1.2.3",
        "model": {"file": "model.onnx", "sha256": hashlib.sha256(model.read_bytes()).hexdigest()},
        "intended_use": "Tests alone.",
        "limitations": "Knows nothing.",
        "licence": "CC0-1.0",
        "statement": "A test, not a diagnosis",
        "input": {"modalities": ["CT"], "size": [8, 8], "window": {"center": 0, "width": 2000}},
        "output": {"labels": ["bright", "dark"], "activation": "softmax", "threshold": 0.5},
    }
    for key, value in changes.items():
        where, _, name = key.rpartition("__")
        (content[where] if where else content)[name] = value
    file = folder / "card.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path)
    return tmp_path


def examiner(file: Path) -> OnnxExaminer:
    model = load_model(file)
    return OnnxExaminer(model, Limits(), model.digest)


def test_the_greatest_score_of_a_series_is_told_with_its_image(folder: Path) -> None:
    it = examiner(write_card(folder))
    for index, hu in enumerate((-500, 400, 900)):
        it.examine(image(np.full((32, 32), hu + 1024, dtype=np.uint16)), "1.2", f"1.2.{index}")
    outcome = it.finish()
    # 900 HU in a window of -1000 to 1000 is 0.95; softmax of (9, -9).
    bright, dark = outcome.measurements
    assert (bright.title, dark.title) == ("bright", "dark")
    assert bright.value == pytest.approx(1 / (1 + np.exp(-18)), abs=1e-6)
    assert bright.reference is not None
    assert bright.reference.sop_instance_uid == "1.2.2"
    assert dark.reference is not None
    assert dark.reference.sop_instance_uid == "1.2.0"
    assert [it.text for it in outcome.findings] == [
        "bright: score 1.000, threshold 0.5",
        "dark: score 1.000, threshold 0.5",
    ]
    assert outcome.findings[0].confidence == bright.value


def test_below_the_threshold_there_is_no_finding(folder: Path) -> None:
    it = examiner(write_card(folder, output__threshold=0.9))
    it.examine(image(np.full((32, 32), 1024 + 20, dtype=np.uint16)), "1.2", "1.2.1")
    outcome = it.finish()
    assert len(outcome.measurements) == 2
    assert outcome.findings == []


def test_the_card_is_told(folder: Path) -> None:
    model = load_model(write_card(folder))
    told = card(model)
    assert told.statement == "A test, not a diagnosis"
    assert told.card is not None
    assert told.card.digest == f"sha256:{model.card.model.sha256}"
    assert (told.licence, told.modalities, told.card.labels) == ("CC0-1.0", ["CT"], ["bright", "dark"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model__sha256": "0" * 64}, "the file is another one"),
        ({"model__file": "none.onnx"}, "cannot read"),
        ({"id": "../x"}, "id:"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"licence": ""}, "licence:"),
        ({"output__threshold": 2}, "output.threshold:"),
        ({"output__threshold": "0.5"}, "output.threshold:"),
        ({"output__labels": ["a", "a"]}, "a label stands there twice"),
        ({"input__size": [0, 8]}, "input.size.0:"),
        ({"input__normalise": {"mean": [0.5, 0.5], "std": [1.0]}}, "input.normalise"),
        ({"input__modalities": []}, "input.modalities:"),
        ({"card_version": 2}, "card_version:"),
    ],
)
def test_a_card_that_is_not_right_is_refused_with_words(change: dict[str, Any], words: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_model(write_card(folder, **change))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x", "a: 1\na: 2", "!!python/object:os.system x", "1: 2", ":\n:"])
def test_yaml_that_is_more_than_a_card_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "card.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        load_model(file)


def test_a_model_that_changed_since_the_start_is_not_run(folder: Path) -> None:
    model = load_model(write_card(folder))
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(RefusedError, match="has changed"):
        OnnxExaminer(model, Limits(), model.digest)


def test_cards_are_looked_at_one_by_one(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    good, other = write_card(folder), tmp_path_factory.mktemp("other")
    write_model(other, 16, 16)
    wrong = write_card(other)
    (other / "model.onnx").write_bytes(b"x")
    found = subprocess.run(
        [sys.executable, "-m", "orthancgen_analysis.cards", good, wrong, other / "none.yaml"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    first, second, third = json.loads(found.stdout)
    assert (first["id"], first["version"]) == ("brightness", "1.2.3")
    assert first["digest"] == f"sha256:{hashlib.sha256((folder / 'model.onnx').read_bytes()).hexdigest()}"
    assert first["card"] == f"sha256:{hashlib.sha256(good.read_bytes()).hexdigest()}"
    assert "model.sha256: the file is another one, its digest is" in second["problem"]
    assert "cannot read the card" in third["problem"]


def test_no_library_tells_its_maker_or_leaves_anything_in_the_home_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    places = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "orthancgen_analysis.cards", str(write_card(folder))]
    surroundings = {key: text for key, text in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(command, env={**surroundings, **places}, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)[0]["id"] == "brightness"
    assert done.stderr == b""
    assert list((tmp_path / "home").rglob("*")) == []


def test_a_model_that_cannot_be_run_is_told_of_by_its_card(folder: Path) -> None:
    assert "problem" not in look(write_card(folder))
    assert "has not the output that its card names" in look(write_card(folder, output__name="none"))["problem"]
    (folder / "model.onnx").write_bytes(b"no model")
    assert "cannot be loaded" in look(write_card(folder))["problem"]


def test_what_is_no_model_is_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no model")
    with pytest.raises(RefusedError, match="cannot be loaded"):
        examiner(write_card(folder))


def test_a_model_with_other_outputs_than_labels_is_told(folder: Path) -> None:
    it = examiner(write_card(folder, output__labels=["a", "b", "c"]))
    with pytest.raises(UnreadableError, match="2 numbers for 3 labels"):
        it.examine(image(np.ones((8, 8), dtype=np.uint16)), "1.2", "1.2.1")


def test_scores_outside_of_0_to_1_are_no_scores(folder: Path) -> None:
    it = examiner(write_card(folder, output__activation="none"))
    with pytest.raises(UnreadableError, match="not between 0 and 1"):
        it.examine(image(np.full((8, 8), 2024, dtype=np.uint16)), "1.2", "1.2.1")


def test_a_model_of_another_input_size_is_told(folder: Path) -> None:
    it = examiner(write_card(folder, input__size=[16, 16]))
    with pytest.raises(UnreadableError, match="the model failed on this image"):
        it.examine(image(np.ones((8, 8), dtype=np.uint16)), "1.2", "1.2.1")


def test_activations() -> None:
    logits = np.array([0.0, np.log(3.0)])
    assert activate(logits, "softmax") == pytest.approx([0.25, 0.75])
    assert activate(logits, "sigmoid") == pytest.approx([0.5, 0.75])
    assert activate(np.array([-1e9, 1e9]), "sigmoid") == pytest.approx([0, 1])


def wanted(**changes: Any) -> CardInput:
    return CardInput.model_validate({"modalities": ["CR"], "size": [4, 4], **changes})


def test_the_input_is_windowed_inverted_padded_and_normalised() -> None:
    picture = np.array([[0, 100, 200, 300]] * 2, dtype=np.int16)
    plain = prepare(picture, "MONOCHROME2", wanted(size=[2, 4], window={"center": 150.0, "width": 300.0}))
    assert plain.shape == (1, 1, 2, 4)
    assert plain[0, 0, 0] == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-6)
    inverted = prepare(picture, "MONOCHROME1", wanted(size=[2, 4]))
    assert inverted[0, 0, 0] == pytest.approx([1, 2 / 3, 1 / 3, 0], abs=1e-6)
    padded = prepare(picture, "MONOCHROME2", wanted(resize="pad"))
    assert padded[0, 0, 0].tolist() == [0, 0, 0, 0]
    assert padded[0, 0, 1, 3] == 1
    three = prepare(picture, "MONOCHROME2", wanted(channels=3, layout="NHWC", normalise={"mean": [0.5], "std": [0.5]}))
    assert three.shape == (1, 4, 4, 3)
    assert (three.min(), three.max()) == (-1, 1)


def test_a_flat_picture_and_a_coloured_one_are_inputs_too() -> None:
    assert prepare(np.full((4, 4), 9), "MONOCHROME2", wanted()).sum() == 0
    colours = np.zeros((4, 4, 3), dtype=np.uint8)
    colours[..., 0] = 255
    grey = prepare(colours, "RGB", wanted())
    assert grey[0, 0, 0, 0] == pytest.approx(1 / 3)
