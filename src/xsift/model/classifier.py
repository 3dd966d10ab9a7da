"""The calibrated method as a scikit-learn classifier, for any feature matrix."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)
from threadpoolctl import threadpool_limits

from xsift.errors import LabelError, SettingError, TableError, XsiftWarning
from xsift.mixture.matrix import checked_matrix
from xsift.model.calibrated_training import FEWEST_SOURCES, fit_core
from xsift.model.sample import Training

__all__ = ["CalibratedClassifier"]

_CLOSING = "keep"
_NAMED = 8  # columns in a message
_SEEDS = 2**32 - 100  # the method counts on from its seed, and numpy's end at 2^32


class CalibratedClassifier(ClassifierMixin, BaseEstimator):
    """Classify with calibrated probabilities, with few labels, unlabelled rows and missing values.

    This is the calibrated method of `xsift.run` without a survey. It blends Gaussian mixtures of
    all rows and of each class, boosted trees and a logistic regression, on held-out rows.

    Parameters
    ----------
    closure : sequence of three int or str, optional
        Columns of the hardness ratios hm, ms and hs of three bands, by position or by name. The
        mismatch of the three, which is 0 for ratios of one spectrum, becomes a feature.
    missing : {"auto", "keep", "remove"}, default="auto"
        Information in which features are missing. "keep" learns it: use it if new rows lack the
        same features as labelled rows. "remove" removes most of it by weights. "auto" removes it,
        with a warning, if labelled rows lack other features than all rows.
    random_state : int, RandomState instance or None, default=42
        An int makes the fit reproducible, whatever the order of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Labels, sorted.
    missing_ : {"keep", "remove"}
        The choice of "auto".
    n_unlabelled_ : int
        Number of unlabelled rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (d,)
        Only if the columns of X have names.

    Warns
    -----
    XsiftWarning
        If a column has fewer than four values: the model leaves it out.

    See Also
    --------
    xsift.run : The same method for a table of X-ray detections.
    xsift.mixture.GaussianMixture : Clusters without labels.

    Notes
    -----
    NaN is a missing value and is integrated over. A row's probabilities do not depend on the other
    rows of X. A row without any value has the class shares of the training rows.

    The probabilities assume the class shares of the training rows, and objects of the classes
    only. `xsift.run` adds a probability of none of the classes, and the typicality.

    Examples
    --------
    >>> import numpy as np
    >>> from xsift import CalibratedClassifier
    >>> rng = np.random.default_rng(0)
    >>> kind = np.repeat(["agn", "star"], 60)
    >>> X = rng.normal(size=(120, 3)) + 4 * (kind == "star")[:, None]
    >>> X[::5, 0] = np.nan
    >>> y = np.where(np.arange(120) % 3 == 0, kind, None)
    >>> model = CalibratedClassifier().fit(X, y)
    >>> model.n_unlabelled_
    80
    >>> model.predict([[0, 0, 0], [4, np.nan, 4]]).tolist()
    ['agn', 'star']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "closure": ["array-like", None],
        "missing": [StrOptions({"auto", "keep", "remove"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        closure: Sequence[int] | Sequence[str] | None = None,
        missing: str = "auto",
        random_state: Any = 42,
    ) -> None:
        self.closure = closure
        self.missing = missing
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, groups: Any = None, sample_weight: Any = None
    ) -> CalibratedClassifier:
        """Fit the classifier to labelled and unlabelled rows.

        Parameters
        ----------
        X : array-like or table of shape (n, d)
            Features; NaN is missing. Arrays, tables of pandas, polars, pyarrow or astropy, and any
            object with the Arrow PyCapsule interface.
        y : array-like of shape (n,)
            Labels: numbers or text. NaN, None, pandas' NA and -1 mean unlabelled; -1 is a class
            if there would otherwise be fewer than two.
        groups : array-like of shape (n,), optional
            Rows of one group, such as the detections of a source or the sources of a field, never
            are on both sides of an inner split. If None, equal rows are a group.
        sample_weight : array-like of shape (n,), optional
            2 counts the row twice, 0 leaves it out.

        Returns
        -------
        CalibratedClassifier
            Itself.

        Raises
        ------
        LabelError
            If the labelled rows are of fewer than two classes, or of fewer than four groups.
        TableError
            If X is no table of numbers, or no column has four values.
        """
        X = checked_matrix(self, X, reset=True, ensure_all_finite="allow-nan", ensure_min_samples=2)
        X = np.asarray(X, dtype=np.float64)
        classes, code = _sorted_labels(y)
        check_consistent_length(X, code)
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True, ensure_same_device=False
        )
        group = (
            None if groups is None else np.unique(_column(groups, "groups"), return_inverse=True)[1]
        )
        check_consistent_length(X, *([] if group is None else [group]))
        self.n_unlabelled_ = int((code < 0).sum())
        X, code, unit, weight = _canonical(X, code, group, weight)
        present = np.unique(code[code >= 0])
        self.classes_ = classes[present]
        code = np.where(code < 0, -1, np.searchsorted(present, code))
        self._refuse_few(code, unit)
        self._kept = self._known_columns(X, unit)
        closure = self._closure_among(self._kept)
        X = X[:, self._kept]
        rows = np.flatnonzero(~np.isnan(X).all(axis=1))
        training = Training(X[rows], code[rows], np.full(len(rows), None), unit[rows])
        self._refuse_few(training.y, training.source)
        with threadpool_limits(1):  # last digits of sums depend on it, and small matrices wait
            fit = fit_core(
                training,
                np.arange(len(present)),
                closure,
                _CLOSING,
                self.missing,
                self._seed(),
                weight[rows],
            )
        self._core, self.missing_ = fit.core, fit.gaps.missing
        if said := fit.gaps.warning([str(c) for c in self.classes_], "rows", "missing="):
            warnings.warn(said, XsiftWarning, stacklevel=2)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n, C), in the order of `classes_`."""
        check_is_fitted(self)
        X = checked_matrix(self, X, reset=False, ensure_all_finite="allow-nan")
        return self._core.class_probabilities(np.asarray(X, dtype=np.float64)[:, self._kept])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of every row, shape (n,); the first on ties."""
        p = self.predict_proba(X)
        return np.asarray(self.classes_[p.argmax(axis=1)])

    def _known_columns(self, X: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Return the columns that enough groups have a value of; say which are left out."""
        n = np.array([len(np.unique(unit[~np.isnan(x)])) for x in X.T])
        kept = np.flatnonzero(n >= FEWEST_SOURCES)
        names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))
        few = [f"{names[j]} ({n[j]})" for j in np.flatnonzero(n < FEWEST_SOURCES)]
        left = ", ".join(few[:_NAMED]) + (f" and {len(few) - _NAMED} more" * (len(few) > _NAMED))
        n_units = len(np.unique(unit))
        if not len(kept):
            raise TableError(
                f"no column has values in {FEWEST_SOURCES} of the {n_units} groups of rows "
                f"(columns, and groups that have a value: {left}): give more rows"
            )
        if left:
            warnings.warn(
                f"columns left out of the model, as fewer than {FEWEST_SOURCES} groups of rows "
                f"have a value: {left}",
                XsiftWarning,
                stacklevel=5,
            )
        return kept

    def _closure_among(self, kept: np.ndarray) -> tuple[int, int, int] | None:
        """Return where the hardness ratios stand among the columns that are kept."""
        if self.closure is None:
            return None
        found = [self._position(column) for column in self.closure]
        if len(set(found)) != 3:
            raise SettingError(
                f"closure = {self.closure!r}: three different columns are needed, the hardness "
                "ratios hm, ms and hs"
            )
        if not set(found) <= set(kept.tolist()):
            return None  # a warning has said that the column is left out
        hm, ms, hs = np.searchsorted(kept, found).tolist()
        return hm, ms, hs

    def _position(self, column: Any) -> int:
        names = list(getattr(self, "feature_names_in_", []))
        if isinstance(column, str) and column in names:
            return names.index(column)
        if isinstance(column, Integral) and 0 <= int(column) < self.n_features_in_:
            return int(column)
        allowed = [f"0 to {self.n_features_in_ - 1}", *names]
        raise SettingError(
            f"closure names the column {column!r}, which X has not: allowed are "
            f"{', '.join(allowed)}"
        )

    def _refuse_few(self, code: np.ndarray, unit: np.ndarray) -> None:
        labelled = code >= 0
        if len(np.unique(code[labelled])) < 2:
            found = ", ".join(map(str, self.classes_)) or "none"
            raise LabelError(
                f"labelled rows with a value and a weight are of fewer than two classes ({found}): "
                "two are needed at least"
            )
        n = len(np.unique(unit[labelled]))
        if n < FEWEST_SOURCES:
            raise LabelError(
                f"{labelled.sum()} labelled rows of {n} groups (where groups are not given, equal "
                f"rows are one): {FEWEST_SOURCES} are needed at least, to calibrate on rows that "
                "were not trained on"
            )

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state) % _SEEDS
        return int(check_random_state(self.random_state).randint(2**31))

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _column(values: Any, what: str) -> np.ndarray:
    """Return one value a row; a masked one is None."""
    # Of a list, numpy would make the text "nan" of a NaN beside text.
    found = np.array(values, dtype=object if isinstance(values, list | tuple) else None)
    if np.ma.isMaskedArray(values):
        found = found.astype(object)
        found[np.ma.getmaskarray(values)] = None
    if found.ndim != 2 or found.shape[1] != 1:
        return np.asarray(column_or_1d(found, input_name=what))
    return np.asarray(column_or_1d(found, warn=True, input_name=what))


def _sorted_labels(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and the class index of each row; -1 where it is unlabelled."""
    if y is None:
        raise LabelError("CalibratedClassifier requires y to be passed, but the target y is None")
    y = _column(y, "y")
    missing = np.array([_is_missing(v) for v in y.tolist()], dtype=bool)
    known = y[~missing]
    if known.dtype == object:
        is_text = [isinstance(v, str) for v in known]
        if not any(is_text):
            known = np.array(known.tolist())  # whole numbers beside None and pandas' NA
        elif not all(is_text):
            kinds = ", ".join(sorted({type(v).__name__ for v in known}))
            raise LabelError(f"labels are of several types ({kinds}): make all of them text")
    if known.dtype.kind == "f" and np.isinf(known).any():
        raise LabelError("Input y contains infinity: give NaN for unlabelled rows")
    if len(known):
        check_classification_targets(known)
    classes, of = np.unique(known, return_inverse=True)
    if classes.dtype.kind in "iuf" and len(classes) > 2 and -1 in classes:
        at = int(np.searchsorted(classes, -1))
        missing[np.flatnonzero(~missing)[of == at]] = True
        classes, of = np.unique(known[of != at], return_inverse=True)
    code = np.full(len(y), -1)
    code[~missing] = of
    return classes, code


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas' NA is neither equal to itself nor not
        return True


def _canonical(
    X: np.ndarray, code: np.ndarray, group: np.ndarray | None, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bring the rows into the one form that all ways to write the same table have.

    Rows equal in X, label and group become one with the sum of the weights, rows without weight or
    value go, and the others are sorted. So a weight of 2 is the row twice, to the bit, and the
    order of the rows says nothing.

    Returns
    -------
    X, code, unit, weight : ndarray
        `unit` is what must not stand on both sides of a split: the group, or all equal rows.
    """
    takes_part = (weight > 0) & ~np.isnan(X).all(axis=1)
    if not takes_part.any():
        raise TableError("no row has a value and a weight above zero: there is nothing to fit")
    X, code, weight = X[takes_part] + 0.0, code[takes_part], weight[takes_part]  # -0 becomes 0
    groups = np.zeros(len(X), dtype=np.int64) if group is None else group[takes_part]
    # Values are finite, so that infinity can stand for a missing one: a NaN is equal to no NaN.
    keys = np.column_stack([np.where(np.isnan(X), np.inf, X), code, groups])
    # By the weight at last: the bits of a sum depend on the order.
    order = np.lexsort([weight, *keys.T[::-1]])
    step = keys[order][1:] != keys[order][:-1]
    of = np.r_[0, np.cumsum(step.any(axis=1))]
    first = np.flatnonzero(np.r_[True, np.diff(of) > 0])
    rows = order[first]
    unit = np.r_[0, np.cumsum(step[:, : X.shape[1]].any(axis=1))][first]
    if group is not None:
        unit = groups[rows]
    return X[rows], code[rows], unit, np.bincount(of, weight[order])
