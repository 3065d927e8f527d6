"""The configuration file, JSON: its shape, its secrets, and a site's model cards.

It holds no secret, only the paths of files which do. Paths in it are relative to its own folder.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from yaml.constructor import ConstructorError

from .contract import Digest, Identifier, Name, Text
from .errors import ConfigError

MINIMUM_TOKEN_LENGTH = 16
MAXIMUM_MODEL_BYTES = 2 * 1024**3

MIB = 1024**2


class Shape(BaseModel):
    """A strict shape: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


T = TypeVar("T", bound=Shape)


class Limits(Shape):
    """What one analysis may cost."""

    instance_bytes: Annotated[int, Field(ge=1024, le=4096 * MIB)] = 512 * MIB
    study_bytes: Annotated[int, Field(ge=1024, le=65536 * MIB)] = 2048 * MIB
    inflated_bytes: Annotated[int, Field(ge=1024, le=4096 * MIB)] = 512 * MIB
    frame_bytes: Annotated[int, Field(ge=1024, le=1024 * MIB)] = 64 * MIB
    instances_per_series: Annotated[int, Field(ge=1, le=5000)] = 40
    frames_per_instance: Annotated[int, Field(ge=1, le=1000)] = 8
    instance_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    seconds: Annotated[float, Field(gt=0, le=86400)] = 300.0
    memory_bytes: Annotated[int, Field(ge=256 * MIB, le=65536 * MIB)] = 3072 * MIB
    workers: Annotated[int, Field(ge=1, le=32)] = 1
    waiting: Annotated[int, Field(ge=0, le=1000)] = 16


class _Listen(Shape):
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
    port: Annotated[int, Field(ge=0, le=65535)]


class _Archive(Shape):
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s@?#\\]{1,400}$")]
    username: Name | None = None
    password_file: str | None = None
    ca_file: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together: give both or neither")
        return self


class _QualityProvider(Shape):
    kind: Literal["image_quality"]


class _OnnxProvider(Shape):
    kind: Literal["onnx"]
    card: str


class _File(Shape):
    listen: _Listen
    dicomweb: _Archive
    token_file: str
    work_folder: str | None = None
    providers: Annotated[list[_QualityProvider | _OnnxProvider], Field(min_length=1, max_length=32)]
    limits: Limits = Limits()


class _Window(Shape):
    center: float
    width: Annotated[float, Field(gt=0)]


class _Normalise(Shape):
    mean: Annotated[list[float], Field(min_length=1, max_length=3)]
    std: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1, max_length=3)]


class CardInput(Shape):
    """How an image becomes the model's input."""

    name: Name | None = None
    modalities: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}$")]], Field(min_length=1)]
    size: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=2, max_length=2)]
    channels: Literal[1, 3] = 1
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    # stored: the file's own numbers; rescaled: after RescaleSlope and RescaleIntercept, so Hounsfield units for CT.
    values: Literal["stored", "rescaled"] = "rescaled"
    # Maps the window to 0..1; without one, the least and the greatest value of the image are mapped.
    window: _Window | None = None
    invert_monochrome1: bool = True
    resize: Literal["stretch", "pad"] = "stretch"
    normalise: _Normalise | None = None


class CardOutput(Shape):
    """What the model's output means: one number for each label."""

    name: Name | None = None
    labels: Annotated[list[Name], Field(min_length=1, max_length=100)]
    activation: Literal["none", "sigmoid", "softmax"]
    threshold: Annotated[float, Field(ge=0, le=1)]


class _CardModel(Shape):
    file: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Card(Shape):
    """A model card: the site's own statement of what its model is, reads and says."""

    card_version: Literal[1]
    id: Identifier
    title: Name
    version: Name
    model: _CardModel
    intended_use: Text
    limitations: Text
    training_data: Text | None = None
    licence: Name
    statement: Text
    input: CardInput
    output: CardOutput

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        it = self.input.normalise
        if it is not None and {len(it.mean), len(it.std)} - {1, self.input.channels}:
            raise ValueError("input.normalise: mean and std need one number, or one for each channel")
        if len(set(self.output.labels)) != len(self.output.labels):
            raise ValueError("output.labels: a label stands there twice")
        return self


@dataclass(frozen=True)
class OnnxModel:
    """A card with its model's file, the digest of which is right."""

    card: Card
    card_file: Path
    file: Path
    digest: Digest


