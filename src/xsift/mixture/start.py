"""Where EM starts: seeds, their refinement, and short runs of which the best is kept.

EM climbs to the nearest optimum, so the start decides. k-means alone is a poor start: its clusters
are round, so it cuts elongated ones across, and EM stays there. Here several seedings get a few EM
iterations on a sample. Half of them measure distances in the features' own spreads, half in the
spread of the whole cloud, where parallel elongated clusters separate. The poorer half is dropped
twice, and the likelihood decides (Biernacki, Celeux & Govaert 2003, CSDA 41, 561).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xsift.jit import kernel
from xsift.mixture.blocks import ArrayRows
from xsift.mixture.em import Fit, iterate
from xsift.mixture.kmeans import lloyd, plant_seeds
from xsift.mixture.moments import Frame, Parameters, raise_to_floor, survey

__all__ = [
    "INIT_PARAMS",
    "StartSample",
    "find_start",
    "given_start",
    "seeding_spaces",
    "start_from_means",
]

INIT_PARAMS = ("k-means++", "kmeans", "random", "random_from_data")

_ROUNDS = ((3, 4), (3, 2), (4, 1))  # iterations, and how many of the runs go on
LONG_TOL = 0.1
LONG_ITERATIONS = 40
_LLOYD_ITERATIONS = 25


def find_start(
    sample: ArrayRows,
    frame: Frame,
    n_components: int,
    how: str,
    rng: np.random.RandomState,
    *,
    tol: float,
    reg_covar: float,
    n_threads: int = 1,
) -> Parameters:
    """Find parameters to start EM from.

    Parameters
    ----------
    sample : ArrayRows
        All rows, or some of them: from `xsift.mixture.sampling`.
    frame : Frame
        Of all rows.
    n_components : int
    how : {"k-means++", "kmeans", "random", "random_from_data"}
        k-means++: the best of eight short EM runs, the poorer half dropped twice. kmeans: k-means
        from k-means++ seeds, in the units of X. random: random responsibilities. random_from_data:
        random rows as means. The last three are single starts, as in scikit-learn.
    rng : RandomState
    tol, reg_covar, n_threads
        Of the fit.
    """
    Z = to_points(sample, frame)
    weight = np.ones(len(Z)) if sample.weight is None else sample.weight
    if how == "random":
        shares = rng.uniform(size=(len(Z), n_components))
        return group_parameters(Z, weight, shares / shares.sum(axis=1, keepdims=True), frame)
    if how == "random_from_data":
        chosen = draw_rows(weight, n_components, rng)
        one = group_parameters(Z, weight, np.ones((len(Z), 1)), frame)
        return Parameters(
            np.full(n_components, 1 / n_components),
            Z[chosen],
            np.repeat(one.covariances, n_components, axis=0),
        )
    if how == "kmeans":
        seeds = plant_seeds(Z * frame.scale, weight, n_components, rng)
        labels = lloyd(Z * frame.scale, weight, seeds, 300)
        return group_parameters(Z, weight, one_hot(labels, n_components), frame)
    if n_components == 1:
        return group_parameters(Z, weight, np.ones((len(Z), 1)), frame)
    on = StartSample(sample, frame, reg_covar, n_threads)
    starts = [on.seed(points, n_components, rng) for points in seeding_spaces(Z, weight)]
    for iterations, n_kept in _ROUNDS:
        starts = [fit.parameters for fit in on.contest(starts, iterations)[:n_kept]]
    return on.run(starts[0], LONG_TOL * tol, LONG_ITERATIONS).parameters


class StartSample:
    """The sample on which starts run.

    Parameters
    ----------
    sample : ArrayRows
    frame : Frame
        Of all rows.
    reg_covar, n_threads
        Of the fit.

    Attributes
    ----------
    points : ndarray of shape (m, d)
        The rows, centred and scaled, complete.
    weight : ndarray of shape (m,)
    """

    def __init__(
        self, sample: ArrayRows, frame: Frame, reg_covar: float, n_threads: int = 1
    ) -> None:
        self._rows, self._n_threads = sample, n_threads
        self._frame = survey(sample, reg_covar)._replace(
            centre=frame.centre, scale=frame.scale, regularisation=frame.regularisation
        )
        self.points = to_points(sample, frame)
        self.weight = np.ones(len(self.points)) if sample.weight is None else sample.weight

    def seed(self, points: np.ndarray, n_components: int, rng: np.random.RandomState) -> Parameters:
        """Group the rows by k-means, in the coordinates of a seeding space."""
        seeds = plant_seeds(points, self.weight, n_components, rng)
        shares = one_hot(lloyd(points, self.weight, seeds, _LLOYD_ITERATIONS), n_components)
        return group_parameters(self.points, self.weight, shares, self._frame)

    def run(self, start: Parameters, tol: float, iterations: int) -> Fit:
        """Run EM on the sample."""
        return iterate(
            self._rows,
            start,
            self._frame,
            tol=tol,
            max_iter=iterations,
            n_threads=self._n_threads,
        )

    def contest(self, starts: Sequence[Parameters], iterations: int) -> list[Fit]:
        """Run all starts, and order them: the largest likelihood first."""
        fits = [self.run(start, 0.0, iterations) for start in starts]
        return sorted(fits, key=self._merit, reverse=True)

    def _merit(self, fit: Fit) -> tuple[bool, float]:
        """Put last the runs whose likelihood soars on a handful of rows."""
        least = (self.points.shape[1] + 1) * self._frame.total_weight / self._frame.n_rows
        return bool(fit.size.min() > least), fit.lower_bound


def given_start(
    frame: Frame, n_components: int, weights: Any, means: Any, precisions: Any
) -> dict[str, np.ndarray]:
    """Check what is given of a start, and take it to the coordinates of the frame.

    Parameters
    ----------
    frame : Frame
    n_components : int
    weights, means, precisions : array-like of shapes (K,), (K, d) and (K, d, d), or None

    Returns
    -------
    dict
        Fields of `Parameters`.

    Raises
    ------
    ValueError
        If it is no mixture.
    """
    K, d = n_components, len(frame.centre)
    shapes = {"weights": (K,), "means": (K, d), "precisions": (K, d, d)}
    given = {}
    for (name, shape), value in zip(shapes.items(), (weights, means, precisions), strict=True):
        if value is None:
            continue
        given[name] = np.asarray(value, dtype=np.float64)
        if given[name].shape != shape:
            raise ValueError(f"{name}_init has the shape {given[name].shape}, not {shape}")
        if not np.isfinite(given[name]).all():
            raise ValueError(f"{name}_init has values that are not finite")
    if "weights" in given and (
        (given["weights"] < 0).any() or not np.isclose(given["weights"].sum(), 1)
    ):
        raise ValueError("weights_init has to be not negative, with the sum 1")
    if "means" in given:
        given["means"] = (given["means"] - frame.centre) / frame.scale
    if "precisions" in given:
        matrices = given.pop("precisions")
        is_symmetric = np.allclose(matrices, matrices.transpose(0, 2, 1))
        if not is_symmetric or (np.linalg.eigvalsh(matrices) <= 0).any():
            raise ValueError("precisions_init has to be symmetric and positive definite")
        covariances = np.linalg.inv(matrices * frame.scale[:, None] * frame.scale)
        given["covariances"] = (covariances + covariances.transpose(0, 2, 1)) / 2
    return given


def start_from_means(sample: ArrayRows, frame: Frame, means: np.ndarray) -> Parameters:
    """Group the rows of a sample by their nearest mean."""
    Z = to_points(sample, frame)
    weight = np.ones(len(Z)) if sample.weight is None else sample.weight
    labels = lloyd(Z, weight, means, 1)
    return group_parameters(Z, weight, one_hot(labels, len(means)), frame)


def to_points(sample: ArrayRows, frame: Frame) -> np.ndarray:
    """Centre and scale rows, with the mean for what is missing: enough to seed from."""
    return np.asarray(np.nan_to_num((sample.X - frame.centre) / frame.scale, nan=0.0))


def whitener(Z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return A such that the rows of ``Z @ A`` have unit covariance, shape (d, d).

    Directions without variance are mapped to zero.
    """
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(Z.T, aweights=weight, ddof=0)))
    has_width = values > 1e-10 * values[-1]
    return np.asarray(vectors * np.where(has_width, np.where(has_width, values, 1) ** -0.5, 0))


