"""Training the calibrated method.

The class mixtures are learned on parts of the sources. A labelled detection's own posterior comes
from those that its source had no part in: so what is learned on top of it is not learned on itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np

from xsift.classes import Classes
from xsift.errors import LabelError, TableError, XsiftWarning
from xsift.features import close_hardness, columns_that_close, fit_normal_scores
from xsift.model.bags import fit_bags
from xsift.model.calibrated import CalibratedModel
from xsift.model.classification import refuse_one_class
from xsift.model.core import CalibratedCore, responsibilities_in
from xsift.model.examples import Examples, examples_of
from xsift.model.faint import BRIGHT, Dimming, dimming_of
from xsift.model.gaps import Gaps, even_weights, measure_gaps
from xsift.model.held_out import HeldOut, validations_of
from xsift.model.mixtures import fit_mixtures
from xsift.model.progress import Tell
from xsift.model.sample import Training
from xsift.model.sets import OTHER, thresholds_of
from xsift.model.typicality_training import fit_typicality
from xsift.score.calibrated import FITS, fit_calibrated
from xsift.score.evidence import Evidence
from xsift.score.none import NONE_SHARE, OpenScorer
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["FEWEST_SOURCES", "CoreFit", "fit_calibrated_model", "fit_core"]

_FEWEST_BESIDE = 30
_LIMITED = 0.1  # of the detections: with so many known counts, they are taken for faint ones
FEWEST_SOURCES = 4
"""With a label, and with a value of each feature: else nothing can be calibrated on unseen ones."""


def fit_calibrated_model(
    training: Training,
    survey: Survey,
    feature_set: str,
    classes: Classes,
    settings: Settings,
    tell: Tell = lambda done, total: None,
    device: str = "cpu",
) -> CalibratedModel:
    """Learn from all detections, and from the labelled ones among them.

    Parameters
    ----------
    training : Training
        In key order: the order of the file must not change the fit.
    survey, feature_set, classes, settings
        What the model is for, and how it is fitted.
    tell : callable
        Told how much of the training is done, and of how much.
    device : {"cpu", "gpu", "auto"}
        Where the mixtures of all detections are fitted.

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
    seed = settings.seed
    closure = columns_that_close(survey.closure, names)
    dimming = dimming_of(survey, names)
    group, n_plain = np.array(classes.group_index), classes.n_plain
    closing = _closing(settings.closing, training.counts, dimming)
    fit = fit_core(
        *(training, group, closure, closing, settings.missing, seed, None, n_plain),
        *(dimming, tell, device),
    )
    if said := fit.gaps.warning([*classes.plain.groups, "other kinds"], "detections", "--missing "):
        warnings.warn(said, XsiftWarning, stacklevel=2)
    core = fit.core
    names_of_groups = (*classes.plain.groups, OTHER)
    scorers = tuple(
        replace(scorer, thresholds=thresholds_of(*held_out.in_sets(), names_of_groups))
        for scorer, held_out in zip(core.scorers, fit.held_out, strict=True)
    )
    return CalibratedModel(
        *(survey, feature_set, names, classes),
        *(core.closing, core.closure, core.scores, core.mixtures),
        *(core.bags, scorers),
        fit_typicality(training, core, fit.Z, fit.examples, dimming, seed, device),
        fit.gaps,
        fit.gaps.missing == "remove",
        validations_of(fit.held_out, classes),
    )


class CoreFit(NamedTuple):
    """What was learned of the classes, and what it was learned from.

    Attributes
    ----------
    core : CalibratedCore
    Z : ndarray of shape (n, d)
        Normal scores of all rows.
    examples : Examples
    gaps : Gaps
        What was measured of missing features, and done about them.
    held_out : tuple of HeldOut
        One for each scorer.
    """

    core: CalibratedCore
    Z: np.ndarray
    examples: Examples
    gaps: Gaps
    held_out: tuple[HeldOut, ...]


