"""A mixture for each class, learned from its labelled members, however few.

Every class has a Gaussian mixture of its own, p(x | class) = sum_j pi_j N(x | mu_j, Sigma_j). Ten
members do not determine a covariance in a dozen dimensions, so each level leans on the one above:
all labelled rows -> the group of classes -> the class -> its components. A level's covariance is
its maximum a posteriori under an inverse-Wishart prior at its parent's, and its mean under a
Gaussian prior at its parent's: `STRENGTH` and `PULL` are what the parent is worth, in rows. A
component's parent is the class, narrowed so that K components fill the volume of the class.

Missing features are integrated over, in learning as in judging (`xsift.mixture.missing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xsift.mixture.blocks import ArrayRows, Orders
from xsift.mixture.evidence import class_posteriors
from xsift.mixture.kernels import Moments
from xsift.mixture.kmeans import lloyd, plant_seeds
from xsift.mixture.missing import group_by_pattern
from xsift.mixture.moments import Frame, Parameters, accumulate_moments

__all__ = ["ClassMixtures", "fit_class_mixtures", "mean_posterior"]

STRENGTH = 10.0
"""Rows that a parent's covariance is worth (scoring notes: 5 and 15 give the same)."""

PULL = 2.0
"""Rows that a parent's mean is worth."""

_RIDGE = 1e-3
_ITERATIONS = 20
_NO_CLASS = 1e-3  # rows added to each class: one without members keeps a finite prior


