"""The paper's scaling as an estimator: its constants are fitted once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from xsift.errors import SettingError
from xsift.features.scaling import Scaling, log_with_offset

__all__ = ["PaperScaler"]


class PaperScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale features as in the paper: logarithm and min-max, min-max, or unchanged.

    Parameters
    ----------
    scaling : sequence of {"log-range", "range", "none"}, optional
        One per feature. ``log-range``: x' = ln(x + m / 10), with m the smallest value above zero,
        then to [0, 1]; ``range``: to [0, 1]; ``none``: unchanged. Where None, all are ``range``.

    Attributes
    ----------
    offset_ : ndarray of shape (n_features,)
        m / 10 of the log-scaled features, 0 elsewhere.
    low_, high_ : ndarray of shape (n_features,)
        Smallest and largest value after the logarithm; 0 and 1 for unscaled features.

    Notes
    -----
    Departure from the reference code, which refits the constants on whatever table it is given:
    here a detection's scaled features never depend on other rows.
    A feature that is constant in training is only shifted. NaN stays NaN.

    References
    ----------
    Perez-Diaz et al. 2024, arXiv:2401.12203, section on features and transforms.
    """

    def __init__(self, scaling: Sequence[str] | None = None) -> None:
        self.scaling = scaling

    def fit(self, X: Any, y: Any = None) -> PaperScaler:
        """Find the constants of the scaling.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Raw features; NaN are passed over.
        y : ignored

        Raises
        ------
        SettingError
            If `scaling` does not fit the features.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        scaling = self._checked(X.shape[1])
        self.offset_ = np.zeros(X.shape[1])
        self.low_ = np.zeros(X.shape[1])
        self.high_ = np.ones(X.shape[1])
        for j, how in enumerate(scaling):
            x = X[~np.isnan(X[:, j]), j]
            if how == "none" or not len(x):
                continue
            if how == "log-range":
                positive = x[x > 0]
                # A column of zeros only has no smallest value above zero.
                self.offset_[j] = positive.min() / 10 if len(positive) else 1.0
                x = log_with_offset(x, self.offset_[j])
            self.low_[j] = x.min()
            self.high_[j] = x.max() if x.max() > x.min() else x.min() + 1.0
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Scale.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of shape (n, d)
            Outside [0, 1] where a value lies outside the range seen in training.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return self.constants().transform(X)

    def constants(self) -> Scaling:
        """Return the constants that the fit found."""
        check_is_fitted(self)
        how = tuple(self._checked(self.n_features_in_))
        return Scaling(how, self.offset_, self.low_, self.high_)

    def _checked(self, d: int) -> Sequence[str]:
        scaling = self.scaling if self.scaling is not None else ("range",) * d
        if len(scaling) != d:
            raise SettingError(f"scaling names {len(scaling)} features, the data have {d}")
        if unknown := sorted(set(scaling) - {"log-range", "range", "none"}):
            raise SettingError(f"scaling {unknown[0]!r}: allowed are log-range, range, none")
        return scaling

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