def fit_core(
    training: Training,
    group: np.ndarray,
    closure: tuple[int, int, int] | None,
    closing: str,
    missing: str,
    seed: int,
    weight: np.ndarray | None = None,
    n_plain: int | None = None,
    dimming: Dimming | None = None,
    tell: Tell = lambda done, total: None,
    device: str = "cpu",
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
    n_plain : int, optional
        Classes after the first so many are apart; where None, there are none.
    dimming : Dimming, optional
        What fewer counts do to the features; where None, counts do not matter.
    tell : callable
        Told how much of the training is done, and of how much.
    device : {"cpu", "gpu", "auto"}
        Where the mixtures of all rows are fitted.
    """
    n_plain = len(group) if n_plain is None else n_plain
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
    mixtures = fit_mixtures(Z, seed, weight=weight, device=device)
    y, group = _open(training, group, n_plain)
    known = np.flatnonzero(y >= 0)
    examples = examples_of(training, Z, scores, closure, closing, dimming, known, seed)
    counts = np.ones(len(y)) if weight is None else weight
    teaches = _weights(training, known) if weight is None else weight
    # A rare kind beside the plain ones, absent where many lack the same, would rule all these out.
    kind = np.minimum(group, group[:n_plain].max() + 1)
    gaps, factor = _gaps_of(training.X, kind, y, counts, teaches, missing)
    counts, teaches = counts * factor, teaches * factor
    # The copies of unlabelled detections say what is typical, and teach no class.
    typed = examples.take(np.flatnonzero((y >= 0)[examples.row]))
    bags, p = fit_bags(typed, y, training.unit, group, n_plain, counts, seed)
    chosen = np.flatnonzero((teaches > 0)[typed.row])
    teachers = typed.take(chosen)
    _, responsibilities = responsibilities_in(mixtures, teachers.Z)
    evidence = Evidence(teachers.Z, p[chosen], responsibilities, teachers.faint)
    kinds = _Kinds(y, group, n_plain, teaches, training.unit, training.source)
    levels = [range(examples.n_levels)]
    if examples.n_levels > 1:  # faint detections, and bright ones
        levels.append(range(BRIGHT, examples.n_levels))
    done, total = count(1), FITS * len(levels) * (1 if len(group) == n_plain else 2)
    fitted = [
        _fit_scorer(teachers, evidence, kinds, some, seed, lambda: tell(next(done), total))
        for some in levels
    ]
    scorers, held_out = zip(*fitted, strict=True)
    core = CalibratedCore(closing, closure, scores, mixtures, bags, scorers)
    return CoreFit(core, Z, examples, gaps, held_out)


class _Kinds(NamedTuple):
    """What is known of the rows, and how they teach.

    Attributes
    ----------
    y : ndarray of int, shape (n,)
        Class, none of the classes as the last; -1 where it teaches nothing.
    group : ndarray of int, shape (C,)
    n_plain : int
    weight : ndarray of shape (n,)
    unit, source : ndarray of int, shape (n,)
        What stays on one side of a split, and the source.
    """

    y: np.ndarray
    group: np.ndarray
    n_plain: int
    weight: np.ndarray
    unit: np.ndarray
    source: np.ndarray


def _fit_scorer(
    examples: Examples,
    evidence: Evidence,
    kinds: _Kinds,
    levels: range,
    seed: int,
    tick: Callable[[], None],
) -> tuple[OpenScorer, HeldOut]:
    """Learn the scorer of some levels of faintness, the last ones, from examples of these alone.

    Faint copies would make a scorer of bright detections a little worse.
    """
    y, group, n_plain, weight, unit, _ = kinds
    is_own = np.isin(examples.level, levels) | examples.is_itself | examples.is_hidden
    own = np.flatnonzero(is_own)
    taught, evidence = examples.take(own), evidence.take(own)
    own_weight, said, unit = taught.weight * weight[taught.row], y[taught.row], unit[taught.row]
    at = np.flatnonzero(said < n_plain)
    plain, unseen = fit_calibrated(
        evidence.take(at).among(n_plain),
        *(said[at], group[:n_plain], own_weight[at], unit[at], seed),
        tick=tick,
    )
    opened, n_groups = None, unseen.p.shape[1]
    if len(group) > n_plain:
        beside = range(n_groups, int(group.max()))
        opened, of_all = fit_calibrated(evidence, said, group, own_weight, unit, seed, beside, tick)
        for p, p_plain in zip(of_all, unseen, strict=True):
            p[at, :n_groups] = p_plain * p[at, :n_groups].sum(axis=1, keepdims=True)
        unseen = of_all
    judged = np.flatnonzero(taught.is_judged(levels))
    p, crossed = (of[judged] for of in unseen)
    known = (group[said[judged]], unit[judged], kinds.source[taught.row[judged]])
    held_out = HeldOut(p, crossed, *known, own_weight[judged], n_groups)
    return OpenScorer(plain, opened), held_out


def _closing(wanted: str, counts: np.ndarray | None, dimming: Dimming | None) -> str:
    """Choose what becomes of hardness ratios that do not close.

    Those of faint detections do not, each within its limits; those of faint copies do. So the
    mismatch is removed where counts tell that detections are faint.
    """
    if wanted != "auto":
        return wanted
    is_faint = dimming is not None and counts is not None and np.isfinite(counts).mean() > _LIMITED
    return "remove" if is_faint else "keep"


def _open(training: Training, group: np.ndarray, n_plain: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each row, none of the classes as one more, and the group of each.

    Where too few detections of other kinds are known, the plain classes alone.
    """
    is_beside = (training.y >= n_plain) | training.is_other
    n_sources = len(np.unique(training.source[is_beside]))
    if is_beside.sum() < _FEWEST_BESIDE or n_sources < FEWEST_SOURCES:
        if is_beside.any():
            warnings.warn(
                f"detections of other types than the plain classes: {is_beside.sum()} of "
                f"{n_sources} sources, too few to learn from ({_FEWEST_BESIDE} of {FEWEST_SOURCES} "
                f"sources are needed): they count as unknown, and 'none of these' has the stated "
                f"share of {NONE_SHARE:g}",
                XsiftWarning,
                stacklevel=4,
            )
        return np.where(training.y < n_plain, training.y, -1), group[:n_plain]
    y = np.where(training.is_other, len(group), training.y)
    return y, np.append(group, group.max() + 1)


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
    labelled = (training.y >= 0) & (training.y < classes.n_plain)
    refuse_one_class(training.y[labelled], classes.plain, "a feature")
    n_sources = len(np.unique(training.source[labelled]))
    if n_sources < FEWEST_SOURCES:
        raise LabelError(
            f"labelled detections of {n_sources} sources: {FEWEST_SOURCES} are needed at least, "
            "to calibrate on sources that were not trained on"
        )


def _gaps_of(
    X: np.ndarray,
    kind_of: np.ndarray,
    y: np.ndarray,
    counts: np.ndarray,
    teaches: np.ndarray,
    wanted: str,
) -> tuple[Gaps, np.ndarray]:
    """Measure what rows lack, and return it with the factor of each row's weight, shape (n,)."""
    known, lacks = np.flatnonzero(y >= 0), np.isnan(X)
    kind, weight = kind_of[y[known]], teaches[known]
    gaps = measure_gaps(lacks, counts, known, kind, weight, wanted)
    factor = np.ones(len(X))
    if gaps.missing == "remove":
        factor[known], _ = even_weights(lacks[known], kind, weight)
    return gaps, factor


def _weights(training: Training, known: np.ndarray) -> np.ndarray:
    """Weigh known detections with 1 / sqrt(those of the source): they are far from independent."""
    _, code, count = np.unique(training.source[known], return_inverse=True, return_counts=True)
    weight = np.ones(len(training.y))
    weight[known] = count[code] ** -0.5
    return weight
