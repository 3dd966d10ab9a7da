"""Training the calibrated method.

The class mixtures are learned on parts of the sources. A labelled detection's own posterior comes
from those that its source had no part in: so what is learned on top of it is not learned on itself.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from xsift.classes import Classes
from xsift.errors import LabelError, TableError, XsiftWarning
from xsift.features import close_hardness, columns_that_close, fit_normal_scores
from xsift.mixture import ClassMixtures, Mixture, fit_class_mixtures
from xsift.model.calibrated import CalibratedCore, CalibratedModel, responsibilities_in
from xsift.model.classification import refuse_one_class
from xsift.model.folds import folds_by_source
from xsift.model.sample import Training
from xsift.model.sets import thresholds_of
from xsift.model.typicality import Typicality, rank, uniform_ranks
from xsift.score.calibrated import Evidence, fit_calibrated
from xsift.score.none import fit_none
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["FEWEST_SOURCES", "CoreFit", "fit_calibrated_model", "fit_core"]

_DEALS, _PARTS = 4, 3
_COMPONENTS = 40
_MIXTURES = 2
_RANK_FOLDS = 4
_HIDDEN = 0.6
_COPY_WEIGHT = 0.5
_PATTERN_ROWS = 20.0  # detections that lack the same features: fewer say little of their shares
FEWEST_SOURCES = 4
"""With a label, and with a value of each feature: else nothing can be calibrated on unseen ones."""


def fit_calibrated_model(
    training: Training, survey: Survey, feature_set: str, classes: Classes, settings: Settings
) -> CalibratedModel:
    """Learn from all detections, and from the labelled ones among them.

    Parameters
    ----------
    training : Training
        In key order: the order of the file must not change the fit.
    survey, feature_set, classes, settings
        What the model is for, and how it is fitted.

    Raises
    ------
    LabelError
        If fewer than two classes or four sources have labels.
    TableError
        If no feature is known of four sources.

    Warns
    -----
    XsiftWarning
        If a feature is known of fewer: the model does without it.
    """
    training, names = _known_features(training, survey, feature_set, classes)
    seed, group = settings.seed, _groups(classes)
    closure = columns_that_close(survey.closure, names)
    fit = fit_core(training, group, closure, settings.closing, settings.missing, seed)
    y, other, source = training.y[fit.rows], training.other[fit.rows], training.source[fit.rows]
    none = fit_none(fit.evidence, y, group, other, fit.weight, source, seed)
    ranks = _unseen_ranks(fit.Z, training.unit, seed)
    core, held_out = fit.core, fit.held_out
    names_of_groups = (*classes.groups, "none")[: held_out.p.shape[1]]
    thresholds = thresholds_of(*held_out, names_of_groups)
    typicality = Typicality(core.mixtures[0], uniform_ranks(ranks))
    return CalibratedModel(
        survey,
        feature_set,
        names,
        classes,
        core.closing,
        core.closure,
        core.scores,
        core.mixtures,
        core.bags,
        core.scorer,
        none,
        typicality,
        thresholds,
    )


class HeldOut(NamedTuple):
    """What experts that never saw their source say of the labelled rows, without copies.

    Attributes
    ----------
    p : ndarray of shape (k, G)
        Probabilities of the groups.
    group : ndarray of int, shape (k,)
        The true one.
    source : ndarray of int, shape (k,)
    """

    p: np.ndarray
    group: np.ndarray
    source: np.ndarray


class CoreFit(NamedTuple):
    """What was learned of the classes, and what it was learned from.

    Attributes
    ----------
    core : CalibratedCore
    Z : ndarray of shape (n, d)
        Normal scores of all rows.
    rows : ndarray of int, shape (m,)
        Rows with a label or of another type, and the same again with values hidden.
    evidence : Evidence
        Of these.
    weight : ndarray of shape (m,)
    held_out : HeldOut
    """

    core: CalibratedCore
    Z: np.ndarray
    rows: np.ndarray
    evidence: Evidence
    weight: np.ndarray
    held_out: HeldOut


def fit_core(
    training: Training,
    group: np.ndarray,
    closure: tuple[int, int, int] | None,
    closing: str,
    missing: str,
    seed: int,
    weight: np.ndarray | None = None,
) -> CoreFit:
    """Learn to tell classes from features, whatever survey they are of.

    Parameters
    ----------
    training : Training
        Every row has a feature, and every feature a value.
    group : ndarray of int, shape (C,)
        Group of each class.
    closure : tuple of three int, or None
        Columns of hardness ratios that close.
    closing, missing : str
        As in `Settings`.
    seed : int
    weight : ndarray of shape (n,), optional
        Of the rows, above zero: 2 is the row twice, in every step. Where None, rows count alike,
        but those that teach the scorer by 1 / sqrt(detections of the source).
    """
    labelled = np.flatnonzero(training.y >= 0)
    if closure is not None and np.isnan(training.X[:, closure]).any(axis=1).all():
        closure = None  # their mismatch would have no value
        warnings.warn(
            "the three hardness ratios are never known together: their mismatch is no feature",
            XsiftWarning,
            stacklevel=3,
        )
    X = close_hardness(training.X, closure, closing)
    scores = fit_normal_scores(X, weight)
    Z = scores.transform(X)
    mixtures = _fit_mixtures(Z, seed, weight=weight)
    known = np.flatnonzero((training.y >= 0) | training.is_other)
    hidden = np.concatenate([Z[known], _hide(Z[known], seed)])
    twice = np.concatenate([known, known])
    bags, evidence = _bagged(Z, training, labelled, group, hidden, twice, mixtures, seed, weight)
    weight = _weights(training, known) if weight is None else weight[known]
    weight = np.concatenate([weight, _COPY_WEIGHT * weight])
    y, unit = training.y[twice], training.unit[twice]
    own = np.flatnonzero(y >= 0)
    own_weight = weight[own]
    if missing == "remove":
        own_weight = _balanced(own_weight, training.X[twice[own]], group[y[own]])
    scorer, p = fit_calibrated(evidence.take(own), y[own], group, own_weight, unit[own], seed)
    core = CalibratedCore(closing, closure, scores, mixtures, bags, scorer)
    real = own < len(known)  # copies with hidden values come after
    held_out = HeldOut(p[real], group[y[own[real]]], unit[own[real]])
    return CoreFit(core, Z, twice, evidence, weight, held_out)


def _known_features(
    training: Training, survey: Survey, feature_set: str, classes: Classes
) -> tuple[Training, tuple[str, ...]]:
    """Leave out the features of which too few sources have a value, and then the empty rows."""
    names = [f.name for f in survey.feature_set(feature_set)]
    n = [len(np.unique(training.source[~np.isnan(x)])) for x in training.X.T]
    n_sources = len(np.unique(training.source))
    kept = [j for j, sources in enumerate(n) if sources >= FEWEST_SOURCES]
    left = [f"{name} ({n[j]} of {n_sources})" for j, name in enumerate(names) if j not in kept]
    if kept:
        X = np.ascontiguousarray(training.X[:, kept])
        training = replace(training, X=X).take(np.flatnonzero(~np.isnan(X).all(axis=1)))
    if kept and left:
        warnings.warn(
            f"features left out of the model, as fewer than {FEWEST_SOURCES} sources have a "
            f"value: {', '.join(left)}",
            XsiftWarning,
            stacklevel=3,
        )
    _refuse_few(training, classes)
    if not kept:
        raise TableError(
            f"no feature is known of {FEWEST_SOURCES} sources, which training needs: "
            f"{', '.join(left)}"
        )
    return training, tuple(names[j] for j in kept)


def _refuse_few(training: Training, classes: Classes) -> None:
    labelled = training.y >= 0
    refuse_one_class(training.y[labelled], classes, "a feature")
    n_sources = len(np.unique(training.source[labelled]))
    if n_sources < FEWEST_SOURCES:
        raise LabelError(
            f"labelled detections of {n_sources} sources: {FEWEST_SOURCES} are needed at least, "
            "to calibrate on sources that were not trained on"
        )


def _groups(classes: Classes) -> np.ndarray:
    names = list(classes.groups)
    return np.array([names.index(c.group) for c in classes.classes])


def _unseen_ranks(Z: np.ndarray, source: np.ndarray, seed: int) -> np.ndarray:
    """Rank each row under a mixture of the other sources' rows."""
    folds = folds_by_source(source, np.zeros(len(source), dtype=np.int64), _RANK_FOLDS, seed)
    ranks = np.full(len(Z), np.nan)
    for k in range(_RANK_FOLDS):
        if len(others := np.flatnonzero(folds != k)):
            # A feature that few sources have may be known of none of the others.
            known = np.flatnonzero(~np.isnan(Z[others]).all(axis=0))
            (mixture,) = _fit_mixtures(Z[np.ix_(others, known)], seed, 1)
            ranks[folds == k] = rank(mixture, Z[np.ix_(folds == k, known)])
    return ranks


