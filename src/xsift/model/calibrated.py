"""The calibrated method: every detection scored, with probabilities that can be trusted.

raw features -> hardness closed -> normal scores Z, and how faint
mixture of all detections, labelled or not  -> responsibilities, typicality
mixtures of the classes, in bags            -> posterior
trees, regression and posterior, blended    -> p among the plain classes
the same, of all kinds of source            -> p of the kinds apart, p_none
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
from xsift.model.faint import coordinate_of, level_of
from xsift.model.gaps import Gaps
from xsift.model.schema import (
    CalibratedTree,
    ClassMixturesTree,
    LevelTree,
    MixtureTree,
    ModelTree,
    ScorerTree,
    TreesTree,
)
from xsift.model.typicality import Typicality
from xsift.score.calibrated import SCALE, CalibratedScorer, Evidence
from xsift.score.none import NONE_SHARE, none_by_density, opened_to
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
    """Normal scores, mixtures and scorers, frozen: class probabilities from raw features.

    Attributes
    ----------
    closing : {"keep", "remove"}
        What becomes of hardness ratios that do not close.
    closure : tuple of three int, or None
        Where they are among the features.
    scores : NormalScores
    mixtures : tuple of Mixture
        Of all detections. The first gives clusters and typicality.
    bags : tuple of tuples of ClassMixtures
        One tuple for each level of faintness, the last for exact detections; one alone where
        counts do not matter. Their classes are the model's and, where `opened` is, none of them.
    scorer : CalibratedScorer
        Of the plain classes.
    opened : CalibratedScorer or None
        Of all groups, those of classes apart and, last, none of the classes. None where no kind
        beside the plain classes trained.
    """

    closing: str
    closure: tuple[int, int, int] | None
    scores: NormalScores
    mixtures: tuple[Mixture, ...]
    bags: tuple[tuple[ClassMixtures, ...], ...]
    scorer: CalibratedScorer
    opened: CalibratedScorer | None

    @property
    def takes_counts(self) -> bool:
        """Whether it matters how faint a detection is."""
        return len(self.bags) > 1

    def class_probabilities(self, X: np.ndarray) -> np.ndarray:
        """Return P(class | a plain class), shape (n, C), of raw features; NaN is missing.

        A row without any feature has the class shares of training.
        """
        p = np.empty((len(X), len(self.scorer.group)))
        for block in self._blocks(X, np.full(len(X), np.inf)):
            raw = self._mixtures_say(block)[-1]
            evidence = self._evidence(block)
            for some in _slices(len(block.Z)):
                part = evidence.take(some).among(p.shape[1])
                p[block.rows[some]] = self.scorer.predict_proba(part, raw[some, : self._n_groups])
        p[np.isnan(X).all(axis=1)] = self.scorer.shares
        return p

    @property
    def _n_groups(self) -> int:
        return len(self.scorer.within)

    def _blocks(self, X: np.ndarray, counts: np.ndarray) -> Iterator[_Block]:
        """Give rows of one level of faintness, ordered by what they lack."""
        level = level_of(counts) if self.takes_counts else np.zeros(len(X), dtype=np.int64)
        for first in range(0, len(X), _ROWS):
            some = slice(first, first + _ROWS)
            Z = self.scores.transform(close_hardness(X[some], self.closure, self.closing))
            faint = coordinate_of(counts[some])[:, None] if self.takes_counts else None
            for k in np.unique(level[some]):
                here = np.flatnonzero(level[some] == k)
                order, ends = group_by_pattern(Z[here], np.ones(len(here)), True)
                here = here[order]
                yield _Block(
                    *(first + here, Z[here], None if faint is None else faint[here]),
                    *(ends, int(k)),
                )

    def _evidence(self, block: _Block) -> Evidence:
        p_class = mean_posterior(self.bags[block.level], block.Z, block.ends)
        return Evidence(block.Z, p_class, None, block.faint)

    def _mixtures_say(self, block: _Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log-density and component in the first mixture, and the regressions' raw scores.

        The scores of the plain groups come first, then those of `opened`.
        """
        scorers = [self.scorer] if self.opened is None else [self.scorer, self.opened]
        slope = np.hstack([s.slope for s in scorers])
        X, d = block.looked_at, block.looked_at.shape[1]
        raw = np.empty((len(X), slope.shape[1]), order="F")
        raw[:] = np.concatenate([s.intercept for s in scorers])
        for j in range(d):
            column = SCALE * np.nan_to_num(X[:, j])
            for g in range(slope.shape[1]):
                raw[:, g] += column * slope[j, g]
        said, at = [], d
        for m in self.mixtures:
            part = np.ascontiguousarray(slope[at : at + len(m.weights)])
            said.append(
                weigh_roots(block.Z, block.ends, m.weights, m.means, m.covariances, part, raw)
            )
            at += len(m.weights)
        return *said[0], raw