def seeding_spaces(Z: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Return the coordinates in which the short runs are seeded, one for each run.

    Four times the features as they are; twice whitened, which undoes an elongation of the whole
    cloud; and twice those directions in which the whitened rows are least like one Gaussian, by
    their kurtosis: there, parallel elongated clusters come apart.

    References
    ----------
    Tyler, Critchley, Duembgen & Oja 2009, JRSS B 71, 549: invariant coordinate selection.
    """
    white = (Z - np.average(Z, axis=0, weights=weight)) @ whitener(Z, weight)
    radius2 = (white**2).sum(axis=1)
    fourth = (white * (weight * radius2)[:, None]).T @ white / weight.sum()
    # Ascending: the least kurtosis, that of two peaks, comes first.
    _, directions = np.linalg.eigh(fourth)
    coordinates = np.ascontiguousarray(white @ directions)
    one, two = (np.ascontiguousarray(coordinates[:, :m]) for m in (1, 2))
    return [Z, white, Z, one, Z, white, Z, two]


def draw_rows(weight: np.ndarray, size: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw distinct rows with probabilities proportional to their weights."""
    return np.asarray(rng.choice(len(weight), size, replace=False, p=weight / weight.sum()))


def one_hot(labels: np.ndarray, n_components: int) -> np.ndarray:
    """Return responsibilities of 0 and 1, shape (n, K)."""
    return np.asarray(labels[:, None] == np.arange(n_components), dtype=np.float64)


def group_parameters(Z: np.ndarray, weight: np.ndarray, shares: Any, frame: Frame) -> Parameters:
    """Return weights, means and covariances of groups of rows.

    Covariances are drawn towards that of all rows with the weight of d + 1 rows, so that a group of
    a few rows has one.

    Parameters
    ----------
    Z : ndarray of shape (m, d)
        In the coordinates of the frame, complete.
    weight : ndarray of shape (m,)
    shares : ndarray of shape (m, K)
        Of each row in the groups.
    frame : Frame
    """
    d = Z.shape[1]
    unit = weight.sum() / len(Z)
    _, _, scatter = _group_sums(Z, weight[:, None].copy())
    total = scatter[0] / weight.sum()
    n, means, scatter = _group_sums(Z, shares * weight[:, None])
    pull = (d + 1) * unit
    covariances = (scatter + pull * total) / (n + pull)[:, None, None]
    covariances[:, range(d), range(d)] += frame.regularisation
    weights = (n + unit) / (n + unit).sum()
    return Parameters(weights, means, raise_to_floor(covariances))


@kernel(nogil=True)
def _group_sums(Z: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sum, mean and scatter of each group; the mean of an empty one is the origin."""
    (m, d), K = Z.shape, r.shape[1]
    n, means, scatter = np.zeros(K), np.zeros((K, d)), np.zeros((K, d, d))
    for row in range(m):
        for k in range(K):
            n[k] += r[row, k]
            for j in range(d):
                means[k, j] += r[row, k] * Z[row, j]
    for k in range(K):
        if n[k] > 0:
            for j in range(d):
                means[k, j] /= n[k]
    for row in range(m):
        for k in range(K):
            if r[row, k] > 0:
                for i in range(d):
                    u = r[row, k] * (Z[row, i] - means[k, i])
                    for j in range(i + 1):
                        scatter[k, i, j] += u * (Z[row, j] - means[k, j])
    for k in range(K):
        for i in range(d):
            for j in range(i):
                scatter[k, j, i] = scatter[k, i, j]
    return n, means, scatter
