"""What a model file holds: plain data, checked against this schema when it loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from xsift import surveys
from xsift.classes import Classes
from xsift.errors import ModelError
from xsift.model.faint import EDGES
from xsift.model.training_rows import TrainingRowsTree
from xsift.surveys import Survey

__all__ = [
    "MAX_BYTES",
    "VERSION",
    "CalibratedTree",
    "ClassMixturesTree",
    "LevelTree",
    "MixtureTree",
    "ModelTree",
    "PaperTree",
    "ScalingTree",
    "ScorerTree",
    "TrainingTree",
    "TreesTree",
]

MAX_BYTES = 128 * 1024**2
VERSION = 5  # 4 knew no faint detections, and no kinds beside the plain classes
_MOST = 100_000
_LARGEST = float(np.finfo(np.float32).max)  # what trees hold; squares of it are far from infinite


def _array(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        found = getattr(value, "dtype", type(value).__name__)
        raise ValueError(f"an array of numbers is wanted, not {found}")
    if not np.isfinite(value).all():
        raise ValueError("the array holds values that are not finite")
    if value.size and not -_LARGEST <= value.min() <= value.max() <= _LARGEST:
        raise ValueError(f"the array holds values beyond {_LARGEST:.3g}")
    # A copy: asdf writes the whole array that a view is of, and two views as one block.
    return np.array(value, np.int64 if value.dtype.kind in "iu" else np.float64, order="C")


def _want(name: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise ValueError(f"{name} has shape {found}, {wanted} is wanted")


def _want_index(name: str, values: np.ndarray, end: int) -> None:
    if values.dtype.kind != "i" or (values.size and not 0 <= values.min() <= values.max() < end):
        raise ValueError(f"{name} are to be whole numbers from 0 to {end - 1}")


def _want_shares(name: str, values: np.ndarray) -> None:
    if (values < 0).any() or not abs(values.sum() - 1) <= 1e-6:
        raise ValueError(f"{name} are to be positive and to sum to 1")


def _want_rising(name: str, values: np.ndarray) -> None:
    if (np.diff(values) < 0).any():
        raise ValueError(f"{name} are to rise")


def _want_ranks(name: str, values: np.ndarray) -> None:
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{name} is to be a list of two numbers and more")
    _want_rising(name, values)


def _want_covariances(what: str, covariances: np.ndarray) -> None:
    turned = np.swapaxes(covariances, -1, -2)
    alike = np.isclose(covariances, turned, rtol=1e-6, atol=1e-12).all(axis=(-1, -2))
    if not alike.all():
        raise ValueError(f"covariance of {what} {np.argmin(alike)} is not symmetric")
    positive = np.linalg.eigvalsh(covariances).min(axis=-1) > 0
    if not positive.all():
        raise ValueError(f"covariance of {what} {np.argmin(positive)} is not positive definite")


def _want_precisions(name: str, precisions: np.ndarray) -> None:
    """Refuse matrices with negative eigenvalues; pseudo-inverses have zeros, but for rounding."""
    turned = np.swapaxes(precisions, -1, -2)
    largest = np.abs(precisions).max(axis=(-1, -2))
    apart = np.abs(precisions - turned).max(axis=(-1, -2))
    lowest = np.linalg.eigvalsh(precisions).min(axis=-1)
    if (apart > 1e-6 * largest).any() or (lowest < -1e-6 * largest).any():
        raise ValueError(f"{name} are to be symmetric, without negative eigenvalues")


def _in_digest(array: np.ndarray) -> list[Any]:
    values = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return [values.dtype.str, values.shape, hashlib.sha256(values.data).hexdigest()]


Array = Annotated[Any, BeforeValidator(_array), PlainSerializer(lambda value: value)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield all arrays, those of parts too, in the order of the fields."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for part in value if isinstance(value, list | tuple) else [value]:
                if isinstance(part, np.ndarray):
                    yield part
                elif isinstance(part, _Strict):
                    yield from part.arrays()


class ScalingTree(_Strict):
    """Constants of the scaling; d features."""

    scaling: list[Literal["log-range", "range", "none"]]
    offset: Array
    low: Array
    high: Array


class MixtureTree(_Strict):
    """A mixture; K clusters."""

    weights: Array
    means: Array
    covariances: Array

    def check(self, name: str, d: int) -> None:
        """Raise ValueError where it is no mixture in d dimensions."""
        K = len(np.atleast_1d(self.weights))
        _want(f"{name}.weights", self.weights.shape, (K,))
        _want(f"{name}.means", self.means.shape, (K, d))
        _want(f"{name}.covariances", self.covariances.shape, (K, d, d))
        _want_shares(f"{name}.weights", self.weights)
        _want_covariances("cluster", self.covariances)


class PaperTree(_Strict):
    """The published method: scaling, mixture, classes inside the clusters; C classes."""

    scaling: ScalingTree
    mixture: MixtureTree
    n_members: Array
    means: Array
    precisions: Array
    min_members: int = Field(ge=2, le=2**31)
    log_density_quantiles: Array

    def check(self, d: int, classes: Classes) -> None:
        """Raise ValueError where shapes or numbers cannot be a model's."""
        n_classes = len(classes)
        n_clusters = len(np.atleast_1d(self.mixture.weights))
        _want("scaling", len(self.scaling.scaling), d)
        for name in ("offset", "low", "high"):
            _want(f"scaling.{name}", getattr(self.scaling, name).shape, (d,))
        self.mixture.check("mixture", d)
        _want("paper.n_members", self.n_members.shape, (n_clusters, n_classes))
        _want("paper.means", self.means.shape, (n_clusters, n_classes, d))
        _want("paper.precisions", self.precisions.shape, (n_clusters, n_classes, d, d))
        _want_precisions("paper.precisions", self.precisions)
        _want_ranks("log_density_quantiles", self.log_density_quantiles)
        if not (self.scaling.high > self.scaling.low).all():
            raise ValueError("scaling.high is to be above scaling.low")
        _want_index("paper.n_members", self.n_members, 2**31)


