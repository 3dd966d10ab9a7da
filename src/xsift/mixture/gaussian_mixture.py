"""The Gaussian mixture as an estimator."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from xsift import jit
from xsift.errors import TableError
from xsift.mixture.blocks import ArrayRows, Rows
from xsift.mixture.collection import collection_rows, is_collection
from xsift.mixture.devices import DEVICES, LEAST_ROWS, gpu_for, name_of
from xsift.mixture.em import Fit, find_collapses, iterate, warn_of_fit
from xsift.mixture.matrix import checked_matrix, is_table
from xsift.mixture.moments import Frame, Parameters, survey
from xsift.mixture.sampling import draw_sample, sample_size
from xsift.mixture.scoring import Criteria, density_rows, label_rows, score_rows, totals
from xsift.mixture.start import INIT_PARAMS, find_start, given_start, start_from_means
from xsift.mixture.streams import as_rows, is_stream

__all__ = ["GaussianMixture"]

Result = TypeVar("Result")


class GaussianMixture(DensityMixin, BaseEstimator):
    """Gaussian mixture with full covariances, fitted by EM to rows with missing values.

    It gives the result of `sklearn.mixture.GaussianMixture` from the same start. In addition, NaN
    is a missing value, and rows may have weights and come from files.

    Parameters
    ----------
    n_components : int, default=1
    tol : float, default=1e-3
        EM has converged when the mean log-likelihood of a row changes by less in an iteration.
    reg_covar : float, default=1e-6
        Added to the diagonal of every covariance in each iteration, in the units of X squared.
    max_iter : int, default=100
    n_init : int, default=1
        Starts; the fit with the largest likelihood is kept.
    init_params : {"k-means++", "kmeans", "random", "random_from_data"}, default="k-means++"
        The first keeps the best of eight short runs of EM from different seeds; the others are
        single starts. All use a sample of the rows if there are many.
    weights_init : array-like of shape (n_components,), optional
    means_init : array-like of shape (n_components, n_features), optional
    precisions_init : array-like of shape (n_components, n_features, n_features), optional
        Inverse covariances. Each of the three replaces that of the start; with all three nothing is
        random.
    random_state : int, RandomState instance or None, default=None
    n_threads : int, optional
        If None, all processors that the process may use. The result has the same bits for any
        number.
    device : {"cpu", "gpu", "auto"}, default="cpu"
        "gpu" needs the extra `gpu`, and a GPU of NVIDIA. "auto" takes it where it is there and
        100,000 rows or more take part. See Notes.
    callback : callable, optional
        Called after each iteration with its number, from 1, and the mean log-likelihood before it.
        EM stops where it returns True.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
    means_ : ndarray of shape (n_components, n_features)
    covariances_ : ndarray of shape (n_components, n_features, n_features)
        With `reg_covar` on their diagonals.
    precisions_ : ndarray of shape (n_components, n_features, n_features)
        Inverse covariances.
    precisions_cholesky_ : ndarray of shape (n_components, n_features, n_features)
        Upper triangular P with precision = P P^T.
    converged_ : bool
    n_iter_ : int
    lower_bound_, lower_bounds_ : float, list of float
        Mean log-likelihood before the last maximisation, and before each one of the best start.
    collapses_ : list of tuple (component, feature, rows, standard deviation)
    device_ : str
        Where it was fitted: "cpu", or "gpu" with its name in brackets.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features,)
        Only if the features of X have names.

    Warns
    -----
    XsiftWarning
        If a component has collapsed: only `reg_covar` gives it a width in some direction. Its
        likelihood is then arbitrary. Also if `reg_covar` exceeds the variance of a feature.

    Notes
    -----
    Missing values are integrated over, not filled in. This is right if only observed values decide
    what is missing. Rows without any value, or with weight 0, take no part in a fit. The
    log-density of a row without any value is 0, its responsibilities are the weights.

    The variance of a component is at least 1e-12 of the spread of all rows in any direction, even
    with ``reg_covar=0``.

    X may be a path to a Parquet file (all columns are features), a
    `xsift.mixture.ParquetBlocks`, or a function without arguments that returns a new iterator of
    blocks of rows: arrays, or pairs of an array and its rows' weights. It may also be a Dask array
    or data frame, or a catalogue of LSDB. The rows are visited once in each iteration, and twice
    before the first; the result has the same bits as from memory. Only a slab of them is in memory
    at a time, and the sample on which the start is made: 65,536 rows at most, the same ones from
    wherever the rows come.

    With a client of ``dask.distributed``, the rows of a Dask collection stay on its workers, and
    only the sums of each slab come from there. ``X.persist()`` keeps them in the workers' memory;
    otherwise they are read in each visit.

    On a GPU, EM and all that is said of rows are computed in float64, and agree with the CPU to
    rounding; the last bits may differ. The start is made on the CPU, from its sample. Rows stay in
    the GPU's memory as far as they fit; others go there block by block in each visit. Without
    JAX, or on a machine without a GPU, a mixture fitted with "auto" works on the CPU.

    References
    ----------
    Dempster, Laird & Rubin 1977, JRSS B 39, 1 (EM). Ghahramani & Jordan 1994, NIPS 6, 120 (missing
    values). Biernacki, Celeux & Govaert 2000, IEEE PAMI 22, 719 (ICL).

    Examples
    --------
    >>> import numpy as np
    >>> from xsift.mixture import GaussianMixture
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) + np.repeat([[0.0], [9.0]], 100, axis=0)
    >>> X[::3, 0] = np.nan
    >>> sorted(GaussianMixture(2, random_state=0).fit(X).means_.round().astype(int).tolist())
    [[0, 0], [9, 9]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(INIT_PARAMS))],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "device": [StrOptions(set(DEVICES))],
        "callback": [callable, None],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "k-means++",
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: Any = None,
        n_threads: int | None = None,
        device: str = "cpu",
        callback: Callable[[int, float], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.n_threads = n_threads
        self.device = device
        self.callback = callback

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> GaussianMixture:
        """Fit the mixture.

        Parameters
        ----------
        X : array-like or table of shape (n, d), path, or function
            NaN is missing. Tables are those of pandas, polars, pyarrow and astropy, and any object
            with the Arrow PyCapsule interface. See Notes for rows that are not in memory.
        y : ignored
        sample_weight : array-like of shape (n,), optional
            0 leaves a row out, 2 counts it twice.

        Raises
        ------
        ValueError
            If there are too few rows, infinite values, wrong weights, or a feature has no values.
        """
        gpu_for(self.device, 0)  # refuses before the rows are visited
        rows = self._rows(X, sample_weight, reset=True)
        frame = survey(rows, self.reg_covar)
        K = self.n_components
        if frame.n_rows < K:
            raise TableError(
                f"Expected n_samples >= n_components but got n_components = {K}, n_samples = "
                f"{frame.n_rows} that have a value and a weight above zero: give more rows or "
                "fewer components"
            )
        n_threads, rng = self._threads(), check_random_state(self.random_state)
        given = given_start(frame, K, self.weights_init, self.means_init, self.precisions_init)
        best = None
        how: dict[str, Any] = {
            "tol": self.tol,
            "max_iter": self.max_iter,
            "n_threads": n_threads,
            "callback": self.callback,
        }
        if (gpu := gpu_for(self.device, frame.n_rows)) is not None:
            from xsift.mixture.on_gpu import Expectation

            how["expect"] = Expectation(rows, frame, gpu)
        self.device_ = name_of(gpu)
        for _ in range(1 if len(given) == 3 else self.n_init):
            start = self._start(rows, frame, given, rng, n_threads)
            fit = iterate(rows, start, frame, **how)
            if best is None or fit.lower_bound > best.lower_bound:
                best = fit
        assert best is not None
        self._keep(best, frame)
        names = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        warn_of_fit(best, frame, self.collapses_, names, self.reg_covar, self.max_iter)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fit the mixture, and return the most probable component of every row, shape (n,)."""
        return np.asarray(self.fit(X, y, sample_weight).predict(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable component of every row, shape (n,); the first on ties."""
        return np.concatenate(list(self._said(label_rows, X)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the responsibilities of the components for every row, shape (n, K)."""
        return np.concatenate([r for _, r, _ in self._said(score_rows, X)])

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log-density of every row, shape (n,).

        Of an incomplete row, the marginal log-density of the features that it has.
        """
        return np.concatenate(list(self._said(density_rows, X)))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the mean log-density of the rows."""
        log_likelihood, weight, _ = self._said(totals, X, sample_weight)
        return log_likelihood / weight

    def information_criteria(self, X: Any, sample_weight: Any = None) -> Criteria:
        """Return BIC, AIC and ICL together: one visit of the rows instead of three."""
        return self._criteria(*self._said(totals, X, sample_weight))

    def _criteria(self, log_likelihood: float, n: float, entropy: float) -> Criteria:
        K, d = (int(size) for size in self.means_.shape)
        p = K * d * (d + 1) // 2 + K * d + K - 1
        bic = float(-2 * log_likelihood + p * np.log(n))
        return Criteria(bic, float(-2 * log_likelihood + 2 * p), float(bic + 2 * entropy))

    def bic(self, X: Any, sample_weight: Any = None) -> float:
        """Return the Bayesian information criterion: -2 log L + p log n; the lower the better."""
        return self.information_criteria(X, sample_weight).bic

    def aic(self, X: Any, sample_weight: Any = None) -> float:
        """Return the Akaike information criterion: -2 log L + 2 p; the lower the better."""
        return self.information_criteria(X, sample_weight).aic

    def icl(self, X: Any, sample_weight: Any = None) -> float:
        """Return the integrated completed likelihood: BIC + 2 E; the lower the better.

        E = -sum r log r is the entropy of the responsibilities: components that overlap cost.
        """
        return self.information_criteria(X, sample_weight).icl

    def sample(self, n_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows from the mixture.

        Returns
        -------
        X : ndarray of shape (n_samples, d)
        y : ndarray of shape (n_samples,)
            Their components, in ascending order.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples = {n_samples}: at least 1 row can be drawn")
        rng = check_random_state(self.random_state)
        counts = rng.multinomial(n_samples, self.weights_ / self.weights_.sum())
        drawn = []
        for k, count in enumerate(counts):
            normal = rng.standard_normal((count, self.n_features_in_))
            drawn.append(self.means_[k] + normal @ np.linalg.cholesky(self.covariances_[k]).T)
        return np.concatenate(drawn), np.repeat(np.arange(len(counts)), counts)

    def _threads(self) -> int:
        if self.n_threads is not None:
            return int(self.n_threads)
        return jit.n_threads()

    def _rows(self, X: Any, sample_weight: Any = None, *, reset: bool = False) -> Rows:
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if is_collection(X) or (not is_table(X) and is_stream(X)):
            of = collection_rows if is_collection(X) else as_rows
            rows, names = of(X, weight)
            if reset:
                self.n_features_in_ = rows.n_features
                if names is not None:
                    self.feature_names_in_ = np.array(names, dtype=object)
                elif hasattr(self, "feature_names_in_"):
                    del self.feature_names_in_
            elif rows.n_features != self.n_features_in_:
                raise TableError(
                    f"rows have {rows.n_features} features, but the mixture was fitted to "
                    f"{self.n_features_in_}"
                )
            return rows
        X = checked_matrix(
            self,
            X,
            reset=reset,
            ensure_all_finite=False,  # checked slab by slab: this would take a byte a value
            ensure_min_samples=2 if reset else 1,
        )
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        return ArrayRows(X, weight)

    def _start(
        self,
        rows: Rows,
        frame: Frame,
        given: dict[str, np.ndarray],
        rng: np.random.RandomState,
        n_threads: int,
    ) -> Parameters:
        if len(given) == 3:
            return Parameters(**given)
        K = self.n_components
        sample, _ = draw_sample(rows, frame, sample_size(K, rows.n_features), rng)
        if "means" in given:
            found = start_from_means(sample, frame, given["means"])
        else:
            found = find_start(
                sample,
                frame,
                K,
                self.init_params,
                rng,
                tol=self.tol,
                reg_covar=self.reg_covar,
                n_threads=n_threads,
            )
        return found._replace(**given)

    def _keep(self, fit: Fit, frame: Frame) -> None:
        unit = frame.scale[:, None] * frame.scale
        self.weights_ = fit.parameters.weights
        self.means_ = fit.parameters.means * frame.scale + frame.centre
        self.covariances_ = fit.parameters.covariances * unit
        lower = np.linalg.cholesky(fit.parameters.covariances)
        inverse = np.linalg.inv(lower) / frame.scale
        self.precisions_cholesky_ = np.triu(inverse.transpose(0, 2, 1))
        self.precisions_ = self.precisions_cholesky_ @ self.precisions_cholesky_.transpose(0, 2, 1)
        self.converged_ = fit.converged
        self.n_iter_ = len(fit.lower_bounds)
        self.lower_bound_ = fit.lower_bound
        self.lower_bounds_ = fit.lower_bounds
        self.collapses_ = find_collapses(fit, frame)

    def _said(self, function: Callable[..., Result], X: Any, sample_weight: Any = None) -> Result:
        """Return what a function of `scoring` says of the rows."""
        check_is_fitted(self)
        rows = self._rows(X, sample_weight)
        mixture = self.weights_, self.means_, self.covariances_
        if (gpu := self._gpu()) is None:
            return function(rows, *mixture, self._threads())
        from xsift.mixture.on_gpu import INSTEAD

        said: Result = INSTEAD[function](rows, *mixture, gpu)
        return said

    def _gpu(self) -> Any:
        """Return the GPU to score on: where "auto" has fitted on one, that of this machine."""
        return gpu_for(self.device, 0 if getattr(self, "device_", "cpu") == "cpu" else LEAST_ROWS)

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
