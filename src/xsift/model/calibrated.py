"""The calibrated method: every detection scored, with probabilities that can be trusted.

raw features -> hardness closed -> normal scores Z
mixture of all detections, labelled or not  -> responsibilities, typicality
mixtures of the classes, in bags            -> posterior
trees, regression and posterior, blended    -> p, p_none
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel
from scipy.special import ndtr

from xsift.features import FeatureTable, NormalScores, close_hardness
from xsift.mixture import (
    ClassMixtures,
    Mixture,
    group_by_pattern,
    log_density_and_responsibilities,
    mean_posterior,
    weigh_roots,
)
from xsift.model.classification import Classification, Trained, trained_for
from xsift.model.schema import (
    CalibratedTree,
    ClassMixturesTree,
    MixtureTree,
    ModelTree,
    ScorerTree,
    TreesTree,
)
from xsift.model.typicality import Typicality
from xsift.score.calibrated import SCALE, CalibratedScorer, Evidence
from xsift.score.none import NONE_SHARE, NoneScorer, excess_entropy
from xsift.score.trees import Trees

__all__ = ["CalibratedCore", "CalibratedModel", "Prior", "responsibilities_in"]

_ROWS = 131_072  # the more, the more of them lack the same features, and are worked on at once
_AT_ONCE = 8_192


class Prior(NamedTuple):
    """Class shares, shape (C,), and the share of detections of none of the classes."""

    shares: np.ndarray
    none_share: float


@dataclass(frozen=True, eq=False)
class CalibratedCore:
    """Normal scores, mixtures and scorer, frozen: class probabilities from raw features.

    Attributes
    ----------
    closing : {"keep", "remove"}
        What becomes of hardness ratios that do not close.
    closure : tuple of three int, or None
        Where they are among the features.
    scores : NormalScores
    mixtures : tuple of Mixture
        Of all detections. The first gives clusters and typicality.
    bags : tuple of ClassMixtures
    scorer : CalibratedScorer
    """

    closing: str
    closure: tuple[int, int, int] | None
    scores: NormalScores
    mixtures: tuple[Mixture, ...]
    bags: tuple[ClassMixtures, ...]
    scorer: CalibratedScorer

    def class_probabilities(self, X: np.ndarray) -> np.ndarray:
        """Return P(class | a class), shape (n, C), of raw features; NaN is missing.

        A row without any feature has the class shares of training.
        """
        p = np.empty((len(X), len(self.scorer.group)))
        for rows, Z, ends in self._blocks(X):
            raw = self._mixtures_say(Z, ends)[-1]
            evidence = Evidence(Z, mean_posterior(self.bags, Z, ends), None)
            for start in range(0, len(Z), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                p[rows[some]] = self.scorer.predict_proba(evidence.take(some), raw[some])
        p[np.isnan(X).all(axis=1)] = self.scorer.shares
        return p

    def _blocks(self, X: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Give rows, their normal scores and where each pattern ends, ordered by what they lack."""
        for first in range(0, len(X), _ROWS):
            Z = self.scores.transform(
                close_hardness(X[first : first + _ROWS], self.closure, self.closing)
            )
            order, ends = group_by_pattern(Z, np.ones(len(Z)), True)
            yield first + order, Z[order], ends

    def _mixtures_say(
        self, Z: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log-density and component in the first mixture, and the regression's raw scores.

        Rows are ordered by what they lack.
        """
        slope, d = self.scorer.slope, Z.shape[1]
        raw = np.empty((len(Z), slope.shape[1]), order="F")
        raw[:] = self.scorer.intercept
        for j in range(d):
            column = SCALE * np.nan_to_num(Z[:, j])
            for g in range(slope.shape[1]):
                raw[:, g] += column * slope[j, g]
        said, at = [], d
        for m in self.mixtures:
            part = slope[at : at + len(m.weights)]
            said.append(weigh_roots(Z, ends, m.weights, m.means, m.covariances, part, raw))
            at += len(m.weights)
        return *said[0], raw


@dataclass(frozen=True, eq=False)
class CalibratedModel(CalibratedCore, Trained):
    """What was learned for a survey: the core, none of the classes and typicality, frozen.

    Attributes
    ----------
    survey, feature_set, features, classes
        As in `Trained`.
    closing, closure, scores, mixtures, bags, scorer
        As in `CalibratedCore`.
    none : NoneScorer
    typicality : Typicality
    set_thresholds : ndarray of shape (G,) or (G + 1,), or None
        Of the sets of groups (`xsift.score.conformal`), with none last where it was learned.
    """

    none: NoneScorer
    typicality: Typicality
    set_thresholds: np.ndarray | None = None

    def marginal(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """Return values of a raw feature, rising, and their normal scores in training."""
        value = self.scores.value[feature]
        if self.closing == "remove" and self.closure is not None and feature in self.closure:
            value = np.tanh(value)  # of the closed ratio; those of one spectrum are closed
        return value, self.scores.score[feature]

    def quantile(self, feature: int, x: np.ndarray) -> np.ndarray:
        """Return where values of a raw feature stand among those of training, in [0, 1]."""
        value, score = self.marginal(feature)
        return np.asarray(ndtr(np.interp(x, value, score)))

    def typicality_of(self, X: np.ndarray) -> np.ndarray:
        """Return the typicality of raw features, shape (n, d), alone."""
        Z = self.scores.transform(close_hardness(X, self.closure, self.closing))
        return self.typicality.of(Z, log_density_and_responsibilities(Z, self.mixtures[0])[0])

    @property
    def prior(self) -> Prior:
        """The class shares under which the probabilities hold."""
        return Prior(self.scorer.shares, NONE_SHARE)

    def can_score(self, features: FeatureTable) -> np.ndarray:
        """Tell which rows have what the method needs: one feature."""
        return np.asarray(features.usable.any(axis=1))

    def classify(self, features: FeatureTable) -> Classification:
        """Classify detections; a row's result does not depend on the other rows.

        Parameters
        ----------
        features : FeatureTable
            Of the model's features. Those that are missing or impossible are integrated over; a
            row without any is not scored.

        Raises
        ------
        ModelError
            If the features are not the model's.
        """
        self.refuse_other_features(features)
        return self.predict(features.values)

    def predict(self, X: np.ndarray) -> Classification:
        """Classify raw features, shape (n, d); NaN is missing."""
        n = len(X)
        cluster = np.full(n, -1)
        p = np.full((n, len(self.classes)), np.nan, order="F")  # a table can share the columns
        p_none, typicality = np.full(n, np.nan), np.full(n, np.nan)
        for rows, Z, ends in self._blocks(X):
            density, cluster[rows], raw = self._mixtures_say(Z, ends)
            evidence = Evidence(Z, mean_posterior(self.bags, Z, ends), None)
            typicality[rows] = self.typicality.of(Z, density)
            for start in range(0, len(Z), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                part = evidence.take(some)
                p_class = self.scorer.predict_proba(part, raw[some])
                doubt = excess_entropy(p_class, self.scorer.shares)
                none = self.none.predict(part, density[some], doubt)
                p_none[rows[some]] = none
                for k, column in enumerate(p_class.T):
                    p[rows[some], k] = column * (1 - none)
        is_empty = np.isnan(X).all(axis=1)
        cluster[is_empty], p[is_empty], p_none[is_empty] = -1, np.nan, np.nan
        return Classification(cluster, p, p_none, typicality)

    def tree(self) -> CalibratedTree:
        """Return the method's part of the model file."""
        scorer, scores = self.scorer, self.scores
        return CalibratedTree(
            closing=self.closing,
            closure=None if self.closure is None else list(self.closure),
            knots=np.array([len(v) for v in scores.value]),
            value=np.concatenate(scores.value),
            score=np.concatenate(scores.score),
            mixtures=[MixtureTree(**_fields(m, MixtureTree)) for m in self.mixtures],
            bags=[ClassMixturesTree(**_fields(b, ClassMixturesTree)) for b in self.bags],
            scorer=ScorerTree(
                **_fields(scorer, ScorerTree, ("trees", "within")),
                trees=_trees_tree(scorer.trees),
                within=[t and _trees_tree(t) for t in scorer.within],
            ),
            none_trees=self.none.trees and _trees_tree(self.none.trees),
            none_share=self.none.share,
            rank_quantiles=self.typicality.rank_quantiles,
            set_thresholds=self.set_thresholds,
        )

    @classmethod
    def from_tree(cls, tree: ModelTree) -> CalibratedModel:
        """Rebuild a model from its file's data."""
        part = tree.calibrated
        assert part is not None
        ends = np.cumsum(part.knots)[:-1]
        mixtures = tuple(Mixture(**_fields(m, MixtureTree)) for m in part.mixtures)
        n_classes = len(tree.classes)
        scorer = CalibratedScorer(
            **_fields(part.scorer, ScorerTree, ("trees", "within")),
            trees=Trees(**_fields(part.scorer.trees, TreesTree)),
            within=tuple(_trees_of(t) for t in part.scorer.within),
        )
        closure = None
        if part.closure is not None:
            hm, ms, hs = part.closure
            closure = hm, ms, hs
        return cls(
            *trained_for(tree),
            part.closing,
            closure,
            NormalScores(tuple(np.split(part.value, ends)), tuple(np.split(part.score, ends))),
            mixtures,
            tuple(
                ClassMixtures(**_fields(b, ClassMixturesTree), n_classes=n_classes)
                for b in part.bags
            ),
            scorer,
            NoneScorer(_trees_of(part.none_trees), len(scorer.within), part.none_share),
            Typicality(mixtures[0], part.rank_quantiles),
            part.set_thresholds,
        )


def _fields(value: Any, tree: type[BaseModel], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values that a tree and its counterpart have under the same names."""
    return {name: getattr(value, name) for name in tree.model_fields if name not in without}


def _trees_of(tree: TreesTree | None) -> Trees | None:
    return None if tree is None else Trees(**_fields(tree, TreesTree))


def _trees_tree(trees: Trees) -> TreesTree:
    return TreesTree(**_fields(trees, TreesTree))


def responsibilities_in(
    mixtures: tuple[Mixture, ...], Z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-density under the first mixture, and the responsibilities in all."""
    scored = [log_density_and_responsibilities(Z, mixture) for mixture in mixtures]
    return scored[0][0], np.hstack([r for _, r in scored])