class ClassMixturesTree(_Strict):
    """Mixtures of the classes, as one; M components."""

    weights: Array
    means: Array
    covariances: Array
    owner: Array

    def check(self, name: str, d: int, n_classes: int) -> None:
        """Raise ValueError where they are no mixtures in d dimensions."""
        plain = MixtureTree(weights=self.weights, means=self.means, covariances=self.covariances)
        plain.check(name, d)
        _want(f"{name}.owner", self.owner.shape, self.weights.shape)
        _want_index(f"{name}.owner", self.owner, n_classes)
        _want_rising(f"{name}.owner", self.owner)


class TreesTree(_Strict):
    """Boosted trees; T of them, of three levels."""

    baseline: Array
    output: Array
    feature: Array
    threshold: Array
    leaf: Array

    def check(self, name: str, n_features: int, n_outputs: int) -> None:
        """Raise ValueError where they would look beyond the features, or add beyond the outputs."""
        T = len(np.atleast_1d(self.output))
        _want(f"{name}.baseline", self.baseline.shape, (n_outputs,))
        _want(f"{name}.output", self.output.shape, (T,))
        for part, width in (("feature", 7), ("threshold", 7), ("leaf", 8)):
            _want(f"{name}.{part}", getattr(self, part).shape, (T, width))
        _want_index(f"{name}.output", self.output, n_outputs)
        # -1 - j is the negative of feature j.
        if self.feature.dtype.kind != "i":
            raise ValueError(f"{name}.feature are to be whole numbers")
        _want_index(f"{name}.feature", np.maximum(self.feature, ~self.feature), n_features)