@dataclass(frozen=True, eq=False)
class ClassMixtures:
    """Mixtures of the classes, as one mixture whose components belong to classes.

    Attributes
    ----------
    weights : ndarray of shape (M,)
        Share of the class times share of the component in it; they sum to 1.
    means : ndarray of shape (M, d)
    covariances : ndarray of shape (M, d, d)
    owner : ndarray of int, shape (M,)
        Class index of each component, ascending.
    n_classes : int
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    owner: np.ndarray
    n_classes: int

    def posterior(self, X: np.ndarray) -> np.ndarray:
        """Return P(class | x), shape (n, C), under the shares of the training rows.

        NaN is missing, and integrated over; a row without any value has the shares.
        """
        return mean_posterior((self,), X)


def mean_posterior(
    bags: Sequence[ClassMixtures], X: np.ndarray, ends: np.ndarray | None = None
) -> np.ndarray:
    """Return the mean of the bags' P(class | x), shape (n, C).

    A row's bits do not depend on the rows around it.

    Parameters
    ----------
    bags : sequence of ClassMixtures
    X : ndarray of shape (n, d)
        NaN is missing.
    ends : ndarray of int, optional
        Where each pattern of missing features ends, if the rows are ordered by what they lack.
    """
    if ends is None:
        order, ends = group_by_pattern(X, np.ones(len(X)), True)
        p = np.empty((len(X), bags[0].n_classes))
        p[order] = mean_posterior(bags, X[order], ends)
        return p
    return class_posteriors(
        X,
        ends,
        np.concatenate([bag.weights for bag in bags]),
        np.concatenate([bag.means for bag in bags]),
        np.concatenate([bag.covariances for bag in bags]),
        np.concatenate([bag.owner for bag in bags]),
        np.cumsum([len(bag.weights) for bag in bags]),
        bags[0].n_classes,
    )


class _Gaussian(NamedTuple):
    mean: np.ndarray
    covariance: np.ndarray


def fit_class_mixtures(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    seed: int,
    *,
    max_components: int = 4,
    rows_per_component: int = 30,
) -> ClassMixtures:
    """Learn the mixtures of the classes.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Features with a spread near 1, such as normal scores; NaN is missing.
    y : ndarray of int, shape (n,)
        Class index of each row.
    weight : ndarray of shape (n,)
        Of the rows: 0 leaves a row out.
    group : ndarray of int, shape (C,)
        Group of each class.
    seed : int
    max_components, rows_per_component : int
        A class of N rows has N / rows_per_component components, one at least and
        `max_components` at most.
    """
    takes_part = (weight > 0) & ~np.isnan(X).all(axis=1)
    X, y, weight = X[takes_part], y[takes_part], weight[takes_part]
    d = X.shape[1]
    rng = np.random.RandomState(seed)
    parts: list[Parameters] = []
    everything = _fit_gaussian(X, weight, _Gaussian(np.zeros(d), np.eye(d)))
    groups = {
        g: _fit_gaussian(X[group[y] == g], weight[group[y] == g], everything)
        for g in np.unique(group[y])
    }
    classes = np.unique(y)
    shares = np.bincount(y, weight, minlength=len(group)) + _NO_CLASS
    shares /= shares[classes].sum()
    for k in classes:
        members, weight_k = X[y == k], weight[y == k]
        parent = _fit_gaussian(members, weight_k, groups[group[k]])
        K = int(max(1, min(max_components, weight_k.sum() // rows_per_component, len(members))))
        fitted = _fit_components(members, weight_k, parent, K, rng)
        parts.append(fitted._replace(weights=fitted.weights * shares[k]))
    return ClassMixtures(
        np.concatenate([p.weights for p in parts]),
        np.concatenate([p.means for p in parts]),
        np.concatenate([p.covariances for p in parts]),
        np.repeat(classes, [len(p.weights) for p in parts]),
        len(group),
    )


def _fit_gaussian(X: np.ndarray, weight: np.ndarray, parent: _Gaussian) -> _Gaussian:
    one = Parameters(np.ones(1), parent.mean[None], parent.covariance[None])
    fitted = _climb(X, weight, one, parent)
    return _Gaussian(fitted.means[0], fitted.covariances[0])


def _fit_components(
    X: np.ndarray, weight: np.ndarray, parent: _Gaussian, K: int, rng: np.random.RandomState
) -> Parameters:
    if K == 1:
        return Parameters(np.ones(1), parent.mean[None], parent.covariance[None])
    d = X.shape[1]
    narrowed = _Gaussian(parent.mean, parent.covariance * K ** (-2 / d))
    # k-means in the class's own spread; the mean stands in for what is missing.
    factor = np.linalg.cholesky(parent.covariance)
    points = np.linalg.solve(factor, np.nan_to_num(X - parent.mean).T).T.copy()
    labels = lloyd(points, weight, plant_seeds(points, weight, K, rng), 25)
    share = np.zeros((K, len(X)))
    share[labels, np.arange(len(X))] = weight
    size = share.sum(axis=1) + PULL
    means = (share @ np.nan_to_num(X - parent.mean)) / size[:, None] + parent.mean
    start = Parameters(size / size.sum(), means, np.repeat(narrowed.covariance[None], K, axis=0))
    return _climb(X, weight, start, narrowed)


def _climb(X: np.ndarray, weight: np.ndarray, start: Parameters, parent: _Gaussian) -> Parameters:
    """Run EM for the maximum a posteriori."""
    d = X.shape[1]
    is_complete = not np.isnan(X).any()
    frame = Frame(  # the features are of order 1: the engine's coordinates are theirs
        *(np.zeros(d), np.ones(d), np.ones(d), np.zeros(d)), len(X), weight.sum(), 0.0, is_complete
    )
    rows = ArrayRows(np.ascontiguousarray(X), weight)
    # One Gaussian with nothing missing is reached in one step.
    iterations = 1 if is_complete and len(start.weights) == 1 else _ITERATIONS
    parameters = start
    orders = Orders()
    for _ in range(iterations):
        moments = accumulate_moments(rows, parameters, frame, orders=orders)
        parameters = _maximise(moments, parameters, parent)
    return parameters


def _maximise(moments: Moments, last: Parameters, parent: _Gaussian) -> Parameters:
    """Return the maximum a posteriori under the parent's prior.

    With N rows of mean m and scatter S about the new mean mu,

        mu = (N m + PULL mu_0) / (N + PULL)
        Sigma = (S + STRENGTH Sigma_0 + PULL (mu - mu_0)(mu - mu_0)^T) / (N + STRENGTH + PULL)

    and one row is added to each component's size, so that none dies.
    """
    n = moments.size
    towards = PULL * (parent.mean - last.means)
    step = (moments.shift + towards) / (n + PULL)[:, None]
    means = last.means + step
    cross = moments.shift[:, :, None] * step[:, None, :]
    scatter = moments.scatter - cross - cross.transpose(0, 2, 1)
    scatter += n[:, None, None] * step[:, :, None] * step[:, None, :]
    off = means - parent.mean
    scatter += PULL * off[:, :, None] * off[:, None, :]
    scatter += STRENGTH * parent.covariance
    covariances = scatter / (n + STRENGTH + PULL)[:, None, None]
    d = means.shape[1]
    covariances = (covariances + covariances.transpose(0, 2, 1)) / 2
    covariances[:, range(d), range(d)] += _RIDGE / (n + STRENGTH + PULL)[:, None]
    return Parameters((n + 1) / (n + 1).sum(), means, covariances)
