"""Parts of a model's file: the fitted stages as plain data, checked when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from xsift.classes import Classes

__all__ = [
    "Array",
    "ClassMixturesTree",
    "LevelTree",
    "MixtureTree",
    "OpenScorerTree",
    "PaperTree",
    "ScalingTree",
    "ScorerTree",
    "Strict",
    "TreesTree",
    "in_digest",
    "want",
    "want_index",
    "want_rising",
]

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


def want(name: str, found: object, wanted: object) -> None:
    """Raise ValueError where a shape is not the one that is wanted."""
    if found != wanted:
        raise ValueError(f"{name} has shape {found}, {wanted} is wanted")


def want_index(name: str, values: np.ndarray, end: int) -> None:
    """Raise ValueError where numbers are not those from 0 to `end` - 1."""
    if values.dtype.kind != "i" or (values.size and not 0 <= values.min() <= values.max() < end):
        raise ValueError(f"{name} are to be whole numbers from 0 to {end - 1}")


def _want_shares(name: str, values: np.ndarray) -> None:
    if (values < 0).any() or not abs(values.sum() - 1) <= 1e-6:
        raise ValueError(f"{name} are to be positive and to sum to 1")


def want_rising(name: str, values: np.ndarray) -> None:
    """Raise ValueError where numbers fall."""
    if (np.diff(values) < 0).any():
        raise ValueError(f"{name} are to rise")


def _want_ranks(name: str, values: np.ndarray) -> None:
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"{name} is to be a list of two numbers and more")
    want_rising(name, values)


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


def in_digest(array: np.ndarray) -> list[Any]:
    """Return what stands for an array in a digest."""
    values = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return [values.dtype.str, values.shape, hashlib.sha256(values.data).hexdigest()]


Array = Annotated[Any, BeforeValidator(_array), PlainSerializer(lambda value: value)]


class Strict(BaseModel):
    """A part: no field but those it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield all arrays, those of parts too, in the order of the fields."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for part in value if isinstance(value, list | tuple) else [value]:
                if isinstance(part, np.ndarray):
                    yield part
                elif isinstance(part, Strict):
                    yield from part.arrays()


class ScalingTree(Strict):
    """Constants of the scaling; d features."""

    scaling: list[Literal["log-range", "range", "none"]]
    offset: Array
    low: Array
    high: Array


class MixtureTree(Strict):
    """A mixture; K clusters."""

    weights: Array
    means: Array
    covariances: Array

    def check(self, name: str, d: int) -> None:
        """Raise ValueError where it is no mixture in d dimensions."""
        K = len(np.atleast_1d(self.weights))
        want(f"{name}.weights", self.weights.shape, (K,))
        want(f"{name}.means", self.means.shape, (K, d))
        want(f"{name}.covariances", self.covariances.shape, (K, d, d))
        _want_shares(f"{name}.weights", self.weights)
        _want_covariances("cluster", self.covariances)


class PaperTree(Strict):
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
        want("scaling", len(self.scaling.scaling), d)
        for name in ("offset", "low", "high"):
            want(f"scaling.{name}", getattr(self.scaling, name).shape, (d,))
        self.mixture.check("mixture", d)
        want("paper.n_members", self.n_members.shape, (n_clusters, n_classes))
        want("paper.means", self.means.shape, (n_clusters, n_classes, d))
        want("paper.precisions", self.precisions.shape, (n_clusters, n_classes, d, d))
        _want_precisions("paper.precisions", self.precisions)
        _want_ranks("log_density_quantiles", self.log_density_quantiles)
        if not (self.scaling.high > self.scaling.low).all():
            raise ValueError("scaling.high is to be above scaling.low")
        want_index("paper.n_members", self.n_members, 2**31)


class ClassMixturesTree(Strict):
    """Mixtures of the classes, as one; M components."""

    weights: Array
    means: Array
    covariances: Array
    owner: Array

    def check(self, name: str, d: int, n_classes: int) -> None:
        """Raise ValueError where they are no mixtures in d dimensions."""
        plain = MixtureTree(weights=self.weights, means=self.means, covariances=self.covariances)
        plain.check(name, d)
        want(f"{name}.owner", self.owner.shape, self.weights.shape)
        want_index(f"{name}.owner", self.owner, n_classes)
        want_rising(f"{name}.owner", self.owner)


class TreesTree(Strict):
    """Boosted trees; T of them, of three levels."""

    baseline: Array
    output: Array
    feature: Array
    threshold: Array
    leaf: Array

    def check(self, name: str, n_features: int, n_outputs: int) -> None:
        """Raise ValueError where they would look beyond the features, or add beyond the outputs."""
        T = len(np.atleast_1d(self.output))
        want(f"{name}.baseline", self.baseline.shape, (n_outputs,))
        want(f"{name}.output", self.output.shape, (T,))
        for part, width in (("feature", 7), ("threshold", 7), ("leaf", 8)):
            want(f"{name}.{part}", getattr(self, part).shape, (T, width))
        want_index(f"{name}.output", self.output, n_outputs)
        # -1 - j is the negative of feature j.
        if self.feature.dtype.kind != "i":
            raise ValueError(f"{name}.feature are to be whole numbers")
        want_index(f"{name}.feature", np.maximum(self.feature, ~self.feature), n_features)


class ScorerTree(Strict):
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
        want(f"{name}.group", self.group.shape, (n_classes,))
        n_groups = len(self.within)
        want_index(f"{name}.group", self.group, n_groups)
        if len(np.unique(self.group)) < n_groups:
            raise ValueError(f"{name}.group is to have a class in every group")
        want(f"{name}.shares", self.shares.shape, (n_classes,))
        _want_shares(f"{name}.shares", self.shares)
        self.trees.check(f"{name}.trees", n_features + n_classes, n_groups)
        want(f"{name}.slope", self.slope.shape, (n_features + n_responsibilities, n_groups))
        want(f"{name}.intercept", self.intercept.shape, (n_groups,))
        want(f"{name}.blend", self.blend.shape, (3, 2 + takes_counts))
        for g, trees in enumerate(self.within):
            own = int((self.group == g).sum())
            if trees is not None:
                trees.check(f"{name}.within.{g}", n_features + n_classes, own)


class OpenScorerTree(Strict):
    """A scorer of the plain classes, opened to the kinds beside them."""

    plain: ScorerTree
    opened: ScorerTree | None
    thresholds: Array | None

    def check(
        self, name: str, d: int, n_responsibilities: int, classes: Classes, takes_counts: bool
    ) -> None:
        """Raise ValueError where it is no scorer of these classes, of d looked-at columns."""
        n_plain = classes.n_plain
        self.plain.check(f"{name}.plain", d, n_responsibilities, n_plain, takes_counts)
        want(f"{name}.plain.group", self.plain.group.tolist(), list(classes.group_index[:n_plain]))
        if self.opened is not None:
            n = len(classes) + 1
            self.opened.check(f"{name}.opened", d, n_responsibilities, n, takes_counts)
            groups = [*classes.group_index, len(classes.groups)]
            want(f"{name}.opened.group", self.opened.group.tolist(), groups)
        if self.thresholds is not None:
            n_groups = len(self.plain.within) + (self.opened is not None)
            want(f"{name}.thresholds", self.thresholds.shape, (n_groups,))
            if not ((self.thresholds >= 0) & (self.thresholds <= 1)).all():
                raise ValueError(f"{name}.thresholds are to be probabilities, 0 to 1")


class LevelTree(Strict):
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
