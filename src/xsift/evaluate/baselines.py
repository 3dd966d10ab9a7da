"""What else there is: scikit-learn's classifiers, each at its best setting on the same folds.

The settings are those that did best on the labelled CSC 2.1 detections among the ones tried; they
are not tuned again inside a fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xsift.evaluate.methods import Prediction, Training, mean_by_source

__all__ = ["Boosting", "Forest", "LinearSvc"]

_HIDDEN = 0.3
_CALIBRATION_FOLDS = 5


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Class probabilities from one callable, that of all else from another."""

    shares: np.ndarray
    none_share: float
    classify: Callable[[np.ndarray], np.ndarray]
    find_other: Callable[[np.ndarray], np.ndarray] | None

    def predict(self, X: np.ndarray, counts: np.ndarray | None = None) -> Prediction:
        none = np.zeros(len(X)) if self.find_other is None else self.find_other(X)
        p = self.classify(X) * (1 - none)[:, None]
        return Prediction(p, none, np.full(len(X), np.nan))

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        return mean_by_source(p, source)

    def sets(self, p: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return np.empty((len(p), 0), dtype=bool)


@dataclass(frozen=True)
class Forest:
    """Random forest; class weights as they are in the table, missing values by the median.

    All else than the plain classes is found by a second forest, of these against all else.

    Parameters
    ----------
    n_classes : int
    n_plain : int
        Plain classes, the first; those apart are all else.
    is_open : bool
        Whether one forest tells plain classes and all else, as one more class.
    """

    n_classes: int
    n_plain: int
    is_open: bool = False
    name: str = "forest"

    def fit(self, training: Training, seed: int) -> _Fitted:
        """Fit on the labelled rows."""
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline

        def learn(X: np.ndarray, y: np.ndarray, source: np.ndarray) -> Any:
            forest = RandomForestClassifier(300, min_samples_leaf=5, random_state=seed)
            median = SimpleImputer(strategy="median", keep_empty_features=True)
            return make_pipeline(median, forest).fit(X, y)

        fit = _fit_open if self.is_open else _fit_both
        return fit(training, self.n_classes, self.n_plain, learn, np.ones(len(training.y)))


@dataclass(frozen=True)
class Boosting:
    """Histogram gradient boosting, with the closure of the hardness ratios as a further feature.

    A source's detections share the weight sqrt(n). Rows with missing values go to a second fit, for
    which values of the training rows were hidden at random: trees that never met a missing value
    send it anywhere.

    Parameters
    ----------
    n_classes, n_plain, is_open
        As in `Forest`.
    closure : tuple of three int, optional
        Columns of the hardness ratios whose inverse hyperbolic tangents add up: the first two to
        the third.
    """

    n_classes: int
    n_plain: int
    closure: tuple[int, int, int] | None = None
    is_open: bool = False
    name: str = "boosting"

    def fit(self, training: Training, seed: int) -> _Fitted:
        """Fit on the labelled rows."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        typed = _is_plain(training, self.n_plain) | _is_beside(training, self.n_plain)
        weight = _by_source(training.source, typed)

        def grow(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> Any:
            return HistGradientBoostingClassifier(
                max_iter=100,
                learning_rate=0.05,
                max_leaf_nodes=8,
                min_samples_leaf=30,
                l2_regularization=5.0,
                max_features=0.4,
                early_stopping=False,
                random_state=seed,
            ).fit(X, y, sample_weight=w)

        def learn(X: np.ndarray, y: np.ndarray, source: np.ndarray) -> Any:
            w = _by_source(source, np.ones(len(y), dtype=bool))
            return _WithMissing(self._closed, grow, X, y, w, seed)

        fit = _fit_open if self.is_open else _fit_both
        return fit(training, self.n_classes, self.n_plain, learn, weight)

    def _closed(self, X: np.ndarray) -> np.ndarray:
        if self.closure is None:
            return X
        limit = 1 - 1e-6  # a ratio of exactly 1 has no finite atanh
        hm, ms, hs = (np.clip(X[:, j], -limit, limit) for j in self.closure)
        closure = np.arctanh(hm) + np.arctanh(ms) - np.arctanh(hs)
        return np.column_stack([X, closure])


class _WithMissing:
    """A fit for complete rows and, made when it is first needed, one for the others."""

    def __init__(
        self,
        closed: Callable[[np.ndarray], np.ndarray],
        grow: Callable[[np.ndarray, np.ndarray, np.ndarray], Any],
        X: np.ndarray,
        y: np.ndarray,
        w: np.ndarray,
        seed: int,
    ) -> None:
        self._closed, self._grow = closed, grow
        self._X, self._y, self._w, self._seed = X, y, w, seed
        self._complete = grow(closed(X), y, w)
        self._masked: Any = None

    @property
    def classes_(self) -> np.ndarray:
        return np.asarray(self._complete.classes_)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        missing = np.isnan(X).any(axis=1)
        p = np.empty((len(X), len(self.classes_)))
        if not missing.all():
            p[~missing] = self._complete.predict_proba(self._closed(X[~missing]))
        if missing.any():
            if self._masked is None:
                hidden = np.random.default_rng(self._seed).random(self._X.shape) < _HIDDEN
                X2 = np.vstack([self._X, np.where(hidden, np.nan, self._X)])
                self._masked = self._grow(
                    self._closed(X2), np.tile(self._y, 2), np.tile(self._w, 2)
                )
            p[missing] = self._masked.predict_proba(self._closed(X[missing]))
        return p


@dataclass(frozen=True)
class LinearSvc:
    """Linear support vector machine on normal scores, its margins calibrated on held-out sources.

    Missing values by the median. It knows the plain classes alone.

    Parameters
    ----------
    n_classes, n_plain
        As in `Forest`.
    """

    n_classes: int
    n_plain: int
    name: str = "svc"

    def fit(self, training: Training, seed: int) -> _Fitted:
        """Fit on the labelled rows."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold

        def learn(X: np.ndarray, y: np.ndarray, source: np.ndarray) -> Any:
            classes = np.unique(y)
            margins = np.full((len(y), len(classes)), -1.0)
            n_folds = min(_CALIBRATION_FOLDS, len(np.unique(source)))
            folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
            for train, test in folds.split(X, y, source):
                if len(np.unique(y[train])) > 1:
                    margins[test] = _margins(_machine(X[train], y[train], seed), X[test], classes)
            platt = LogisticRegression(C=1.0, max_iter=1000).fit(margins, y)
            return _Calibrated(_machine(X, y, seed), platt, classes)

        y = np.where(_is_plain(training, self.n_plain), training.y, -1)
        known = replace(training, y=y, other=np.full(len(y), None))
        return _fit_both(known, self.n_classes, self.n_plain, learn, np.ones(len(y)))


@dataclass(frozen=True, eq=False)
class _Calibrated:
    machine: Any
    platt: Any
    classes_: np.ndarray

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.platt.predict_proba(_margins(self.machine, X, self.classes_)))