def _fit_mixtures(
    Z: np.ndarray, seed: int, number: int = _MIXTURES, weight: np.ndarray | None = None
) -> tuple[Mixture, ...]:
    from sklearn.exceptions import ConvergenceWarning

    from xsift.mixture import GaussianMixture

    K = max(1, min(_COMPONENTS, len(Z) // 100))
    fitted = []
    with warnings.catch_warnings():
        # Spikes are what the data hold (var_prob exactly 1), and the floor of the variance is wide:
        # such components do no harm here. Nor does a mixture that could still be a little better.
        warnings.simplefilter("ignore", XsiftWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        for i in range(number):
            model = GaussianMixture(
                K, reg_covar=1e-2, max_iter=40, tol=1e-2, random_state=seed + i
            ).fit(Z, sample_weight=weight)
            fitted.append(Mixture(model.weights_, model.means_, model.covariances_))
    return tuple(fitted)


def _hide(Z: np.ndarray, seed: int) -> np.ndarray:
    """Return rows with values hidden at random, each row at a rate of its own; one value stays."""
    rng = np.random.default_rng(seed)
    is_hidden = rng.random(Z.shape) < rng.uniform(0, _HIDDEN, len(Z))[:, None]
    would_be_empty = (is_hidden | np.isnan(Z)).all(axis=1)
    is_hidden[would_be_empty] = False
    return np.where(is_hidden, np.nan, Z)


def _bagged(
    Z: np.ndarray,
    training: Training,
    labelled: np.ndarray,
    group: np.ndarray,
    rows_Z: np.ndarray,
    rows: np.ndarray,
    mixtures: tuple[Mixture, ...],
    seed: int,
    row_weight: np.ndarray | None,
) -> tuple[tuple[ClassMixtures, ...], Evidence]:
    """Learn the class mixtures on bags of sources, and let each judge the sources it has not seen.

    Sources are dealt into three parts, four times; a bag is two parts, and judges the third. So
    every detection that trains has its posterior from as many bags, labelled or not: a mean over
    more would be smoother, which trees notice.
    """
    y = training.y[labelled]
    counts = np.ones(len(y)) if row_weight is None else row_weight[labelled]
    p, n = np.zeros((len(rows), len(group))), np.zeros(len(rows))
    bags: list[ClassMixtures] = []
    for deal in range(_DEALS):
        part = folds_by_source(training.unit, training.y, _PARTS, seed + deal)
        for k in range(_PARTS):
            weight = (part[labelled] != k) * counts
            judged = np.flatnonzero(part[rows] == k)
            if len(np.unique(y[weight > 0])) < 2:
                weight = counts  # a handful of sources: this bag has all, and judges none
                judged = judged[:0]
            bags.append(fit_class_mixtures(Z[labelled], y, weight, group, seed + len(bags)))
            p[judged] += bags[-1].posterior(rows_Z[judged])
            n[judged] += 1
    p[n == 0] = np.bincount(y, counts, minlength=len(group)) / counts.sum()
    p /= np.maximum(n, 1)[:, None]
    _, r = responsibilities_in(mixtures, rows_Z)
    return tuple(bags), Evidence(rows_Z, p, r)


def _weights(training: Training, rows: np.ndarray) -> np.ndarray:
    """Weigh a detection with 1 / sqrt(detections of its source): they are far from independent."""
    _, code, count = np.unique(training.source[rows], return_inverse=True, return_counts=True)
    return np.asarray(count[code] ** -0.5)


def _balanced(weight: np.ndarray, X: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Weigh rows anew, so that what they lack says nothing of their kind.

    Among rows that lack the same features the kinds get the shares that they have in all, where
    each counts by the square of the share of features that it has.
    """
    is_missing = np.isnan(X)
    known = weight * (1 - is_missing.mean(axis=1)) ** 2
    share = np.bincount(kind, known) / known.sum()
    _, pattern = np.unique(is_missing, axis=0, return_inverse=True)
    pattern = pattern.reshape(-1)
    found = np.zeros((pattern.max() + 1, len(share)))
    np.add.at(found, (pattern, kind), weight)
    # Without the row itself: else a pattern of one row would count against rare kinds.
    same = found[pattern, kind] - weight + _PATTERN_ROWS * share[kind]
    total = found.sum(axis=1)[pattern] - weight + _PATTERN_ROWS
    return np.asarray(weight * share[kind] * total / same)
