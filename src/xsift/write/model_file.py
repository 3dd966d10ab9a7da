"""The model file: ASDF with a plain tree, checked against this schema when it loads.

Nothing is unpickled, no tag of its own is used, and a hostile file is refused with one line.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from xsift.classes import Classes
from xsift.errors import ModelError

__all__ = [
    "MixtureTree",
    "ModelTree",
    "PaperTree",
    "ScalingTree",
    "load_model_tree",
    "save_model_tree",
]

MAX_BYTES = 256 * 1024**2
# A model's header is some KiB. YAML is slow to read, and deep nesting overflows libyaml's stack.
_MAX_HEADER = 256 * 1024
_MAX_DEPTH = 32


def _array(value: Any) -> np.ndarray:
    values = np.asarray(value)
    if values.size > MAX_BYTES // 8:  # strides of 0 make any size from one number
        raise ValueError(f"the array has {values.size:,} values: too many for a model")
    if values.dtype.kind not in "iuf":
        raise ValueError(f"an array of numbers is wanted, not {values.dtype}")
    if not np.isfinite(values).all():
        raise ValueError("the array holds values that are not finite")
    kind = np.int64 if values.dtype.kind in "iu" else np.float64
    return np.ascontiguousarray(values, dtype=kind)


def _want(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise ValueError(f"{name} has shape {found}, {wanted} is wanted")


Array = Annotated[Any, BeforeValidator(_array), PlainSerializer(lambda value: value)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScalingTree(_Strict):
    """Constants of the scaling; d features."""

    scaling: list[Literal["log-range", "range", "none"]]
    offset: Array
    low: Array
    high: Array


class MixtureTree(_Strict):
    """The mixture; K clusters."""

    weights: Array
    means: Array
    covariances: Array


class PaperTree(_Strict):
    """Classes inside the clusters; C classes."""

    n_members: Array
    means: Array
    precisions: Array
    min_members: int = Field(ge=2, le=2**31)


class TrainingTree(_Strict):
    """What the model was trained on, and how."""

    input: str
    input_sha256: str
    labels: str | None
    labels_sha256: str | None
    settings: dict[str, str | int | float | bool | None]
    counts: dict[str, int]
    class_counts: dict[str, int]
    warnings: list[str]
    environment: dict[str, str]
    created: str


class ModelTree(_Strict):
    """Everything that classifies a detection, as plain data."""

    format: Literal["xsift-model"] = "xsift-model"
    version: Literal[1] = 1
    method: Literal["paper"]
    survey: str
    release: str
    feature_set: str
    features: list[str] = Field(min_length=1, max_length=200)
    classes: Classes
    scaling: ScalingTree
    mixture: MixtureTree
    paper: PaperTree
    log_density_quantiles: Array
    training: TrainingTree
    evaluation: dict[str, float] | None = None

    @model_validator(mode="after")
    def _shapes(self) -> ModelTree:
        d, n_classes = len(self.features), len(self.classes)
        n_clusters = len(np.atleast_1d(self.mixture.weights))
        _want("scaling", len(self.scaling.scaling), d)
        for name in ("offset", "low", "high"):
            _want(f"scaling.{name}", getattr(self.scaling, name).shape, (d,))
        _want("mixture.weights", self.mixture.weights.shape, (n_clusters,))
        _want("mixture.means", self.mixture.means.shape, (n_clusters, d))
        _want("mixture.covariances", self.mixture.covariances.shape, (n_clusters, d, d))
        _want("paper.n_members", self.paper.n_members.shape, (n_clusters, n_classes))
        _want("paper.means", self.paper.means.shape, (n_clusters, n_classes, d))
        _want("paper.precisions", self.paper.precisions.shape, (n_clusters, n_classes, d, d))
        if self.log_density_quantiles.ndim != 1 or len(self.log_density_quantiles) < 2:
            raise ValueError("log_density_quantiles is to be a list of two numbers and more")
        if (np.diff(self.log_density_quantiles) < 0).any():
            raise ValueError("log_density_quantiles are to rise")
        if not (self.scaling.high > self.scaling.low).all():
            raise ValueError("scaling.high is to be above scaling.low")
        self._sound_numbers()
        return self

    def _sound_numbers(self) -> None:
        weights, n_members = self.mixture.weights, self.paper.n_members
        if (weights < 0).any() or not abs(weights.sum() - 1) <= 1e-6:
            raise ValueError("mixture.weights are to be positive and to sum to 1")
        for k, covariance in enumerate(self.mixture.covariances):
            if not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-12):
                raise ValueError(f"covariance of cluster {k} is not symmetric")
            if not np.linalg.eigvalsh(covariance).min() > 0:
                raise ValueError(f"covariance of cluster {k} is not positive definite")
        if n_members.dtype.kind != "i" or (n_members < 0).any():
            raise ValueError("paper.n_members are to be whole numbers, 0 and more")

    @property
    def model_id(self) -> str:
        """Fingerprint of what decides a classification: same numbers, same name.

        Input files, times and versions do not enter: the same detections from a VOTable and from
        a FITS file train the same model.
        """
        digest = hashlib.sha256()
        text = [self.method, self.survey, *self.features, *self.scaling.scaling]
        text += [*self.classes.codes, *self.classes.columns, str(self.paper.min_members)]
        digest.update("\n".join(text).encode())
        scaling, mixture, paper = self.scaling, self.mixture, self.paper
        for array in (
            *(scaling.offset, scaling.low, scaling.high),
            *(mixture.weights, mixture.means, mixture.covariances),
            *(paper.n_members, paper.means, paper.precisions),
        ):
            digest.update(array.tobytes())
        return digest.hexdigest()[:12]


def save_model_tree(tree: ModelTree, path: Path) -> None:
    """Write a model as ASDF."""
    import asdf

    plain = tree.model_dump(mode="python")
    plain["classes"] = tree.classes.model_dump(mode="json")
    asdf.AsdfFile({"xsift": plain}).write_to(path)


def load_model_tree(path: str | Path) -> ModelTree:
    """Read a model and check it.

    Raises
    ------
    ModelError
        If there is no such file, or it is not a sound model.
    """
    where = str(path)
    try:
        if Path(path).is_dir():
            raise ModelError(
                f"{where} is a directory: give a model file, such as {where}/model.asdf"
            )
        if not Path(path).is_file():  # a device may have no end; what is not there is an OSError
            Path(path).stat()
            raise ModelError(f"{where} is not a file: give a model file")
        if Path(path).stat().st_size > MAX_BYTES:
            raise ModelError(f"{where}: larger than {MAX_BYTES // 1024**2} MiB: not a model")
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{where}: cannot be read: {error.strerror or error}") from error
    except ModelError:
        raise
    except ValueError as error:  # a null character in the name
        raise ModelError(f"{where!r}: cannot be read: {error}") from error
    tree = _plain_tree(where, content)
    try:
        return ModelTree.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        part = ".".join(str(p) for p in first["loc"]) or "the model"
        raise ModelError(f"{where}: not a sound model: {part}: {first['msg']}") from error


def _plain_tree(where: str, content: bytes) -> dict[str, Any]:
    import asdf

    if not content.startswith(b"#ASDF"):
        raise ModelError(f"{where}: not an xsift model (an ASDF file is wanted)")
    _refuse_hostile(where, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with asdf.open(io.BytesIO(content), memmap=False, lazy_load=False) as file:
                tree = file.tree.get("xsift")
                if not isinstance(tree, dict):
                    raise ModelError(f"{where}: an ASDF file, but not an xsift model")
                return {str(k): v for k, v in tree.items()}
    except ModelError:
        raise
    # Whatever a library throws at a damaged file, the user gets one line.
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{where}: a damaged ASDF file: {line[:200]}") from error


def _refuse_hostile(where: str, content: bytes) -> None:
    """Refuse what a small file could make large: YAML aliases, nesting, compressed blocks."""
    import yaml

    # All that stands before the first block, whatever asdf takes for the end of the header.
    end = content.find(b"\xd3BLK")
    header = (content[:end] if end >= 0 else content).rstrip(b"\0")
    if len(header) > _MAX_HEADER:
        raise ModelError(f"{where}: the header is too large for a model")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(header, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ModelError(
                    f"{where}: the file repeats parts of itself (YAML aliases): refused"
                )
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise ModelError(f"{where}: nested deeper than a model: refused")
    except yaml.YAMLError as error:
        raise ModelError(f"{where}: a damaged ASDF file") from error
    at = content.find(b"\xd3BLK", len(header))
    while at >= 0:
        if content[at + 10 : at + 14] != b"\0\0\0\0":
            raise ModelError(f"{where}: compressed blocks: refused")
        at = content.find(b"\xd3BLK", at + 4 + int.from_bytes(content[at + 4 : at + 6], "big"))
