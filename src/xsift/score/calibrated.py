"""The calibrated scorer: several kinds of evidence, blended on sources that they never saw."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from xsift.score.evidence import LEAST, Evidence, log_of
from xsift.score.softmax import group_sums, normalised, softmax
from xsift.score.trees import Trees, boost, mean_of

__all__ = ["FOLDS", "CalibratedScorer", "Unseen", "fit_calibrated"]

FOLDS = 4
"""Parts of the sources: each is judged by experts of the others."""

_SEEDS = (0, 1)
# Of the blend towards its start, in nats per row. Experts of a fold are trained on fewer sources,
# and trees gain most from more: the folds trust the others too much, however many rows there are.
_PULL = 0.02
_FEW_PULL = 3.0  # where rows are few: the same, much more so
_START = (0.8, 0.1, 0.1)
# Rows, their copies included, per number of a Gaussian of each class: with fewer, mixtures are too
# sure of rows that they have not seen.
_ROWS_PER_NUMBER = 10
_REGRESSION_ROWS = 15_000  # of some hundred numbers more rows tell little


class _Experts(NamedTuple):
    trees: Trees
    slope: np.ndarray  # (F, G)
    intercept: np.ndarray  # (G,)

    def log_p(
        self, evidence: Evidence, group: np.ndarray, raw: np.ndarray | None = None
    ) -> np.ndarray:
        """Return what each expert says of the groups, shape (3, n, G).

        `raw` are the raw scores of the regression, where they are known.
        """
        if raw is None:
            raw = _rowwise(evidence.coordinates, self.slope) + self.intercept
        experts = (
            self.trees.predict_proba(evidence.features),
            softmax(raw),
            group_sums(evidence.p_class, group),
        )
        log_p = np.empty((3, raw.shape[1], len(raw))).transpose(0, 2, 1)
        for own, p in zip(log_p, experts, strict=True):
            own[:] = log_of(p)
        return log_p


@dataclass(frozen=True, eq=False)
class CalibratedScorer:
    """Probabilities of classes from boosted trees, mixture responsibilities and class mixtures.

    Attributes
    ----------
    group : ndarray of int, shape (C,)
        Group of each class, 0 to G - 1.
    shares : ndarray of shape (C,)
        Class shares under which the probabilities hold.
    trees : Trees
        Of the groups.
    slope, intercept : ndarray of shapes (F, G) and (G,)
        Logistic regression of the groups.
    blend : ndarray of shape (3, 2) or (3, 3)
        Weight of the logarithm of what each expert says (trees, regression, class mixtures), what
        it gains where all features are missing and, where that matters, for a step of faintness.
    within : tuple of Trees or None
        Of the classes in each group; None where there is one.
    """

    group: np.ndarray
    shares: np.ndarray
    trees: Trees
    slope: np.ndarray
    intercept: np.ndarray
    blend: np.ndarray
    within: tuple[Trees | None, ...]

    def predict_proba(self, evidence: Evidence, raw: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each class, shape (n, C), in Fortran order.

        Parameters
        ----------
        evidence : Evidence
        raw : ndarray of shape (n, G), optional
            Raw scores of the regression, where they are known: `coordinates` times `slope`, plus
            `intercept`.
        """
        p = np.empty(evidence.p_class.shape, order="F")
        for g, p_group in enumerate(self.group_probabilities(evidence, raw).T):
            own = np.flatnonzero(self.group == g)
            for k, share in zip(own, self.shares_within(g, evidence).T, strict=True):
                np.multiply(p_group, share, out=p[:, k])
        return p

    def group_probabilities(self, evidence: Evidence, raw: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each group, shape (n, G); parameters as in `predict_proba`."""
        experts = _Experts(self.trees, self.slope, self.intercept)
        log_p = experts.log_p(evidence, self.group, raw)
        return softmax(_blended(self.blend, log_p, evidence))

    def shares_within(self, g: int, evidence: Evidence) -> np.ndarray:
        """Return how the classes of group `g` share its probability, shape (n, classes of g)."""
        return _split(self.within[g], evidence, np.flatnonzero(self.group == g))


class Unseen(NamedTuple):
    """Group probabilities of the training rows, by experts that never saw the row's source.

    Attributes
    ----------
    p : ndarray of shape (n, G)
        Under the blend of the scorer, which was fitted on these rows.
    crossed : ndarray of shape (n, G)
        Each fold under a blend that was fitted on the other folds: what validates.
    """

    p: np.ndarray
    crossed: np.ndarray


def fit_calibrated(
    evidence: Evidence,
    y: np.ndarray,
    group: np.ndarray,
    weight: np.ndarray,
    source: np.ndarray,
    seed: int,
    split: range | None = None,
) -> tuple[CalibratedScorer, Unseen]:
    """Learn the experts, and how far to trust each.

    The blend is learned on folds by source: each fold is judged by experts that never saw its
    sources. So it is the calibration, too.

    Parameters
    ----------
    evidence : Evidence
        Of the labelled detections.
    y : ndarray of int, shape (n,)
        Class index.
    group : ndarray of int, shape (C,)
    weight : ndarray of shape (n,)
    source : ndarray of int, shape (n,)
        What may not stand on both sides.
    seed : int
    split : range, optional
        Groups within which the classes are told apart; where None, all.

    Returns
    -------
    scorer : CalibratedScorer
    unseen : Unseen
    """
    y_group, n_groups = group[y], int(group.max()) + 1
    fold = _folds(source, seed)
    plan = _Plan.of(evidence, len(group), n_groups)
    unseen = np.zeros((3, len(y), n_groups))
    of_folds = []
    for k in range(fold.max() + 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        experts = _fit_experts(
            evidence.take(train), y_group[train], n_groups, weight[train], (seed,), plan
        )
        unseen[:, test] = experts.log_p(evidence.take(test), group)
        of_folds.append(experts.trees)
    blend = _fit_blend(unseen, evidence, y_group, weight, plan.start, plan.pull)
    seeds = tuple(seed + s for s in _SEEDS)
    experts = _fit_experts(evidence, y_group, n_groups, weight, seeds, plan)
    if plan.averages_folds:
        # A third to the trees of all rows: those of the folds have learned from fewer.
        share = (len(of_folds) + 1) / 3
        rest = (len(of_folds) + 1 - share) / len(of_folds)
        weights = [share, *[rest] * len(of_folds)]
        experts = experts._replace(trees=mean_of([experts.trees, *of_folds], weights))
    within = tuple(
        _fit_within(evidence, y, np.flatnonzero(group == g), weight, seed)
        if split is None or g in split
        else None
        for g in range(n_groups)
    )
    shares = np.bincount(y, weight, minlength=len(group)) / weight.sum()
    scorer = CalibratedScorer(group, shares, *experts, blend, within)
    crossed = np.empty(unseen.shape[1:])
    for k in range(fold.max() + 1):
        others, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        without = _fit_blend(
            *(unseen[:, others], evidence.take(others), y_group[others], weight[others]),
            *(plan.start, plan.pull),
        )
        crossed[test] = softmax(_blended(without, unseen[:, test], evidence.take(test)))
    return scorer, Unseen(softmax(_blended(blend, unseen, evidence)), crossed)


class _Plan(NamedTuple):
    """How the trees are grown, and where the blend starts.

    Where classes share groups, the posterior of the class mixtures tells the trees what they are
    not asked. Where every class is a group of its own, it answers the very question, and trees rest
    on it, however well the mixtures fit: half of them, or all where the mixtures were learned from
    few rows, look at the features alone. Of few rows each fit is an accident: there the trees of
    the folds stand beside those of all rows, and the blend stays near the trees alone.
    """

    with_posterior: bool
    without: bool
    rounds: int
    start: tuple[float, float, float]
    pull: float
    averages_folds: bool

    @classmethod
    def of(cls, evidence: Evidence, n_classes: int, n_groups: int) -> _Plan:
        if n_classes > n_groups:
            return cls(True, False, 120, _START, _PULL, False)
        n, d = evidence.Z.shape
        if n < _ROWS_PER_NUMBER * n_classes * d * (d + 3) / 2:
            return cls(False, True, 120, (1.0, 0.0, 0.0), _FEW_PULL, True)
        return cls(True, True, 160, _START, _PULL, False)


def _fit_experts(
    evidence: Evidence,
    y: np.ndarray,
    n_groups: int,
    weight: np.ndarray,
    seeds: tuple[int, ...],
    plan: _Plan,
) -> _Experts:
    trees = _fit_trees(evidence, y, n_groups, weight, seeds, plan)
    slope, intercept = _fit_regression(evidence, y, n_groups, weight, seeds[0])
    return _Experts(trees, slope, intercept)


def _fit_regression(
    evidence: Evidence, y: np.ndarray, n_groups: int, weight: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the logistic regression of the groups, on some of the rows where they are many."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(y) > _REGRESSION_ROWS:
        some = np.random.default_rng(seed).permutation(len(y))[:_REGRESSION_ROWS]
        evidence, y, weight = evidence.take(some), y[some], weight[some]
    F = evidence.coordinates
    slope, intercept = np.zeros((F.shape[1], n_groups)), np.full(n_groups, -30.0)
    if len(present := np.unique(y)) < 2:
        intercept[present] = 0.0
        return slope, intercept
    with warnings.catch_warnings():
        # A little short of the optimum is as good: the blend weighs it by what it is worth.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1.0, max_iter=300).fit(F, y, sample_weight=weight)
    if len(model.classes_) == 2:  # one output: the second class against the first
        slope[:, model.classes_[1]] = model.coef_[0]
        intercept[model.classes_] = 0.0, model.intercept_[0]
    else:
        slope[:, model.classes_] = model.coef_.T
        intercept[model.classes_] = model.intercept_
    return slope, intercept


def _fit_trees(
    evidence: Evidence,
    y: np.ndarray,
    n_groups: int,
    weight: np.ndarray,
    seeds: tuple[int, ...],
    plan: _Plan,
) -> Trees:
    X, d = evidence.features, evidence.looked_at.shape[1]
    looked_at = [X] * plan.with_posterior + [X[:, :d]] * plan.without
    grown = [_boosted(some, y, weight, n_groups, seeds, plan.rounds, 0.06) for some in looked_at]
    return grown[0] if len(grown) == 1 else mean_of(grown)


def _fit_blend(
    log_p: np.ndarray,
    evidence: Evidence,
    y: np.ndarray,
    weight: np.ndarray,
    begin: tuple[float, float, float] = _START,
    strength: float = _PULL,
) -> np.ndarray:
    """Find the blend of the least log-loss, weights not negative."""
    lacks = evidence.lacks.T[:, :, None]
    parts = np.concatenate([log_p, *(log_p * gain for gain in lacks)])
    start = np.array([*begin, *np.zeros(3 * len(lacks))])
    rows, pull = np.arange(len(y)), strength * weight.sum()

    def loss(blend: np.ndarray) -> tuple[float, np.ndarray]:
        p = softmax(np.tensordot(blend, parts, 1))
        value = -weight @ np.log(p[rows, y])
        p[rows, y] -= 1
        gradient = np.einsum("n,ng,ing->i", weight, p, parts)
        off = blend - start
        return value + pull * off @ off, gradient + 2 * pull * off

    bounds = [(0, 2)] * 3 + [(-1, 2)] * 3 * len(lacks)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x.reshape(-1, 3).T)


def _blended(blend: np.ndarray, log_p: np.ndarray, evidence: Evidence) -> np.ndarray:
    total = np.zeros(log_p.shape[:0:-1]).T
    for (weight, *gains), part in zip(blend, log_p, strict=True):
        trust = np.full(len(total), weight)
        for gain, lacks in zip(gains, evidence.lacks.T, strict=True):
            trust += gain * lacks
        total += np.maximum(trust, 0.0)[:, None] * part
    return np.asarray(total)


def _fit_within(
    evidence: Evidence, y: np.ndarray, own: np.ndarray, weight: np.ndarray, seed: int
) -> Trees | None:
    rows = np.flatnonzero(np.isin(y, own))
    if len(np.unique(y[rows])) < 2:
        return None
    code = np.searchsorted(own, y[rows])
    return _boosted(evidence.features[rows], code, weight[rows], len(own), (seed,), 40, 0.05)


def _boosted(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    n_classes: int,
    seeds: tuple[int, ...],
    rounds: int,
    rate: float,
) -> Trees:
    return boost(
        *(X, y, weight, n_classes, seeds),
        max_iter=rounds,
        learning_rate=rate,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(len(y) // 60, 5, 30)),
        l2_regularization=5.0,
        max_features=0.3,
    )


def _split(trees: Trees | None, evidence: Evidence, own: np.ndarray) -> np.ndarray:
    """Return how the classes share their group's probability, shape (n, len(own))."""
    if trees is not None:
        return trees.predict_proba(evidence.features)
    return normalised(evidence.p_class[:, own] + LEAST)


def _folds(source: np.ndarray, seed: int) -> np.ndarray:
    sources, code = np.unique(source, return_inverse=True)
    n_folds = max(2, min(FOLDS, len(sources)))
    return np.asarray(
        np.random.RandomState(seed).permutation(np.arange(len(sources)) % n_folds)[code]
    )


def _rowwise(X: np.ndarray, slope: np.ndarray) -> np.ndarray:
    # Not a BLAS product: a row's last bits would depend on the rows around it.
    return np.asarray(np.einsum("nf,fg->ng", X, slope))
