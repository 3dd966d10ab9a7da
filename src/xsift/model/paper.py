"""The published method: scaling, hard clusters, distances to classes inside each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from xsift.classes import Classes
from xsift.features import FeatureTable, Scaling
from xsift.mixture import Mixture, fit_mixture
from xsift.model.classification import Classification, Trained, refuse_one_class, trained_for
from xsift.model.schema import ModelTree
from xsift.model.schema_parts import MixtureTree, PaperTree, ScalingTree
from xsift.score import PaperScorer
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["PaperModel", "fit_paper_model"]

_QUANTILES = 1001
_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class PaperModel(Trained):
    """Scaling, mixture and scorer, frozen.

    Attributes
    ----------
    survey, feature_set, features, classes
        As in `Trained`.
    scaling : Scaling
    mixture : Mixture
    scorer : PaperScorer
    log_density_quantiles : ndarray
        Of the training detections' log-densities, at equal steps from 0 to 1.
    """

    scaling: Scaling
    mixture: Mixture
    scorer: PaperScorer
    log_density_quantiles: np.ndarray

    def can_score(self, features: FeatureTable) -> np.ndarray:
        """Tell which rows the method can score: those with all features."""
        return features.complete

    def classify(self, features: FeatureTable) -> Classification:
        """Classify detections; a row's result does not depend on the other rows.

        Parameters
        ----------
        features : FeatureTable
            Of the model's features; rows that miss one are not scored.

        Raises
        ------
        ModelError
            If the features are not the model's.
        """
        self.refuse_other_features(features)
        n, n_classes = len(features.X), len(self.classes)
        cluster = np.full(n, -1)
        p = np.full((n, n_classes), np.nan, order="F")  # a table can share the columns
        typicality = np.full(n, np.nan)
        complete = np.flatnonzero(features.complete)
        for first in range(0, len(complete), _ROWS):
            rows = complete[first : first + _ROWS]
            Z = self.scaling.transform(features.X[rows])
            log_joint = self.mixture.log_joint(Z)
            cluster[rows] = log_joint.argmax(axis=1)
            p[rows] = self.scorer.predict_proba(Z, cluster[rows])
            typicality[rows] = self._typicality(np.asarray(logsumexp(log_joint, axis=1)))
        return Classification(cluster, p, np.where(np.isnan(p[:, 0]), np.nan, 0.0), typicality)

    def _typicality(self, log_density: np.ndarray) -> np.ndarray:
        steps = np.linspace(0, 1, len(self.log_density_quantiles))
        return np.asarray(np.interp(log_density, self.log_density_quantiles, steps))

    def tree(self) -> PaperTree:
        """Return the method's part of the model file."""
        scaling, mixture, scorer = self.scaling, self.mixture, self.scorer
        return PaperTree(
            scaling=ScalingTree(
                scaling=list(scaling.how),
                offset=scaling.offset,
                low=scaling.low,
                high=scaling.high,
            ),
            mixture=MixtureTree(
                weights=mixture.weights, means=mixture.means, covariances=mixture.covariances
            ),
            n_members=scorer.n_members,
            means=scorer.means,
            precisions=scorer.precisions,
            min_members=scorer.min_members,
            log_density_quantiles=self.log_density_quantiles,
        )

    @classmethod
    def from_tree(cls, tree: ModelTree) -> PaperModel:
        """Rebuild a model from its file's data."""
        paper = tree.paper
        assert paper is not None
        scaling, mixture = paper.scaling, paper.mixture
        return cls(
            *trained_for(tree),
            Scaling(tuple(scaling.scaling), scaling.offset, scaling.low, scaling.high),
            Mixture(mixture.weights, mixture.means, mixture.covariances),
            PaperScorer(paper.n_members, paper.means, paper.precisions, paper.min_members),
            paper.log_density_quantiles,
        )


def fit_paper_model(
    features: FeatureTable,
    y: np.ndarray,
    order: np.ndarray,
    survey: Survey,
    feature_set: str,
    classes: Classes,
    settings: Settings,
    device: str = "cpu",
) -> PaperModel:
    """Fit scaling, mixture and scorer (paper, sections on features, clustering, classification).

    Parameters
    ----------
    features : FeatureTable
        Of all detections; scaling and mixture are fitted on the complete ones.
    y : ndarray of int, shape (n,)
        Class index of each detection that may train; -1 for all others.
    order : ndarray of int
        The complete rows in key order: the order of the file must not change the fit.
    survey, feature_set, classes, settings
        What the model is for, and how it is fitted.
    device : {"cpu", "gpu", "auto"}
        Where the mixture is fitted.

    Raises
    ------
    LabelError
        If fewer than two classes have labels.
    """
    from xsift.features import PaperScaler

    labelled = order[y[order] >= 0]
    refuse_one_class(y[labelled], classes, "all features")
    chosen = survey.feature_set(feature_set)
    scaler = PaperScaler(tuple(f.scaling for f in chosen))
    Z = scaler.fit_transform(features.X[order])
    mixture = fit_mixture(Z, settings.clusters, settings.seed, device)
    cluster = mixture.predict(Z)
    trains = y[order] >= 0
    scorer = PaperScorer.fit(
        Z[trains],
        cluster[trains],
        y[labelled],
        (settings.clusters, len(classes)),
        settings.min_members,
    )
    quantiles = np.quantile(mixture.score_samples(Z), np.linspace(0, 1, _QUANTILES))
    return PaperModel(
        survey,
        feature_set,
        features.names,
        classes,
        scaler.constants(),
        mixture,
        scorer,
        quantiles,
    )
