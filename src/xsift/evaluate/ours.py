"""The two methods of xsift, as a validation takes them: trained and asked as by `xsift run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xsift.classes import Classes
from xsift.errors import SettingError
from xsift.evaluate.fusion import geometric_mean
from xsift.evaluate.methods import Prediction, mean_by_source
from xsift.features import FeatureTable
from xsift.model.calibrated_training import fit_calibrated_model
from xsift.model.classification import Classification
from xsift.model.paper import fit_paper_model
from xsift.model.prior import all_shares, under_prior, wanted_prior
from xsift.model.sample import Training
from xsift.model.sets import group_sets
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["CalibratedMethod", "PaperMethod"]


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A method after its fit: what classifies raw features, its shares, and how it pools."""

    classify: Callable[[np.ndarray, np.ndarray | None], Any]
    shares: np.ndarray
    none_share: float
    pool: Callable[[np.ndarray, np.ndarray], np.ndarray]
    choose: Callable[[np.ndarray, np.ndarray], np.ndarray | None] = lambda p, counts: None

    def predict(self, X: np.ndarray, counts: np.ndarray | None = None) -> Prediction:
        said = self.classify(X, counts)
        return Prediction(said.p, said.p_none, said.typicality)

    def fuse(self, p: np.ndarray, source: np.ndarray) -> np.ndarray:
        return self.pool(p, source)

    def sets(self, p: np.ndarray, counts: np.ndarray) -> np.ndarray:
        found = self.choose(p, counts)
        return np.empty((len(p), 0), dtype=bool) if found is None else found


@dataclass(frozen=True)
class _Method:
    survey: Survey
    feature_set: str
    classes: Classes
    settings: Settings

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(f.name for f in self.survey.feature_set(self.feature_set))


@dataclass(frozen=True)
class PaperMethod(_Method):
    """The published method: it states no class shares and takes the mean.

    It knows the plain classes alone.
    """

    name: str = "paper"

    def fit(self, training: Training, seed: int) -> _Fitted:
        """Fit on the complete rows.

        Raises
        ------
        SettingError
            If the settings name class shares, which the method does not know.
        """
        if self.settings.prior != "train":
            raise SettingError(f"--prior {self.settings.prior}: the paper's method has no shares")
        features = self._features(training.X)
        complete, n_plain = features.complete, self.classes.n_plain
        model = fit_paper_model(
            features,
            np.where(complete & (training.y < n_plain), training.y, -1),
            np.flatnonzero(complete),
            self.survey,
            self.feature_set,
            self.classes.plain,
            replace(self.settings, seed=seed),
        )

        def classify(X: np.ndarray, counts: np.ndarray | None) -> Classification:
            said = model.classify(self._features(X))
            nothing = np.zeros((len(X), len(self.classes) - n_plain))
            return replace(said, p=np.hstack([said.p, nothing]))

        return _Fitted(classify, np.full(len(self.classes), np.nan), np.nan, mean_by_source)

    def _features(self, X: np.ndarray) -> FeatureTable:
        return FeatureTable(self.names, X, np.isfinite(X), self.survey)


@dataclass(frozen=True)
class CalibratedMethod(_Method):
    """The calibrated method: it pools detections by the geometric mean."""

    name: str = "calibrated"

    def fit(self, training: Training, seed: int) -> _Fitted:
        """Fit on all rows."""
        settings = replace(self.settings, seed=seed)
        model = fit_calibrated_model(
            training, self.survey, self.feature_set, self.classes, settings
        )
        columns = [self.names.index(name) for name in model.features]
        prior = self.settings.prior

        def classify(X: np.ndarray, counts: np.ndarray | None) -> Classification:
            return under_prior(model.predict(X[:, columns], counts), model, prior)

        under = wanted_prior(model, prior)

        def choose(p: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
            return group_sets(model, p, all_shares(under), counts)

        return _Fitted(classify, *under, geometric_mean, choose)
