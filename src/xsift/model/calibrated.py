"""The calibrated method: every detection scored, with probabilities that can be trusted.

raw features -> hardness closed -> normal scores Z, and how faint
mixture of all detections, labelled or not  -> responsibilities, typicality
mixtures of the classes, in bags            -> posterior
trees, regression and posterior, blended    -> p among the plain classes
the same, of all kinds of source            -> p of the kinds apart, p_none
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel
from scipy.special import ndtr

from xsift.features import FeatureTable, NormalScores
from xsift.mixture import ClassMixtures, Mixture, log_density_and_responsibilities
from xsift.model.classification import Classification, Trained, trained_for
from xsift.model.core import Block, CalibratedCore, slices_of
from xsift.model.gaps import Gaps
from xsift.model.progress import Tell
from xsift.model.schema import CalibratedTree, ModelTree
from xsift.model.schema_parts import (
    ClassMixturesTree,
    LevelTree,
    MixtureTree,
    OpenScorerTree,
    ScorerTree,
    TreesTree,
)
from xsift.model.typicality import Typicality
from xsift.model.validation import ValidationTree
from xsift.score.calibrated import CalibratedScorer
from xsift.score.none import NONE_SHARE, OpenScorer
from xsift.score.trees import Trees

__all__ = ["CalibratedModel", "Prior"]


class Prior(NamedTuple):
    """Class shares, shape (C,), and the share of detections of none of the classes."""

    shares: np.ndarray
    none_share: float


@dataclass(frozen=True, eq=False)
class CalibratedModel(CalibratedCore, Trained):
    """A trained calibrated model: scorers, none of the classes and typicality, frozen.

    Attributes
    ----------
    survey, feature_set, features, classes
        As in `Trained`.
    closing, closure, scores, mixtures, bags, scorers
        As in `CalibratedCore`.
    typicality : tuple of Typicality
        One for each level of faintness: a typical detection with few counts is no anomaly.
    gaps : Gaps, optional
        What training found of missing features; the file of a model has it in its training record.
    gaps_removed : bool
        Whether training took out what missing features say of the class.
    validation : tuple of ValidationTree
        What training found on held-out sources; none in models of earlier versions.
    """

    typicality: tuple[Typicality, ...]
    gaps: Gaps | None = None
    gaps_removed: bool = False
    validation: tuple[ValidationTree, ...] = ()

    def marginal(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """Return sorted values of a raw feature and their normal scores in training."""
        value = self.scores.value[feature]
        if self.closing == "remove" and self.closure is not None and feature in self.closure:
            value = np.tanh(value)  # of the closed ratio; those of one spectrum are closed
        return value, self.scores.score[feature]

    def quantile(self, feature: int, x: np.ndarray) -> np.ndarray:
        """Return the quantiles of values of a raw feature among those of training, in [0, 1]."""
        value, score = self.marginal(feature)
        return np.asarray(ndtr(np.interp(x, value, score)))

    def typicality_of(self, X: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Return only the typicality of raw features, shape (n, d).

        Parameters
        ----------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,), optional
            Effective counts; where None, detections are exact.
        """
        counts = np.full(len(X), np.inf) if counts is None else counts
        out = np.empty(len(X))
        for block in self.blocks(X, counts):
            density = log_density_and_responsibilities(block.Z, self.mixtures[0])[0]
            out[block.rows] = self._typicality(block, density)
        return out

    def _typicality(self, block: Block, density: np.ndarray) -> np.ndarray:
        typicality = self.typicality[block.level]
        if typicality.mixture is not self.mixtures[0]:
            density = log_density_and_responsibilities(block.Z, typicality.mixture)[0]
        return typicality.of(block.Z, density)

    @property
    def prior(self) -> Prior:
        """The class shares that the probabilities assume."""
        scorer = self.scorers[-1]
        if scorer.opened is None:
            apart = np.zeros(len(self.classes) - len(scorer.plain.shares))
            return Prior(np.concatenate([scorer.plain.shares, apart]), NONE_SHARE)
        shares = scorer.opened.shares
        return Prior(shares[:-1] / shares[:-1].sum(), float(shares[-1]))

    def can_score(self, features: FeatureTable) -> np.ndarray:
        """Tell which rows the method can score: those with at least one feature."""
        return np.asarray(features.usable.any(axis=1))

    def classify(self, features: FeatureTable, tell: Tell | None = None) -> Classification:
        """Classify detections; a row's result does not depend on the other rows.

        Parameters
        ----------
        features : FeatureTable
            Of the model's features. Those that are missing or impossible are integrated over; a
            row without any is not scored. A detection of few counts is judged as such.
        tell : callable, optional
            Told how many detections are classified, of how many, where there are many.

        Raises
        ------
        ModelError
            If the features are not the model's.
        """
        self.refuse_other_features(features)
        return self.predict(features.values, features.counts, tell)

    def predict(
        self, X: np.ndarray, counts: np.ndarray | None = None, tell: Tell | None = None
    ) -> Classification:
        """Classify raw features, shape (n, d); NaN is missing.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        counts : ndarray of shape (n,), optional
            Effective counts; where None, detections are exact.
        tell : callable, optional
            As in `classify`.
        """
        n, done = len(X), 0
        counts = np.full(n, np.inf) if counts is None else counts
        cluster = np.full(n, -1)
        p = np.zeros((n, len(self.classes)), order="F")  # a table can share the columns
        p_none, typicality = np.full(n, np.nan), np.full(n, np.nan)
        for block in self.blocks(X, counts):
            density, cluster[block.rows], raw = self.mixtures_say(block)
            evidence, scorer = self.evidence(block), self.scorer_of(block.level)
            typicality[block.rows] = self._typicality(block, density)
            for some in slices_of(len(block.Z)):
                part, rows = evidence.take(some), block.rows[some]
                p_block, p_none[rows] = scorer.probabilities(part, raw[some], density[some])
                for k, column in enumerate(p_block.T):
                    p[rows, k] = column
                done += len(rows)
                if tell is not None and n > len(rows):
                    tell(done, n)
        is_empty = np.isnan(X).all(axis=1)
        cluster[is_empty], p[is_empty], p_none[is_empty] = -1, np.nan, np.nan
        return Classification(cluster, p, p_none, typicality)

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
            scorers=[
                OpenScorerTree(
                    plain=_scorer_tree(one.plain),
                    opened=one.opened and _scorer_tree(one.opened),
                    thresholds=one.thresholds,
                )
                for one in self.scorers
            ],
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
            tuple(
                OpenScorer(
                    _scorer_of(one.plain),
                    None if one.opened is None else _scorer_of(one.opened),
                    one.thresholds,
                )
                for one in part.scorers
            ),
            tuple(
                Typicality(
                    mixtures[0]
                    if m.mixture is None
                    else Mixture(**_fields(m.mixture, MixtureTree)),
                    m.rank_quantiles,
                )
                for m in part.levels
            ),
            gaps_removed=(tree.training.gaps or {}).get("missing") == "remove",
            validation=tuple(tree.validation),
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