class ScorerTree(_Strict):
    """The calibrated scorer; G groups of C classes, F coordinates."""

    group: Array
    shares: Array
    trees: TreesTree
    slope: Array
    intercept: Array
    blend: Array
    within: list[TreesTree | None]

    def check(
        self,
        name: str,
        n_features: int,
        n_responsibilities: int,
        n_classes: int,
        takes_counts: bool,
    ) -> None:
        """Raise ValueError where shapes or numbers cannot be a scorer's."""
        _want(f"{name}.group", self.group.shape, (n_classes,))
        n_groups = len(self.within)
        _want_index(f"{name}.group", self.group, n_groups)
        if len(np.unique(self.group)) < n_groups:
            raise ValueError(f"{name}.group is to have a class in every group")
        _want(f"{name}.shares", self.shares.shape, (n_classes,))
        _want_shares(f"{name}.shares", self.shares)
        self.trees.check(f"{name}.trees", n_features + n_classes, n_groups)
        _want(f"{name}.slope", self.slope.shape, (n_features + n_responsibilities, n_groups))
        _want(f"{name}.intercept", self.intercept.shape, (n_groups,))
        _want(f"{name}.blend", self.blend.shape, (3, 2 + takes_counts))
        for g, trees in enumerate(self.within):
            own = int((self.group == g).sum())
            if trees is not None:
                trees.check(f"{name}.within.{g}", n_features + n_classes, own)


class LevelTree(_Strict):
    """Detections of one level of faintness.

    `mixture` is that under which they are typical; None: the first of all detections.
    """

    bags: list[ClassMixturesTree] = Field(min_length=1, max_length=100)
    mixture: MixtureTree | None
    rank_quantiles: Array

    def check(self, name: str, d: int, n_classes: int) -> None:
        """Raise ValueError where they are no mixtures in d dimensions."""
        for k, bag in enumerate(self.bags):
            bag.check(f"{name}.bags.{k}", d, n_classes)
        if self.mixture is not None:
            self.mixture.check(f"{name}.mixture", d)
        _want_ranks(f"{name}.rank_quantiles", self.rank_quantiles)


class CalibratedTree(_Strict):
    """The calibrated method; d features, with the mismatch of hardness where that is kept."""

    closing: Literal["keep", "remove"]
    closure: list[int] | None
    knots: Array
    value: Array
    score: Array
    mixtures: list[MixtureTree] = Field(min_length=1, max_length=20)
    levels: list[LevelTree] = Field(min_length=1, max_length=20)
    scorer: ScorerTree
    opened: ScorerTree | None
    set_thresholds: Array | None = None

    def n_judged(self, classes: Classes) -> int:
        """Return how many kinds the class mixtures tell apart."""
        return classes.n_plain if self.opened is None else len(classes) + 1

    def check(self, n_raw: int, classes: Classes) -> None:
        """Raise ValueError where shapes or numbers cannot be a model's."""
        if self.closure is not None:
            _want("closure", len(self.closure), 3)
            _want_index("closure", np.array(self.closure), n_raw)
            _want("closure", len(set(self.closure)), 3)
        d = n_raw + (self.closure is not None and self.closing == "keep")
        _want("knots", self.knots.shape, (d,))
        if self.knots.dtype.kind != "i" or not 1 <= self.knots.min() <= self.knots.max() <= _MOST:
            raise ValueError(f"knots are to be whole numbers from 1 to {_MOST}")
        for name in ("value", "score"):
            _want(name, getattr(self, name).shape, (int(self.knots.sum()),))
        for j, part in enumerate(np.split(self.value, np.cumsum(self.knots)[:-1])):
            if (np.diff(part) <= 0).any():
                raise ValueError(f"the knots of feature {j} are to rise")
        for j, part in enumerate(np.split(self.score, np.cumsum(self.knots)[:-1])):
            _want_rising(f"the scores of feature {j}", part)
        for k, mixture in enumerate(self.mixtures):
            mixture.check(f"mixtures.{k}", d)
        if len(self.levels) not in (1, len(EDGES) + 1):
            raise ValueError(f"levels are to be 1 or {len(EDGES) + 1}")
        n_judged = self.n_judged(classes)
        for k, level in enumerate(self.levels):
            level.check(f"levels.{k}", d, n_judged)
        takes_counts = len(self.levels) > 1
        d += takes_counts  # trees see how faint a detection is
        n_responsibilities = sum(len(m.weights) for m in self.mixtures)
        self.scorer.check("scorer", d, n_responsibilities, classes.n_plain, takes_counts)
        if self.opened is not None:
            self.opened.check("opened", d, n_responsibilities, n_judged, takes_counts)
            groups = [*classes.group_index, len(classes.groups)]
            _want("opened.group", self.opened.group.tolist(), groups)
        plain = list(classes.group_index[: classes.n_plain])
        _want("scorer.group", self.scorer.group.tolist(), plain)
        if self.set_thresholds is not None:
            n_groups = len((self.opened or self.scorer).within)
            _want("set_thresholds", self.set_thresholds.shape, (n_groups,))
            if not ((self.set_thresholds >= 0) & (self.set_thresholds <= 1)).all():
                raise ValueError("set_thresholds are to be probabilities, 0 to 1")