class _Block(NamedTuple):
    """Rows of one level of faintness, ordered by what they lack.

    `faint` is how faint they are, shape (n, 1), or None where it does not matter.
    """

    rows: np.ndarray
    Z: np.ndarray
    faint: np.ndarray | None
    ends: np.ndarray
    level: int

    @property
    def looked_at(self) -> np.ndarray:
        """Normal scores and, where it matters, faintness."""
        return self.Z if self.faint is None else np.hstack([self.Z, self.faint])


def _slices(n: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE))


@dataclass(frozen=True, eq=False)
class CalibratedModel(CalibratedCore, Trained):
    """What was learned for a survey: the core, none of the classes and typicality, frozen.

    Attributes
    ----------
    survey, feature_set, features, classes
        As in `Trained`.
    closing, closure, scores, mixtures, bags, scorer, opened
        As in `CalibratedCore`.
    typicality : tuple of Typicality
        One for each level of faintness: a typical detection with few counts is no anomaly.
    set_thresholds : ndarray of shape (G,) or (G + 1,), or None
        Of the sets of groups (`xsift.score.conformal`), with none last where it was learned.
    gaps : Gaps, optional
        What training found of missing features; the file of a model has it in its training record.
    """

    typicality: tuple[Typicality, ...]
    set_thresholds: np.ndarray | None = None
    gaps: Gaps | None = None

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

    def typicality_of(self, X: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Return the typicality of raw features, shape (n, d), alone.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,), optional
            Effective counts; where None, detections are exact.
        """
        counts = np.full(len(X), np.inf) if counts is None else counts
        out = np.empty(len(X))
        for block in self._blocks(X, counts):
            density = log_density_and_responsibilities(block.Z, self.mixtures[0])[0]
            out[block.rows] = self._typicality(block, density)
        return out

    def _typicality(self, block: _Block, density: np.ndarray) -> np.ndarray:
        typicality = self.typicality[block.level]
        if typicality.mixture is not self.mixtures[0]:
            density = log_density_and_responsibilities(block.Z, typicality.mixture)[0]
        return typicality.of(block.Z, density)

    @property
    def prior(self) -> Prior:
        """The class shares under which the probabilities hold."""
        if self.opened is None:
            apart = np.zeros(len(self.classes) - len(self.scorer.shares))
            return Prior(np.concatenate([self.scorer.shares, apart]), NONE_SHARE)
        shares = self.opened.shares
        return Prior(shares[:-1] / shares[:-1].sum(), float(shares[-1]))

    def can_score(self, features: FeatureTable) -> np.ndarray:
        """Tell which rows have what the method needs: one feature."""
        return np.asarray(features.usable.any(axis=1))

    def classify(self, features: FeatureTable) -> Classification:
        """Classify detections; a row's result does not depend on the other rows.

        Parameters
        ----------
        features : FeatureTable
            Of the model's features. Those that are missing or impossible are integrated over; a
            row without any is not scored. A detection of few counts is judged as such.

        Raises
        ------
        ModelError
            If the features are not the model's.
        """
        self.refuse_other_features(features)
        return self.predict(features.values, features.counts)

    def predict(self, X: np.ndarray, counts: np.ndarray | None = None) -> Classification:
        """Classify raw features, shape (n, d); NaN is missing.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,), optional
            Effective counts; where None, detections are exact.
        """
        n = len(X)
        counts = np.full(n, np.inf) if counts is None else counts
        cluster = np.full(n, -1)
        p = np.zeros((n, len(self.classes)), order="F")  # a table can share the columns
        p_none, typicality = np.full(n, np.nan), np.full(n, np.nan)
        for block in self._blocks(X, counts):
            density, cluster[block.rows], raw = self._mixtures_say(block)
            evidence = self._evidence(block)
            typicality[block.rows] = self._typicality(block, density)
            for some in _slices(len(block.Z)):
                part, rows = evidence.take(some), block.rows[some]
                p_block, none = self._probabilities(part, raw[some], block.Z[some], density[some])
                p_none[rows] = none
                for k, column in enumerate(p_block.T):
                    p[rows, k] = column
        is_empty = np.isnan(X).all(axis=1)
        cluster[is_empty], p[is_empty], p_none[is_empty] = -1, np.nan, np.nan
        return Classification(cluster, p, p_none, typicality)

    def _probabilities(
        self, evidence: Evidence, raw: np.ndarray, Z: np.ndarray, density: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities of the classes, and of none of them."""
        n_plain, G = len(self.scorer.group), self._n_groups
        p_plain = self.scorer.predict_proba(evidence.among(n_plain), raw[:, :G])
        if self.opened is None:
            none = none_by_density(Z, density, n_plain > G)
            return p_plain * (1 - none)[:, None], none
        return opened_to(self.opened, evidence, raw[:, G:], p_plain, G)

    def tree(self) -> CalibratedTree:
        """Return the method's part of the model file."""
        scores = self.scores
        return CalibratedTree(
            closing=self.closing,
            closure=None if self.closure is None else list(self.closure),
            knots=np.array([len(v) for v in scores.value]),
            value=np.concatenate(scores.value),
            score=np.concatenate(scores.score),
            mixtures=[MixtureTree(**_fields(m, MixtureTree)) for m in self.mixtures],
            levels=[self._level_tree(k) for k in range(len(self.bags))],
            scorer=_scorer_tree(self.scorer),
            opened=self.opened and _scorer_tree(self.opened),
            set_thresholds=self.set_thresholds,
        )

    def _level_tree(self, k: int) -> LevelTree:
        typicality = self.typicality[k]
        is_first = typicality.mixture is self.mixtures[0]
        return LevelTree(
            bags=[ClassMixturesTree(**_fields(b, ClassMixturesTree)) for b in self.bags[k]],
            mixture=None if is_first else MixtureTree(**_fields(typicality.mixture, MixtureTree)),
            rank_quantiles=typicality.rank_quantiles,
        )

    @classmethod
    def from_tree(cls, tree: ModelTree) -> CalibratedModel:
        """Rebuild a model from its file's data."""
        part = tree.calibrated
        assert part is not None
        ends = np.cumsum(part.knots)[:-1]
        mixtures = tuple(Mixture(**_fields(m, MixtureTree)) for m in part.mixtures)
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
                tuple(
                    ClassMixtures(
                        **_fields(b, ClassMixturesTree), n_classes=part.n_judged(tree.classes)
                    )
                    for b in level.bags
                )
                for level in part.levels
            ),
            _scorer_of(part.scorer),
            None if part.opened is None else _scorer_of(part.opened),
            tuple(
                Typicality(
                    mixtures[0]
                    if m.mixture is None
                    else Mixture(**_fields(m.mixture, MixtureTree)),
                    m.rank_quantiles,
                )
                for m in part.levels
            ),
            part.set_thresholds,
        )


def _fields(value: Any, tree: type[BaseModel], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values that a tree and its counterpart have under the same names."""
    return {name: getattr(value, name) for name in tree.model_fields if name not in without}


def _scorer_of(tree: ScorerTree) -> CalibratedScorer:
    return CalibratedScorer(
        **_fields(tree, ScorerTree, ("trees", "within")),
        trees=Trees(**_fields(tree.trees, TreesTree)),
        within=tuple(None if t is None else Trees(**_fields(t, TreesTree)) for t in tree.within),
    )


def _scorer_tree(scorer: CalibratedScorer) -> ScorerTree:
    return ScorerTree(
        **_fields(scorer, ScorerTree, ("trees", "within")),
        trees=_trees_tree(scorer.trees),
        within=[t and _trees_tree(t) for t in scorer.within],
    )


def _trees_tree(trees: Trees) -> TreesTree:
    return TreesTree(**_fields(trees, TreesTree))


def responsibilities_in(
    mixtures: tuple[Mixture, ...], Z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-density under the first mixture, and the responsibilities in all."""
    scored = [log_density_and_responsibilities(Z, mixture) for mixture in mixtures]
    return scored[0][0], np.hstack([r for _, r in scored])
