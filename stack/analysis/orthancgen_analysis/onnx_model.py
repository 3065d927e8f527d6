"""A site's own ONNX model as a provider: what goes in and out of it is what its model card says.

The model's file is read once and its digest checked on the very bytes that are run. Weights in further files are not
read: a model must be one file.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from PIL import Image

from .contract import Finding, Measure, Measurement, ModelCard, Provider, Reference
from .errors import RefusedError, UnreadableError
from .outcome import Outcome, reference
from .reading import attribute, check_pixels, frame, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from .config import CardInput, Limits, OnnxModel


def _measure(index: int, label: str) -> Measure:
    formula = "the model's output for this label after the activation that the card names; the greatest of a series"
    return Measure(name=f"label_{index + 1}", title=label, unit="1", formula=formula)


def card(model: OnnxModel) -> Provider:
    """What the provider is, as the card says."""
    it = model.card
    return Provider(
        id=it.id,
        version=it.version,
        title=it.title,
        kind="model",
        statement=it.statement,
        modalities=list(it.input.modalities),
        licence=it.licence,
        card=ModelCard(
            intended_use=it.intended_use,
            limitations=it.limitations,
            training_data=it.training_data,
            labels=list(it.output.labels),
            threshold=it.output.threshold,
            digest=model.digest,
        ),
        measures=[_measure(index, label) for index, label in enumerate(it.output.labels)],
    )


@dataclass
class _Best:
    score: float
    where: Reference


class OnnxExaminer:
    """Runs the model on frames; of each series the greatest score of each label is told, with its image."""

    def __init__(self, model: OnnxModel, limits: Limits, digest: str | None) -> None:
        """Loads the model, whose digest must be the one that the service began with.

        Raises:
            RefusedError: where the model's file is not what its card says.
        """
        self._card = model.card
        self._limits = limits
        content = Path(model.file).read_bytes()
        if not f"sha256:{hashlib.sha256(content).hexdigest()}" == model.digest == digest:
            raise RefusedError("the model's card or file has changed since the service began")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise RefusedError(f"the model cannot be loaded ({type(error).__name__})") from error
        self._input = self._name(model.card.input.name, [it.name for it in self._session.get_inputs()], "input")
        self._output = self._name(model.card.output.name, [it.name for it in self._session.get_outputs()], "output")
        self._best: dict[str, dict[int, _Best]] = defaultdict(dict)

    @staticmethod
    def _name(wanted: str | None, there: list[str], what: str) -> str:
        if wanted is None and len(there) == 1:
            return there[0]
        if wanted not in there:
            raise RefusedError(f"the model has not the {what} that its card names")
        return wanted

    def examine(self, dataset: Dataset, series: str, instance: str) -> None:
        """Runs the model on the instance's frames."""
        frames = check_pixels(dataset, self._limits)
        for index in spread(frames, self._limits.frames_per_instance):
            found = frame(dataset, index + 1)
            planes = found.stored if self._card.input.values == "stored" or found.stored.ndim == 3 else found.values
            tensor = prepare(
                np.asarray(planes), str(attribute(dataset, "PhotometricInterpretation") or ""), self._card.input
            )
            try:
                (answer,) = self._session.run([self._output], {self._input: tensor})
            except Exception as error:
                raise UnreadableError(f"the model failed on this image ({type(error).__name__})") from error
            for label, score in enumerate(self._scores(np.asarray(answer))):
                best = self._best[series].get(label)
                if best is None or score > best.score:
                    where = reference(series, instance, index + 1 if frames > 1 else None)
                    self._best[series][label] = _Best(score, where)

    def _scores(self, answer: NDArray[np.generic]) -> list[float]:
        output = self._card.output
        if answer.size != len(output.labels):
            raise UnreadableError(f"the model gave {answer.size} numbers for {len(output.labels)} labels")
        scores = activate(answer.astype(np.float64).ravel(), output.activation)
        if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
            raise UnreadableError("the model gave scores that are not between 0 and 1")
        return [float(it) for it in scores]

    def finish(self) -> Outcome:
        """The greatest scores of each series; those at or above the threshold are findings."""
        output = self._card.output
        outcome = Outcome(parameters={"threshold": output.threshold, "activation": output.activation})
        for best in self._best.values():
            for label, (title, it) in enumerate((output.labels[index], found) for index, found in sorted(best.items())):
                name = f"label_{label + 1}"
                shape = Measurement(name=name, title=title, value=it.score, unit="1", reference=it.where)
                outcome.measurements.append(shape)
                if it.score >= output.threshold:
                    text = f"{title}: score {it.score:.3f}, threshold {output.threshold:g}"
                    outcome.findings.append(Finding(name=name, text=text, confidence=it.score, reference=it.where))
        return outcome


def activate(numbers: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    """The model's numbers as scores."""
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-np.clip(numbers, -700, 700)))
    if activation == "softmax":
        shifted = np.exp(numbers - numbers.max())
        return np.asarray(shifted / shifted.sum())
    return numbers


def prepare(image: NDArray[np.generic], photometric: str, wanted: CardInput) -> NDArray[np.float32]:
    """An image as the model's input: window, inversion, size, channels, normalisation, layout."""
    planes = image.astype(np.float32)
    if planes.ndim == 2:
        planes = planes[..., None]
    planes = planes[..., :3]
    if wanted.window is not None:
        low, high = wanted.window.center - wanted.window.width / 2, wanted.window.center + wanted.window.width / 2
    else:
        low, high = float(planes.min()), float(planes.max())
    scaled = np.clip((planes - low) / (high - low), 0, 1) if high > low else np.zeros_like(planes)
    if photometric == "MONOCHROME1" and wanted.invert_monochrome1:
        scaled = 1 - scaled
    if scaled.shape[2] != wanted.channels:
        grey = scaled.mean(axis=2, keepdims=True)
        scaled = np.repeat(grey, wanted.channels, axis=2)
    resized = np.stack([_resize(scaled[..., it], wanted) for it in range(wanted.channels)], axis=2)
    if wanted.normalise is not None:
        resized = (resized - np.array(wanted.normalise.mean)) / np.array(wanted.normalise.std)
    batch = resized[None] if wanted.layout == "NHWC" else resized.transpose(2, 0, 1)[None]
    return np.ascontiguousarray(batch, dtype=np.float32)


def _resize(plane: NDArray[np.float32], wanted: CardInput) -> NDArray[np.float32]:
    rows, columns = wanted.size
    height, width = plane.shape
    if wanted.resize == "pad":
        scale = min(rows / height, columns / width)
        inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    else:
        inner = (rows, columns)
    small = np.asarray(Image.fromarray(plane).resize((inner[1], inner[0]), Image.Resampling.BILINEAR))
    padded = np.zeros((rows, columns), dtype=np.float32)
    top, left = (rows - inner[0]) // 2, (columns - inner[1]) // 2
    padded[top : top + inner[0], left : left + inner[1]] = small
    return padded