@dataclass(frozen=True)
class Config:
    """The configuration with its secrets read. Must not be logged."""

    host: str
    port: int
    url: str
    username: str | None
    password: str | None
    ca_file: str | None
    token: str
    image_quality: bool
    models: tuple[OnnxModel, ...]
    limits: Limits
    work: Path | None = None

    def __repr__(self) -> str:
        return "Config(...)"


def load_config(file: Path) -> Config:
    """Reads and checks a configuration file, the secrets and the cards that it refers to.

    Raises:
        ConfigError: naming every problem found. No message holds a secret.
    """
    shape = _validate(_File, _json(file), file.name)
    problems: list[str] = []
    token = _secret(file, "token_file", shape.token_file, problems)
    if token and len(token) < MINIMUM_TOKEN_LENGTH:
        problems.append(f"token_file: the token is shorter than {MINIMUM_TOKEN_LENGTH} characters")
    password = _secret(file, "dicomweb.password_file", shape.dicomweb.password_file, problems)
    ca_file = None if shape.dicomweb.ca_file is None else str(file.parent / shape.dicomweb.ca_file)
    if ca_file is not None and not Path(ca_file).is_file():
        problems.append(f"dicomweb.ca_file: cannot read {ca_file}")
    models: list[OnnxModel] = []
    for provider in shape.providers:
        if isinstance(provider, _OnnxProvider):
            try:
                models.append(load_model(file.parent / provider.card))
            except ConfigError as error:
                problems.append(str(error))
    quality = [it for it in shape.providers if it.kind == "image_quality"]
    names = [it.kind for it in quality] + [it.card.id for it in models]
    if len(set(names)) != len(names):
        problems.append("providers: two have the same id")
    if problems:
        raise ConfigError("\n".join(problems))
    return Config(
        host=shape.listen.host,
        port=shape.listen.port,
        url=shape.dicomweb.url.rstrip("/"),
        username=shape.dicomweb.username,
        password=password,
        ca_file=ca_file,
        token=token or "",
        image_quality=bool(quality),
        models=tuple(models),
        limits=shape.limits,
        work=None if shape.work_folder is None else file.parent / shape.work_folder,
    )


def load_model(file: Path) -> OnnxModel:
    """Reads a model card and checks that its model is the one it speaks of.

    Raises:
        ConfigError: naming what is wrong with the card or the model's file.
    """
    try:
        content = yaml.load(file.read_text("utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the card {file}: {type(error).__name__}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{file.name} is not YAML as a card needs it: {error}") from error
    card = _validate(Card, content, file.name)
    model = file.parent / card.model.file
    try:
        if model.stat().st_size > MAXIMUM_MODEL_BYTES:
            raise ConfigError(f"{file.name}: the model is larger than {MAXIMUM_MODEL_BYTES} bytes")
        with model.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{file.name}: model.file: cannot read {model}: {type(error).__name__}") from error
    if digest != card.model.sha256:
        raise ConfigError(f"{file.name}: model.sha256: the file is another one, its digest is {digest}")
    return OnnxModel(card, file.absolute(), model, f"sha256:{digest}")


class _StrictLoader(yaml.SafeLoader):
    """YAML without aliases, which can grow without bound, and without a key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ConstructorError(
                None, None, "an alias is not allowed here", parent.start_mark if parent is not None else None
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise ConstructorError(None, None, "a key must be text", node.start_mark)
            if keys.count(key) > 1:
                raise ConstructorError(None, None, f"the key {key} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _json(file: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ConfigError(f"{file.name}: a key stands there twice")
        return found

    try:
        return json.loads(file.read_text("utf-8"), object_pairs_hook=unique, parse_constant=lambda _: math.nan)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {type(error).__name__}") from error
    except ValueError as error:
        raise ConfigError(f"{file.name} is not JSON") from error


def _validate(shape: type[T], content: Any, name: str) -> T:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        lines = [f"{name}: {'.'.join(map(str, it['loc'])) or 'the file'}: {it['msg']}" for it in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def _secret(file: Path, key: str, name: str | None, problems: list[str]) -> str | None:
    if name is None:
        return None
    try:
        secret = (file.parent / name).read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{key}: cannot read {file.parent / name}: {type(error).__name__}")
        return None
    if not secret:
        problems.append(f"{key}: the file is empty")
    elif any(ord(it) < 32 or ord(it) == 127 for it in secret):
        problems.append(f"{key}: holds a control character or several lines")
    return secret