class TrainingTree(_Strict):
    """What the model was trained on, and how.

    `gaps` is what was measured of missing features, and done about them.
    """

    input: str
    input_sha256: str
    labels: str | None
    labels_sha256: str | None
    settings: dict[str, str | int | float | bool | list[str] | dict[str, str] | None]
    counts: dict[str, int]
    class_counts: dict[str, int]
    warnings: list[str]
    environment: dict[str, str]
    created: str
    gaps: dict[str, str | float | int] | None = None


class ModelTree(_Strict):
    """Everything that classifies a detection, as plain data.

    `profile` is the survey's where it is not one that comes with xsift.
    """

    format: Literal["xsift-model"] = "xsift-model"
    version: Literal[5] = 5
    method: Literal["paper", "calibrated"]
    survey: str
    release: str
    feature_set: str
    profile: Survey | None = None
    features: list[str] = Field(min_length=1, max_length=200)
    classes: Classes
    paper: PaperTree | None = None
    calibrated: CalibratedTree | None = None
    training: TrainingTree
    training_rows: TrainingRowsTree = Field(default_factory=TrainingRowsTree)
    evaluation: dict[str, float] | None = None

    @model_validator(mode="after")
    def _sound(self) -> ModelTree:
        if (self.method == "paper") != (self.paper is not None) or (
            self.method == "calibrated"
        ) != (self.calibrated is not None):
            raise ValueError(f"a model of method {self.method} holds that method's part alone")
        part = self.paper or self.calibrated
        assert part is not None
        part.check(len(self.features), self.classes)
        return self

    @property
    def survey_profile(self) -> Survey:
        """The survey that the model was trained for.

        Raises
        ------
        ModelError
            If it is none that comes with this xsift, and the file does not hold it.
        """
        if self.profile is not None:
            return self.profile
        if self.survey not in surveys.names():
            raise ModelError(f"trained for survey {self.survey!r}, which this xsift knows not")
        return surveys.load(self.survey)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the file says, however it is written there."""
        plain = self.model_dump(mode="python")
        text = json.dumps(plain, sort_keys=True, default=_in_digest)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def model_id(self) -> str:
        """Fingerprint of what decides a classification: same numbers, same name.

        Input files, times, versions and the rows that trained do not enter: the same detections
        from a VOTable and from a FITS file train the same model.
        """
        digest = hashlib.sha256()
        text = [self.method, self.survey, *self.features]
        text += [*self.classes.codes, *self.classes.columns]
        if self.profile is not None:
            text += [f"{f.name} = {f.said}" for f in self.profile.features]
            text += [way.model_dump_json() for way in self.profile.counts]
        if self.paper is not None:
            text += [*self.paper.scaling.scaling, str(self.paper.min_members)]
        if self.calibrated is not None:
            text += [self.calibrated.closing]
        digest.update("\n".join(text).encode())
        part = self.paper or self.calibrated
        assert part is not None
        for array in part.arrays():
            digest.update(array.tobytes())
        return digest.hexdigest()[:12]