def _machine(X: np.ndarray, y: np.ndarray, seed: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.svm import LinearSVC

    scores = QuantileTransformer(
        n_quantiles=min(1000, len(X)), output_distribution="normal", random_state=seed
    )
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(median, scores, LinearSVC(C=1.0, dual=False, random_state=seed)).fit(X, y)


def _margins(machine: Any, X: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the margin of every class; -1, the edge of 'not this one', where none was fitted."""
    margin = machine.decision_function(X)
    if margin.ndim == 1:
        margin = np.column_stack([-margin, margin])
    out = np.full((len(X), len(classes)), -1.0)
    out[:, np.searchsorted(classes, machine.classes_)] = margin
    return out


_Learn = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]


def _fit_both(
    training: Training, n_classes: int, n_plain: int, learn: _Learn, weight: np.ndarray
) -> _Fitted:
    """Fit the plain classes on their rows, and these against all else."""
    known, beside = _is_plain(training, n_plain), _is_beside(training, n_plain)
    y = training.y[known]
    fitted = learn(training.X[known], y, training.source[known])

    def classify(X: np.ndarray) -> np.ndarray:
        p = np.zeros((len(X), n_classes))
        p[:, fitted.classes_] = fitted.predict_proba(X)
        return p

    find_other = None
    if beside.any():
        typed = np.flatnonzero(known | beside)
        other = learn(training.X[typed], beside[typed], training.source[typed])

        def find_other(X: np.ndarray) -> np.ndarray:
            return np.asarray(other.predict_proba(X)[:, 1])

    return _Fitted(*_shares(y, weight, known, beside, n_classes), classify, find_other)


def _fit_open(
    training: Training, n_classes: int, n_plain: int, learn: _Learn, weight: np.ndarray
) -> _Fitted:
    """Fit the plain classes and, as one more, all else, on every row of which the type is known."""
    known, beside = _is_plain(training, n_plain), _is_beside(training, n_plain)
    typed = np.flatnonzero(known | beside)
    y = np.where(beside, n_plain, training.y)[typed]
    fitted = learn(training.X[typed], y, training.source[typed])

    def all_of(X: np.ndarray) -> np.ndarray:
        p = np.zeros((len(X), n_plain + 1))
        p[:, fitted.classes_] = fitted.predict_proba(X)
        return p

    return _FittedOpen(*_shares(training.y[known], weight, known, beside, n_classes), all_of, None)


class _FittedOpen(_Fitted):
    """Plain classes and all else, from the first callable."""

    def predict(self, X: np.ndarray, counts: np.ndarray | None = None) -> Prediction:
        p = np.zeros((len(X), len(self.shares)))
        said = self.classify(X)
        n_plain = said.shape[1] - 1
        p[:, :n_plain] = said[:, :n_plain]
        return Prediction(p, said[:, n_plain], np.full(len(X), np.nan))


def _shares(
    y: np.ndarray, weight: np.ndarray, known: np.ndarray, beside: np.ndarray, n_classes: int
) -> tuple[np.ndarray, float]:
    """Return the shares of the classes, and that of all else among the rows of known type."""
    shares = np.bincount(y, weights=weight[known], minlength=n_classes)
    return shares / shares.sum(), float(weight[beside].sum() / weight[known | beside].sum())


def _is_plain(training: Training, n_plain: int) -> np.ndarray:
    return np.asarray((training.y >= 0) & (training.y < n_plain))


def _is_beside(training: Training, n_plain: int) -> np.ndarray:
    return np.asarray((training.y >= n_plain) | training.is_other)


def _by_source(source: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Weigh each row by one over the root of its source's chosen rows."""
    _, of = np.unique(source, return_inverse=True)
    n = np.bincount(of, weights=chosen)
    return np.asarray(1 / np.sqrt(np.maximum(n[of], 1)))
